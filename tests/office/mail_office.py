"""An office and an authority that write to each other over real mail servers."""

from __future__ import annotations

import contextlib
import itertools
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imapclient import IMAPClient
from office.mail_servers import DOMAIN, HOST, MailServers
from renewal.offices import Office, new_office

from gostkey.pki.crls import RevocationList
from gostkey.renewal.transports import MailTransport
from gostkey.renewal.transports.mail import (
    RequestDesk,
    Served,
    read_settings,
)
from gostkey.renewal.transports.patience import Patience

_NUMBERS = itertools.count()
PAIRS = 100
"""Mailboxes that the servers have: more than there are tests that want them."""
USERS = {
    f"{name}{number}": f"secret-{name}{number}"
    for number in range(PAIRS)
    for name in ("office", "authority")
}
HASTE = Patience(tries=2, first_wait=0.01, rest=0)
"""Nothing on this machine needs more."""


@dataclass
class Box:
    """A mailbox of one of the two."""

    servers: MailServers
    name: str
    password: str

    @property
    def address(self) -> str:
        """Whom to write to."""
        return f"{self.name}@{DOMAIN}"

    @contextlib.contextmanager
    def imap(self, folder: str | None = "INBOX") -> Iterator[Any]:
        """Look into it, as another program."""
        context = ssl.create_default_context(cafile=str(self.servers.ca_file))
        with IMAPClient(HOST, self.servers.imaps_port, ssl_context=context) as client:
            client.login(self.name, self.password)
            if folder is not None:
                client.select_folder(folder)
            yield client

    def put(self, raw: bytes, folder: str = "INBOX") -> None:
        """Put a message into it, as if it had come."""
        with self.imap(folder) as client:
            client.append(folder, raw)

    def all(self, folder: str = "INBOX") -> list[bytes]:
        """Read all messages in the order of their coming, without marking them."""
        with self.imap(None) as client:
            if not client.folder_exists(folder):
                return []
            client.select_folder(folder, readonly=True)
            uids = client.search(["ALL"])
            answer = client.fetch(uids, ["BODY.PEEK[]"]) if uids else {}
        return [answer[uid][b"BODY[]"] for uid in sorted(answer)]

    def wait_for(self, count: int, sender: str = "") -> list[bytes]:
        """Wait until so many messages are in the inbox, and read those."""
        wanted = ["FROM", sender] if sender else ["ALL"]
        end = time.monotonic() + 30
        with self.imap() as client:
            uids = client.search(wanted)
            while len(uids) < count:
                assert time.monotonic() < end, (
                    f"{self.name}: {len(uids)} of {count}; {self.servers.logs()}"
                )
                time.sleep(0.05)
                client.noop()
                uids = client.search(wanted)
            answer = client.fetch(uids, ["BODY.PEEK[]"])
        return [answer[uid][b"BODY[]"] for uid in sorted(answer)]

    def shuffle(self, key: Callable[[bytes], Any]) -> None:
        """Put the messages into another order: they come again, sorted by *key*."""
        found = sorted(self.all(), key=key)
        with self.imap() as client:
            client.delete_messages(client.search(["ALL"]))
            client.expunge()
            for raw in found:
                client.append("INBOX", raw)

    def send(self, to: str, raw: bytes) -> None:
        """Send a message over the real server."""
        context = ssl.create_default_context(cafile=str(self.servers.ca_file))
        with smtplib.SMTP(HOST, self.servers.smtp_port, timeout=20) as client:
            client.starttls(context=context)
            client.login(self.name, self.password)
            client.sendmail(self.address, [to], raw)


@dataclass
class MailOffice:
    """Both ends, each with its settings file."""

    office: Office
    servers: MailServers
    box: Box
    authority_box: Box
    _open: list[MailTransport | RequestDesk] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where the settings files are."""
        return self.office.folder

    @property
    def file(self) -> Path:
        """The office's settings."""
        return self.folder / "mail.toml"

    @property
    def trusted(self) -> Path:
        """The authority's certificate and CRL, as the office has them."""
        return self.folder / "trusted"

    def write(
        self,
        name: str,
        box: Box,
        top: Mapping[str, object],
        smtp: Mapping[str, object] | None = None,
        imap: Mapping[str, object] | None = None,
        extra: str = "",
    ) -> Path:
        """Write a settings file; a value of None leaves a setting out."""
        word = self.folder / f"{box.name}.txt"
        word.write_text(box.password + "\n", encoding="utf-8")
        word.chmod(0o600)
        common = {
            "host": HOST,
            "user": box.name,
            "password_file": word.name,
            "ca_file": str(self.servers.ca_file),
        }
        smtp = {**common, "port": self.servers.smtp_port, "tls": "starttls"} | {
            **(smtp or {})
        }
        imap = {**common, "port": self.servers.imaps_port} | {**(imap or {})}
        lines = _lines(top)
        for table, values in (("smtp", smtp), ("imap", imap)):
            lines += ["", f"[{table}]", *_lines(values)]
        file = self.folder / name
        file.write_text("\n".join([*lines, extra, ""]), encoding="utf-8")
        return file

    def write_office(self, **changes: Any) -> Path:
        """Write the office's settings with changes, see `write`."""
        top = {
            "from": self.box.address,
            "to": self.authority_box.address,
            "trusted": "trusted",
            **changes.pop("top", {}),
        }
        return self.write("mail.toml", self.box, top, **changes)

    def write_authority(self, **changes: Any) -> Path:
        """Write the authority's settings with changes, see `write`."""
        top = {"from": self.authority_box.address, **changes.pop("top", {})}
        return self.write("authority.toml", self.authority_box, top, **changes)

    def publish(self) -> None:
        """Bring the office the authority's certificate and its CRL of now."""
        self.trusted.mkdir(exist_ok=True)
        authority, at = self.office.authority, self.office.clock()
        (self.trusted / "ca.cer").write_bytes(authority.certificate.der)
        crl = authority.crl(at)
        RevocationList.from_bytes(crl)
        (self.trusted / "ca.crl").write_bytes(crl)

    def transport(self, campaign: str | None = None) -> MailTransport:
        """Give the office's way to the authority."""
        made = MailTransport.open(self.file, self.office.clock, campaign, HASTE)
        self._open.append(made)
        return made

    def desk(self) -> RequestDesk:
        """Give the authority's mailbox."""
        settings = read_settings(self.folder / "authority.toml")
        made = RequestDesk(settings, self.office.authority, HASTE)
        self._open.append(made)
        return made

    def serve(self, desk: RequestDesk | None = None) -> list[Served]:
        """Let the authority answer what has come."""
        return (desk or self.desk()).serve(self.office.clock())

    def close(self) -> None:
        """Log out everywhere."""
        for one in self._open:
            one.close()


def _lines(values: Mapping[str, object]) -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, bool):
            lines.append(f"{name} = {str(value).lower()}")
        elif isinstance(value, int):
            lines.append(f"{name} = {value}")
        elif isinstance(value, list):
            lines.append(f"{name} = {value!r}")
        elif value is not None:
            lines.append(f"{name} = '{value}'")
    return lines


@contextlib.contextmanager
def new_mail_office(folder: Path, servers: MailServers) -> Iterator[MailOffice]:
    """Make an office without subscribers, an authority, and their mailboxes."""
    number = next(_NUMBERS) % PAIRS
    boxes = [
        Box(servers, name, USERS[name])
        for name in (f"office{number}", f"authority{number}")
    ]
    made = MailOffice(new_office(folder), servers, boxes[0], boxes[1])
    made.publish()
    made.write_office()
    made.write_authority()
    try:
        yield made
    finally:
        made.close()
