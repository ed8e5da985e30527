"""Signatures checked many at once: every kernel, every lane, points that meet.

Most signatures here are made from their own equation: for any key Q and numbers
u, v, with R = u G + v Q and r = x of R mod q, the digest e = -r / v and s = u e fit.
So keys can be chosen that make the sums meet equal points, opposite ones and
infinity.
"""

from __future__ import annotations

import functools
import os
import random
from collections.abc import Iterator

import numpy as np
import pytest
from parameter_sets import NAMES, add, little, point_octets

from gostkey import batch, bindings, curves
from gostkey.curves import Curve

Point = tuple[int, int] | None

# Enough for the kernels that work on many at once, and not a whole vector.
MANY = 70


@pytest.fixture(params=bindings.kernel_names() or ["none"])
def each_family(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once for each family of kernels of this machine."""
    if bindings.core is None:
        pytest.skip("needs the native core; there is none in this installation")
    assert bindings.select_kernels(request.param)
    yield request.param
    # As at the start of the program.
    names = bindings.kernel_names()
    wanted = os.environ.get("GOSTKEY_KERNELS")
    assert bindings.select_kernels(wanted if wanted in names else names[0])


@functools.cache
def times(curve: Curve, k: int, point: Point) -> Point:
    """Multiply a point by the textbook; once for all families, with their numbers."""
    total: Point = None
    while k:
        if k & 1:
            total = add(curve, total, point)
        point = add(curve, point, point)
        k >>= 1
    return total


def base(curve: Curve, k: int = 1) -> Point:
    """Return k G."""
    return times(curve, k % curve.q, (curve.x, curve.y))


class Items:
    """Rows for batch.verify, and what must come out."""

    def __init__(self, curve: Curve) -> None:
        self.curve = curve
        self.public: list[bytes] = []
        self.signatures: list[bytes] = []
        self.digests: list[bytes] = []
        self.expected: list[bool] = []

    def put(self, public: bytes, s: int, r: int, e: int, expected: bool) -> None:
        """Append an item."""
        size = self.curve.size
        self.public.append(public)
        self.signatures.append(s.to_bytes(size, "big") + r.to_bytes(size, "big"))
        self.digests.append(e.to_bytes(size, "little"))
        self.expected.append(expected)

    def forge(
        self, key: Point, u: int, v: int, total: Point, good: bool = True
    ) -> None:
        """Append the item with these u and v; total is u G + v Q."""
        q = self.curve.q
        r = total[0] % q if total is not None else 1
        e = -r * pow(v, -1, q) % q
        # r = 0, as for the base point of tc26-256-d, is no signature.
        good = good and total is not None and r != 0
        self.put(point_octets(self.curve, key), u * e % q, r, e, good)

    def check(self, order: list[int], one_key: bool = False) -> None:
        """Verify the items in this order."""

        def rows(data: list[bytes]) -> np.ndarray:  # type: ignore[type-arg]
            joined = b"".join(data[i] for i in order)
            return np.frombuffer(joined, np.uint8).reshape(len(order), len(data[0]))

        public = rows(self.public)
        got = batch.verify(
            public[0] if one_key else public,
            rows(self.signatures),
            rows(self.digests),
            self.curve,
            threads=1,
        )
        assert got.tolist() == [self.expected[i] for i in order]


def signed(curve: Curve, n: int) -> Items:
    """Return n good signatures, every third of which has been spoilt since."""
    items = Items(curve)
    keys = batch.generate(n, curve)
    digests = np.frombuffer(random.Random(n).randbytes(n * curve.size), np.uint8)
    digests = digests.reshape(n, curve.size)
    signatures = batch.sign(keys.private, digests, curve).copy()
    for i in range(2, n, 3):
        signatures[i, -1 - i % (2 * curve.size - 2)] ^= 1 << i % 8
    items.public = [row.tobytes() for row in keys.public]
    items.signatures = [row.tobytes() for row in signatures]
    items.digests = [row.tobytes() for row in digests]
    items.expected = [i % 3 != 2 for i in range(n)]
    return items


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_items(each_family: str, name: str) -> None:
    curve = curves.get(name)
    items = signed(curve, MANY)
    slow = each_family != "avx512" and curve.size == 64
    for n in [1, 9, 65] if slow else [*range(26), 31, 32, 33, 63, 64, 65]:
        items.check([(i + n) % MANY for i in range(n)])
    if not slow:
        items.check([i * 7 % MANY for i in range(1000)])


@pytest.mark.parametrize("name", ["tc26-256-a", "tc26-256-b", "tc26-512-b"])
def test_more_than_a_chunk(each_family: str, name: str) -> None:
    if each_family != "avx512":
        pytest.skip("checks one by one; the numbers above are enough")
    items = signed(curves.get(name), MANY)
    items.check([i * 7 % MANY for i in range(4096 + 9)])


@pytest.mark.parametrize("name", NAMES)
def test_one_key_for_all(each_family: str, name: str) -> None:
    curve = curves.get(name)
    items = Items(curve)
    rand = random.Random(name)
    t = rand.randrange(1, curve.q)
    key = base(curve, t)
    for i in range(13):
        u, v = rand.randrange(1, curve.q), rand.randrange(1, curve.q)
        items.forge(key, u, v, base(curve, u + v * t + (i == 5)), i != 5)
    for n in [1, 2, 7, 8, 9, 15, 16, 17, 33, 65]:
        items.check([i % 13 for i in range(n)], one_key=True)
    if each_family == "avx512":
        items.check([i % 13 for i in range(1000)], one_key=True)


@pytest.mark.parametrize("name", NAMES)
def test_keys_that_make_points_meet(each_family: str, name: str) -> None:
    curve = curves.get(name)
    items, rand = Items(curve), random.Random(name)
    big = rand.randrange(1, curve.q)
    for t in [1, -1, 2, -2, pow(2, -1, curve.q), big]:
        key = base(curve, t)
        # u G = v Q, u G = -v Q (infinity), and numbers at the edges.
        for u, v in [
            (t * big, big),
            (-t * big, big),
            (1, 1),
            (-1, -1),
            (t, 1),
            (-t, 1),
        ]:
            u, v = u % curve.q, v % curve.q
            items.forge(key, u, v, base(curve, u + v * t))
    assert items.expected.count(False) >= 12
    n = len(items.expected)
    for shift in range(0, 8, 3):
        items.check([(i + shift) % n for i in range(n + 5)])
    first = [i for i in range(6)]
    items.check([first[i % 6] for i in range(MANY)], one_key=True)


@pytest.mark.parametrize("name", NAMES)
def test_x_that_is_not_below_q(each_family: str, name: str) -> None:
    curve = curves.get(name)
    items, rand = Items(curve), random.Random(name)
    tops = range(1, 5 if curve.cofactor == 4 else 2)
    for top in tops:
        for x in range(top * curve.q + 1, min(curve.p, top * curve.q + 60)):
            right = (x**3 + curve.a * x + curve.b) % curve.p
            y = square_root(right, curve.p)
            if y is None:
                continue
            total = (x, y)
            if curve.cofactor == 4 and times(curve, curve.q, total) is not None:
                continue
            # Q = (R - u G) / v
            u, v = rand.randrange(1, curve.q), rand.randrange(1, curve.q)
            difference = add(curve, total, base(curve, -u))
            key = times(curve, pow(v, -1, curve.q), difference)
            items.forge(key, u, v, total)
            # The next candidate is another point's x.
            items.forge(key, u, v, (x + 1, y), False)
            if len(items.expected) >= 6 * top:
                break
    if not items.expected:
        assert curve.q > curve.p
        return
    n = len(items.expected)
    items.check([i % n for i in range(MANY)])


@pytest.mark.parametrize("name", [c.name for c in curves.ALL if c.cofactor == 4])
def test_keys_outside_of_the_subgroup(each_family: str, name: str) -> None:
    # The equation holds: only the order of the key is wrong.
    curve = curves.get(name)
    items, rand = Items(curve), random.Random(name)
    orders = set()
    while len(items.expected) < 16:
        x = rand.randrange(curve.p)
        y = square_root((x**3 + curve.a * x + curve.b) % curve.p, curve.p)
        if y is None:
            continue
        key: Point = (x, y)
        small = times(curve, curve.q, key)
        order = 1 if small is None else 2 if small[1] == 0 else 4
        orders.add(order)
        u, v = rand.randrange(1, curve.q), rand.randrange(1, curve.q)
        total = add(curve, base(curve, u), times(curve, v, key))
        items.forge(key, u, v, total, order == 1)
        if small is not None and len(items.expected) < 8:
            items.forge(small, u, v, add(curve, base(curve, u), times(curve, v, small)))
            items.expected[-1] = False
    assert orders == {1, 2, 4}
    for shift in range(8):
        items.check([(i + shift) % 16 for i in range(33)])


@pytest.mark.parametrize("name", NAMES)
def test_faults_in_every_lane(each_family: str, name: str) -> None:
    curve = curves.get(name)
    good = signed(curve, 2)
    size, p, q = curve.size, curve.p, curve.q
    public, signature = good.public[0], good.signatures[0]
    s, r = signature[:size], signature[size:]
    top = b"\xff" * size
    faults = [
        (public[:size] + top, signature),
        (little(p, curve) + public[size:], signature),
        (bytes([public[0] ^ 1]) + public[1:], signature),
        (public[size:] + public[:size], signature),
        (bytes(2 * size), signature),
        (public, bytes(size) + r),
        (public, s + bytes(size)),
        (public, q.to_bytes(size, "big") + r),
        (public, s + q.to_bytes(size, "big")),
        (public, s + top),
        (public, r + s),
    ]
    items = Items(curve)
    for key, sig in [(public, signature), *faults]:
        items.public.append(key)
        items.signatures.append(sig)
        items.digests.append(good.digests[0])
        items.expected.append(not items.expected)
    n = len(items.expected)
    # 12 and 8 lanes, and good ones between: every fault comes to every other lane.
    for shift in range(2):
        items.check([i % n if i % 3 else 0 for i in range(shift, MANY + shift)])
    items.check(list(range(n)) * 2)


@pytest.mark.parametrize("name", NAMES)
def test_backends_agree(each_backend: str, name: str) -> None:
    curve = curves.get(name)
    items = Items(curve)
    rand = random.Random(name)
    for i in range(7):
        t, u, v = (rand.randrange(1, curve.q) for _ in range(3))
        items.forge(base(curve, t), u, v, base(curve, u + v * t + i % 2), i % 2 == 0)
    items.check([i % 7 for i in range(7 if each_backend == "pure" else MANY)])


def square_root(a: int, p: int) -> int | None:
    """Return a root of a mod p, or None (Cipolla's method)."""
    a %= p
    if a == 0:
        return 0
    if pow(a, (p - 1) // 2, p) != 1:
        return None
    n = 1
    while pow(n * n - a, (p - 1) // 2, p) != p - 1:
        n += 1
    square, power = (n, 1), (p + 1) // 2
    result = (1, 0)
    step = n * n - a
    while power:
        if power & 1:
            result = times_in_square_field(result, square, step, p)
        square = times_in_square_field(square, square, step, p)
        power >>= 1
    return result[0]


def times_in_square_field(
    x: tuple[int, int], y: tuple[int, int], w2: int, p: int
) -> tuple[int, int]:
    """Multiply a + b w by c + d w, w^2 given."""
    return (x[0] * y[0] + x[1] * y[1] * w2) % p, (x[0] * y[1] + x[1] * y[0]) % p
