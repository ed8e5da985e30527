"""The hashes of the native core: `gostkey.primitives.Hashes`.

Check lengths, allocate, call, return bytes.  The GIL is released while the core
works.
"""

from __future__ import annotations

from typing import Any

from gostkey.bindings import core
from gostkey.hash_checks import (
    container_iterations,
    hash_index,
    many_count,
    parameters_hash,
    pbkdf2_numbers,
    streebog_size,
)
from gostkey.primitives import Readable, Writable

__all__ = [
    "State",
    "container_key",
    "gostr3411_94",
    "hmac",
    "pbkdf2",
    "streebog",
    "streebog_many",
]

assert core is not None
ffi, lib = core


class State:
    """A running hash in native memory; a HashState of gostkey.primitives.

    The memory is wiped when the object goes.  Two threads must not use one
    state at the same time.
    """

    __slots__ = ("_handle", "_size")

    def __init__(self, handle: Any, size: int) -> None:
        if handle == ffi.NULL:
            raise MemoryError("no memory for a hash")
        self._handle = ffi.gc(handle, lib.gostkey_hash_free)
        self._size = size

    def update(self, data: Readable) -> None:
        """Hash more data."""
        view = ffi.from_buffer("uint8_t[]", data)
        lib.gostkey_hash_update(self._handle, view, len(view))

    def digest(self) -> bytes:
        """Return the digest of what was hashed so far."""
        out = ffi.new("uint8_t[]", self._size)
        lib.gostkey_hash_digest(self._handle, out)
        return _taken(out)

    def copy(self) -> State:
        """Return an independent copy."""
        return State(lib.gostkey_hash_copy(self._handle), self._size)

    def wipe(self) -> None:
        """Overwrite the state; later use is an error."""
        lib.gostkey_hash_wipe(self._handle)
        del self._handle


def _taken(out: Any) -> bytes:
    """Return an output buffer as bytes and wipe it."""
    made = bytes(ffi.buffer(out))
    lib.gostkey_wipe(out, len(out))
    return made


def streebog(bits: int, *, secret: bool = False) -> State:
    """Start Streebog with 256 or 512 bits."""
    size = streebog_size(bits)
    return State(lib.gostkey_hash_new(hash_index(f"streebog{bits}"), secret), size)


def gostr3411_94(parameters: str, *, secret: bool = False) -> State:
    """Start GOST R 34.11-94; it is constant time either way."""
    index = hash_index(parameters_hash(parameters))
    return State(lib.gostkey_hash_new(index, secret), 32)


def streebog_many(bits: int, out: Writable, messages: Readable, size: int) -> None:
    """Hash messages of equal size, laid end to end; public data only."""
    n = many_count(bits, out, messages, size)
    lib.gostkey_streebog_many_var(
        hash_index(f"streebog{bits}"),
        ffi.from_buffer("uint8_t[]", out, require_writable=True),
        ffi.from_buffer("uint8_t[]", messages),
        size,
        n,
    )


def hmac(hash_name: str, key: Readable, data: Readable) -> bytes:
    """HMAC (RFC 2104)."""
    index = hash_index(hash_name)
    out = ffi.new("uint8_t[]", lib.gostkey_hash_size(index))
    keys = ffi.from_buffer("uint8_t[]", key)
    message = ffi.from_buffer("uint8_t[]", data)
    lib.gostkey_hmac(index, out, keys, len(keys), message, len(message))
    return _taken(out)


def pbkdf2(
    hash_name: str, password: Readable, salt: Readable, iterations: int, length: int
) -> bytes:
    """PBKDF2 (RFC 8018 5.2)."""
    index = hash_index(hash_name)
    pbkdf2_numbers(iterations, length)
    out = ffi.new("uint8_t[]", length)
    word = ffi.from_buffer("uint8_t[]", password)
    grains = ffi.from_buffer("uint8_t[]", salt)
    lib.gostkey_pbkdf2(
        index, out, length, word, len(word), grains, len(grains), iterations
    )
    return _taken(out)


def container_key(hash_name: str, password: Readable, salt: Readable) -> bytes:
    """CPKDF of CryptoPro containers."""
    iterations = container_iterations(hash_name, password)
    out = ffi.new("uint8_t[32]")
    word = ffi.from_buffer("uint8_t[]", password)
    grains = ffi.from_buffer("uint8_t[]", salt)
    lib.gostkey_container_key(
        hash_index(hash_name), out, word, len(word), grains, len(grains), iterations
    )
    return _taken(out)
