"""Several stations at one campaign: shared work, deaths, and a database that dies.

After each fault: one new key and one certificate for everybody, the old containers as
they were, and the table of a campaign that nobody disturbed.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest
from clusters import Cluster
from crashes import die_in_a_message, forks, in_child
from renewal.offices import Office, snapshot
from renewal.scenes import RECORDS, Scene
from renewal.test_campaign import Post
from tally import Tally

from gostkey.errors import CampaignError, CampaignLocked
from gostkey.media import FolderStore
from gostkey.renewal import Campaign, Listing, make_plan
from gostkey.renewal.pacing import Pacing, QuietHours, Rate, Time
from gostkey.renewal.stations import chunk, jobs
from gostkey.renewal.stations import station as station_module
from gostkey.renewal.stations.station import Station
from gostkey.renewal.storage import advisory, postgres
from gostkey.renewal.storage.address import ADDRESS_NAME, Address, remember
from gostkey.renewal.storage.store import Change, Store

pytest.importorskip("procrastinate", reason="pip install 'gostkey[office]'")
pytestmark = forks


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One item a chunk, and no long waiting for a sign of life."""
    monkeypatch.setattr(chunk, "SMALLEST", 1)
    monkeypatch.setattr(station_module, "TEND", 0.2)
    monkeypatch.setattr(jobs, "HEARTBEAT", 0.3)
    monkeypatch.setattr(jobs, "STALLED", 1.5)
    monkeypatch.setattr(advisory, "PATIENCE", 0.2)


@pytest.fixture
def shared(
    template: Callable[[Path], Scene], tmp_path: Path, cluster: Cluster
) -> Iterator[Scene]:
    """Give an office whose campaign is begun in PostgreSQL; check it at the end."""
    scene = template(tmp_path)
    scene.office.store = cluster.new_campaign()
    begin(scene.office, scene)
    yield scene


def begin(office: Office, scene: Scene) -> None:
    plan = make_plan(Listing(tuple(office.subscribers)), office.clock())
    Campaign.begin(
        office.campaign, plan, scene.reopen(), clock=office.clock, store=office.store
    ).close()


def station(scene: Scene) -> Station:
    """Give a station that finds all in the database."""
    return Station(scene.office.campaign, scene.office.clock)


def work(scene: Scene, workers: int = 2) -> int:
    """Work in a process of its own, as a station does."""

    def do() -> None:
        station(scene).work(workers=workers)

    return in_child(do)


def check(scene: Scene, undisturbed: list[tuple[Any, ...]]) -> None:
    with Store.open(scene.office.campaign) as store:
        stopped = [
            one.text for one in store.items() if one.reason and one.state != "due"
        ]
    assert not stopped
    assert scene.table() == undisturbed
    scene.check_one_of_each()


def once(path: Path) -> bool:
    """Say whether this process is the first one to ask."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def at_record(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, record: int, do: Callable[[], None]
) -> None:
    """Have the first worker that comes to its n-th journal write do something."""
    original = Store.record
    calls = 0

    def spoiled(self: Store, changes: Sequence[Change], at: datetime) -> None:
        nonlocal calls
        original(self, changes, at)
        calls += 1
        if calls == record and once(scene.office.folder / "spoiled"):
            do()

    monkeypatch.setattr(Store, "record", spoiled)


def kill_me() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_two_workers_share_the_work(
    shared: Scene, undisturbed: list[tuple[Any, ...]]
) -> None:
    assert work(shared) == 0
    check(shared, undisturbed)
    with Store.open(shared.office.campaign) as store:
        who = {one["who"] for one in store.history() if one["step"] == "keyed"}
    assert len(who) == 2


def test_stations_keep_to_a_rate_and_to_quiet_hours(
    shared: Scene, undisturbed: list[tuple[Any, ...]]
) -> None:
    begun = time.monotonic()

    def clock() -> datetime:
        # Two seconds of quiet hours are left.
        minutes = datetime(2026, 11, 27, 17, 59, 58, tzinfo=timezone.utc)
        return minutes + timedelta(seconds=time.monotonic() - begun)

    pacing = Pacing(
        # Three requests by two workers: one each at once, the third waits.
        rate=Rate.parse("1/s"),
        quiet=QuietHours.parse(["08:00-18:00"]),
        zone=timezone.utc,
        time=Time(clock=clock),
    )

    def do() -> None:
        one = station(shared)
        one.pacing = pacing
        one.work(workers=2)

    assert in_child(do) == 0
    assert time.monotonic() - begun > 2 + 2
    check(shared, undisturbed)


def test_a_key_that_is_rolled_back_is_free_for_another_campaign(
    shared: Scene,
) -> None:
    assert work(shared) == 0
    office = shared.office
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        (undone,) = campaign.roll_back(["1"], not_used=True)
        assert undone.error is None
    assert undone.serial is not None
    authority = shared.reopen()
    authority.authority.revoke(int(undone.serial, 16), office.clock())
    plan = make_plan(Listing(tuple(office.subscribers)), office.clock())
    with Campaign.begin(
        office.folder / "second",
        plan,
        authority,
        clock=office.clock,
        store=f"{office.store}-second",
    ) as second:
        report = second.run()
        assert report.counts["renewed"] == 1, report.rows


def test_two_stations_share_the_work(
    shared: Scene, undisturbed: list[tuple[Any, ...]]
) -> None:
    other = os.fork()
    if other == 0:
        # Another machine has a folder of its own.
        office = shared.office
        folder = office.folder / "elsewhere" / "campaign"
        try:
            Station(folder, office.clock, office.store).work()
        finally:
            os._exit(0)
    assert work(shared, workers=1) == 0
    os.waitpid(other, 0)
    rows = [
        tuple(str(one).replace("/elsewhere", "") for one in row)
        for row in shared.table()
    ]
    assert rows == [tuple(str(one) for one in row) for row in undisturbed]


def records(*quick: int) -> list[Any]:
    """Give every write to the journal; those but *quick* are for the slow tests."""
    return [
        pytest.param(one, marks=() if one in quick else pytest.mark.slow)
        for one in range(1, RECORDS + 1)
    ]


@dataclass
class Disturbed:
    """A campaign that is disturbed at a write to the journal, then looked at."""

    shared: Scene
    undisturbed: list[tuple[Any, ...]]
    monkeypatch: pytest.MonkeyPatch
    tally: Tally

    @contextmanager
    def by(self, what: str, record: int, do: Callable[[], None]) -> Iterator[Scene]:
        """Have *do* done by the worker that comes to the n-th write of the body."""
        with self.tally(what):
            at_record(self.shared, self.monkeypatch, record, do)
            yield self.shared
            check(self.shared, self.undisturbed)


@pytest.fixture
def disturbed(
    shared: Scene,
    undisturbed: list[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
    tally: Tally,
) -> Disturbed:
    return Disturbed(shared, undisturbed, monkeypatch, tally)


@pytest.mark.parametrize("record", records(2, RECORDS - 1))
def test_a_killed_workers_chunk_is_taken_over(
    disturbed: Disturbed, record: int
) -> None:
    fault = "kill -9 of a station's worker at a journalled step"
    with disturbed.by(fault, record, kill_me) as shared:
        assert work(shared) == 0
        assert (shared.office.folder / "spoiled").exists()


def test_a_worker_that_is_killed_in_the_middle_of_a_message_is_replaced(
    shared: Scene,
    undisturbed: list[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with monkeypatch.context() as patch:
        die_in_a_message(patch, tmp_path / "died", nth=3)
        assert work(shared, workers=1) == 0
    assert (tmp_path / "died").exists()
    check(shared, undisturbed)


@pytest.mark.parametrize("record", records(3))
def test_a_killed_stations_chunks_are_taken_over(
    disturbed: Disturbed, record: int
) -> None:
    """Parent and worker die at once, as when the current goes."""

    def kill_both() -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        kill_me()

    fault = "kill -9 of a whole station at a journalled step"
    with disturbed.by(fault, record, kill_both) as shared:
        assert work(shared, workers=1) == -signal.SIGKILL
        assert work(shared) == 0


@pytest.mark.parametrize("record", records(3))
def test_a_server_that_dies_in_the_middle_is_waited_for(
    disturbed: Disturbed, cluster: Cluster, record: int
) -> None:
    crash = disturbed.shared.office.folder / "crash"

    def wait_for_it() -> None:
        crash.touch()
        time.sleep(0.2)

    def restart() -> None:
        while not crash.exists():
            time.sleep(0.01)
        cluster.stop("immediate")
        time.sleep(0.3)
        cluster.start()

    with disturbed.by("PostgreSQL killed and restarted", record, wait_for_it) as shared:
        thread = threading.Thread(target=restart)
        child = os.fork()
        if child == 0:
            os._exit(0 if in_child(lambda: station(shared).work(workers=2)) == 0 else 1)
        thread.start()
        thread.join()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("record", records(5))
def test_cut_connections_are_made_anew(
    disturbed: Disturbed, cluster: Cluster, record: int
) -> None:
    def cut() -> None:
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name like 'gostkey%'"
            )

    with disturbed.by("connections to PostgreSQL cut", record, cut) as shared:
        assert work(shared) == 0


def test_a_second_operator_is_told_who_works(
    shared: Scene, undisturbed: list[tuple[Any, ...]]
) -> None:
    office = shared.office
    with Store.open(office.campaign) as store:
        store.database.hold(shared=True)
        with pytest.raises(CampaignLocked, match=f"another run.*{os.getpid()}"):
            Campaign.refuse_second(office.campaign, office.store)
        with pytest.raises(CampaignLocked, match="another run works on it"):
            Campaign.refuse_second(office.folder / "elsewhere", office.store)
    with pytest.raises(CampaignError, match="there is a campaign"):
        begin(office, shared)
    assert work(shared) == 0
    check(shared, undisturbed)


def test_a_key_of_another_campaign_is_left_to_it(
    shared: Scene, undisturbed: list[tuple[Any, ...]], cluster: Cluster
) -> None:
    """Both are planned at once; they write to different folders."""
    office = shared.office
    other = Office(office.folder, office.authority, office.clock, store=None)
    plan = make_plan(Listing(tuple(office.subscribers)), office.clock())
    elsewhere = office.folder / "other-campaign"
    Campaign.begin(
        elsewhere,
        plan,
        shared.reopen(),
        clock=other.clock,
        store=f"{office.store}-other",
    ).close()
    assert work(shared) == 0
    report = Station(elsewhere, office.clock).work()
    reasons = {row["reason"] for row in report.rows if row["group"] == "failed"}
    assert reasons == {"held-by-another-campaign"}
    with Campaign.open(elsewhere, clock=office.clock) as campaign:
        assert campaign.resume().counts["renewed"] == 0
    check(shared, undisturbed)


def queue_of(cluster: Cluster) -> Address:
    """Make a campaign's queue, in which nothing is yet."""
    database = postgres.PostgresDatabase(Path("campaign"), cluster.new_campaign())
    jobs.make_tables(database)
    database.close()
    return database.address


def test_a_job_that_is_tried_again_in_a_moment_is_waited_for(cluster: Cluster) -> None:
    address, later = queue_of(cluster), timedelta(minutes=5)

    async def look() -> dict[int, bool]:
        app = jobs.make_app(address)
        async with app.open_async():
            await jobs.defer(app, address, {1: later}, looked=0)
            await jobs.defer(app, address, {2: later}, looked=1)
            await jobs.defer(app, address, {3: None, 1: None})
            return await jobs.jobs_at_hand(app, address)

    assert asyncio.run(look()) == {1: True, 2: False, 3: True}


def test_a_dead_workers_job_makes_way_for_the_next_one_of_its_chunk(
    cluster: Cluster,
) -> None:
    """Two stations began at once: a job waits beside the one that is done."""
    address = queue_of(cluster)

    async def look() -> list[tuple[int, str]]:
        app = jobs.make_app(address)
        async with app.open_async():
            manager = app.job_manager
            made = await jobs.defer(app, address, {1: None, 2: None})
            worker = await manager.register_worker()
            for _ in made:
                await manager.fetch_job(queues=[address.schema], worker_id=worker)
            second = await jobs.defer(app, address, {1: None})
            await jobs.take_over(app, address, made.values())
            there = await manager.list_jobs_async(queue=address.schema)
            assert {one.id for one in there} == {made[2], second[1]}
            return [(one.task_kwargs["chunk"], one.status) for one in there]

    assert sorted(asyncio.run(look())) == [(1, "todo"), (2, "todo")]


@pytest.mark.parametrize("end", ["finish_job", "retry_job"])
def test_a_job_whose_end_could_not_be_written_is_done_again(
    shared: Scene,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    """The database is away in that moment; the worker lives, and goes on."""
    from procrastinate.exceptions import ConnectorException
    from procrastinate.manager import JobManager

    original = getattr(JobManager, end)
    chunk_of = postgres.PostgresDatabase.holding

    async def lost(self: JobManager, *arguments: Any, **options: Any) -> None:
        if once(tmp_path / "the end was lost"):
            raise ConnectorException("the connection is lost")
        await original(self, *arguments, **options)

    def busy(self: postgres.PostgresDatabase, number: int) -> Any:
        if end == "retry_job" and once(tmp_path / "another was at it"):
            raise CampaignLocked("chunk 1: another station is at it")
        return chunk_of(self, number)

    monkeypatch.setattr(JobManager, end, lost)
    monkeypatch.setattr(postgres.PostgresDatabase, "holding", busy)
    assert work(shared, workers=1) == 0
    assert (tmp_path / "the end was lost").exists()
    check(shared, undisturbed)


def test_a_missing_job_is_not_put_beside_one_that_is_done(cluster: Cluster) -> None:
    address = queue_of(cluster)

    async def look() -> list[tuple[int, str]]:
        app = jobs.make_app(address)
        async with app.open_async():
            manager = app.job_manager
            await jobs.defer(app, address, {1: None})
            worker = await manager.register_worker()
            await manager.fetch_job(queues=[address.schema], worker_id=worker)
            # This station looked before the other one had put its job in.
            await jobs.defer_missing(app, address, [1, 2])
            there = await manager.list_jobs_async(queue=address.schema)
            return [(one.task_kwargs["chunk"], one.status) for one in there]

    assert sorted(asyncio.run(look())) == [(1, "doing"), (2, "todo")]


def test_a_container_that_another_has_written_meanwhile_is_taken_over(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a worker that was taken for dead, and was not."""
    office.add()
    original = FolderStore.write_many

    def late(self: FolderStore, containers: Any) -> Any:
        if once(office.folder / "spoiled"):
            original(self, containers)
        return original(self, containers)

    monkeypatch.setattr(FolderStore, "write_many", late)
    with office.begin() as campaign:
        report = campaign.run()
        keyed = [one for one in campaign.history() if one["step"] == "keyed"]
    assert report.counts["renewed"] == 1
    assert keyed[-1]["detail"]["adopted"]


def test_a_campaign_in_a_file_has_one_station(office: Office) -> None:
    office.begin().close()
    with pytest.raises(CampaignError, match="begin one with --store"):
        Station(office.campaign, office.clock).work()


def test_no_station_hides_a_campaign_that_is_in_a_file(shared: Scene) -> None:
    office = shared.office
    assert office.store is not None
    theirs = office.folder / "theirs"
    plan = make_plan(Listing(tuple(office.subscribers)), office.clock())
    Campaign.begin(theirs, plan, shared.reopen(), clock=office.clock).close()
    before = set(snapshot(theirs))
    with pytest.raises(CampaignError, match="campaign.sqlite: is another campaign"):
        Station(theirs, office.clock, office.store).work()
    with pytest.raises(CampaignError, match="name a folder of its own"):
        Campaign.open(theirs, clock=office.clock, store=office.store)
    assert set(snapshot(theirs)) == before
    # Where it was hidden already, it is told how it is found again.
    remember(theirs, Address.parse(office.store, theirs))
    with pytest.raises(CampaignError, match="remove .*campaign.store"):
        Station(theirs, office.clock).work()
    (theirs / ADDRESS_NAME).unlink()
    with Campaign.open(theirs, clock=office.clock) as campaign:
        assert not campaign.is_shared


def test_answers_that_come_later_are_looked_for_again(
    office: Office, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_FIRST_LOOK", timedelta(seconds=0.3))
    for _ in range(3):
        office.add()
    office.store = cluster.new_campaign()
    post = Post(office)
    office.begin(post.transport).close()
    # Without --watch it ends when all have been sent.
    report = Station(office.campaign, office.clock).work()
    assert report.counts["waiting"] == 3
    child = os.fork()
    if child == 0:
        done = in_child(lambda: Station(office.campaign, office.clock).work(watch=True))
        os._exit(done)
    for request in post.requests():
        time.sleep(0.5)
        post.answer(request)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with office.open() as campaign:
        assert campaign.report().counts["renewed"] == 3
    assert len(post.requests()) == 3


# -- many kills ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_many_kills_at_random_change_nothing_in_the_end(
    shared: Scene, undisturbed: list[tuple[Any, ...]], tally: Tally, seed: int
) -> None:
    """Four times some processes of two stations are killed."""
    draw = random.Random(seed)
    for number in range(4):
        with tally("kill -9 of processes of two stations at random"):
            kill_some(shared, draw)
            if number == 3:
                assert work(shared) == 0
                check(shared, undisturbed)


def kill_some(shared: Scene, draw: random.Random) -> None:
    """Let two stations work, and kill one to three of their processes."""
    parents = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            os._exit(0 if work(shared, workers=2) == 0 else 1)
        parents.append(child)
    time.sleep(draw.uniform(0.1, 1.5))
    victims = _descendants(parents)
    for victim in draw.sample(victims, min(len(victims), draw.randint(1, 3))):
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for parent in parents:
        os.waitpid(parent, 0)


def _descendants(parents: Sequence[int]) -> list[int]:
    """List the processes below some, which may be killed."""
    found: list[int] = []
    left = list(parents)
    while left:
        parent = left.pop()
        try:
            text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        except OSError:
            continue
        children = [int(one) for one in text.split()]
        found += children
        left += children
    return found
