"""GOST R 34.11-94 in plain Python, for containers and certificates before 2012.

A 256-bit block is one integer with byte 0 lowest.  Addresses depend on the
data (in the block cipher): this fallback is not constant-time, the C core is.

Sources: GOST R 34.11-94 (RFC 5831); S-boxes: RFC 4357 11.2.
"""

from __future__ import annotations

from struct import Struct

from gostkey.primitives import Readable

from .gost28147 import Tables, encrypt, encryption_order, tables

BLOCK = 32
"""Bytes in a block."""

PARAMETERS = {"cryptopro": "hash_cryptopro", "test": "hash_test"}
"""S-box of gost28147.SBOX_ROWS for each parameter set."""

_MASK = (1 << 256) - 1
_MASK64 = (1 << 64) - 1
_C3 = 0xFF00FFFF000000FFFF0000FF00FFFF0000FF00FF00FF00FFFF00FF00FF00FF00

_HALVES = Struct("<8I")
_WORDS = Struct("<16H")

# Byte 4 k + i of P(x) is byte 8 i + k of x.
_P = [8 * i + k for k in range(8) for i in range(4)]


def _a(x: int) -> int:
    """A: y4 | y3 | y2 | y1 becomes y1 ^ y2 | y4 | y3 | y2, 64 bits each."""
    return x >> 64 | ((x ^ x >> 64) & _MASK64) << 192


def _key(w: int) -> tuple[int, ...]:
    """P(w), as the eight words of a cipher key."""
    octets = w.to_bytes(BLOCK, "little")
    return _HALVES.unpack(bytes([octets[place] for place in _P]))


def _psi(block: int, times: int) -> int:
    """Run the 16-bit shift register psi."""
    y = list(_WORDS.unpack(block.to_bytes(BLOCK, "little")))
    for t in range(times):
        y.append(y[t] ^ y[t + 1] ^ y[t + 2] ^ y[t + 3] ^ y[t + 12] ^ y[t + 15])
    return int.from_bytes(_WORDS.pack(*y[times:]), "little")


def step(tab: Tables, h: int, m: int) -> int:
    """Return the step function chi(m, h) (RFC 5831, 5)."""
    u, v = h, m
    halves = _HALVES.unpack(h.to_bytes(BLOCK, "little"))
    ciphered: list[int] = []
    for number in range(4):
        if number:
            u = _a(u) ^ (_C3 if number == 2 else 0)
            v = _a(_a(v))
        order = encryption_order(_key(u ^ v))
        n1, n2 = halves[2 * number : 2 * number + 2]
        ciphered += encrypt(tab, order, n1, n2)
    s = int.from_bytes(_HALVES.pack(*ciphered), "little")
    return _psi(h ^ _psi(m ^ _psi(s, 12), 1), 61)


class Gostr341194:
    """A running hash; a HashState of gostkey.primitives."""

    def __init__(self, parameters: str) -> None:
        self._tables = tables(PARAMETERS[parameters])
        self._parameters = parameters
        self._h = 0
        self._sigma = 0
        self._size = 0
        self._rest = bytearray()

    def update(self, data: Readable) -> None:
        """Hash more data."""
        view = memoryview(data).cast("B")
        self._size += len(view)
        start = 0
        if self._rest:
            start = min(BLOCK - len(self._rest), len(view))
            self._rest += view[:start]
            if len(self._rest) < BLOCK:
                return
            self._block(self._rest)
            self._rest.clear()
        whole = len(view) - (len(view) - start) % BLOCK
        for place in range(start, whole, BLOCK):
            self._block(view[place : place + BLOCK])
        self._rest += view[whole:]

    def _block(self, block: Readable) -> None:
        m = int.from_bytes(block, "little")
        self._h = step(self._tables, self._h, m)
        self._sigma = (self._sigma + m) & _MASK

    def digest(self) -> bytes:
        """Return the digest of what was hashed so far."""
        h, sigma = self._h, self._sigma
        if self._rest:
            m = int.from_bytes(self._rest, "little")
            h = step(self._tables, h, m)
            sigma = (sigma + m) & _MASK
        h = step(self._tables, h, 8 * self._size & _MASK)
        h = step(self._tables, h, sigma)
        return h.to_bytes(BLOCK, "little")

    def copy(self) -> Gostr341194:
        """Return an independent copy."""
        other = Gostr341194(self._parameters)
        other._h, other._sigma, other._size = self._h, self._sigma, self._size
        other._rest += self._rest
        return other

    def wipe(self) -> None:
        """Forget the state as far as Python lets; later use is an error."""
        self._rest[:] = bytes(len(self._rest))
        self.__dict__.clear()
