"""Primitives, one call at a time, on each backend; streams on 16 KiB."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from gostkey import curves
from gostkey.backend import active

DATA = bytes(1 << 14)
KEY = bytes(range(1, 33))
CURVES = ("tc26-256-a", "tc26-256-b", "tc26-512-a", "tc26-512-c")


@pytest.fixture(autouse=True)
def group(benchmark: BenchmarkFixture) -> None:
    """Show the backends and variants of one function in one table."""
    benchmark.group = benchmark.name.partition("[")[0]


@pytest.mark.parametrize("secret", [False, True], ids=["public", "secret"])
def test_streebog256(
    benchmark: BenchmarkFixture, each_backend: str, secret: bool
) -> None:
    def hash_once() -> bytes:
        state = active.hashes.streebog(256, secret=secret)
        state.update(DATA)
        return state.digest()

    benchmark(hash_once)


def test_hmac_of_a_short_message(
    benchmark: BenchmarkFixture, each_backend: str
) -> None:
    benchmark(active.hashes.hmac, "streebog256", KEY, b"message")


def test_container_password(benchmark: BenchmarkFixture, each_backend: str) -> None:
    password = b"p\0\0\0a\0\0\0s\0\0\0s\0\0\0"
    benchmark(active.hashes.container_key, "streebog256", password, bytes(12))


@pytest.mark.parametrize("cipher", ["kuznyechik", "magma"])
def test_ctr(benchmark: BenchmarkFixture, each_backend: str, cipher: str) -> None:
    half = 8 if cipher == "kuznyechik" else 4
    benchmark(active.ciphers.ctr_acpkm, cipher, KEY, bytes(half), DATA, 0)


def test_gost28147_cfb(benchmark: BenchmarkFixture, each_backend: str) -> None:
    benchmark(
        active.ciphers.gost28147_cfb_encrypt, "z", KEY, bytes(8), DATA, meshing=True
    )


@pytest.mark.parametrize("name", CURVES)
def test_public_key(benchmark: BenchmarkFixture, each_backend: str, name: str) -> None:
    curve = curves.get(name)
    private = bytes(range(1, curve.size)) + b"\x01"
    benchmark(active.elliptic.public_key, curve.index, private)


@pytest.mark.parametrize("name", CURVES)
def test_sign(benchmark: BenchmarkFixture, each_backend: str, name: str) -> None:
    curve = curves.get(name)
    private = bytes(range(1, curve.size)) + b"\x01"
    digest = bytes(range(curve.size))
    fresh = bytes(curve.size)
    benchmark(active.elliptic.sign, curve.index, private, digest, fresh)


@pytest.mark.parametrize("name", CURVES)
def test_verify(benchmark: BenchmarkFixture, each_backend: str, name: str) -> None:
    curve = curves.get(name)
    private = bytes(range(1, curve.size)) + b"\x01"
    digest = bytes(range(curve.size))
    public = active.elliptic.public_key(curve.index, private)
    signature = active.elliptic.sign(curve.index, private, digest, bytes(curve.size))
    good = benchmark(active.elliptic.verify, curve.index, public, digest, signature)
    assert good


def test_generator(benchmark: BenchmarkFixture, each_backend: str) -> None:
    state = active.generators.drbg(bytes(range(1, 49)))
    benchmark(state.fill, bytearray(len(DATA)))
