"""Whether the items of a store are as their outcomes in the journal left them.

What the journal of an earlier version does not tell is not compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from ..answer_steps import state_after_stop
from ..reasons import NOTHING_TO_DO, REFUSALS, Reason
from ..storage.records import FOUND_FIELDS
from ..storage.schema import ROLLED_BACK, STATES, item, row_error
from ..storage.store import Store
from ..storage.storing import found_digests, hex_digests
from ..undo.archives import PRUNED
from .lines import digest_of

_BY_THE_CALENDAR = {Reason.LAST_DAY, Reason.EXPIRED, Reason.NOT_YET_VALID}
_FOR_GOOD = frozenset(one.value for one in REFUSALS - _BY_THE_CALENDAR | NOTHING_TO_DO)
"""After these nothing is tried again, so the reason stays with the item."""

_UNTOLD = object()
"""In place of what the journal does not tell."""

_TOLD = {
    "planned": {"found": "found"},
    "keyed": {"public_key": "public_key", "new_folder": "folder"},
    "requested": {"request_id": "request_id"},
    "certified": {
        "certificate": "certificate",
        "new_begins": "begins",
        "new_ends": "ends",
    },
    "backed-up": {"archive": "archive", "backup": "backup"},
}
"""What each step has left in an item, and its name in the journal's details."""

_WORDS = {
    "key": "its old certificate",
    "found": "what was found and planned (owner, INN, dates, places or files)",
    "public_key": "its new key",
    "new_folder": "the place of its new container",
    "request_id": "its request",
    "certificate": "its new certificate",
    "new_begins": "the beginning of its new key",
    "new_ends": "the end of its new key",
    "archive": "the place of its old container's copy",
    "backup": "the place of its new container's copy",
    "text": "why it stopped",
}
_COLUMNS = (
    *("id", "state", "reason", "text", "public_key", "new_folder", "request_id"),
    *("new_begins", "new_ends", "archive", "backup"),
    *("old_certificate", "certificate"),
)
_AT_ONCE = 256
"""Items whose certificates are hashed together."""


@dataclass(slots=True)
class _Where:
    """Where an item is by the journal, and what its steps have left."""

    state: str = ""
    reason: str | None = None
    text: object = _UNTOLD
    found: object = _UNTOLD
    public_key: object = None
    new_folder: object = _UNTOLD
    """It is in the store before the step has an outcome."""
    request_id: object = None
    certificate: object = None
    new_begins: object = None
    new_ends: object = None
    archive: object = None
    backup: object = None


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
        if phase == "after":
            _has_done(where, step, text)
        elif step in STATES:
            _has_stopped(where, step, phase, text)
        # A rollback that failed leaves what was, and is finished later.

    def disagreements(self, store: Store) -> Iterator[str]:
        """Compare with the items of a store; say what differs, an item a sentence."""
        query = sa.select(*(item.c[name] for name in (*_COLUMNS, *FOUND_FIELDS)))
        begun = store.begun(ROLLED_BACK)
        seen = 0
        for row, in_hex in _as_told(store.rows(query.order_by(item.c.id))):
            where = self._by_item.get(row.id)
            if where is None:
                yield f"item {row.id} is in the store, and nothing in the journal"
                continue
            seen += 1
            if row.reason == ROLLED_BACK and row.id in begun:
                # Its rollback was begun, which is no outcome.
                where.reason, where.text = ROLLED_BACK, _UNTOLD
            wrong = "; ".join(_differences(row, in_hex, where))
            if wrong:
                yield f"item {row.id}: {wrong}"
        if seen < len(self._by_item):
            yield "the journal tells of items that are not in the store"


def bad_rows(store: Store) -> dict[str, Any]:
    """Tell of the rows of the list that could not be used, for the log."""
    columns = (row_error.c.line, row_error.c.text, row_error.c.cure)
    rows = store.rows(sa.select(*columns).order_by(row_error.c.id))
    texts = [json.dumps(list(row)) for row in rows]
    return {"rows": len(texts), "digest": digest_of("\n".join(texts).encode())}


def _has_done(where: _Where, step: str, text: str) -> None:
    if step == ROLLED_BACK:
        where.state = where.reason = ROLLED_BACK
        where.text = _UNTOLD
        where.backup = _read(text).get("moved_to") or where.backup
    elif step == PRUNED:
        where.archive = None
    elif step in STATES:
        where.state, where.reason = step, None
        names = _TOLD.get(step)
        if names is not None:
            said = _read(text)
            for column, name in names.items():
                setattr(where, column, said.get(name, _UNTOLD))
        elif step == "installed" and text != "{}":
            # On a token the container is written to another place with its certificate.
            where.new_folder = _read(text).get("folder", where.new_folder)


def _has_stopped(where: _Where, step: str, phase: str, text: str) -> None:
    said = _read(text)
    where.reason, where.text = str(said.get("reason")), said.get("text", _UNTOLD)
    if step == "planned":
        where.state = "not-due" if phase == "skipped" else "due"
        where.found = said.get("found", _UNTOLD)
        return
    where.state = state_after_stop(step, where.reason) or where.state
    if where.state == "sent":
        where.certificate = where.new_begins = where.new_ends = None


def _as_told(
    rows: Iterable[sa.Row[Any]],
) -> Iterator[tuple[sa.Row[Any], dict[str, object]]]:
    """Give items, and in hex what they have that the journal tells so."""
    coming = iter(rows)
    while some := list(islice(coming, _AT_ONCE)):
        old = hex_digests([row.old_certificate or b"" for row in some])
        new = hex_digests([row.certificate or b"" for row in some])
        found = found_digests([tuple(row)[len(_COLUMNS) :] for row in some])
        for at, row in enumerate(some):
            key = row.public_key
            digests: dict[str, object] = {
                "key": None if row.old_certificate is None else old[at],
                "certificate": None if row.certificate is None else new[at],
                "found": found[at],
                "public_key": None if key is None else key.hex(),
            }
            yield row, digests


def _differences(
    row: sa.Row[Any], in_hex: dict[str, object], where: _Where
) -> Iterator[str]:
    if row.state != where.state:
        yield f"its state is {row.state}, and {where.state} by the journal"
    # `resume` clears what it tries again; nothing else changes a reason.
    cleared = row.reason is None and where.reason not in _FOR_GOOD
    if row.reason != where.reason and not cleared:
        yield f"its reason is {row.reason}, and {where.reason} by the journal"
    for column, words in _WORDS.items():
        told = row.fingerprint if column == "key" else getattr(where, column)
        if column == "text" and (row.reason is None or row.reason != where.reason):
            continue
        now = in_hex[column] if column in in_hex else getattr(row, column)
        if told is not _UNTOLD and now != told:
            yield f"{words} is not the one of the journal"


def _read(detail: str) -> dict[str, Any]:
    try:
        found = json.loads(detail)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
