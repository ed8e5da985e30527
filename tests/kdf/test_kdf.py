"""HMAC and key derivation: the shared vectors on both backends, limits, errors."""

from __future__ import annotations

import hmac as python_hmac
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gostkey import hashing, kdf
from gostkey.backend import active, available, use
from gostkey.errors import GostKeyError, LengthError, UnknownAlgorithm
from gostkey.primitives import HASHES

Vectors = Callable[[str], Any]

# 2000 and 4096 iterations take 2 to 8 s in plain Python; it runs those of 1 and
# 2 and, in test_container_key.py, one of 2000.
MOST_ITERATIONS_PURE = 100


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def test_hmac_vectors(each_backend: str, vectors: Vectors) -> None:
    for v in vectors("kdf")["hmac"]:
        key, data = octets(v["key"]), octets(v["data"])
        assert kdf.hmac("streebog256", key, data).hex() == v["h256"]
        assert kdf.hmac("streebog512", key, data).hex() == v["h512"]


@settings(max_examples=30, deadline=None)
@given(
    key=st.binary(max_size=140),
    data=st.binary(max_size=140),
    name=st.sampled_from(HASHES),
)
def test_hmac_is_that_of_the_standard_library(
    key: bytes, data: bytes, name: str
) -> None:
    wanted = python_hmac.new(key, data, lambda d=b"": hashing.new(name, d)).digest()
    before = active.name
    made = []
    for backend in available():
        use(backend)
        made.append(kdf.hmac(name, bytearray(key), memoryview(data)))
    use(before)
    assert made == [wanted] * len(made)


def test_kdf_vectors(each_backend: str, vectors: Vectors) -> None:
    for v in vectors("kdf")["kdf"]:
        made = kdf.kdf_gostr3411_2012_256(
            octets(v["key"]), octets(v["label"]), octets(v["seed"])
        )
        assert made.hex() == v["out"]


def test_kdf_tree_vectors(each_backend: str, vectors: Vectors) -> None:
    for v in vectors("kdf")["kdf_tree"]:
        made = kdf.kdf_tree_gostr3411_2012_256(
            octets(v["key"]), octets(v["label"]), octets(v["seed"]), v["R"], v["len"]
        )
        assert made.hex() == v["out"]


@pytest.mark.parametrize("bits", [256, 512])
def test_tls_prf_vectors(each_backend: str, vectors: Vectors, bits: int) -> None:
    for v in vectors("kdf")["tls_prf"]:
        made = kdf.tls_prf(
            bits, octets(v["secret"]), octets(v["label"]), octets(v["seed"]), v["len"]
        )
        assert made.hex() == v[f"prf{bits}"]


def test_pbkdf2_vectors(each_backend: str, vectors: Vectors) -> None:
    ran = 0
    for v in vectors("kdf")["pbkdf2"]:
        if each_backend == "pure" and v["iterations"] > MOST_ITERATIONS_PURE:
            continue
        password = octets(v["password"])
        salt = octets(v["salt"])
        made = kdf.pbkdf2(password, salt, v["iterations"], v["len"])
        assert made.hex() == v["out"]
        made = kdf.pbkdf2(password.decode(), salt, v["iterations"], v["len"])
        assert made.hex() == v["out"]
        ran += 1
    assert ran >= 4


@pytest.mark.parametrize("name", HASHES)
def test_pbkdf2_backends_agree_on_every_hash(name: str) -> None:
    before = active.name
    made = set()
    for backend in available():
        use(backend)
        made.add(kdf.pbkdf2("пароль", b"salt of any size", 3, 100, name))
    use(before)
    assert len(made) == 1


def test_a_shorter_pbkdf2_is_the_beginning(each_backend: str) -> None:
    long = kdf.pbkdf2("password", b"salt", 2, 200)
    for length in (1, 63, 64, 65, 199):
        assert kdf.pbkdf2("password", b"salt", 2, length) == long[:length]


@pytest.mark.parametrize(
    "call",
    [
        lambda: kdf.pbkdf2("p", b"s", 0, 32),
        lambda: kdf.pbkdf2("p", b"s", 1 << 32, 32),
        lambda: kdf.pbkdf2("p", b"s", 1, 0),
        lambda: kdf.kdf_tree_gostr3411_2012_256(b"k", b"l", b"s", 0, 32),
        lambda: kdf.kdf_tree_gostr3411_2012_256(b"k", b"l", b"s", 5, 32),
        lambda: kdf.kdf_tree_gostr3411_2012_256(b"k", b"l", b"s", 1, 0),
        lambda: kdf.kdf_tree_gostr3411_2012_256(b"k", b"l", b"s", 1, 256 * 32),
        lambda: kdf.tls_prf(256, b"k", b"l", b"s", -1),
    ],
)
def test_impossible_numbers_are_refused(
    each_backend: str, call: Callable[[], bytes]
) -> None:
    with pytest.raises(LengthError):
        call()


def test_the_longest_tree_of_a_counter_works(each_backend: str) -> None:
    made = kdf.kdf_tree_gostr3411_2012_256(b"k", b"l", b"s", 1, 255 * 32)
    assert len(made) == 255 * 32


@pytest.mark.parametrize(
    "call",
    [
        lambda: kdf.hmac("md5", b"", b""),
        lambda: kdf.pbkdf2("p", b"s", 1, 32, "sha256"),
        lambda: kdf.tls_prf(384, b"k", b"l", b"s", 1),
    ],
)
def test_unknown_hashes_are_refused(
    each_backend: str, call: Callable[[], bytes]
) -> None:
    with pytest.raises(UnknownAlgorithm):
        call()


def test_messages_show_no_secret(each_backend: str) -> None:
    secret = "correct horse battery staple"
    calls: list[Callable[[], bytes]] = [
        lambda: kdf.pbkdf2(secret, b"salt", 0, 32),
        lambda: kdf.container_key(secret * 20, bytes(12), "streebog256"),
        lambda: kdf.container_key(secret, bytes(12), "streebog512"),
        lambda: kdf.hmac("md5", secret.encode(), b""),
    ]
    for call in calls:
        with pytest.raises(GostKeyError) as caught:
            call()
        assert "horse" not in str(caught.value)
