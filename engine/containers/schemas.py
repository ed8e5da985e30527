"""ASN.1 of the six files of a CryptoPro key container.

Only the shapes; what they mean is in `header`, `protection` and `container`.
The content of header.key is read as a row of elements, because a reader has
to keep the ones that it does not know, byte for byte; the classes here then
describe single elements.

Source: CryptoPro CSP containers as observed on real ones (attributes, tags
and order of header.key, name.key, primary.key, masks.key).
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from gostkey.errors import ContainerDamaged

T = TypeVar("T")

# DER identifier octets of the elements of header.key's content.
TAG_CONTAINER_ALGORITHM = b"\xa0"
TAG_BIT_STRING = b"\x03"
TAG_SEQUENCE = b"\x30"
TAG_IA5_STRING = b"\x16"
TAG_PASSWORD_MAC = b"\x82"
TAG_SECONDARY_PARAMETERS = b"\xa4"
TAG_PRIMARY_CERTIFICATE = b"\x85"
TAG_SECONDARY_CERTIFICATE = b"\x86"
TAG_PRIMARY_FINGERPRINT = b"\x8a"
TAG_SECONDARY_FINGERPRINT = b"\x8b"
TAG_EXTENSIONS = b"\xac"

V2_FULL = ObjectIdentifier("1.2.643.2.2.37.2.1")
"""Container algorithm of every file container met."""

PERIOD_OF_SIGNATURE_KEY = ObjectIdentifier("1.2.643.2.2.37.3.9")
PERIOD_OF_EXCHANGE_KEY = ObjectIdentifier("1.2.643.2.2.37.3.10")


@asn1.sequence
class NameFile:
    """name.key; the string is tagged IA5String but holds Windows-1251."""

    name: asn1.TLV


@asn1.sequence
class NameFileWithExtra:
    """name.key with the optional second element that one program writes."""

    name: asn1.TLV
    extra: asn1.TLV


@asn1.sequence
class PrimaryFile:
    """primary.key and primary2.key: the encrypted masked keys."""

    primary: bytes
    secondary: Annotated[bytes | None, asn1.Implicit(0)]
    hmac_key: bytes | None


@asn1.sequence
class MasksFile:
    """masks.key and masks2.key."""

    mask: bytes
    salt: bytes
    mac: bytes


@asn1.sequence
class HeaderFile:
    """header.key: its content, and the MAC over the content's DER."""

    content: asn1.TLV
    mac: bytes


@asn1.sequence
class HeaderElements:
    """header.key again, its content element by element."""

    content: list[asn1.TLV]
    mac: bytes


@asn1.sequence
class Elements:
    """`One` whose element is the content of header.key, element by element."""

    element: list[asn1.TLV]


@asn1.sequence
class GostParameters:
    """Curve and digest (2012) or hash parameters (2001) of a key."""

    curve: ObjectIdentifier
    digest: ObjectIdentifier | None


@asn1.sequence
class Algorithm:
    """AlgorithmIdentifier of a GOST key."""

    algorithm: ObjectIdentifier
    parameters: GostParameters


@asn1.sequence
class KeyParameters:
    """What the container says of one key."""

    attributes: asn1.BitString
    algorithm: Annotated[Algorithm, asn1.Implicit(0)]


@asn1.sequence
class Extension:
    """An extension of the container; it has no critical flag."""

    oid: ObjectIdentifier
    value: bytes


@asn1.sequence
class UsagePeriod:
    """PrivateKeyUsagePeriod (RFC 3280, 4.2.1.4)."""

    not_before: Annotated[asn1.GeneralizedTime | None, asn1.Implicit(0)]
    not_after: Annotated[asn1.GeneralizedTime | None, asn1.Implicit(1)]


@asn1.sequence
class One:
    """One element in a SEQUENCE: the way to read an element under its own tag."""

    element: asn1.TLV


@asn1.sequence
class SecondaryParameters:
    """`One` whose element is secondaryParams."""

    element: Annotated[KeyParameters, asn1.Implicit(4)]


@asn1.sequence
class Extensions:
    """`One` whose element is extensions."""

    element: Annotated[list[Extension], asn1.Implicit(12)]


@asn1.sequence
class ContainerAlgorithm:
    """AlgorithmIdentifier of the container; without parameters."""

    algorithm: ObjectIdentifier


@asn1.sequence
class Content:
    """Content of header.key as we write it; the order is that of real files."""

    algorithm: Annotated[ContainerAlgorithm, asn1.Implicit(0)]
    attributes: asn1.BitString
    primary: KeyParameters
    password_mac: Annotated[bytes | None, asn1.Implicit(2)]
    certificate: Annotated[bytes | None, asn1.Implicit(5)]
    fingerprint: Annotated[bytes, asn1.Implicit(10)]
    extensions: Annotated[list[Extension], asn1.Implicit(12)]


@asn1.sequence
class PasswordMac:
    """`One` whose element is hmacPassword."""

    element: Annotated[bytes, asn1.Implicit(2)]


@asn1.sequence
class PrimaryCertificate:
    """`One` whose element is primaryCertificate."""

    element: Annotated[bytes, asn1.Implicit(5)]


@asn1.sequence
class SecondaryCertificate:
    """`One` whose element is secondaryCertificate."""

    element: Annotated[bytes, asn1.Implicit(6)]


@asn1.sequence
class Certificate:
    """An X.509 certificate, as far as a container needs it."""

    tbs: list[asn1.TLV]
    algorithm: asn1.TLV
    signature: asn1.BitString


@asn1.sequence
class Validity:
    """Dates of a certificate."""

    not_before: asn1.UTCTime | asn1.GeneralizedTime
    not_after: asn1.UTCTime | asn1.GeneralizedTime


def decode(shape: type[T], der: bytes, what: str) -> T:
    """Decode DER, or say which file is damaged.

    Raises:
        ContainerDamaged: naming *what* (such as "header.key").
    """
    try:
        return asn1.decode_der(shape, der)
    except ValueError as error:
        raise ContainerDamaged(
            f"{what}: {len(der)} bytes that are not the expected structure; "
            f"the file was changed or cut short ({_reason(error)})"
        ) from None


def parse(shape: type[T], element: asn1.TLV, what: str) -> T:
    """Decode an element under its own universal tag.

    Raises:
        ContainerDamaged: naming *what*.
    """
    return decode(shape, encode_element(element), what)


def within(shape: type[T], element: asn1.TLV, what: str) -> T:
    """Decode an element with a context tag; *shape* is a `One` of that tag.

    Raises:
        ContainerDamaged: naming *what*.
    """
    return decode(shape, asn1.encode_der(One(element=element)), what)


def encode_element(element: asn1.TLV) -> bytes:
    """Return the DER of an element, tag and length included."""
    return asn1.encode_der(element)


def element_of(der: bytes) -> asn1.TLV:
    """Return the first element of a one-element SEQUENCE."""
    return asn1.decode_der(One, der).element


def _reason(error: ValueError) -> str:
    text = str(error)
    kind = text.partition("kind: ")[2]
    return kind.split(" ")[0].strip("{},") if kind else text
