"""A job: one chunk of a campaign, taken through all the steps that are open for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .. import collector
from ..chunks import WITH_AUTHORITY, do_step, parts
from ..pacing import CHUNK
from ..running import STEPS
from ..steps import Context, Work
from ..storage.postgres import PostgresDatabase
from ..storage.records import Change, Item
from ..storage.schema import STATES, item, journal
from ..storage.store import Store

SMALLEST = 64
"""Items of a chunk; fewer would be slow."""
MANY_CHUNKS = 16
"""Chunks that a campaign has if that does not make them too small or too large."""
_DONE_BY_JOBS = sa.and_(
    item.c.reason.is_(None),
    item.c.state.in_(STATES[1:-1]),
    item.c.container.not_like("token:%"),
    item.c.destination.not_like("token:%"),
    item.c.container.not_like("chip:%"),
    item.c.destination.not_like("chip:%"),
)
"""Tokens are at one station and want their PIN."""

Tell = Callable[..., None]


def chunk_size(store: Store) -> int:
    """Say how many items a chunk has; the same for all stations."""
    ((count,),) = store.read(sa.select(sa.func.max(item.c.id)))
    return max(SMALLEST, min(CHUNK, -(-(count or 0) // MANY_CHUNKS)))


def open_chunks(store: Store, size: int) -> dict[int, bool]:
    """List the chunks with open items, those first whose keys end first.

    Returns:
        Number of the chunk, from 1, to whether all that is open waits for an answer.
    """
    number = sa.func.div(item.c.id - 1, size)
    query = (
        sa.select(number, sa.func.min(sa.case((item.c.state == "sent", 1), else_=0)))
        .where(_DONE_BY_JOBS)
        .group_by(sa.text("1"))
        .order_by(sa.func.min(item.c.old_ends), sa.text("1"))
    )
    return {int(chunk) + 1: bool(waits) for chunk, waits in store.read(query)}


@dataclass
class ChunkJournal:
    """The journal as the steps of one chunk see it."""

    store: Store
    ids: Sequence[int]

    def record(self, changes: Sequence[Change], at: datetime) -> None:
        """Write changes; see `Store.record`."""
        self.store.record(changes, at)

    def wait(self) -> None:
        """Do nothing: what was recorded is on the disk."""

    def fingerprints(self, ids: Sequence[int]) -> dict[int, set[str]]:
        """List what the keys begun for items are known by; see `Store`."""
        return self.store.fingerprints(ids)

    def begun(self, step: str) -> set[int]:
        """List the items of the chunk for which *step* was ever begun."""
        query = sa.select(journal.c.item_id).where(
            journal.c.step == step,
            journal.c.phase == "before",
            journal.c.item_id.in_(list(self.ids)),
        )
        return {row[0] for row in self.store.read(query)}


def do_chunk(
    context: Context,
    store: Store,
    number: int,
    size: int,
    tell: Tell,
    is_stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Take a chunk's items through the steps, with its lock.

    Args:
        context: of the steps; the journal, and what is known of the items, are anew
            for each chunk, as others may have been at it.
        store: of the campaign, whose database is PostgreSQL.
        number: of the chunk.
        size: of all chunks.
        tell: is told ``"step", name, count``, and ``"chunk", items`` at the end.
        is_stopped: says that the authority is not to be asked any more.

    Returns:
        Whether there are items that wait for an answer.

    Raises:
        CampaignLocked: if another station is at it.
        GeneratorFailure: if the random generator fails.
    """
    database = store.database
    assert isinstance(database, PostgresDatabase)
    with database.holding(number):
        first = (number - 1) * size + 1
        query = (
            sa.select(item.c.id)
            .where(_DONE_BY_JOBS, item.c.id.between(first, first + size - 1))
            .order_by(item.c.id)
        )
        ids = [row[0] for row in store.read(query)]
        if not ids:
            return False
        mine = replace(context, store=ChunkJournal(store, ids), begun={})
        works = [Work(one) for one in store.items(ids)]
        try:
            with collector.seldom():
                for step in STEPS:
                    for part in parts(mine, step, works):
                        if step.name in WITH_AUTHORITY and is_stopped():
                            break
                        done = do_step(mine, step, part)
                        if done:
                            tell("step", step.name, done)
        finally:
            for work in works:
                work.wipe()
    items = [_without_bytes(work.item) for work in works]
    tell("chunk", items)
    return any(one.reason is None and one.state == "sent" for one in items)


def _without_bytes(one: Item) -> Item:
    """Leave out what is large and is not told."""
    none: dict[str, Any] = {"request": None, "certificate": None}
    return replace(one, **none, old_certificate=None)
