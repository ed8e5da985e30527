"""Workers take turns at a disk: one of each two writes, a dead one is in no way."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from crashes import forks
from renewal.offices import Office

from gostkey.errors import MediumError
from gostkey.media import FolderStore
from gostkey.renewal import turns as turns_module
from gostkey.renewal.turns import Turns

LONG = 60.0
"""Seconds for what must come."""
SHORT = 0.3
"""Seconds in which what must not come would have come."""


class Writer:
    """A process that asks for a turn at a disk, and has it until it is told."""

    def __init__(self, turns: Turns, disk: int | None) -> None:
        forking = multiprocessing.get_context("fork")
        self.end, its = forking.Pipe()
        self.process: BaseProcess = forking.Process(
            target=write, args=(turns, disk, its)
        )
        self.process.start()
        its.close()

    def writes(self, seconds: float = LONG) -> bool:
        return self.end.poll(seconds) and self.end.recv() == "writes"

    def finish(self) -> None:
        self.end.send("enough")
        self.process.join(LONG)
        assert self.process.exitcode == 0


def write(turns: Turns, disk: int | None, end: Connection) -> None:
    with turns.at(disk):
        end.send("writes")
        end.recv()


@contextmanager
def writers(turns: Turns, *disks: int | None) -> Iterator[list[Writer]]:
    """Begin writers one after the other; end them, whatever they wait for."""
    begun: list[Writer] = []
    with ExitStack() as after:
        for disk in disks:
            begun.append(Writer(turns, disk))
            after.callback(begun[-1].process.join)
            after.callback(begun[-1].process.kill)
        yield begun


@forks
@pytest.mark.parametrize("disk", [None, 0, 65024, (1 << 63) + 5])
def test_one_of_two_writes_to_a_disk(disk: int | None) -> None:
    turns = Turns(2)
    with writers(turns, disk) as (first,):
        assert first.writes()
        with writers(turns, disk) as (second,):
            assert not second.writes(SHORT)


@forks
def test_the_second_one_writes_when_the_first_has_ended() -> None:
    turns = Turns(2)
    with writers(turns, 7) as (first,):
        assert first.writes()
        with writers(turns, 7, 8) as (second, elsewhere):
            assert elsewhere.writes()
            assert not second.writes(SHORT)
            first.finish()
            assert second.writes()
            second.finish()


@forks
@pytest.mark.parametrize("ends", [0, 1])
def test_of_four_two_write_and_the_third_when_either_has_ended(ends: int) -> None:
    turns = Turns(4)
    with writers(turns, 7) as (first,):
        assert first.writes()
        with writers(turns, 7) as (second,):
            assert second.writes()
            with writers(turns, 7) as (third,):
                assert not third.writes(SHORT)
                (first, second)[ends].finish()
                assert third.writes()


@forks
def test_a_killed_one_gives_its_turn_back() -> None:
    turns = Turns(2)
    with writers(turns, 7) as (first,):
        assert first.writes()
        with writers(turns, 7) as (second,):
            assert not second.writes(SHORT)
            assert first.process.pid is not None
            os.kill(first.process.pid, signal.SIGKILL)
            assert second.writes()


@forks
def test_a_stopped_one_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns_module, "PATIENCE", 2 * SHORT)
    turns = Turns(2)
    with writers(turns, 7) as (first,):
        assert first.writes()
        assert first.process.pid is not None
        os.kill(first.process.pid, signal.SIGSTOP)
        with writers(turns, 7) as (second,):
            assert second.writes()
            second.finish()
            # It had none, so it gave none back.
            with writers(turns, 8, 7) as (elsewhere, third):
                assert elsewhere.writes()
                assert third.writes()


@forks
def test_without_locks_all_write(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(turns_module.fcntl, "lockf", none_left)
    with writers(Turns(2), 7, 7) as both:
        assert all(one.writes() for one in both)


@forks
def test_without_room_for_turns_all_write(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with writers(Turns(2), 7, 7) as both:
        assert all(one.writes() for one in both)


@forks
def test_workers_of_a_run_write_one_after_the_other(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gostkey.renewal.running.CHUNK", 1)
    monkeypatch.setattr("gostkey.renewal.running.FEWEST", 1)
    for _ in range(16):
        office.add()
    told = tmp_path / "told"
    original = FolderStore.write_many

    def tell(word: str) -> None:
        with told.open("a") as file:
            file.write(f"{word} {os.getpid()}\n")

    def write_many(self: FolderStore, *containers: Any) -> list[Path | MediumError]:
        tell("begins")
        time.sleep(0.05)
        results = original(self, *containers)
        tell("ends")
        return results

    monkeypatch.setattr(FolderStore, "write_many", write_many)
    with office.begin() as campaign:
        assert campaign.make_requests(workers=2) == {"requested": 16}
    lines = told.read_text().splitlines()
    pairs = list(zip(lines[::2], lines[1::2], strict=True))
    assert len(pairs) == 16 and len(set(pairs)) == 2
    for begun, ended in pairs:
        assert begun.split() == ["begins", ended.removeprefix("ends ")]
