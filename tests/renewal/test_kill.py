"""kill -9 at every journalled step, at random moments, and while preparing.

A child process runs a campaign and kills itself; other processes resume it.
The end must be that of a campaign which nobody disturbed: the same table, one
new container and one certificate for every subscriber.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from crashes import forks, in_child
from renewal.offices import Office, certificate_in, new_office, snapshot

from gostkey.containers import Container
from gostkey.media import FolderStore
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import (
    STATES,
    Campaign,
    EmbeddedCA,
    FolderTransport,
    Listing,
    make_plan,
)
from gostkey.renewal.store import Change, Store

pytestmark = forks

SUBSCRIBERS = 3
# Each of the seven steps is written before it begins and after it has ended.
RECORDS = 2 * len(STATES[2:])


def kill_at(record: int, when: str) -> Callable[[], None]:
    """Make a change to `Store.record`: die at the n-th call."""

    def arm() -> None:
        original = Store.record
        calls = 0

        def deadly(self: Store, changes: Sequence[Change], at: datetime) -> None:
            nonlocal calls
            calls += 1
            if calls == record and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            original(self, changes, at)
            if calls == record and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)

        Store.record = deadly  # type: ignore[method-assign]

    return arm


@dataclass
class Scene:
    """A folder with an office whose campaign is begun by a child."""

    office: Office
    before: dict[str, bytes]

    def reopen(self) -> EmbeddedCA:
        """Open the authority anew, as another process does."""
        folder = self.office.folder / "ca"
        return EmbeddedCA(CertificateAuthority.open(folder), folder, self.office.clock)

    def run(self, arm: Callable[[], None] = lambda: None) -> int:
        """Begin the campaign and run it in a child."""

        def work() -> None:
            arm()
            plan = make_plan(
                Listing(tuple(self.office.subscribers)), self.office.clock()
            )
            with Campaign.begin(
                self.office.campaign, plan, self.reopen(), clock=self.office.clock
            ) as campaign:
                campaign.run()

        return in_child(work)

    def resume(self, arm: Callable[[], None] = lambda: None) -> int:
        """Resume in a child, which finds everything in the store."""

        def work() -> None:
            arm()
            with Campaign.open(
                self.office.campaign, clock=self.office.clock
            ) as campaign:
                campaign.resume()

        return in_child(work)

    def table(self) -> list[tuple[Any, ...]]:
        """Give the part of the report that is the same in every run."""
        with Campaign.open(self.office.campaign, clock=self.office.clock) as campaign:
            rows = campaign.report().rows
        columns = (
            "group state owner inn container slot old_ends new_ends reason new_name "
            "new_container archive backup"
        ).split()
        base = str(self.office.folder)
        return [
            tuple(
                value.replace(base, "") if isinstance(value, str) else value
                for value in (row[name] for name in columns)
            )
            for row in rows
        ]

    def check_one_of_each(self) -> None:
        """Check that nobody has a second key, certificate or leftover."""
        issued = Counter(
            one.subject_der for one in self.reopen().authority.certificates()
        )
        renewed = self.office.subscribers[:SUBSCRIBERS]
        for who in renewed:
            old = certificate_in(who.container)
            assert old is not None
            # The one that the old key has, and one for the new key.
            assert issued[old.subject_der] == 2
        after = snapshot(self.office.keys)
        assert {name: after[name] for name in self.before} == self.before
        new = [one for one in self.office.keys.iterdir() if one.name.endswith(".001")]
        assert len(new) == len(renewed)
        everything = {one.name for one in self.office.folder.rglob("*")}
        assert not {name for name in everything if name.startswith(".gostkey")}
        with Campaign.open(self.office.campaign, clock=self.office.clock) as campaign:
            by_place = {
                row["new_container"]: row
                for row in campaign.report().rows
                if row["group"] == "renewed"
            }
        assert {Path(place) for place in by_place} == set(new)
        for place in new:
            container = Container.parse(FolderStore(place.parent).read(place))
            with container.open() as opened:
                certificate = certificate_in(place)
                assert certificate is not None
                key = opened.keys["primary"].verifying_key
                assert certificate.public_key == key


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Scene]:
    """Make scenes that are copies of one office: three due keys and a refusal."""
    import shutil
    from dataclasses import replace

    origin = new_office(tmp_path_factory.mktemp("origin"))
    for _ in range(SUBSCRIBERS):
        origin.add()
    origin.add(exchanges_finished=False)
    origin.authority.close()

    def make(folder: Path) -> Scene:
        shutil.copytree(origin.folder, folder, dirs_exist_ok=True)
        office = Office(folder, origin.authority, origin.clock)
        office.subscribers = [
            replace(who, container=folder / who.container.relative_to(origin.folder))
            for who in origin.subscribers
        ]
        return Scene(office, snapshot(office.keys))

    return make


@pytest.fixture(scope="module")
def undisturbed(
    template: Callable[[Path], Scene], tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[Any, ...]]:
    """The table of a campaign that nobody disturbed."""
    scene = template(tmp_path_factory.mktemp("undisturbed"))
    assert scene.run() == 0
    scene.check_one_of_each()
    table = scene.table()
    assert [row[0] for row in table] == ["renewed"] * SUBSCRIBERS + ["refused"]
    return table


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("record", range(1, RECORDS + 1))
def test_a_kill_at_any_journal_write_changes_nothing_in_the_end(
    template: Callable[[Path], Scene],
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    record: int,
    when: str,
) -> None:
    scene = template(tmp_path)
    assert scene.run(kill_at(record, when)) == -signal.SIGKILL
    assert scene.resume() == 0
    assert scene.table() == undisturbed
    scene.check_one_of_each()


def test_a_campaign_killed_at_every_step_in_turn_ends_all_the_same(
    template: Callable[[Path], Scene],
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
) -> None:
    scene = template(tmp_path)
    assert scene.run(kill_at(1, "after")) == -signal.SIGKILL
    kills = 0
    # Each run dies right after its second write, so it gains one step.
    while scene.resume(kill_at(2, "after")) == -signal.SIGKILL:
        kills += 1
        assert kills < 3 * RECORDS
    assert kills >= len(STATES[2:]) - 1
    assert scene.table() == undisturbed
    scene.check_one_of_each()


def killed_after(seconds: float, work: Callable[[], None]) -> int:
    """Do something in a child that is killed after some time."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def kill_again_and_again(
    template: Callable[[Path], Scene],
    undisturbed: list[tuple[Any, ...]],
    folder: Path,
    seed: int,
) -> None:
    draw = random.Random(seed)
    scene = template(folder)
    plan = make_plan(Listing(tuple(scene.office.subscribers)), scene.office.clock())
    Campaign.begin(
        scene.office.campaign, plan, scene.reopen(), clock=scene.office.clock
    ).close()

    def resume() -> None:
        with Campaign.open(scene.office.campaign, clock=scene.office.clock) as campaign:
            campaign.resume()

    for _ in range(6):
        status = killed_after(draw.uniform(0.0, 0.25), resume)
        assert status in (0, -signal.SIGKILL), f"seed {seed}"
    assert in_child(resume) == 0
    assert scene.table() == undisturbed, f"seed {seed}"
    scene.check_one_of_each()


@pytest.mark.parametrize("seed", range(3))
def test_kills_at_random_moments_change_nothing_in_the_end(
    template: Callable[[Path], Scene],
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    seed: int,
) -> None:
    kill_again_and_again(template, undisturbed, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_kills_at_random_moments_change_nothing_in_the_end(
    template: Callable[[Path], Scene],
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    seed: int,
) -> None:
    kill_again_and_again(template, undisturbed, tmp_path, seed)


@pytest.mark.parametrize("record", range(1, RECORDS - 5))
def test_a_kill_while_sending_by_hand_makes_no_second_request(
    template: Callable[[Path], Scene], tmp_path: Path, record: int
) -> None:
    scene = template(tmp_path)
    office = scene.office
    trusted = office.folder / "trust"
    transport = FolderTransport(office.folder / "out", office.folder / "in", trusted)

    def begin() -> None:
        kill_at(record, "before")()
        with office.begin(transport) as campaign:
            campaign.run()

    status = in_child(begin)
    assert status in (0, -signal.SIGKILL)
    assert scene.resume() == 0
    assert len(list((office.folder / "out").iterdir())) == SUBSCRIBERS


# -- while a trial is being made ---------------------------------------------


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.6, 1.0])
def test_a_demo_killed_while_it_prepares_is_resumed(
    tmp_path: Path, seconds: float
) -> None:
    folder = tmp_path / "demo"

    def demo() -> None:
        with Campaign.begin_trial(folder, 4, passwords=0) as campaign:
            campaign.run()

    def resume() -> None:
        with Campaign.open(folder) as campaign:
            campaign.resume()

    status = killed_after(seconds, demo)
    assert status in (0, -signal.SIGKILL)
    if not Store.exists(folder):
        # Killed before anything was begun: there is nothing to resume.
        assert in_child(demo) == 0
    assert in_child(resume) == 0
    with Campaign.open(folder) as campaign:
        report = campaign.report()
    assert report.counts["renewed"] == 4
    assert not (folder / "trial.part").exists()
    containers = folder / "trial" / "containers"
    assert len(list(containers.iterdir())) == 8
    authority = CertificateAuthority.open(folder / "trial" / "ca")
    assert len(authority.certificates()) == 8
