"""The files of many new containers, each step for all of them at once.

A step is one call over buffers in which the keys of all lie end to end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography.hazmat import asn1

from gostkey import random
from gostkey.backend import active
from gostkey.curves import Curve
from gostkey.errors import CertificateMismatch, ContainerDamaged
from gostkey.keyforms import Scheme, certificate_public_key
from gostkey.primitives import Readable

from . import protection, schemas
from .container import Container
from .header import HAS_PASSWORD, HAS_RESERVE, HEADER, seal_content
from .key_parameters import KeyParameters, bit_string, make_parameters
from .names import encode_name
from .pairs import PAIRS
from .templates import FileTemplates

PERIOD_OIDS = {
    "exchange": schemas.PERIOD_OF_EXCHANGE_KEY,
    "signature": schemas.PERIOD_OF_SIGNATURE_KEY,
}


@dataclass(frozen=True)
class Terms:
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
            oid=PERIOD_OIDS[self.usage], value=asn1.encode_der(period)
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


def build(
    terms: Terms,
    names: Sequence[str],
    private: Readable,
    public: Readable,
    certificates: Sequence[bytes | None],
) -> list[dict[str, bytes]]:
    """Make containers, each step for all of them; keys are laid end to end.

    What a pair has is laid likewise: first that of all first pairs, then that of all
    reserve pairs.
    """
    n, size = len(names), terms.curve.size
    wide = bytearray(2 * n * (size + 8))
    salts = bytearray(2 * n * protection.SALT_SIZE)
    # Masks and salts lie in the files as they are: they are no keys.
    random.fill(wide, reseed=False)
    random.fill(salts, reseed=False)
    masks = bytearray(2 * n * size)
    active.elliptic.private_from_wide_into(terms.curve.index, masks, wide, 2 * n)
    salt_rows = _rows(salts, protection.SALT_SIZE)
    fingerprints = [
        row[: protection.FINGERPRINT_SIZE] for row in _rows(public, 2 * size)
    ]
    name_files = [encode_name(name) for name in names]
    # All at once: deriving them is most of what a container with a password costs.
    keys = protection.storage_keys(
        terms.profile,
        terms.password or "",
        salt_rows if terms.password is None else [*salt_rows, *fingerprints],
    )
    try:
        of_pairs, of_password = _halves(keys, 2 * n * protection.KEY_SIZE)
        wrapped = _wrapped(terms, names, private, masks, of_pairs)
        password_macs = None
        if terms.password is not None:
            password_macs = protection.password_macs_by(terms.profile, of_password, n)
    finally:
        active.generators.wipe(keys)
    headers = _headers(terms, fingerprints, password_macs, certificates)
    primary = [terms.templates.primary(row) for row in _rows(wrapped, size)]
    mask_rows = _rows(masks, size)
    macs = protection.mask_macs(terms.profile, mask_rows, salt_rows)
    masks_files = list(map(terms.templates.masks, mask_rows, salt_rows, macs))
    file_names = ("name.key", HEADER, *PAIRS[0], *PAIRS[1])
    built = [
        dict(zip(file_names, files, strict=True))
        for files in zip(
            name_files,
            headers,
            primary[:n],
            masks_files[:n],
            primary[n:],
            masks_files[n:],
            strict=True,
        )
    ]
    # What is the same in all is looked at once; a header with a certificate is
    # like no other.
    for i, files in enumerate(built):
        if i == 0 or certificates[i] is not None:
            point = bytes(public[2 * size * i : 2 * size * (i + 1)])
            _read_back(files, terms, names[i], point, certificates[i])
    return built


def _rows(data: Readable, width: int) -> list[memoryview]:
    view = memoryview(data)
    return [view[i : i + width] for i in range(0, len(view), width)]


def _halves(data: Readable, at: int) -> tuple[memoryview, memoryview]:
    view = memoryview(data)
    return view[:at], view[at:]


def _wrapped(
    terms: Terms,
    names: Sequence[str],
    private: Readable,
    masks: Readable,
    keys: Readable,
) -> bytearray:
    """Encrypt keys for both pairs of each, and see that they decrypt to themselves."""
    profile, curve, n = terms.profile, terms.curve, 2 * len(names)
    twice = bytearray().join((private, private))
    again = bytearray()
    try:
        wrapped = protection.wrap(profile, curve, keys, twice, masks, n)
        again = protection.unwrap(profile, curve, keys, wrapped, masks, n)
        if not protection.same(again, twice):
            pieces = zip(
                _rows(again, curve.size), _rows(twice, curve.size), strict=True
            )
            good = [protection.same(one, other) for one, other in pieces]
            name = names[good.index(False) % len(names)]
            raise ContainerDamaged(
                f"container {name!r}: the key does not decrypt to itself"
            )
        return wrapped
    finally:
        active.generators.wipe(twice)
        active.generators.wipe(again)


def _headers(
    terms: Terms,
    fingerprints: Sequence[Readable],
    password_macs: Sequence[bytes] | None,
    certificates: Sequence[bytes | None],
) -> list[bytes]:
    contents = terms.templates.contents(fingerprints, password_macs)
    headers = terms.templates.headers(contents)
    for i, certificate in enumerate(certificates):
        if certificate is not None:
            mac = None if password_macs is None else password_macs[i]
            content = terms.content(bytes(fingerprints[i]), mac, certificate)
            headers[i] = seal_content(terms.profile, asn1.encode_der(content))
    return headers


def _read_back(
    files: Mapping[str, bytes],
    terms: Terms,
    name: str,
    public_le: bytes,
    certificate: bytes | None,
) -> None:
    """Read a new container and compare; what is wrong now is never handed out."""
    container = Container.parse(files)
    entry = container.keys[0]
    fingerprint = public_le[: protection.FINGERPRINT_SIZE]
    read = (container.name, entry.fingerprint, entry.curve, entry.usage)
    if read != (name, fingerprint, terms.curve, terms.usage) or any(
        pair.fault for pair in container.pairs
    ):
        raise ContainerDamaged(
            f"container {name!r}: what was made does not read back the same"
        )
    if certificate is not None:
        info = certificate_public_key(certificate)
        if info.public_le != public_le or info.curve != terms.curve:
            raise CertificateMismatch(
                f"container {name!r}: the certificate is for another key"
            )
