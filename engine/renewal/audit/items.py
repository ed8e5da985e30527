"""Whether the items of a store are where their outcomes in the journal left them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..answer_steps import state_after_stop
from ..reasons import NOTHING_TO_DO, REFUSALS, Reason
from ..storage.schema import ROLLED_BACK, STATES, item
from ..storage.store import Store

_BY_THE_CALENDAR = {Reason.LAST_DAY, Reason.EXPIRED, Reason.NOT_YET_VALID}
_FOR_GOOD = frozenset(one.value for one in REFUSALS - _BY_THE_CALENDAR | NOTHING_TO_DO)
"""After these nothing is tried again, so the reason stays with the item."""


@dataclass
class _Where:
    """Where an item is by the journal."""

    state: str = ""
    reason: str | None = None
    public_key: bytes | None = None
    request_id: str | None = None


class Outcomes:
    """Outcomes of the journal, added one by one; memory grows with the items."""

    def __init__(self) -> None:
        self._by_item: dict[int, _Where] = {}

    def add(self, row: sa.Row[Any]) -> None:
        """Add an outcome: a row of `lines.outcomes`."""
        _, _, _, item_id, _, step, phase, text = tuple(row)
        where = self._by_item.get(item_id)
        if where is None:
            where = self._by_item[item_id] = _Where()
        if step == ROLLED_BACK:
            # A rollback that failed leaves what was, and is finished later.
            if phase == "after":
                where.state = where.reason = ROLLED_BACK
            return
        if step not in STATES:
            return  # of copies, and of no state
        if phase == "after":
            where.state, where.reason = step, None
            if step == "keyed":
                where.public_key = _bytes(_read(text).get("public_key"))
            elif step == "requested":
                where.request_id = _read(text).get("request_id")
            return
        where.reason = str(_read(text).get("reason"))
        if step == "planned":
            where.state = "not-due" if phase == "skipped" else "due"
        else:
            where.state = state_after_stop(step, where.reason) or where.state

    def disagreements(self, store: Store) -> Iterator[str]:
        """Compare with the items of a store; say what differs, an item a sentence."""
        query = sa.select(
            item.c.id,
            item.c.state,
            item.c.reason,
            item.c.public_key,
            item.c.request_id,
        ).order_by(item.c.id)
        begun = store.begun(ROLLED_BACK)
        seen = 0
        for row in store.rows(query):
            where = self._by_item.get(row.id)
            if where is None:
                yield f"item {row.id} is in the store, and nothing in the journal"
                continue
            seen += 1
            if row.reason == ROLLED_BACK and row.id in begun:
                # Its rollback was begun, which is no outcome.
                where.reason = ROLLED_BACK
            wrong = _differs(row, where)
            if wrong:
                yield f"item {row.id}: {wrong}"
        if seen < len(self._by_item):
            yield "the journal tells of items that are not in the store"


def _differs(row: sa.Row[Any], where: _Where) -> str:
    if row.state != where.state:
        return f"its state is {row.state}, and {where.state} by the journal"
    # `resume` clears what it tries again; nothing else changes a reason.
    cleared = row.reason is None and where.reason not in _FOR_GOOD
    if row.reason != where.reason and not cleared:
        return f"its reason is {row.reason}, and {where.reason} by the journal"
    if row.public_key != where.public_key and _has(where.state, "keyed"):
        return "its new key is not the one of the journal"
    if row.request_id != where.request_id and _has(where.state, "requested"):
        return "its request is not the one of the journal"
    return ""


def _has(state: str, reached: str) -> bool:
    return state in STATES and STATES.index(state) >= STATES.index(reached)


def _read(detail: str) -> dict[str, Any]:
    try:
        found = json.loads(detail)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _bytes(text: object) -> bytes | None:
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        return None
