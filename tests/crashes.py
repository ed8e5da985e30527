"""kill -9 at any call that touches a disk, in a child process.

What is killed is the process, not the disk: what a call has done stays.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

forks = pytest.mark.skipif(
    not hasattr(os, "fork"),
    reason="needs os.fork to have a process to kill: run it on Linux or macOS",
)

CALLS = (
    "open",
    "write",
    "fsync",
    "mkdir",
    "rename",
    "replace",
    "link",
    "unlink",
    "rmdir",
    "utime",
    "close",
)


def in_child(work: Callable[[], object]) -> int:
    """Do something in a process of its own; return how it ended.

    Returns:
        0, 1 after an exception (its trace is printed), or minus the signal that
        killed it.
    """
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def killed_at(work: Callable[[], object], step: int) -> bool:
    """Do something in a child that dies before its n-th call; say whether it died."""

    def work_and_die() -> None:
        calls = 0

        def deadly(original: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*arguments, **options)

            return call

        for name in CALLS:
            setattr(os, name, deadly(getattr(os, name)))
        work()

    ended = in_child(work_and_die)
    assert ended in (0, -signal.SIGKILL)
    return ended != 0


def every_step(
    prepare: Callable[[int], Callable[[], object]], least: int = 10
) -> Iterator[int]:
    """Kill at step 1, 2, ... until the work ends; yield after each death.

    Args:
        prepare: makes a new scene for a step and returns the work on it.
        least: steps that the work is known to have.
    """
    for step in range(1, 1000):
        if not killed_at(prepare(step), step):
            assert step > least, "the calls are not seen, so nothing was tested"
            return
        yield step
    raise AssertionError("it does not end")


def die_in_a_message(monkeypatch: pytest.MonkeyPatch, mark: Path, nth: int = 1) -> None:
    """Have the first process of a pool that comes so far die in its n-th message.

    Args:
        monkeypatch: of the test.
        mark: a file that is made by the one that dies.
        nth: message; half of it comes through.
    """
    original = Connection.send
    sent = 0

    def send(self: Connection, told: Any) -> None:
        nonlocal sent
        if multiprocessing.parent_process() is not None:
            sent += 1
            if sent == nth and not mark.exists():
                mark.touch()
                os.write(self.fileno(), struct.pack("!i", 1000) + b"half of it")
                os.kill(os.getpid(), signal.SIGKILL)
        original(self, told)

    monkeypatch.setattr(Connection, "send", send)
