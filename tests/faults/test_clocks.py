"""Clocks that jump, forwards and backwards, in the middle of a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from renewal.offices import SetClock
from renewal.scenes import RECORDS, Template
from tally import Tally

from gostkey.renewal import Campaign, Listing, make_plan
from gostkey.renewal.storage.store import Change, Store

pytestmark = pytest.mark.slow

JUMPS = {
    "an hour back": timedelta(hours=-1),
    "a day back": timedelta(days=-1),
    "a year back": timedelta(days=-365),
    "an hour forwards": timedelta(hours=1),
    "a day forwards": timedelta(days=1),
    "two months forwards": timedelta(days=61),
}


def without_new_ends(table: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Leave out the new last day: the authority has the same clock."""
    return [row[:7] + row[8:] for row in table]


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("record", range(1, RECORDS + 1))
def test_a_clock_jumps_at_a_journalled_step_and_is_set_right(
    template: Template,
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tally: Tally,
    record: int,
    jump: str,
) -> None:
    with tally("clock jumps at a step"):
        scene = template(tmp_path)
        office = scene.office
        original, calls = Store.record, 0

        def disturbing(self: Store, changes: Sequence[Change], at: datetime) -> None:
            nonlocal calls
            calls += 1
            if calls == record:
                office.clock.moment += JUMPS[jump]
            original(self, changes, at)

        plan = make_plan(Listing(tuple(office.subscribers)), office.clock())
        with monkeypatch.context() as change:
            change.setattr(Store, "record", disturbing)
            # The authority is another machine, whose clock is right.
            transport = replace(scene.reopen(), clock=SetClock(office.clock()))
            with Campaign.begin(
                office.campaign, plan, transport, clock=office.clock
            ) as campaign:
                campaign.run()
        assert calls >= record
        office.clock.moment -= JUMPS[jump]
        with Campaign.open(office.campaign, clock=office.clock) as campaign:
            campaign.resume()
        assert without_new_ends(scene.table()) == without_new_ends(undisturbed)
        scene.check_one_of_each()
