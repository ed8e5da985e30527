"""Primitives, one call at a time, on each backend.

The pure-Python fallback runs the same calls on less data where it would take
minutes otherwise; the table says the size.
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from gostkey import curves
from gostkey.backend import active

KEY = bytes(range(1, 33))
CURVES = ("tc26-256-a", "tc26-256-b", "tc26-512-a", "tc26-512-c")


def data_for(backend: str) -> bytes:
    return bytes(1 << 20 if backend == "native" else 1 << 12)


def timed(benchmark: BenchmarkFixture, backend: str, size: int = 0) -> None:
    benchmark.group = benchmark.name.partition("[")[0]
    if size:
        benchmark.extra_info["bytes"] = size


@pytest.mark.parametrize("secret", [False, True], ids=["public", "secret"])
def test_streebog256(
    benchmark: BenchmarkFixture, each_backend: str, secret: bool
) -> None:
    data = data_for(each_backend)
    timed(benchmark, each_backend, len(data))

    def hash_once() -> bytes:
        state = active.hashes.streebog(256, secret=secret)
        state.update(data)
        return state.digest()

    benchmark(hash_once)


def test_hmac_of_a_short_message(
    benchmark: BenchmarkFixture, each_backend: str
) -> None:
    timed(benchmark, each_backend)
    benchmark(active.hashes.hmac, "streebog256", KEY, b"message")


def test_container_password(benchmark: BenchmarkFixture, each_backend: str) -> None:
    timed(benchmark, each_backend)
    password = b"p\0\0\0a\0\0\0s\0\0\0s\0\0\0"
    benchmark(active.hashes.container_key, "streebog256", password, bytes(12))


@pytest.mark.parametrize("cipher", ["kuznyechik", "magma"])
def test_ctr(benchmark: BenchmarkFixture, each_backend: str, cipher: str) -> None:
    data = data_for(each_backend)[: 1 << 16]
    timed(benchmark, each_backend, len(data))
    half = 8 if cipher == "kuznyechik" else 4
    benchmark(active.ciphers.ctr_acpkm, cipher, KEY, bytes(half), data, 0)


def test_gost28147_cfb(benchmark: BenchmarkFixture, each_backend: str) -> None:
    data = data_for(each_backend)[: 1 << 16]
    timed(benchmark, each_backend, len(data))
    benchmark(
        active.ciphers.gost28147_cfb_encrypt, "z", KEY, bytes(8), data, meshing=True
    )


@pytest.mark.parametrize("name", CURVES)
def test_public_key(benchmark: BenchmarkFixture, each_backend: str, name: str) -> None:
    curve = curves.get(name)
    private = bytes(range(1, curve.size)) + b"\x01"
    timed(benchmark, each_backend)
    benchmark(active.elliptic.public_key, curve.index, private)


@pytest.mark.parametrize("name", CURVES)
def test_sign(benchmark: BenchmarkFixture, each_backend: str, name: str) -> None:
    curve = curves.get(name)
    private = bytes(range(1, curve.size)) + b"\x01"
    digest = bytes(range(curve.size))
    fresh = bytes(curve.size)
    timed(benchmark, each_backend)
    benchmark(active.elliptic.sign, curve.index, private, digest, fresh)


@pytest.mark.parametrize("name", CURVES)
def test_verify(benchmark: BenchmarkFixture, each_backend: str, name: str) -> None:
    curve = curves.get(name)
    private = bytes(range(1, curve.size)) + b"\x01"
    digest = bytes(range(curve.size))
    public = active.elliptic.public_key(curve.index, private)
    signature = active.elliptic.sign(curve.index, private, digest, bytes(curve.size))
    timed(benchmark, each_backend)
    good = benchmark(active.elliptic.verify, curve.index, public, digest, signature)
    assert good


def test_generator(benchmark: BenchmarkFixture, each_backend: str) -> None:
    state = active.generators.drbg(bytes(range(1, 49)))
    out = bytearray(1 << 14 if each_backend == "native" else 1 << 10)
    timed(benchmark, each_backend, len(out))
    benchmark(state.fill, out)
