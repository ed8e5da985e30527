"""Which keys a campaign has tried before, and how many it began since a moment.

A limit counts the keys on which work is begun.  One that was begun in an earlier run
is gone on with whatever the limit is: else a few that fail each time would take all
places, and no other key ever had its turn.
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
    """Leave only the items on which no run has begun work, in their order."""
    query = sa.select(journal.c.item_id).where(journal.c.step == _MAKING).distinct()
    tried = {number for (number,) in store.read(query)}
    return [one for one in ids if one not in tried]


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
