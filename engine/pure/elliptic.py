"""GOST R 34.10-2012 in plain Python: `gostkey.primitives.Elliptic`.

Python's integers take a time that depends on their values, so keys and nonces
are not protected against somebody who measures time on the same machine.  The
native core is.

Sources: GOST R 34.10-2012 6.1 and 6.2 (RFC 7091); RFC 7836 4.3 (VKO); RFC 9215 (octet
orders).
"""

from __future__ import annotations

from gostkey.errors import InvalidPoint, LengthError, PrivateKeyRange, UnknownCurve
from gostkey.primitives import Readable, Writable, not_octets

from . import hashes
from .curve_parameters import PARAMETERS, Parameters
from .points import (
    Affine,
    base_multiple,
    base_multiples,
    double_multiple,
    in_subgroup,
    multiple,
    on_curve,
)

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

NONCE_TAG = b"gostkey nonce 1"


def _parameters(curve: int) -> Parameters:
    if not 0 <= curve < len(PARAMETERS):
        raise UnknownCurve(
            f"curve number: is {curve}; must be 0 to {len(PARAMETERS) - 1}"
        )
    return PARAMETERS[curve]


def _number(name: str, data: Readable, size: int) -> int:
    _check_length(name, data, size)
    return int.from_bytes(data, "little")


def _check_length(name: str, data: Readable | Writable, size: int) -> None:
    length = _length(name, data)
    if length != size:
        raise LengthError(f"{name}: has {length} bytes; must have {size}")


def _length(name: str, data: Readable | Writable) -> int:
    try:
        return memoryview(data).nbytes
    except TypeError:
        raise not_octets(name, data) from None


def _private(name: str, data: Readable, set_: Parameters) -> int:
    d = _number(name, data, set_.size)
    if not 0 < d < set_.q:
        raise PrivateKeyRange(
            f"{name}: is {'0' if d == 0 else 'not below q'}; "
            f"must be in 1..q-1 of {set_.name}"
        )
    return d


def _digest(digest: Readable, set_: Parameters) -> int:
    """Return e: the digest as a little-endian number mod q, 0 becomes 1."""
    return _number("digest", digest, set_.size) % set_.q or 1


def _encode(point: Affine, size: int) -> bytes:
    x, y = point
    return x.to_bytes(size, "little") + y.to_bytes(size, "little")


def _decode(public_le: Readable, set_: Parameters) -> Affine:
    _check_length("public key", public_le, 2 * set_.size)
    data = bytes(public_le)
    return (
        int.from_bytes(data[: set_.size], "little"),
        int.from_bytes(data[set_.size :], "little"),
    )


def _nonce(
    curve: int,
    private_le: Readable,
    digest: Readable,
    fresh: Readable,
    counter: int,
    index: int,
) -> int:
    """Derive a nonce in 1..q-1 from key, digest and fresh random.

    wide = H(d || fresh || digest || tag || curve || counter || part || index),
    where H is Streebog-512, with one part for 32-byte curves and two for 64-byte
    ones; k = wide mod q, and 1 instead of 0, with wide little-endian.  *fresh* is
    one for all items of a call, *index* (8 bytes, little-endian) the item's place.

    wide has twice the bits of q, so k is uniform up to 2^-250 if the hash's
    output is uniform.  That it is as long as an attacker does not know d, even
    if he chose *fresh*, or does not know *fresh*, even if digests repeat.  The
    digest is in it so that a repeated *fresh* gives another k for another
    message; the curve, so that one key used on two curves gives unrelated
    ones.  Every field has a fixed length for a curve, so no two inputs are
    the same string.  The native core computes the same.
    """
    set_ = PARAMETERS[curve]
    wide = b""
    for part in range(set_.size // 32):
        state = hashes.streebog(512, secret=True)
        for piece in (private_le, fresh, digest, NONCE_TAG):
            state.update(piece)
        state.update(bytes([curve, counter, part]) + index.to_bytes(8, "little"))
        wide += state.digest()
    return int.from_bytes(wide, "little") % set_.q or 1


def _signature(set_: Parameters, d: int, e: int, k: int, x: int) -> bytes | None:
    """Return s || r for the nonce k with C = k G = (x, ...), or None to redraw."""
    r = x % set_.q
    s = (r * d + k * e) % set_.q
    if r == 0 or s == 0:
        return None
    return s.to_bytes(set_.size, "big") + r.to_bytes(set_.size, "big")


def public_key(curve: int, private_le: Readable) -> bytes:
    set_ = _parameters(curve)
    point = base_multiple(curve, _private("private key", private_le, set_))
    assert point is not None
    return _encode(point, set_.size)


def sign(curve: int, private_le: Readable, digest: Readable, fresh: Readable) -> bytes:
    set_ = _parameters(curve)
    _check_length("fresh", fresh, set_.size)
    return _sign(curve, private_le, digest, fresh, 0)


def _sign(
    curve: int, private_le: Readable, digest: Readable, fresh: Readable, index: int
) -> bytes:
    set_ = _parameters(curve)
    d = _private("private key", private_le, set_)
    e = _digest(digest, set_)
    for counter in range(256):
        k = _nonce(curve, private_le, digest, fresh, counter, index)
        point = base_multiple(curve, k)
        assert point is not None
        signature = _signature(set_, d, e, k, point[0])
        if signature is not None:
            return signature
    raise AssertionError("256 nonces in a row gave r = 0 or s = 0")


def sign_with_nonce(
    curve: int, private_le: Readable, digest: Readable, nonce_le: Readable
) -> bytes | None:
    set_ = _parameters(curve)
    d = _private("private key", private_le, set_)
    e = _digest(digest, set_)
    k = _number("nonce", nonce_le, set_.size)
    if not 0 < k < set_.q:
        return None
    point = base_multiple(curve, k)
    assert point is not None
    return _signature(set_, d, e, k, point[0])


def verify(
    curve: int, public_le: Readable, digest: Readable, signature: Readable
) -> bool:
    set_ = _parameters(curve)
    fault = point_fault(curve, public_le)
    if fault:
        raise InvalidPoint(f"public key: {fault}")
    return _verify(curve, _decode(public_le, set_), _digest(digest, set_), signature)


def _verify(curve: int, public: Affine, e: int, signature: Readable) -> bool:
    set_ = PARAMETERS[curve]
    if _length("signature", signature) != 2 * set_.size:
        return False
    data = bytes(signature)
    s = int.from_bytes(data[: set_.size], "big")
    r = int.from_bytes(data[set_.size :], "big")
    if not (0 < r < set_.q and 0 < s < set_.q):
        return False
    inverse = pow(e, -1, set_.q)
    point = double_multiple(curve, s * inverse % set_.q, -r * inverse % set_.q, public)
    return point is not None and point[0] % set_.q == r


def point_fault(curve: int, public_le: Readable) -> str:
    set_ = _parameters(curve)
    point = _decode(public_le, set_)
    if max(point) >= set_.p:
        return f"a coordinate is not below p of {set_.name}"
    if not on_curve(set_, point):
        return f"is not a point of {set_.name}"
    if not in_subgroup(curve, point):
        return f"is not in the subgroup of order q of {set_.name}"
    return ""


def vko_point(
    curve: int, private_le: Readable, public_le: Readable, ukm_le: Readable
) -> bytes:
    set_ = _parameters(curve)
    d = _private("private key", private_le, set_)
    length = _length("UKM", ukm_le)
    if not 1 <= length <= set_.size:
        raise LengthError(f"UKM: has {length} bytes; must have 1 to {set_.size}")
    ukm = int.from_bytes(ukm_le, "little") % set_.q
    if ukm == 0:
        raise PrivateKeyRange(f"UKM: is 0 mod q of {set_.name}; must be another number")
    fault = point_fault(curve, public_le)
    if fault:
        raise InvalidPoint(f"public key: {fault}")
    scalar = set_.cofactor * (ukm * d % set_.q) % set_.q
    point = multiple(curve, scalar, _decode(public_le, set_))
    assert point is not None
    return _encode(point, set_.size)


def private_from_wide(curve: int, wide: Readable) -> bytes:
    set_ = _parameters(curve)
    number = _number("wide", wide, set_.size + 8)
    return (number % set_.q or 1).to_bytes(set_.size, "little")


def multiply_mod_q(curve: int, a_le: Readable, b_le: Readable) -> bytes:
    set_ = _parameters(curve)
    a = _number("first factor", a_le, set_.size)
    b = _number("second factor", b_le, set_.size)
    return (a * b % set_.q).to_bytes(set_.size, "little")


def divide_mod_q(curve: int, a_le: Readable, b_le: Readable) -> bytes:
    set_ = _parameters(curve)
    a = _number("dividend", a_le, set_.size)
    b = _number("divisor", b_le, set_.size) % set_.q
    if b == 0:
        raise PrivateKeyRange(f"divisor: is 0 mod q of {set_.name}; must not be")
    return (a * pow(b, -1, set_.q) % set_.q).to_bytes(set_.size, "little")


def multiply_mod_q_into(
    curve: int, out: Writable, a_le: Readable, b_le: Readable, n: int
) -> None:
    set_ = _parameters(curve)
    size = set_.size
    _check_length("out", out, n * size)
    _check_length("first factors", a_le, n * size)
    _check_length("second factors", b_le, n * size)
    target = memoryview(out).cast("B")
    left, right = memoryview(a_le).cast("B"), memoryview(b_le).cast("B")
    for at in range(0, n * size, size):
        target[at : at + size] = multiply_mod_q(
            curve, left[at : at + size], right[at : at + size]
        )


def divide_mod_q_into(
    curve: int, out: Writable, a_le: Readable, b_le: Readable, n: int
) -> None:
    set_ = _parameters(curve)
    size = set_.size
    _check_length("out", out, n * size)
    _check_length("dividends", a_le, n * size)
    _check_length("divisors", b_le, n * size)
    target = memoryview(out).cast("B")
    left, right = memoryview(a_le).cast("B"), memoryview(b_le).cast("B")
    quotients = []
    for i, at in enumerate(range(0, n * size, size)):
        divisor = right[at : at + size]
        if int.from_bytes(divisor, "little") % set_.q == 0:
            target[:] = bytes(len(target))
            raise PrivateKeyRange(
                f"divisor {i}: is 0 mod q of {set_.name}; must not be"
            )
        quotients.append(divide_mod_q(curve, left[at : at + size], divisor))
    target[:] = b"".join(quotients)


def private_from_wide_into(curve: int, out: Writable, wide: Readable, n: int) -> None:
    size = _parameters(curve).size
    _check_length("out", out, n * size)
    _check_length("wide", wide, n * (size + 8))
    target, source = memoryview(out), memoryview(wide)
    for i in range(n):
        piece = source[i * (size + 8) : (i + 1) * (size + 8)]
        target[i * size : (i + 1) * size] = private_from_wide(curve, piece)


def public_keys_into(curve: int, out: Writable, private_le: Readable, n: int) -> None:
    set_ = _parameters(curve)
    size = set_.size
    _check_length("out", out, n * 2 * size)
    _check_length("private keys", private_le, n * size)
    source = memoryview(private_le)
    keys = [
        _private(f"private key {i}", source[i * size : (i + 1) * size], set_)
        for i in range(n)
    ]
    target = memoryview(out)
    for i, point in enumerate(base_multiples(curve, keys)):
        assert point is not None
        target[i * 2 * size : (i + 1) * 2 * size] = _encode(point, size)


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
    set_ = _parameters(curve)
    size = set_.size
    _check_stride("private keys", private_stride, size)
    _check_length("out", out, n * 2 * size)
    _check_length("private keys", private_le, n * size if private_stride else size)
    _check_length("digests", digests, n * size)
    _check_length("fresh", fresh, size)
    keys, hashed = memoryview(private_le), memoryview(digests)
    pieces = []
    for i in range(n):
        key = keys[i * private_stride : i * private_stride + size]
        d = _private(f"private key {i}", key, set_)
        digest = hashed[i * size : (i + 1) * size]
        k = _nonce(curve, key, digest, fresh, 0, first + i)
        pieces.append((d, _digest(digest, set_), k, key, digest))
    points = base_multiples(curve, [piece[2] for piece in pieces])
    target = memoryview(out)
    for i, (point, (d, e, k, key, digest)) in enumerate(
        zip(points, pieces, strict=True)
    ):
        assert point is not None
        signature = _signature(set_, d, e, k, point[0])
        if signature is None:
            signature = _sign(curve, key, digest, fresh, first + i)
        target[i * 2 * size : (i + 1) * 2 * size] = signature


def verify_into(
    curve: int,
    out: Writable,
    public_le: Readable,
    public_stride: int,
    digests: Readable,
    signatures: Readable,
    n: int,
) -> None:
    set_ = _parameters(curve)
    size = set_.size
    _check_stride("public keys", public_stride, 2 * size)
    _check_length("out", out, n)
    _check_length("public keys", public_le, n * 2 * size if public_stride else 2 * size)
    _check_length("digests", digests, n * size)
    _check_length("signatures", signatures, n * 2 * size)
    keys, hashed = memoryview(public_le), memoryview(digests)
    signed = memoryview(signatures)
    target = memoryview(out)
    good = False
    for i in range(n):
        key = keys[i * public_stride : i * public_stride + 2 * size]
        if public_stride or i == 0:
            good = point_fault(curve, key) == ""
        target[i] = good and _verify(
            curve,
            _decode(key, set_),
            _digest(hashed[i * size : (i + 1) * size], set_),
            signed[i * 2 * size : (i + 1) * 2 * size],
        )


def _check_stride(name: str, stride: int, size: int) -> None:
    if stride not in (0, size):
        raise LengthError(f"{name}: stride is {stride}; must be 0 or {size}")
