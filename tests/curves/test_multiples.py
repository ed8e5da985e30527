"""Multiples of points: both backends against vectors, the textbook, each other."""

from __future__ import annotations

import os
import random
from array import array
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from parameter_sets import NAMES, SET_OF, add, little, point_octets, public_of

import gostkey
from gostkey import bindings, curves
from gostkey.backend import active
from gostkey.curves import Curve
from gostkey.pure import elliptic as pure

SEED = 20261122

both_backends = pytest.mark.skipif(
    bindings.core is None,
    reason="there is no native core to compare with: install with a C compiler",
)


@pytest.fixture(params=NAMES)
def curve(request: pytest.FixtureRequest) -> Curve:
    return curves.get(request.param)


@pytest.fixture(scope="module")
def native() -> ModuleType:
    from gostkey.bindings import elliptic

    return elliptic


@pytest.fixture(params=bindings.kernel_names())
def each_family(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once with every family of kernels of this machine."""
    before = os.environ.get("GOSTKEY_KERNELS") or bindings.kernel_names()[0]
    assert bindings.select_kernels(request.param)
    yield request.param
    assert bindings.select_kernels(before)


def corners(curve: Curve) -> list[int]:
    """Scalars near 0 and q, at window borders, and where a doubling is hidden.

    Windows have five, six or seven bits; the last addition of a multiple of the base
    point is a doubling for one scalar for each of these.
    """
    q, length = curve.q, curve.q.bit_length()
    found = [1, 2, 3, q - 1, q - 2, q - 3, q // 2, q // 2 + 1]
    for width in (5, 6, 7):
        top = 1 << width * (-(-length // width) - 1)
        found += [q - 2 * (q % top), 2 * (q % top)]
    # Single keys add two halves at last, in the vector code.
    half = 1 << curve.bits // 2
    found += [q - 2 * (q % half), 2 * (q % half)]
    found += [q - 2 * t for t in range(5, 32, 2)]
    for shift in (5, 6, 7, 12, 60, 64, 65, 125, 128, 250, 255, length - 1):
        found += [(1 << shift) + step for step in (-1, 0, 1)]
    return sorted({k for k in found if 0 < k < q})


def test_public_keys_of_the_vectors(
    each_backend: str, vectors: Callable[[str], Any]
) -> None:
    data = vectors("gost3410")
    for vector in data["standard"] + data["random"] + data["edge"]:
        index = SET_OF[vector["curve"]].index
        private = bytes.fromhex(vector["private_le"])
        public = bytes.fromhex(vector["spki_point"])
        assert active.elliptic.public_key(index, private) == public
        assert active.elliptic.point_fault(index, public) == ""


def test_small_multiples_are_repeated_additions(
    each_backend: str, curve: Curve
) -> None:
    base = (curve.x, curve.y)
    point: tuple[int, int] | None = None
    for k in range(1, 101):
        point = add(curve, point, base)
        expected = point_octets(curve, point)
        assert active.elliptic.public_key(curve.index, little(k, curve)) == expected, k
        assert point is not None
        opposite = point_octets(curve, (point[0], -point[1] % curve.p))
        got = active.elliptic.public_key(curve.index, little(curve.q - k, curve))
        assert got == opposite, k


@both_backends
def test_backends_agree_on_corner_and_random_scalars(
    native: ModuleType, curve: Curve
) -> None:
    generator = random.Random(f"{SEED} {curve.name}")
    scalars = corners(curve) + [generator.randrange(1, curve.q) for _ in range(40)]
    for k in scalars:
        octets = little(k, curve)
        assert native.public_key(curve.index, octets) == pure.public_key(
            curve.index, octets
        ), hex(k)


@both_backends
def test_backends_agree_on_multiples_of_any_point(
    native: ModuleType, curve: Curve
) -> None:
    generator = random.Random(f"{SEED} {curve.name}")
    for k in corners(curve) + [generator.randrange(1, curve.q) for _ in range(10)]:
        peer = little(generator.randrange(1, curve.q), curve)
        public = pure.public_key(curve.index, peer)
        # The cofactor is multiplied in: divide it out, so that k itself is met.
        private = little(k * pow(curve.cofactor, -1, curve.q) % curve.q, curve)
        assert native.vko_point(curve.index, private, public, b"\x01") == (
            pure.vko_point(curve.index, private, public, b"\x01")
        ), hex(k)


@both_backends
def test_backends_agree_on_numbers_mod_q(native: ModuleType, curve: Curve) -> None:
    generator = random.Random(f"{SEED} {curve.name}")
    top = (1 << curve.bits) - 1
    edges = [0, 1, 2, curve.q - 1, curve.q, curve.q + 1, top - 1, top]
    edges = [value for value in edges if value <= top]
    edges += [generator.randrange(top + 1) for _ in range(8)]
    for left in edges:
        for right in edges:
            a, b = little(left, curve), little(right, curve)
            product = native.multiply_mod_q(curve.index, a, b)
            assert product == little(left * right % curve.q, curve)
            assert product == pure.multiply_mod_q(curve.index, a, b)
            if right % curve.q:
                quotient = native.divide_mod_q(curve.index, a, b)
                assert quotient == pure.divide_mod_q(curve.index, a, b)
                assert native.multiply_mod_q(curve.index, quotient, b) == little(
                    left % curve.q, curve
                )


@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 70])
def test_many_products_and_quotients(each_backend: str, curve: Curve, n: int) -> None:
    generator = random.Random(f"{SEED} {curve.name} {n}")
    numbers = [generator.randrange(1 << curve.bits) for _ in range(2 * n)]
    left, right = numbers[:n], [one if one % curve.q else 1 for one in numbers[n:]]
    a = b"".join(little(one, curve) for one in left)
    b = b"".join(little(one, curve) for one in right)
    out = bytearray(n * curve.size)
    active.elliptic.multiply_mod_q_into(curve.index, out, a, b, n)
    products = [x * y % curve.q for x, y in zip(left, right, strict=True)]
    assert out == b"".join(little(one, curve) for one in products)
    # In place.
    active.elliptic.divide_mod_q_into(curve.index, out, out, b, n)
    assert out == b"".join(little(one % curve.q, curve) for one in left)
    # Items wider than a byte.
    wide = array("Q", bytes(n * curve.size))
    factors = memoryview(a).cast("Q") if n else a
    active.elliptic.multiply_mod_q_into(curve.index, wide, factors, b, n)
    assert wide.tobytes() == b"".join(little(one, curve) for one in products)
    active.elliptic.divide_mod_q_into(curve.index, wide, wide, b, n)
    assert wide.tobytes() == out


@pytest.mark.parametrize("zero", [0, 31, 40])
def test_one_zero_among_many_divisors_is_named(
    each_backend: str, curve: Curve, zero: int
) -> None:
    b = [little(i + 1, curve) for i in range(41)]
    b[zero] = little(curve.q, curve)
    out = bytearray(b"x" * 41 * curve.size)
    with pytest.raises(gostkey.PrivateKeyRange, match=f"divisor {zero}: is 0 mod q"):
        active.elliptic.divide_mod_q_into(
            curve.index, out, b"".join(b), b"".join(b), 41
        )
    assert not any(out)


@both_backends
def test_native_quotients_are_right_for_many_numbers(
    native: ModuleType, curve: Curve
) -> None:
    generator = random.Random(f"{SEED} {curve.name}")
    one = little(1, curve)
    for i in range(400):
        # Numbers of all lengths, and some of long runs of equal bits.
        number = generator.getrandbits(1 + generator.randrange(curve.bits))
        if i % 2:
            number = (1 << generator.randrange(1, curve.bits)) - (number & 0xFF)
        divisor = abs(number) % curve.q or 1
        assert native.divide_mod_q(curve.index, one, little(divisor, curve)) == (
            little(pow(divisor, -1, curve.q), curve)
        ), hex(divisor)


def test_private_keys_are_reduced_from_wide_numbers(
    each_backend: str, curve: Curve
) -> None:
    generator = random.Random(f"{SEED} {curve.name}")
    size = curve.size + 8
    top = (1 << 8 * size) - 1
    wides = [0, 1, curve.q - 2, curve.q - 1, curve.q, 2 * curve.q - 2, top]
    # Around multiples of q.
    wides += [top // curve.q * curve.q - step for step in (-1, 0, 1)]
    wides += [generator.randrange(top + 1) for _ in range(50)]
    for wide in wides:
        got = active.elliptic.private_from_wide(
            curve.index, wide.to_bytes(size, "little")
        )
        assert got == little(wide % curve.q or 1, curve), hex(wide)


def test_division_by_zero_is_refused(each_backend: str, curve: Curve) -> None:
    for zero in (0, curve.q):
        with pytest.raises(gostkey.PrivateKeyRange, match="divisor"):
            active.elliptic.divide_mod_q(
                curve.index, little(1, curve), little(zero, curve)
            )


def test_points_of_small_order_are_refused(
    each_backend: str, vectors: Callable[[str], Any]
) -> None:
    points = vectors("gost3410")["small_order_points"]
    assert points
    for vector in points:
        curve = SET_OF[vector["curve"]]
        x, y = int(vector["x"], 16), int(vector["y"], 16)
        fault = active.elliptic.point_fault(curve.index, point_octets(curve, (x, y)))
        assert fault == f"is not in the subgroup of order q of {curve.name}"
        # Nor may a good point with one of small order added to it pass.
        mixed = add(curve, (curve.x, curve.y), (x, y))
        fault = active.elliptic.point_fault(curve.index, point_octets(curve, mixed))
        assert "subgroup" in fault
        with pytest.raises(gostkey.InvalidPoint, match="subgroup"):
            active.elliptic.vko_point(
                curve.index, little(5, curve), point_octets(curve, mixed), b"\x01"
            )


def test_coordinates_must_be_reduced_and_on_the_curve(
    each_backend: str, curve: Curve
) -> None:
    good = point_octets(curve, (curve.x, curve.y))
    assert active.elliptic.point_fault(curve.index, good) == ""
    full = b"\xff" * curve.size
    for bad in (full + good[curve.size :], good[: curve.size] + full):
        assert "not below p" in active.elliptic.point_fault(curve.index, bad)
    if curve.x + curve.p < 1 << curve.bits:
        unreduced = little(curve.x + curve.p, curve) + good[curve.size :]
        assert "not below p" in active.elliptic.point_fault(curve.index, unreduced)
    for bad in (bytes(2 * curve.size), bytes([good[0] ^ 1]) + good[1:]):
        fault = active.elliptic.point_fault(curve.index, bad)
        assert fault == f"is not a point of {curve.name}"


def test_refused_points_of_the_vectors_are_refused(
    each_backend: str, vectors: Callable[[str], Any]
) -> None:
    seen = 0
    for vector in vectors("gost3410")["negative"]:
        curve = SET_OF[vector["curve"]]
        fault = active.elliptic.point_fault(curve.index, public_of(vector))
        assert bool(fault) != vector["point_on_curve"], vector["name"]
        seen += bool(fault)
    assert seen


@both_backends
@pytest.mark.parametrize("name", ["tc26-256-a", "tc26-512-c"])
def test_order_of_a_point_is_told_whatever_its_part_of_small_order(
    name: str, each_family: str, vectors: Callable[[str], Any], native: ModuleType
) -> None:
    curve = curves.get(name)
    small = [
        (int(v["x"], 16), int(v["y"], 16))
        for v in vectors("gost3410")["small_order_points"]
        if SET_OF[v["curve"]].name == name
    ]
    quarter = next(p for p in small if add(curve, p, p) is not None)
    half = add(curve, quarter, quarter)
    small = [quarter, half, (quarter[0], -quarter[1] % curve.p)]  # all there are
    generator = random.Random(f"{SEED} {name}")
    for _ in range(6):
        k = little(generator.randrange(1, curve.q), curve)
        octets = pure.public_key(curve.index, k)
        assert native.point_fault(curve.index, octets) == ""
        x, y = (
            int.from_bytes(half, "little")
            for half in (octets[: curve.size], octets[curve.size :])
        )
        for part in small:
            mixed = point_octets(curve, add(curve, (x, y), part))
            assert "subgroup" in native.point_fault(curve.index, mixed)


@both_backends
def test_every_family_makes_the_same_batches(
    curve: Curve, each_family: str, native: ModuleType
) -> None:
    generator = random.Random(f"{SEED} {curve.name}")
    scalars = corners(curve)
    scalars += [generator.randrange(1, curve.q) for _ in range(1001 - len(scalars))]
    private = b"".join(little(k, curve) for k in scalars)
    size = 2 * curve.size
    expected = b"".join(
        pure.public_key(curve.index, little(k, curve)) for k in scalars[:80]
    )
    made = bytearray(size * len(scalars))
    native.public_keys_into(curve.index, made, private, len(scalars))
    assert bytes(made[: len(expected)]) == expected
    for i in range(80, len(scalars)):
        one = native.public_key(curve.index, little(scalars[i], curve))
        assert made[size * i : size * (i + 1)] == one, hex(scalars[i])
    for n in (1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65):
        # The corners first, and then last.
        for first in (0, len(corners(curve)) - n):
            first = max(first, 0)
            some = bytearray(size * n)
            native.public_keys_into(
                curve.index, some, private[curve.size * first :][: curve.size * n], n
            )
            assert some == made[size * first : size * (first + n)]


@pytest.mark.parametrize("number", [-1, 9])
def test_unknown_number_of_a_curve_is_refused(each_backend: str, number: int) -> None:
    with pytest.raises(gostkey.UnknownCurve, match="must be 0 to 8"):
        active.elliptic.public_key(number, bytes(32))
