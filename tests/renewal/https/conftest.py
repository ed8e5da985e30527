"""A real HTTPS server of an office's authority, on this machine."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from renewal.offices import Office, new_office

from gostkey.renewal.transports import HttpTransport, Pending
from gostkey.renewal.transports.http.desk import Desk
from gostkey.renewal.transports.http.server import Server
from gostkey.renewal.transports.http.tls import throw_away
from gostkey.renewal.transports.patience import Line, Patience
from gostkey.renewal.transports.transport import request_ids_of

HASTY = Patience(total=5, tries=3, first_wait=0.01, longest_wait=0.02, answer=5, rest=0)


@dataclass
class Site:
    """An office whose authority answers over HTTPS."""

    office: Office
    ca_file: Path
    tls: ssl.SSLContext
    fingerprint: str
    stack: ExitStack
    server: Server | None = None
    desk: Desk | None = None
    port: int = 0
    answered: list[str] = field(default_factory=list)
    delay: float = 0.0

    def start(self, **options: Any) -> Site:
        """Start the server; again on the port that it had."""
        self.desk = self.stack.enter_context(
            Desk(self.office.authority, self.office.clock, delay=self.delay)
        )
        self.server = self.stack.enter_context(
            Server(
                self.desk,
                ("127.0.0.1", self.port),
                self.tls,
                on_answer=lambda client, what: self.answered.append(what),
                **options,
            )
        )
        self.port = self.server.port
        return self

    def stop(self) -> None:
        """Stop the server as a power cut does for its clients."""
        self.stack.close()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def trusted(self) -> Path:
        """What the office has of the authority by another way: its root."""
        folder = self.office.folder / "trusted"
        folder.mkdir(exist_ok=True)
        root = folder / "ca.cer"
        if not root.exists():
            root.write_bytes(self.office.authority.certificate.der)
        return folder

    def transport(self, patience: Patience = HASTY, **options: Any) -> HttpTransport:
        options.setdefault("trusted", self.trusted)
        options.setdefault("ca_file", self.ca_file)
        one = HttpTransport(options.pop("url", self.url), patience=patience, **options)
        one.line = Line(one.url, patience, chance=lambda: 0.5)
        return one

    def issued(self) -> int:
        """Count the certificates that renew another."""
        return len(self.office.authority.certificates()) - len(self.office.subscribers)


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    made = throw_away(["localhost", "127.0.0.1"], datetime.now(timezone.utc))
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(made.certificate)
    return made, path


@pytest.fixture
def site(tmp_path: Path, tls_files: tuple[Any, Path]) -> Iterator[Site]:
    made, path = tls_files
    office = new_office(tmp_path)
    with ExitStack() as stack:
        one = Site(office, path, made.context, made.fingerprint, stack)
        yield one.start()


def pending_of(request: bytes, public_key: bytes = b"") -> Pending:
    """Make what a transport is given of a request."""
    return Pending(request_ids_of([request])[0], request, public_key)
