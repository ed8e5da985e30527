"""Worker processes: several chunks of a campaign at once, on several processors.

The parent has the store, which alone it writes; it hands out the chunks, chooses the
folders of new containers and journals.  A worker has the keys: it takes its chunk
through the steps as a process alone would, and goes on from one to the next only when
the parent says that the journal is on the disk.  Items travel through a pipe, keys
never do.

Workers are forked: they inherit the campaign's lock, so that nobody can go on with the
campaign before the last of them has ended, and the parent's seeds.  A parent that dies
leaves them at the end of a pipe; each finishes what it is writing, gets no answer, and
ends.  What it wrote is taken over by the next run, like that of any killed process.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn

from gostkey import random
from gostkey.backend import active
from gostkey.errors import CampaignError, GeneratorFailure

from .chunks import Progress, do_step, record
from .places import Wanted
from .randomness import Randomness, counters
from .reasons import Verdict
from .steps import Context, Step, Work
from .store import Change, Item

CAN_FORK = hasattr(os, "fork")
"""Whether this system has what workers need; without it one process does all."""


class WorkerDied(CampaignError):
    """A worker process ended in the middle of its chunk."""


# -- the worker's side --------------------------------------------------------


class _Parent:
    """The parent as a worker sees it: store and places, each question answered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self, kind: str, *values: object) -> Any:
        """Send a question and wait for its answer."""
        self._connection.send((kind, *values))
        return self._connection.recv()

    def record(self, changes: Sequence[Change], at: datetime) -> None:
        """Have changes journalled; they are on the disk when this returns."""
        self.ask("record", list(changes))

    def begun(self, step: str) -> set[int]:
        """Is for steps that no worker does."""
        raise NotImplementedError(step)

    def choose(self, wanted: Sequence[Wanted]) -> list[str | Verdict]:
        """Have folders chosen."""
        chosen: list[str | Verdict] = self.ask("choose", list(wanted))
        return chosen


@dataclass
class _ParentsRandomness(Randomness):
    """Randomness in a worker: gamma is read by the parent, once and for nobody else."""

    parent: _Parent | None = field(default=None, repr=False)

    def before_keys(self, count: int) -> None:
        """Bind the generator to the campaign; have gamma mixed in."""
        if self.gamma is not None:
            assert self.parent is not None
            handed: bytearray = self.parent.ask("gamma", count)
            random.from_parent(handed)
            active.generators.wipe(handed)
        random.generator().reseed(self._campaign)


def _work(
    context: Context,
    steps: Sequence[Step],
    connection: Connection,
    others: Sequence[Connection],
) -> None:
    """Be a worker until the parent has no more chunks, or is gone."""
    # Ctrl-C is for the parent, whose end this process notices at its next question.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # With the parent's ends open here, no worker would notice that it is gone.
    for other in others:
        other.close()
    parent = _Parent(connection)
    mine = replace(
        context,
        store=parent,
        places=parent,
        randomness=_ParentsRandomness(
            gamma=context.randomness.gamma,
            _campaign=context.randomness._campaign,
            parent=parent,
        ),
    )
    before = counters()
    try:
        while (chunk := parent.ask("chunk")) is not None:
            _do_chunk(mine, steps, chunk)
        reseeds, given = counters()
        parent.ask("counters", reseeds - before[0], given - before[1])
    except (EOFError, ConnectionError):
        pass
    except BaseException as error:
        with suppress(EOFError, ConnectionError):
            parent.ask("raised", _sendable(error))


def _do_chunk(context: Context, steps: Sequence[Step], chunk: Sequence[Item]) -> None:
    works = [Work(one) for one in chunk]
    try:
        for step in steps:
            do_step(context, step, works)
    finally:
        for work in works:
            work.wipe()


def _sendable(error: BaseException) -> BaseException:
    """Give an exception that survives the way through a pipe."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:
        pass
    kind = GeneratorFailure if isinstance(error, GeneratorFailure) else RuntimeError
    return kind(f"{type(error).__name__}: {error}")


# -- the parent's side --------------------------------------------------------


@dataclass
class _Worker:
    """A worker as the parent sees it."""

    number: int
    connection: Connection
    process: Any
    works: list[Work] = field(default_factory=list)
    """The items of the chunk that it is at."""


class Crew:
    """The workers of one run; leaving the context waits until all have ended."""

    def __init__(self, context: Context, steps: Sequence[Step], count: int) -> None:
        self._context = context
        self._to_the_end = True
        self._workers: list[_Worker] = []
        forking = multiprocessing.get_context("fork")
        ends: list[Connection] = []
        try:
            for number in range(1, count + 1):
                ours, its = forking.Pipe()
                ends.append(ours)
                process = forking.Process(
                    target=_work, args=(context, steps, its, tuple(ends)), daemon=True
                )
                process.start()
                its.close()
                self._workers.append(_Worker(number, ours, process))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Answer no more, and wait until each worker has ended by itself."""
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.process.join()

    def run(
        self, chunks: Iterator[list[Item]], progress: Progress, *, to_the_end: bool
    ) -> None:
        """Hand the chunks out and serve the workers until all is done.

        Args:
            chunks: items that are open.
            progress: is told of it.
            to_the_end: whether nothing more is to be done with items that went well.

        Raises:
            WorkerDied: if a worker died; what it was at can be taken over once this
                crew is closed.
            GeneratorFailure: if the random generator of a worker failed.
        """
        self._to_the_end = to_the_end
        by_connection = {worker.connection: worker for worker in self._workers}
        while by_connection:
            for ready in wait(list(by_connection)):
                assert isinstance(ready, Connection)
                worker = by_connection[ready]
                try:
                    question = ready.recv()
                except (EOFError, ConnectionError):
                    raise self._died(worker) from None
                answer = self._answer(worker, question, chunks, progress)
                try:
                    ready.send(answer)
                except ConnectionError:
                    raise self._died(worker) from None
                if question[0] == "counters":
                    del by_connection[ready]

    def _answer(
        self,
        worker: _Worker,
        question: tuple[Any, ...],
        chunks: Iterator[list[Item]],
        progress: Progress,
    ) -> object:
        kind, *values = question
        context = self._context
        if kind == "record":
            (changes,) = values
            record(context, worker.works, changes)
            after = [one for one in changes if one.phase != "before"]
            if after:
                progress.step(after[0].step, len(after))
            return None
        if kind == "choose":
            return context.places.choose(*values)
        if kind == "gamma":
            context.randomness.before_keys(*values)
            return random.for_worker(worker.number)
        if kind == "chunk":
            ended = [
                one
                for one in worker.works
                if self._to_the_end or one.item.reason is not None
            ]
            progress.end_chunk(ended)
            chunk = next(chunks, None)
            worker.works = [Work(one) for one in chunk or ()]
            return chunk
        if kind == "counters":
            context.randomness.count_worker(*values)
            return None
        _raise(*values)

    def _died(self, worker: _Worker) -> WorkerDied:
        worker.process.join()
        return WorkerDied(
            f"worker process {worker.process.pid} ended by itself (status "
            f"{worker.process.exitcode}); run resume, which takes over what it was at"
        )


def _raise(error: BaseException) -> NoReturn:
    raise error
