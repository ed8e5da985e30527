"""Two processes that take turns on one CPU."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Protocol

from gostkey.errors import MeasureError

__all__ = ["Process", "Side", "alternate", "can_pin"]

PATIENCE = 600.0
"""Seconds after which an answer is not waited for any longer."""


class Side(Protocol):
    """What can be measured in rounds."""

    def measure(self, seconds: float) -> float:
        """Do the operation for so long; return nanoseconds for one."""


def alternate(
    ours: Side, theirs: Side, *, rounds: int, seconds: float
) -> tuple[list[float], list[float]]:
    """Let both sides work in turn, a round each time.

    After a round of warming up each, the two change places from round to round
    (ours, theirs; theirs, ours; ...), so that neither always comes second.

    Returns:
        Nanoseconds for one operation in each round, ours and theirs.
    """
    ours.measure(seconds / 2)
    theirs.measure(seconds / 2)
    mine: list[float] = []
    others: list[float] = []
    for number in range(rounds):
        if number % 2 == 0:
            mine.append(ours.measure(seconds))
            others.append(theirs.measure(seconds))
        else:
            others.append(theirs.measure(seconds))
            mine.append(ours.measure(seconds))
    return mine, others


class Process:
    """One side: a process that does one operation; a context manager.

    What it says and reads is told in programs/peer.h.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        cpus: int,
    ) -> None:
        """Start it and wait until it is ready.

        Raises:
            MeasureError: if it fails.
        """
        self.name = name
        self.reason = ""
        """Why it cannot do the operation; empty if it can."""
        self.proof = ""
        self.items = 1
        self.version = ""
        self._said = tempfile.TemporaryFile()
        with _pinned(cpus):
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=environment,
                text=True,
            )
        try:
            word, _, rest = self._line().partition(" ")
            if word == "none":
                self.reason = rest
                return
            fields = rest.split(" ", 2)
            if word != "ready" or len(fields) != 3:
                raise MeasureError(f"{name}: says {word} {rest!r} instead of ready")
            self.proof = "" if fields[0] == "-" else fields[0]
            self.items = int(fields[1])
            self.version = fields[2]
        except BaseException:
            self.close()
            raise

    def measure(self, seconds: float) -> float:
        """Return what it measured: nanoseconds, or bytes for a memory task.

        Raises:
            MeasureError: if it fails, or takes minutes.
        """
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):
            stdin.write(f"{seconds}\n")
            stdin.flush()
        line = self._line()
        try:
            return float(line)
        except ValueError:
            raise MeasureError(f"{self.name}: says {line!r}, not a number") from None

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _line(self) -> str:
        """Read a line that is not empty."""
        stdout = self._process.stdout
        assert stdout is not None
        guard = threading.Timer(PATIENCE, self._process.kill)
        guard.start()
        try:
            line = stdout.readline().strip()
        finally:
            guard.cancel()
        if line:
            return line
        status = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        last = said.splitlines()[-1] if said else "without a word"
        raise MeasureError(f"{self.name}: ended with status {status}: {last}")


def can_pin() -> bool:
    """Say whether this system lets a process be pinned to a CPU."""
    return hasattr(os, "sched_setaffinity")


@contextlib.contextmanager
def _pinned(cpus: int) -> Iterator[None]:
    """Pin this thread, and so the processes that it starts, to the last CPUs."""
    if not can_pin():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-cpus:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
