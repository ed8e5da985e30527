"""What is written into a campaign's tables, in whichever database they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from json.encoder import encode_basestring as _quoted
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from gostkey import batch

from ..planning.subscribers import RowError
from .records import (
    FOUND_FIELDS,
    ITEM_FIELDS,
    PLANNED_FIELDS,
    Change,
    Item,
    moment,
    planned_row_of,
    row_of,
)
from .schema import campaign, item, journal, row_error
from .who import who

AT_ONCE = 512
"""Items that are put into the store in one statement."""

_encode = json.JSONEncoder(ensure_ascii=False).encode


def as_json(values: Mapping[str, Any]) -> str:
    """Write a JSON object; faster than the encoder for texts, which most values are."""
    members = [f"{_quoted(name)}: {_value(one)}" for name, one in values.items()]
    return "{" + ", ".join(members) + "}"


def _value(one: object) -> str:
    if type(one) is str:
        return _quoted(one)
    if one is True or one is False:
        return "true" if one else "false"
    return _encode(one)


Row = tuple[tuple[Any, ...], str, str]
"""A planned item as `fill` puts it in: the values of `PLANNED_FIELDS`, and phase and
detail of its first line of the journal."""


def planned_row(one: Item) -> Row:
    """Make ready what `fill` puts in, of an item that no step has changed."""
    return planned_row_of(one), *_first_line(one)


def fill(
    connection: sa.Connection,
    items: Iterable[Item] | Iterable[Row],
    errors: Iterable[RowError],
    at: datetime,
) -> None:
    """Put the items of a new campaign in, as they come, and what was planned."""
    coming: Iterator[Item | Row] = iter(items)
    when, by = moment(at), who()
    while some := list(islice(coming, AT_ONCE)):
        rows = [
            (row_of(one), *_first_line(one)) if isinstance(one, Item) else one
            for one in some
        ]
        fields = ITEM_FIELDS if isinstance(some[0], Item) else PLANNED_FIELDS
        insert = item.insert().values({name: sa.bindparam(name) for name in fields})
        _many(connection, insert, "items", fields, [values for values, *_ in rows])
        pick = itemgetter(*map(fields.index, FOUND_FIELDS))
        found = found_digests([pick(values) for values, *_ in rows])
        lines = [
            (when, by, values[0], "planned", phase, _with_found(detail, one))
            for (values, phase, detail), one in zip(rows, found, strict=True)
        ]
        _insert_journal(connection, lines)
    broken = [{"line": one.line, "text": one.text, "cure": one.cure} for one in errors]
    if broken:
        connection.execute(row_error.insert(), broken)
    connection.execute(campaign.update().values(phase="planned"))


def _with_found(detail: str, digest: str) -> str:
    return f'{detail[:-1]}, "found": "{digest}"}}'


def found_digests(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Give Streebog-256 of what was found and planned of items, in hex.

    With it the journal, and so the audit log, vouches for what never changes again,
    and has neither owner nor INN in it.

    Args:
        rows: the values of `FOUND_FIELDS` of each item.
    """
    texts = [_encode(list(row)).encode("utf-8", "surrogatepass") for row in rows]
    return hex_digests(texts)


def hex_digests(texts: Sequence[bytes]) -> list[str]:
    """Give Streebog-256 of many texts, in hex; faster than one by one."""
    found = batch.digest(texts, 256, threads=1).tobytes().hex()
    return [found[at : at + 64] for at in range(0, len(found), 64)]


def _first_line(one: Item) -> tuple[str, str]:
    """Give phase and detail of what the journal says of an item first."""
    why = one.verdict
    if why is not None:
        return why.kind, as_json({"reason": one.reason, "text": one.text})
    detail = {"new_name": one.new_name, "destination": one.destination}
    return "after", as_json(detail)


def write_changes(
    connection: sa.Connection, changes: Sequence[Change], at: datetime
) -> None:
    """Write the items' new values and the journal."""
    by_item: dict[int, Mapping[str, Any]] = {}
    for change in changes:
        if change.values:
            earlier = by_item.get(change.item_id)
            now = change.values if earlier is None else {**earlier, **change.values}
            by_item[change.item_id] = now
    by_columns: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for number, values in by_item.items():
        row = (*values.values(), number)
        by_columns.setdefault(tuple(values), []).append(row)
    for columns, rows in by_columns.items():
        update = (
            item.update()
            .where(item.c.id == sa.bindparam("item_id"))
            .values({name: sa.bindparam(name) for name in columns})
        )
        _many(connection, update, "item", (*columns, "item_id"), rows)
    write_journal(connection, at, changes)


def write_journal(
    connection: sa.Connection, at: datetime, changes: Sequence[Change]
) -> None:
    """Write the journal alone; every line but an item's first goes through here."""
    if not changes:
        return
    when, by = moment(at), who()
    rows = [
        (when, by, one.item_id, one.step, one.phase, _detail(one.detail))
        for one in changes
    ]
    _insert_journal(connection, rows)


def _insert_journal(connection: sa.Connection, rows: list[tuple[Any, ...]]) -> None:
    insert = journal.insert().values(
        {name: sa.bindparam(name) for name in _JOURNAL_FIELDS}
    )
    _many(connection, insert, "journal", _JOURNAL_FIELDS, rows)


def _detail(values: Mapping[str, Any]) -> str:
    return as_json(values) if values else "{}"


_JOURNAL_FIELDS = ("at", "who", "item_id", "step", "phase", "detail")
_compiled: dict[tuple[str, ...], tuple[str, list[str] | None]] = {}
"""Kind of database and statement to its text and the order of its values."""


def _many(
    connection: sa.Connection,
    statement: sa.Insert | sa.Update,
    name: str,
    columns: tuple[str, ...],
    rows: list[tuple[Any, ...]],
) -> None:
    """Execute a statement for many rows, whose values the driver takes as they are.

    As `connection.execute`, which looks at each value of each row: most of the time
    that a chunk's journal would cost.

    Args:
        connection: in a transaction.
        statement: with a parameter for each of *columns*.
        name: tells it from others with the same columns.
        columns: what a row consists of, in order.
        rows: the values.
    """
    key = (connection.dialect.name, connection.dialect.driver, name, *columns)
    if key not in _compiled:
        compiled = statement.compile(dialect=connection.dialect)
        _compiled[key] = str(compiled), compiled.positiontup
    text, order = _compiled[key]
    if order is None:
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        connection.exec_driver_sql(text, named)
        return
    if tuple(order) != columns:
        pick = itemgetter(*map(columns.index, order))
        rows = list(map(pick, rows))
    connection.exec_driver_sql(text, rows)
