"""The process generator and what it stands on."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

import gostkey
from gostkey.backend import active


def test_generator_of_16_kib(benchmark: BenchmarkFixture, each_kernel: str) -> None:
    state = active.generators.drbg(bytes(range(1, 49)))
    benchmark(state.fill, bytearray(1 << 14))


def test_token_of_32_bytes(benchmark: BenchmarkFixture, each_kernel: str) -> None:
    benchmark(gostkey.random.token, 32)


def test_fill_of_1_mib(benchmark: BenchmarkFixture, each_kernel: str) -> None:
    """Seventeen seeds and their tests with it; plain Python takes seconds."""
    size = 1 << (10 if each_kernel == "pure" else 20)
    benchmark(gostkey.random.fill, bytearray(size))
