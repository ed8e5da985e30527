"""A broken source must stop everything, and say so."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

import gostkey
from gostkey.errors import GeneratorFailure
from gostkey.random import Generator
from gostkey.random.pool import Gathered
from gostkey.random.sources import SystemSource


def failing(count: int) -> bytes:
    raise OSError(errno.ENOSYS, "no such call")


def constant(count: int) -> bytes:
    return b"\x5a" * count


def zeros(count: int) -> bytes:
    return bytes(count)


def short(count: int) -> bytes:
    return os.urandom(count - 1)


def long(count: int) -> bytes:
    return os.urandom(count + 1)


def empty(count: int) -> bytes:
    return b""


FAULTS = [failing, constant, zeros, short, long, empty]


class Switched:
    """A good source until it is switched to a bad one."""

    def __init__(self) -> None:
        self.read: Callable[[int], bytes] = os.urandom
        self.calls = 0

    def __call__(self, count: int) -> bytes:
        self.calls += 1
        return self.read(count)


def made_with(read: Callable[[int], bytes]) -> tuple[Generator, SystemSource]:
    source = SystemSource(read)
    return Generator(source, Gathered()), source


@pytest.mark.parametrize("fault", FAULTS)
def test_no_first_byte_from_a_broken_source(
    each_backend: str, fault: Callable[[int], bytes]
) -> None:
    generator, source = made_with(fault)
    with pytest.raises(GeneratorFailure, match="random source 'os'"):
        generator.token(32)
    assert source.failure


@pytest.mark.parametrize("fault", FAULTS)
def test_no_more_bytes_when_the_source_breaks_later(
    each_backend: str, fault: Callable[[int], bytes]
) -> None:
    switched = Switched()
    generator, _source = made_with(switched)
    generator.token(32)
    switched.read = fault
    key = bytearray(b"old contents of a buffer")
    with pytest.raises(GeneratorFailure):
        generator.fill(key)
    assert not any(key)


def test_a_failure_is_for_good(each_backend: str) -> None:
    switched = Switched()
    generator, source = made_with(switched)
    generator.token(1)
    switched.read = constant
    with pytest.raises(GeneratorFailure):
        generator.reseed()
    switched.read = os.urandom
    for call in (
        lambda: generator.token(1),
        lambda: generator.fill(bytearray(1)),
        lambda: generator.reseed(),
        lambda: Generator(source, Gathered()).token(1),
    ):
        with pytest.raises(GeneratorFailure):
            call()


def test_a_source_that_repeats_itself_is_noticed(each_backend: str) -> None:
    recorded = os.urandom(256)

    def repeating(count: int) -> bytes:
        return recorded[:count]

    switched = Switched()
    generator, _source = made_with(switched)
    generator.token(1)
    switched.read = repeating
    generator.reseed()
    with pytest.raises(GeneratorFailure, match="same bytes twice"):
        generator.reseed()


class Wrong:
    """A good source but for one byte or run of bytes that it is told."""

    def __init__(self) -> None:
        self.place, self.length = -1, 0

    def __call__(self, count: int) -> bytes:
        drawn = bytearray(os.urandom(count))
        # Nothing here may look like a run by chance.
        for place in range(1, count):
            if drawn[place] == drawn[place - 1]:
                drawn[place] ^= 1
        if self.place >= 0:
            value = bytes(drawn[self.place : self.place + 1])
            drawn[self.place : self.place + self.length] = value * self.length
        return bytes(drawn[:count])


@pytest.mark.parametrize("place", [0, 1, 29, 58])
def test_a_byte_that_sticks_in_the_middle_is_noticed(
    each_backend: str, place: int
) -> None:
    wrong = Wrong()
    generator, source = made_with(wrong)
    generator.token(1)
    wrong.place, wrong.length = place, 6
    with pytest.raises(GeneratorFailure, match="'os'.*repetition count.*no key"):
        generator.reseed()
    assert "repetition count" in source.failure


def test_a_run_that_chance_brings_is_no_failure(each_backend: str) -> None:
    """Five in a row come once in 2^32 bytes: too often to stop a campaign for."""
    wrong = Wrong()
    generator, source = made_with(wrong)
    generator.token(1)
    wrong.place, wrong.length = 20, 4
    generator.reseed()
    assert not source.failure


def test_a_byte_that_comes_too_often_is_noticed_over_many_seeds(
    each_backend: str,
) -> None:
    """No seed by itself shows it: the test goes on from one to the next."""

    def favouring(count: int) -> bytes:
        drawn = bytearray(b ^ (b == 0x5A) for b in os.urandom(count))
        for place in range(0, count, 16):
            drawn[place] = 0x5A
        return bytes(drawn)

    switched = Switched()
    generator, source = made_with(switched)
    generator.token(1)
    # The next window is to begin with the favoured byte.
    for _ in range(7):
        generator.reseed()
    switched.read = favouring
    # Four bytes of a seed are 0x5a: the 19th is in the fifth.
    for _ in range(4):
        generator.reseed()
    with pytest.raises(GeneratorFailure, match="'os'.*adaptive proportion"):
        generator.reseed()
    assert "adaptive proportion" in source.failure


def test_runs_over_two_seeds_are_noticed(each_backend: str) -> None:
    place = 61

    def ending(count: int) -> bytes:
        drawn = bytearray(os.urandom(count))
        for i in range(1, count):
            drawn[i] ^= drawn[i] == drawn[i - 1]
        drawn[:3] = drawn[place:] = b"\x00" * 3
        drawn[3], drawn[place - 1] = 1, 1
        return bytes(drawn)

    switched = Switched()
    generator, _source = made_with(switched)
    generator.token(1)
    switched.read = ending
    generator.reseed()
    with pytest.raises(GeneratorFailure, match="repetition count"):
        generator.reseed()


def test_a_child_tests_the_source_anew(
    each_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched = Switched()
    _generator, source = made_with(switched)
    source.draw(64)
    before = switched.calls
    monkeypatch.setattr(os, "getpid", lambda: -1)
    source.draw(64)
    assert switched.calls == before + 1024 // 256 + 1


def test_good_sources_go_on() -> None:
    source = SystemSource(os.urandom)
    for _ in range(20_000):
        source.draw(64)
    assert not source.failure


def test_the_start_up_test_comes_once_and_is_not_used(each_backend: str) -> None:
    switched = Switched()
    generator, _source = made_with(switched)
    generator.token(1)
    start = switched.calls
    assert start == 1024 // 256 + 1
    generator.reseed()
    assert switched.calls == start + 1


def test_a_pattern_fails_the_start_up_test(each_backend: str) -> None:
    calls = 0

    def two_values(count: int) -> bytes:
        nonlocal calls
        calls += 1
        return bytes((calls + i * i) % 3 for i in range(count))

    generator, _source = made_with(two_values)
    with pytest.raises(GeneratorFailure, match="adaptive proportion"):
        generator.token(1)


def test_keys_are_not_made_without_random(
    each_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, _source = made_with(constant)
    monkeypatch.setattr(gostkey.random, "generator", lambda: generator)
    with pytest.raises(GeneratorFailure):
        gostkey.SigningKey.generate()


def test_the_failure_can_be_asked_for(
    each_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gostkey.random.status().failure == ""
    source = SystemSource(failing)
    monkeypatch.setattr(gostkey.random, "_source", source)
    with pytest.raises(GeneratorFailure):
        source.draw(64)
    assert "no such call" in gostkey.random.status().failure
