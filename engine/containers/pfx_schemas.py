"""ASN.1 of a PFX (PKCS #12) and of the key blob in CryptoPro's.

Sources: RFC 7292 4 (the layers), RFC 5652 8 (EncryptedData), RFC 8018 A (PBES2);
CryptoPro's key bag as observed on real files.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple, TypeAlias

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from gostkey.errors import EncodingError
from gostkey.keyforms.der import decode, encode

from .schemas import KeyParameters

OID = ObjectIdentifier

DATA = "1.2.840.113549.1.7.1"
ENCRYPTED_DATA = "1.2.840.113549.1.7.6"

KEY_BAG = "1.2.840.113549.1.12.10.1.1"
SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.2"
CERTIFICATE_BAG = "1.2.840.113549.1.12.10.1.3"
BAG_NAMES = {
    "1.2.840.113549.1.12.10.1.4": "CRL bag",
    "1.2.840.113549.1.12.10.1.5": "secret bag",
    "1.2.840.113549.1.12.10.1.6": "nested bag",
}
"""Bags of RFC 7292 that are known and not read."""

X509_CERTIFICATE = "1.2.840.113549.1.9.22.1"
FRIENDLY_NAME = "1.2.840.113549.1.9.20"
LOCAL_KEY_ID = "1.2.840.113549.1.9.21"
PROVIDER_NAME = "1.3.6.1.4.1.311.17.1"
"""Microsoft's attribute of a key bag: the provider that the key was made by."""

_BMP_STRING = b"\x1e"
_SET, _SEQUENCE = b"\x31", b"\x30"


AlgorithmIdentifier: TypeAlias = list[asn1.TLV]
"""An OID, and parameters of any type or none; see `make_algorithm`."""


@asn1.sequence
class ContentInfo:
    """A type and a content."""

    content_type: OID
    content: Annotated[asn1.TLV, asn1.Explicit(0)]


@asn1.sequence
class DigestInfo:
    """A digest, here a MAC, with its algorithm."""

    algorithm: AlgorithmIdentifier
    digest: bytes


@asn1.sequence
class MacData:
    """The MAC over the content of a PFX."""

    mac: DigestInfo
    salt: bytes
    iterations: Annotated[int, asn1.Default(1)]


@asn1.sequence
class Pfx:
    """The outermost layer."""

    version: int
    content: ContentInfo
    mac: MacData | None


@asn1.sequence
class EncryptedContentInfo:
    """What is encrypted, and how."""

    content_type: OID
    algorithm: AlgorithmIdentifier
    content: Annotated[bytes | None, asn1.Implicit(0)]


@asn1.sequence
class EncryptedData:
    """CMS EncryptedData, whose key comes from a password."""

    version: int
    content: EncryptedContentInfo
    attributes: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class Attribute:
    """An attribute of a bag or of a private key."""

    oid: OID
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class SafeBag:
    """One thing in a PFX, as it is written; it is read as a `Bag`."""

    oid: OID
    value: Annotated[asn1.TLV, asn1.Explicit(0)]
    attributes: asn1.SetOf[Attribute] | None


@asn1.sequence
class CertificateBag:
    """A certificate; the value is an OCTET STRING for X.509."""

    oid: OID
    value: Annotated[asn1.TLV, asn1.Explicit(0)]


@asn1.sequence
class EncryptedKey:
    """EncryptedPrivateKeyInfo."""

    algorithm: AlgorithmIdentifier
    data: bytes


@asn1.sequence
class SaltAndIterations:
    """Parameters of the PBE schemes of PKCS #12, CryptoPro's included."""

    salt: bytes
    iterations: int


@asn1.sequence
class Pbes2:
    """Parameters of PBES2."""

    derivation: AlgorithmIdentifier
    cipher: AlgorithmIdentifier


@asn1.sequence
class Pbkdf2:
    """Parameters of PBKDF2; HMAC-SHA-1 if no function is named."""

    salt: bytes
    iterations: int
    key_length: int | None
    prf: AlgorithmIdentifier | None


@asn1.sequence
class BlobKeyInfo:
    """PrivateKeyInfo whose key is a blob of CryptoPro."""

    version: int
    algorithm: AlgorithmIdentifier
    blob: bytes
    attributes: Annotated[asn1.SetOf[Attribute] | None, asn1.Implicit(0)]


@asn1.sequence
class AnyKeyInfo:
    """PrivateKeyInfo as far as it tells that something is one."""

    version: int
    algorithm: AlgorithmIdentifier
    key: bytes
    attributes: Annotated[asn1.SetOf[asn1.TLV] | None, asn1.Implicit(0)]
    public_key: Annotated[asn1.BitString | None, asn1.Implicit(1)]


@asn1.sequence
class WrappedKey:
    """The private key under the key encryption key, with its MAC."""

    encrypted: bytes
    mask: Annotated[bytes | None, asn1.Implicit(0)]
    mac: bytes


@asn1.sequence
class ExportInner:
    """What the MAC of an export blob covers."""

    ukm: bytes
    key: WrappedKey
    parameters: Annotated[KeyParameters, asn1.Implicit(0)]


@asn1.sequence
class ExportBlob:
    """The key as CryptoPro exports it."""

    inner: asn1.TLV
    mac: bytes


@asn1.sequence
class _Around:
    content: asn1.TLV


@asn1.sequence
class _ContentInfos:
    items: list[ContentInfo]


@asn1.sequence
class _SafeBags:
    items: list[SafeBag]


@asn1.sequence
class _Fields:
    items: list[list[asn1.TLV]]


@asn1.sequence
class _BagValue:
    value: Annotated[asn1.TLV, asn1.Explicit(0)]


@asn1.sequence
class _Items:
    items: list[asn1.TLV]


class Bag(NamedTuple):
    """One thing in a PFX, as it was read."""

    oid: str
    value: bytes
    """DER."""
    attributes: dict[str, list[asn1.TLV]]
    """Values by OID; what is no attribute is left out."""


def content_infos(der: bytes, what: str) -> list[ContentInfo]:
    """Read an AuthenticatedSafe.

    Raises:
        EncodingError: naming *what*.
    """
    return decode(_ContentInfos, _around(der, what), what).items


def safe_bags(der: bytes, what: str) -> list[Bag]:
    """Read a SafeContents.

    Raises:
        EncodingError: naming *what*.
    """
    bags = []
    for fields in decode(_Fields, _around(der, what), what).items:
        if not 2 <= len(fields) <= 3:
            raise EncodingError(
                f"{what}: a bag of {len(fields)} fields; it should have 2 or 3"
            )
        value = decode(_BagValue, encode(_Around(content=fields[1])), what).value
        attributes = _attributes(fields[2]) if len(fields) == 3 else {}
        bags.append(Bag(oid_of(fields[:1]), encode(value), attributes))
    return bags


def _attributes(found: asn1.TLV) -> dict[str, list[asn1.TLV]]:
    """Read a bag's attributes, in any order: not every program sorts a SET."""
    if found.tag_bytes != _SET:
        return {}
    try:
        return {
            oid_of(fields[:1]): _values(fields[1])
            for fields in decode(_Fields, _around_set(found), "attributes").items
            if len(fields) == 2 and fields[1].tag_bytes == _SET
        }
    except EncodingError:
        return {}


def _values(found: asn1.TLV) -> list[asn1.TLV]:
    return decode(_Items, _around_set(found), "attribute").items


def _around_set(found: asn1.TLV) -> bytes:
    """Make the SET a SEQUENCE, whose order is not looked at, and put one around."""
    return _around(_SEQUENCE + encode(found)[1:], "SET")


def encode_content_infos(items: list[ContentInfo]) -> bytes:
    """Encode an AuthenticatedSafe."""
    return _inside(encode(_ContentInfos(items=items)))


def encode_safe_bags(items: list[SafeBag]) -> bytes:
    """Encode a SafeContents."""
    return _inside(encode(_SafeBags(items=items)))


def make_algorithm(oid: str, parameters: bytes | None) -> AlgorithmIdentifier:
    """Make an AlgorithmIdentifier of an OID and the DER of its parameters."""
    fields = [tlv(encode(OID(oid)))]
    return fields if parameters is None else [*fields, tlv(parameters)]


def oid_of(algorithm: AlgorithmIdentifier) -> str:
    """Return the OID of an AlgorithmIdentifier.

    Raises:
        EncodingError: if it is none.
    """
    if not 1 <= len(algorithm) <= 2:
        raise EncodingError(
            f"AlgorithmIdentifier: {len(algorithm)} fields; it should have 1 or 2"
        )
    return decode(OID, encode(algorithm[0]), "AlgorithmIdentifier").dotted_string


def parameters_of(algorithm: AlgorithmIdentifier) -> bytes:
    """Return the DER of an algorithm's parameters.

    Raises:
        EncodingError: if there are none.
    """
    if len(algorithm) != 2:
        raise EncodingError(f"algorithm {oid_of(algorithm)}: it has no parameters")
    return encode(algorithm[1])


def octets(value: asn1.TLV, what: str) -> bytes:
    """Return the content of an OCTET STRING.

    Raises:
        EncodingError: naming *what*, if it is none.
    """
    return decode(bytes, encode(value), what)


def tlv(der: bytes) -> asn1.TLV:
    """Take DER as a value to be put into another structure."""
    return decode(asn1.TLV, der, "DER value")


def bmp_string(text: str) -> asn1.TLV:
    """Encode a BMPString, which the library does not have."""
    return tlv(_BMP_STRING + encode(text.encode("utf-16-be"))[1:])


def bmp_text(value: asn1.TLV) -> str | None:
    """Return the text of a BMPString; None if it is none."""
    if value.tag_bytes != _BMP_STRING:
        return None
    return bytes(value.data).decode("utf-16-be", errors="replace")


# The library reads a SEQUENCE OF only as a field of a class.


def _around(der: bytes, what: str) -> bytes:
    return encode(_Around(content=decode(asn1.TLV, der, what)))


def _inside(der: bytes) -> bytes:
    return encode(decode(_Around, der, "SEQUENCE").content)
