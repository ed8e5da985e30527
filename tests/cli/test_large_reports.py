"""A campaign with more keys than a terminal can show."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from gostkey.cli import renewal_words
from gostkey.cli.output import Output
from gostkey.renewal.planning.rules import MOSCOW
from gostkey.renewal.report import GROUPS, Report

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=timezone.utc)


def report(keys: int) -> Report:
    rows = [
        {
            "id": number,
            "group": "failed" if number % 10 == 3 else "renewed",
            "owner": f"Owner {number}",
            "container": f"/media/{number:04d}",
            "old_ends": "2026-12-01T00:00:00+00:00",
            "new_ends": None,
            "reason": "medium" if number % 10 == 3 else None,
            "text": "the disk is full",
            "cure": "free the disk",
            "source": f"line {number} of list.csv",
            "late": False,
        }
        for number in range(keys)
    ]
    return Report(NOW, NOW, rows, counts=dict.fromkeys(GROUPS, 0))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal_words, "_LARGE", 20)
    monkeypatch.setattr(renewal_words, "_MATTERING", 3)


def test_in_a_pipe_every_key_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    whole = report(50)
    renewal_words.show_report(Output(), whole, MOSCOW)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 51
    assert lines == list(renewal_words.table_lines(whole, MOSCOW))
    assert lines[4].split()[:3] == ["Owner", "3", "/media/0003"]
    assert "the disk is full (line 3 of list.csv)" in lines[4]


def test_a_terminal_shows_what_matters_and_where_the_rest_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    renewal_words.show_report(Output(), report(50), MOSCOW, folder=Path("spring"))
    shown = capsys.readouterr()
    assert "Owner 3" in shown.out and "Owner 23" in shown.out
    assert "Owner 33" not in shown.out and "Owner 4 " not in shown.out
    assert "more keys failed than fit here" in shown.err
    assert "gostkey renew report --campaign spring --out FILE" in shown.err


class Row(dict[str, Any]):
    """A row whose end can be seen."""


class Passing(Sequence[Row]):
    """Rows that are made when they are asked for; counts those that are held."""

    def __init__(self, keys: int) -> None:
        self._rows = report(keys).rows
        self._alive: weakref.WeakValueDictionary[int, Row] = (
            weakref.WeakValueDictionary()
        )
        self.most = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: Any) -> Any:
        row = Row(self._rows[place])
        self._alive[id(row)] = row
        self.most = max(self.most, len(self._alive))
        return row


def test_no_table_holds_the_rows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Passing(500)
    passing = Report(NOW, NOW, rows, counts=dict.fromkeys(GROUPS, 0))
    renewal_words.show_report(Output(), passing, MOSCOW)
    lines = capsys.readouterr().out.splitlines()
    pieces = renewal_words.report_pieces(passing, MOSCOW)
    assert [next(pieces).decode().rstrip() for _ in lines] == lines
    assert next(pieces, None) is None
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    renewal_words.show_report(Output(), passing, MOSCOW)
    assert 0 < rows.most < 10
