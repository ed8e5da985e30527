"""What is to be known for mail: addresses, servers, the key that signs.

In a file of its own, so that no password and no address is among a command's
arguments: TOML, as docs/mail.toml shows it.  Passwords are in files that it names.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gostkey.errors import CampaignError

from ...secret_files import read_password

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

IMPLICIT, STARTTLS, NONE = "implicit", "starttls", "none"
"""TLS from the first byte; TLS asked for; no TLS, for this machine itself only."""
LARGEST_FILE = 1 << 18
DONE_FOLDER = "gostkey"

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_PORTS = {
    ("smtp", IMPLICIT): 465,
    ("smtp", STARTTLS): 587,
    ("smtp", NONE): 25,
    ("imap", IMPLICIT): 993,
    ("imap", STARTTLS): 143,
    ("imap", NONE): 143,
}


@dataclass(frozen=True)
class Server:
    """A mail server, and who we are there."""

    host: str
    port: int
    tls: str = IMPLICIT
    """`IMPLICIT`, `STARTTLS` or `NONE`."""
    user: str = ""
    """Empty: the server asks for no name."""
    password_file: Path | None = None
    ca_file: Path | None = None
    """PEM with the certificates to believe; None for those of the system."""
    connect_seconds: float = 20
    answer_seconds: float = 60

    def password(self) -> str:
        """Read the password.

        Raises:
            CampaignError: if the file cannot be read, or is not ASCII.
        """
        if self.password_file is None:
            return ""
        found = read_password(self.password_file)
        if not found.isascii():
            raise CampaignError(
                f"{self.password_file}: has characters that not all mail servers know; "
                "choose a password of Latin letters, digits and signs"
            )
        return found

    @property
    def name(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Signature:
    """The key that signs the office's own messages."""

    key: Path
    certificate: Path | None = None
    password_file: Path | None = None


@dataclass(frozen=True)
class MailSettings:
    """All of the file; paths are absolute."""

    file: Path
    sender: str
    """Our own address (`from` in the file)."""
    smtp: Server
    imap: Server
    to: str = ""
    """The authority's address; an office needs it."""
    trusted: Path | None = None
    """Folder with the authority's certificates and CRLs; an office needs it."""
    require_signed: bool = True
    """Whether an answer counts only with the authority's signature."""
    clients: tuple[str, ...] = ()
    """Addresses whose requests an authority answers; empty: all."""
    folder: str = "INBOX"
    done_folder: str = DONE_FOLDER
    """Where what is done is moved to; "": it is marked where it is."""
    signature: Signature | None = field(default=None)


def read_settings(file: Path) -> MailSettings:
    """Read a file of settings.

    Raises:
        CampaignError: naming the file, the setting, what is wrong and what would
            be right.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise CampaignError(
            f"{file}: cannot be read: {error.strerror or error}; docs/mail.md has an "
            "example"
        ) from error
    if len(data) > LARGEST_FILE:
        raise CampaignError(f"{file}: longer than {LARGEST_FILE} bytes; not settings")
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CampaignError(f"{file}: is not UTF-8 text; save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CampaignError(f"{file}: is not TOML: {error}") from None
    return settings_of(table, file.absolute())


def settings_of(table: Mapping[str, Any], file: Path) -> MailSettings:
    """Make the settings of a table that was read from *file*.

    Raises:
        CampaignError: as `read_settings`.
    """
    top = _Table(table, file, "")
    smtp, imap = top.table("smtp"), top.table("imap")
    if smtp is None or imap is None:
        raise top.fault("smtp" if smtp is None else "imap", "is missing", "a [table]")
    folder = imap.text("folder", "INBOX")
    done = imap.text("done_folder", DONE_FOLDER)
    if done == folder:
        raise imap.fault("done_folder", "is the folder itself", "another one, or ''")
    signature = top.table("signature")
    settings = MailSettings(
        file=file,
        sender=top.address("from"),
        to=top.address("to", needed=False),
        trusted=top.path("trusted"),
        require_signed=top.yes_or_no("require_signed", True),
        clients=tuple(top.addresses("clients")),
        smtp=_server(smtp, "smtp"),
        imap=_server(imap, "imap"),
        folder=folder,
        done_folder=done,
        signature=None if signature is None else _signature(signature),
    )
    top.end()
    return settings


def _server(table: _Table, kind: str) -> Server:
    host = table.text("host")
    tls = table.text("tls", IMPLICIT)
    if tls not in (IMPLICIT, STARTTLS, NONE):
        raise table.fault("tls", f"is {tls!r}", f"{IMPLICIT} or {STARTTLS}")
    if tls == NONE and not _is_this_machine(host):
        raise table.fault(
            "tls",
            f"is {NONE!r}, and {host} is another machine: passwords would be read on "
            "the way",
            f"{IMPLICIT} or {STARTTLS}",
        )
    user = table.text("user", "")
    password_file = table.path("password_file")
    if bool(user) != (password_file is not None):
        lacks = "password_file" if user else "user"
        raise table.fault(lacks, "is missing", "user and password_file together")
    server = Server(
        host=host,
        port=table.number("port", _PORTS[kind, tls], 1, 65535),
        tls=tls,
        user=user,
        password_file=password_file,
        ca_file=table.path("ca_file"),
        connect_seconds=table.number("connect_seconds", 20, 1, 3600),
        answer_seconds=table.number("answer_seconds", 60, 1, 3600),
    )
    table.end()
    return server


def _signature(table: _Table) -> Signature:
    key = table.path("key")
    if key is None:
        raise table.fault("key", "is missing", "a PKCS#8 file or a container's folder")
    found = Signature(key, table.path("certificate"), table.path("password_file"))
    table.end()
    return found


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Table:
    """A table of the file; remembers what was asked for, to find what is unknown."""

    def __init__(self, values: Mapping[str, Any], file: Path, name: str) -> None:
        self._values = values
        self._file = file
        self._name = name
        self._known: list[str] = []

    def fault(self, key: str, wrong: str, right: str) -> CampaignError:
        where = f"[{self._name}] {key}" if self._name else key
        return CampaignError(f"{self._file}: {where} {wrong}; right is {right}")

    def end(self) -> None:
        for key in self._values:
            if key not in self._known:
                raise self.fault(
                    key, "is unknown", f"one of {', '.join(sorted(self._known))}"
                )

    def _get(self, key: str) -> Any:
        self._known.append(key)
        return self._values.get(key)

    def table(self, key: str) -> _Table | None:
        found = self._get(key)
        if found is None:
            return None
        if not isinstance(found, dict):
            raise self.fault(key, "is not a table", f"[{key}]")
        return _Table(found, self._file, key)

    def text(self, key: str, default: str | None = None) -> str:
        found = self._get(key)
        if found is None:
            if default is None:
                raise self.fault(key, "is missing", "a text in quotes")
            return default
        if not isinstance(found, str) or any(ord(one) < 32 for one in found):
            raise self.fault(key, "is not a text of one line", "a text in quotes")
        if not found and default is None:
            raise self.fault(key, "is empty", "a text in quotes")
        return found

    def address(self, key: str, *, needed: bool = True) -> str:
        found = self.text(key, None if needed else "")
        if found and not _ADDRESS.fullmatch(found):
            raise self.fault(key, f"is {found!r}", "an address such as name@example.ru")
        return found

    def addresses(self, key: str) -> list[str]:
        found = self._get(key)
        if found is None:
            return []
        right = 'a list such as ["office@example.ru"]'
        if not isinstance(found, list):
            raise self.fault(key, "is not a list", right)
        for one in found:
            if not isinstance(one, str) or not _ADDRESS.fullmatch(one):
                raise self.fault(key, f"holds {one!r}", right)
        return [one.lower() for one in found]

    def path(self, key: str) -> Path | None:
        found = self.text(key, "")
        if not found:
            return None
        if "\0" in found:
            raise self.fault(key, "holds a zero character", "the path of a file")
        return self._file.parent / Path(found).expanduser()

    def number(self, key: str, default: int, least: int, most: int) -> int:
        found = self._get(key)
        if found is None:
            return default
        if type(found) is not int or not least <= found <= most:
            raise self.fault(key, f"is {found!r}", f"a number from {least} to {most}")
        return found

    def yes_or_no(self, key: str, default: bool) -> bool:
        found = self._get(key)
        if found is None:
            return default
        if not isinstance(found, bool):
            raise self.fault(key, f"is {found!r}", "true or false")
        return found


def is_address(text: str) -> bool:
    """Say whether a text is an address that can be written to."""
    return bool(_ADDRESS.fullmatch(text))
