"""Hash objects behave as those of hashlib do."""

from __future__ import annotations

import array
import hashlib
import pickle
import threading
import time
from collections.abc import Callable

import numpy
import pytest

import gostkey
from gostkey import hashing
from gostkey.backend import active
from gostkey.errors import UnknownAlgorithm

EVERY: list[Callable[..., hashing.Hash]] = [
    gostkey.streebog256,
    gostkey.streebog512,
    gostkey.gostr3411_94,
]


@pytest.mark.parametrize("new", EVERY)
def test_it_has_the_attributes_of_hashlib(
    each_backend: str, new: Callable[..., hashing.Hash]
) -> None:
    made = new(b"data")
    other = hashlib.sha256()
    wanted = {name for name in dir(other) if not name.startswith("_")}
    assert wanted <= set(dir(made))
    assert len(made.digest()) == made.digest_size
    assert made.hexdigest() == made.digest().hex()
    assert made.block_size in (32, 64)
    assert hashing.new(made.name, b"data").digest() == made.digest()


def test_names_and_sizes(each_backend: str) -> None:
    facts = [(h.name, h.digest_size, h.block_size) for h in (new() for new in EVERY)]
    assert facts == [
        ("streebog256", 32, 64),
        ("streebog512", 64, 64),
        ("gostr3411_94", 32, 32),
    ]


@pytest.mark.parametrize("new", EVERY)
def test_a_copy_goes_its_own_way(
    each_backend: str, new: Callable[..., hashing.Hash]
) -> None:
    first = new(b"same beginning, longer than a block of sixty-four bytes; ")
    second = first.copy()
    before = first.digest()
    second.update(b"more")
    assert first.digest() == before
    first.update(b"more")
    assert first.digest() == second.digest() != before


@pytest.mark.parametrize("new", EVERY)
def test_any_buffer_will_do(
    each_backend: str, new: Callable[..., hashing.Hash]
) -> None:
    text = bytes(range(200))
    wanted = new(text).digest()
    numbers = array.array("I", text)
    for same in (bytearray(text), memoryview(text), numbers, memoryview(numbers)):
        assert new(same).digest() == wanted
    table = memoryview(text).cast("B", (10, 20))
    assert new(table).digest() == wanted
    rows = numpy.frombuffer(text, numpy.uint32).reshape(5, 10)
    assert new(rows).digest() == wanted
    assert new(rows[:0]).digest() == new(rows[:, :0]).digest() == new().digest()


@pytest.mark.parametrize("new", EVERY)
def test_text_and_gaps_are_refused(
    each_backend: str, new: Callable[..., hashing.Hash]
) -> None:
    with pytest.raises(TypeError, match="encoded"):
        new("text")
    with pytest.raises(TypeError):
        new(12)
    with pytest.raises(BufferError, match="contiguous"):
        new(memoryview(b"abcdef")[::2])


def test_unknown_names_are_refused(each_backend: str) -> None:
    with pytest.raises(UnknownAlgorithm, match="md5"):
        hashing.new("md5")
    with pytest.raises(UnknownAlgorithm, match="'tc26'"):
        gostkey.gostr3411_94(sbox="tc26")
    with pytest.raises(UnknownAlgorithm, match="streebog384"):
        active.hashes.hmac("streebog384", b"", b"")


def test_states_are_not_pickled(each_backend: str) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(gostkey.streebog256(b"data"))


def test_one_object_in_many_threads(each_backend: str) -> None:
    shared = gostkey.streebog256()
    piece = b"x" * 64
    threads = [
        threading.Thread(target=lambda: [shared.update(piece) for _ in range(20)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.digest() == gostkey.streebog256(piece * 80).digest()


def test_other_threads_run_during_a_long_hash() -> None:
    if active.name != "native":
        pytest.skip("needs the native core: build the extension")
    message = bytes(48 << 20)
    ticks = 0
    done = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    # If the GIL were kept, the counter would not tick before the end.
    counter = threading.Thread(target=count)
    counter.start()
    gostkey.streebog256(message)
    seen = ticks
    done.set()
    counter.join()
    assert seen > 5
