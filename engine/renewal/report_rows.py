"""The rows of a report: one record a key, read when they are asked for.

The records are JSON-safe and hold nothing secret.  Of a campaign with many keys they
are read from its store page by page, so that a table of any length is written in the
memory of a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, overload

import sqlalchemy as sa

from .reasons import Reason, Verdict
from .records import parse_moment
from .rules import is_late
from .schema import item
from .store import Store

__all__ = ["COLUMNS", "StoredRows", "group_of", "row_of"]

Row = Mapping[str, Any]

PAGE = 1000
"""Rows that are read together."""

COLUMNS = (
    "id",
    "state",
    "owner",
    "inn",
    "container",
    "container_name",
    "slot",
    "old_begins",
    "old_ends",
    "new_begins",
    "new_ends",
    "new_folder",
    "new_name",
    "reason",
    "text",
    "cure",
    "note",
    "request_id",
    "sent_at",
    "archive",
    "backup",
    "source",
)
"""Columns of ``item`` that a row is made of: no certificate, no request."""


class StoredRows(Sequence[Row]):
    """The rows of a campaign's report, as they stand when they are read."""

    def __init__(self, store: Store, now: datetime, count: int) -> None:
        """Take a store, which may be closed; it is opened again for reading.

        Args:
            store: the campaign's.
            now: the moment by which certificates are overdue.
            count: of the campaign's items, which never changes.
        """
        self._store = store
        self._now = now
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        return self.matching()

    def matching(self, *conditions: sa.ColumnElement[bool]) -> Iterator[Row]:
        """Read the rows of the items for which some conditions hold."""
        last = -1
        while True:
            page = self._page(item.c.id > last, *conditions)
            yield from page
            if len(page) < PAGE:
                return
            last = page[-1]["id"]

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self._count))]
        if not -self._count <= place < self._count:
            raise IndexError(place)
        (row,) = self._page(skip=place % self._count, most=1)
        return row

    def _page(
        self, *conditions: sa.ColumnElement[bool], skip: int = 0, most: int = PAGE
    ) -> list[Row]:
        query = (
            sa.select(*(item.c[name] for name in COLUMNS))
            .where(*conditions)
            .order_by(item.c.id)
            .limit(most)
            .offset(skip)
        )
        return [row_of(one, self._now) for one in self._store.rows(query)]


def row_of(one: Any, now: datetime) -> dict[str, Any]:
    """Make a row.

    Args:
        one: has `COLUMNS` as attributes.
        now: the moment by which certificates are overdue.
    """
    late, note = False, one.note or ""
    group = group_of(one.state, one.reason)
    if group == "waiting" and one.sent_at is not None:
        waited = now - parse_moment(one.sent_at)
        late = is_late(parse_moment(one.sent_at), now)
        if late:
            note = "; ".join(
                filter(
                    None,
                    [
                        note,
                        f"no certificate for {_hours(waited)}: ask the authority "
                        f"for request {one.request_id}, then run gostkey renew "
                        "receive",
                    ],
                )
            )
    return {
        "id": one.id,
        "group": group,
        "state": one.state,
        "owner": one.owner,
        "inn": one.inn,
        "container": one.container,
        "container_name": one.container_name,
        "slot": one.slot,
        "old_begins": one.old_begins,
        "old_ends": one.old_ends,
        "new_begins": one.new_begins,
        "new_ends": one.new_ends,
        "new_container": one.new_folder,
        "new_name": one.new_name,
        "reason": one.reason,
        "text": one.text,
        "cure": one.cure,
        "note": note or None,
        "late": late,
        "request_id": one.request_id,
        "sent_at": one.sent_at,
        "archive": one.archive,
        "backup": one.backup,
        "source": one.source,
    }


def group_of(state: str, reason: str | None) -> str:
    """Say in which group of `report.GROUPS` an item is that has come so far."""
    if reason is None:
        if state == "backed-up":
            return "renewed"
        return "waiting" if state == "sent" else "unfinished"
    kind = Verdict(Reason(reason), "", "").kind
    if kind == "skipped":
        return "not-due"
    if kind == "refused":
        return "refused"
    return "unreadable" if state == "due" else "failed"


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60:02d} min"
