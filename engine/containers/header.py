"""header.key: what a container says of itself and of its keys.

Reading keeps every element as it was, known or not; writing a certificate
into a header changes that element and the MAC and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat import asn1

from gostkey.curves import Curve
from gostkey.errors import (
    ContainerDamaged,
    ContainerError,
    EncodingError,
    GostKeyError,
)
from gostkey.keyforms import Scheme, certificate_public_key

from . import protection, schemas
from .key_parameters import KeyParameters, read_parameters

HEADER = "header.key"

PRIMARY = "primary"
SECONDARY = "secondary"

# Container attributes, bit 0 being the most significant.
HAS_PASSWORD = 0x80
HAS_RESERVE = 0x40
NO_PRIMARY_KEY = 0x20
SHARED_FKN = 0x10

_CERTIFICATE_TAGS = {
    PRIMARY: schemas.TAG_PRIMARY_CERTIFICATE,
    SECONDARY: schemas.TAG_SECONDARY_CERTIFICATE,
}
_FIRST_NUMBERED = 0x80
"""Identifier octets from here on carry a number that can be there only once."""

_ORDER = (
    schemas.TAG_CONTAINER_ALGORITHM,
    schemas.TAG_IA5_STRING,
    schemas.TAG_BIT_STRING,
    schemas.TAG_SEQUENCE,
    schemas.TAG_PASSWORD_MAC,
    b"\x83",
    b"\xa3",
    schemas.TAG_SECONDARY_PARAMETERS,
    schemas.TAG_PRIMARY_CERTIFICATE,
    schemas.TAG_SECONDARY_CERTIFICATE,
)
"""Elements in the order of real files, up to the certificates."""


@dataclass(frozen=True)
class KeyEntry:
    """What header.key says of one key; nothing here is secret."""

    slot: str
    """"primary" or "secondary"."""
    curve: Curve
    """As named in the header: `curve.oid` is the OID found there."""
    scheme: Scheme
    usage: str
    """"exchange" (also signs) or "signature"."""
    exportable: bool
    fingerprint: bytes | None
    """First 8 bytes of the public key; None in a header without it."""
    certificate: bytes | None
    """DER of the key's certificate, if it was written into the container."""
    not_before: datetime | None
    not_after: datetime | None
    """Limits of the key's usage period (UTC), where the header has them."""


@dataclass(frozen=True)
class Header:
    """A header.key whose MAC was found good."""

    elements: tuple[asn1.TLV, ...]
    keys: tuple[KeyEntry, ...]
    attributes: int
    password_mac: bytes | None
    profile: protection.Profile

    @property
    def has_password(self) -> bool:
        """Say whether the container has a password."""
        return bool(self.attributes & HAS_PASSWORD)


def read_header(der: bytes) -> Header:
    """Read header.key and check its MAC.

    Raises:
        ContainerDamaged: if it is not such a file or the MAC does not match.
        ContainerError: if it is of a kind that cannot be used here.
        UnknownCurve: if a key is on an unknown curve.
    """
    (header,) = read_headers([der])
    if isinstance(header, GostKeyError):
        raise header
    return header


def read_headers(ders: Iterable[bytes]) -> list[Header | GostKeyError]:
    """Read many header.key; the MACs of all at once cost a fifth.

    Returns:
        For each what `read_header` returns, or the error that it would raise.
    """
    sealed: list[_Sealed | GostKeyError] = []
    for der in ders:
        try:
            sealed.append(_Sealed.of(der))
        except ContainerDamaged as error:
            sealed.append(error)
    whole = [one for one in sealed if isinstance(one, _Sealed)]
    # Before anything else is looked at, so that a damaged header is called damaged,
    # and not one with an unknown curve.
    profiles = iter(_profiles_of_macs(whole))
    headers: list[Header | GostKeyError] = []
    for one in sealed:
        if isinstance(one, _Sealed):
            try:
                headers.append(_read(one, next(profiles)))
            except GostKeyError as error:
                headers.append(error)
        else:
            headers.append(one)
    return headers


class _Sealed(NamedTuple):
    """A header.key whose MAC is not yet looked at."""

    der: bytes
    content: bytes
    """What the MAC is of."""
    mac: bytes
    elements: list[asn1.TLV] | None
    """Of the content; None if it cannot be read."""

    @classmethod
    def of(cls, der: bytes) -> _Sealed:
        try:
            whole = asn1.decode_der(schemas.HeaderElements, der)
        except ValueError:
            whole = None
        if whole is None or len(whole.mac) > _SHORT:
            file = schemas.decode(schemas.HeaderFile, der, HEADER)
            if file.content.tag_bytes != schemas.TAG_SEQUENCE:
                raise ContainerDamaged(f"{HEADER}: its content is not a SEQUENCE")
            return cls(der, schemas.encode_element(file.content), file.mac, None)
        # DER of two things: the content is all between the head of the SEQUENCE and the
        # MAC, whose own head has two octets.
        head = 2 if der[1] <= _SHORT else 2 + (der[1] & _SHORT)
        content = der[head : len(der) - 2 - len(whole.mac)]
        return cls(der, content, whole.mac, whole.content)


_SHORT = 0x7F
"""The longest length in DER that has one octet."""


def _profiles_of_macs(files: Sequence[_Sealed]) -> list[protection.Profile | None]:
    """Tell the profiles whose MACs headers have; None for a MAC that is wrong."""
    found: list[protection.Profile | None] = [None] * len(files)
    left = list(range(len(files)))
    for scheme in (Scheme.GOST_2012, Scheme.GOST_2001):
        profile = protection.profile_of(scheme)
        macs = protection.header_macs(profile, [files[i].content for i in left])
        for i, mac in zip(left, macs, strict=True):
            if protection.same(mac, files[i].mac):
                found[i] = profile
        left = [i for i in left if found[i] is None]
        if not left:
            break
    return found


def _read(file: _Sealed, sealed_by: protection.Profile | None) -> Header:
    if sealed_by is None:
        raise ContainerDamaged(
            f"{HEADER}: its MAC does not match; the file was changed or damaged"
        )
    elements = file.elements
    if elements is None:
        elements = schemas.decode(schemas.HeaderElements, file.der, HEADER).content
    known = _Known(elements)
    first = _parameters(known.needed(schemas.TAG_SEQUENCE))
    profile = protection.profile_of(first.scheme)
    if profile != sealed_by:
        raise ContainerDamaged(f"{HEADER}: its MAC is not of its kind of key")
    attributes = _read_attributes(
        schemas.encode_element(known.needed(schemas.TAG_BIT_STRING))
    )
    if attributes & SHARED_FKN:
        raise ContainerError(f"{HEADER}: a shared (FKN) container cannot be read here")
    if attributes & NO_PRIMARY_KEY:
        raise ContainerError(f"{HEADER}: the container has no primary key")
    parameters = {PRIMARY: first}
    second = known.get(schemas.TAG_SECONDARY_PARAMETERS)
    if second is not None:
        element = schemas.within(schemas.SecondaryParameters, second, HEADER).element
        parameters[SECONDARY] = _known_parameters(element)
    return Header(
        elements=tuple(elements),
        keys=_entries(parameters, known),
        attributes=attributes,
        password_mac=known.octets(schemas.TAG_PASSWORD_MAC),
        profile=profile,
    )


def header_is_whole(der: bytes) -> bool:
    """Say whether these are the bytes of a header.key with a good MAC."""
    try:
        return _profiles_of_macs([_Sealed.of(der)]) != [None]
    except ContainerDamaged:
        return False


def put_certificate(header: Header, slot: str, certificate: bytes) -> bytes:
    """Return header.key with a certificate put in, or in place of the old one.

    All other elements keep their bytes and their order; the MAC is new.
    """
    if slot == PRIMARY:
        wrapped = asn1.encode_der(schemas.PrimaryCertificate(element=certificate))
    else:
        wrapped = asn1.encode_der(schemas.SecondaryCertificate(element=certificate))
    return put_elements(header, schemas.element_of(wrapped))


def put_elements(header: Header, *new: asn1.TLV) -> bytes:
    """Return header.key with elements put in, or in place of those of their tags.

    All other elements keep their bytes and their order; the MAC is new.
    """
    elements = list(header.elements)
    for element in new:
        tags = [one.tag_bytes for one in elements]
        if element.tag_bytes in tags:
            elements[tags.index(element.tag_bytes)] = element
        else:
            elements.insert(_place(tags, element.tag_bytes), element)
    return seal(header.profile, asn1.encode_der(schemas.Elements(element=elements)))


def seal(profile: protection.Profile, one: bytes) -> bytes:
    """Return header.key for a content (given as the DER of a `One` around it)."""
    return seal_content(profile, schemas.encode_element(schemas.element_of(one)))


def seal_content(profile: protection.Profile, content: bytes) -> bytes:
    """Return header.key for the DER of a content."""
    element = asn1.decode_der(asn1.TLV, content)
    mac = protection.header_mac(profile, content)
    return asn1.encode_der(schemas.HeaderFile(content=element, mac=mac))


class _Known:
    """The elements by tag; what is not known is not looked at."""

    def __init__(self, elements: list[asn1.TLV]) -> None:
        self._by_tag: dict[bytes, asn1.TLV] = {}
        for element in elements:
            if element.tag_bytes not in self._by_tag:
                self._by_tag[element.tag_bytes] = element
            elif element.tag_bytes[0] >= _FIRST_NUMBERED:
                raise ContainerDamaged(
                    f"{HEADER}: the element {element.tag_bytes.hex()} is there twice"
                )

    def get(self, tag: bytes) -> asn1.TLV | None:
        return self._by_tag.get(tag)

    def needed(self, tag: bytes) -> asn1.TLV:
        element = self._by_tag.get(tag)
        if element is None:
            raise ContainerDamaged(f"{HEADER}: the element {tag.hex()} is not there")
        return element

    def octets(self, tag: bytes) -> bytes | None:
        element = self._by_tag.get(tag)
        return None if element is None else bytes(element.data)


def _entries(
    parameters: dict[str, KeyParameters], known: _Known
) -> tuple[KeyEntry, ...]:
    fingerprints = {
        PRIMARY: known.octets(schemas.TAG_PRIMARY_FINGERPRINT),
        SECONDARY: known.octets(schemas.TAG_SECONDARY_FINGERPRINT),
    }
    for slot, fingerprint in fingerprints.items():
        if fingerprint and len(fingerprint) != protection.FINGERPRINT_SIZE:
            raise ContainerDamaged(
                f"{HEADER}: the fingerprint of the {slot} key has "
                f"{len(fingerprint)} bytes, not {protection.FINGERPRINT_SIZE}"
            )
    certificates = _certificates(fingerprints, known)
    periods = _periods(known)
    entries = []
    for slot, key in parameters.items():
        period = periods.get(key.usage)
        if period is None and len(parameters) == 1:
            period = next(iter(periods.values()), None)
        not_before, not_after = period or (None, None)
        entries.append(
            KeyEntry(
                slot=slot,
                curve=key.curve,
                scheme=key.scheme,
                usage=key.usage,
                exportable=key.exportable,
                fingerprint=fingerprints[slot],
                certificate=certificates.get(slot),
                not_before=not_before,
                not_after=not_after,
            )
        )
    return tuple(entries)


def _certificates(
    fingerprints: dict[str, bytes | None], known: _Known
) -> dict[str, bytes]:
    """Give each key its certificate: by public key, else by position."""
    first = known.octets(schemas.TAG_PRIMARY_CERTIFICATE)
    second = known.octets(schemas.TAG_SECONDARY_CERTIFICATE)
    if second is None and fingerprints[SECONDARY] is None:
        # With one key there is no other place for it, whatever is in it.
        return {} if first is None else {PRIMARY: first}
    found: dict[str, bytes] = {}
    by_position: dict[str, bytes] = {}
    for position, tag in _CERTIFICATE_TAGS.items():
        certificate = known.octets(tag)
        if certificate is None:
            continue
        try:
            public = certificate_public_key(certificate).public_le
        except GostKeyError:
            public = b""
        start = public[: protection.FINGERPRINT_SIZE]
        for slot in (position, *fingerprints):
            if start and start == fingerprints[slot] and slot not in found:
                found[slot] = certificate
                break
        else:
            by_position[position] = certificate
    return by_position | found


def _periods(known: _Known) -> dict[str, tuple[datetime | None, datetime | None]]:
    element = known.get(schemas.TAG_EXTENSIONS)
    return (
        {} if element is None else dict(_read_periods(schemas.encode_element(element)))
    )


# Many containers say the same: keys of one kind that were made on one day.


@lru_cache(maxsize=256)
def _read_periods(
    der: bytes,
) -> tuple[tuple[str, tuple[datetime | None, datetime | None]], ...]:
    element = asn1.decode_der(asn1.TLV, der)
    usages = {
        schemas.PERIOD_OF_SIGNATURE_KEY: "signature",
        schemas.PERIOD_OF_EXCHANGE_KEY: "exchange",
    }
    periods = {}
    for extension in schemas.within(schemas.Extensions, element, HEADER).element:
        if extension.oid in usages:
            period = schemas.decode(schemas.UsagePeriod, extension.value, HEADER)
            periods[usages[extension.oid]] = (
                _when(period.not_before),
                _when(period.not_after),
            )
    return tuple(periods.items())


def _when(time: asn1.GeneralizedTime | None) -> datetime | None:
    return None if time is None else time.as_datetime()


def _parameters(element: asn1.TLV) -> KeyParameters:
    return _read_parameters(schemas.encode_element(element))


@lru_cache(maxsize=64)
def _read_parameters(der: bytes) -> KeyParameters:
    return _known_parameters(schemas.decode(schemas.KeyParameters, der, HEADER))


def _known_parameters(found: schemas.KeyParameters) -> KeyParameters:
    try:
        return read_parameters(found, HEADER)
    except EncodingError as error:
        raise ContainerDamaged(str(error)) from None


@lru_cache(maxsize=64)
def _read_attributes(der: bytes) -> int:
    octets = schemas.decode(asn1.BitString, der, HEADER).as_bytes()
    return octets[0] if octets else 0


def _place(tags: list[bytes], new: bytes) -> int:
    """Find where an element goes: behind the first ones of those before it."""
    before = _ORDER[: _ORDER.index(new)]
    return 1 + max(tags.index(tag) for tag in before if tag in tags)
