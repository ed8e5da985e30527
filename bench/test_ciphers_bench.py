"""Ciphers: 16 KiB at a time."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from gostkey.backend import active

DATA = bytes(1 << 14)
KEY = bytes(range(1, 33))


@pytest.mark.parametrize("cipher", ["kuznyechik", "magma"])
def test_ctr(benchmark: BenchmarkFixture, each_kernel: str, cipher: str) -> None:
    half = 8 if cipher == "kuznyechik" else 4
    benchmark(active.ciphers.ctr_acpkm, cipher, KEY, bytes(half), DATA, 0)


def test_gost28147_cfb(benchmark: BenchmarkFixture, each_kernel: str) -> None:
    benchmark(
        active.ciphers.gost28147_cfb_encrypt, "z", KEY, bytes(8), DATA, meshing=True
    )
