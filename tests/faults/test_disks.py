"""Disks that are full at any write, pulled, or locked in the middle of a campaign."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from crashes import forks, in_child
from faults.mounts import Stick, disk_in_memory, free_pages, room_for
from renewal.scenes import RECORDS, Scene, Template
from tally import Tally

from gostkey.errors import GostKeyError
from gostkey.renewal import Campaign, Listing, make_plan
from gostkey.renewal.store import Change, Store

pytestmark = [forks, pytest.mark.slow]

MEGABYTES = 24


def check(scene: Scene, undisturbed: list[tuple[Any, ...]]) -> None:
    assert scene.table() == undisturbed
    scene.check_one_of_each()


def try_to(work: Callable[[], object]) -> Callable[[], None]:
    """Make work that may fail, but only with an error that is told in words."""

    def attempt() -> None:
        try:
            work()
        except GostKeyError as error:
            assert str(error)

    return attempt


def begin_and_run(scene: Scene) -> None:
    office = scene.office
    plan = make_plan(Listing(tuple(office.subscribers)), office.clock())
    with Campaign.begin(
        office.campaign, plan, scene.reopen(), clock=office.clock
    ) as campaign:
        campaign.run()


def go_on(scene: Scene) -> None:
    """Resume, or begin if nothing was begun."""
    if not Store.exists(scene.office.campaign):
        begin_and_run(scene)
        return
    with Campaign.open(scene.office.campaign, clock=scene.office.clock) as campaign:
        campaign.resume()


def test_a_full_disk_at_every_write(
    template: Template,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    tally: Tally,
) -> None:
    with disk_in_memory(tmp_path / "disk", MEGABYTES) as disk:
        scene = template(disk / "whole")
        before = free_pages(disk)
        assert in_child(partial(begin_and_run, scene)) == 0
        needed = before - free_pages(disk)
        assert needed > 50, "nothing was written to this disk"
        shutil.rmtree(disk / "whole")
        for pages in range(needed + 16):
            with tally("full disk"):
                scene = template(disk / f"room-{pages}")
                with room_for(disk, pages):
                    assert in_child(try_to(partial(begin_and_run, scene))) == 0
                assert in_child(partial(go_on, scene)) == 0
                check(scene, undisturbed)
            shutil.rmtree(scene.office.folder)
        # The last ones were not full any more: every write had its turn.
        scene = template(disk / "enough")
        with room_for(disk, needed + 16):
            assert in_child(partial(begin_and_run, scene)) == 0


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
@pytest.mark.parametrize("record", range(1, RECORDS + 1))
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

            def run() -> None:
                Store.record = disturbing  # type: ignore[method-assign]
                begin_and_run(scene)
                assert calls >= record

            assert in_child(try_to(run)) == 0
            stick.plug() if kind == "pulled" else stick.lock(False)
            assert in_child(partial(go_on, scene)) == 0
            check(scene, undisturbed)
        finally:
            stick.pull()
