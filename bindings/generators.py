"""The generator of the native core: `gostkey.primitives.Generators`.

The state lives in native memory and is wiped there.  The GIL is released while
the core works.
"""

from __future__ import annotations

from gostkey.bindings import core
from gostkey.hash_checks import block_count, seed_of_zeros, seed_size
from gostkey.primitives import Readable, Writable

__all__ = ["Drbg", "drbg", "wipe"]

assert core is not None
ffi, lib = core

_OCTETS = ffi.typeof("uint8_t[]")


class Drbg:
    """A seeded generator; a DrbgState of gostkey.primitives.

    Two threads must not use one at the same time.
    """

    __slots__ = ("_handle",)

    def __init__(self, seed: Readable) -> None:
        handle = lib.gostkey_drbg_new()
        if handle == ffi.NULL:
            raise MemoryError("no memory for a generator")
        self._handle = ffi.gc(handle, lib.gostkey_drbg_free)
        self.reseed(seed)

    def blocks(self, count: int) -> bytes:
        """Return the next whole blocks, in the order made."""
        out = bytearray(64 * block_count(count))
        buffer = ffi.from_buffer("uint8_t[]", out, require_writable=True)
        lib.gostkey_drbg_blocks(self._handle, buffer, count)
        made = bytes(out)
        lib.gostkey_wipe(buffer, len(buffer))
        return made

    def fill(self, out: Writable) -> None:
        """Fill *out*, then replace the seed by part of a block not given out."""
        buffer = ffi.from_buffer("uint8_t[]", out, require_writable=True)
        lib.gostkey_drbg_fill(self._handle, buffer, len(buffer))

    def reseed(self, seed: Readable) -> None:
        """Start again from a seed."""
        size = seed_size(seed)
        buffer = ffi.from_buffer("uint8_t[]", seed)
        if lib.gostkey_drbg_reseed(self._handle, buffer, size) != 0:
            raise seed_of_zeros()

    def wipe(self) -> None:
        """Overwrite the state; later use is an error."""
        lib.gostkey_drbg_wipe(self._handle)
        del self._handle


def drbg(seed: Readable) -> Drbg:
    """Make a generator from a seed of 32, 40 or 48 bytes, not all zero."""
    return Drbg(seed)


def wipe(buffer: Writable) -> None:
    """Overwrite a buffer with zeros in a way no compiler leaves out."""
    view = ffi.from_buffer(_OCTETS, buffer, True)  # by keyword it takes twice the time
    lib.gostkey_wipe(view, len(view))
