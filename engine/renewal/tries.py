"""Which keys a campaign has tried before, and how many it began since a moment.

A limit counts the keys on which work is begun.  One that was begun in an earlier run
is gone on with whatever the limit is, and one that could not be begun comes after all
others: else a few that fail each time would take all places, and no other key ever had
its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from .storage.schema import STATES, journal
from .storage.store import Store, moment

_MAKING = STATES[2]
"""The step with which work on a key begins; what came before was planned."""


def untried(store: Store, ids: Sequence[int]) -> list[int]:
    """Leave only the items on which no run has begun work, in their order.

    Those for which a run found, before it began, that they cannot be done come last:
    they wait for a medium or a password, and others need not wait for them.
    """
    is_begun = sa.func.max(sa.case((journal.c.phase == "before", 1), else_=0))
    query = (
        sa.select(journal.c.item_id, is_begun)
        .where(journal.c.step == _MAKING)
        .group_by(journal.c.item_id)
    )
    tried = {number: bool(begun) for number, begun in store.read(query)}
    never = [one for one in ids if one not in tried]
    return never + [one for one in ids if tried.get(one) is False]


def begun_since(store: Store, since: datetime) -> int:
    """Count the keys whose making was first begun at *since* or later.

    One that failed before anything of it was made, for want of its medium or its
    password, is none of them.
    """
    latest = sa.select(journal.c.at).order_by(journal.c.id.desc()).limit(1)
    if not any(at >= moment(since) for (at,) in store.read(latest)):
        # The journal need not be read through: most campaigns are old.
        return 0
    begun = (
        sa.select(journal.c.item_id)
        .where(journal.c.step == _MAKING, journal.c.phase == "before")
        .group_by(journal.c.item_id)
        .having(sa.func.min(journal.c.at) >= moment(since))
    )
    ((count,),) = store.read(sa.select(sa.func.count()).select_from(begun.subquery()))
    return int(count)
