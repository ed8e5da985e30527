"""The protocol `gostkey.primitives.Hashes` in plain Python.

Not constant-time: see `streebog` and `gostr3411_94` beside this file.
"""

from __future__ import annotations

from gostkey.errors import LengthError, UnknownAlgorithm
from gostkey.primitives import HASHES, HashState, Readable, Writable

from .gostr3411_94 import PARAMETERS, Gostr341194
from .streebog import Streebog

# Block sizes for HMAC (RFC 2104) and for the container password (CPKDF).
_BLOCKS = {
    "streebog256": 64,
    "streebog512": 64,
    "gostr3411_94": 32,
    "gostr3411_94_test": 32,
}

_CONTAINER_START = b"DENEFH028.760246785.IUEFHWUIO.EF"
CONTAINER_ITERATIONS = 2000
CONTAINER_ITERATIONS_EMPTY = 2


def streebog(bits: int, *, secret: bool = False) -> HashState:
    """Start Streebog; *secret* changes nothing here."""
    if bits not in (256, 512):
        raise UnknownAlgorithm(f"Streebog has 256 or 512 bits, not {bits}")
    return Streebog(bits)


def gostr3411_94(parameters: str, *, secret: bool = False) -> HashState:
    """Start GOST R 34.11-94; *secret* changes nothing here."""
    if parameters not in PARAMETERS:
        raise UnknownAlgorithm(
            f"GOST R 34.11-94 parameters {parameters!r} are unknown; "
            f"use one of {', '.join(PARAMETERS)}"
        )
    return Gostr341194(parameters)


def streebog_many(bits: int, out: Writable, messages: Readable, size: int) -> None:
    """Hash messages of equal size, laid end to end."""
    if bits not in (256, 512):
        raise UnknownAlgorithm(f"Streebog has 256 or 512 bits, not {bits}")
    target = memoryview(out).cast("B")
    source = memoryview(messages).cast("B")
    n, rest = divmod(len(target), bits // 8)
    if rest:
        raise LengthError(
            f"out: {len(target)} bytes is not a multiple of {bits // 8}, "
            "the size of a digest"
        )
    if size < 0 or len(source) != n * size:
        raise LengthError(
            f"messages: {len(source)} bytes; {n} messages of {size} bytes "
            f"need {n * size}"
        )
    for i in range(n):
        state = Streebog(bits)
        state.update(source[i * size : (i + 1) * size])
        target[i * bits // 8 : (i + 1) * bits // 8] = state.digest()


def _start(hash_name: str) -> HashState:
    if hash_name == "streebog256":
        return Streebog(256)
    if hash_name == "streebog512":
        return Streebog(512)
    if hash_name == "gostr3411_94":
        return Gostr341194("cryptopro")
    if hash_name == "gostr3411_94_test":
        return Gostr341194("test")
    raise UnknownAlgorithm(
        f"hash {hash_name!r} is unknown; use one of {', '.join(HASHES)}"
    )


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
        size = _BLOCKS.get(hash_name, 0)
        short = _hash(hash_name, key) if len(key) > size else bytes(key)
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
    if iterations < 1:
        raise LengthError(f"iterations: {iterations}; at least 1 is needed")
    if length < 1:
        raise LengthError(f"length: {length}; at least 1 byte is needed")
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
    if hash_name in ("streebog512",):
        raise UnknownAlgorithm("a container key takes a hash of 256 bits")
    first = _hash(hash_name, salt, password)
    size = _BLOCKS[hash_name]
    c = _CONTAINER_START
    times = CONTAINER_ITERATIONS if len(password) else CONTAINER_ITERATIONS_EMPTY
    for _ in range(times):
        block = c.ljust(size, b"\0")
        c = _hash(hash_name, _pad(block, 0x36), first, _pad(block, 0x5C), first)
    c = _hash(hash_name, _pad(c, 0x36), salt, _pad(c, 0x5C), password)
    return _hash(hash_name, c)
