"""Processes that are killed: at every journalled step, and at random.

The end must be that of a campaign which nobody disturbed: the same table, one new
container and one certificate for every subscriber, old containers as they were.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing import Barrier
from pathlib import Path
from typing import Any

import pytest
from crashes import forks, in_child
from renewal.scenes import RECORDS, Scene, Template, kill_at
from tally import Tally

from gostkey.errors import CampaignError, CampaignLocked
from gostkey.renewal import Campaign, Listing, make_plan

pytestmark = [forks, pytest.mark.slow]

WORKERS = 2


def each_its_own_chunk() -> None:
    """Make every subscriber a chunk, so that both workers have something to do."""
    from gostkey.renewal import running

    running.CHUNK = 1


def check(scene: Scene, undisturbed: list[tuple[Any, ...]]) -> None:
    assert scene.table() == undisturbed
    scene.check_one_of_each()


@pytest.mark.parametrize("workers", [1, WORKERS])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_every_journalled_step(
    template: Template,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    tally: Tally,
    workers: int,
    when: str,
) -> None:
    # Of the four of a worker's chunk three are written together.
    records = RECORDS if workers == 1 else RECORDS - 2
    for record in range(1, records + 1):
        with tally("kill -9 of the run at a journalled step"):
            scene = template(tmp_path / str(record))
            scene.workers = workers
            assert scene.run(kill_at(record, when)) == -signal.SIGKILL
            assert scene.resume() == 0
            check(scene, undisturbed)
    scene = template(tmp_path / "undisturbed")
    scene.workers = workers
    assert scene.run(kill_at(records + 1, when)) == 0, "there are more steps"


def victims(parent: int) -> list[int]:
    """List a process and all that it has forked."""
    found = [parent]
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except OSError:
        return found
    return found + [int(child) for child in children.split()]


def kill_one_at_random(work: Callable[[], object], draw: random.Random) -> int:
    """Do something in a child; kill it, or one of its workers, at some moment."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    time.sleep(draw.uniform(0.0, 0.35))
    try:
        os.kill(draw.choice(victims(child)), signal.SIGKILL)
    except ProcessLookupError:
        pass
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("seed", range(1000, 1020))
def test_ten_kills_at_random_of_the_run_or_a_worker(
    template: Template,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    tally: Tally,
    seed: int,
) -> None:
    draw = random.Random(seed)
    scene = template(tmp_path)
    office = scene.office
    plan = make_plan(Listing(tuple(office.subscribers)), office.clock())
    Campaign.begin(office.campaign, plan, scene.reopen(), clock=office.clock).close()

    def resume() -> None:
        each_its_own_chunk()
        with Campaign.open(office.campaign, clock=office.clock) as campaign:
            campaign.resume(workers=WORKERS)

    for number in range(10):
        with tally("kill -9 of the run or a worker at random"):
            status = kill_one_at_random(resume, draw)
            assert status in (0, -signal.SIGKILL), (seed, number)
            if number == 9:
                assert in_child(resume) == 0, seed
                check(scene, undisturbed)


@pytest.mark.parametrize("attempt", range(10))
def test_two_operators_start_the_same_campaign(
    template: Template,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    tally: Tally,
    attempt: int,
) -> None:
    with tally("two operators start the same campaign"):
        scene = template(tmp_path)
        office = scene.office
        together = Barrier(2)

        def start() -> int:
            plan = make_plan(Listing(tuple(office.subscribers)), office.clock())
            transport = scene.reopen()
            together.wait(30)
            try:
                with Campaign.begin(
                    office.campaign, plan, transport, clock=office.clock
                ) as campaign:
                    campaign.run()
            except CampaignLocked:
                return 6
            except CampaignError:
                return 1
            return 0

        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                code = 99
                try:
                    code = start()
                finally:
                    os._exit(code)
            children.append(child)
        codes = sorted(
            os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children
        )
        assert codes[0] == 0 and codes[1] in (1, 6)
        check(scene, undisturbed)
