"""Streebog: vectors, pieces, backends against each other and against others."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gostkey import hashing
from gostkey.backend import active, available, use
from gostkey.errors import LengthError, UnknownAlgorithm

Vectors = Callable[[str], Any]
SIZES = {256: "h256", 512: "h512"}
NEW = {256: hashing.streebog256, 512: hashing.streebog512}

# In plain Python a block takes a fifth of a millisecond.
LONGEST_PURE = 5000


def pattern(length: int) -> bytes:
    return (bytes(range(256)) * (length // 256 + 1))[:length]


def state_digest(bits: int, message: bytes, *, secret: bool) -> bytes:
    state = active.hashes.streebog(bits, secret=secret)
    state.update(message)
    return state.digest()


@pytest.mark.parametrize("secret", [False, True])
@pytest.mark.parametrize("bits", SIZES)
def test_named_vectors(
    each_backend: str, vectors: Vectors, bits: int, secret: bool
) -> None:
    for vector in vectors("streebog")["named"]:
        message = bytes.fromhex(vector["message"])
        digest = state_digest(bits, message, secret=secret).hex()
        assert digest == vector[SIZES[bits]], vector["name"]


@pytest.mark.parametrize("bits", SIZES)
def test_every_length_up_to_200(each_backend: str, vectors: Vectors, bits: int) -> None:
    for vector in vectors("streebog")["pattern_lengths"]:
        message = pattern(vector["len"])
        assert NEW[bits](message).hexdigest() == vector[SIZES[bits]], vector["len"]


@pytest.mark.parametrize("bits", SIZES)
def test_long_messages(each_backend: str, vectors: Vectors, bits: int) -> None:
    for vector in vectors("streebog")["pattern_long"]:
        # The two of a million bytes take seconds in plain Python; the other
        # eleven stay.
        if each_backend == "pure" and vector["len"] > LONGEST_PURE:
            continue
        message = pattern(vector["len"])
        assert NEW[bits](message).hexdigest() == vector[SIZES[bits]], vector["len"]


@pytest.mark.parametrize("bits", SIZES)
def test_vectors_in_pieces(each_backend: str, vectors: Vectors, bits: int) -> None:
    for vector in vectors("streebog")["incremental"]:
        running = NEW[bits]()
        for chunk in vector["chunks"]:
            running.update(bytes.fromhex(chunk))
        assert running.hexdigest() == vector[SIZES[bits]]


@settings(max_examples=60, deadline=None)
@given(
    message=st.binary(max_size=400),
    cuts=st.lists(st.integers(0, 400), max_size=8),
    bits=st.sampled_from(sorted(SIZES)),
    secret=st.booleans(),
)
@pytest.mark.parametrize("name", available())
def test_pieces_do_not_matter(
    name: str, message: bytes, cuts: list[int], bits: int, secret: bool
) -> None:
    before = active.name
    use(name)
    try:
        running = active.hashes.streebog(bits, secret=secret)
        places = [0, *sorted(min(cut, len(message)) for cut in cuts), len(message)]
        for start, end in zip(places, places[1:], strict=False):
            running.update(message[start:end])
            running.digest()
        whole = state_digest(bits, message, secret=False)
    finally:
        use(before)
    assert running.digest() == whole


@pytest.mark.skipif(
    "native" not in available(), reason="needs the native core: build the extension"
)
@settings(max_examples=60, deadline=None)
@given(message=st.binary(max_size=300), bits=st.sampled_from(sorted(SIZES)))
def test_all_paths_agree(message: bytes, bits: int) -> None:
    before = active.name
    digests = set()
    for name in available():
        use(name)
        for secret in (False, True):
            digests.add(state_digest(bits, message, secret=secret))
    use(before)
    assert len(digests) == 1


def test_gostcrypto_agrees(each_backend: str) -> None:
    gosthash = pytest.importorskip("gostcrypto.gosthash")
    seeded = random.Random(20)
    for length in (0, 1, 63, 64, 65, 200):
        message = seeded.randbytes(length)
        for bits in SIZES:
            other = gosthash.new(f"streebog{bits}", data=bytearray(message))
            assert NEW[bits](message).digest() == bytes(other.digest())


@pytest.mark.parametrize("bits", SIZES)
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 130])
def test_many_messages_are_each_alone(each_backend: str, bits: int, size: int) -> None:
    messages = random.Random(size).randbytes(7 * size)
    out = bytearray(7 * bits // 8)
    active.hashes.streebog_many(bits, out, messages, size)
    assert bytes(out) == b"".join(
        NEW[bits](messages[i * size : (i + 1) * size]).digest() for i in range(7)
    )


def test_many_messages_can_be_none_or_empty(each_backend: str) -> None:
    none = numpy.empty((0, 10), numpy.uint8)
    active.hashes.streebog_many(256, bytearray(), none.data, 10)
    out = numpy.zeros((3, 32), numpy.uint8)
    active.hashes.streebog_many(256, out.data, numpy.empty((3, 0), "u1").data, 0)
    assert out.tobytes() == NEW[256]().digest() * 3


def test_many_messages_need_whole_arrays(each_backend: str) -> None:
    with pytest.raises(LengthError, match="out: 33 bytes"):
        active.hashes.streebog_many(256, bytearray(33), b"", 0)
    with pytest.raises(LengthError, match="need 20"):
        active.hashes.streebog_many(256, bytearray(64), bytes(21), 10)
    with pytest.raises(LengthError, match="need -2"):
        active.hashes.streebog_many(256, bytearray(64), b"", -1)


def test_other_sizes_do_not_exist(each_backend: str) -> None:
    with pytest.raises(UnknownAlgorithm, match="384"):
        active.hashes.streebog(384)


def test_a_wiped_state_is_not_used_again(each_backend: str) -> None:
    for state in (
        active.hashes.streebog(256, secret=True),
        active.hashes.gostr3411_94("cryptopro", secret=True),
    ):
        state.update(b"secret")
        state.wipe()
        with pytest.raises(AttributeError):
            state.digest()
        with pytest.raises(AttributeError):
            state.update(b"more of a block than there is room for" * 3)
