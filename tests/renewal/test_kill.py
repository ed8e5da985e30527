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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crashes import forks, in_child
from renewal.scenes import RECORDS, SUBSCRIBERS, Scene, kill_at

from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import STATES, Campaign, FolderTransport, Listing, make_plan
from gostkey.renewal.storage.store import Store

pytestmark = forks


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
