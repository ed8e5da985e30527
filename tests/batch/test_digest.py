"""Digests of many messages: any lengths, any buffers, any number of threads."""

from __future__ import annotations

import random
import threading
from array import array
from collections.abc import Sequence

import numpy as np
import pytest

import gostkey
from gostkey import batch
from gostkey.backend import active
from gostkey.errors import LengthError, UnknownAlgorithm

NEW = {256: gostkey.streebog256, 512: gostkey.streebog512}


def one_by_one(messages: Sequence[bytes], bits: int) -> list[bytes]:
    return [NEW[bits](message).digest() for message in messages]


def rows_of(digests: batch.Bytes) -> list[bytes]:
    return [row.tobytes() for row in digests]


@pytest.mark.parametrize("threads", [None, 1, 3])
@pytest.mark.parametrize("bits", [256, 512])
@pytest.mark.parametrize("n", [0, 1, 2, 16, 17, 49, 130])
def test_mixed_lengths(each_backend: str, n: int, bits: int, threads: int) -> None:
    source = random.Random(n)
    messages = [source.randbytes(source.randrange(200)) for _ in range(n)]
    got = batch.digest(messages, bits, threads=threads)
    assert got.shape == (n, bits // 8) and got.dtype == np.uint8
    assert rows_of(got) == one_by_one(messages, bits)


def test_every_tail_of_every_length() -> None:
    for length in [0, 1, 63, 64, 65, 127, 128]:
        messages = [bytes([i]) * length for i in range(34)]
        wanted = one_by_one(messages, 256)
        rows = np.frombuffer(b"".join(messages), np.uint8).reshape(34, length)
        for n in range(35):
            assert rows_of(batch.digest(messages[:n])) == wanted[:n]
            assert rows_of(batch.digest(rows[:n])) == wanted[:n]


def test_more_than_one_native_call_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    # Short ones, long ones, and one long one among short ones.
    monkeypatch.setattr(batch, "_JOINED_ITEMS", 50)
    monkeypatch.setattr(batch, "_JOINED_BYTES", 3000)
    source = random.Random(5)
    messages = [source.randbytes(source.randrange(150)) for _ in range(120)]
    messages += [source.randbytes(2000 + i) for i in range(60)]
    messages[60] = source.randbytes(10000)
    for threads in (1, 2):
        got = batch.digest(messages, threads=threads)
        assert rows_of(got) == one_by_one(messages, 256)


def test_long_messages_are_not_copied() -> None:
    messages = [random.Random(i).randbytes(300_000 + i) for i in range(3)]
    assert rows_of(batch.digest(messages)) == one_by_one(messages, 256)


def test_any_buffers(each_backend: str) -> None:
    numbers = array("I", [1, 2, 3])
    image = np.arange(24, dtype=np.uint8).reshape(4, 6)
    fixed = np.arange(5, dtype=np.uint8)
    fixed.setflags(write=False)
    buffers = [
        b"bytes",
        bytearray(b"bytearray"),
        memoryview(b"memoryview"),
        memoryview(numbers),
        memoryview(b"every other")[::2],
        image[:, ::2],
        image[1],
        fixed,
        np.empty((5, 0), np.uint8),
    ]
    wanted = [bytes(memoryview(b).tobytes()) for b in buffers]  # type: ignore[arg-type]
    got = batch.digest(buffers)  # type: ignore[arg-type]
    assert rows_of(got) == one_by_one(wanted, 256)
    assert rows_of(batch.digest(tuple(wanted))) == one_by_one(wanted, 256)


def test_arrays_that_are_not_contiguous_or_read_only(each_backend: str) -> None:
    wide = np.arange(200, dtype=np.uint8).reshape(10, 20)
    for rows in (wide[:, 3:9], wide[::-1], wide.T, wide[:, :0], wide[:0]):
        wanted = one_by_one([row.tobytes() for row in rows], 256)
        assert rows_of(batch.digest(rows)) == wanted
    wide.setflags(write=False)
    assert rows_of(batch.digest(wide)) == one_by_one([r.tobytes() for r in wide], 256)


@pytest.mark.parametrize(
    ("messages", "error", "text"),
    [
        (np.zeros((2, 3), np.int8), LengthError, "messages: has dtype int8; must be"),
        (np.zeros((2, 3), np.float64), LengthError, "dtype float64"),
        (np.zeros(3, np.uint8), LengthError, r"messages: has shape \(3,\)"),
        (np.zeros((2, 2, 2), np.uint8), LengthError, r"shape \(2, 2, 2\)"),
        (np.array(3, np.uint8), LengthError, r"shape \(\)"),
        ([b"a", np.zeros(2)], LengthError, "messages, item 1: has dtype float64"),
        ([b"a", "text"], TypeError, "messages, item 1: is str; .*encoded"),
        ([b"a", 5], TypeError, "messages, item 1: is int; must be bytes"),
        ([None], TypeError, "messages, item 0: is NoneType"),
        ("text", TypeError, "messages: is one str; must be a list"),
        (b"bytes", TypeError, "messages: is one bytes; must be a list"),
        (memoryview(b"bytes"), TypeError, "messages: is one memoryview"),
        (iter([b"a"]), TypeError, "messages: is list_iterator; must be a list"),
        ({b"a": 1}, TypeError, "messages: is dict; must be a list"),
        (5, TypeError, "messages: is int; must be a list"),
    ],
)
def test_bad_messages(
    each_backend: str, messages: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        batch.digest(messages)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [0, -1])
@pytest.mark.parametrize("n", [0, 1, 100])
def test_threads_must_be_some(n: int, threads: int) -> None:
    with pytest.raises(LengthError, match=f"threads: is {threads}; must be at least 1"):
        batch.digest([b""] * n, threads=threads)


def test_bits_are_256_or_512() -> None:
    with pytest.raises(UnknownAlgorithm, match="bits: is 128; must be 256 or 512"):
        batch.digest([b""], 128)
    with pytest.raises(UnknownAlgorithm, match="bits: is '256'; must be 256 or 512"):
        batch.digest([b""], "256")  # type: ignore[arg-type]


def test_a_bad_item_in_a_thread_is_named() -> None:
    messages: list[object] = [b"x"] * 300
    messages[299] = 1.5
    with pytest.raises(TypeError, match="item 299: is float"):
        batch.digest(messages, threads=3)  # type: ignore[arg-type]


def test_from_many_threads_at_once() -> None:
    messages = [bytes([i]) * i for i in range(100)]
    wanted = one_by_one(messages, 256)
    wrong: list[int] = []

    def hash_all(number: int) -> None:
        for _ in range(5):
            if rows_of(batch.digest(messages, threads=2)) != wanted:
                wrong.append(number)

    all_threads = [threading.Thread(target=hash_all, args=(i,)) for i in range(6)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()
    assert wrong == []


def test_lengths_must_be_those_of_the_messages(each_backend: str) -> None:
    for lengths in ([3, 3], [7], [1 << 63, 1 << 63, 5], []):
        out = bytearray(32 * len(lengths))
        with pytest.raises(LengthError, match="lengths: their sum is not 5"):
            active.hashes.streebog_joined(256, out, b"12345", array("Q", lengths))  # type: ignore[arg-type]
    with pytest.raises(LengthError, match="out: 32 bytes; 2 digests of 256 bits need"):
        active.hashes.streebog_joined(256, bytearray(32), b"", array("Q", [0, 0]))  # type: ignore[arg-type]
    with pytest.raises(LengthError, match="out: 31 bytes; 1 digests"):
        active.hashes.streebog_apart(256, bytearray(31), [b""])
