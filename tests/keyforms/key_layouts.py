"""The layouts of a private key in PKCS#8 that are met in practice, made by hand.

The DER is put together here with byte strings, so that a fault in the schemas
of the package cannot hide.
"""

from __future__ import annotations

from collections.abc import Iterator

from gostkey.curves import Curve
from gostkey.keyforms import Scheme, encode_algorithm


def tlv(tag: int, *parts: bytes) -> bytes:
    """Encode one DER element."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(number: int) -> bytes:
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def pkcs8(
    curve: Curve,
    content: bytes,
    *,
    scheme: Scheme = Scheme.GOST_2012,
    version: int = 0,
    tail: bytes = b"",
) -> bytes:
    """Encode a PrivateKeyInfo with *content* as the private key's octets."""
    algorithm = encode_algorithm(curve, scheme)
    return tlv(0x30, integer(version), algorithm, tlv(4, content), tail)


def masked(curve: Curve, d: int, *masks: int) -> bytes:
    """Mask d: K' then the masks, d = K' * M1 * ... * Mk mod q."""
    key = d
    for mask in masks:
        key = key * pow(mask, -1, curve.q) % curve.q
    return b"".join(n.to_bytes(curve.size, "little") for n in (key, *masks))


def layouts(curve: Curve, d: int, public_le: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield every layout with its name."""
    little = d.to_bytes(curve.size, "little")
    two = masked(curve, d, curve.q // 3)
    # DER allows an unused bit only where it is zero.
    unused = b"\0" if public_le[-1] & 1 else b"\x01"
    yield "raw little-endian", pkcs8(curve, little)
    yield "OCTET STRING", pkcs8(curve, tlv(4, little))
    yield "INTEGER", pkcs8(curve, integer(d))
    yield "masked", pkcs8(curve, two)
    yield "masked, above q", pkcs8(curve, masked(curve, d, curve.q + 5))
    yield "masked thrice", pkcs8(curve, masked(curve, d, 5, 7, curve.q - 2))
    yield "masked in OCTET STRING", pkcs8(curve, tlv(4, two))
    yield (
        "with attributes",
        pkcs8(curve, little, tail=tlv(0xA0, tlv(0x30, tlv(6, b"\x2a\x03"), tlv(0x31)))),
    )
    yield (
        "OneAsymmetricKey",
        pkcs8(curve, little, version=1, tail=tlv(0x81, b"\0", public_le)),
    )
    yield (
        "OneAsymmetricKey as in RFC 9548, one unused bit",
        pkcs8(curve, little, version=1, tail=tlv(0x81, unused, public_le)),
    )
    yield (
        "OneAsymmetricKey with the key in an OCTET STRING",
        pkcs8(curve, little, version=1, tail=tlv(0x81, b"\0", tlv(4, public_le))),
    )
