"""Key containers of our own for tests that cannot count on other people's.

Each has a self-signed certificate with Russian attributes, made here so that
a fault in `gostkey.pki` does not spoil the tests of the floors below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from gostkey.containers import build_container
from gostkey.signing import SigningKey

MADE = datetime(2026, 1, 15, 9, 30, tzinfo=timezone.utc)
"""When the samples' certificates and keys begin."""

DAYS = 365
"""How long the samples' certificates are valid."""

_SIGNATURE_OIDS = {32: "1.2.643.7.1.1.3.2", 64: "1.2.643.7.1.1.3.3"}

OWNER = (
    ("2.5.4.6", asn1.PrintableString("RU")),
    ("2.5.4.8", "77 г. Москва"),
    ("2.5.4.10", 'ООО "Ромашка"'),
    ("2.5.4.4", "Иванов"),
    ("2.5.4.42", "Иван Иванович"),
    ("2.5.4.3", "Иванов Иван Иванович"),
)
"""Subject of the samples: OID and value."""


@asn1.sequence
class _Algorithm:
    oid: ObjectIdentifier


@asn1.sequence
class _Text:
    oid: ObjectIdentifier
    value: str | asn1.PrintableString


@asn1.sequence
class _Validity:
    not_before: asn1.UTCTime
    not_after: asn1.UTCTime


@asn1.sequence
class _Tbs:
    version: Annotated[int, asn1.Explicit(0)]
    serial: int
    signature: _Algorithm
    issuer: list[asn1.SetOf[_Text]]
    validity: _Validity
    subject: list[asn1.SetOf[_Text]]
    public_key: asn1.TLV


@asn1.sequence
class _Certificate:
    tbs: _Tbs
    algorithm: _Algorithm
    signature: asn1.BitString


@dataclass
class Sample:
    """A container, and what is in it."""

    name: str
    files: dict[str, bytes]
    key: SigningKey
    certificate: bytes | None
    password: str | None

    def write(self, folder: Path) -> Path:
        """Write the files into a new folder, plainly."""
        return write(folder, self.files)


def certificate_of(
    key: SigningKey,
    *,
    not_before: datetime = MADE,
    days: int = DAYS,
    serial: int = 0x1D7F00,
) -> bytes:
    """Return a self-signed certificate, DER."""
    algorithm = _Algorithm(oid=ObjectIdentifier(_SIGNATURE_OIDS[key.curve.size]))
    name = [
        asn1.SetOf([_Text(oid=ObjectIdentifier(oid), value=value)])
        for oid, value in OWNER
    ]
    tbs = _Tbs(
        version=2,
        serial=serial,
        signature=algorithm,
        issuer=name,
        validity=_Validity(
            not_before=asn1.UTCTime(not_before),
            not_after=asn1.UTCTime(not_before + timedelta(days=days)),
        ),
        subject=name,
        public_key=asn1.decode_der(asn1.TLV, key.verifying_key.to_spki()),
    )
    signature = key.sign(asn1.encode_der(tbs))
    return asn1.encode_der(
        _Certificate(
            tbs=tbs, algorithm=algorithm, signature=asn1.BitString(signature, 0)
        )
    )


def container(
    name: str = "sample-0001",
    *,
    curve: str = "tc26-256-b",
    password: str | None = None,
    with_certificate: bool = True,
    not_before: datetime = MADE,
    days: int = DAYS,
    exportable: bool = True,
    usage: str = "exchange",
) -> Sample:
    """Make a container with a new key; the key's period is the certificate's."""
    key = SigningKey.generate(curve)
    certificate = None
    if with_certificate:
        certificate = certificate_of(key, not_before=not_before, days=days)
    files = build_container(
        name,
        key,
        password=password,
        certificate=certificate,
        exportable=exportable,
        not_after=not_before + timedelta(days=days),
        usage=usage,
    )
    return Sample(name, files, key, certificate, password)


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write a container's files into a new folder, plainly."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder, plainly."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}
