"""R 1323565.1.006-2017 itself: vectors, look-back protection, errors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gostkey
from gostkey.backend import active, available, use
from gostkey.errors import GeneratorFailure, LengthError
from gostkey.primitives import DrbgState

Vectors = Callable[[str], Any]


def request(state: DrbgState, size: int, *, front: bool) -> bytes:
    """Answer a request as the implementations behind the vectors do.

    Whole blocks, then the last bytes of one more; each new block behind the
    others, or in front of them.
    """
    whole, rest = divmod(size, 64)
    pieces = [state.blocks(1) for _ in range(whole)]
    if rest:
        pieces.append(state.blocks(1)[64 - rest :])
    return b"".join(reversed(pieces) if front else pieces)


@pytest.mark.parametrize("key", ["out", "out_appended"])
def test_vectors(each_backend: str, vectors: Vectors, key: str) -> None:
    for v in vectors("drbg")["vectors"]:
        state = active.generators.drbg(bytes.fromhex(v["seed"]))
        for size, wanted in zip(v["requests"], v[key], strict=True):
            assert request(state, size, front=key == "out").hex() == wanted


def test_blocks_come_in_the_order_made(each_backend: str) -> None:
    seed = bytes(range(1, 41))
    one, many = active.generators.drbg(seed), active.generators.drbg(seed)
    assert b"".join(one.blocks(1) for _ in range(5)) == many.blocks(5)
    assert many.blocks(0) == b""


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 200])
def test_fill_gives_blocks_and_then_replaces_the_seed(
    each_backend: str, size: int
) -> None:
    seed = bytes(range(1, 49))
    bare, filled = active.generators.drbg(seed), active.generators.drbg(seed)
    out = bytearray(size)
    filled.fill(out)
    wanted = bare.blocks(-(-size // 64))
    assert bytes(out) == wanted[:size]
    # The next seed is the beginning of a block that was not given out.
    after = active.generators.drbg(bare.blocks(1)[:48])
    assert filled.blocks(2) == after.blocks(2)


def test_the_counter_wraps_at_504_bits(each_backend: str) -> None:
    # A seed of 48 bytes ends long before the last byte, so run over one byte.
    state = active.generators.drbg(b"\xff" * 48)
    state.blocks(254)
    counter = b"\xff" * 48 + bytes(14) + b"\xff"
    assert state.blocks(1) == gostkey.streebog512(counter).digest()
    counter = b"\xff" * 48 + bytes(13) + b"\x01\x00"
    assert state.blocks(1) == gostkey.streebog512(counter).digest()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.one_of(*(st.binary(min_size=n, max_size=n) for n in (32, 40, 48))).filter(
        any
    ),
    sizes=st.lists(st.integers(0, 200), max_size=4),
)
def test_backends_agree(seed: bytes, sizes: list[int]) -> None:
    before = active.name
    made = set()
    for name in available():
        use(name)
        state = active.generators.drbg(seed)
        out = hashlib.sha256()
        for size in sizes:
            buffer = bytearray(size)
            state.fill(buffer)
            out.update(buffer)
        out.update(state.blocks(1))
        made.add(out.digest())
    use(before)
    assert len(made) == 1


@pytest.mark.parametrize("size", [0, 31, 33, 47, 49, 64])
def test_other_seed_sizes_are_refused(each_backend: str, size: int) -> None:
    with pytest.raises(LengthError, match=f"seed: {size} bytes"):
        active.generators.drbg(bytes(size))
    state = active.generators.drbg(b"s" * 32)
    with pytest.raises(LengthError, match=f"seed: {size} bytes"):
        state.reseed(bytes(size))


@pytest.mark.parametrize("size", [32, 40, 48])
def test_a_seed_of_zeros_is_refused(each_backend: str, size: int) -> None:
    with pytest.raises(GeneratorFailure, match="zero"):
        active.generators.drbg(bytes(size))


def test_a_refused_seed_changes_nothing(each_backend: str) -> None:
    state = active.generators.drbg(b"s" * 32)
    for bad, error in ((bytes(32), GeneratorFailure), (b"s" * 33, LengthError)):
        with pytest.raises(error):
            state.reseed(bad)
    assert state.blocks(1) == active.generators.drbg(b"s" * 32).blocks(1)


def test_negative_counts_are_refused(each_backend: str) -> None:
    with pytest.raises(LengthError, match="-1"):
        active.generators.drbg(b"s" * 32).blocks(-1)


def test_a_wiped_generator_is_not_used_again(each_backend: str) -> None:
    state = active.generators.drbg(b"s" * 32)
    state.wipe()
    with pytest.raises(AttributeError):
        state.blocks(1)
    with pytest.raises(AttributeError):
        state.fill(bytearray(10))


def test_wipe_overwrites_any_buffer(each_backend: str) -> None:
    buffer = bytearray(b"secret")
    active.generators.wipe(memoryview(buffer)[1:5])
    assert buffer == b"s\0\0\0\0t"
    active.generators.wipe(buffer)
    assert buffer == bytes(6)
    active.generators.wipe(bytearray())
