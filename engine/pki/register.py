"""The register of the small authority: an SQLite file through SQLAlchemy Core.

Certificates, requests by digest, revocations, and the CRLs that were made.
Everything that reads and then writes does so within one transaction that holds
the write lock from its beginning, so two processes cannot renew the same
certificate twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

from gostkey.errors import MediumError
from gostkey.keyforms import decode_spki

from .certificates import Certificate
from .crls import Revoked

__all__ = ["Entry", "Register", "Transaction"]

T = TypeVar("T")

_META = sa.MetaData()

_CERTIFICATES = sa.Table(
    "certificates",
    _META,
    sa.Column("fingerprint", sa.LargeBinary, primary_key=True),
    sa.Column("serial", sa.String, nullable=False, index=True),
    sa.Column("der", sa.LargeBinary, nullable=False),
    sa.Column("public_key", sa.LargeBinary, nullable=False, index=True),
    # The certificate that this one renews; a certificate is renewed once, unless the
    # renewal is revoked.
    sa.Column("renews", sa.LargeBinary, unique=True),
    sa.Column("request", sa.String, unique=True),
    # False: of another authority, admitted by the operator for renewal.
    sa.Column("own", sa.Boolean, nullable=False),
    sa.Column("entered", sa.String, nullable=False),
)

_REFUSALS = sa.Table(
    "refusals",
    _META,
    sa.Column("request", sa.String, primary_key=True),
    sa.Column("received", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
)

_REVOCATIONS = sa.Table(
    "revocations",
    _META,
    sa.Column("fingerprint", sa.LargeBinary, primary_key=True),
    sa.Column("serial", sa.String, nullable=False),
    sa.Column("own", sa.Boolean, nullable=False),
    sa.Column("revoked", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
)

_CRLS = sa.Table(
    "crls",
    _META,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("this_update", sa.String, nullable=False),
    sa.Column("der", sa.LargeBinary, nullable=False),
)

_CHUNK = 500
"""Values in one IN (...): SQLite may be built for 999."""


@dataclass(frozen=True)
class Entry:
    """A certificate in the register."""

    der: bytes
    """The certificate."""
    own: bool
    renews: bytes | None
    """Fingerprint of the certificate that it renews."""
    request: str | None
    """Digest of the request that it answers."""
    entered: datetime

    @classmethod
    def of(
        cls,
        certificate: Certificate,
        entered: datetime,
        *,
        own: bool = True,
        renews: bytes | None = None,
        request: str | None = None,
    ) -> Entry:
        """Make the entry of a certificate."""
        entry = cls(certificate.der, own, renews, request, entered)
        entry.__dict__["certificate"] = certificate
        return entry

    @cached_property
    def certificate(self) -> Certificate:
        """The certificate, read when somebody asks."""
        return Certificate(self.der)


def public_key_of(certificate: Certificate) -> bytes:
    """Return what a key is known by in the register: x || y, not checked."""
    return decode_spki(certificate.public_key_info).public_le


class Register:
    """The file; every access is by `transaction`."""

    def __init__(self, path: Path) -> None:
        """Open the register, or make an empty one."""
        self.path = path
        self._engine = sa.create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _set_up)
        event.listen(self._engine, "begin", _lock)
        with self._errors():
            _META.create_all(self._engine)

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Hold the write lock; all changes are written at the end, or none.

        Raises:
            MediumError: if the file cannot be read or written.
        """
        with self._errors(), self._engine.begin() as connection:
            yield Transaction(connection)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DatabaseError as error:
            raise MediumError(
                f"register {self.path}: {error.orig}; look at the disk, the rights "
                "of the file, and other programs that hold it"
            ) from error


def _set_up(connection: Any, record: object) -> None:
    # The driver's own way of beginning transactions would lock too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.close()


def _lock(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class Transaction:
    """Reads and writes of one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        """Take a connection whose transaction has begun."""
        self._connection = connection

    def by_request(self, digests: Iterable[str]) -> dict[str, Entry]:
        """Find the certificates that answer requests: digest -> entry."""
        return dict(self._select(_CERTIFICATES.c.request, digests))

    def by_fingerprint(self, fingerprints: Iterable[bytes]) -> dict[bytes, Entry]:
        """Find certificates: fingerprint -> entry."""
        return dict(self._select(_CERTIFICATES.c.fingerprint, fingerprints))

    def by_renewed(self, fingerprints: Iterable[bytes]) -> dict[bytes, Entry]:
        """Find the certificates that renew others: old fingerprint -> entry."""
        return dict(self._select(_CERTIFICATES.c.renews, fingerprints))

    def by_public_key(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        """Find certificates by key: x || y -> entry."""
        return dict(self._select(_CERTIFICATES.c.public_key, keys))

    def by_serial(self, serial: str) -> list[Entry]:
        """Find certificates by serial number in hex; this authority's own first."""
        found = self._select(_CERTIFICATES.c.serial, [serial])
        return sorted((e for _, e in found), key=lambda entry: not entry.own)

    def all(self) -> list[Entry]:
        """List the whole register, in the order of entering."""
        rows = self._connection.execute(
            sa.select(_CERTIFICATES).order_by(sa.text("rowid"))
        )
        return [_entry(row) for row in rows]

    def add(self, entries: Sequence[Entry]) -> None:
        """Enter certificates."""
        if entries:
            self._connection.execute(
                sa.insert(_CERTIFICATES),
                [
                    {
                        "fingerprint": e.certificate.fingerprint(),
                        "serial": e.certificate.serial_text,
                        "der": e.certificate.der,
                        "public_key": public_key_of(e.certificate),
                        "renews": e.renews,
                        "request": e.request,
                        "own": e.own,
                        "entered": e.entered.isoformat(),
                    }
                    for e in entries
                ],
            )

    def note_refusals(self, refused: dict[str, str], at: datetime) -> None:
        """Note why requests were refused: digest -> reason; the last one stays."""
        if refused:
            self._connection.execute(
                sa.insert(_REFUSALS).prefix_with("OR REPLACE"),
                [
                    {"request": digest, "received": at.isoformat(), "why": why}
                    for digest, why in refused.items()
                ],
            )

    def refusal(self, digest: str) -> str | None:
        """Return why a request was refused the last time, None if it was not."""
        found = self._connection.execute(
            sa.select(_REFUSALS.c.why).where(_REFUSALS.c.request == digest)
        ).scalar()
        return None if found is None else str(found)

    def revoke(self, entry: Entry, at: datetime, reason: str) -> None:
        """Note a revocation; one that is there already stays as it is.

        A renewal that is revoked counts no more: the old certificate, which may well be
        good, can be renewed by another request.
        """
        fingerprint = entry.certificate.fingerprint()
        self._connection.execute(
            sa.update(_CERTIFICATES)
            .where(_CERTIFICATES.c.fingerprint == fingerprint)
            .values(renews=None)
        )
        self._connection.execute(
            sa.insert(_REVOCATIONS).prefix_with("OR IGNORE"),
            {
                "fingerprint": fingerprint,
                "serial": entry.certificate.serial_text,
                "own": entry.own,
                "revoked": at.isoformat(),
                "reason": reason,
            },
        )

    def revoked(self, fingerprints: Iterable[bytes]) -> set[bytes]:
        """Return those of the certificates that are revoked."""
        column = _REVOCATIONS.c.fingerprint
        found: set[bytes] = set()
        for chunk in _chunks(list(fingerprints)):
            rows = self._connection.execute(sa.select(column).where(column.in_(chunk)))
            found.update(bytes(row[0]) for row in rows)
        return found

    def revocations(self) -> list[Revoked]:
        """List the revocations of this authority's own certificates."""
        rows = self._connection.execute(
            sa.select(_REVOCATIONS).where(_REVOCATIONS.c.own).order_by(sa.text("rowid"))
        )
        return [
            Revoked(int(r.serial, 16), datetime.fromisoformat(r.revoked), r.reason)
            for r in rows
        ]

    def next_crl_number(self) -> int:
        """Return the number of the next CRL."""
        last = self._connection.execute(sa.select(sa.func.max(_CRLS.c.number))).scalar()
        return (last or 0) + 1

    def add_crl(self, number: int, this_update: datetime, der: bytes) -> None:
        """Keep a CRL."""
        self._connection.execute(
            sa.insert(_CRLS),
            {"number": number, "this_update": this_update.isoformat(), "der": der},
        )

    def _select(
        self, column: sa.Column[Any], values: Iterable[T]
    ) -> list[tuple[T, Entry]]:
        found: list[tuple[T, Entry]] = []
        for chunk in _chunks(list(values)):
            rows = self._connection.execute(
                sa.select(_CERTIFICATES).where(column.in_(chunk))
            )
            found.extend((getattr(row, column.name), _entry(row)) for row in rows)
        return found


def _entry(row: Any) -> Entry:
    return Entry(
        der=row.der,
        own=row.own,
        renews=row.renews,
        request=row.request,
        entered=datetime.fromisoformat(row.entered),
    )


def _chunks(values: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
