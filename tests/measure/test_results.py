"""Ratios, spreads and verdicts."""

from __future__ import annotations

import json

import pytest

from gostkey.measure import Result, Row, Spread, Task
from gostkey.measure.results import judge, ratios

OURS, THEIRS = Task("gostkey", "x"), Task("openssl", "sign:p256")
GOAL = Row("row", "goals", OURS, THEIRS, floor=2, aim=3)


def test_a_ratio_is_their_time_divided_by_ours_in_the_same_round() -> None:
    assert ratios([10.0, 20.0], [20.0, 10.0]) == [2.0, 0.5]


def test_sides_of_different_lengths_are_a_mistake() -> None:
    with pytest.raises(ValueError):
        ratios([1.0], [1.0, 2.0])


def test_a_spread_is_median_least_and_greatest() -> None:
    assert Spread.of([5.0, 1.0, 3.0]) == Spread(3.0, 1.0, 5.0)
    assert Spread.of([1.0, 2.0]).median == 1.5


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [(1.999, "not_met"), (2, "met"), (2.999, "met"), (3, "aim"), (30, "aim")],
)
def test_floor_and_aim_are_reached_at_their_values(figure: float, verdict: str) -> None:
    assert judge(GOAL, figure) == verdict


def test_without_a_floor_nothing_is_judged() -> None:
    assert judge(Row("row", "peers", OURS, THEIRS), 0.1) == "measured"


def test_bytes_must_not_be_more_than_the_bound() -> None:
    row = Row("row", "memory", OURS, most_bytes=100)
    assert [judge(row, size) for size in (0, 100, 101)] == ["met", "met", "not_met"]


def test_every_record_has_the_same_keys() -> None:
    spread = Spread(2.0, 1.0, 3.0)
    full = Result(GOAL, "met", spread, spread, spread, 8, "avx512", "OpenSSL")
    empty = Result(GOAL, "absent", reason="not here", install="apt-get install it")
    assert list(full.record()) == list(empty.record())
    assert json.loads(json.dumps(full.record()))["ratio"] == {
        "median": 2.0,
        "min": 1.0,
        "max": 3.0,
    }
    assert empty.record()["ratio"] is None
