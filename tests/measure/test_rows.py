"""What is compared: every row can be run, and says what it must reach."""

from __future__ import annotations

import pytest

from gostkey.measure import GROUPS, PEERS, ROWS, Row, Task, choose
from gostkey.measure.operations import Operation, prepare


def test_names_are_unique_and_groups_are_known() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.group for row in ROWS} == set(GROUPS)


def test_every_side_is_ours_or_a_known_peers() -> None:
    for row in ROWS:
        assert row.ours.runner == "gostkey"
        assert row.theirs is None or row.theirs.runner in {"gostkey", *PEERS}


def test_every_bound_is_one_that_can_be_judged() -> None:
    for row in ROWS:
        assert (row.theirs is None) == (row.most_bytes is not None)
        if row.aim is not None:
            assert row.floor is not None and row.aim > row.floor
        if row.group in ("kernels", "peers"):
            assert row.floor is None


def test_every_peer_is_asked_for_something() -> None:
    asked = {row.theirs.runner for row in ROWS if row.theirs is not None}
    assert set(PEERS) <= asked


OURS = sorted(
    {
        side.what
        for row in ROWS
        for side in (row.ours, row.theirs)
        if side is not None
        and side.runner == "gostkey"
        and not side.what.startswith("memory:")
    }
)


@pytest.mark.parametrize("what", OURS)
def test_every_operation_of_ours_can_be_done(what: str) -> None:
    operation = prepare(what)
    assert isinstance(operation, Operation)
    assert operation.items >= 1
    assert operation.version
    operation.call()


def test_an_operation_that_is_unknown_is_told() -> None:
    assert prepare("fly:high") == "there is no operation 'fly'"


ABC = [Row(name, "peers", Task("gostkey", "x")) for name in ("a-1", "a-2", "b-1")]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["a-1"], ["a-1"]),
        (["a-*"], ["a-1", "a-2"]),
        (["b-1", "a-1"], ["a-1", "b-1"]),
        (["*-1", "a-1"], ["a-1", "b-1"]),
    ],
)
def test_rows_are_chosen_by_name_in_their_own_order(
    patterns: list[str], names: list[str]
) -> None:
    chosen = choose(patterns, ABC)
    assert not isinstance(chosen, str)
    assert [row.name for row in chosen] == names


def test_a_pattern_that_fits_nothing_is_returned() -> None:
    assert choose(["a-1", "c-*"], ABC) == "c-*"


def test_a_task_reads_like_words() -> None:
    assert str(Task("openssl", "sign:p256")) == "openssl sign p256"
    assert str(Task("gostkey", "hash:512:63", "avx2")) == "hash 512 63 (avx2)"
