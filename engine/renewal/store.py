"""The campaign's memory: a SQLite file that a crash cannot spoil.

Every step of every item is written before it begins and after it has ended,
the items of a chunk in one transaction.  Write-ahead log with a sync at every
commit: what was committed survives a power cut.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gostkey.errors import CampaignError, MediumError

from .reasons import Reason, Verdict
from .schema import (
    SCHEMA_VERSION,
    STATES,
    campaign,
    item,
    journal,
    metadata,
    randomness,
    row_error,
)
from .subscribers import RowError

STORE_NAME = "campaign.sqlite"
_AT_ONCE = 512
"""Items that are put into the store in one statement."""


@dataclass
class Item:
    """One key to be renewed; the fields are the columns of the table ``item``."""

    id: int
    source: str
    container: str
    container_name: str
    slot: str
    password_file: str | None
    new_password_file: str | None
    pin_file: str | None
    new_pin_file: str | None
    owner: str
    inn: str
    old_begins: str | None
    old_ends: str | None
    old_certificate: bytes | None
    curve: str | None
    usage: str | None
    exportable: bool | None
    destination: str | None
    new_name: str | None
    new_folder: str | None
    moving_to: str | None
    public_key: bytes | None
    request: bytes | None
    request_id: str | None
    sent_at: str | None
    certificate: bytes | None
    new_begins: str | None
    new_ends: str | None
    archive: str | None
    backup: str | None
    state: str
    reason: str | None
    text: str | None
    cure: str | None
    note: str | None

    @property
    def verdict(self) -> Verdict | None:
        """Give why the item stopped, or None."""
        if self.reason is None:
            return None
        return Verdict(Reason(self.reason), self.text or "", self.cure or "")

    @property
    def has_failed(self) -> bool:
        """Say whether the item stopped for a fault, not by a rule."""
        return self.verdict is not None and self.verdict.kind == "failed"

    @property
    def is_open(self) -> bool:
        """Say whether a step is still to be done and nothing forbids it."""
        return self.reason is None and self.state in STATES[1:-1]

    def label(self) -> str:
        """Name the item in messages: owner and container."""
        return f"{self.owner} ({self.container})" if self.owner else self.container


ITEM_FIELDS = tuple(one.name for one in fields(Item))


@dataclass(frozen=True)
class Change:
    """What a step is about to do, or did, to one item."""

    item_id: int
    step: str
    phase: str
    """"before", then "after", "refused" or "failed"."""
    values: Mapping[str, Any]
    """New values of columns of ``item``."""
    detail: Mapping[str, Any]
    """For the journal; JSON-safe and without secrets."""


class Store:
    """The open store of one campaign; close it, or use it as a context."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / STORE_NAME
        url = sa.URL.create("sqlite", database=str(self.path))
        self._engine = sa.create_engine(url)
        sa.event.listen(self._engine, "connect", _configure)
        sa.event.listen(self._engine, "begin", _begin)

    # -- making and opening ------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: Path,
        settings: Mapping[str, Any],
        at: datetime,
        items: Iterable[Item] | None = None,
        errors: Iterable[RowError] = (),
    ) -> Store:
        """Make the store in *folder*, readable by its owner only.

        With *items* the campaign is there as a whole or not at all; without
        them its phase is "preparing" until `fill`.

        Raises:
            CampaignError: if there is one already.
            MediumError: if the folder cannot be written.
        """
        cls.refuse_second(folder)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(folder / STORE_NAME, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise MediumError(
                f"{folder}: the campaign's folder cannot be written: "
                f"{error.strerror or error}; choose another one"
            ) from error
        store = cls(folder)
        with store._writing() as connection:
            metadata.create_all(connection)
            connection.execute(
                campaign.insert().values(
                    id=1,
                    schema_version=SCHEMA_VERSION,
                    created_at=moment(at),
                    phase="preparing",
                    settings=json.dumps(settings, ensure_ascii=False),
                )
            )
            if items is not None:
                _fill(connection, items, errors, at)
        return store

    @classmethod
    def refuse_second(cls, folder: Path) -> None:
        """Raise CampaignError if there is a campaign in *folder*."""
        if cls.exists(folder):
            raise CampaignError(
                f"{folder}: there is a campaign already; go on with it (gostkey "
                "renew resume), or choose another folder for a new one"
            )

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open the store in *folder*.

        Raises:
            CampaignError: if there is none, or it is of another version.
        """
        if not cls.exists(folder):
            raise CampaignError(
                f"{folder}: there is no campaign; begin one with gostkey renew run"
            )
        store = cls(folder)
        with store._reading() as connection:
            version = connection.execute(sa.select(campaign.c.schema_version)).scalar()
        if version != SCHEMA_VERSION:
            raise CampaignError(
                f"{store.path}: its version is {version} and this program knows "
                f"{SCHEMA_VERSION}; use the version of gostkey that made it"
            )
        return store

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """Say whether *folder* holds a campaign.

        An empty file, or one without tables, is what a run leaves that was
        killed before it had begun; it is no campaign yet.
        """
        path = folder / STORE_NAME
        if not path.is_file() or (
            path.stat().st_size == 0
            and not path.with_name(STORE_NAME + "-wal").exists()
        ):
            return False
        store = cls(folder)
        try:
            with store._reading() as connection:
                names = sa.inspect(connection).get_table_names()
                if campaign.name not in names:
                    return False
                count = sa.select(sa.func.count()).select_from(campaign)
                return bool(connection.execute(count).scalar())
        finally:
            store.close()

    def close(self) -> None:
        """Close the file; it is opened again when it is needed.

        Before a fork: no process may touch what another one opened.
        """
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the campaign ------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Read what the campaign was begun with."""
        with self._reading() as connection:
            text = connection.execute(sa.select(campaign.c.settings)).scalar_one()
        return dict(json.loads(text))

    def phase(self) -> str:
        """Say "preparing" or "planned"."""
        with self._reading() as connection:
            return str(connection.execute(sa.select(campaign.c.phase)).scalar_one())

    def created_at(self) -> datetime:
        """Say when the campaign was begun."""
        with self._reading() as connection:
            return parse_moment(
                connection.execute(sa.select(campaign.c.created_at)).scalar_one()
            )

    def fill(
        self,
        items: Iterable[Item],
        errors: Iterable[RowError],
        settings: Mapping[str, Any],
        at: datetime,
    ) -> None:
        """Put the planned items in: all or, after an error, none.

        The phase becomes "planned".  Items are taken as they come, and forgotten.
        """
        with self._writing() as connection:
            text = json.dumps(settings, ensure_ascii=False)
            connection.execute(campaign.update().values(settings=text))
            _fill(connection, items, errors, at)

    def row_errors(self) -> list[RowError]:
        """Read the rows of the list that could not be used."""
        with self._reading() as connection:
            found = connection.execute(sa.select(row_error).order_by(row_error.c.id))
            return [RowError(row.line, row.text, row.cure) for row in found]

    # -- items -------------------------------------------------------------

    def items(self, ids: Sequence[int] | None = None) -> list[Item]:
        """Read items in their order: all of them, or those with *ids*."""
        query = sa.select(item).order_by(item.c.id)
        if ids is not None:
            query = query.where(item.c.id.in_(list(ids)))
        with self._reading() as connection:
            return [Item(*row) for row in connection.execute(query)]

    def open_ids(
        self,
        from_state: str = "planned",
        to_state: str = STATES[-2],
        *,
        on_tokens: bool = True,
    ) -> list[int]:
        """List the items on which something is still to be done, by their end.

        Args:
            from_state: leave out those that have not come so far.
            to_state: leave out those that have come farther.
            on_tokens: False to leave out those with a container on a token, or a key
                that it makes itself.
        """
        states = STATES[STATES.index(from_state) : STATES.index(to_state) + 1]
        query = (
            sa.select(item.c.id)
            .where(item.c.reason.is_(None), item.c.state.in_(states))
            .order_by(item.c.old_ends, item.c.id)
        )
        if not on_tokens:
            for place in (item.c.container, item.c.destination):
                query = query.where(place.not_like("token:%"))
            query = query.where(item.c.destination.not_like("chip:%"))
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def find_ids(
        self,
        *,
        number: int | None = None,
        named: Sequence[str] = (),
        reason: Reason | None = None,
        state_is_not: str | None = None,
    ) -> list[int]:
        """List the items that a person means, or that stopped for a reason.

        Args:
            number: the item's own.
            named: places and names of its containers, or its request's, any of them.
            reason: for which it stopped.
            state_is_not: leave out those in this state.
        """
        query = sa.select(item.c.id).order_by(item.c.id)
        if number is not None:
            query = query.where(item.c.id == number)
        if named:
            columns = (
                *(item.c.container, item.c.container_name, item.c.new_folder),
                *(item.c.new_name, item.c.request_id),
            )
            query = query.where(sa.or_(*(one.in_(list(named)) for one in columns)))
        if reason is not None:
            query = query.where(item.c.reason == reason.value)
        if state_is_not is not None:
            query = query.where(item.c.state != state_is_not)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def archived_ids(self) -> list[int]:
        """List the items that have a copy of their old container."""
        query = sa.select(item.c.id).where(item.c.archive.is_not(None))
        with self._reading() as connection:
            return list(connection.execute(query.order_by(item.c.id)).scalars())

    def begun_on_tokens(self) -> list[Item]:
        """List the items for which something is to be written to a token."""
        query = sa.select(item).where(
            sa.or_(
                sa.and_(item.c.state == "planned", item.c.new_folder.like("token:%")),
                item.c.moving_to.is_not(None),
            )
        )
        with self._reading() as connection:
            return [Item(*row) for row in connection.execute(query)]

    def count_states(self) -> dict[str, int]:
        """Count the items on which something is still to be done, by state."""
        query = (
            sa.select(item.c.state, sa.func.count())
            .where(item.c.reason.is_(None))
            .group_by(item.c.state)
        )
        with self._reading() as connection:
            return {state: count for state, count in connection.execute(query)}

    def count_planned(self, reasons: Iterable[str | None]) -> int:
        """Count the items that have no key yet and stopped for one of *reasons*."""
        wanted = set(reasons)
        codes = sorted(one for one in wanted if one is not None)
        stopped = [item.c.reason.in_(codes)]
        if None in wanted:
            stopped.append(item.c.reason.is_(None))
        query = (
            sa.select(sa.func.count())
            .select_from(item)
            .where(item.c.state == "planned", sa.or_(*stopped))
        )
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def reopen(self, reasons: Iterable[Reason]) -> int:
        """Clear the failures for *reasons*, so that they are tried again."""
        codes = [reason.value for reason in reasons]
        change = (
            item.update()
            .where(item.c.reason.in_(codes), item.c.state.in_(STATES[1:-1]))
            .values(reason=None, text=None, cure=None)
        )
        with self._writing() as connection:
            return int(connection.execute(change).rowcount)

    # -- the journal -------------------------------------------------------

    def record(self, changes: Sequence[Change], at: datetime) -> None:
        """Write the journal and the items' new values, in one transaction.

        Called before each step of a chunk and after it; nothing else changes
        an item.
        """
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for change in changes:
            if change.values:
                columns = tuple(sorted(change.values))
                row = {**change.values, "item_id": change.item_id}
                by_columns.setdefault(columns, []).append(row)
        with self._writing() as connection:
            for columns, rows in by_columns.items():
                update = (
                    item.update()
                    .where(item.c.id == sa.bindparam("item_id"))
                    .values({name: sa.bindparam(name) for name in columns})
                )
                _many(connection, ("item", *columns), update, rows)
            _write_journal(connection, at, changes)

    def begun(self, step: str) -> set[int]:
        """List the items for which *step* was ever begun."""
        query = sa.select(journal.c.item_id).where(
            journal.c.step == step, journal.c.phase == "before"
        )
        with self._reading() as connection:
            return set(connection.execute(query).scalars())

    def interrupted(self) -> dict[int, str]:
        """List the items whose last step was begun and has no outcome yet."""
        last = sa.select(sa.func.max(journal.c.id)).group_by(journal.c.item_id)
        query = sa.select(journal.c.item_id, journal.c.step).where(
            journal.c.id.in_(last), journal.c.phase == "before"
        )
        with self._reading() as connection:
            return {row.item_id: row.step for row in connection.execute(query)}

    def history(self, item_id: int | None = None) -> list[dict[str, Any]]:
        """Read the journal, oldest first, for one item or for all."""
        query = sa.select(journal).order_by(journal.c.id)
        if item_id is not None:
            query = query.where(journal.c.item_id == item_id)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [{**row, "detail": json.loads(row["detail"])} for row in rows]

    # -- randomness --------------------------------------------------------

    def record_randomness(
        self, kind: str, detail: Mapping[str, Any], at: datetime
    ) -> None:
        """Write how random numbers were had; without secrets."""
        values = {"at": moment(at), "kind": kind, "detail": _json(dict(detail))}
        with self._writing() as connection:
            connection.execute(randomness.insert().values(values))

    def randomness(self) -> list[dict[str, Any]]:
        """Read what `record_randomness` wrote, oldest first."""
        query = sa.select(randomness).order_by(randomness.c.id)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [{**row, "detail": json.loads(row["detail"])} for row in rows]

    # -- connections -------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._faults(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._faults(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.OperationalError as error:
            raise MediumError(
                f"{self.path}: {error.orig}; free or unlock the disk, then run resume"
            ) from error
        except sa.exc.DatabaseError as error:
            if isinstance(error, sa.exc.IntegrityError):
                raise
            raise CampaignError(
                f"{self.path}: is not a campaign's store, or is damaged "
                f"({error.orig}); take it from a backup"
            ) from error


_json = json.JSONEncoder(ensure_ascii=False).encode


def moment(at: datetime) -> str:
    """Write a moment as ISO 8601 in UTC."""
    return at.astimezone(timezone.utc).isoformat()


def parse_moment(text: str) -> datetime:
    """Read a moment that `moment` wrote."""
    return datetime.fromisoformat(text)


def _row(one: Item) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ITEM_FIELDS}


def _fill(
    connection: sa.Connection,
    items: Iterable[Item],
    errors: Iterable[RowError],
    at: datetime,
) -> None:
    coming = iter(items)
    while some := list(islice(coming, _AT_ONCE)):
        connection.execute(item.insert(), [_row(one) for one in some])
        changes = [
            Change(
                one.id,
                "planned",
                one.verdict.kind if one.verdict else "after",
                {},
                _plan_detail(one),
            )
            for one in some
        ]
        _write_journal(connection, at, changes)
    rows = [{"line": one.line, "text": one.text, "cure": one.cure} for one in errors]
    if rows:
        connection.execute(row_error.insert(), rows)
    connection.execute(campaign.update().values(phase="planned"))


def _plan_detail(one: Item) -> dict[str, Any]:
    if one.reason is not None:
        return {"reason": one.reason, "text": one.text}
    return {"new_name": one.new_name, "destination": one.destination}


def _write_journal(
    connection: sa.Connection, at: datetime, changes: Sequence[Change]
) -> None:
    if not changes:
        return
    when = moment(at)
    insert = journal.insert().values(
        {name: sa.bindparam(name) for name in _JOURNAL_FIELDS}
    )
    rows = [
        dict(
            zip(
                _JOURNAL_FIELDS,
                (
                    when,
                    change.item_id,
                    change.step,
                    change.phase,
                    _json(dict(change.detail)),
                ),
                strict=True,
            )
        )
        for change in changes
    ]
    _many(connection, ("journal",), insert, rows)


_JOURNAL_FIELDS = ("at", "item_id", "step", "phase", "detail")
_compiled: dict[tuple[str, ...], tuple[str, list[str] | None]] = {}
"""Kind of database and statement to its text and the order of its values."""


def _many(
    connection: sa.Connection,
    name: tuple[str, ...],
    statement: sa.Insert | sa.Update,
    rows: list[dict[str, Any]],
) -> None:
    """Execute a statement for many rows, whose values the driver takes as they are.

    As `connection.execute`, which looks at each value of each row: most of the time
    that a chunk's journal would cost.
    """
    key = (connection.dialect.name, connection.dialect.driver, *name)
    if key not in _compiled:
        compiled = statement.compile(dialect=connection.dialect)
        _compiled[key] = str(compiled), compiled.positiontup
    text, order = _compiled[key]
    values: list[Any] = rows
    if order is not None:
        values = [tuple(row[name] for name in order) for row in rows]
    connection.exec_driver_sql(text, values)


def _configure(connection: sqlite3.Connection, _: object) -> None:
    # SQLAlchemy's recipe: the driver must not open transactions by itself, or
    # the tables would not be made in one.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=10000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


Clock = Callable[[], datetime]
"""Gives the present moment, aware; UTC unless the caller likes another zone."""
