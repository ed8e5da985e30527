"""A campaign's rows one after the other, however many there are.

They are the rows of `Report`, read without the requests and certificates, some at a
time; nothing is kept.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..report import row_of
from ..storage.schema import item, row_error
from ..storage.store import Store

__all__ = ["COLUMNS", "broken_rows", "csv_of", "rows", "stopped_rows"]

_LIGHT = [one for one in item.c if not isinstance(one.type, sa.LargeBinary)]

COLUMNS = (
    "id",
    "status",
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
    "new_container",
    "new_name",
    "reason",
    "text",
    "cure",
    "note",
    "late",
    "request_id",
    "sent_at",
    "archive",
    "backup",
    "source",
)
"""Of the CSV file; ``status`` is the group, the others are as in `Report.rows`."""


def rows(
    store: Store, now: datetime, *, most: int | None = None
) -> Iterator[dict[str, Any]]:
    """Read all rows in their order, or the first ones.

    Args:
        store: of the campaign, open.
        now: the moment by which certificates are overdue.
        most: how many at most.
    """
    query = sa.select(*_LIGHT).order_by(item.c.id)
    return _read(store, now, query if most is None else query.limit(most))


def stopped_rows(store: Store, now: datetime) -> Iterator[dict[str, Any]]:
    """Read the rows of the keys that were stopped, those without need among them."""
    query = sa.select(*_LIGHT).where(item.c.reason.is_not(None)).order_by(item.c.id)
    return _read(store, now, query)


def broken_rows(store: Store) -> Iterator[dict[str, Any]]:
    """Read the rows of the list that could not be used, as rows of a report."""
    for row in store.rows(sa.select(row_error).order_by(row_error.c.id)):
        yield {
            "group": "unreadable",
            "reason": "list-row",
            "text": row.text,
            "cure": row.cure,
            "source": f"line {row.line} of the list",
        }


def _read(
    store: Store, now: datetime, query: sa.Select[Any]
) -> Iterator[dict[str, Any]]:
    begun = store.created_at()
    return (row_of(row, begun, now) for row in store.rows(query))


def csv_of(found: Iterable[Mapping[str, Any]], *, bom: bool = False) -> Iterator[bytes]:
    """Write rows as CSV (RFC 4180) in UTF-8: a heading, then a line each.

    A cell that a table program would take for a formula gets an apostrophe before it;
    a NUL becomes U+FFFD.

    Args:
        found: rows, as `rows` gives them.
        bom: begin with a byte order mark, by which Excel knows UTF-8.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    if bom:
        buffer.write("\ufeff")
    writer.writerow(COLUMNS)
    for row in found:
        writer.writerow(
            [_cell(row.get("group" if one == "status" else one)) for one in COLUMNS]
        )
        if buffer.tell() >= 1 << 16:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "backslashreplace")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    # A NUL is written by the csv of Python 3.11 and later only, and read by few.
    text = str(value).replace("\x00", "\ufffd")
    # Also behind blanks, which table programs skip; OWASP, "CSV Injection".
    if text.lstrip(" \u00a0")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%"):
        return f"'{text}"
    return text
