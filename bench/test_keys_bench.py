"""Keys and batches: what a program calls, checks and random included."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import gostkey
from gostkey import batch

CURVE = "tc26-256-b"
CURVES = ("tc26-256-b", "tc26-512-a")


@pytest.mark.parametrize("name", CURVES)
def test_generate(benchmark: BenchmarkFixture, each_backend: str, name: str) -> None:
    benchmark.group = "generate a key"
    benchmark(gostkey.SigningKey.generate, name)


@pytest.mark.parametrize("name", CURVES)
def test_sign_digest(benchmark: BenchmarkFixture, each_backend: str, name: str) -> None:
    benchmark.group = "sign a digest"
    key = gostkey.SigningKey.generate(name)
    benchmark(key.sign_digest, bytes(key.curve.size))


@pytest.mark.parametrize("name", CURVES)
def test_verify_digest(
    benchmark: BenchmarkFixture, each_backend: str, name: str
) -> None:
    benchmark.group = "verify a digest"
    key = gostkey.SigningKey.generate(name)
    digest = bytes(key.curve.size)
    signature = key.sign_digest(digest)
    benchmark(key.verifying_key.verify_digest, signature, digest)


@pytest.mark.parametrize("threads", [1, None], ids=["one thread", "all CPUs"])
def test_batch_sign_1000(benchmark: BenchmarkFixture, threads: int | None) -> None:
    benchmark.group = "sign 1000 digests with 1000 keys"
    keys = batch.generate(1000, CURVE)
    digests = batch.digest([bytes([i % 256]) for i in range(1000)])
    benchmark(batch.sign, keys.private, digests, CURVE, threads=threads)


@pytest.mark.parametrize("threads", [1, None], ids=["one thread", "all CPUs"])
def test_batch_verify_1000(benchmark: BenchmarkFixture, threads: int | None) -> None:
    benchmark.group = "verify 1000 signatures of 1000 keys"
    keys = batch.generate(1000, CURVE)
    digests = batch.digest([bytes([i % 256]) for i in range(1000)])
    signatures = batch.sign(keys.private, digests, CURVE)
    found = benchmark(
        batch.verify, keys.public, signatures, digests, CURVE, threads=threads
    )
    assert found.all()
