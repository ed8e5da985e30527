"""Work on chunks in several processes: in order, by the same ones, ended in time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from crashes import die_in_a_message, forks
from renewal.offices import Office

from gostkey import bindings
from gostkey.renewal import Listing
from gostkey.renewal.forks import WorkerDied, mapping
from gostkey.renewal.planning import plan
from gostkey.renewal.reasons import Reason


def slowly(number: int) -> tuple[int, int]:
    # The first of them takes longest.
    time.sleep(0.02 / (1 + number))
    return number, os.getpid()


@forks
@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
def test_results_come_in_order_from_processes_forked_once(count: int) -> None:
    with mapping(slowly, 3) as in_order:
        first = list(in_order(range(count)))
        second = list(in_order(range(count)))
    assert [number for number, _ in first] == list(range(count))
    assert [number for number, _ in second] == list(range(count))
    used = {process for _, process in first}
    assert len(used) == min(3, count) and os.getpid() not in used
    assert {process for _, process in second} == used
    assert multiprocessing.active_children() == []


def test_with_one_worker_it_is_done_here() -> None:
    with mapping(slowly, 1) as in_order:
        assert list(in_order(range(2))) == [(0, os.getpid()), (1, os.getpid())]


@forks
def test_who_stops_early_leaves_no_process() -> None:
    with mapping(slowly, 2) as in_order:
        assert next(iter(in_order(range(10))))[0] == 0
    assert multiprocessing.active_children() == []


@forks
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_to_all_is_for_the_parent(name: str) -> None:
    with mapping(slowly, 2) as in_order:
        used = {process for _, process in in_order(range(4))}
        for process in used:
            os.kill(process, getattr(signal, name))
        assert {process for _, process in in_order(range(4))} == used


@forks
def test_a_program_that_a_process_starts_heeds_signals() -> None:
    asked = "import signal as s; print(s.getsignal(s.SIGTERM) is s.SIG_DFL)"

    def start(number: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", asked], capture_output=True, text=True, check=True
        ).stdout

    with mapping(start, 1) as in_order:
        assert list(in_order(range(1))) == ["True\n"]


@forks
def test_a_process_that_dies_is_told() -> None:
    def die(number: int) -> int:
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with mapping(die, 2) as in_order:
        results = in_order(range(4))
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(WorkerDied, match="status -9"):
            next(results)
    assert multiprocessing.active_children() == []


@forks
def test_a_process_that_dies_in_the_middle_of_its_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    die_in_a_message(monkeypatch, tmp_path / "died")
    with mapping(slowly, 2) as in_order:
        with pytest.raises(WorkerDied, match="status -9"):
            list(in_order(range(4)))
    assert multiprocessing.active_children() == []


@forks
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_new_key_is_found_wherever_in_the_list_it_stands(
    office: Office, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """What renews a key is known before the first key is decided on."""
    monkeypatch.setattr(plan, "CHUNK", 2)
    for _ in range(7):
        office.add()
    with office.begin() as campaign:
        campaign.make_requests()
        new = [row["new_container"] for row in campaign.report().rows]
    *old, last = office.subscribers
    made = [replace(last, container=type(last.container)(new[n])) for n in (0, 3)]
    listing = Listing((*old, *made))
    items = list(plan.plan_items(listing, office.clock(), workers=workers))
    assert len(items) == 8
    reasons = [None if one.verdict is None else one.verdict.reason for one in items]
    # All new ones lie beside the old ones; of two the list itself says so.
    assert reasons[:6] == [Reason.PENDING_ELSEWHERE] * 6
    assert reasons[6:] == [Reason.WAITING] * 2


@forks
def test_what_a_process_makes_once_is_made_before_the_fork(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        office.add()
    monkeypatch.setattr(plan, "CHUNK", 1)
    bindings.prepared.clear()
    with plan._looking_at(office.subscribers, 2):
        assert bindings.prepared or bindings.core is None
