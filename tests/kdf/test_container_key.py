"""The storage key of containers: keys that opened real ones, and passwords."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gostkey import kdf
from gostkey.backend import active, available, use
from gostkey.errors import LengthError, UnknownAlgorithm


def test_keys_of_real_containers(
    each_backend: str, vectors: Callable[[str], Any]
) -> None:
    tested = set()
    for v in vectors("container_key")["vectors"]:
        # Two seconds each in plain Python: one for each hash there.
        if each_backend == "pure" and (v["hash"], bool(v["password"])) in tested:
            continue
        tested.add((v["hash"], bool(v["password"])))
        made = kdf.container_key(v["password"], bytes.fromhex(v["salt"]), v["hash"])
        assert made.hex() == v["key"], v["name"]


def test_a_character_has_four_bytes(each_backend: str) -> None:
    assert kdf.expand_password("") == b""
    assert kdf.expand_password("a1") == b"a\0\0\x001\0\0\0"
    assert kdf.expand_password("Ж") == b"\x16\x04\0\0"


def test_the_longest_password(each_backend: str) -> None:
    assert len(kdf.expand_password("x" * 256)) == 1024
    with pytest.raises(LengthError, match="257 characters; at most 256"):
        kdf.expand_password("x" * 257)


def test_other_hashes_are_refused(each_backend: str) -> None:
    for name in ("streebog512", "gostr3411_94_test", "md5"):
        with pytest.raises(UnknownAlgorithm, match=name):
            kdf.container_key("", bytes(12), name)
    for name in ("streebog512", "md5"):
        with pytest.raises(UnknownAlgorithm, match=name):
            active.hashes.container_key(name, b"", bytes(12))


@pytest.mark.parametrize("name", ["streebog256", "gostr3411_94"])
@pytest.mark.parametrize("salt", [b"", bytes(12), bytes(range(100))])
def test_backends_agree_without_a_password(name: str, salt: bytes) -> None:
    before = active.name
    made = set()
    for backend in available():
        use(backend)
        made.add(kdf.container_key("", salt, name))
    use(before)
    assert len(made) == 1
