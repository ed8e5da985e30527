"""A worker process of a station: procrastinate's worker, one job at a time.

It ends when its parent closes the pipe, or is gone: after the chunk that it is at.
A database that does not answer is waited for.
"""

from __future__ import annotations

import asyncio
import logging
import random as dice
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from gostkey import random
from gostkey.backend import active
from gostkey.errors import CampaignLocked, StoreLost

from ..pacing import Pacing
from ..steps import Context
from ..storage.postgres import PATIENCE, PostgresDatabase
from ..storage.store import Store
from ..workers import sendable
from . import jobs
from .chunk import do_chunk

log = logging.getLogger("gostkey.renewal.stations")
_PAUSES = 0.1, 5.0
_NAP = 1.0
"""Seconds after which a wait looks whether it is to end."""


@dataclass
class Terms:
    """What a worker is forked with."""

    open_store: Callable[[], Store]
    make_context: Callable[[Store], Context]
    size: int
    """Of a chunk."""
    handed: bytearray
    """Random input of the parent; wiped by the worker."""
    others: list[Connection]
    """The parent's ends of other workers' pipes; closed, or none would notice its
    death."""
    patience: float = PATIENCE
    pacing: Pacing | None = None
    """Rate and quiet hours of one worker."""


def be_worker(terms: Terms, connection: Connection) -> None:
    """Work until the pipe is closed."""
    for other in terms.others:
        other.close()
    random.from_parent(terms.handed)
    active.generators.wipe(terms.handed)
    # Procrastinate and its pool tell of each attempt to reach a database that is
    # away; the parent says it once.
    for name in ("procrastinate", "psycopg.pool", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        with terms.open_store() as store:
            database = store.database
            assert isinstance(database, PostgresDatabase)
            database.hold(shared=True)
            _Worker(terms, store, database, connection).run()
    except (EOFError, ConnectionError):
        raise
    except BaseException as error:
        connection.send(("raised", sendable(error)))


class _Worker:
    def __init__(
        self,
        terms: Terms,
        store: Store,
        database: PostgresDatabase,
        connection: Connection,
    ) -> None:
        self._terms = terms
        self._store = store
        self._address = database.address
        self._connection = connection
        self._context = terms.make_context(store)
        self._raised: BaseException | None = None
        self._ended: dict[int, tuple[int | None, float]] = {}
        """Jobs that were done: whose they were in the queue, and when they ended."""
        self._stopping = asyncio.Event()
        self._pacing = terms.pacing or Pacing()
        self._pacing.time.is_stopped = self._stopping.is_set
        self._pacing.time.sleep = lambda seconds: time.sleep(min(seconds, _NAP))

    def run(self) -> None:
        asyncio.run(self._run())
        if self._raised is not None:
            raise self._raised

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._connection.fileno(), self._stopping.set)
        pause, longest = _PAUSES
        alive = time.monotonic()
        while not self._stopping.is_set():
            try:
                app = jobs.make_app(self._address, self._do)
                async with app.open_async():
                    alive, pause = time.monotonic(), _PAUSES[0]
                    await self._work(app)
                alive = time.monotonic()
            except Exception as error:
                if not _is_passing(error):
                    raise
                if time.monotonic() > alive + self._terms.patience:
                    raise StoreLost(
                        f"{self._address.where}: does not answer; see that PostgreSQL "
                        "runs and can be reached, then run resume"
                    ) from error
                await asyncio.sleep(pause * dice.uniform(0.5, 1.0))
                pause = min(2 * pause, longest)

    async def _work(self, app: Any) -> None:
        """Work until told to stop, or until the database is lost."""
        self._app = app
        self._loop = asyncio.get_running_loop()
        working = asyncio.create_task(
            app.run_worker_async(
                queues=[self._address.schema],
                concurrency=1,
                install_signal_handlers=False,
                delete_jobs="always",
                fetch_job_polling_interval=1.0,
                update_heartbeat_interval=jobs.HEARTBEAT,
                stalled_worker_timeout=jobs.STALLED,
            )
        )
        stopping = asyncio.create_task(self._stopping.wait())
        tending = asyncio.create_task(self._see_to_ended(app))
        await asyncio.wait(
            [working, stopping, tending], return_when=asyncio.FIRST_COMPLETED
        )
        stopping.cancel()
        tending.cancel()
        if not working.done():
            # It ends the job that it is at first.
            working.cancel()
        try:
            await working
        except asyncio.CancelledError:
            pass
        if tending.done() and not tending.cancelled():
            tending.result()  # raises

    async def _see_to_ended(self, app: Any) -> None:
        """Let jobs be done again whose end could not be written.

        The database was away in that moment, and procrastinate forgets them; as this
        worker lives, nobody takes them for a dead one's.
        """
        while True:
            await asyncio.sleep(_NAP)
            if not self._ended:
                continue
            try:
                await self._take_back(app)
            except Exception as error:
                if not _is_passing(error):
                    raise

    async def _take_back(self, app: Any) -> None:
        queue = self._address.schema
        listed = await app.job_manager.list_jobs_async(queue=queue, status="doing")
        doing = {job.id: job.worker_id for job in listed}
        for number, (worker, at) in list(self._ended.items()):
            if doing.get(number) != worker:
                del self._ended[number]
            elif time.monotonic() > at + jobs.STALLED:
                await jobs.take_over(app, self._address, [number])
                del self._ended[number]

    def _tell(self, *told: object) -> None:
        # A parent that is gone hears nothing; what is begun is ended all the same.
        with suppress(OSError):
            self._connection.send(told)

    def _do(self, chunk: int, job: Any, looked: int) -> None:
        """Do a job, in a thread of procrastinate's."""
        self._tell("job", job.id)
        try:
            self._do_chunk(chunk, looked)
        finally:
            self._ended[job.id] = job.worker_id, time.monotonic()

    def _do_chunk(self, chunk: int, looked: int) -> None:
        # A whole chunk goes at once; what it is ahead of the rate is waited for before
        # the next one.
        if not self._pacing.before(1):
            # Told to stop: the chunk is still open, which a parent finds out later.
            self._tell("job", 0)
            return
        sent = 0

        def tell(*told: object) -> None:
            nonlocal sent
            if told[:2] == ("step", "sent"):
                sent += int(str(told[2]))
            self._tell(*told)

        try:
            waits = do_chunk(
                self._context,
                self._store,
                chunk,
                self._terms.size,
                tell,
                self._stopping.is_set,
            )
        except Exception as error:
            self._tell("job", 0)
            if not _is_tried_again(error):
                self._raised = self._raised or error
                self._loop.call_soon_threadsafe(self._stopping.set)
            raise
        finally:
            self._pacing.not_sent(1 - sent)
        self._tell("job", 0)
        if waits:
            later = {chunk: jobs.pause_before(looked)}
            coming = jobs.defer(self._app, self._address, later, looked + 1)
            # A chunk that is not put off is found open by a parent, later.
            asyncio.run_coroutine_threadsafe(coming, self._loop)


def _is_tried_again(error: Exception) -> bool:
    return isinstance(error, CampaignLocked | StoreLost)


def _is_passing(error: Exception) -> bool:
    """Say whether a fault of procrastinate is one of the database."""
    import psycopg
    from procrastinate.exceptions import ConnectorException

    return isinstance(error, ConnectorException | psycopg.Error)
