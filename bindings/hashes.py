"""The hashes of the native core: `gostkey.primitives.Hashes`.

Check lengths, allocate, call, return bytes.  The GIL is released while the core
works.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gostkey.bindings import core
from gostkey.hash_checks import (
    container_iterations,
    digests_count,
    hash_index,
    lengths_disagree,
    many_count,
    parameters_hash,
    pbkdf2_numbers,
    same_count,
    size_of,
    streebog_size,
)
from gostkey.primitives import Readable, Writable

__all__ = [
    "State",
    "container_key",
    "container_keys",
    "gostr3411_94",
    "hmac",
    "hmac_many",
    "pbkdf2",
    "pbkdf2_many",
    "streebog",
    "streebog_apart",
    "streebog_joined",
    "streebog_many",
    "streebog_one",
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


def streebog_one(bits: int, message: Readable) -> bytes:
    """Hash one message; public data only."""
    size = streebog_size(bits)
    out = bytearray(size)
    view = ffi.from_buffer("uint8_t[]", message)
    # The names of HASHES that are Streebog's: 0 and 1.
    lib.gostkey_streebog_one_var(
        size >> 6, ffi.from_buffer("uint8_t[]", out), view, len(view)
    )
    return bytes(out)


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


def streebog_joined(
    bits: int, out: Writable, messages: Readable, lengths: Readable
) -> None:
    """Hash messages of different lengths, laid end to end; public data only."""
    sizes = ffi.from_buffer("uint64_t[]", lengths)
    digests_count(bits, out, len(sizes))
    joined = ffi.from_buffer("uint8_t[]", messages)
    status = lib.gostkey_streebog_joined_var(
        hash_index(f"streebog{bits}"),
        ffi.from_buffer("uint8_t[]", out, require_writable=True),
        joined,
        len(joined),
        sizes,
        len(sizes),
    )
    if status != 0:
        raise lengths_disagree(messages)


def streebog_apart(bits: int, out: Writable, messages: Sequence[Readable]) -> None:
    """Hash messages of any lengths where they are; public data only."""
    digests_count(bits, out, len(messages))
    views = [ffi.from_buffer("uint8_t[]", message) for message in messages]
    lib.gostkey_streebog_apart_var(
        hash_index(f"streebog{bits}"),
        ffi.from_buffer("uint8_t[]", out, require_writable=True),
        ffi.new("uint8_t *[]", views),
        _sizes(messages),
        len(views),
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


# Many at once.  What is secret is laid end to end in buffers that are wiped.


def _sizes(items: Sequence[Readable]) -> Any:
    return ffi.from_buffer("uint64_t[]", array("Q", map(size_of, items)))


@contextmanager
def _joined(items: Sequence[Readable]) -> Iterator[Any]:
    """Lay items end to end for as long as they are needed."""
    buffer = bytearray().join(items)
    view = ffi.from_buffer("uint8_t[]", buffer, require_writable=True)
    try:
        yield view
    finally:
        lib.gostkey_wipe(view, len(view))


def _cut(out: Any, size: int) -> list[bytes]:
    """Return an output buffer as bytes of one size each, and wipe it."""
    view = ffi.buffer(out)
    pieces = [bytes(view[at : at + size]) for at in range(0, len(view), size)]
    lib.gostkey_wipe(out, len(out))
    return pieces


def hmac_many(
    hash_name: str, keys: Sequence[Readable], data: Sequence[Readable]
) -> list[bytes]:
    """HMAC of each key with its data."""
    index = hash_index(hash_name)
    n = same_count("keys", keys, "data", data)
    size = lib.gostkey_hash_size(index)
    out = ffi.new("uint8_t[]", n * size)
    with _joined(keys) as all_keys, _joined(data) as texts:
        lib.gostkey_hmac_many(
            index, out, all_keys, _sizes(keys), texts, _sizes(data), n
        )
    return _cut(out, size)


def pbkdf2_many(
    hash_name: str,
    passwords: Sequence[Readable],
    salts: Sequence[Readable],
    iterations: int,
    length: int,
) -> list[bytes]:
    """PBKDF2 of each password with its salt."""
    index = hash_index(hash_name)
    pbkdf2_numbers(iterations, length)
    n = same_count("passwords", passwords, "salts", salts)
    out = ffi.new("uint8_t[]", n * length)
    with _joined(passwords) as words, _joined(salts) as grains:
        lib.gostkey_pbkdf2_many(
            index,
            out,
            length,
            words,
            _sizes(passwords),
            grains,
            _sizes(salts),
            iterations,
            n,
        )
    return _cut(out, length)


def container_keys(
    hash_name: str, passwords: Sequence[Readable], salts: Sequence[Readable]
) -> list[bytes]:
    """CPKDF of each password with its salt."""
    container_iterations(hash_name, b"")
    same_count("passwords", passwords, "salts", salts)
    # Lanes have one number of iterations, and empty passwords have next to none.
    empty = [not len(password) for password in passwords]
    if any(empty) and not all(empty):
        made: dict[int, bytes] = {}
        for kind in (False, True):
            alike = [i for i, one in enumerate(empty) if one is kind]
            keys = container_keys(
                hash_name, [passwords[i] for i in alike], [salts[i] for i in alike]
            )
            made.update(zip(alike, keys, strict=True))
        return [made[i] for i in range(len(passwords))]
    if not empty:
        return []
    out = ffi.new("uint8_t[]", 32 * len(passwords))
    with _joined(passwords) as words, _joined(salts) as grains:
        lib.gostkey_container_keys(
            hash_index(hash_name),
            out,
            words,
            _sizes(passwords),
            grains,
            _sizes(salts),
            container_iterations(hash_name, passwords[0]),
            len(passwords),
        )
    return _cut(out, 32)
