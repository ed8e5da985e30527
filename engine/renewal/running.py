"""One run over the open items of a campaign: chunk by chunk, step by step.

`Campaign` says which steps and for whom; here they are done, by this process alone or
with worker processes that make keys and requests.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from gostkey.errors import GostKeyError

from . import collector
from .answer_steps import Check, Fetch, Send
from .chunks import WITH_AUTHORITY, Progress, do_step, parts, state_before
from .forks import CAN_FORK, WorkerDied, a_few
from .install_steps import BackUp, Install
from .key_steps import MakeKey, MakeRequest
from .leftovers import clean
from .pacing import CHUNK, Pacing
from .steps import Context, Step, Work
from .storage.schema import STATES
from .storage.store import Item, Store
from .tries import untried
from .workers import Crew

STEPS: tuple[Step, ...] = (
    MakeKey(),
    MakeRequest(),
    Send(),
    Fetch(),
    Check(),
    Install(),
    BackUp(),
)
MAKING: tuple[Step, ...] = STEPS[:2]
"""What worker processes do; all else is for the one that knows the authority."""
RECEIVING: tuple[Step, ...] = STEPS[3:]
FEWEST = 256
"""Items for which another worker is not worth its while, nor a chunk of their own: a
chunk of any size costs some milliseconds, most for what is done once for each curve."""
MOST_DEATHS = 3
"""Worker processes that may die in a run and are replaced."""


class Run:
    """One run: the steps to be done, with all that they need."""

    def __init__(
        self,
        store: Store,
        context: Context,
        steps: Sequence[Step],
        progress: Progress,
        pacing: Pacing | None = None,
    ) -> None:
        """Take what the run is about.

        Args:
            store: the campaign's.
            context: of the steps; its store is *store*.
            steps: one after the other as in `STEPS`.
            progress: is told of each step.
            pacing: what holds the run back.
        """
        self._store = store
        self._context = context
        self._steps = steps
        self._progress = progress
        self._pacing = pacing or Pacing()
        self._held: set[int] = set()
        self._sends = any(step.name == "sent" for step in steps)

    def do(self, keys: int, workers: int) -> None:
        """Do what is open.

        Args:
            keys: how many of them will be made; asked of `Randomness`.
            workers: processes that make keys and requests.

        Raises:
            GeneratorFailure, GammaExhausted, WorkerDied: as `Campaign.run`.
        """
        self._store.settle_places()
        self._pacing.begin()
        if self._pacing.limit is not None:
            fresh = untried(self._store, self._unsent())
            self._held = self._pacing.held_back(fresh)
        with collector.seldom():
            self._do(keys, workers)
        self._pacing.tell_of_limit(len(self._held))

    def _do(self, keys: int, workers: int) -> None:
        if not keys:
            self._do_chunks()
            return
        randomness = self._context.randomness
        randomness.begin(self._store, self._context.clock, keys)
        try:
            making = tuple(step for step in self._steps if step in MAKING)
            if workers > 1 and CAN_FORK:
                self._make_with(workers, making)
            self._do_chunks()
        finally:
            randomness.end()

    def _do_chunks(self) -> None:
        tokens = self._context.tokens
        for ids in self._chunk_ids(self._steps):
            chunk = self._store.items(ids)
            unsent = [one for one in chunk if is_unsent(one)] if self._sends else []
            if not self._pacing.before(len(unsent)):
                return
            tokens.learn(chunk)
            works = [Work(one, tokens=tokens) for one in chunk]
            try:
                for step in self._steps:
                    self._do_step(step, works)
            finally:
                for work in works:
                    work.wipe()
            # Those that have no request yet stopped before one could go.
            self._pacing.not_sent(sum(work.item.request is None for work in works))
            self._progress.handled(works)
            self._progress.end_chunk(works)

    def _do_step(self, step: Step, works: Sequence[Work]) -> None:
        """Take a chunk through a step; once stopped, ask no authority."""
        for part in parts(self._context, step, works):
            if step.name in WITH_AUTHORITY and self._pacing.time.is_stopped():
                return
            done = do_step(self._context, step, part)
            self._progress.step(step.name, done)

    def _chunk_ids(
        self, steps: Sequence[Step], workers: int = 1, *, on_tokens: bool = True
    ) -> Iterator[list[int]]:
        """List the items on which one of the steps is to be done, chunk by chunk.

        For several workers the first chunks differ in size, so that not all compute,
        and wait for the disk, at the same time; the last ones are ever smaller, so that
        no worker has much to do when the others have ended.
        """
        first, last = state_before(steps[0]), state_before(steps[-1])
        ids = self._store.open_ids(first, last, on_tokens=on_tokens)
        if self._held:
            ids = [one for one in ids if one not in self._held]
        largest = min(CHUNK, self._pacing.chunk)
        start = given = 0
        while start < len(ids):
            share = len(ids) - start
            if workers > 1:
                share = max(FEWEST, -(-share // (2 * workers)))
            size = min(largest, share)
            if given < workers:
                size = max(min(size, FEWEST), size * (given + 1) // workers)
            yield ids[start : start + size]
            start += size
            given += 1

    def _unsent(self) -> list[int]:
        """List the items whose request has not been sent, by their end."""
        first = state_before(self._steps[0])
        if STATES.index(first) >= STATES.index("sent"):
            return []
        return self._store.open_ids(first, "requested")

    def _make_with(self, workers: int, steps: Sequence[Step]) -> None:
        """Have worker processes make keys and requests; replace those that die.

        Tokens are left for this process: it alone can ask for their PINs.
        """
        context = self._context
        context.settle_trust()
        deaths = 0
        while self._pacing.before(0):
            # Anew after a death: what the dead one was at is read from the disk.
            mine = replace(context, places=context.places.anew())
            chunks = list(self._chunk_ids(steps, workers, on_tokens=False))
            # Nobody waits in the middle of a chunk: in quiet hours all workers end.
            handed = Counted(self._pacing.going(chunks))
            items = map(self._store.items, handed)
            make_tables(self._store.items(a_few(list(chain(*chunks)))))
            # No process may touch what another one opened.
            self._store.close()
            context.claims.close()
            try:
                with Crew(mine, steps, min(workers, len(chunks))) as crew:
                    crew.run(
                        items,
                        self._progress,
                        to_the_end=steps == self._steps,
                        in_a_pause=self._store.in_a_pause,
                    )
                if handed.count == len(chunks):
                    return
            except WorkerDied:
                deaths += 1
                if deaths > MOST_DEATHS:
                    raise
            clean(self._store, context.folder, context.tokens)


def make_tables(items: Sequence[Item]) -> None:
    """Have the tables of their curves made, once and not in each process to come."""
    for one in items:
        with contextlib.suppress(GostKeyError):
            Work(one).old_certificate.public_key  # noqa: B018


class Counted:
    """Chunks as they are handed out, and how many were."""

    def __init__(self, chunks: Iterator[Sequence[int]]) -> None:
        self._chunks = chunks
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[int]]:
        for one in self._chunks:
            self.count += 1
            yield one


def is_unsent(one: Item) -> bool:
    """Say whether an item's request is still to be sent."""
    return STATES.index(one.state) < STATES.index("sent")
