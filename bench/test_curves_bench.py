"""Field and curve: a product and a quotient mod q, a point's check, multiples."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from gostkey import curves
from gostkey.backend import active

CURVES = ("tc26-256-a", "tc26-256-b", "tc26-256-d", "tc26-512-a", "tc26-512-b")

every_curve = pytest.mark.parametrize("name", CURVES)


def number(size: int) -> bytes:
    """Return a number that is a private key on every curve."""
    return bytes(range(1, size)) + b"\x01"


@every_curve
def test_multiply_mod_q(
    benchmark: BenchmarkFixture, each_kernel: str, name: str
) -> None:
    curve = curves.get(name)
    a = number(curve.size)
    benchmark(active.elliptic.multiply_mod_q, curve.index, a, a)


@every_curve
def test_divide_mod_q(benchmark: BenchmarkFixture, each_kernel: str, name: str) -> None:
    curve = curves.get(name)
    a = number(curve.size)
    benchmark(active.elliptic.divide_mod_q, curve.index, a, a)


@every_curve
def test_check_of_a_point(
    benchmark: BenchmarkFixture, each_kernel: str, name: str
) -> None:
    curve = curves.get(name)
    public = active.elliptic.public_key(curve.index, number(curve.size))
    fault = benchmark(active.elliptic.point_fault, curve.index, public)
    assert fault == ""


@every_curve
def test_multiple_of_the_base_point(
    benchmark: BenchmarkFixture, each_kernel: str, name: str
) -> None:
    curve = curves.get(name)
    benchmark(active.elliptic.public_key, curve.index, number(curve.size))
