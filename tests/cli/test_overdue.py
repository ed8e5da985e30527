"""Certificates that are overdue, as `renew status` and `report` tell them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from .conftest import AT, Office, Run


def waiting(run: Run, office: Office, base: Path) -> list[str]:
    """Begin a campaign whose requests wait in a folder; give its option."""
    trusted = base / "trusted"
    trusted.mkdir()
    (trusted / "ca.crt").write_bytes(office.root_certificate.read_bytes())
    ran = run(
        *["renew", "run", "--csv", office.list, "--campaign", base / "campaign"],
        *["--outbox", base / "out", "--inbox", base / "in", "--trusted", trusted],
        *["--at", AT.isoformat()],
    )
    assert ran.code == 0, ran.stderr
    return ["--campaign", str(base / "campaign")]


def after(**span: float) -> list[str]:
    return ["--at", (AT + timedelta(**span)).isoformat()]


def test_status_tells_which_how_long_by_which_way_and_what_to_do(
    run: Run, office: Office, tmp_path: Path
) -> None:
    campaign = waiting(run, office, tmp_path)
    early = run("renew", "status", *campaign, *after(hours=2), "--json")
    assert early.record["overdue"]["count"] == 0
    assert early.record["overdue"]["longest"] == []

    told = run("renew", "status", *campaign, *after(hours=3, minutes=10), "--json")
    overdue = told.record["overdue"]
    assert (overdue["count"], overdue["sent_in_the_future"]) == (4, 0)
    ids = {one.stem for one in (tmp_path / "out").iterdir()}
    assert {one["request_id"] for one in overdue["longest"]} == ids
    for one in overdue["longest"]:
        assert one["waited_seconds"] == 190 * 60
        assert one["transport"] == "folder" and str(tmp_path / "out") in one["way"]
        assert one["request_id"] in one["advice"]

    shown = run("renew", "status", *campaign, *after(hours=3, minutes=10))
    assert shown.stdout.count("3 h 10 min") == 4
    assert all(one in shown.stdout for one in ids)
    assert "gostkey renew receive" in shown.stderr
    shown = run("renew", "status", *campaign, *after(days=3, hours=5))
    assert shown.stdout.count("3 d 5 h") == 4


def test_a_clock_that_was_set_back_is_told(
    run: Run, office: Office, tmp_path: Path
) -> None:
    campaign = waiting(run, office, tmp_path)
    told = run("renew", "status", *campaign, *after(hours=-2))
    assert "4 requests seem to have been sent in the future" in told.stderr
    assert "overdue" not in told.stdout


def test_the_report_has_the_wait_of_each_key(
    run: Run, office: Office, tmp_path: Path
) -> None:
    campaign = waiting(run, office, tmp_path)
    ran = run("renew", "report", *campaign, *after(hours=4), "--json")
    waits = [one for one in ran.records if "waited_seconds" in one]
    assert [one["waited_seconds"] for one in waits] == [4 * 3600] * 4
    shown = run("renew", "report", *campaign, *after(hours=4))
    assert shown.stderr.count("no certificate for 4 h 00 min") == 4
