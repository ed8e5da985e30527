"""Magma and Kuznyechik in plain Python: one class each, the same methods.

Table look-ups are by secret values here: this fallback is not constant-time,
the C core is.

Source: GOST R 34.12-2015 (RFC 8891, RFC 7801).
"""

from __future__ import annotations

from functools import cache
from struct import Struct
from typing import Protocol

from gostkey.primitives import Readable

from .gost28147 import decryption_order, encrypt, encryption_order, tables
from .pi import PI

_BIG_WORDS = Struct(">8I")
_BIG_BLOCK = Struct(">2I")


class BlockCipher(Protocol):
    """A block cipher with its key; blocks are big-endian numbers as integers."""

    block_size: int

    def __init__(self, key: Readable) -> None: ...

    def encrypt(self, block: int) -> int:
        """Encrypt one block."""

    def decrypt(self, block: int) -> int:
        """Decrypt one block."""


class Magma:
    """GOST 28147-89 with S-box Z and big-endian words (GOST R 34.12-2015, 5)."""

    block_size = 8

    def __init__(self, key: Readable) -> None:
        words = _BIG_WORDS.unpack(key)
        self._tables = tables("z")
        self._encryption = encryption_order(words)
        self._decryption = decryption_order(words)

    def encrypt(self, block: int) -> int:
        """Encrypt one block, a number below 2^64."""
        # a1 is the high half, and a0, the low one, enters the round function.
        n1, n2 = encrypt(
            self._tables, self._encryption, block & 0xFFFFFFFF, block >> 32
        )
        return n2 << 32 | n1

    def decrypt(self, block: int) -> int:
        """Decrypt one block, a number below 2^64."""
        n1, n2 = encrypt(
            self._tables, self._decryption, block & 0xFFFFFFFF, block >> 32
        )
        return n2 << 32 | n1


_LINEAR = (148, 32, 133, 16, 194, 192, 1, 251, 1, 192, 194, 16, 133, 32, 148, 1)
"""Coefficients of the linear form l, that of the first byte first."""

_ROUNDS = 10


class Kuznyechik:
    """The 128-bit cipher of GOST R 34.12-2015, 4."""

    block_size = 16

    def __init__(self, key: Readable) -> None:
        left = int.from_bytes(key[:16], "big")
        right = int.from_bytes(key[16:], "big")
        keys = [left, right]
        for number in range(1, 33):
            mixed = _sum(_encryption_tables(), left ^ _linear(number))
            left, right = mixed ^ right, left
            if number % 8 == 0:
                keys += [left, right]
        self._keys = keys
        # Each round of decryption takes its key after L has been undone.
        inverse = _inverse_linear_tables()
        self._decryption_keys = [_sum(inverse, k) for k in reversed(keys[1:])]

    def encrypt(self, block: int) -> int:
        """Encrypt one block, a number below 2^128."""
        tabs = _encryption_tables()
        for key in self._keys[:-1]:
            block = _sum(tabs, block ^ key)
        return block ^ self._keys[-1]

    def decrypt(self, block: int) -> int:
        """Decrypt one block, a number below 2^128."""
        tabs = _decryption_tables()
        block = _sum(_inverse_linear_tables(), block) ^ self._decryption_keys[0]
        for key in self._decryption_keys[1:]:
            block = _sum(tabs, block) ^ key
        plain = block.to_bytes(16, "big").translate(_INVERSE_PI)
        return int.from_bytes(plain, "big") ^ self._keys[0]


_INVERSE_PI = bytes(PI.index(value) for value in range(256))


def _sum(tabs: tuple[tuple[int, ...], ...], block: int) -> int:
    """XOR the entries that the 16 bytes of *block* choose in 16 tables."""
    out = 0
    for tab, byte in zip(tabs, block.to_bytes(16, "big"), strict=True):
        out ^= tab[byte]
    return out


def _multiply(a: int, b: int) -> int:
    """Multiply in GF(2)[x] / (x^8 + x^7 + x^6 + x + 1)."""
    out = 0
    while b:
        if b & 1:
            out ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x1C3
        b >>= 1
    return out


def _linear(block: int) -> int:
    """Apply L: sixteen steps of the shift register R."""
    for _ in range(16):
        first = 0
        for coefficient, byte in zip(_LINEAR, block.to_bytes(16, "big"), strict=True):
            first ^= _multiply(byte, coefficient)
        block = first << 120 | block >> 8
    return block


def _inverse_linear(block: int) -> int:
    """Undo `_linear`."""
    for _ in range(16):
        first = block >> 120
        block = block << 8 & (1 << 128) - 1
        last = first
        for coefficient, byte in zip(_LINEAR, block.to_bytes(16, "big"), strict=True):
            last ^= _multiply(byte, coefficient)
        block |= last
    return block


def _place(values: list[int]) -> tuple[int, ...]:
    """Extend a linear map from the eight bits of a byte to its 256 values."""
    out = [0]
    for value in values:
        out += [value ^ other for other in out]
    return tuple(out)


@cache
def _linear_tables() -> tuple[tuple[int, ...], ...]:
    return tuple(
        _place([_linear(1 << 120 - 8 * place + bit) for bit in range(8)])
        for place in range(16)
    )


@cache
def _inverse_linear_tables() -> tuple[tuple[int, ...], ...]:
    return tuple(
        _place([_inverse_linear(1 << 120 - 8 * place + bit) for bit in range(8)])
        for place in range(16)
    )


@cache
def _encryption_tables() -> tuple[tuple[int, ...], ...]:
    """For each place in the block: L of pi of a byte there."""
    return tuple(tuple(tab[byte] for byte in PI) for tab in _linear_tables())


@cache
def _decryption_tables() -> tuple[tuple[int, ...], ...]:
    """For each place in the block: inverse L of inverse pi of a byte there."""
    return tuple(
        tuple(tab[byte] for byte in _INVERSE_PI) for tab in _inverse_linear_tables()
    )
