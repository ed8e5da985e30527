"""Python looks seldom for dead objects while lists and chunks are worked on."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from renewal.offices import Office

from gostkey.errors import CampaignError
from gostkey.renewal import collector
from gostkey.renewal.key_steps import MakeKey
from gostkey.renewal.planning import csv_list, plan
from gostkey.renewal.storage import storing


def test_each_long_part_looks_seldom_and_then_as_before(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    office.add()
    container = office.subscribers[0].container
    names = tmp_path / "list.csv"
    names.write_text(f"container;exchanges_finished\n{container};yes\n")
    found: dict[str, tuple[int, int, int]] = {}

    def noted(where: Any, name: str) -> None:
        original = getattr(where, name)

        def note(*arguments: Any) -> Any:
            found[name] = gc.get_threshold()
            return original(*arguments)

        monkeypatch.setattr(where, name, note)

    noted(csv_list, "_row")
    noted(storing, "row_of")
    noted(MakeKey, "run")
    before = gc.get_threshold()
    assert before != collector._THRESHOLDS
    csv_list.read_list(names)
    with office.begin() as campaign:
        assert campaign.run().counts["renewed"] == 1
    assert found == dict.fromkeys(("_row", "row_of", "run"), collector._THRESHOLDS)
    assert gc.get_threshold() == before


def test_after_a_fault_it_is_as_before(tmp_path: Path) -> None:
    before = gc.get_threshold()
    (tmp_path / "list.csv").write_text("\n")
    with pytest.raises(CampaignError):
        csv_list.read_list(tmp_path / "list.csv")
    assert gc.get_threshold() == before


def test_a_plan_that_is_read_in_part_leaves_it_as_it_was(office: Office) -> None:
    office.add()
    before = gc.get_threshold()
    next(plan.plan_items(plan.Listing(tuple(office.subscribers)), office.clock()))
    assert gc.get_threshold() == before


def test_the_last_of_blocks_that_overlap_ends_it() -> None:
    """Two campaigns in two threads of one process."""
    before = gc.get_threshold()
    assert before != collector._THRESHOLDS
    first, second = collector.seldom(), collector.seldom()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() == collector._THRESHOLDS
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before
