"""The protocol `gostkey.primitives.Hashes` in plain Python.

Not constant-time: see `streebog` and `gostr3411_94` beside this file.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

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
from gostkey.primitives import HashState, Readable, Writable

from .gostr3411_94 import Gostr341194
from .streebog import Streebog

# Block sizes for HMAC (RFC 2104) and for the container password (CPKDF).
_BLOCKS = {
    "streebog256": 64,
    "streebog512": 64,
    "gostr3411_94": 32,
    "gostr3411_94_test": 32,
}

_CONTAINER_START = b"DENEFH028.760246785.IUEFHWUIO.EF"


def streebog(bits: int, *, secret: bool = False) -> HashState:
    """Start Streebog; *secret* changes nothing here."""
    streebog_size(bits)
    return Streebog(bits)


def gostr3411_94(parameters: str, *, secret: bool = False) -> HashState:
    """Start GOST R 34.11-94; *secret* changes nothing here."""
    parameters_hash(parameters)
    return Gostr341194(parameters)


def streebog_one(bits: int, message: Readable) -> bytes:
    """Hash one message."""
    state = streebog(bits)
    state.update(message)
    return state.digest()


def streebog_many(bits: int, out: Writable, messages: Readable, size: int) -> None:
    """Hash messages of equal size, laid end to end."""
    n = many_count(bits, out, messages, size)
    if not n:
        return
    digest_size = streebog_size(bits)
    target = memoryview(out).cast("B")
    # cast refuses an array whose rows are empty.
    source = memoryview(messages).cast("B") if size else memoryview(b"")
    for i in range(n):
        state = Streebog(bits)
        state.update(source[i * size : (i + 1) * size])
        target[i * digest_size : (i + 1) * digest_size] = state.digest()


def streebog_joined(
    bits: int, out: Writable, messages: Readable, lengths: Readable
) -> None:
    """Hash messages of different lengths, laid end to end."""
    octets = memoryview(lengths).cast("B")
    sizes = octets.cast("Q").tolist() if octets.nbytes else []
    digests_count(bits, out, len(sizes))
    if sum(sizes) != size_of(messages):
        raise lengths_disagree(messages)
    source = memoryview(messages).cast("B") if size_of(messages) else memoryview(b"")
    ends = list(itertools.accumulate(sizes))
    streebog_apart(
        bits,
        out,
        [source[end - size : end] for size, end in zip(sizes, ends, strict=True)],
    )


def streebog_apart(bits: int, out: Writable, messages: Sequence[Readable]) -> None:
    """Hash messages where they are."""
    digests_count(bits, out, len(messages))
    if not messages:
        return
    digest_size = streebog_size(bits)
    target = memoryview(out).cast("B")
    for i, message in enumerate(messages):
        state = Streebog(bits)
        state.update(message)
        target[i * digest_size : (i + 1) * digest_size] = state.digest()


def _start(hash_name: str) -> HashState:
    hash_index(hash_name)
    if hash_name == "streebog256":
        return Streebog(256)
    if hash_name == "streebog512":
        return Streebog(512)
    return Gostr341194("cryptopro" if hash_name == "gostr3411_94" else "test")


def _hash(hash_name: str, *parts: Readable) -> bytes:
    state = _start(hash_name)
    for part in parts:
        state.update(part)
    digest = state.digest()
    state.wipe()
    return digest


def _pad(block: bytes, value: int) -> bytes:
    return bytes([byte ^ value for byte in block])


class _Hmac:
    """HMAC with the states after the two key blocks kept."""

    def __init__(self, hash_name: str, key: Readable) -> None:
        hash_index(hash_name)
        size = _BLOCKS[hash_name]
        short = _hash(hash_name, key) if size_of(key) > size else bytes(key)
        block = short.ljust(size, b"\0")
        self._inner, self._outer = _start(hash_name), _start(hash_name)
        self._inner.update(_pad(block, 0x36))
        self._outer.update(_pad(block, 0x5C))

    def __call__(self, *parts: Readable) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        for part in parts:
            inner.update(part)
        outer.update(inner.digest())
        return outer.digest()


def hmac(hash_name: str, key: Readable, data: Readable) -> bytes:
    """HMAC (RFC 2104)."""
    return _Hmac(hash_name, key)(data)


def pbkdf2(
    hash_name: str, password: Readable, salt: Readable, iterations: int, length: int
) -> bytes:
    """PBKDF2 (RFC 8018 5.2)."""
    hash_index(hash_name)
    pbkdf2_numbers(iterations, length)
    mac = _Hmac(hash_name, password)
    out = b""
    number = 0
    while len(out) < length:
        number += 1
        u = mac(salt, number.to_bytes(4, "big"))
        t = int.from_bytes(u, "big")
        for _ in range(iterations - 1):
            u = mac(u)
            t ^= int.from_bytes(u, "big")
        out += t.to_bytes(len(u), "big")
    return out[:length]


def container_key(hash_name: str, password: Readable, salt: Readable) -> bytes:
    """CPKDF of CryptoPro containers."""
    times = container_iterations(hash_name, password)
    first = _hash(hash_name, salt, password)
    size = _BLOCKS[hash_name]
    c = _CONTAINER_START
    for _ in range(times):
        block = c.ljust(size, b"\0")
        c = _hash(hash_name, _pad(block, 0x36), first, _pad(block, 0x5C), first)
    c = _hash(hash_name, _pad(c, 0x36), salt, _pad(c, 0x5C), password)
    return _hash(hash_name, c)


def hmac_many(
    hash_name: str, keys: Sequence[Readable], data: Sequence[Readable]
) -> list[bytes]:
    """HMAC of each key with its data."""
    hash_index(hash_name)
    same_count("keys", keys, "data", data)
    return [hmac(hash_name, key, text) for key, text in zip(keys, data, strict=True)]


def pbkdf2_many(
    hash_name: str,
    passwords: Sequence[Readable],
    salts: Sequence[Readable],
    iterations: int,
    length: int,
) -> list[bytes]:
    """PBKDF2 of each password with its salt."""
    hash_index(hash_name)
    pbkdf2_numbers(iterations, length)
    same_count("passwords", passwords, "salts", salts)
    return [
        pbkdf2(hash_name, password, salt, iterations, length)
        for password, salt in zip(passwords, salts, strict=True)
    ]


def container_keys(
    hash_name: str, passwords: Sequence[Readable], salts: Sequence[Readable]
) -> list[bytes]:
    """CPKDF of each password with its salt."""
    container_iterations(hash_name, b"")
    same_count("passwords", passwords, "salts", salts)
    return [
        container_key(hash_name, password, salt)
        for password, salt in zip(passwords, salts, strict=True)
    ]
