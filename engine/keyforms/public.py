"""SubjectPublicKeyInfo of GOST keys.

The BIT STRING holds an OCTET STRING, and that x then y, each little-endian.

Sources: RFC 4491 2.3.2, RFC 9215 4.2; RFC 5280 4.1 (where a certificate has it).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from cryptography.hazmat import asn1

from gostkey.curves import Curve
from gostkey.errors import EncodingError, GostKeyError, LengthError
from gostkey.primitives import Readable

from .algorithms import (
    DigestParameters,
    KeyIdentifier,
    Scheme,
    from_identifier,
    to_identifier,
)
from .der import decode, encode
from .pem import unpem

__all__ = [
    "PublicKeyInfo",
    "certificate_public_key",
    "decode_spki",
    "encode_spki",
    "point_octets",
]


@dataclass(frozen=True)
class PublicKeyInfo:
    """A public key with what its DER says about it; the point is not checked."""

    curve: Curve
    scheme: Scheme
    public_le: bytes
    """x then y, each little-endian, 32 or 64 bytes."""
    digest_oid: str | None = None
    """digestParamSet; None if it was left out."""


@asn1.sequence
class _Spki:
    algorithm: KeyIdentifier
    public_key: asn1.BitString


@asn1.sequence
class _TbsCertificate:
    version: Annotated[int, asn1.Explicit(0), asn1.Default(0)]
    serial: asn1.TLV
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: asn1.TLV
    subject: asn1.TLV
    public_key: asn1.TLV
    issuer_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Explicit(3)]


@asn1.sequence
class _Certificate:
    tbs: _TbsCertificate
    signature_algorithm: asn1.TLV
    signature: asn1.BitString


def encode_spki(
    curve: Curve,
    scheme: Scheme,
    public_le: Readable,
    *,
    digest_parameters: DigestParameters = "profile",
) -> bytes:
    """Encode a SubjectPublicKeyInfo.

    Args:
        curve: written under its `oid`.
        scheme: the standard that the key belongs to.
        public_le: x then y, each little-endian.
        digest_parameters: see `encode_algorithm`.

    Raises:
        LengthError: if *public_le* has not twice the curve's size.
    """
    point = bytes(public_le)
    if len(point) != 2 * curve.size:
        raise LengthError(
            f"public key has {len(point)} bytes; {curve.name} wants {2 * curve.size}"
        )
    return encode(
        _Spki(
            algorithm=to_identifier(curve, scheme, digest_parameters),
            public_key=asn1.BitString(encode(point), 0),
        )
    )


def decode_spki(data: bytes | str) -> PublicKeyInfo:
    """Decode a SubjectPublicKeyInfo, DER or PEM ("PUBLIC KEY").

    The point itself is not checked to be on the curve.

    Raises:
        EncodingError: if it is none.
        UnknownAlgorithm: if the key is not a GOST one.
        UnknownCurve: if its parameter set is not one of the nine.
    """
    return _read_spki(unpem(data, "PUBLIC KEY"))


def certificate_public_key(data: bytes | str) -> PublicKeyInfo:
    """Return the public key of an X.509 certificate, DER or PEM; see `decode_spki`.

    Nothing else of the certificate is looked at.
    """
    return _read_certificate(unpem(data, "CERTIFICATE", "X509 CERTIFICATE"))


def point_octets(bits: asn1.BitString, curve: Curve) -> bytes:
    """Return x || y of a BIT STRING with an OCTET STRING in it."""
    if bits.padding_bits():
        raise EncodingError("public key: its BIT STRING must be of whole octets")
    point = decode(bytes, bits.as_bytes(), "public key in its BIT STRING")
    if len(point) != 2 * curve.size:
        raise EncodingError(
            f"public key has {len(point)} bytes; {curve.name} wants {2 * curve.size}"
        )
    return point


def _read_spki(der: bytes) -> PublicKeyInfo:
    # The point is at the end, 64 or 128 octets.  What stands before it is the same in
    # all keys of a kind, lengths and all, so that it says what the whole is.
    size = 64 if len(der) < 150 else 128
    try:
        kind = _kind_of(der[:-size], size)
    except GostKeyError:
        return _decode_spki(der)
    if len(kind.public_le) != size:
        return _decode_spki(der)
    return PublicKeyInfo(kind.curve, kind.scheme, der[-size:], kind.digest_oid)


@lru_cache(maxsize=256)
def _kind_of(before: bytes, size: int) -> PublicKeyInfo:
    return _decode_spki(before + bytes(size))


def _decode_spki(der: bytes) -> PublicKeyInfo:
    spki = decode(_Spki, der, "SubjectPublicKeyInfo")
    found = from_identifier(spki.algorithm)
    point = point_octets(spki.public_key, found.curve)
    return PublicKeyInfo(found.curve, found.scheme, point, found.digest_oid)


# The certificate of a container that is looked at is asked for again and again.


@lru_cache(maxsize=16)
def _read_certificate(der: bytes) -> PublicKeyInfo:
    spki = decode(_Certificate, der, "certificate").tbs.public_key
    return _read_spki(encode(spki))
