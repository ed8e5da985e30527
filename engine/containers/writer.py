"""Making key containers: new ones, and a certificate into one that is there.

What is made has the form of the vendor's own files, element by element: two
pairs of the key under masks of their own, the header's MAC last.  Every
container is read back before it is handed out.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from gostkey.backend import active
from gostkey.curves import Curve, find
from gostkey.errors import (
    CertificateMismatch,
    ContainerDamaged,
    ContainerError,
    LengthError,
    UnknownAlgorithm,
)
from gostkey.keyforms import Scheme, certificate_public_key
from gostkey.signing import SigningKey, VerifyingKey

from . import protection
from .building import PERIOD_OIDS, Terms, build
from .container import Container
from .header import (
    HEADER,
    put_certificate,
    read_header,
)

if TYPE_CHECKING:
    from gostkey.batch import KeyBatch

MONTHS_OF_USE = 15
"""Usage period that CryptoPro CSP gives a new key: one year and three months."""


def build_container(
    name: str,
    key: SigningKey,
    *,
    password: str | None = None,
    certificate: bytes | None = None,
    exportable: bool = True,
    not_after: datetime | None = None,
    usage: str = "exchange",
    old_scheme: bool = False,
) -> dict[str, bytes]:
    """Make the six files of a container with one key.

    Args:
        name: container name, up to 260 characters of Windows-1251.
        key: a key of GOST R 34.10-2012; the header gets `key.curve.oid`.
        password: ASCII; None for a container without one.
        certificate: DER of the key's certificate, if there is one already.
        exportable: whether programs may export the key (a policy only).
        not_after: end of the key's usage period, aware; now and 15 months if
            not given.
        usage: "exchange" (signs, too) or "signature".
        old_scheme: take a key of GOST R 34.10-2001, too: one that was made
            long ago and moves to another medium.

    Returns:
        File name to content.

    Raises:
        ContainerError: if name or password cannot be used.
        CertificateMismatch: if the certificate is for another key.
        UnknownAlgorithm: if the key is of GOST R 34.10-2001, without *old_scheme*.
        GeneratorFailure: if there is no good random.
    """
    if key.scheme is not Scheme.GOST_2012 and not old_scheme:
        raise UnknownAlgorithm(
            "key: GOST R 34.10-2001 keys are read but no new ones are written; "
            "use a GOST R 34.10-2012 key"
        )
    terms = _terms(key.scheme, key.curve, password, exportable, usage, not_after)
    private = bytearray(key.to_bytes())
    try:
        return build(
            terms, [name], private, key.verifying_key.to_bytes(), [certificate]
        )[0]
    finally:
        active.generators.wipe(private)


def build_containers(
    names: Sequence[str],
    keys: KeyBatch,
    *,
    curve: str | Curve,
    password: str | None = None,
    exportable: bool = True,
    not_after: datetime | None = None,
    usage: str = "exchange",
) -> list[dict[str, bytes]]:
    """Make a container for each of many keys of one curve.

    As `build_container`, with random drawn for all at once.  The keys are
    those of `gostkey.batch.generate`; the caller wipes them.

    Raises:
        LengthError: if there are not as many names as keys.
        ContainerError: as `build_container`; then none is made.
    """
    found = find(curve)
    n = len(names)
    private = _flat("keys.private", keys.private.data, n * found.size)
    public = _flat("keys.public", keys.public.data, n * 2 * found.size)
    terms = _terms(Scheme.GOST_2012, found, password, exportable, usage, not_after)
    expected = bytearray(len(public))
    active.elliptic.public_keys_into(found.index, expected, private, n)
    if expected != public:
        raise ContainerError("keys: public keys that are not of the private keys")
    return build(terms, names, private, public, [None] * n)


def with_certificate(
    files: Mapping[str, bytes],
    certificate: bytes,
    public_key: VerifyingKey | None = None,
) -> dict[str, bytes]:
    """Install a certificate: re-make header.key and leave all else as it is.

    The key that it is for is found by the fingerprint, so no password is
    needed.  A certificate that was there for this key is replaced.

    Args:
        files: the container.
        certificate: DER.
        public_key: the container's key, if known, to compare all of it and
            not only the 8 bytes of the fingerprint.

    Returns:
        The files with another header.key; the others are the same objects.

    Raises:
        CertificateMismatch: if it is for a key that is not in the container.
        EncodingError: if it is not a certificate.
        ContainerError: if the container cannot be read.
    """
    container = Container.parse(files)
    info = certificate_public_key(certificate)
    if public_key is not None and public_key.to_bytes() != info.public_le:
        raise CertificateMismatch(
            f"container {container.name!r}: the certificate is for another key"
        )
    start = info.public_le[: protection.FINGERPRINT_SIZE]
    for entry in container.keys:
        if entry.fingerprint == start and entry.curve == info.curve:
            header = put_certificate(container.header, entry.slot, certificate)
            _check_certificate(header, entry.slot, certificate)
            return dict(files) | {HEADER: header}
    raise CertificateMismatch(
        f"container {container.name!r}: the certificate is for none of its keys"
    )


def _check_certificate(header: bytes, slot: str, certificate: bytes) -> None:
    entries = {entry.slot: entry for entry in read_header(header).keys}
    if entries[slot].certificate != certificate:
        raise ContainerDamaged(f"{HEADER}: the certificate did not read back")


def _terms(
    scheme: Scheme,
    curve: Curve,
    password: str | None,
    exportable: bool,
    usage: str,
    not_after: datetime | None,
) -> Terms:
    if usage not in PERIOD_OIDS:
        raise ContainerError(f"usage: {usage!r}; must be 'exchange' or 'signature'")
    if not_after is None:
        not_after = later(datetime.now(timezone.utc), MONTHS_OF_USE)
    elif not_after.tzinfo is None:
        raise ContainerError("not_after: without a time zone; give an aware datetime")
    return Terms(
        scheme=scheme,
        curve=curve,
        password=None
        if password is None
        else protection.checked_new_password(password),
        exportable=exportable,
        usage=usage,
        # DER allows fractions of a second, but no container has them.
        not_after=not_after.astimezone(timezone.utc).replace(microsecond=0),
    )


def later(when: datetime, months: int) -> datetime:
    """Return the same day and time some months later, or the month's last day."""
    years, month = divmod(when.month - 1 + months, 12)
    year = when.year + years
    last = calendar.monthrange(year, month + 1)[1]
    return when.replace(year=year, month=month + 1, day=min(when.day, last))


def _flat(what: str, view: memoryview, size: int) -> memoryview:
    if view.nbytes != size:
        raise LengthError(f"{what}: {view.nbytes} bytes; must be {size} for the names")
    return view.cast("B") if size else memoryview(b"")
