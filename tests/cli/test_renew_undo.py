"""`gostkey renew rollback` and `renew archives`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .conftest import Office, Run
from .test_renew import NOW, renew, statuses


@pytest.fixture
def campaign(run: Run, office: Office, tmp_path: Path) -> list[object]:
    """The options for a campaign that has renewed four keys."""
    assert renew(run, office, tmp_path).code == 0
    return ["--campaign", tmp_path / "campaign", *NOW]


def test_a_rollback_is_told_with_what_is_to_be_revoked(
    run: Run, office: Office, campaign: list[object]
) -> None:
    ran = run("renew", "rollback", "1", *campaign, "--json")
    assert ran.code == 3
    assert "--confirm-not-used" in ran.error["message"]
    shutil.rmtree(office.container(1))
    ran = run(
        *["renew", "rollback", "1", office.container(1), *campaign],
        *["--confirm-not-used", "--json"],
    )
    assert ran.code == 0, ran.stderr
    first, second = ran.records
    assert first["restored"] is None and second["restored"] == str(office.container(1))
    assert Path(first["moved_to"]).is_file()
    assert first["serial"] in ran.stderr and first["request_id"] in ran.stderr
    ran = run("renew", "report", *campaign, "--json")
    assert sorted(statuses(ran)) == 2 * ["renewed"] + 2 * ["rolled-back"]
    assert ran.code == 0
    told = run("renew", "rollback", "1", *campaign)
    assert told.code == 0 and "was rolled back before" in told.stdout
    ran = run("renew", "resume", *campaign, "--json")
    assert sorted(statuses(ran)) == 2 * ["renewed"] + 2 * ["rolled-back"]


def test_the_serial_number_is_the_one_that_the_authority_revokes(
    run: Run, office: Office, campaign: list[object], tmp_path: Path
) -> None:
    rolled = run(
        *["renew", "rollback", "2", *campaign, "--confirm-not-used", "--json"]
    ).record
    kept = tmp_path / "kept"
    shutil.unpack_archive(rolled["moved_to"], kept, "zip")
    shown = run("container", "show", next(kept.iterdir()), "--json").record
    assert rolled["serial"] in str(shown).lower()


def test_what_names_no_key_is_told(run: Run, campaign: list[object]) -> None:
    ran = run("renew", "rollback", "nobody", *campaign, "--json")
    assert ran.code == 3 and "gostkey renew report" in ran.error["message"]
    assert run("renew", "rollback", *campaign).code == 1


def test_archives_are_listed_and_pruned(
    run: Run, office: Office, campaign: list[object], tmp_path: Path
) -> None:
    ran = run("renew", "archives", "list", *campaign, "--json")
    assert ran.code == 0 and statuses(ran) == 4 * ["kept"]
    assert all(one["elsewhere"] for one in ran.records)
    archive = tmp_path / "campaign" / "archive"
    prune = ["renew", "archives", "prune", "--campaign", tmp_path / "campaign"]
    assert run(*prune).code == 0
    late = ["--keep-archives", "30", "--at", "2026-07-15"]
    assert statuses(run(*prune, *late, "--dry-run", "--json")) == 4 * ["old"]
    assert len(list(archive.iterdir())) == 4
    shutil.rmtree(office.container(3))
    ran = run(*prune, *late, "--json")
    assert sorted(statuses(ran)) == ["kept"] + 3 * ["removed"]
    assert "3 copies removed" in ran.stderr
    assert len(list(archive.iterdir())) == 1
