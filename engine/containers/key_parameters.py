"""KeyParams: the algorithm, curve and attributes of one key.

They stand in header.key and, in the same form, in the key bag of a CryptoPro PFX.
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from gostkey import curves
from gostkey.curves import Curve
from gostkey.errors import EncodingError, UnknownAlgorithm
from gostkey.keyforms import DIGEST_OIDS, KEY_OIDS, Scheme

from . import schemas

# Attributes, bit 0 being the most significant.
EXPORTABLE = 0x80
EXCHANGE = 0x20

_EXCHANGE_OIDS = {
    (Scheme.GOST_2001, 256): "1.2.643.2.2.98",
    (Scheme.GOST_2012, 256): "1.2.643.7.1.1.6.1",
    (Scheme.GOST_2012, 512): "1.2.643.7.1.1.6.2",
}
_SCHEMES = {oid: kind for kind, oid in (*KEY_OIDS.items(), *_EXCHANGE_OIDS.items())}
"""Scheme and bits by any of the OIDs met in KeyParams."""


class KeyParameters(NamedTuple):
    """What KeyParams say of a key."""

    scheme: Scheme
    curve: Curve
    usage: str
    """"exchange" (signs, too) or "signature"."""
    exportable: bool


def read_parameters(found: schemas.KeyParameters, what: str) -> KeyParameters:
    """Read KeyParams.

    Raises:
        UnknownAlgorithm, UnknownCurve: if the key is of an unknown kind.
        EncodingError: naming *what*, if algorithm and curve contradict each other.
    """
    oid = found.algorithm.algorithm.dotted_string
    if oid not in _SCHEMES:
        raise UnknownAlgorithm(f"{what}: the key algorithm {oid} is not a GOST one")
    scheme, bits = _SCHEMES[oid]
    curve = curves.get(found.algorithm.parameters.curve.dotted_string)
    if curve.bits != bits:
        raise EncodingError(
            f"{what}: the key algorithm {oid} is for {bits}-bit curves, but the "
            f"curve is {curve.name}"
        )
    attributes = (found.attributes.as_bytes() or b"\0")[0]
    return KeyParameters(
        scheme,
        curve,
        "exchange" if attributes & EXCHANGE else "signature",
        bool(attributes & EXPORTABLE),
    )


def make_parameters(key: KeyParameters) -> schemas.KeyParameters:
    """Make KeyParams as CryptoPro CSP writes them."""
    kind = (key.scheme, key.curve.bits)
    oids = _EXCHANGE_OIDS if key.usage == "exchange" else KEY_OIDS
    attributes = EXCHANGE if key.usage == "exchange" else 0
    attributes |= EXPORTABLE if key.exportable else 0
    return schemas.KeyParameters(
        attributes=bit_string(attributes),
        algorithm=schemas.Algorithm(
            algorithm=ObjectIdentifier(oids[kind]),
            parameters=schemas.GostParameters(
                curve=ObjectIdentifier(key.curve.oid),
                digest=ObjectIdentifier(DIGEST_OIDS[kind]),
            ),
        ),
    )


def bit_string(attributes: int) -> asn1.BitString:
    """Encode attributes as a named-bit list: without the zero bits at its end."""
    if not attributes:
        return asn1.BitString(b"", 0)
    unused = (attributes & -attributes).bit_length() - 1
    return asn1.BitString(bytes([attributes]), unused)
