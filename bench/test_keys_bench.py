"""One key at a time: what a program calls, checks and random included."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import gostkey

CURVES = ("tc26-256-b", "tc26-512-a")

every_curve = pytest.mark.parametrize("name", CURVES)


@every_curve
def test_generate_a_key(
    benchmark: BenchmarkFixture, each_kernel: str, name: str
) -> None:
    benchmark(gostkey.SigningKey.generate, name)


@every_curve
def test_sign_a_digest(
    benchmark: BenchmarkFixture, each_kernel: str, name: str
) -> None:
    key = gostkey.SigningKey.generate(name)
    benchmark(key.sign_digest, bytes(range(key.curve.size)))


@every_curve
def test_verify_a_digest(
    benchmark: BenchmarkFixture, each_kernel: str, name: str
) -> None:
    key = gostkey.SigningKey.generate(name)
    digest = bytes(range(key.curve.size))
    signature = key.sign_digest(digest)
    benchmark(key.verifying_key.verify_digest, signature, digest)


@every_curve
def test_exchange(benchmark: BenchmarkFixture, each_kernel: str, name: str) -> None:
    key, other = (gostkey.SigningKey.generate(name) for _ in range(2))
    benchmark(key.exchange, other.verifying_key, bytes([1] * 8))
