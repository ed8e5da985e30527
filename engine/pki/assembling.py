"""Messages put together from pieces of DER that are there: for thousands at once.

`requests` and `cms` have the structures as classes, which the ASN.1 library encodes;
for a message with a certificate, a request and a name in it that is twenty objects and
as many calls.  Here the same octets are laid end to end.  Tags and lengths are the
library's own: it encodes the pieces as an OCTET STRING, whose tag is then another.
The tests compare the octets with those of the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from cryptography.hazmat import asn1

from gostkey import curves
from gostkey.keyforms import Scheme, encode_spki
from gostkey.signing import VerifyingKey

from . import coding
from .coding import enclosed as enclosed
from .coding import head as head

SEQUENCE = b"\x30"
SET = b"\x31"
OCTETS = b"\x04"
ZERO = b"\xa0"
"""The tag [0], of what is in parts."""


Layers = tuple[tuple[bytes, bytes], ...]
"""What is around something, the outermost first: a tag, and what stands before it."""


@lru_cache(maxsize=4096)
def before(layers: Layers, size: int) -> bytes:
    """Return all that stands before so many bytes, which end each of some layers.

    So that what is long is copied once, and not into each layer.
    """
    octets = b""
    for tag, first in reversed(layers):
        octets = first + octets
        octets = head(tag, len(octets) + size) + octets
    return octets


def sequence(*pieces: bytes) -> bytes:
    """Return a SEQUENCE of pieces of DER."""
    return enclosed(SEQUENCE, *pieces)


def set_of(pieces: Sequence[bytes], tag: bytes = SET) -> bytes:
    """Return a SET OF, in DER's order (X.690 11.6)."""
    return enclosed(tag, *sorted(pieces))


@lru_cache(maxsize=256)
def oid(text: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    return coding.encode(coding.oid(text))


@lru_cache(maxsize=16)
def algorithm(text: str) -> bytes:
    """Return AlgorithmIdentifier without parameters."""
    return coding.encode(coding.algorithm(text))


def spki_of(key: VerifyingKey, *, always_digest: bool) -> bytes:
    """Return SubjectPublicKeyInfo, as `certificates.spki_of` does."""
    return _before_point(key.curve.oid, key.scheme, always_digest) + key.to_bytes()


@lru_cache(maxsize=64)
def _before_point(curve_oid: str, scheme: Scheme, always_digest: bool) -> bytes:
    curve = curves.get(curve_oid)
    point = bytes(2 * curve.size)
    whole = encode_spki(
        curve,
        scheme,
        point,
        digest_parameters="always" if always_digest else "profile",
    )
    return whole[: -len(point)]


def bit_string(octets: bytes) -> bytes:
    """Return a BIT STRING of whole octets."""
    return _before_bits(len(octets)) + octets


@lru_cache(maxsize=16)
def _before_bits(size: int) -> bytes:
    return coding.encode(asn1.BitString(bytes(size), 0))[:-size]
