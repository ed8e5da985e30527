"""Renewing for days: weeks go by in a second, with clocks that the test turns."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from renewal.offices import NOW
from renewal.test_pacing import MSK, at
from renewal.watched_offices import DAY, HOUR, Station, station

from gostkey.errors import (
    CampaignError,
    CampaignLocked,
    EntropyNeeded,
    GeneratorFailure,
    MediumError,
)
from gostkey.pki.certificates import Certificate
from gostkey.random.policy import Policy
from gostkey.renewal import Campaign, FolderTransport
from gostkey.renewal.lock import locked
from gostkey.renewal.pacing import MostFailures, Pacing, QuietHours
from gostkey.renewal.planning.subscribers import RowError
from gostkey.renewal.unattended import Rounds
from gostkey.renewal.unattended.left import MOST_TOLD
from gostkey.renewal.unattended.watch import LOCK_NAME

__all__ = ["station"]


def test_keys_are_renewed_as_they_become_due_through_weeks(station: Station) -> None:
    office = station.office
    # The first is due now, the others in 5 and in 20 days.
    for days in (30, 65, 80):
        office.add(days_left=days)
    station.during(21 * DAY, station.answer)
    assert station.watch().run() == 0
    assert station.groups() == {
        "2026-11-02": ["renewed"],
        "2026-11-07": ["renewed"],
        "2026-11-22": ["renewed"],
    }
    requests = list((office.folder / "out").iterdir())
    assert len(requests) == 3
    assert len(list(office.keys.iterdir())) == 6
    # Nothing is looked at more often than is asked for.
    assert station.said.count("nothing is left to be done") == 0
    assert sum("keys have become due" in text for text in station.said) == 3


def test_a_watch_that_is_begun_again_goes_on(station: Station) -> None:
    station.office.add()
    station.during(HOUR)
    assert station.watch().run() == 130
    assert station.groups() == {"2026-11-02": ["waiting"]}
    station.during(2 * HOUR, station.answer)
    assert station.watch().run() == 0
    assert station.groups() == {"2026-11-02": ["renewed"]}
    assert len(list((station.office.folder / "out").iterdir())) == 1


def test_pauses_double_while_nothing_comes(station: Station) -> None:
    station.office.add()
    looked: list[float] = []
    watch = station.watch()
    run = watch._run

    def noted(one):  # type: ignore[no-untyped-def]
        looked.append(station.day.seconds)
        return run(one)

    watch._run = noted  # type: ignore[method-assign]
    station.during(11 * HOUR)
    watch.run()
    pauses = [round(b - a) for a, b in zip(looked, looked[1:], strict=False)]
    assert pauses == [600, 1200, 2400, 4800, *(len(pauses) - 4) * [7200]]


def test_once_does_what_can_be_done_and_ends(station: Station) -> None:
    station.office.add()
    assert station.watch().run(once=True) == 0
    assert station.groups() == {"2026-11-02": ["waiting"]}
    station.answer()
    assert station.watch().run(once=True) == 0
    assert station.groups() == {"2026-11-02": ["renewed"]}
    assert station.watch().run(once=True) == 0
    assert station.day.naps == []


def test_a_clock_that_jumps_changes_nothing(station: Station) -> None:
    office = station.office
    office.add()

    def jump() -> None:
        # Back by an hour and forth by as much, while it waits.
        hour = timedelta(hours=1 if len(station.day.naps) % 2 else -1)
        station.day.wall += hour
        station.answer()

    station.during(DAY, jump)
    assert station.watch().run() == 0
    assert station.groups() == {"2026-11-02": ["renewed"]}
    # One year forth: the key has expired, which no watch can help.
    late = office.add(days_left=61)
    station.day.wall += timedelta(days=366)
    station.during(DAY)
    assert station.watch().run() == 2
    assert len(station.groups()) == 1
    (left,) = [one for one in station.left if one.where == str(late.container)]
    assert left.code == "expired" and left.cure
    assert late.container.is_dir()


def test_two_campaigns_of_one_day_have_two_folders(station: Station) -> None:
    station.office.add()
    station.during(13 * HOUR, lambda: len(station.office.subscribers) > 1
                   or station.office.add())  # fmt: skip
    station.watch().run()
    assert sorted(station.groups()) == ["2026-11-02", "2026-11-03"]
    rounds = Rounds(station.folder)
    assert rounds.next_folder(NOW.date()).name == "2026-11-02-02"


def test_a_campaign_that_was_begun_by_hand_is_gone_on_with(station: Station) -> None:
    station.office.add()
    plan = station.office.plan()
    Campaign.begin(
        station.folder, plan, station.transport(), clock=lambda: station.day.wall
    ).close()
    station.during(HOUR, station.answer)
    assert station.watch().run() == 0
    assert station.groups() == {"watched": ["renewed"]}


def test_a_key_that_was_rolled_back_is_left_to_a_person(station: Station) -> None:
    station.office.add()
    station.watch().run(once=True)
    with Campaign.open(
        station.folder / "2026-11-02", clock=lambda: station.day.wall
    ) as campaign:
        assert campaign.roll_back(["1"])[0].error is None
    station.during(3 * DAY, station.answer)
    assert station.watch().run() == 0
    assert station.groups() == {"2026-11-02": ["rolled-back"]}


def test_limits_count_by_day(station: Station) -> None:
    for _ in range(3):
        station.office.add()
    station.during(2.1 * DAY, station.answer)
    assert station.watch(Pacing(limit=1)).run() == 0
    at_days = sorted(
        Certificate.from_bytes(one.read_bytes()).not_before.astimezone(MSK).day
        for one in (station.office.folder / "in").iterdir()
    )
    assert at_days == [2, 3, 4]
    assert station.gathered[0] == 1


def test_a_watch_that_is_begun_again_counts_on(station: Station) -> None:
    for _ in range(3):
        station.office.add()
    for _ in range(3):
        assert station.watch(Pacing(limit=1)).run(once=True) == 0
    assert station.groups() == {"2026-11-02": ["waiting", "unfinished", "unfinished"]}
    # A key that has become due meanwhile is of the same day.
    station.office.add()
    station.watch(Pacing(limit=1)).run(once=True)
    assert station.groups()["2026-11-02-02"] == ["unfinished"]
    # An hour after midnight in the office's zone.
    station.day.wall = NOW.replace(hour=22)
    for _ in range(3):
        station.watch(Pacing(limit=2)).run(once=True)
    assert station.groups() == {
        "2026-11-02": 3 * ["waiting"],
        "2026-11-02-02": ["unfinished"],
    }


def test_keys_that_fail_leave_the_limit_to_others(station: Station) -> None:
    office = station.office
    for _ in range(4):
        office.add()
    gone = [one.container for one in office.subscribers[:2]]
    watch = station.watch(Pacing(limit=2))
    watch._look()
    for one in gone:
        one.rename(one.with_name(f"away-{one.name}"))
    assert watch.run(once=True) == 2
    assert station.groups()["2026-11-02"] == [
        *("failed", "failed", "unfinished", "unfinished")
    ]
    # Nothing was made of them, so the day has its places still.
    station.watch(Pacing(limit=2)).run(once=True)
    assert station.groups()["2026-11-02"] == [
        *("unfinished", "unfinished", "waiting", "waiting")
    ]
    # Nor do they take those of a later campaign.
    station.day.wall += timedelta(days=1)
    office.subscribers[:] = [office.add()]
    station.watch(Pacing(limit=1)).run(once=True)
    assert station.groups()["2026-11-03"] == ["waiting"]


def test_in_quiet_hours_nothing_happens(station: Station) -> None:
    station.office.add()
    station.day.wall = at("09:00:00")
    first = station.folder / "2026-11-27"
    there: list[bool] = []

    def look() -> None:
        there.append(first.exists())
        station.answer()

    station.during(DAY, look)
    pacing = Pacing(quiet=QuietHours.parse(["08:00-18:00"]))
    assert station.watch(pacing).run() == 0
    assert there.index(True) >= 9 * 60
    assert station.groups() == {"2026-11-27": ["renewed"]}


# -- what is left alone -------------------------------------------------------


def test_what_is_left_alone_is_told_once_and_again_when_it_changes(
    station: Station,
) -> None:
    office = station.office
    office.add()
    office.add(exchanges_finished=False)
    office.add(days_left=300)
    bad = RowError(3, "INN 12: must be 12 or 10 digits", "correct it")
    station.errors = (bad,)

    def change() -> None:
        station.answer()
        if station.day.seconds > 1000 + 2 * DAY:
            station.errors = (replace(bad, text="INN 1: must be 12 or 10 digits"),)

    station.during(4 * DAY, change)
    assert station.watch().run() == 2
    unconfirmed = office.subscribers[1].container
    assert [(one.where, one.code) for one in station.left] == [
        (str(unconfirmed), "exchanges-not-confirmed"),
        ("line 3 of the list", "list-row"),
        ("line 3 of the list", "list-row"),
    ]
    assert [one.text for one in station.left if one.code == "list-row"] == [
        bad.text,
        "INN 1: must be 12 or 10 digits",
    ]
    # Who begins it again, as a timer does, is told all of it again.
    station.left.clear()
    station.day.stopped = False
    assert station.watch().run(once=True) == 2
    assert len(station.left) == 2
    # Once it is put right, all is well.
    station.errors = ()
    office.change(1, exchanges_finished=True)
    station.left.clear()
    assert station.watch().run(once=True) == 0
    assert station.left == []


def test_what_was_told_by_a_look_that_failed_is_not_told_again(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = station.office
    bad = [office.add(exchanges_finished=False)]
    office.add()
    bad.append(office.add(exchanges_finished=False))
    transport = station.transport
    begun = station.day.seconds

    def away_at_times() -> FolderTransport:
        gone = station.day.seconds - begun
        if gone < 5 * HOUR or DAY < gone < 2 * DAY:
            raise MediumError("no way to the authority")
        return transport()

    monkeypatch.setattr(station, "transport", away_at_times)

    def another() -> None:
        station.answer()
        if len(office.subscribers) == 3 and station.day.seconds - begun > DAY:
            # Before the last one, which a look that fails does not come to.
            office.add()
            office.subscribers.insert(1, office.subscribers.pop())

    station.during(4 * DAY, another)
    assert station.watch().run() == 2
    assert any("no way to the authority" in text for text in station.said)
    assert sum("keys have become due" in text for text in station.said) == 2
    assert [one.where for one in station.left] == [str(one.container) for one in bad]


def test_a_list_of_which_nothing_can_be_used_is_no_success(station: Station) -> None:
    station.office.add()
    station.watch().run(once=True)
    station.answer()
    station.office.subscribers.clear()
    station.office.add(exchanges_finished=False)
    assert station.watch().run(once=True) == 3
    assert station.groups() == {"2026-11-02": ["renewed"]}


def test_a_key_that_is_under_way_is_not_left_alone(station: Station) -> None:
    station.office.add()
    assert station.watch().run(once=True) == 0
    # The new container beside it waits for its certificate.
    assert station.watch().run(once=True) == 0
    assert station.left == []


def test_of_very_many_that_are_left_alone_the_first_are_told(station: Station) -> None:
    station.errors = tuple(
        RowError(line, "wrong", "correct it") for line in range(2, MOST_TOLD + 52)
    )
    assert station.watch().run(once=True) == 3
    assert len(station.left) == MOST_TOLD
    assert f"left alone: list-row ({MOST_TOLD + 50})" in station.said[0]


# -- faults -------------------------------------------------------------------


def test_a_source_that_is_not_there_is_looked_for_again(station: Station) -> None:
    station.office.add()
    station.fault = OSError("medium pulled")

    def put_in() -> None:
        if station.day.seconds > 1000 + HOUR:
            station.fault = None
        station.answer()

    station.during(4 * HOUR, put_in)
    assert station.watch().run() == 0
    assert station.groups() == {"2026-11-02": ["renewed"]}
    assert sum("medium pulled" in text for text in station.said) == 1


@pytest.mark.parametrize(
    ("fault", "code"), [(CampaignError("no column"), 3), (MediumError("pulled"), 4)]
)
def test_a_source_that_cannot_be_looked_through_is_heard(
    station: Station, fault: Exception, code: int
) -> None:
    station.office.add()
    station.fault = fault
    assert station.watch().run(once=True) == code
    # A campaign that goes well does not hide it.
    station.fault = None
    assert station.watch().run(once=True) == 0
    station.fault = fault
    station.answer()
    assert station.watch().run(once=True) == code
    assert station.groups() == {"2026-11-02": ["renewed"]}
    station.fault = None
    assert station.watch().run(once=True) == 0


def test_a_watch_that_never_saw_the_source_has_something_left(station: Station) -> None:
    station.fault = CampaignError("no column")
    station.during(HOUR)
    assert station.watch().run() == 130
    station.day.stopped = True
    station.fault = None
    assert station.watch().run() == 130


def test_a_campaign_that_cannot_be_worked_on_is_heard(station: Station) -> None:
    station.office.add()
    station.watch().run(once=True)
    with locked(station.folder / "2026-11-02"):
        assert station.watch().run(once=True) == 3
    assert station.watch().run(once=True) == 0


def test_a_dead_authority_is_tried_again(station: Station) -> None:
    for _ in range(4):
        station.office.add()
    out = station.office.folder / "out"
    out.write_text("no folder")

    def repair() -> None:
        if out.is_file() and station.day.seconds > 1000 + 2 * HOUR:
            out.unlink()
        elif out.is_dir():
            station.answer()

    station.during(12 * HOUR - 1, repair)
    pacing = Pacing(most_failures=MostFailures(2))
    assert station.watch(pacing).run() == 0
    assert station.groups() == {"2026-11-02": 4 * ["renewed"]}
    assert len(list(out.iterdir())) == 4
    assert any("2 of 2 keys failed" in text for text in station.said)


def test_a_campaign_that_another_run_has_is_tried_later(station: Station) -> None:
    station.office.add()
    station.watch().run(once=True)
    held = locked(station.folder / "2026-11-02")
    station.during(
        HOUR, lambda: station.day.seconds > 2000 and (held.release(), station.answer())
    )
    assert station.watch().run() == 0
    assert any("another run works" in text for text in station.said)
    assert station.groups() == {"2026-11-02": ["renewed"]}


def test_two_watches_at_one_folder_are_refused(station: Station) -> None:
    with locked(station.folder, LOCK_NAME), pytest.raises(CampaignLocked):
        station.watch().run(once=True)


@pytest.mark.parametrize("error", [EntropyNeeded("nobody"), GeneratorFailure("stuck")])
def test_what_needs_a_person_ends_the_watch(station: Station, error: Exception) -> None:
    station.office.add()

    def refuse(keys: int, policy: Policy | None) -> AbstractContextManager[None]:
        raise error

    station.during(DAY)
    with pytest.raises(type(error)):
        station.watch(gather=refuse).run()
    assert len(list(station.office.keys.iterdir())) == 1


def test_old_copies_go_by_policy(station: Station) -> None:
    station.office.add(days_left=59)
    station.during(HOUR, station.answer)
    station.watch(keep_archives=20).run()
    archive = station.folder / "2026-11-02" / "archive"
    assert len(list(archive.iterdir())) == 1
    station.during(21 * DAY)
    station.watch(keep_archives=20).run()
    assert list(archive.iterdir()) == []
    assert any("1 copies of old containers" in text for text in station.said)
