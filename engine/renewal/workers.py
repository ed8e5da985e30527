"""Worker processes: several chunks of a campaign at once, on several processors.

The parent has the store, which alone it writes; it hands out the chunks, chooses the
folders of new containers and journals.  A worker has the keys: it takes its chunk
through the steps as a process alone would, and writes to a medium only when the parent
says that the journal is on the disk.  Items travel through a pipe, keys never do.

Workers are forked: they inherit the campaign's lock, so that nobody can go on with the
campaign before the last of them has ended, and the parent's seeds.  A parent that dies
leaves them at the end of a pipe; each finishes what it is writing, gets no answer, and
ends.  What it wrote is taken over by the next run, like that of any killed process.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, NoReturn

from gostkey import random
from gostkey.backend import active
from gostkey.errors import GeneratorFailure

from .chunks import Progress, do_step, take_over
from .forks import Fork, Forks, receive
from .places import Wanted
from .randomness import Randomness, counters
from .reasons import Verdict
from .steps import Context, Step, Work
from .storage.store import Change, Item, nothing
from .turns import Turns

# -- the worker's side --------------------------------------------------------


class _Parent:
    """The parent as a worker sees it: store and places, each question answered."""

    matter = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changes: list[Change] = []
        """What is to be journalled with the next question."""
        self._held: dict[int, str] = {}
        """Of the chunk at hand: item to the campaign that has its key."""

    def ask(self, kind: str, *values: object) -> Any:
        """Send a question and wait for its answer."""
        self._connection.send((self._changes, kind, *values))
        self._changes = []
        return receive(self._connection)

    def record(self, changes: Sequence[Change], at: datetime) -> None:
        """Have changes journalled before anything else is asked."""
        self._changes += changes

    def wait(self) -> None:
        """Wait until all that was recorded is on the disk."""
        self.ask("wait")

    def begun(self, step: str) -> set[int]:
        """Is for steps that no worker does."""
        raise NotImplementedError(step)

    def fingerprints(self, ids: Sequence[int]) -> dict[int, set[str]]:
        """List what the keys begun for items are known by."""
        found: dict[int, set[str]] = self.ask("fingerprints", list(ids))
        return found

    def choose(self, wanted: Sequence[Wanted]) -> list[str | Verdict]:
        """Have folders chosen."""
        chosen: list[str | Verdict] = self.ask("choose", list(wanted))
        return chosen

    def anew(self) -> _Parent:
        """Give itself: the parent looks."""
        return self

    def next_chunk(self) -> list[Item] | None:
        """Have a chunk handed out, whose keys are claimed already; None at the end."""
        chunk: list[Item] | None
        chunk, self._held = self.ask("chunk")
        return chunk

    def claim(self, items: Sequence[Item]) -> dict[int, str]:
        """Say which keys could not be claimed."""
        return self._held

    def release(self, items: Sequence[Item]) -> None:
        """Have keys given back."""
        self.ask("release", [one.id for one in items])

    def close(self) -> None:
        """Close nothing: the parent does."""


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


def _work(context: Context, steps: Sequence[Step], connection: Connection) -> None:
    """Be a worker until the parent has no more chunks, or is gone."""
    parent = _Parent(connection)
    mine = replace(
        context,
        store=parent,
        places=parent,
        claims=parent if context.claims.matter else context.claims,
        randomness=_ParentsRandomness(
            gamma=context.randomness.gamma,
            _campaign=context.randomness._campaign,
            parent=parent,
        ),
    )
    before = counters()
    try:
        while (chunk := parent.next_chunk()) is not None:
            _do_chunk(mine, steps, chunk)
        reseeds, given = counters()
        parent.ask("counters", reseeds - before[0], given - before[1])
    except (EOFError, ConnectionError):
        raise
    except BaseException as error:
        parent.ask("raised", sendable(error))


def _do_chunk(context: Context, steps: Sequence[Step], chunk: Sequence[Item]) -> None:
    works = [Work(one) for one in chunk]
    try:
        for step in steps:
            do_step(context, step, works)
    finally:
        for work in works:
            work.wipe()


def sendable(error: BaseException) -> BaseException:
    """Give an exception that survives the way through a pipe."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:
        pass
    kind = GeneratorFailure if isinstance(error, GeneratorFailure) else RuntimeError
    return kind(f"{type(error).__name__}: {error}")


# -- the parent's side --------------------------------------------------------


class _Handed(NamedTuple):
    """An item that a worker is at."""

    item: Item


class Crew:
    """The workers of one run; leaving the context waits until all have ended."""

    def __init__(self, context: Context, steps: Sequence[Step], count: int) -> None:
        self._context = context
        self._to_the_end = True
        self._handed: dict[Fork, list[_Handed]] = {}
        """The items of the chunk that each worker is at."""
        self._turns = Turns(count)
        theirs = replace(context, turns=self._turns)
        self._crew = Forks(partial(_work, theirs, steps), count)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._crew.close()
        self._turns.close()

    def run(
        self,
        chunks: Iterator[list[Item]],
        progress: Progress,
        *,
        to_the_end: bool,
        in_a_pause: Callable[[], float | None] = nothing,
    ) -> None:
        """Hand the chunks out and serve the workers until all is done.

        Args:
            chunks: items that are open.
            progress: is told of it.
            to_the_end: whether nothing more is to be done with items that went well.
            in_a_pause: is called when no worker waits; see `Store.in_a_pause`.

        Raises:
            WorkerDied: if a worker died; what it was at can be taken over once this
                crew is closed.
            GeneratorFailure: if the random generator of a worker failed.
        """
        self._to_the_end = to_the_end
        by_connection = {fork.connection: fork for fork in self._crew.forks}
        while by_connection:
            for ready in _ready(list(by_connection), in_a_pause):
                assert isinstance(ready, Connection)
                fork = by_connection[ready]
                try:
                    changes, kind, *values = receive(ready)
                    if kind == "chunk":
                        self._hand_out(fork, changes, chunks, progress)
                        continue
                    take_over(self._handed.get(fork, ()), changes)
                    self._record(changes, progress)
                    ready.send(self._answer(fork, kind, values))
                except (EOFError, ConnectionError):
                    raise fork.died() from None
                if kind == "counters":
                    del by_connection[ready]

    def _hand_out(
        self,
        fork: Fork,
        changes: Sequence[Change],
        chunks: Iterator[list[Item]],
        progress: Progress,
    ) -> None:
        """Give a worker its next chunk, then write what came of the last one.

        The worker needs not wait for that: before it writes anything to a medium it
        asks again, and is answered later.
        """
        handed = self._handed.get(fork, [])
        take_over(handed, changes)
        # Too many failures, and there is no next one.
        progress.handled(handed)
        ended = [
            one for one in handed if self._to_the_end or one.item.reason is not None
        ]
        try:
            chunk = next(chunks, None)
            self._handed[fork] = list(map(_Handed, chunk or ()))
            fresh = [one for one in chunk or () if one.state == "planned"]
            held = self._context.claims.claim(fresh) if fresh else {}
            fork.connection.send((chunk, held))
        finally:
            self._record(changes, progress)
            progress.end_chunk(ended)

    def _record(self, changes: Sequence[Change], progress: Progress) -> None:
        if changes:
            self._context.store.record(changes, self._context.clock())
        steps = Counter(one.step for one in changes if one.phase != "before")
        for step, count in steps.items():
            progress.step(step, count)

    def _answer(self, fork: Fork, kind: str, values: Sequence[Any]) -> object:
        context = self._context
        if kind == "wait":
            return None
        if kind == "choose":
            return context.places.choose(*values)
        if kind == "fingerprints":
            return context.store.fingerprints(*values)
        if kind == "release":
            context.claims.release(self._items(fork, *values))
            return None
        if kind == "gamma":
            context.randomness.before_keys(*values)
            return random.for_worker(fork.number)
        if kind == "counters":
            context.randomness.count_worker(*values)
            return None
        _raise(*values)

    def _items(self, fork: Fork, ids: Sequence[int]) -> list[Item]:
        """Give those of a worker's items that it has named."""
        by_id = {one.item.id: one.item for one in self._handed[fork]}
        return [by_id[one] for one in ids]


def _ready(
    connections: list[Connection], in_a_pause: Callable[[], float | None]
) -> list[Any]:
    """Wait until workers ask, and use the time in which none does."""
    while True:
        ready = wait(connections, 0)
        pause = None if ready else in_a_pause()
        if not ready and pause != 0:
            ready = wait(connections, pause)
        if ready:
            return ready


def _raise(error: BaseException) -> NoReturn:
    raise error
