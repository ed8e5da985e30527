"""GOST R 34.10-2012 in the native core: `gostkey.primitives.Elliptic`.

Check lengths, allocate, call, turn codes into exceptions.  The functions for
many items release the GIL while they run, as every cffi call does.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from gostkey.bindings import core, prepared
from gostkey.errors import (
    InvalidPoint,
    LengthError,
    PrivateKeyRange,
    UnknownCurve,
)
from gostkey.primitives import CURVES, Readable, Writable, not_octets

__all__ = [
    "divide_mod_q",
    "divide_mod_q_into",
    "multiply_mod_q",
    "multiply_mod_q_into",
    "point_fault",
    "private_from_wide",
    "private_from_wide_into",
    "public_key",
    "public_keys_into",
    "sign",
    "sign_into",
    "sign_with_nonce",
    "verify",
    "verify_into",
    "vko_point",
]

assert core is not None
ffi, lib = core

_SIZES = tuple(64 if "512" in name else 32 for name in CURVES)

_POINT_FAULTS = {
    lib.GOSTKEY_ELLIPTIC_COORDINATE: "a coordinate is not below p of {}",
    lib.GOSTKEY_ELLIPTIC_NOT_ON_CURVE: "is not a point of {}",
    lib.GOSTKEY_ELLIPTIC_SUBGROUP: "is not in the subgroup of order q of {}",
}

_preparing = threading.Lock()

# For the shortest way through `sign`.
_OCTETS = ffi.typeof("uint8_t[]")
_from_buffer, _new, _buffer = ffi.from_buffer, ffi.new, ffi.buffer
_sign = lib.gostkey_elliptic_sign
_unread = ffi.new("size_t *")  # which of one key is bad


def _after_fork() -> None:
    # Another thread may have held the lock when this process was copied; its
    # half-made table is made again.
    global _preparing
    _preparing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _size(curve: int) -> int:
    """Return the curve's size in bytes; its table is there afterwards."""
    if curve not in prepared:
        if not 0 <= curve < len(CURVES):
            raise UnknownCurve(
                f"curve number: is {curve}; must be 0 to {len(CURVES) - 1}"
            )
        with _preparing:
            lib.gostkey_elliptic_prepare(curve)
            prepared.add(curve)
    return _SIZES[curve]


def _input(name: str, data: Readable, size: int) -> Any:
    # A pointer into the caller's buffer: no copy of a secret is made.
    try:
        buffer = ffi.from_buffer("uint8_t[]", data)
    except TypeError:
        raise not_octets(name, data) from None
    if len(buffer) != size:
        raise LengthError(f"{name}: has {len(buffer)} bytes; must have {size}")
    return buffer


def _output(name: str, data: Writable, size: int) -> Any:
    buffer = ffi.from_buffer("uint8_t[]", data, require_writable=True)
    if len(buffer) != size:
        raise LengthError(f"{name}: has {len(buffer)} bytes; must have {size}")
    return buffer


def _out_of_range(curve: int, name: str, private_le: Any, at: int = 0) -> Exception:
    size = _SIZES[curve]
    zero = not any(private_le[at * size : (at + 1) * size])
    return PrivateKeyRange(
        f"{name}: is {'0' if zero else 'not below q'}; "
        f"must be in 1..q-1 of {CURVES[curve]}"
    )


def _invalid_point(curve: int, code: int) -> InvalidPoint:
    return InvalidPoint(f"public key: {_POINT_FAULTS[code].format(CURVES[curve])}")


def _check_stride(name: str, stride: int, size: int) -> None:
    if stride not in (0, size):
        raise LengthError(f"{name}: stride is {stride}; must be 0 or {size}")


def public_key(curve: int, private_le: Readable) -> bytes:
    size = _size(curve)
    private = _input("private key", private_le, size)
    out = ffi.new("uint8_t[]", 2 * size)
    bad = ffi.new("size_t *")
    if lib.gostkey_elliptic_public_keys(curve, out, private, 1, bad):
        raise _out_of_range(curve, "private key", private)
    return bytes(ffi.buffer(out))


def sign(curve: int, private_le: Readable, digest: Readable, fresh: Readable) -> bytes:
    # Written out, since calls of _input and the like are a tenth of the time.
    size = _SIZES[curve] if curve in prepared else _size(curve)
    private = _from_buffer(_OCTETS, private_le)
    try:
        hashed = _from_buffer(_OCTETS, digest)
    except TypeError:
        raise not_octets("digest", digest) from None
    random = _from_buffer(_OCTETS, fresh)
    if not len(private) == len(hashed) == len(random) == size:
        _input("private key", private_le, size)
        _input("digest", digest, size)
        _input("fresh", fresh, size)
    out = _new(_OCTETS, 2 * size)
    if _sign(curve, out, private, 0, hashed, random, 0, 1, _unread):
        raise _out_of_range(curve, "private key", private)
    signature: bytes = _buffer(out)[:]
    return signature


def sign_with_nonce(
    curve: int, private_le: Readable, digest: Readable, nonce_le: Readable
) -> bytes | None:
    size = _size(curve)
    private = _input("private key", private_le, size)
    hashed = _input("digest", digest, size)
    nonce = _input("nonce", nonce_le, size)
    out = ffi.new("uint8_t[]", 2 * size)
    code = lib.gostkey_elliptic_sign_with_nonce(curve, out, private, hashed, nonce)
    if code == lib.GOSTKEY_ELLIPTIC_PRIVATE_KEY:
        raise _out_of_range(curve, "private key", private)
    return None if code else bytes(ffi.buffer(out))


def verify(
    curve: int, public_le: Readable, digest: Readable, signature: Readable
) -> bool:
    size = _size(curve)
    public = _input("public key", public_le, 2 * size)
    hashed = _input("digest", digest, size)
    try:
        signed = ffi.from_buffer("uint8_t[]", signature)
    except TypeError:
        raise not_octets("signature", signature) from None
    good = ffi.new("uint8_t[]", 1)
    if len(signed) == 2 * size:
        lib.gostkey_elliptic_verify_var(curve, good, public, 0, hashed, signed, 1)
    if not good[0]:
        # Only now, so that a good signature does not pay for it twice.
        code = lib.gostkey_elliptic_point_fault_var(curve, public)
        if code:
            raise _invalid_point(curve, code)
    return bool(good[0])


def point_fault(curve: int, public_le: Readable) -> str:
    public = _input("public key", public_le, 2 * _size(curve))
    code = lib.gostkey_elliptic_point_fault_var(curve, public)
    return _POINT_FAULTS[code].format(CURVES[curve]) if code else ""


def vko_point(
    curve: int, private_le: Readable, public_le: Readable, ukm_le: Readable
) -> bytes:
    size = _size(curve)
    private = _input("private key", private_le, size)
    public = _input("public key", public_le, 2 * size)
    try:
        ukm = ffi.from_buffer("uint8_t[]", ukm_le)
    except TypeError:
        raise not_octets("UKM", ukm_le) from None
    if not 1 <= len(ukm) <= size:
        raise LengthError(f"UKM: has {len(ukm)} bytes; must have 1 to {size}")
    out = ffi.new("uint8_t[]", 2 * size)
    code = lib.gostkey_elliptic_vko_point(curve, out, private, public, ukm, len(ukm))
    if code == lib.GOSTKEY_ELLIPTIC_PRIVATE_KEY:
        raise _out_of_range(curve, "private key", private)
    if code == lib.GOSTKEY_ELLIPTIC_UKM:
        raise PrivateKeyRange(
            f"UKM: is 0 mod q of {CURVES[curve]}; must be another number"
        )
    if code:
        raise _invalid_point(curve, code)
    return bytes(ffi.buffer(out))


def private_from_wide(curve: int, wide: Readable) -> bytes:
    size = _size(curve)
    source = _input("wide", wide, size + 8)
    out = ffi.new("uint8_t[]", size)
    lib.gostkey_elliptic_private_from_wide(curve, out, source, 1)
    return bytes(ffi.buffer(out))


def multiply_mod_q(curve: int, a_le: Readable, b_le: Readable) -> bytes:
    size = _size(curve)
    a = _input("first factor", a_le, size)
    b = _input("second factor", b_le, size)
    out = ffi.new("uint8_t[]", size)
    lib.gostkey_elliptic_multiply_mod_q(curve, out, a, b, 1)
    return bytes(ffi.buffer(out))


def divide_mod_q(curve: int, a_le: Readable, b_le: Readable) -> bytes:
    size = _size(curve)
    a = _input("dividend", a_le, size)
    b = _input("divisor", b_le, size)
    out = ffi.new("uint8_t[]", size)
    if lib.gostkey_elliptic_divide_mod_q(curve, out, a, b, 1, _unread):
        raise PrivateKeyRange(f"divisor: is 0 mod q of {CURVES[curve]}; must not be")
    return bytes(ffi.buffer(out))


def multiply_mod_q_into(
    curve: int, out: Writable, a_le: Readable, b_le: Readable, n: int
) -> None:
    size = _size(curve)
    target = _output("out", out, n * size)
    a = _input("first factors", a_le, n * size)
    b = _input("second factors", b_le, n * size)
    lib.gostkey_elliptic_multiply_mod_q(curve, target, a, b, n)


def divide_mod_q_into(
    curve: int, out: Writable, a_le: Readable, b_le: Readable, n: int
) -> None:
    size = _size(curve)
    target = _output("out", out, n * size)
    a = _input("dividends", a_le, n * size)
    b = _input("divisors", b_le, n * size)
    bad = ffi.new("size_t *")
    if lib.gostkey_elliptic_divide_mod_q(curve, target, a, b, n, bad):
        raise PrivateKeyRange(
            f"divisor {bad[0]}: is 0 mod q of {CURVES[curve]}; must not be"
        )


def private_from_wide_into(curve: int, out: Writable, wide: Readable, n: int) -> None:
    size = _size(curve)
    target = _output("out", out, n * size)
    source = _input("wide", wide, n * (size + 8))
    lib.gostkey_elliptic_private_from_wide(curve, target, source, n)


def public_keys_into(curve: int, out: Writable, private_le: Readable, n: int) -> None:
    size = _size(curve)
    target = _output("out", out, n * 2 * size)
    private = _input("private keys", private_le, n * size)
    bad = ffi.new("size_t *")
    if lib.gostkey_elliptic_public_keys(curve, target, private, n, bad):
        raise _out_of_range(curve, f"private key {bad[0]}", private, bad[0])


def sign_into(
    curve: int,
    out: Writable,
    private_le: Readable,
    private_stride: int,
    digests: Readable,
    fresh: Readable,
    first: int,
    n: int,
) -> None:
    size = _size(curve)
    _check_stride("private keys", private_stride, size)
    target = _output("out", out, n * 2 * size)
    private = _input("private keys", private_le, n * size if private_stride else size)
    hashed = _input("digests", digests, n * size)
    random = _input("fresh", fresh, size)
    bad = ffi.new("size_t *")
    if lib.gostkey_elliptic_sign(
        curve, target, private, private_stride, hashed, random, first, n, bad
    ):
        at = bad[0] if private_stride else 0
        raise _out_of_range(curve, f"private key {at}", private, at)


def verify_into(
    curve: int,
    out: Writable,
    public_le: Readable,
    public_stride: int,
    digests: Readable,
    signatures: Readable,
    n: int,
) -> None:
    size = _size(curve)
    _check_stride("public keys", public_stride, 2 * size)
    target = _output("out", out, n)
    public = _input(
        "public keys", public_le, n * 2 * size if public_stride else 2 * size
    )
    hashed = _input("digests", digests, n * size)
    signed = _input("signatures", signatures, n * 2 * size)
    lib.gostkey_elliptic_verify_var(
        curve, target, public, public_stride, hashed, signed, n
    )
