"""A report that counts in the database says what one says that reads every row."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from renewal.offices import NOW, Office
from sqlalchemy import text

from gostkey.renewal import report as reports
from gostkey.renewal import report_rows
from gostkey.renewal.reasons import Reason, verdict
from gostkey.renewal.report import Report, read_report
from gostkey.renewal.storage.store import Store

LATER = NOW + timedelta(hours=4)


@pytest.fixture
def mixed(office: Office) -> Path:
    """Make a campaign with items in all groups, and rows that cannot be used."""
    for _ in range(9):
        office.add()
    office.begin().close()
    folder = office.campaign
    sent = NOW.isoformat()
    just = (NOW + timedelta(hours=2)).isoformat()
    stops = {
        3: verdict(Reason.WRONG_PASSWORD),
        4: verdict(Reason.LOST),
        5: verdict(Reason.WRONG_PASSWORD),
    }
    with Store.open(folder) as store, store._writing() as connection:
        for values in (
            "state='backed-up', note='as it should be' where id=1",
            f"state='sent', sent_at='{sent}', request_id='r2' where id=2",
            f"state='sent', sent_at='{just}', request_id='r6' where id=6",
            f"state='due', reason='{Reason.DAMAGED.value}', cure='x' where id=7",
            f"state='not-due', reason='{Reason.NOT_DUE.value}', cure='' where id=8",
        ):
            connection.execute(text(f"update item set {values}"))
        for number, why in stops.items():
            connection.execute(
                text("update item set reason=:r, text=:t, cure=:c where id=:i"),
                {"r": why.reason.value, "t": why.text, "c": why.cure, "i": number},
            )
        connection.execute(
            text("insert into row_error (line, text, cure) values (7, 'bad', 'good')")
        )
    return folder


def facts(report: Report) -> dict[str, object]:
    return {
        "rows": [dict(row) for row in report.rows],
        "noted": [dict(row) for row in report.noted],
        "stops": dict(report.stops),
        "kinds": dict(report.kinds),
        "exit": report.exit_code,
        "errors": report.row_errors,
        "summary": report.summary(),
        "late": report.late,
    }


def test_counts_of_the_database_are_those_of_the_rows(
    mixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = facts(read_report(mixed, LATER))
    assert isinstance(read_report(mixed, LATER).rows, tuple)
    monkeypatch.setattr(reports, "HELD", 3)
    monkeypatch.setattr(report_rows, "PAGE", 2)
    counted = read_report(mixed, LATER)
    assert not isinstance(counted.rows, tuple)
    assert facts(counted) == held
    assert held["summary"]["counts"] == {  # type: ignore[index]
        "renewed": 1,
        "waiting": 2,
        "unfinished": 1,
        "failed": 2,
        "refused": 1,
        "rolled-back": 0,
        "unreadable": 2,
        "not-due": 1,
    }
    assert held["late"] == 1 and held["exit"] == 2
    assert [row["id"] for row in held["noted"]] == [1, 2]  # type: ignore[attr-defined]


def test_rows_that_are_read_when_asked_for_are_a_sequence(
    mixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = read_report(mixed, LATER).rows
    monkeypatch.setattr(reports, "HELD", 0)
    monkeypatch.setattr(report_rows, "PAGE", 4)
    rows = read_report(mixed, LATER).rows
    assert len(rows) == len(held) == 9
    assert list(rows) == list(held)
    assert [rows[place] for place in (0, 8, -1, -9)] == [
        held[place] for place in (0, 8, -1, -9)
    ]
    assert rows[2:5] == list(held[2:5])
    for place in (9, -10):
        with pytest.raises(IndexError):
            rows[place]
