"""AlgorithmIdentifier of GOST keys.

Sources: RFC 4491 2.3.2 (2001), RFC 9215 4.2 (2012).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from gostkey import curves
from gostkey.curves import Curve
from gostkey.errors import EncodingError, UnknownAlgorithm

from .der import decode, encode

__all__ = [
    "DIGEST_OIDS",
    "KEY_OIDS",
    "DigestParameters",
    "KeyAlgorithm",
    "KeyIdentifier",
    "Scheme",
    "decode_algorithm",
    "encode_algorithm",
    "from_identifier",
    "to_identifier",
]


class Scheme(enum.Enum):
    """The standard that a key belongs to; it decides the hash and the OIDs."""

    GOST_2001 = "2001"
    GOST_2012 = "2012"

    # Members are single; Enum's own hash is Python, and felt with many keys.
    __hash__ = object.__hash__


DigestParameters: TypeAlias = Literal["profile", "always"]
"""When digestParamSet is written: as RFC 9215 has it, or always (some readers,
such as BouncyCastle 1.72, do not load a key without)."""

KEY_OIDS = {
    (Scheme.GOST_2001, 256): "1.2.643.2.2.19",
    (Scheme.GOST_2012, 256): "1.2.643.7.1.1.1.1",
    (Scheme.GOST_2012, 512): "1.2.643.7.1.1.1.2",
}
"""OID of a public key by scheme and bits."""

DIGEST_OIDS = {
    (Scheme.GOST_2001, 256): "1.2.643.2.2.30.1",
    (Scheme.GOST_2012, 256): "1.2.643.7.1.1.2.2",
    (Scheme.GOST_2012, 512): "1.2.643.7.1.1.2.3",
}
"""digestParamSet by scheme and bits."""

_BY_OID = {oid: key for key, oid in KEY_OIDS.items()}
_DIGEST_2001_TEST = "1.2.643.2.2.30.0"
_OLD_CURVES = ("1.2.643.2.2.35.", "1.2.643.2.2.36.")
"""Curves named in the days of the 2001 standard; these need digestParamSet."""


@dataclass(frozen=True)
class KeyAlgorithm:
    """What an AlgorithmIdentifier of a key says."""

    curve: Curve
    scheme: Scheme
    digest_oid: str | None = None
    """digestParamSet as found; None if it was left out."""
    encryption_oid: str | None = None
    """encryptionParamSet as found (2001 keys only)."""


@asn1.sequence
class _Parameters:
    public_key: ObjectIdentifier
    digest: ObjectIdentifier | None
    encryption: ObjectIdentifier | None


@asn1.sequence
class KeyIdentifier:
    """AlgorithmIdentifier whose parameters are there, whatever they are."""

    algorithm: ObjectIdentifier
    parameters: asn1.TLV


def encode_algorithm(
    curve: Curve, scheme: Scheme, *, digest_parameters: DigestParameters = "profile"
) -> bytes:
    """Encode the AlgorithmIdentifier of a key.

    Args:
        curve: written under its `oid`, the one that it was asked by.
        scheme: GOST_2001 goes with 256-bit curves only.
        digest_parameters: "profile": digestParamSet is written where RFC 9215
            4.2 wants it (old names with 2012 keys, all 2001 keys) and left out
            elsewhere; "always": it is always written.

    Raises:
        UnknownAlgorithm: for a 2001 key of 512 bits.
    """
    return encode(to_identifier(curve, scheme, digest_parameters))


def to_identifier(
    curve: Curve, scheme: Scheme, digest_parameters: DigestParameters = "profile"
) -> KeyIdentifier:
    """Return the value that `encode_algorithm` encodes."""
    if (scheme, curve.bits) not in KEY_OIDS:
        raise UnknownAlgorithm(
            f"scheme {scheme.value} has no keys of {curve.bits} bits ({curve.name})"
        )
    digest = None
    if (
        digest_parameters == "always"
        or scheme is Scheme.GOST_2001
        or curve.oid.startswith(_OLD_CURVES)
    ):
        digest = ObjectIdentifier(DIGEST_OIDS[scheme, curve.bits])
    parameters = _Parameters(
        public_key=ObjectIdentifier(curve.oid), digest=digest, encryption=None
    )
    return KeyIdentifier(
        algorithm=ObjectIdentifier(KEY_OIDS[scheme, curve.bits]),
        parameters=decode(asn1.TLV, encode(parameters), "key parameters"),
    )


def decode_algorithm(der: bytes) -> KeyAlgorithm:
    """Decode the AlgorithmIdentifier of a key.

    Raises:
        EncodingError: if it is none, or its parts contradict each other.
        UnknownAlgorithm: if the key is not a GOST one.
        UnknownCurve: if its parameter set is not one of the nine.
    """
    return from_identifier(decode(KeyIdentifier, der, "AlgorithmIdentifier"))


def from_identifier(identifier: KeyIdentifier) -> KeyAlgorithm:
    """Return what a decoded AlgorithmIdentifier says; see `decode_algorithm`."""
    return _read(identifier.algorithm.dotted_string, tlv(identifier.parameters))


@lru_cache(maxsize=128)
def _read(oid: str, parameters_der: bytes) -> KeyAlgorithm:
    """Read the parameters; there are a few of them that all keys share."""
    if oid not in _BY_OID:
        raise UnknownAlgorithm(
            f"key algorithm {oid} is not a GOST R 34.10 one; it should be one of "
            f"{', '.join(_BY_OID)}"
        )
    scheme, bits = _BY_OID[oid]
    parameters = decode(_Parameters, parameters_der, "key parameters")
    curve = curves.get(parameters.public_key.dotted_string)
    if curve.bits != bits:
        raise EncodingError(
            f"key parameters: algorithm {oid} is for {bits} bits, but "
            f"publicKeyParamSet {curve.oid} has {curve.bits}"
        )
    digest = _dotted(parameters.digest)
    right = {None, DIGEST_OIDS[scheme, bits]}
    if scheme is Scheme.GOST_2001:
        right.add(_DIGEST_2001_TEST)
    if digest not in right:
        raise EncodingError(
            f"key parameters: digestParamSet {digest} does not go with key "
            f"algorithm {oid}; it should be {DIGEST_OIDS[scheme, bits]}"
        )
    return KeyAlgorithm(curve, scheme, digest, _dotted(parameters.encryption))


def tlv(value: asn1.TLV) -> bytes:
    """Return the octets of a TLV, header included."""
    return encode(value)


def _dotted(oid: ObjectIdentifier | None) -> str | None:
    return None if oid is None else oid.dotted_string
