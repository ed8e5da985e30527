"""Forked processes that end when their parent does, or stops to speak to them.

Each is at the other end of a pipe of its own.  A parent that dies, by whatever
signal, leaves a closed pipe: a process notices it at its next word.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, TypeVar

from gostkey.bindings.filesystem import keep_more_open
from gostkey.errors import CampaignError

from . import collector
from .interrupts import ENDING

CAN_FORK = hasattr(os, "fork")
"""Whether this system can; without it one process does all."""

T = TypeVar("T")
R = TypeVar("R")


def a_few(all_of_it: Sequence[T]) -> Sequence[T]:
    """Choose some of what forks will work on, to have it done once before."""
    return all_of_it[:: max(1, len(all_of_it) // 16)]


def receive(connection: Connection) -> Any:
    """Wait for what the other end of a pipe says.

    Raises:
        EOFError: if it is gone, be it in the middle of a long message.
    """
    try:
        return connection.recv()
    except OSError as error:
        raise EOFError from error


class WorkerDied(CampaignError):
    """A forked process ended in the middle of its work."""


@dataclass(eq=False)
class Fork:
    """A forked process as its parent sees it."""

    number: int
    connection: Connection
    process: BaseProcess

    def died(self) -> WorkerDied:
        """Make the error for one that does not answer."""
        self.process.join()
        return WorkerDied(
            f"worker process {self.process.pid} ended by itself (status "
            f"{self.process.exitcode}); run resume, which takes over what it was at"
        )


class Forks:
    """Several forked processes; leaving the context waits until all have ended."""

    def __init__(self, work: Callable[[Connection], None], count: int) -> None:
        """Fork.

        Args:
            work: is done in each, with its end of the pipe; ends at its closing.
            count: of processes.
        """
        self.forks: list[Fork] = []
        forking = multiprocessing.get_context("fork")
        ends: list[Connection] = []
        # What is there already need not be looked at again by every collector.
        gc.freeze()
        try:
            for number in range(1, count + 1):
                ours, its = forking.Pipe()
                ends.append(ours)
                process = forking.Process(
                    target=_be_forked, args=(work, its, tuple(ends)), daemon=True
                )
                process.start()
                its.close()
                self.forks.append(Fork(number, ours, process))
        except BaseException:
            self.close()
            raise
        finally:
            gc.unfreeze()

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Say no more, and wait until each has ended by itself."""
        for fork in self.forks:
            fork.connection.close()
        for fork in self.forks:
            fork.process.join()


def _be_forked(
    work: Callable[[Connection], None],
    connection: Connection,
    others: Sequence[Connection],
) -> None:
    collector.look_seldom()
    keep_more_open()
    # A terminal or a service manager sends them to all; they are for the parent, which
    # closes its end then.
    for number in (signal.SIGINT, *ENDING):
        # Not SIG_IGN, which a program that is started here would inherit.
        signal.signal(number, _pass_over)
    # With the parent's ends open here, no process would notice that it is gone.
    for other in others:
        other.close()
    with suppress(EOFError, ConnectionError):
        work(connection)


def _pass_over(number: int, frame: FrameType | None) -> None:
    """Do nothing at a signal; what it broke into goes on (PEP 475)."""


@contextmanager
def mapping(
    work: Callable[[T], R], workers: int
) -> Iterator[Callable[[Iterable[T]], Iterator[R]]]:
    """Have some work done on chunks in several processes, forked once for all of it.

    Args:
        work: what is done with a chunk.
        workers: processes; with one it is done here.

    Yields:
        What maps chunks to what came of them, in their order; several times, one
        after the other and each to its end.  Each process has one chunk at a time, so
        that no more of them are in memory than there are processes.  It raises
        WorkerDied if a process ended in the middle of a chunk.
    """
    if workers < 2 or not CAN_FORK:
        yield partial(map, work)
        return

    def serve(connection: Connection) -> None:
        while True:
            connection.send(work(receive(connection)))

    with Forks(serve, workers) as crew:
        yield partial(_map_in_order, crew.forks)


def _map_in_order(forks: Sequence[Fork], chunks: Iterable[T]) -> Iterator[Any]:
    busy: deque[Fork] = deque()
    for fork, chunk in zip(cycle(forks), chunks, strict=False):
        # The one whose turn it is has had its last chunk the longest.
        done = [_answer_of(busy.popleft())] if len(busy) == len(forks) else []
        fork.connection.send(chunk)
        busy.append(fork)
        yield from done
    while busy:
        yield _answer_of(busy.popleft())


def _answer_of(fork: Fork) -> Any:
    """Wait for what came of a chunk."""
    try:
        return receive(fork.connection)
    except EOFError:
        raise fork.died() from None
