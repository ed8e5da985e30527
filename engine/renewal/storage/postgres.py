"""A campaign's store in PostgreSQL, which several stations share.

Each campaign has a schema of its own, named after it.  A connection to write by holds
the locks of this process, which are PostgreSQL's advisory locks: they die with the
process, and where they were lost with a connection, the next one takes them again
before anything is written.

A database that stops to answer is waited for.  Whether a transaction whose end was not
heard had been committed is asked of the database afterwards.
"""

from __future__ import annotations

import getpass
import os
import random
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from gostkey.errors import CampaignError, MediumError, StoreLost, after_interrupt

from .address import ADDRESS_NAME, Address, remember, remembered
from .advisory import WHOLE_CAMPAIGN, Ask, Locks
from .databases import Database, SqliteDatabase

T = TypeVar("T")

PATIENCE = 300.0
"""Seconds for which a database that has answered before is waited for."""
_PAUSES = 0.05, 5.0
"""Seconds between two attempts: at first, and at most."""

# A station that lost its current, or its cable, is noticed in half a minute, on both
# sides; libpq's words and the server's settings.
KEEPALIVE = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_SESSION = """
select set_config('search_path', quote_ident(%s), false),
       set_config('tcp_keepalives_idle', '15', false),
       set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '3', false),
       set_config('synchronous_commit',
                  case current_setting('synchronous_commit')
                  when 'off' then 'on' else current_setting('synchronous_commit') end,
                  false)
"""


class PostgresDatabase(Database):
    """A schema of a PostgreSQL database."""

    is_shared = True

    def __init__(self, folder: Path, url: str, *, patience: float = PATIENCE) -> None:
        """Name the place; nothing is opened yet.

        Args:
            folder: the campaign's.
            url: of the database; see `Address`.
            patience: seconds for which it is waited for once it has answered.

        Raises:
            CampaignError: if *url* cannot be used, or psycopg is not installed.
        """
        self.address = Address.parse(url, folder)
        self.where = self.address.where
        self.patience = patience
        self._folder = folder
        self._has_answered = False
        _psycopg()
        self._locks = Locks(self.where, self.address.schema)
        self._readers = _engine(self._connect, pool_size=4)
        # One connection and no more: it is the one that has the locks.
        self._writer = _engine(self._connect_and_lock, pool_size=1)

    # -- connections -------------------------------------------------------

    def _connect(self) -> Any:
        psycopg = _psycopg()
        words = {**KEEPALIVE, "application_name": _who_we_are()}
        connection = psycopg.connect(**{**words, **self.address.for_libpq()})
        try:
            connection.execute(_SESSION, [self.address.schema])
            connection.commit()
        except BaseException:
            connection.close()
            raise
        self._has_answered = True
        return connection

    def _connect_and_lock(self) -> Any:
        connection = self._connect()
        try:
            self._locks.take_again(
                lambda question, values: list(connection.execute(question, values)),
                connection.commit,
            )
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection."""
        try:
            with self._readers.connect() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise self._fault(error) from error

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction."""
        number, done = "", False
        try:
            with self._writer.begin() as connection:
                number = connection.exec_driver_sql(
                    "select pg_current_xact_id()::text"
                ).scalar_one()
                yield connection
                done = True
        except sa.exc.DBAPIError as error:
            fault = self._fault(error)
            if done and isinstance(fault, StoreLost) and self._committed(number):
                return
            raise fault from error

    def _committed(self, number: str) -> bool:
        """Ask whether a transaction whose end was not heard had been committed."""

        def ask() -> bool:
            while True:
                status = self._status(number)
                if status != "in progress":
                    return status == "committed"
                time.sleep(_PAUSES[0])

        return self.patiently(ask)

    def _status(self, number: str) -> str:
        query = sa.text("select pg_xact_status(cast(:number as xid8))")
        try:
            with self.reading() as connection:
                status = connection.execute(query, {"number": number}).scalar()
        except CampaignError:
            # A standby took over, and had not heard of this transaction.
            return "aborted"
        return status or "aborted"

    def patiently(self, work: Callable[[], T]) -> T:
        """Do some work again until the database answers, for some minutes.

        Raises:
            StoreLost: if it does not answer, or never did.
        """
        pause, longest = _PAUSES
        until = None
        while True:
            try:
                return work()
            except StoreLost as error:
                if after_interrupt(error):
                    raise
                now = time.monotonic()
                until = now + self.patience if until is None else until
                if not self._has_answered or now >= until:
                    raise
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, longest)

    def one_at_a_time(self, connection: sa.Connection) -> None:
        """Let no other station come in between until this transaction has ended."""
        connection.exec_driver_sql("lock table journal in share row exclusive mode")

    def close(self) -> None:
        """Close the connections."""
        self._writer.dispose()
        self._readers.dispose()

    # -- the campaign ------------------------------------------------------

    def exists(self) -> bool:
        """Say whether a campaign was begun here."""
        query = sa.text("select to_regclass(quote_ident(:schema) || '.campaign')")
        with self.reading() as connection:
            found = connection.execute(query, {"schema": self.address.schema}).scalar()
            return found is not None and self.has_campaign(connection)

    def prepare(self) -> None:
        """Remember the address in the campaign's folder.

        Raises:
            CampaignError: if a campaign in a file there would be hidden.
        """
        in_file = SqliteDatabase(self._folder)
        try:
            is_taken = in_file.exists()
        finally:
            in_file.close()
        if is_taken:
            raise CampaignError(
                f"{in_file.where}: is another campaign; name a folder of its own "
                f"(--campaign) for {self.where}{self._hint_at_hidden()}"
            )
        remember(self._folder, self.address)

    def _hint_at_hidden(self) -> str:
        """Say how a campaign that is hidden already is found again."""
        if remembered(self._folder) is None:
            return ""
        path = self._folder / ADDRESS_NAME
        return f"; to go on with the other one, remove {path}, which hides it"

    @contextmanager
    def beginning(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction that has made the schema.

        Raises:
            CampaignError: if somebody else was faster.
        """
        with self.writing() as connection:
            try:
                connection.execute(sa.schema.CreateSchema(self.address.schema))
            except (sa.exc.IntegrityError, sa.exc.ProgrammingError) as error:
                if _state_of(error) not in ("42P06", "23505"):
                    raise
                raise CampaignError(
                    f"{self.where}: there is a campaign of this name already; join it "
                    "(gostkey renew work), or choose another folder for a new one"
                ) from error
            yield connection

    def make_shared(self, schema: str, make: Callable[[sa.Connection], object]) -> None:
        """Make a schema that all campaigns of the database share, unless it is there.

        Args:
            schema: its name.
            make: makes what is in it, in the same transaction.
        """
        with self.writing() as connection:
            # The stations that come first would otherwise make it together.
            connection.exec_driver_sql(
                "select pg_advisory_xact_lock(%s)", (zlib.crc32(schema.encode()),)
            )
            if connection.dialect.has_schema(connection, schema):
                return
            connection.execute(sa.schema.CreateSchema(schema))
            make(connection)

    # -- locks -------------------------------------------------------------

    def hold(self, *, shared: bool = False) -> None:
        """Be the only run on this campaign, or one of its stations."""
        self._take(WHOLE_CAMPAIGN, shared=shared)

    def hold_alone(self) -> None:
        """Make the lock of a station one for this run alone.

        Raises:
            CampaignLocked: soon, if another station works; the lock is as before.
        """
        self._take(WHOLE_CAMPAIGN, shared=False, patience=0.5)

    @contextmanager
    def holding(self, number: int) -> Iterator[None]:
        """Have the lock of a chunk to oneself.

        Args:
            number: of the chunk, from 1.

        Raises:
            CampaignLocked: if another station has it; or in the middle, if the
                connection was lost and the lock with it.
        """
        self._take(number, shared=False)
        try:
            yield
        finally:
            self._locks.forget(number)
            with suppress(sa.exc.DBAPIError), self._writer.connect() as connection:
                self._locks.release(_asker(connection), number)

    def _take(
        self, number: int, *, shared: bool, patience: float | None = None
    ) -> None:
        def take() -> None:
            try:
                with self._writer.connect() as connection:
                    self._locks.take(
                        _asker(connection),
                        connection.commit,
                        number,
                        shared=shared,
                        patience=patience,
                    )
            except sa.exc.DBAPIError as error:
                raise self._fault(error) from error

        self.patiently(take)

    # -- faults ------------------------------------------------------------

    def _fault(self, error: sa.exc.DBAPIError) -> Exception:
        """Give what to raise for an error of the database."""
        state = _state_of(error)
        text = str(error.orig).strip().splitlines()
        what = text[0] if text else type(error.orig).__name__
        if isinstance(error, sa.exc.IntegrityError):
            return error
        if state == "53100":
            return MediumError(
                f"{self.where}: {what}; free the disk of the server, then run resume"
            )
        if state == "42501":
            return CampaignError(
                f"{self.where}: {what}; as the database's owner: GRANT CREATE ON "
                "DATABASE ... TO the role of the stations"
            )
        if error.connection_invalidated or _is_passing(error, state):
            return StoreLost(f"{self.where}: {what}; {_cure(what)}")
        return CampaignError(
            f"{self.where}: is not a campaign's store, or is damaged ({what}); take it "
            "from a backup"
        )


def _asker(connection: sa.Connection) -> Ask:
    def ask(question: str, values: tuple[Any, ...]) -> list[Any]:
        return list(connection.exec_driver_sql(question, values).fetchall())

    return ask


def _engine(connect: Callable[[], Any], pool_size: int) -> sa.Engine:
    return sa.create_engine(
        "postgresql+psycopg://",
        creator=connect,
        pool_size=pool_size,
        max_overflow=0,
    )


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise CampaignError(
            "campaigns in PostgreSQL need psycopg; install it: "
            "pip install 'gostkey[office]'"
        ) from error
    return psycopg


def _who_we_are() -> str:
    """Name this station for others, in the 63 bytes that PostgreSQL keeps."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):
        user = "unknown"
    return f"gostkey {os.getpid()} {user}@{socket.gethostname()}"[:63]


def _state_of(error: sa.exc.DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _is_passing(error: sa.exc.DBAPIError, state: str | None) -> bool:
    """Say whether a fault is one that waiting may cure."""
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return False
    # None: libpq could not connect, or the line was cut.
    # 08: connection; 57P: the server stops or starts; 53300: too many connections;
    # 40: two transactions were in each other's way.
    return state is None or state.startswith(("08", "57P", "53300", "40"))


def _cure(what: str) -> str:
    if "password" in what:
        return (
            "give the password in ~/.pgpass, PGPASSFILE or PGPASSWORD, or by "
            "--store-password-file"
        )
    if "pg_hba" in what:
        return "let this station in (pg_hba.conf on the server)"
    if "does not exist" in what:
        return "name a database and a role that are there, or make them"
    return "see that PostgreSQL runs and can be reached, then run resume"
