"""Worker processes: the same end as with one process, whoever is killed on the way."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from crashes import die_in_a_message, forks, in_child
from renewal.offices import Office, snapshot
from renewal.scenes import SUBSCRIBERS, Scene, Template, kill_at

from gostkey import bindings, curves
from gostkey.errors import GeneratorFailure, MediumError
from gostkey.media import groups
from gostkey.random.gamma import GammaFeed, GammaPair, make
from gostkey.renewal import Campaign, Event, workers
from gostkey.renewal.local_claims import LocalClaims
from gostkey.renewal.pacing import MostFailures, Pacing
from gostkey.renewal.randomness import Randomness
from gostkey.renewal.storage.store import Change, Item, Store

pytestmark = forks

MADE_BY_WORKERS = 4
"""Journal writes of a chunk that workers ask for."""

Workers = Callable[[workers._Parent, Sequence[Change], datetime], None]


@pytest.fixture(autouse=True)
def chunks_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each item be a chunk, so that there is work for several workers."""
    monkeypatch.setattr("gostkey.renewal.running.CHUNK", 1)


def with_workers(template: Template, folder: Path) -> Scene:
    """Make a scene that is run by two workers."""
    scene = template(folder)
    scene.workers = 2
    return scene


def test_workers_come_to_the_same_end(
    template: Template, undisturbed: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    scene = with_workers(template, tmp_path)
    assert scene.run() == 0
    assert scene.table() == undisturbed
    scene.check_one_of_each()


def worker_killed_at(record: int, when: str, mark: Path) -> Callable[[], None]:
    """Have the first worker that comes so far die at its n-th journal write."""

    def arm() -> None:
        original: Workers = workers._Parent.record
        calls = 0

        def deadly(
            self: workers._Parent, changes: Sequence[Change], at: datetime
        ) -> None:
            nonlocal calls
            calls += 1
            if calls == record and when == "before":
                die_once(mark)
            original(self, changes, at)
            if calls == record and when == "after":
                die_once(mark)

        workers._Parent.record = deadly  # type: ignore[method-assign]

    return arm


def die_once(mark: Path) -> None:
    """Kill this process, unless another one has been killed already."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("record", range(1, MADE_BY_WORKERS + 1))
def test_the_chunk_of_a_killed_worker_is_taken_over_in_the_same_run(
    template: Template,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    record: int,
    when: str,
) -> None:
    scene = with_workers(template, tmp_path / "scene")
    mark = tmp_path / "one has died"
    assert scene.run(worker_killed_at(record, when, mark)) == 0
    assert mark.exists()
    assert scene.table() == undisturbed
    scene.check_one_of_each()


@pytest.mark.parametrize("nth", [1, 4])
def test_a_worker_that_is_killed_in_the_middle_of_a_message_is_replaced(
    template: Template,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nth: int,
) -> None:
    scene = with_workers(template, tmp_path / "scene")
    with monkeypatch.context() as patch:
        die_in_a_message(patch, tmp_path / "died", nth)
        assert scene.run() == 0
    assert (tmp_path / "died").exists()
    assert scene.table() == undisturbed
    scene.check_one_of_each()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("record", range(1, SUBSCRIBERS * MADE_BY_WORKERS + 1))
def test_a_killed_parent_leaves_nothing_that_resume_cannot_take_over(
    template: Template,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    record: int,
    when: str,
) -> None:
    scene = with_workers(template, tmp_path)
    assert scene.run(kill_at(record, when)) == -signal.SIGKILL
    # Its workers may still be writing: resume waits for them, and for no longer.
    assert scene.resume() == 0
    assert scene.table() == undisturbed
    scene.check_one_of_each()


def test_workers_that_die_always_end_the_run_and_not_the_campaign(
    template: Template, undisturbed: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    scene = with_workers(template, tmp_path)

    def arm() -> None:
        def deadly(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        workers._Parent.record = deadly  # type: ignore[method-assign]

    assert scene.run(arm) == 1
    assert scene.resume() == 0
    assert scene.table() == undisturbed
    scene.check_one_of_each()


def test_no_worker_is_left_after_a_run_that_is_interrupted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        office.add()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with office.begin() as campaign:
        monkeypatch.setattr(Store, "record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            campaign.run(workers=2)
        assert multiprocessing.active_children() == []
        monkeypatch.undo()
        assert campaign.resume().counts["renewed"] == 3


def test_a_worker_writes_nothing_that_is_not_in_the_journal(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        office.add()
    original = groups.write_containers

    def watching(writings: Sequence[groups.Writing]) -> None:
        with Store.open(office.campaign) as store:
            begun = {
                one["detail"].get("folder")
                for one in store.history()
                if (one["step"], one["phase"]) == ("keyed", "before")
            }
        assert {one.place for one in writings} <= begun
        original(writings)

    monkeypatch.setattr("gostkey.media.folder.write_containers", watching)
    with office.begin() as campaign:
        assert campaign.make_requests(workers=2) == {"requested": 6}


def test_a_worker_gets_no_chunk_after_too_many_failures(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(12):
        office.add()

    def failing(writings: Sequence[groups.Writing]) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("gostkey.media.folder.write_containers", failing)
    with office.begin() as campaign:
        campaign.run(workers=2, pacing=Pacing(most_failures=MostFailures(2)))
        failed = campaign.report().counts["failed"]
    # Each worker is at one key when the second failure is counted.
    assert 2 <= failed <= 3


def test_what_came_of_a_chunk_is_kept_though_the_next_one_cannot_be_claimed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        office.add()
    original = LocalClaims.claim
    calls = 0

    def claim(self: LocalClaims, items: Sequence[Item]) -> dict[int, str]:
        nonlocal calls
        calls += 1
        if calls == 3:
            # It is the first worker that is through with its chunk.
            raise MediumError("claims.sqlite: the disk is full")
        return original(self, items)

    monkeypatch.setattr(LocalClaims, "claim", claim)
    with office.begin() as campaign:
        with pytest.raises(MediumError, match="disk is full"):
            campaign.make_requests(workers=2)
        with Store.open(office.campaign) as store:
            assert store.count_states() == {"planned": 2, "requested": 1}
        assert campaign.resume(workers=2).counts["renewed"] == 3


def test_keys_of_one_beginning_get_different_folders_from_different_workers(
    office: Office,
) -> None:
    for number in range(6):
        office.add(name=f"samename-{number}")
    before = snapshot(office.keys)
    with office.begin() as campaign:
        report = campaign.run(workers=3)
    assert report.counts["renewed"] == 6
    assert len({row["new_container"] for row in report.rows}) == 6
    after = snapshot(office.keys)
    assert {name: after[name] for name in before} == before


def test_each_key_takes_its_own_record_of_gamma(office: Office, tmp_path: Path) -> None:
    for _ in range(4):
        office.add()
    make(tmp_path / "gamma", 10, "0000000A")
    with GammaPair.open(tmp_path / "gamma") as pair, office.begin() as campaign:
        report = campaign.run(randomness=Randomness(gamma=GammaFeed(pair)), workers=2)
        assert pair.remaining == 6
    assert report.counts["renewed"] == 4
    assert report.randomness["gamma_records"] == 4
    with Store.open(office.campaign) as store:
        kept = [one for one in store.randomness() if one["kind"] == "gamma"]
    hashes = [one for record in kept for one in record["detail"]["hashes"]]
    assert len(set(hashes)) == 4


def test_the_workers_random_numbers_are_counted(office: Office) -> None:
    for _ in range(3):
        office.add()
    with office.begin() as campaign:
        assert campaign.make_requests(workers=2) == {"requested": 3}
        report = campaign.report()
    # 40 bytes for each key at least, and a seed before them.
    assert report.randomness["bytes"] >= 3 * 40
    assert report.randomness["reseeds"] >= 3


def test_a_generator_that_fails_in_a_worker_stops_the_run(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        office.add()

    def failing(*_: object, **__: object) -> None:
        raise GeneratorFailure("the source repeats itself")

    with office.begin() as campaign:
        monkeypatch.setattr("gostkey.batch.generate", failing)
        with pytest.raises(GeneratorFailure, match="repeats itself"):
            campaign.run(workers=2)
        monkeypatch.undo()
        assert campaign.resume(workers=2).counts["renewed"] == 3


def test_progress_is_told_once_for_each_step_and_item(office: Office) -> None:
    for _ in range(3):
        office.add()
    told: list[Event] = []
    with office.begin() as campaign:
        campaign.run(told.append, workers=2)
    assert [one.done for one in told if one.kind == "step"][-1] == told[0].total
    assert len([one for one in told if one.kind == "item"]) == 3


def test_making_requests_sends_nothing_and_a_run_goes_on(office: Office) -> None:
    for _ in range(2):
        office.add()
    with office.begin() as campaign:
        told: list[Event] = []
        assert campaign.make_requests(told.append, workers=2) == {"requested": 2}
        assert len([one for one in told if one.kind == "item"]) == 2
        assert len(office.authority.certificates()) == 2
        assert campaign.run().counts["renewed"] == 2


def test_a_lock_is_not_waited_for_while_its_holder_lives(office: Office) -> None:
    office.add()
    with office.begin():
        start = time.monotonic()

        def second() -> None:
            Campaign.open(office.campaign, clock=office.clock)

        assert in_child(second) == 1
        assert time.monotonic() - start < 10


@pytest.fixture
def at_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with what each worker has when it begins: open files, curves' tables."""
    original = workers._work
    folder = tmp_path / "at-work"
    folder.mkdir()

    def work(*arguments: Any) -> None:
        mine = [os.readlink(one) for one in _open_files()]
        found = {"open": mine, "prepared": sorted(bindings.prepared)}
        (folder / str(os.getpid())).write_text(json.dumps(found))
        original(*arguments)

    monkeypatch.setattr(workers, "_work", work)
    return folder


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="Linux tells which files are open"
)
def test_workers_inherit_no_database_and_the_tables_of_the_curves(
    office: Office, at_work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # More than the other one could do before the dead one is missed.
    for _ in range(8):
        office.add(curve=curves.get("tc26-512-a").oid)
    with office.begin() as campaign:
        # The first crew dies after claims were made, so that a second one is forked.
        monkeypatch.setattr(workers._Parent, "record", workers._Parent.record)
        worker_killed_at(1, "before", tmp_path / "died")()
        # As in a process that has read no certificate yet.
        bindings.prepared.clear()
        assert campaign.run(workers=2).counts["renewed"] == 8
        mine = [os.readlink(one) for one in _open_files()]
    # Other tests may have left theirs open.
    here = str(office.folder), os.environ["GOSTKEY_STATE"]
    ours = re.compile(rf"({'|'.join(map(re.escape, here))})/.*\.sqlite")
    begun = [json.loads(one.read_text()) for one in at_work.iterdir()]
    assert len(begun) == 4
    for one in begun:
        # That of the authority, which is in this process, they leave alone.
        open_ = [path for path in one["open"] if "register.sqlite" not in path]
        assert not [path for path in open_ if ours.match(path)]
        assert curves.get("tc26-512-a").index in one["prepared"] or not bindings.core
    ours_at_last = [path for path in mine if ours.match(path)]
    assert [path for path in ours_at_last if "/campaign.sqlite" in path]
    assert not [path for path in ours_at_last if "/claims.sqlite" in path]


def _open_files() -> list[Path]:
    return [one for one in Path("/proc/self/fd").iterdir() if os.path.lexists(one)]
