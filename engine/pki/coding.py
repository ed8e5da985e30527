"""Reading and writing DER with `cryptography.hazmat.asn1`, with our errors.

The library has no NumericString and no BMPString, and reads a SEQUENCE OF only
inside a class.  `string_tlv` and `wrap` close these two gaps with the library's
own means, so no DER is made by hand.
"""

from __future__ import annotations

from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat import asn1

# x509.NameAttribute takes the string type only as a member of this enumeration,
# which the library does not re-export.
from cryptography.x509.name import _ASN1Type

from gostkey.errors import EncodingError
from gostkey.keyforms import unpem

from . import schemas
from .schemas import OID

T = TypeVar("T")

LARGEST = 1 << 20
"""Bytes that a certificate or request may have; real ones have 1 to 4 KiB."""
LARGEST_OF_ALL = 1 << 29
"""Bytes that a CRL or CMS may have."""


def decode(schema: type[T], der: bytes, what: str, *, largest: int = LARGEST) -> T:
    """Read DER.

    Raises:
        EncodingError: naming *what*, if it is not that structure.
    """
    if len(der) > largest:
        raise EncodingError(f"{what}: {len(der)} bytes; at most {largest} are read")
    try:
        return asn1.decode_der(schema, der)
    except (ValueError, OverflowError) as error:
        raise EncodingError(f"{what}: not the DER it should be ({error})") from error


def encode(value: Any) -> bytes:
    """Write DER; a TLV gives back the octets it was read from.

    Raises:
        EncodingError: if a value does not fit its type.
    """
    try:
        return asn1.encode_der(value)
    except (ValueError, OverflowError) as error:
        raise EncodingError(f"value does not fit its DER type: {error}") from error


def parse(value: asn1.TLV, schema: type[T], what: str) -> T:
    """Read a value that a structure holds as TLV.

    Raises:
        EncodingError: naming *what*, if it is not that.
    """
    try:
        found: T = value.parse(schema)
        return found
    except (ValueError, OverflowError) as error:
        raise EncodingError(f"{what}: not the DER it should be ({error})") from error


@lru_cache(maxsize=256)
def oid(text: str) -> OID:
    """Return an OBJECT IDENTIFIER written with dots.

    Raises:
        EncodingError: if it is none.
    """
    try:
        return OID(text)
    except ValueError:
        raise EncodingError(
            f"OID {text!r}: must be numbers with dots, such as 1.2.643.100.1"
        ) from None


def tlv(der: bytes, what: str = "DER value") -> asn1.TLV:
    """Take whole DER as a value that is put into another structure as it is."""
    return decode(asn1.TLV, der, what, largest=LARGEST_OF_ALL)


def set_order(items: list[T]) -> list[T]:
    """Sort into the order that DER wants of a SET OF (X.690 11.6).

    For sets under an implicit tag, which the schemas have as lists.  One encoding
    is never the beginning of another, so the order of bytes is the right one.
    """
    return sorted(items, key=encode)


def wrap(der: bytes, what: str) -> bytes:
    """Put a SEQUENCE around DER.

    A structure that is itself a SEQUENCE OF cannot be decoded by the library at
    the top level; as the only field of a class it can.
    """
    if len(der) > LARGEST_OF_ALL:
        raise EncodingError(
            f"{what}: {len(der)} bytes; at most {LARGEST_OF_ALL} are read"
        )
    return enclosed(b"\x30", der)


def enclosed(tag: bytes, *pieces: bytes) -> bytes:
    """Put a tag and a length before pieces of DER.

    The length is the library's own: that of an OCTET STRING of as many bytes, whose
    tag is another.  For sizes that come again and again it is asked once.
    """
    content = b"".join(pieces)
    return head(tag, len(content)) + content


def head(tag: bytes, size: int) -> bytes:
    """Return a tag and the length of so many bytes."""
    return _small_head(tag, size) if size <= _SMALL else tag + _length(size)


def _length(size: int) -> bytes:
    whole = asn1.encode_der(bytes(size))
    return whole[1 : len(whole) - size]


_SMALL = 16384


@lru_cache(maxsize=4096)
def _small_head(tag: bytes, size: int) -> bytes:
    return tag + _length(size)


def unwrap(der: bytes) -> bytes:
    """Return what is inside a SEQUENCE around one thing; inverse of `wrap`."""
    return encode(decode(schemas.One, der, "SEQUENCE", largest=LARGEST_OF_ALL).content)


def encode_oids(oids: list[str]) -> bytes:
    """Encode SEQUENCE OF OBJECT IDENTIFIER."""
    return unwrap(encode(schemas.OidList(items=[oid(text) for text in oids])))


def decode_oids(der: bytes, what: str) -> list[str]:
    """Decode SEQUENCE OF OBJECT IDENTIFIER."""
    found = decode(schemas.OidList, wrap(der, what), what)
    return [item.dotted_string for item in found.items]


def encode_extensions(extensions: list[asn1.TLV]) -> bytes:
    """Encode Extensions, as the attribute extensionRequest holds them."""
    return unwrap(encode(schemas.ExtensionList(items=extensions)))


def decode_extensions(der: bytes, what: str) -> list[asn1.TLV]:
    """Decode Extensions."""
    return decode(schemas.ExtensionList, wrap(der, what), what).items


def decode_fields(der: bytes, what: str) -> list[asn1.TLV]:
    """Decode a SEQUENCE into its fields, of whatever types they are."""
    return decode(schemas.TlvList, wrap(der, what), what).items


def encode_fields(fields: list[bytes]) -> bytes:
    """Encode a SEQUENCE of fields that are DER already."""
    items = [tlv(field) for field in fields]
    return unwrap(encode(schemas.TlvList(items=items)))


def boolean(value: asn1.TLV) -> bool | None:
    """Return a BOOLEAN, of which any octet but 00 is true (BER); None if none."""
    if value.tag_bytes != b"\x01" or len(value.data) != 1:
        return None
    return value.data[0] != 0


def encode_policies(oids: list[str]) -> bytes:
    """Encode CertificatePolicies without qualifiers."""
    policies = [
        schemas.PolicyInformation(identifier=oid(o), qualifiers=None) for o in oids
    ]
    return unwrap(encode(schemas.PolicyList(items=policies)))


def decode_policies(der: bytes, what: str) -> list[str]:
    """Decode CertificatePolicies to OIDs."""
    found = decode(schemas.PolicyList, wrap(der, what), what)
    return [policy.identifier.dotted_string for policy in found.items]


# -- algorithms, dates, strings -----------------------------------------------


@lru_cache(maxsize=16)
def algorithm(dotted: str) -> asn1.TLV:
    """Return AlgorithmIdentifier with parameters absent (RFC 9215 2)."""
    return tlv(
        encode(schemas.AlgorithmIdentifier(algorithm=oid(dotted), parameters=None))
    )


def algorithm_oid(value: asn1.TLV, what: str) -> str:
    """Return the OID of an AlgorithmIdentifier with parameters absent or NULL.

    For any other parameters (PSS and the like) it is returned too: no GOST
    algorithm has such, so the OID is what an error message needs.
    """
    found: schemas.AlgorithmIdentifier | schemas.AlgorithmWithParameters
    try:
        found = parse(value, schemas.AlgorithmIdentifier, what)
    except EncodingError:
        found = parse(value, schemas.AlgorithmWithParameters, what)
    return found.algorithm.dotted_string


def require_aware(at: datetime) -> datetime:
    """Return a moment in UTC; a naive one is a mistake of the program.

    Raises:
        TypeError: if it has no time zone.
    """
    if at.tzinfo is None:
        raise TypeError("at: a datetime with a time zone is needed, such as UTC")
    return at.astimezone(timezone.utc)


def time_value(moment: datetime) -> asn1.UTCTime | asn1.GeneralizedTime:
    """Return UTCTime until 2049, then GeneralizedTime (RFC 5280 4.1.2.5)."""
    moment = require_aware(moment).replace(microsecond=0)
    if 1950 <= moment.year < 2050:
        return asn1.UTCTime(moment)
    return asn1.GeneralizedTime(moment)


def generalized_time(moment: datetime) -> asn1.GeneralizedTime:
    """Return GeneralizedTime without fractions of a second."""
    return asn1.GeneralizedTime(require_aware(moment).replace(microsecond=0))


STRING_TYPES: dict[int, tuple[str, str]] = {
    0x0C: ("UTF8String", "utf-8"),
    0x12: ("NumericString", "ascii"),
    0x13: ("PrintableString", "ascii"),
    0x14: ("TeletexString", "latin-1"),
    0x16: ("IA5String", "ascii"),
    0x1A: ("VisibleString", "ascii"),
    0x1C: ("UniversalString", "utf-32-be"),
    0x1E: ("BMPString", "utf-16-be"),
}
"""Tag octet -> name of the type, Python codec of its contents."""
_STRING_TAGS = {bytes([tag]): found for tag, found in STRING_TYPES.items()}

_BY_X509_NAME = {
    "NumericString": _ASN1Type.NumericString,
    "TeletexString": _ASN1Type.T61String,
    "VisibleString": _ASN1Type.VisibleString,
    "UniversalString": _ASN1Type.UniversalString,
    "BMPString": _ASN1Type.BMPString,
}
_ANY_ATTRIBUTE = OID("2.5.4.13")


def string_tlv(type_name: str, text: str) -> asn1.TLV:
    """Return a string of a given type.

    hazmat.asn1 writes UTF8String, PrintableString and IA5String; the others it
    has no class for, but x509.Name writes them, so the string is taken out of a
    name with one attribute.

    Raises:
        EncodingError: if the type is unknown or cannot hold the text.
    """
    try:
        if type_name == "UTF8String":
            return tlv(encode(text))
        if type_name == "PrintableString":
            return tlv(encode(asn1.PrintableString(text)))
        if type_name == "IA5String":
            return tlv(encode(asn1.IA5String(text)))
        kind = _BY_X509_NAME[type_name]
        codec = next(c for n, c in STRING_TYPES.values() if n == type_name)
        text.encode(codec)
        if type_name == "NumericString" and not set(text) <= set("0123456789 "):
            raise ValueError("digits and spaces only")
        name = x509.Name([x509.NameAttribute(_ANY_ATTRIBUTE, text, kind)])
        found = decode(schemas.NameList, wrap(name.public_bytes(), "name"), "name")
        return found.rdns[0].as_list()[0].value
    except KeyError:
        raise EncodingError(
            f"string type {type_name!r} is unknown; "
            f"known: {', '.join(name for name, _ in STRING_TYPES.values())}"
        ) from None
    except (ValueError, OverflowError) as error:
        raise EncodingError(f"{type_name}: cannot hold {text!r}: {error}") from error


def string_value(value: asn1.TLV, what: str) -> tuple[str, str]:
    """Return type name and text of a string of any type.

    Raises:
        EncodingError: if it is not a string, or its octets are not of its type.
    """
    found = read_string(value)
    if found is not None:
        return found
    kind = _STRING_TAGS.get(value.tag_bytes)
    if kind is None:
        raise EncodingError(
            f"{what}: tag {value.tag_bytes.hex()} is not that of a string"
        )
    raise EncodingError(f"{what}: octets are not a {kind[0]}")


def read_string(value: asn1.TLV) -> tuple[str, str] | None:
    """Return type name and text of a string; None if it is none or a bad one."""
    found = _STRING_TAGS.get(value.tag_bytes)
    if found is None:
        return None
    try:
        return found[0], str(value.data, found[1])
    except UnicodeDecodeError:
        return None


def der_of(data: bytes | bytearray | str, *labels: str) -> bytes:
    """Return the DER in *data*, DER or PEM with one of *labels*.

    DER may hold the text of a PEM block, so it is told by its first two octets:
    a SEQUENCE of 128 bytes or more, which no text begins with.

    Raises:
        EncodingError: if it is neither.
    """
    if not isinstance(data, str) and data[:1] == b"\x30" and data[1:2] >= b"\x80":
        return bytes(data)
    return unpem(data, *labels)
