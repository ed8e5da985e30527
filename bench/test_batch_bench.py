"""Batches of 1024 items on one thread, and larger ones on two."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from gostkey import batch
from gostkey.measure.operations import batch_call, items

CURVE = "tc26-256-b"
N = 1024


@pytest.mark.parametrize(
    "what", ["generate", "public_keys", "sign", "verify", "verify_one_key"]
)
def test_batch_of_1024(
    benchmark: BenchmarkFixture, each_kernel: str, what: str
) -> None:
    benchmark(batch_call(what, CURVE, N))


def test_batch_digest_of_1024_messages_of_63_bytes(
    benchmark: BenchmarkFixture, each_kernel: str
) -> None:
    messages = [bytes([i % 256]) * 63 for i in range(N)]
    benchmark(batch.digest, messages, threads=1)


@pytest.mark.parametrize("threads", [1, 2], ids=["one thread", "two threads"])
def test_batch_sign_by_threads(benchmark: BenchmarkFixture, threads: int) -> None:
    benchmark.group = f"batch sign of {4 * items('ec256')} by threads"
    benchmark(batch_call("sign", CURVE, 4 * items("ec256"), threads))
