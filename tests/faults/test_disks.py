"""Disks that are full at any write, pulled, or locked in the middle of a campaign."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from crashes import forks, in_child
from faults.mounts import Stick, disk_in_memory, room_for
from renewal.scenes import RECORDS, SUBSCRIBERS, Scene, Template
from tally import Tally

from gostkey.errors import GostKeyError
from gostkey.renewal import Campaign, Listing, Report, make_plan
from gostkey.renewal.storage.store import Change, Store

pytestmark = forks

MEGABYTES = 24


def check(scene: Scene, undisturbed: list[tuple[Any, ...]]) -> None:
    assert scene.table() == undisturbed
    scene.check_one_of_each()


STOPPED = 3


def try_to(work: Callable[[], Report]) -> Callable[[], None]:
    """Make work that may be stopped, but only by an error that is told in words."""

    def attempt() -> None:
        try:
            report = work()
        except GostKeyError as error:
            assert str(error)
            os._exit(STOPPED)
        if report.counts["renewed"] != SUBSCRIBERS:
            os._exit(STOPPED)

    return attempt


def begin_and_run(scene: Scene) -> Report:
    office = scene.office
    plan = make_plan(Listing(tuple(office.subscribers)), office.clock())
    with Campaign.begin(
        office.campaign, plan, scene.reopen(), clock=office.clock
    ) as campaign:
        return campaign.run()


def go_on(scene: Scene) -> Report:
    """Resume, or begin if nothing was begun."""
    if not Store.exists(scene.office.campaign):
        return begin_and_run(scene)
    with Campaign.open(scene.office.campaign, clock=scene.office.clock) as campaign:
        return campaign.resume()


@pytest.mark.slow
def test_a_full_disk_at_every_write(
    template: Template,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    tally: Tally,
) -> None:
    with disk_in_memory(tmp_path / "disk", MEGABYTES) as disk:
        # From no room at all to enough: each page more lets it come a write farther.
        pages, ended = 0, STOPPED
        while ended == STOPPED:
            with tally("full disk"):
                scene = template(disk / f"room-{pages}")
                with room_for(disk, pages):
                    ended = in_child(try_to(partial(begin_and_run, scene)))
                assert ended in (0, STOPPED)
                assert in_child(partial(go_on, scene)) == 0
                check(scene, undisturbed)
            shutil.rmtree(scene.office.folder)
            pages += 1
        assert pages > 50, "hardly anything was written to this disk"


def stick_of(scene: Scene, disk: Path) -> Stick:
    """Put the subscribers' containers on a medium that can be pulled."""
    content = disk / "content"
    shutil.copytree(scene.office.keys, content)
    shutil.rmtree(scene.office.keys)
    scene.office.keys.mkdir()
    stick = Stick(scene.office.keys, content)
    stick.plug()
    return stick


@pytest.mark.parametrize("kind", ["pulled", "locked"])
@pytest.mark.parametrize(
    "record",
    [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, RECORDS + 1))],
)
def test_a_medium_goes_away_at_a_journalled_step(
    template: Template,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    tally: Tally,
    record: int,
    kind: str,
) -> None:
    with (
        disk_in_memory(tmp_path / "disk", MEGABYTES) as disk,
        tally(f"medium {'pulled' if kind == 'pulled' else 'read-only'} at a step"),
    ):
        scene = template(tmp_path)
        stick = stick_of(scene, disk)
        try:
            original = Store.record
            calls = 0

            def disturbing(
                self: Store, changes: Sequence[Change], at: datetime
            ) -> None:
                nonlocal calls
                calls += 1
                if calls == record:
                    stick.pull() if kind == "pulled" else stick.lock(True)
                original(self, changes, at)

            def run() -> Report:
                Store.record = disturbing  # type: ignore[method-assign]
                try:
                    return begin_and_run(scene)
                finally:
                    assert calls >= record

            assert in_child(try_to(run)) in (0, STOPPED)
            stick.plug() if kind == "pulled" else stick.lock(False)
            assert in_child(partial(go_on, scene)) == 0
            check(scene, undisturbed)
        finally:
            stick.pull()
