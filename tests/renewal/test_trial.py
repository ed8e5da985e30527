"""Trials: invented people with good numbers, and keys that are all due."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
import samples

from gostkey.containers import Container
from gostkey.pki import identifiers
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import Campaign, make_plan, make_trial, read_list
from gostkey.renewal.planning.form import form_of
from gostkey.renewal.planning.people import person
from gostkey.renewal.storage.store import Store

# Half an hour before midnight in Moscow, where an hour more is another day.
NOW = datetime(2026, 11, 2, 20, 30, tzinfo=timezone.utc)


def test_invented_people_have_good_numbers_and_are_always_the_same() -> None:
    seen = set()
    for number in range(300):
        who = person(number)
        assert who.subject.faults() == []
        assert who == person(number)
        snils = who.subject.get("SNILS")
        assert snils is not None and identifiers.fault("SNILS", snils) == ""
        seen.add(snils)
        form = form_of(who.subject)
        assert form["surname"][0] in who.full_name
        # The patronymic agrees with the surname: -ова and -овна, -ов and -ович.
        woman = form["patronymic"][0].endswith("на")
        assert form["surname"][0].endswith("а") == woman
    assert len(seen) == 300
    assert person(1) != person(1, seed=2)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a trial of a hundred."""
    folder = tmp_path_factory.mktemp("trial") / "made"
    make_trial(folder, 100, at=NOW, passwords=2)
    return folder


def test_all_keys_of_a_trial_are_due_between_one_and_59_days(trial: Path) -> None:
    listing = read_list(trial / "subscribers.csv")
    plan = make_plan(listing, NOW)
    assert not listing.errors
    assert len(plan.planned) == 100
    days = {one.days_left for one in plan.items}
    # An hour later it may be the next day: one more or one less, never none.
    assert days == set(range(2, 60))


def test_a_trial_has_keys_of_all_kinds_and_a_few_passwords(trial: Path) -> None:
    containers = [
        Container.parse(samples.read(folder))
        for folder in sorted((trial / "containers").iterdir())
    ]
    assert len(containers) == 100
    assert [one.has_password for one in containers].count(True) == 2
    sizes = [one.keys[0].curve.bits for one in containers]
    assert sizes.count(512) == 10
    assert {one.keys[0].usage for one in containers} == {"exchange", "signature"}
    assert all(one.keys[0].certificate for one in containers)
    files = sorted((trial / "passwords").iterdir())
    assert len(files) == 2
    containers[1].open(files[1].read_text().strip()).close()


def test_a_trial_that_is_there_is_left_alone(trial: Path) -> None:
    before = (trial / "subscribers.csv").stat().st_mtime_ns
    make_trial(trial, 5, at=NOW)
    assert (trial / "subscribers.csv").stat().st_mtime_ns == before


def test_what_a_killed_trial_left_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "made.part"
    (half / "ca").mkdir(parents=True)
    (half / "ca" / "ca.key").write_text("half of it")
    told: list[tuple[int, int]] = []
    make_trial(
        tmp_path / "made",
        3,
        at=NOW,
        passwords=0,
        on_progress=lambda made, of: told.append((made, of)),
    )
    assert not half.exists()
    assert told == [(3, 3)]
    with CertificateAuthority.open(tmp_path / "made" / "ca") as authority:
        assert len(authority.certificates()) == 3


def test_a_trial_campaign_renews_everybody(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with Campaign.begin_trial(folder, 12, passwords=1, clock=lambda: NOW) as campaign:
        assert Store.exists(folder)
        report = campaign.run()
    assert report.counts["renewed"] == 12
    assert report.exit_code == 0
    assert {row["slot"] for row in report.rows} == {"primary"}
    with Campaign.open(folder, clock=lambda: NOW) as campaign:
        assert campaign.resume().counts["renewed"] == 12
