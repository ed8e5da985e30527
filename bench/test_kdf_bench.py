"""HMAC and keys from passwords."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from gostkey import kdf

KEY = bytes(range(1, 33))
SALT = bytes(range(12))


def test_hmac_of_a_short_message(benchmark: BenchmarkFixture, each_kernel: str) -> None:
    benchmark(kdf.hmac, "streebog256", KEY, b"message")


def test_pbkdf2_of_100_iterations(
    benchmark: BenchmarkFixture, each_kernel: str
) -> None:
    benchmark(kdf.pbkdf2, "password", SALT, 100, 32)


def test_key_of_a_container_with_a_password(
    benchmark: BenchmarkFixture, each_kernel: str
) -> None:
    benchmark(kdf.container_key, "password", SALT, "streebog256")


@pytest.mark.parametrize("n", [1, 64])
def test_keys_of_containers_of_2001(
    benchmark: BenchmarkFixture, each_kernel: str, n: int
) -> None:
    if each_kernel == "pure":
        pytest.skip("plain Python takes half a minute for one")
    salts = [bytes([i]) * 12 for i in range(n)]
    benchmark(kdf.container_keys, ["password"] * n, salts, "gostr3411_94")
