"""A station: worker processes of this machine at a campaign, and who tends them.

The parent puts a job into the queue for each chunk that is open, and has the jobs of
dead workers done by others, of whichever station they were.  Any number of stations do
so at once; who comes second finds it done.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gostkey import random
from gostkey.errors import CampaignError, CampaignLocked, StoreLost
from gostkey.media import FolderStore, explain
from gostkey.pki.certificates import Certificate
from gostkey.random.policy import Policy
from gostkey.signing import SigningKey

from .. import transports
from ..audit.log import AuditLog
from ..chunks import OnEvent, Progress
from ..forks import CAN_FORK, Fork, Forks, receive
from ..install_steps import ARCHIVE, BACKUP
from ..interrupts import interrupted_too
from ..pacing import Pacing
from ..randomness import Randomness
from ..report import Report, make_report
from ..running import STEPS
from ..settings import zone_of
from ..steps import Context, Work
from ..storage.postgres import PATIENCE, PostgresDatabase
from ..storage.schema import item, journal
from ..storage.store import Clock, Store
from ..transports import Transport
from ..turns import Turns
from . import jobs
from .chunk import chunk_size, open_chunks
from .claims import shared
from .signals import interrupt_held
from .worker import Terms, be_worker

TEND = 1.0
"""Seconds between two looks at the queue."""
MOST_DEATHS = 5
"""Workers that may die one after the other before any gets on."""


@dataclass
class Station:
    """One machine at a campaign that is begun."""

    folder: Path
    """The campaign's, on this machine; copies of containers go there."""
    clock: Clock
    url: str | None = None
    """Of the database; without it the folder remembers it."""
    transport: Transport | None = None
    """To the authority; without it the campaign knows it."""
    audit_key: SigningKey | None = None
    audit_certificate: Certificate | None = None
    pacing: Pacing | None = None
    """Rate and quiet hours of this station."""
    _deaths: int = 0
    _crews: list[Forks] = field(default_factory=list)
    _jobs: dict[Fork, int] = field(default_factory=dict)
    """What each worker is at."""
    _dead: set[int] = field(default_factory=set)
    """Jobs whose worker died."""
    _answered: float = 0.0
    _turns: Turns = field(default_factory=Turns)

    def work(
        self,
        on_event: OnEvent | None = None,
        *,
        randomness: Randomness | None = None,
        workers: int = 1,
        watch: bool = False,
    ) -> Report:
        """Work on the campaign beside other stations until nothing is left to do.

        Keys on tokens are left: they are for `Campaign.run`, at the station that has
        the token.

        Args:
            on_event: is told of what happens here.
            randomness: what is mixed in besides the system's generator; no gamma.
            workers: processes.
            watch: wait for answers of the authority, too.

        Raises:
            CampaignError: if there is no campaign, or it is in a file.
            CampaignLocked: if a run works on it that wants to be alone.
            StoreLost: if the database does not answer.
            GeneratorFailure: if the random generator fails.
        """
        if not CAN_FORK:
            raise CampaignError(
                "this system cannot fork, which worker processes of a station need; "
                "run one station without --store"
            )
        with self._open() as store:
            database = store.database
            if not isinstance(database, PostgresDatabase):
                raise CampaignError(
                    f"{self.folder}: the campaign is in a file, which stations cannot "
                    "share; begin one with --store"
                )
            database.hold(shared=True)
            self._remember(database)
            jobs.make_tables(database)
            with AuditLog(self.folder.absolute(), store, self.clock) as log:
                log.open("work")
                with interrupted_too(
                    partial(log.seal, self.audit_key, self.audit_certificate),
                    log.open_again,
                ):
                    self._work(
                        store, database, log, on_event, randomness, workers, watch
                    )
                    self._clean(store, database)
            return make_report(store, self.clock())

    def keys_to_make(self) -> tuple[int, Policy | None]:
        """Count the keys that are to be made; say whom the last run asked for input.

        Raises:
            CampaignError, StoreLost: as `work`.
        """
        with self._open() as store:
            begun = [one for one in store.randomness() if one["kind"] == "begin"]
            policy = Policy(begun[-1]["detail"]["policy"]) if begun else None
            return store.count_planned({None}), policy

    def zone(self) -> tzinfo:
        """Give the office's time zone."""
        with self._open() as store:
            return zone_of(store.settings())

    def _open(self) -> Store:
        return Store.open(self.folder, self.url)

    def _remember(self, database: PostgresDatabase) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            database.prepare()
        except OSError as error:
            raise explain(error, self.folder) from error

    def _work(
        self,
        store: Store,
        database: PostgresDatabase,
        log: AuditLog,
        on_event: OnEvent | None,
        randomness: Randomness | None,
        workers: int,
        watch: bool,
    ) -> None:
        self._size = chunk_size(store)
        keys = store.count_planned({None})
        progress = Progress(on_event, store.count_states(), STEPS)
        randomness = randomness or Randomness()
        randomness.begin(store, self.clock, keys)
        try:
            self._queue(database, self._start(database))
            self._serve(store, database, log, progress, workers, watch)
        finally:
            self._stop()
            randomness.end()

    # -- workers -----------------------------------------------------------

    def _context(self, store: Store) -> Context:
        settings = store.settings()
        transport = self.transport
        if transport is None:
            transport = transports.from_settings(settings["transport"], self.clock)
        claims, places = shared(store.database)
        return Context(
            folder=self.folder.absolute(),
            store=store,
            transport=transport,
            clock=self.clock,
            zone=zone_of(settings),
            places=places,
            claims=claims,
            created_at=store.created_at(),
            turns=self._turns,
        )

    def _hire(self, store: Store, number: int) -> None:
        """Fork a worker; no connection may be open then."""
        terms = Terms(
            open_store=self._open,
            make_context=self._context,
            size=self._size,
            handed=random.for_worker(number),
            others=[one.forks[0].connection for one in self._crews],
            pacing=self.pacing,
        )
        store.close()
        self._crews.append(Forks(partial(be_worker, terms), 1))

    def _serve(
        self,
        store: Store,
        database: PostgresDatabase,
        log: AuditLog,
        progress: Progress,
        workers: int,
        watch: bool,
    ) -> None:
        if self.pacing is not None:
            self.pacing = self.pacing.shared_by(workers)
        self._turns = Turns(workers)
        for number in range(1, workers + 1):
            self._hire(store, number)
        hired = workers
        tended = 0.0
        while True:
            for crew in self._listen(progress):
                self._crews.remove(crew)
                self._deaths += 1
                if self._deaths > MOST_DEATHS:
                    raise crew.forks[0].died()
                hired += 1
                self._hire(store, hired)
            if time.monotonic() < tended + TEND:
                continue
            log.follow()
            ended = self._queue(database, self._tend(store, database, watch))
            tended = time.monotonic()
            if ended:
                return

    def _listen(self, progress: Progress) -> list[Forks]:
        """Hear what the workers tell, for a moment; list those that died."""
        by_connection = {one.forks[0].connection: one for one in self._crews}
        died = []
        for ready in wait(list(by_connection), timeout=TEND / 4):
            crew = by_connection[ready]  # type: ignore[index]
            (fork,) = crew.forks
            try:
                kind, *told = receive(fork.connection)
            except EOFError:
                job = self._jobs.pop(fork, 0)
                if job:
                    self._dead.add(job)
                died.append(crew)
                continue
            if kind == "raised":
                raise told[0]
            if kind == "job":
                self._jobs[fork] = told[0]
            elif kind == "step":
                self._deaths = 0
                progress.step(*told)
            elif kind == "chunk":
                progress.end_chunk([Work(one) for one in told[0]])
        return died

    def _stop(self) -> None:
        """Let the workers end what they are at."""
        for crew in self._crews:
            crew.forks[0].connection.close()
        for crew in self._crews:
            crew.close()
        self._crews.clear()

    # -- the queue ---------------------------------------------------------

    def _queue(
        self, database: PostgresDatabase, work: Coroutine[Any, Any, bool]
    ) -> bool:
        """Do something at the queue; nothing, while the database is away.

        Raises:
            StoreLost: if it has been away for too long.
        """
        import psycopg
        from procrastinate.exceptions import ConnectorException

        try:
            # A loop for each look: between two, workers may be forked.
            with interrupt_held():
                done = asyncio.run(work)
        except (ConnectorException, psycopg.Error) as error:
            if not self._answered or time.monotonic() > self._answered + PATIENCE:
                raise StoreLost(
                    f"{database.where}: the queue of jobs does not answer ({error}); "
                    "see that PostgreSQL runs and can be reached, then run resume"
                ) from error
            return False
        self._answered = time.monotonic()
        return done

    async def _start(self, database: PostgresDatabase) -> bool:
        app = jobs.make_app(database.address)
        async with app.open_async():
            await jobs.forget_scheduled(app, database.address)
        return False

    async def _tend(
        self, store: Store, database: PostgresDatabase, watch: bool
    ) -> bool:
        """Put missing jobs into the queue; return whether there is no more to do."""
        address = database.address
        app = jobs.make_app(address)
        async with app.open_async():
            dead = set(self._dead)
            await jobs.take_over(app, address, dead)
            self._dead -= dead
            # In this order: what is done meanwhile is not open any more.
            there = await jobs.jobs_at_hand(app, address)
            left = open_chunks(store, self._size)
            missing = [chunk for chunk in left if chunk not in there]
            await jobs.defer_missing(app, address, missing)
        if missing or any(there.values()):
            return False
        return not left or (not watch and all(left.values()))

    # -- the end -----------------------------------------------------------

    def _clean(self, store: Store, database: PostgresDatabase) -> None:
        """Remove what dead workers left half-written, if no station works any more."""
        places = _where_died(store, self.folder.absolute())
        if not places:
            return
        try:
            database.hold_alone()
        except CampaignLocked:
            return
        with contextlib.suppress(OSError):
            for place in places:
                if place.is_dir():
                    FolderStore(place, depth=0).clean_leftovers(older_than=0)


def _where_died(store: Store, folder: Path) -> set[Path]:
    """List the places where a step was begun more often than it was ended."""
    begun = sa.func.sum(sa.case((journal.c.phase == "before", 1), else_=-1))
    query = (
        sa.select(journal.c.step, item.c.destination, item.c.new_folder)
        .join(item, item.c.id == journal.c.item_id)
        .where(journal.c.step.in_(("keyed", "installed", "backed-up")))
        .group_by(journal.c.item_id, journal.c.step, item.c.id)
        .having(begun > 0)
    )
    places: set[Path] = set()
    for step, destination, new_folder in store.read(query):
        if step == "keyed" and destination:
            places.add(Path(destination))
        elif step == "installed" and new_folder:
            places.add(Path(new_folder))
        elif step == "backed-up":
            places |= {folder / ARCHIVE, folder / BACKUP}
    return places
