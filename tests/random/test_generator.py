"""Generators: when they seed again, forks, threads, look-back, load."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest

import gostkey
from gostkey.backend import active, available, use
from gostkey.errors import LengthError, UnknownAlgorithm
from gostkey.pure.streebog import Streebog
from gostkey.random import Generator
from gostkey.random import generator as module_generator
from gostkey.random.pool import Gathered
from gostkey.random.sources import SystemSource


@pytest.fixture
def generator(each_backend: str) -> Generator:
    return Generator(SystemSource(), Gathered())


def reseeds(of: Generator) -> int:
    return of.status.reseeds


def test_sizes(generator: Generator) -> None:
    for n in (0, 1, 63, 64, 65, 1000):
        assert len(generator.token(n)) == n
    with pytest.raises(LengthError, match="-1"):
        generator.token(-1)


def test_arrays_of_any_shape_are_filled(generator: Generator) -> None:
    rows = numpy.zeros((50, 32), numpy.uint8)
    generator.fill(rows.data)
    assert rows.any(axis=1).all()
    generator.fill(rows[:0].data)
    with pytest.raises(TypeError):
        generator.fill(rows[:, 1:].data)


def test_nothing_repeats(generator: Generator) -> None:
    tokens = {generator.token(16) for _ in range(200)}
    assert len(tokens) == 200


def test_bits_are_even(generator: Generator) -> None:
    # 2^19 bits; six deviations are 3 in a thousand million.
    ones = int.from_bytes(generator.token(1 << 16), "big").bit_count()
    assert abs(ones - (1 << 18)) < 6 * (1 << 19) ** 0.5 / 2


def test_tokens_share_a_seed_and_keys_do_not(generator: Generator) -> None:
    generator.token(1)
    start = reseeds(generator)
    for _ in range(5):
        generator.token(32)
        generator.fill(bytearray(32), reseed=False)
    assert reseeds(generator) == start
    for count in range(1, 4):
        generator.fill(bytearray(40))
        assert reseeds(generator) == start + count


def test_it_seeds_again_after_1024_blocks(generator: Generator) -> None:
    generator.token(64)
    start = reseeds(generator)
    # Eight blocks are made at once and take a ninth for the next seed.
    tokens = {generator.token(64) for _ in range(1024 // 9 * 8 - 1)}
    assert len(tokens) == 1024 // 9 * 8 - 1
    assert reseeds(generator) == start
    generator.token(64)
    assert reseeds(generator) == start + 1


@pytest.mark.parametrize("size", [1, 7, 100, 511, 512, 513])
def test_bytes_made_ahead_are_given_once(generator: Generator, size: int) -> None:
    given = b"".join(generator.token(size) for _ in range(1100 // size + 1))
    pieces = {given[start : start + 8] for start in range(len(given) - 7)}
    assert len(pieces) == len(given) - 7


def test_bytes_made_ahead_are_wiped_when_given(generator: Generator) -> None:
    token = generator.token(100)
    ready = bytes(generator._ready)
    assert not any(ready[:100])
    assert any(ready[100:])
    assert token not in ready
    generator.reseed()
    assert not any(generator._ready)


def test_a_large_request_is_of_many_seeds(generator: Generator) -> None:
    piece = 1023 * 64
    out = bytearray(2 * piece + 100)
    generator.fill(out)
    assert reseeds(generator) == 3
    for start in range(0, len(out), 64):
        assert any(out[start : start + 64])


def test_it_seeds_again_after_a_minute(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator.token(1)
    start, now = reseeds(generator), time.monotonic()
    wall = time.time()
    monkeypatch.setattr(time, "monotonic", lambda: now + 59)
    monkeypatch.setattr(time, "time", lambda: wall + 59)
    generator.token(1)
    assert reseeds(generator) == start
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    monkeypatch.setattr(time, "time", lambda: wall + 61)
    generator.token(1)
    assert reseeds(generator) == start + 1


def test_it_seeds_again_when_the_machine_was_stopped(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator.token(1)
    start, wall = reseeds(generator), time.time()
    monkeypatch.setattr(time, "time", lambda: wall + 3600)
    generator.token(1)
    assert reseeds(generator) == start + 1


def test_it_seeds_again_in_another_process(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator.token(1)
    start = reseeds(generator)
    monkeypatch.setattr(os, "getpid", lambda: 4_000_000)
    generator.token(1)
    assert reseeds(generator) == start + 1


def test_input_is_mixed_in(each_backend: str) -> None:
    gathered = Gathered()
    generator = Generator(SystemSource(), gathered)
    generator.token(1)
    start = reseeds(generator)
    for count, source in enumerate(("mouse", "keys", "gamma", "token", "jitter"), 1):
        gathered.add(source, b"events", 3)
        generator.token(1)
        assert reseeds(generator) == start + count
    assert gathered.credit["mouse"] == 3


def test_input_changes_the_seed_and_nothing_else_is_needed(
    each_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With clock, process and system source held still, only input differs."""
    recorded = os.urandom(64)

    def first_bytes(generator: Generator) -> bytes:
        return generator.token(32)

    def build(text: bytes) -> Generator:
        gathered = Gathered()
        if text:
            gathered.add("mouse", text, 0)
        source = SystemSource()
        monkeypatch.setattr(source, "draw", lambda count: bytearray(recorded))
        generator = Generator(source, gathered)
        monkeypatch.setattr(generator, "_context", lambda batch: b"same")
        return generator

    assert first_bytes(build(b"a")) == first_bytes(build(b"a"))
    made = {first_bytes(build(text)) for text in (b"", b"a", b"b", b"ab")}
    assert len(made) == 4


def test_wrong_input_is_refused(each_backend: str) -> None:
    gathered = Gathered()
    with pytest.raises(UnknownAlgorithm, match="'os'"):
        gathered.add("os", b"x", 0)
    for bits in (-1, 9):
        with pytest.raises(LengthError, match="0 to 8"):
            gathered.add("mouse", b"x", bits)
    assert gathered.version == 0


def test_add_input_reaches_the_process_generator(each_backend: str) -> None:
    mine = module_generator()
    mine.token(1)
    start = reseeds(mine)
    gostkey.random.add_input("jitter", b"\x01\x02", 0)
    gostkey.random.token(1)
    assert reseeds(mine) == start + 1
    assert "jitter" in gostkey.random.status().credited_bits


def test_the_old_seed_cannot_be_found_later(each_backend: str) -> None:
    """Whoever reads the state after a request cannot compute what was given."""
    seed = os.urandom(48)
    backend = gostkey.backend()
    state = backend.generators.drbg(seed)
    given = bytearray(64)
    state.fill(given)
    # All that is left is a new seed: walk forward from it, and from the
    # neighbours of the old one that the bare mechanism would have left.
    later = {state.blocks(1) for _ in range(50)}
    assert bytes(given) not in later
    known = backend.generators.drbg(seed)
    blocks = [known.blocks(1) for _ in range(50)]
    assert later.isdisjoint(blocks)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork: not on Windows")
def test_parent_and_children_differ(each_backend: str) -> None:
    gostkey.random.token(16)
    seen = []
    for _ in range(3):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(write, gostkey.random.token(16))
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            seen.append(pipe.read())
        os.waitpid(child, 0)
    seen.append(gostkey.random.token(16))
    assert all(len(token) == 16 for token in seen)
    assert len(set(seen)) == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork: not on Windows")
def test_a_fork_while_another_thread_draws_does_not_hang(each_backend: str) -> None:
    shared = module_generator()
    stop = threading.Event()

    def draw() -> None:
        while not stop.is_set():
            shared.token(2000)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for _ in range(10):
            assert draws_in_a_child(shared)
    finally:
        stop.set()
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork: not on Windows")
@pytest.mark.parametrize("method", ["wipe", "fill", "reseed"])
def test_a_fork_finds_a_state_that_another_thread_has_half_changed(
    each_backend: str, method: str
) -> None:
    shared = module_generator()
    shared.token(16)
    state = shared._state
    assert state is not None
    inside, go_on = threading.Event(), threading.Event()

    class Torn:
        def __getattr__(self, name: str) -> object:
            if name != method:
                return getattr(state, name)
            if name == "wipe":
                state.wipe()
            inside.set()
            go_on.wait(20)
            raise OSError("the test ends the call")

    shared._state = Torn()  # type: ignore[assignment]
    # Each kind of work, and with it each method of the state, is met in one of them.
    work = {"wipe": shared.wipe, "fill": shared.reseed, "reseed": shared.reseed}[method]
    thread = threading.Thread(target=lambda: pytest.raises(OSError, work))
    thread.start()
    try:
        assert inside.wait(20)
        assert draws_in_a_child(shared)
    finally:
        go_on.set()
        thread.join()
        shared._state = None
    assert len(shared.token(16)) == 16


def draws_in_a_child(generator: Generator) -> bool:
    """Fork, and tell whether the child gets random bytes; kill it if it hangs."""
    child = os.fork()
    if child == 0:
        try:
            generator.token(16)
            gostkey.random.add_input("jitter", b"x", 0)
            os._exit(7)
        finally:
            os._exit(1)
    deadline = time.monotonic() + 20
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            pytest.fail("the child hangs on a lock")
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(ended[1]) == 7


def test_each_thread_has_its_own(each_backend: str) -> None:
    with ThreadPoolExecutor(3) as threads:
        barrier = threading.Barrier(3)

        def one(_: int) -> tuple[Generator, bytes]:
            barrier.wait(20)
            return module_generator(), gostkey.random.token(16)

        made = list(threads.map(one, range(3)))
    assert len({id(mine) for mine, _ in made}) == 3
    assert len({mine.status.worker for mine, _ in made}) == 3
    assert len({token for _, token in made}) == 3
    assert module_generator() is module_generator()


def test_one_generator_under_load_from_many_threads(generator: Generator) -> None:
    def draw(_: int) -> list[bytes]:
        return [generator.token(16) for _ in range(50)]

    with ThreadPoolExecutor(8) as threads:
        made = [token for tokens in threads.map(draw, range(8)) for token in tokens]
    assert len(set(made)) == 400
    assert generator.status.bytes_given == 400 * 16


def test_the_backend_can_change_under_it(each_backend: str) -> None:
    generator = Generator(SystemSource(), Gathered())
    made = set()
    for name in available() * 2:
        use(name)
        made.add(generator.token(16))
    assert len(made) == 2 * len(available())


def test_a_wiped_generator_seeds_itself_anew(generator: Generator) -> None:
    generator.token(1)
    generator.wipe()
    generator.token(1)
    assert reseeds(generator) == 2


def test_it_shows_and_pickles_no_secret(generator: Generator) -> None:
    generator.token(1)
    assert repr(generator) == (
        f"<gostkey random generator {generator.status.worker}, 1 reseeds>"
    )
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(generator)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"),
    reason="only Linux hands a forked child an empty page (MADV_WIPEONFORK)",
)
def test_a_forked_child_finds_no_state_of_its_parent() -> None:
    """Below the generator, which seeds a child anew, the state itself is gone."""
    if "native" not in available():
        pytest.skip("needs the native core: install a C compiler, then make test")
    before = gostkey.backend().name
    use("native")
    try:
        drbg = active.generators.drbg(b"\x55" * 48)
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(theirs, drbg.blocks(1))
            os._exit(0)
        os.close(theirs)
        of_child = os.read(ours, 64)
        os.close(ours)
        os.waitpid(child, 0)
        of_parent = drbg.blocks(1)
    finally:
        use(before)
    expected = Streebog(512)
    expected.update(bytes(62) + b"\x01")
    assert of_child == expected.digest() != of_parent
