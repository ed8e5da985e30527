"""``gostkey ca serve --https``: options, TLS files, and what the operator is told."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from gostkey.errors import EncodingError
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal.transports.http.credentials import authorization
from gostkey.renewal.transports.http.desk import Desk
from gostkey.renewal.transports.http.server import Server
from gostkey.renewal.transports.http.tls import ThrowAway, server_context, throw_away

from .campaigns import clock_at
from .files import PathOption, read_file, write_file
from .option_groups import option_group
from .output import Output
from .texts import _

TLS_FILE = "https.crt"
"""In the authority's folder: the TLS certificate that was made for one run."""
_ALL_ADDRESSES = ("", "0.0.0.0", "::")
_ACCOUNTS_LIMIT = 1 << 20


def _read_address(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[str, int] | None:
    """Read HOST:PORT, [IPV6]:PORT or :PORT."""
    if value is None:
        return None
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]*):(\d{1,5})", value)
    if match is None or int(match[2]) > 65535:
        raise click.BadParameter(
            _("{value!r} is not ADDRESS:PORT, such as 127.0.0.1:8443").format(
                value=value
            ),
            context,
            option,
        )
    return match[1].strip("[]"), int(match[2])


@dataclass(frozen=True)
class Https:
    """What the options say of the HTTPS server."""

    https: tuple[str, int] | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    auth_file: Path | None = None
    delay: float = 0.0

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            click.UsageError: saying which.
        """
        if (self.tls_cert is None) != (self.tls_key is None):
            raise click.UsageError(_("--tls-cert and --tls-key go together"))
        others = (self.tls_cert, self.auth_file, self.delay or None)
        if self.https is None and any(one is not None for one in others):
            raise click.UsageError(
                _("--tls-cert, --tls-key, --auth-file and --delay are for --https")
            )

    @contextmanager
    def serving(
        self,
        out: Output,
        authority: CertificateAuthority,
        folder: Path,
        at: datetime | None,
    ) -> Iterator[Desk | None]:
        """Answer over HTTPS while the body runs; give None if that is not asked for.

        Raises:
            CannotServe: if TLS files cannot be used or nobody can listen there.
        """
        if self.https is None:
            yield None
            return
        host = self.https[0]
        shown = socket.gethostname() if host in _ALL_ADDRESSES else host
        made: ThrowAway | None = None
        if self.tls_cert is not None and self.tls_key is not None:
            tls = server_context(self.tls_cert, self.tls_key)
        else:
            names = {shown, "localhost", "127.0.0.1"}
            made = throw_away(sorted(names), datetime.now(timezone.utc))
            tls = made.context

        def tell(client: str, what: str) -> None:
            out.note(_("{client}: {what}").format(client=client, what=what))

        with (
            Desk(authority, clock_at(at), delay=self.delay) as desk,
            Server(
                desk, self.https, tls, accounts=self._accounts(), on_answer=tell
            ) as server,
        ):
            fingerprint = ""
            if made is not None:
                # Only now: another server may be at the port, and this its file.
                write_file(folder / TLS_FILE, made.certificate, force=True)
                fingerprint = made.fingerprint
            url = f"https://{f'[{shown}]' if ':' in shown else shown}:{server.port}"
            self._announce(out, folder, url, fingerprint)
            yield desk

    def _announce(self, out: Output, folder: Path, url: str, fingerprint: str) -> None:
        out.note(_("waiting for requests at {url}").format(url=url))
        if fingerprint:
            out.note(
                _(
                    "TLS certificate for this run, for trials: {file} "
                    "(SHA-256 {fingerprint}); give it to clients as --url-ca"
                ).format(file=folder / TLS_FILE, fingerprint=fingerprint)
            )
        if out.json:
            out.record(
                {"status": "listening", "url": url, "tls_sha256": fingerprint or None}
            )

    def _accounts(self) -> list[str]:
        if self.auth_file is None:
            return []
        try:
            text = read_file(self.auth_file, _ACCOUNTS_LIMIT).decode("utf-8-sig")
        except UnicodeDecodeError:
            # "from None": the decoder's exception would show the bytes.
            raise EncodingError(f"{self.auth_file}: is not UTF-8 text") from None
        lines = [line for line in text.splitlines() if line.strip()]
        if not lines:
            raise EncodingError(
                f"{self.auth_file}: is empty; write NAME:PASSWORD or a token on "
                "each line"
            )
        return [authorization(line) for line in lines]


def _gather(values: dict[str, Any]) -> Https:
    given = Https(**{one.name: values.pop(one.name) for one in fields(Https)})
    given.check()
    return given


_OPTIONS = (
    click.option(
        "--https",
        callback=_read_address,
        metavar="ADDRESS:PORT",
        help=_(
            "Answer requests over HTTPS here (EST paths); :PORT listens on all "
            "IPv4 addresses, port 0 takes a free one."
        ),
    ),
    click.option(
        "--tls-cert",
        type=PathOption,
        metavar="FILE",
        help=_(
            "TLS certificate of the server, PEM; without it one is made for this "
            "run, for trials."
        ),
    ),
    click.option(
        "--tls-key",
        type=PathOption,
        metavar="FILE",
        help=_("Key of --tls-cert, PEM, not encrypted."),
    ),
    click.option(
        "--auth-file",
        type=PathOption,
        metavar="FILE",
        help=_(
            "Who may send requests over HTTPS: NAME:PASSWORD or a token on each "
            "line; without it everybody."
        ),
    ),
    click.option(
        "--delay",
        type=click.FloatRange(0, 86400),
        default=0,
        metavar="SECONDS",
        help=_("Issue so long after a request's first arrival, over HTTPS."),
    ),
)

https_options = option_group("https", _gather, _OPTIONS)
"""Adds the options of the HTTPS server; the command gets `https`."""
