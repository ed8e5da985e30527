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
