"""The protocol `gostkey.primitives.Generators` in plain Python.

The state is in a bytearray that is overwritten, but Python makes copies of
what it computes with; only the native core can promise that none is left.

Source: R 1323565.1.006-2017, the variant with Streebog-512 as two independent
implementations agree on it.
"""

from __future__ import annotations

from gostkey.hash_checks import block_count, seed_of_zeros, seed_size
from gostkey.primitives import DrbgState, Readable, Writable

from .streebog import Streebog

_STATE = 63
"""Bytes of the state U: one less than a block, so that a hash is one block."""

_NEXT_SEED = 48
_MODULUS = 1 << 8 * _STATE


class Drbg:
    """A seeded generator; a DrbgState of gostkey.primitives."""

    def __init__(self, seed: Readable) -> None:
        self._u = bytearray(_STATE)
        self.reseed(seed)

    def reseed(self, seed: Readable) -> None:
        """Start again from a seed."""
        seed_size(seed)
        if not any(seed):
            raise seed_of_zeros()
        self._u[:] = bytes(seed).ljust(_STATE, b"\0")

    def blocks(self, count: int) -> bytes:
        """Return the next whole blocks, in the order made."""
        return b"".join(self._block() for _ in range(block_count(count)))

    def _block(self) -> bytes:
        u = (int.from_bytes(self._u, "big") + 1) % _MODULUS
        self._u[:] = u.to_bytes(_STATE, "big")
        state = Streebog(512)
        state.update(self._u)
        return state.digest()

    def fill(self, out: Writable) -> None:
        """Fill *out*, then replace the seed by part of a block not given out."""
        view = memoryview(out).cast("B")
        for start in range(0, len(view), 64):
            part = view[start : start + 64]
            part[:] = self._block()[: len(part)]
        self._u[:] = self._block()[:_NEXT_SEED].ljust(_STATE, b"\0")

    def wipe(self) -> None:
        """Overwrite the state; later use is an error."""
        self._u[:] = bytes(_STATE)
        del self._u


def drbg(seed: Readable) -> DrbgState:
    """Make a generator from a seed of 32, 40 or 48 bytes, not all zero."""
    return Drbg(seed)


def wipe(buffer: Writable) -> None:
    """Overwrite a buffer with zeros."""
    view = memoryview(buffer).cast("B")
    view[:] = bytes(len(view))
