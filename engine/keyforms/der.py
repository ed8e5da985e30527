"""DER through cryptography.hazmat.asn1, with our own exceptions."""

from __future__ import annotations

from typing import TypeVar

from cryptography.hazmat import asn1

from gostkey.errors import EncodingError

__all__ = ["decode", "encode"]

T = TypeVar("T")


def decode(schema: type[T], der: bytes, name: str, *, secret: bool = False) -> T:
    """Decode DER after a schema of cryptography.hazmat.asn1.

    Args:
        schema: class made with asn1.sequence, or a basic type.
        der: the octets, all of them.
        name: what they should be, for the error.
        secret: leave the parser's words out of the error.

    Raises:
        EncodingError: if they are not.
    """
    try:
        return asn1.decode_der(schema, bytes(der))
    except (ValueError, OverflowError, RecursionError) as error:
        detail = "" if secret else f" ({error})"
        raise EncodingError(
            f"{name}: the bytes are not the DER structure expected{detail}"
        ) from None


def encode(value: object) -> bytes:
    """Encode a value of an asn1 schema, or of a basic type, as DER."""
    return asn1.encode_der(value)
