"""Corner scalars in batches: every one in every lane, on every family of kernels.

What is expected is computed by the Python backend one at a time, so a batch also
shows that neighbours in a vector do not change each other.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from parameter_sets import NAMES, little

from gostkey import bindings, curves
from gostkey.curves import Curve
from gostkey.pure import elliptic as pure

if bindings.core is None:
    pytest.skip(
        "only the native core has kernels: install with a C compiler",
        allow_module_level=True,
    )

from gostkey.bindings import elliptic as native

WIDTHS = (5, 6, 7)
"""Bits of a window, of all combs there are."""


@pytest.fixture(params=NAMES)
def curve(request: pytest.FixtureRequest) -> Curve:
    return curves.get(request.param)


@pytest.fixture(params=bindings.kernel_names())
def each_family(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once per family that this machine can run; then as before."""
    chosen = bindings.kernels()
    assert bindings.select_kernels(request.param)
    yield request.param
    for name in bindings.kernel_names():
        assert bindings.select_kernels(name)
        if bindings.kernels() == chosen:
            break


def digits_of(k: int, curve: Curve, width: int) -> list[int]:
    """Signed odd digits of an odd k, lowest first, as the combs have them."""
    windows = -(-curve.q.bit_length() // width)
    step = 1 << width
    found = [
        ((k >> width * i) % (2 * step) | 1) - step if i < windows - 1 else 0
        for i in range(windows)
    ]
    found[-1] = k >> width * (windows - 1) | 1
    assert sum(digit << width * i for i, digit in enumerate(found)) == k
    return found


def last_step_doubles(k: int, curve: Curve, width: int) -> bool:
    """The sum of all windows but the last is the last one's term mod q."""
    digits = digits_of(k, curve, width)
    last = digits[-1] << width * (len(digits) - 1)
    return (k - last - last) % curve.q == 0


def doubling_scalars(curve: Curve, width: int) -> list[int]:
    """The odd scalar whose last addition is a doubling, if there is one."""
    top = 1 << width * (-(-curve.q.bit_length() // width) - 1)
    k = curve.q - 2 * (curve.q % top)
    if 0 < k < curve.q and last_step_doubles(k, curve, width):
        return [k]
    assert (curve.q // top) % 2 == 0
    return []


def equal_digits(curve: Curve, width: int) -> list[int]:
    """Odd scalars all of whose digits are the same in size."""
    windows = -(-curve.q.bit_length() // width)
    ones = sum(1 << width * i for i in range(windows))
    top = 1 << width * (windows - 1)
    found = [ones, 3 * ones, ((1 << width) - 1) * ones]
    # All negative but the last, which cannot be.
    found += [2 * top - ones, 3 * top - ((1 << width) - 1) * (ones - top)]
    return [k for k in found if 0 < k < curve.q and k % 2 == 1]


def corners(curve: Curve) -> list[int]:
    q = curve.q
    found = {1, 2, 3, q - 1, q - 2, q - 3, (q - 1) // 2, (q + 1) // 2}
    for width in WIDTHS:
        special = doubling_scalars(curve, width) + equal_digits(curve, width)
        # An even scalar stands for q minus it.
        found |= {value for k in special for value in (k, q - k)}
        windows = -(-q.bit_length() // width)
        for i in (1, windows - 1):
            found |= {(1 << width * i) + step for step in (-1, 0, 1)}
    listed = sorted(k for k in found if 0 < k < q)
    # An odd number of them: the i-th of a long batch then meets every lane.
    return listed if len(listed) % 2 else [*listed, 41]


def test_doubling_scalars_are_what_the_proofs_say() -> None:
    found = {
        (name, width): len(doubling_scalars(curves.get(name), width))
        for name in NAMES
        for width in WIDTHS
    }
    # Each width meets some, or the corner would not be tested.
    assert all(any(found[name, width] for name in NAMES) for width in WIDTHS), found


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[int, bytes]]:
    return {}


def test_corner_scalars_in_every_lane(
    each_family: str, curve: Curve, expected: dict[str, dict[int, bytes]]
) -> None:
    scalars = corners(curve)
    points = expected.setdefault(curve.name, {})
    for k in scalars:
        if k not in points:
            points[k] = pure.public_key(curve.index, little(k, curve))
    size = curve.size
    batches = [(41, shift) for shift in range(0, len(scalars), 5)]
    batches += [(64, shift) for shift in range(len(scalars))]
    batches += [(4096, 0), (4097, 1)]
    if each_family == "portable":
        batches = [(41, 0), (64, 1)]
    met = set()
    for n, shift in batches:
        chosen = [scalars[(i + shift) % len(scalars)] for i in range(n)]
        if n == 64:
            met |= {(k, i % 8) for i, k in enumerate(chosen)}
        octets = b"".join(little(k, curve) for k in chosen)
        out = bytearray(2 * size * n)
        native.public_keys_into(curve.index, out, octets, n)
        for i, k in enumerate(chosen):
            got = bytes(out[2 * size * i : 2 * size * (i + 1)])
            assert got == points[k], (n, i, hex(k))
    assert each_family == "portable" or len(met) == 8 * len(scalars)
    for k in scalars:
        assert native.public_key(curve.index, little(k, curve)) == points[k], hex(k)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 39, 40, 41, 47, 48, 49, 64, 65])
def test_tails_of_every_length(each_family: str, n: int) -> None:
    for name in ("tc26-256-b", "tc26-256-d", "tc26-512-b"):
        curve = curves.get(name)
        octets = b"".join(little(3 * i + 1, curve) for i in range(n))
        out = bytearray(2 * curve.size * (n + 1))
        native.public_keys_into(
            curve.index, memoryview(out)[: 2 * curve.size * n], octets, n
        )
        for i in {0, n // 2, n - 1}:
            one = pure.public_key(curve.index, little(3 * i + 1, curve))
            assert out[2 * curve.size * i :].startswith(one), (name, i)
        assert out.endswith(bytes(2 * curve.size))
