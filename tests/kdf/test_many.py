"""Keys, MACs and derivations many at once: as one after the other."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from gostkey import kdf
from gostkey.backend import active, available
from gostkey.errors import LengthError, UnknownAlgorithm
from gostkey.primitives import HASHES

COUNTS = [0, 1, 2, 15, 16, 17, 33]


def texts(seed: int, n: int, longest: int) -> list[bytes]:
    source = random.Random(seed)
    return [source.randbytes(source.randrange(longest)) for _ in range(n)]


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("name", HASHES)
def test_hmac_many(each_backend: str, name: str, n: int) -> None:
    keys, data = texts(n, n, 100), texts(n + 1, n, 200)
    assert kdf.hmac_many(name, keys, data) == [
        kdf.hmac(name, key, text) for key, text in zip(keys, data, strict=True)
    ]


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("name", ["streebog256", "streebog512", "gostr3411_94"])
def test_pbkdf2_many(each_backend: str, name: str, n: int) -> None:
    n = min(n, 17)
    passwords = ["пароль", *texts(n, n, 100)][:n]
    salts = texts(n + 1, n, 40)
    for iterations, length in [(1, 7), (2, 100)]:
        assert kdf.pbkdf2_many(passwords, salts, iterations, length, name) == [
            kdf.pbkdf2(password, salt, iterations, length, name)
            for password, salt in zip(passwords, salts, strict=True)
        ]


@pytest.mark.parametrize("name", ["streebog256", "gostr3411_94"])
def test_container_keys(name: str) -> None:
    passwords = [
        "",
        "1",
        "password",
        "",
        "очень длинный пароль" * 3,
        *"abcdefghijklmnopq",
    ]
    salts = texts(7, len(passwords), 13)
    assert kdf.container_keys(passwords, salts, name) == [
        kdf.container_key(password, salt, name)
        for password, salt in zip(passwords, salts, strict=True)
    ]
    assert kdf.container_keys([], [], name) == []


@pytest.mark.skipif("native" not in available(), reason="needs the native core")
def test_keys_of_real_containers_in_a_large_group(
    vectors: Callable[[str], Any],
) -> None:
    # Enough for slices with every family: in first, middle and last places.
    real = [
        v
        for v in vectors("container_key")["vectors"]
        if v["hash"] == "streebog256" and v["password"]
    ]
    group = (real * 205)[:205]
    made = kdf.container_keys(
        [v["password"] for v in group],
        [bytes.fromhex(v["salt"]) for v in group],
        "streebog256",
    )
    assert real and [key.hex() for key in made] == [v["key"] for v in group]


@pytest.mark.skipif("native" not in available(), reason="needs the native core")
@pytest.mark.parametrize("n", [31, 32, 129, 205, 260])
def test_pbkdf2_of_large_groups(n: int) -> None:
    passwords, salts = texts(n, n, 100), texts(n + 1, n, 40)
    assert kdf.pbkdf2_many(passwords, salts, 3, 100) == [
        kdf.pbkdf2(password, salt, 3, 100)
        for password, salt in zip(passwords, salts, strict=True)
    ]


@pytest.mark.parametrize("name", ["streebog256", "gostr3411_94"])
def test_container_keys_without_passwords(each_backend: str, name: str) -> None:
    # In the core some are short enough for lanes and some are not.
    n = 300 if each_backend == "native" else 5
    sizes = [12] * 16 + [64] * 16 + [65] + [i % 70 for i in range(n)]
    salts = [bytes([i % 251]) * size for i, size in enumerate(sizes[:n])]
    assert kdf.container_keys([""] * n, salts, name) == [
        kdf.container_key("", salt, name) for salt in salts
    ]


def test_counts_must_agree(each_backend: str) -> None:
    with pytest.raises(LengthError, match="data: has 2 items; must have 1, as keys"):
        kdf.hmac_many("streebog256", [b""], [b"", b""])
    with pytest.raises(LengthError, match="salts: has 0 items; must have 1"):
        kdf.pbkdf2_many(["a"], [], 1, 1)
    with pytest.raises(LengthError, match="salts: has 1 items; must have 0"):
        kdf.container_keys([], [b"1"], "streebog256")


def test_bad_names_and_numbers(each_backend: str) -> None:
    with pytest.raises(UnknownAlgorithm):
        kdf.hmac_many("md5", [], [])
    with pytest.raises(UnknownAlgorithm):
        kdf.pbkdf2_many([], [], 1, 1, "md5")
    with pytest.raises(LengthError):
        kdf.pbkdf2_many([], [], 0, 1)
    with pytest.raises(UnknownAlgorithm):
        kdf.container_keys([], [], "streebog512")
    with pytest.raises(UnknownAlgorithm):
        active.hashes.container_keys("streebog512", [], [])
    with pytest.raises(LengthError, match="256"):
        kdf.container_keys(["x" * 257], [b"1"], "streebog256")
