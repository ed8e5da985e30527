"""Where a campaign's store lives, and all in which the databases differ.

SQLite, a file in the campaign's folder, serves one station; PostgreSQL (`postgres`)
serves several.  Both promise that what was committed survives a power cut.
"""

from __future__ import annotations

import functools
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import sqlalchemy as sa

from gostkey.errors import CampaignError, MediumError
from gostkey.media.durable import flush_file, flush_folder
from gostkey.media.faults import explained

from .schema import campaign

STORE_NAME = "campaign.sqlite"
PART_NAME = f"{STORE_NAME}.part"
"""A store that is not finished; what a killed run left of one is made anew."""

P = ParamSpec("P")
T = TypeVar("T")


class Database(ABC):
    """One campaign's tables, wherever they are."""

    where: str
    """Names the place in messages."""
    is_shared = False
    """Whether several stations can work on it at once."""

    @abstractmethod
    def exists(self) -> bool:
        """Say whether a campaign was begun here."""

    @abstractmethod
    def prepare(self) -> None:
        """Have the campaign's folder, which is there, know where the store is.

        Raises:
            OSError: if the folder cannot be written.
            CampaignError: if it has another campaign.
        """

    @abstractmethod
    def beginning(self) -> AbstractContextManager[sa.Connection]:
        """Give a connection in a transaction that makes and fills the tables.

        After it the campaign is there and on the disk; after an error nothing is.
        """

    @abstractmethod
    def hold(self, *, shared: bool = False) -> None:
        """Be the only run on this campaign, or one of its stations, until `close`.

        Raises:
            CampaignLocked: if another run works on it.
        """

    @abstractmethod
    def reading(self) -> AbstractContextManager[sa.Connection]:
        """Give a connection to read by, as a context."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[sa.Connection]:
        """Give a connection in a transaction, as a context; its end is on the disk.

        Raises:
            StoreLost: if the database is gone and the transaction with it.
        """

    @abstractmethod
    def one_at_a_time(self, connection: sa.Connection) -> None:
        """Let no other station come in between until this transaction has ended.

        For what must be written in one order by all stations.
        """

    @abstractmethod
    def close(self) -> None:
        """Close what is open; it is opened again when it is needed."""

    def patiently(self, work: Callable[[], T]) -> T:
        """Do some work again until the database answers; a file does so at once."""
        return work()

    def has_campaign(self, connection: sa.Connection) -> bool:
        """Say whether the tables, which are there, have a campaign."""
        count = sa.select(sa.func.count()).select_from(campaign)
        return bool(connection.execute(count).scalar())


class HasDatabase(Protocol):
    """Whatever `patient` decorates the methods of."""

    @property
    def database(self) -> Database:
        """Give the database."""


S = TypeVar("S", bound=HasDatabase)


def patient(
    method: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[S, P], T]:
    """Have a method wait for a database that does not answer, and begin anew then.

    For methods that are one transaction: `Database.writing` raises only if nothing
    of it was committed.
    """

    @functools.wraps(method)
    def patiently(self: S, /, *args: P.args, **values: P.kwargs) -> T:
        return self.database.patiently(lambda: method(self, *args, **values))

    return patiently


class SqliteDatabase(Database):
    """A file in the campaign's folder.

    Write-ahead log with a sync at every commit.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / STORE_NAME
        self.where = str(self.path)
        self._engine = _engine(self.path, _configure)

    def exists(self) -> bool:
        """Say whether a campaign was begun here.

        An empty file, or one without tables, is what a run leaves that was
        killed before it had begun; it is no campaign yet.
        """
        if not self.path.is_file() or (
            self.path.stat().st_size == 0
            and not self.path.with_name(STORE_NAME + "-wal").exists()
        ):
            return False
        with self.reading() as connection:
            names = sa.inspect(connection).get_table_names()
            return campaign.name in names and self.has_campaign(connection)

    def prepare(self) -> None:
        """Make the file, readable by its owner only; leave it alone if it is there.

        Whoever closes a file drops all locks that the process has on it, those of
        SQLite among them: another process would then take the write-ahead log away.
        """
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))

    @contextmanager
    def beginning(self) -> Iterator[sa.Connection]:
        """Make the file beside its place, and put it there when it is whole.

        So it needs no journal, and all that is in it is written once.
        """
        part = self.path.with_name(PART_NAME)
        engine = _engine(part, _configure_part)
        try:
            with explained(part):
                part.unlink(missing_ok=True)
                os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            with self._faults(), engine.begin() as connection:
                yield connection
            engine.dispose()
            with explained(self.path):
                flush_file(part)
                # A log whose file somebody has removed is of no other one.
                for end in ("-wal", "-shm"):
                    self.path.with_name(STORE_NAME + end).unlink(missing_ok=True)
                os.replace(part, self.path)
                flush_folder(self.path.parent)
        finally:
            engine.dispose()
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def hold(self, *, shared: bool = False) -> None:
        """Do nothing: the lock of the campaign's folder has been taken."""

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection."""
        with self._faults(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction."""
        with self._faults(), self._engine.begin() as connection:
            yield connection

    def one_at_a_time(self, connection: sa.Connection) -> None:
        """Do nothing: one run alone writes to the file."""

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

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


def _engine(
    path: Path, configure: Callable[[sqlite3.Connection, object], None]
) -> sa.Engine:
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
    sa.event.listen(engine, "connect", configure)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, _: object) -> None:
    _set(
        connection,
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=10000",
        # 16 MiB: the items of a chunk are changed twice, those of two workers in turns.
        "cache_size=-16384",
        # 32 MiB: else each record of a chunk would copy the log into the file, with two
        # waits for the disk, and most pages are changed again soon.
        "wal_autocheckpoint=8192",
    )


def _configure_part(connection: sqlite3.Connection, _: object) -> None:
    # After an error, or a crash, the file is removed and not repaired.
    _set(connection, "journal_mode=OFF", "synchronous=OFF", "foreign_keys=ON")


def _set(connection: sqlite3.Connection, *pragmas: str) -> None:
    # SQLAlchemy's recipe: the driver must not open transactions by itself, or
    # the tables would not be made in one.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
