"""What all campaigns of a database know of each other: keys and folders in use.

A key that a campaign has begun to renew stays claimed when the campaign has ended, as
there must be no second renewal of it.  Claims of a campaign whose schema was dropped
are void.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ..claims import Claims, NoClaims
from ..local_claims import LocalClaims
from ..places import LocalPlaces, Places, Wanted
from ..reasons import Verdict
from ..storage.address import SCHEMA_PREFIX
from ..storage.databases import Database, SqliteDatabase, patient
from ..storage.postgres import PostgresDatabase
from ..storage.records import Item

SCHEMA = "gostkey_office"
_tables = sa.MetaData(schema=SCHEMA)
_key = sa.Table(
    "key_in_use",
    _tables,
    # SHA-256 of the old certificate
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("item", sa.Integer, nullable=False),
)
_folder = sa.Table(
    "folder_in_use",
    _tables,
    # path of a new container in lower case, as many media take capitals for small ones
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("item", sa.Integer, nullable=False),
)
_VOID = sa.text("to_regnamespace(quote_ident(:prefix || campaign)) is null").bindparams(
    prefix=SCHEMA_PREFIX
)


def shared(database: Database) -> tuple[Claims, Places]:
    """Give what claims keys and chooses folders for a campaign in *database*."""
    if isinstance(database, PostgresDatabase):
        book = Book(database)
        return book, SharedPlaces(book)
    if isinstance(database, SqliteDatabase):
        return LocalClaims(database.path.parent), LocalPlaces()
    return NoClaims(), LocalPlaces()


@dataclass
class Book:
    """Who has what, in the tables of the schema ``gostkey_office``."""

    database: PostgresDatabase
    matter: bool = True
    _is_made: bool = False

    def claim(self, items: Sequence[Item]) -> dict[int, str]:
        """Claim keys; see `Claims`."""
        names = {one.id: _name_of(one) for one in items}
        return self.enter(_key, names)

    @patient
    def release(self, items: Sequence[Item]) -> None:
        """Give back; see `Claims`."""
        if not items:
            return
        mine = _key.c.campaign == self.database.address.campaign
        names = [_name_of(one) for one in items]
        with self._writing() as connection:
            connection.execute(
                _key.delete().where(
                    _key.c.name.in_(names),
                    mine,
                    _key.c.item.in_([one.id for one in items]),
                )
            )

    def close(self) -> None:
        """Close nothing: the database is its campaign's."""

    @patient
    def enter(self, table: sa.Table, names: Mapping[int, str]) -> dict[int, str]:
        """Enter names, of which each can be had by one item only.

        Args:
            table: what the names are of.
            names: item id to name.

        Returns:
            Item id to the campaign that has the name, for those that another one has.
        """
        if not names:
            return {}
        campaign = self.database.address.campaign
        # In one order by all stations, or two could wait for each other.
        rows = [
            {"name": name, "campaign": campaign, "item": number}
            for name, number in sorted((name, number) for number, name in names.items())
        ]
        wanted = [row["name"] for row in rows]
        with self._writing() as connection:
            connection.execute(table.delete().where(table.c.name.in_(wanted), _VOID))
            connection.execute(insert(table).on_conflict_do_nothing(), rows)
            found: Iterable[Any] = connection.execute(
                sa.select(table).where(table.c.name.in_(wanted))
            )
            owners = {row.name: (row.campaign, row.item) for row in found}
        return {
            number: owners[name][0]
            for number, name in names.items()
            if owners[name] != (campaign, number)
        }

    def _writing(self) -> AbstractContextManager[sa.Connection]:
        if not self._is_made:
            self.database.make_shared(SCHEMA, _tables.create_all)
            self._is_made = True
        return self.database.writing()


class SharedPlaces:
    """Chooses folders that no other station has chosen."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def anew(self) -> SharedPlaces:
        """Give itself: it looks anew each time."""
        return self

    def choose(self, wanted: Sequence[Wanted]) -> list[str | Verdict]:
        """Choose; see `Places`."""
        # Anew for each chunk, as others put folders there.
        local = LocalPlaces()
        chosen = local.choose(wanted)
        places = list(range(len(wanted)))
        while places:
            names = {
                wanted[at].item_id: str(chosen[at]).lower()
                for at in places
                if not isinstance(chosen[at], Verdict)
            }
            taken = self._book.enter(_folder, names)
            places = [at for at in places if wanted[at].item_id in taken]
            again = local.choose([wanted[at] for at in places])
            for at, place in zip(places, again, strict=True):
                chosen[at] = place
        return chosen


def _name_of(one: Item) -> str:
    if one.old_certificate is not None:
        return hashlib.sha256(one.old_certificate).hexdigest()
    return f"{one.container} {one.slot}"
