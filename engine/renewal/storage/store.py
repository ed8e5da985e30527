"""The campaign's memory: a database that a crash cannot spoil.

Every step of every item is written before it begins and after it has ended,
the items of a chunk in one transaction.  What was committed survives a power cut.
Which database it is, is a matter of `databases`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gostkey.errors import CampaignError, MediumError

from ..planning.subscribers import RowError
from ..reasons import Reason
from .address import remembered
from .databases import PART_NAME, STORE_NAME, Database, SqliteDatabase, patient
from .postgres import PostgresDatabase
from .records import ITEM_FIELDS, Change, Clock, Item, moment, parse_moment
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
from .storing import AT_ONCE, Row, as_json, fill, write_changes

__all__ = [
    "ITEM_FIELDS",
    "PART_NAME",
    "STORE_NAME",
    "Change",
    "Clock",
    "Item",
    "Store",
    "database_of",
    "moment",
    "parse_moment",
]


def database_of(folder: Path, url: str | None = None) -> Database:
    """Tell where the store of the campaign in *folder* is.

    Args:
        folder: the campaign's.
        url: of a PostgreSQL database; without it the one that the folder remembers,
            or else the file in the folder.

    Raises:
        CampaignError: if *url* cannot be used.
    """
    url = url or remembered(folder)
    return SqliteDatabase(folder) if url is None else PostgresDatabase(folder, url)


_GO_ON = (
    "; go on with it (gostkey renew resume), or choose another folder for a new one "
    "(--campaign)"
)
_NOTHING_PLANNED = (
    ", in which no key was renewed or is to be; begin the new one in another folder "
    "(--campaign)"
)


class Store:
    """The open store of one campaign; close it, or use it as a context."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.where = database.where
        self.after_record: Callable[[], object] = nothing
        """Is called after each `record`, by the process that made it."""
        self.in_a_pause: Callable[[], float | None] = nothing
        """Is called when there is time: see `AuditLog.use_pause`."""

    # -- making and opening ------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: Path,
        settings: Mapping[str, Any],
        at: datetime,
        items: Iterable[Item] | Iterable[Row] | None = None,
        errors: Iterable[RowError] = (),
        *,
        url: str | None = None,
    ) -> Store:
        """Make the store in *folder* or at *url*, for its owner only.

        With *items* the campaign is there as a whole or not at all; without
        them its phase is "preparing" until `fill`.

        Raises:
            CampaignError: if there is one already.
            MediumError: if the folder cannot be written.
            StoreLost: if the database does not answer; then nothing is made.
        """
        cls.refuse_second(folder, url)
        database = database_of(folder, url)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            database.prepare()
        except OSError as error:
            if isinstance(error, MediumError):
                raise
            raise MediumError(
                f"{folder}: the campaign's folder cannot be written: "
                f"{error.strerror or error}; choose another one"
            ) from error
        store = cls(database)
        with database.beginning() as connection:
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
                fill(connection, items, errors, at)
        return store

    @classmethod
    def refuse_second(cls, folder: Path, url: str | None = None) -> None:
        """Raise CampaignError if there is a campaign in *folder* or at *url*."""
        if cls.exists(folder):
            with cls.open(folder) as store:
                what = _GO_ON if store.has_planned() else _NOTHING_PLANNED
            raise CampaignError(f"{folder}: there is a campaign already{what}")
        if url is not None and cls.exists(folder, url):
            where = database_of(folder, url).where
            raise CampaignError(
                f"{where}: there is a campaign of this name already; join it (gostkey "
                "renew work), or choose another folder for a new one"
            )

    @classmethod
    def open(cls, folder: Path, url: str | None = None) -> Store:
        """Open the store of the campaign in *folder*, or at *url*.

        Raises:
            CampaignError: if there is none, or it is of another version.
            StoreLost: if the database does not answer.
        """
        database = database_of(folder, url)
        if not database.exists():
            database.close()
            where = folder if isinstance(database, SqliteDatabase) else database.where
            raise CampaignError(
                f"{where}: there is no campaign; begin one with gostkey renew run"
            )
        store = cls(database)
        with store._reading() as connection:
            version = connection.execute(sa.select(campaign.c.schema_version)).scalar()
        if version != SCHEMA_VERSION:
            raise CampaignError(
                f"{store.where}: its version is {version} and this program knows "
                f"{SCHEMA_VERSION}; use the version of gostkey that made it"
            )
        return store

    @classmethod
    def exists(cls, folder: Path, url: str | None = None) -> bool:
        """Say whether *folder* holds a campaign, or *url* does.

        What a run leaves that was killed before it had begun is no campaign yet.
        """
        database = database_of(folder, url)
        try:
            return database.exists()
        finally:
            database.close()

    def close(self) -> None:
        """Close what is open; it is opened again when it is needed.

        Before a fork: no process may touch what another one opened.
        """
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the campaign ------------------------------------------------------

    @patient
    def settings(self) -> dict[str, Any]:
        """Read what the campaign was begun with."""
        with self._reading() as connection:
            text = connection.execute(sa.select(campaign.c.settings)).scalar_one()
        return dict(json.loads(text))

    def change_transport(self, transport: Mapping[str, Any]) -> None:
        """Put another way to the authority into the settings."""
        with self._writing() as connection:
            text = connection.execute(sa.select(campaign.c.settings)).scalar_one()
            settings = {**json.loads(text), "transport": dict(transport)}
            text = json.dumps(settings, ensure_ascii=False)
            connection.execute(campaign.update().values(settings=text))

    @patient
    def phase(self) -> str:
        """Say "preparing" or "planned"."""
        with self._reading() as connection:
            return str(connection.execute(sa.select(campaign.c.phase)).scalar_one())

    @patient
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
            fill(connection, items, errors, at)

    @patient
    def has_planned(self) -> bool:
        """Say whether a key was ever planned; without one `resume` has nothing to do.

        Of a campaign that is still being prepared nobody knows.
        """
        planned = sa.select(item.c.id).where(item.c.state.not_in(("due", "not-due")))
        with self._reading() as connection:
            phase = connection.execute(sa.select(campaign.c.phase)).scalar_one()
            return phase != "planned" or bool(
                connection.execute(planned.limit(1)).first()
            )

    @patient
    def row_errors(self) -> list[RowError]:
        """Read the rows of the list that could not be used."""
        with self._reading() as connection:
            found = connection.execute(sa.select(row_error).order_by(row_error.c.id))
            return [RowError(row.line, row.text, row.cure) for row in found]

    # -- items -------------------------------------------------------------

    @patient
    def items(self, ids: Sequence[int] | None = None) -> list[Item]:
        """Read items in their order: all of them, or those with *ids*."""
        query = sa.select(item).order_by(item.c.id)
        if ids is not None:
            query = query.where(item.c.id.in_(list(ids)))
        with self._reading() as connection:
            return [Item(*row) for row in connection.execute(query)]

    @patient
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
            for place in (item.c.container, item.c.destination):
                query = query.where(place.not_like("chip:%"))
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    @patient
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

    def old_certificates(self) -> Iterator[bytes]:
        """Yield the certificates of all old keys."""
        query = sa.select(item.c.old_certificate).where(
            item.c.old_certificate.is_not(None)
        )
        with self._reading() as connection:
            yield from connection.execute(query).scalars()

    @patient
    def archived_ids(self) -> list[int]:
        """List the items that have a copy of their old container."""
        query = sa.select(item.c.id).where(item.c.archive.is_not(None))
        with self._reading() as connection:
            return list(connection.execute(query.order_by(item.c.id)).scalars())

    @patient
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

    @patient
    def count_states(self) -> dict[str, int]:
        """Count the items on which something is still to be done, by state."""
        query = (
            sa.select(item.c.state, sa.func.count())
            .where(item.c.reason.is_(None))
            .group_by(item.c.state)
        )
        with self._reading() as connection:
            return {state: count for state, count in connection.execute(query)}

    @patient
    def count_planned(
        self, reasons: Iterable[str | None], *, begun_by: str | None = None
    ) -> int:
        """Count the items that have no key yet and stopped for one of *reasons*.

        Args:
            reasons: None for those that nothing has stopped.
            begun_by: only those on which this step was begun.
        """
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
        if begun_by is not None:
            tried = sa.select(journal.c.item_id).where(
                journal.c.step == begun_by, journal.c.phase == "before"
            )
            query = query.where(item.c.id.in_(tried))
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    @patient
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
        self._record(changes, at)
        self.after_record()

    def wait(self) -> None:
        """Do nothing: what was recorded is on the disk."""

    @patient
    def _record(self, changes: Sequence[Change], at: datetime) -> None:
        with self._writing() as connection:
            write_changes(connection, changes, at)

    @patient
    def begun(self, step: str) -> set[int]:
        """List the items for which *step* was ever begun."""
        query = sa.select(journal.c.item_id).where(
            journal.c.step == step, journal.c.phase == "before"
        )
        with self._reading() as connection:
            return set(connection.execute(query).scalars())

    @patient
    def fingerprints(self, ids: Sequence[int]) -> dict[int, set[str]]:
        """List what the keys are known by that were ever to be written for items.

        All at once: a journal in a file has no index, and is read as a whole.

        Returns:
            Item to the beginnings of the public keys, hexadecimal; "" among them if the
            journal is of an earlier version, which did not note them.
        """
        query = sa.select(journal.c.item_id, journal.c.detail).where(
            journal.c.item_id.in_(ids),
            journal.c.step == STATES[2],
            journal.c.phase == "before",
        )
        found: dict[int, set[str]] = {one: set() for one in ids}
        with self._reading() as connection:
            for number, detail in connection.execute(query):
                found[number].add(json.loads(detail).get("fingerprint", ""))
        return found

    @patient
    def interrupted(self) -> dict[int, str]:
        """List the items whose last step was begun and has no outcome yet."""
        last = sa.select(sa.func.max(journal.c.id)).group_by(journal.c.item_id)
        query = sa.select(journal.c.item_id, journal.c.step).where(
            journal.c.id.in_(last), journal.c.phase == "before"
        )
        with self._reading() as connection:
            return {row.item_id: row.step for row in connection.execute(query)}

    @patient
    def settle_places(self) -> None:
        """Write into items the folders in which a killed run was making containers.

        A file has them in its journal alone until a container is made: an item's row
        is long, and its change would cost as much as all else that is recorded.
        """
        if self.database.is_shared:
            return
        planned = sa.select(item.c.id).where(item.c.state == STATES[1])
        query = (
            sa.select(journal.c.item_id, journal.c.detail)
            .where(
                journal.c.step == STATES[2],
                journal.c.phase == "before",
                journal.c.item_id.in_(planned),
            )
            .order_by(journal.c.id)
        )
        with self._writing() as connection:
            folders = {
                row.item_id: json.loads(row.detail)["folder"]
                for row in connection.execute(query)
            }
            for number, folder in folders.items():
                change = item.update().where(item.c.id == number)
                connection.execute(change.values(new_folder=folder))

    @patient
    def history(self, item_id: int | None = None) -> list[dict[str, Any]]:
        """Read the journal, oldest first, for one item or for all."""
        query = sa.select(journal).order_by(journal.c.id)
        if item_id is not None:
            query = query.where(journal.c.item_id == item_id)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [{**row, "detail": json.loads(row["detail"])} for row in rows]

    @patient
    def settled(self) -> int:
        """Give a number of the journal up to which nothing will be added any more.

        0 if the journal is empty.
        """
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                # Numbers are given out before they are committed, by several
                # stations: wait for those that are under way.
                connection.exec_driver_sql("LOCK TABLE journal IN SHARE MODE")
            last = connection.execute(sa.select(sa.func.max(journal.c.id))).scalar()
        return int(last or 0)

    # -- for those who only look, and for the audit log ---------------------

    def rows(self, query: sa.Select[Any]) -> Iterator[Any]:
        """Read what a query gives, some rows at a time, however many there are."""
        with self._reading() as connection:
            result = connection.execution_options(yield_per=AT_ONCE).execute(query)
            for some in result.partitions():
                yield from some

    @patient
    def read(self, query: sa.Select[Any]) -> list[Any]:
        """Read all that a query gives."""
        with self._reading() as connection:
            return list(connection.execute(query))

    @patient
    def execute(self, statement: sa.Insert) -> None:
        """Add a row to a table that is no item's."""
        with self._writing() as connection:
            connection.execute(statement)

    # -- randomness --------------------------------------------------------

    @patient
    def record_randomness(
        self, kind: str, detail: Mapping[str, Any], at: datetime
    ) -> None:
        """Write how random numbers were had; without secrets."""
        values = {"at": moment(at), "kind": kind, "detail": as_json(detail)}
        with self._writing() as connection:
            connection.execute(randomness.insert().values(values))

    @patient
    def randomness(self) -> list[dict[str, Any]]:
        """Read what `record_randomness` wrote, oldest first."""
        query = sa.select(randomness).order_by(randomness.c.id)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [{**row, "detail": json.loads(row["detail"])} for row in rows]

    # -- connections -------------------------------------------------------

    def _writing(self) -> AbstractContextManager[sa.Connection]:
        return self.database.writing()

    def _reading(self) -> AbstractContextManager[sa.Connection]:
        return self.database.reading()


def nothing() -> None:
    """Do nothing."""
