"""Hashes: one stream of 16 KiB, one short message, and many."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import gostkey
from gostkey.backend import active

STREAM = bytes(1 << 14)
SHORT = bytes(63)


@pytest.mark.parametrize("secret", [False, True], ids=["public", "secret"])
@pytest.mark.parametrize("bits", [256, 512])
def test_streebog_of_16_kib(
    benchmark: BenchmarkFixture, each_kernel: str, bits: int, secret: bool
) -> None:
    def hash_once() -> bytes:
        state = active.hashes.streebog(bits, secret=secret)
        state.update(STREAM)
        return state.digest()

    benchmark(hash_once)


def test_streebog_of_63_bytes(benchmark: BenchmarkFixture, each_kernel: str) -> None:
    benchmark(lambda: gostkey.streebog256(SHORT).digest())


def test_gostr3411_94_of_16_kib(benchmark: BenchmarkFixture, each_kernel: str) -> None:
    benchmark(lambda: gostkey.gostr3411_94(STREAM).digest())
