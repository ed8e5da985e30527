"""The jobs of a campaign in procrastinate's tables: one for each chunk that is open.

The tables are in a schema of their own, named after procrastinate's release, so that
another release finds none that it does not understand; jobs are no loss, as the next
station that begins makes anew what the journal says is open.
"""

from __future__ import annotations

import importlib.metadata
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa

from gostkey.errors import CampaignError, CampaignLocked, StoreLost

from ..storage.address import Address
from ..storage.postgres import KEEPALIVE, PostgresDatabase

TASK = "gostkey.chunk"
HEARTBEAT = 2.0
"""Seconds between two signs of life of a worker."""
STALLED = 12.0
"""Seconds without one after which a worker is taken for dead."""
_FIRST_LOOK = timedelta(minutes=1)
_LAST_LOOK = timedelta(minutes=30)
"""Between two looks for answers of a chunk: at first, and at most."""

DoChunk = Callable[[int, Any, int], None]
"""Takes the number of a chunk, its job, and how often it was looked at."""


def need_procrastinate() -> Any:
    """Import procrastinate.

    Raises:
        CampaignError: if it is not installed.
    """
    try:
        import procrastinate
    except ImportError as error:
        raise CampaignError(
            "stations that share a campaign need procrastinate; install it: "
            "pip install 'gostkey[office]'"
        ) from error
    return procrastinate


def jobs_schema() -> str:
    """Name the schema of procrastinate's tables."""
    release = importlib.metadata.version("procrastinate").split("+")[0]
    return "gostkey_jobs_" + release.replace(".", "_")


def make_tables(database: PostgresDatabase) -> None:
    """Make procrastinate's tables unless they are there."""
    procrastinate = need_procrastinate()
    schema = jobs_schema()

    def make(connection: sa.Connection) -> None:
        text = procrastinate.schema.SchemaManager.get_schema()
        connection.exec_driver_sql(
            "select set_config('search_path', %s, true)", (schema,)
        )
        # As a whole, without parameters: it has many statements.
        raw: Any = connection.connection.driver_connection
        raw.execute(text)

    database.make_shared(schema, make)


def make_app(address: Address, do_chunk: DoChunk | None = None) -> Any:
    """Make procrastinate's application; open it before it is used.

    Args:
        address: of the database.
        do_chunk: what a job does.
    """
    procrastinate = need_procrastinate()
    words = address.for_libpq()
    search = f"-csearch_path={jobs_schema()}"
    words["options"] = f"{words.get('options', '')} {search}".strip()
    connector = procrastinate.PsycopgConnector(
        kwargs={**KEEPALIVE, "application_name": "gostkey jobs", **words},
        min_size=1,
        max_size=3,
        timeout=15.0,
    )
    app = procrastinate.App(connector=connector)

    def do(context: Any, chunk: int, looked: int) -> None:
        assert do_chunk is not None
        do_chunk(chunk, context.job, looked)

    app.task(name=TASK, pass_context=True, retry=_strategy(procrastinate))(do)
    return app


def _strategy(procrastinate: Any) -> Any:
    """Say when a job that raised is tried again."""
    decide = procrastinate.RetryDecision

    class Strategy(procrastinate.BaseRetryStrategy):  # type: ignore[misc]
        def get_retry_decision(self, *, exception: BaseException, job: Any) -> Any:
            if isinstance(exception, CampaignLocked):
                return decide(retry_in={"seconds": 1 + random.randrange(3)})
            if isinstance(exception, StoreLost):
                return decide(retry_in={"seconds": 10})
            # What is beyond the steps is told to the station's parent, which ends.
            return None

    return Strategy()


def lock_of(address: Address, chunk: int) -> str:
    """Name a chunk for procrastinate."""
    return f"{address.schema} {chunk}"


async def defer(
    app: Any, address: Address, chunks: Mapping[int, timedelta | None], looked: int = 0
) -> dict[int, int]:
    """Put jobs into the queue, but none of which there is one to be done already.

    Args:
        app: open.
        address: of the campaign.
        chunks: numbers of the chunks to when; None: at once.
        looked: how often they were looked at in vain.

    Returns:
        Number of the chunk to its new job.
    """
    procrastinate = need_procrastinate()
    made: dict[int, int] = {}
    for chunk, later in chunks.items():
        deferrer = app.configure_task(
            TASK,
            queue=address.schema,
            lock=lock_of(address, chunk),
            queueing_lock=lock_of(address, chunk),
            schedule_at=None if later is None else datetime.now(timezone.utc) + later,
        )
        try:
            made[chunk] = await deferrer.defer_async(chunk=chunk, looked=looked)
        except procrastinate.exceptions.AlreadyEnqueued:
            continue
    return made


async def defer_missing(app: Any, address: Address, chunks: Iterable[int]) -> None:
    """Put jobs into the queue for chunks that had none a moment ago.

    Another station may have done so meanwhile, and a worker begun: one that waits
    beside it would be in the way when that one is to be tried again.
    """
    made = await defer(app, address, dict.fromkeys(chunks))
    if not made:
        return
    manager = app.job_manager
    for job in await manager.list_jobs_async(queue=address.schema, status="doing"):
        second = made.get(int(job.task_kwargs["chunk"]))
        if second is not None:
            await manager.cancel_job_by_id_async(second, delete_job=True)


def pause_before(looked: int) -> timedelta:
    """Say when to look for answers again, after so many looks in vain."""
    span = min(_LAST_LOOK, _FIRST_LOOK * (1 << min(looked, 10)))
    return span * random.uniform(0.8, 1.2)


async def take_over(app: Any, address: Address, dead: Iterable[int]) -> None:
    """Let others do the jobs of dead workers.

    Args:
        app: open.
        address: of the campaign.
        dead: jobs whose worker is known to be dead; others are told by their silence.
    """
    manager = app.job_manager
    stalled = await manager.get_stalled_jobs(
        queue=address.schema, seconds_since_heartbeat=STALLED
    )
    numbers = {job.id for job in stalled} | set(dead)
    jobs = await manager.list_jobs_async(queue=address.schema, status="doing")
    procrastinate = need_procrastinate()
    for job in jobs:
        if job.id not in numbers:
            continue
        try:
            await manager.retry_job(job)
        except procrastinate.exceptions.UniqueViolation:
            # The next job of its chunk waits already, and for the end of this one.
            failed = procrastinate.jobs.Status.FAILED
            await manager.finish_job(job, failed, delete_job=True)


async def jobs_at_hand(app: Any, address: Address) -> dict[int, bool]:
    """List the chunks that have jobs.

    Returns:
        Number of the chunk to whether its job is done now, or is due.  One that is
        only tried again in a moment is due; one that was put off until answers have
        come is not.
    """
    now = datetime.now(timezone.utc)
    found: dict[int, bool] = {}
    for job in await app.job_manager.list_jobs_async(queue=address.schema):
        if job.status not in ("todo", "doing"):
            continue
        is_due = job.scheduled_at is None or job.scheduled_at <= now
        is_due |= not job.task_kwargs["looked"]
        chunk = int(job.task_kwargs["chunk"])
        found[chunk] = found.get(chunk, False) or job.status == "doing" or is_due
    return found


async def forget_scheduled(app: Any, address: Address) -> None:
    """Remove the jobs that were put off, so that they can be done now."""
    now = datetime.now(timezone.utc)
    manager = app.job_manager
    for job in await manager.list_jobs_async(queue=address.schema, status="todo"):
        if job.scheduled_at is not None and job.scheduled_at > now:
            await manager.cancel_job_by_id_async(job.id, delete_job=True)
