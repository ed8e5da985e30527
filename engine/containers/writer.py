"""Making key containers: new ones, and a certificate into one that is there.

What is made has the form of the vendor's own files, element by element: two
pairs of the key under masks of their own, the header's MAC last.  Every
container is read back before it is handed out.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography.hazmat import asn1

from gostkey import random
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
from gostkey.primitives import Readable
from gostkey.signing import SigningKey, VerifyingKey

from . import protection, schemas
from .container import Container
from .header import (
    HAS_PASSWORD,
    HAS_RESERVE,
    HEADER,
    put_certificate,
    read_header,
    seal_content,
)
from .key_parameters import KeyParameters, bit_string, make_parameters
from .names import encode_name
from .pairs import PAIRS
from .templates import FileTemplates

if TYPE_CHECKING:
    from gostkey.batch import KeyBatch

MONTHS_OF_USE = 15
"""Usage period that CryptoPro CSP gives a new key: one year and three months."""

_PERIOD_OIDS = {
    "exchange": schemas.PERIOD_OF_EXCHANGE_KEY,
    "signature": schemas.PERIOD_OF_SIGNATURE_KEY,
}


@dataclass(frozen=True)
class _Terms:
    """What all containers of one call have in common."""

    scheme: Scheme
    curve: Curve
    password: str | None
    exportable: bool
    usage: str
    not_after: datetime

    @property
    def profile(self) -> protection.Profile:
        return protection.profile_of(self.scheme)

    @cached_property
    def parameters(self) -> schemas.KeyParameters:
        return make_parameters(
            KeyParameters(self.scheme, self.curve, self.usage, self.exportable)
        )

    @cached_property
    def period(self) -> schemas.Extension:
        period = schemas.UsagePeriod(
            not_before=None, not_after=asn1.GeneralizedTime(self.not_after)
        )
        return schemas.Extension(
            oid=_PERIOD_OIDS[self.usage], value=asn1.encode_der(period)
        )

    @cached_property
    def templates(self) -> FileTemplates:
        mac = None if self.password is None else bytes(protection.MAC_SIZE)
        content = self.content(bytes(protection.FINGERPRINT_SIZE), mac, None)
        return FileTemplates.of(content, self.curve.size, self.profile)

    def content(
        self, fingerprint: bytes, password_mac: bytes | None, certificate: bytes | None
    ) -> schemas.Content:
        attributes = HAS_RESERVE | (0 if password_mac is None else HAS_PASSWORD)
        return schemas.Content(
            algorithm=schemas.ContainerAlgorithm(algorithm=schemas.V2_FULL),
            attributes=bit_string(attributes),
            primary=self.parameters,
            password_mac=password_mac,
            certificate=certificate,
            fingerprint=fingerprint,
            extensions=[self.period],
        )


@dataclass(frozen=True)
class _Material:
    """What one container is made of."""

    name: str
    private_le: Readable
    public_le: bytes
    masks: tuple[Readable, Readable]
    salts: tuple[Readable, Readable]
    keys: tuple[Readable, Readable]
    """Storage keys of the two salts."""
    password_key: Readable | None
    """That of the fingerprint, for the password MAC; None without a password."""
    certificate: bytes | None


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
        return _build(
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
    return _build(terms, names, private, public, [None] * n)


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
) -> _Terms:
    if usage not in _PERIOD_OIDS:
        raise ContainerError(f"usage: {usage!r}; must be 'exchange' or 'signature'")
    if not_after is None:
        not_after = later(datetime.now(timezone.utc), MONTHS_OF_USE)
    elif not_after.tzinfo is None:
        raise ContainerError("not_after: without a time zone; give an aware datetime")
    return _Terms(
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


def _build(
    terms: _Terms,
    names: Sequence[str],
    private: Readable,
    public: Readable,
    certificates: Sequence[bytes | None],
) -> list[dict[str, bytes]]:
    n, size = len(names), terms.curve.size
    wide = bytearray(2 * n * (size + 8))
    salts = bytearray(2 * n * protection.SALT_SIZE)
    # Masks and salts lie in the files as they are: they are no keys.
    random.fill(wide, reseed=False)
    random.fill(salts, reseed=False)
    masks = bytearray(2 * n * size)
    active.elliptic.private_from_wide_into(terms.curve.index, masks, wide, 2 * n)
    private_rows = _rows(private, size)
    public_rows = _rows(public, 2 * size)
    mask_rows = _rows(masks, size)
    salt_rows = _rows(salts, protection.SALT_SIZE)
    fingerprints = [row[: protection.FINGERPRINT_SIZE] for row in public_rows]
    # All at once: deriving them is most of what a container with a password costs.
    keys = protection.storage_keys(
        terms.profile,
        terms.password or "",
        salt_rows if terms.password is None else [*salt_rows, *fingerprints],
    )
    try:
        key_rows = _rows(keys, protection.KEY_SIZE)
        password_keys: list[Readable | None] = [*key_rows[2 * n :]] or [None] * n
        made_of = [
            _Material(
                name=name,
                private_le=private_rows[i],
                public_le=bytes(public_rows[i]),
                masks=(mask_rows[2 * i], mask_rows[2 * i + 1]),
                salts=(salt_rows[2 * i], salt_rows[2 * i + 1]),
                keys=(key_rows[2 * i], key_rows[2 * i + 1]),
                password_key=password_keys[i],
                certificate=certificates[i],
            )
            for i, name in enumerate(names)
        ]
        built = [_build_one(terms, one) for one in made_of]
        # What is the same in all is looked at once; a header with a certificate is
        # like no other.
        for files, one in zip(built, made_of, strict=True):
            if one is made_of[0] or one.certificate is not None:
                _read_back(files, terms, one)
        return built
    finally:
        active.generators.wipe(keys)


def _rows(data: Readable, width: int) -> list[memoryview]:
    view = memoryview(data)
    return [view[i : i + width] for i in range(0, len(view), width)]


def _build_one(terms: _Terms, made_of: _Material) -> dict[str, bytes]:
    templates = terms.templates
    files = {"name.key": encode_name(made_of.name), HEADER: _header(terms, made_of)}
    for (primary_name, masks_name), mask, salt, key in zip(
        PAIRS, made_of.masks, made_of.salts, made_of.keys, strict=True
    ):
        files[primary_name] = templates.primary(_wrapped(terms, made_of, mask, key))
        files[masks_name] = templates.masks(mask, salt)
    return files


def _wrapped(terms: _Terms, made_of: _Material, mask: Readable, key: Readable) -> bytes:
    """Encrypt the key for one pair, and see that it decrypts to itself."""
    wrapped = protection.wrap(terms.profile, terms.curve, key, made_of.private_le, mask)
    private = protection.unwrap(terms.profile, terms.curve, key, wrapped, mask)
    good = protection.same(private, made_of.private_le)
    active.generators.wipe(private)
    if not good:
        raise ContainerDamaged(
            f"container {made_of.name!r}: the key does not decrypt to itself"
        )
    return wrapped


def _header(terms: _Terms, made_of: _Material) -> bytes:
    fingerprint = made_of.public_le[: protection.FINGERPRINT_SIZE]
    password_mac = None
    if made_of.password_key is not None:
        password_mac = protection.password_mac_by(terms.profile, made_of.password_key)
    if made_of.certificate is None:
        return terms.templates.header(fingerprint, password_mac)
    content = terms.content(fingerprint, password_mac, made_of.certificate)
    return seal_content(terms.profile, asn1.encode_der(content))


def _read_back(files: Mapping[str, bytes], terms: _Terms, made_of: _Material) -> None:
    """Read a new container and compare; what is wrong now is never handed out."""
    container = Container.parse(files)
    entry = container.keys[0]
    fingerprint = made_of.public_le[: protection.FINGERPRINT_SIZE]
    read = (container.name, entry.fingerprint, entry.curve, entry.usage)
    if read != (made_of.name, fingerprint, terms.curve, terms.usage) or any(
        pair.fault for pair in container.pairs
    ):
        raise ContainerDamaged(
            f"container {made_of.name!r}: what was made does not read back the same"
        )
    if made_of.certificate is not None:
        info = certificate_public_key(made_of.certificate)
        if info.public_le != made_of.public_le or info.curve != terms.curve:
            raise CertificateMismatch(
                f"container {made_of.name!r}: the certificate is for another key"
            )
