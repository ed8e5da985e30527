"""Length checks that both backends of the ciphers share.

A function here raises LengthError or UnknownAlgorithm, naming the argument,
what it was and what would be right; it never shows the argument's bytes.
"""

from __future__ import annotations

from .errors import LengthError, UnknownAlgorithm
from .primitives import BLOCK_CIPHERS, SBOXES, Readable

KEY_SIZE = 32
BLOCK_SIZES = {"magma": 8, "kuznyechik": 16}
"""Bytes of a block of each cipher of BLOCK_CIPHERS."""

GOST28147_BLOCK = 8


def sbox_index(sbox: str) -> int:
    """Return the number of an S-box in SBOXES."""
    if sbox not in SBOXES:
        raise UnknownAlgorithm(
            f"S-box {sbox!r} is unknown; use one of {', '.join(SBOXES)}"
        )
    return SBOXES.index(sbox)


def block_size(cipher: str) -> int:
    """Return the block size in bytes of a cipher of BLOCK_CIPHERS."""
    if cipher not in BLOCK_SIZES:
        raise UnknownAlgorithm(
            f"block cipher {cipher!r} is unknown; use one of {', '.join(BLOCK_CIPHERS)}"
        )
    return BLOCK_SIZES[cipher]


def exact(name: str, value: Readable, size: int) -> None:
    """Demand exactly *size* bytes."""
    length = byte_length(value)
    if length != size:
        raise LengthError(f"{name} has {length} bytes; it must have {size}")


def whole_blocks(name: str, value: Readable, block: int) -> None:
    """Demand a multiple of *block* bytes (zero is one)."""
    length = byte_length(value)
    if length % block:
        raise LengthError(
            f"{name} has {length} bytes; it must be whole blocks of {block} bytes"
        )


def keys_stride(keys: Readable, n: int) -> int:
    """Return how far apart the keys of n texts are: 0 if there is one for all."""
    length = byte_length(keys)
    if length == KEY_SIZE:
        return 0
    if length != KEY_SIZE * n:
        raise LengthError(
            f"keys have {length} bytes; they must have {KEY_SIZE} for all or "
            f"{KEY_SIZE} for each of {n} texts"
        )
    return KEY_SIZE


def pieces_size(name: str, value: Readable, n: int) -> int:
    """Return the size of n equal pieces, which are whole blocks of GOST 28147-89."""
    length = byte_length(value)
    if (length if n == 0 else length % (n * GOST28147_BLOCK)) or n < 0:
        raise LengthError(
            f"{name} has {length} bytes; it must be {n} pieces of equal size, of "
            f"whole blocks of {GOST28147_BLOCK} bytes"
        )
    return length // n if n else 0


def initial_value(value: Readable, block: int) -> None:
    """Demand one or more blocks, as GOST R 34.13-2015 wants for CBC, CFB, OFB."""
    length = byte_length(value)
    if not length or length % block:
        raise LengthError(
            f"initial value has {length} bytes; it must be one or more "
            f"blocks of {block} bytes"
        )


def section_size(section: int, block: int) -> None:
    """Demand an ACPKM section of 0 or whole blocks (RFC 8645 6.2.1)."""
    if section < 0 or section % block:
        raise LengthError(
            f"ACPKM section is {section} bytes; it must be 0 (no meshing) or "
            f"a multiple of {block}"
        )


def tag_length(length: int, block: int) -> None:
    """Demand a MAC length of 1 byte to one block."""
    if not 1 <= length <= block:
        raise LengthError(f"MAC length is {length} bytes; it must be 1 to {block}")


def byte_length(value: Readable) -> int:
    """Return the number of bytes, whatever a memoryview's items are."""
    return value.nbytes if isinstance(value, memoryview) else len(value)
