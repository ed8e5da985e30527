"""The acceptance filters, by worked examples of the rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gostkey.random.events import EVENT_SIZE, Event, KeyFilter, MotionFilter

from .people import MS


def symbols(
    places: list[tuple[int, int]], *, every_ms: float = 8, cells: bool = False
) -> list[int | None]:
    rule = MotionFilter(cells=cells)
    return [
        rule.symbol(Event(round(n * every_ms * MS), "motion", x, y))
        for n, (x, y) in enumerate(places)
    ]


def test_the_third_motion_is_the_first_that_can_count() -> None:
    # Steps (1, 2) and (3, -1): ddx = 2, ddy = -3, so 10 << 4 | 5.
    assert symbols([(10, 10), (11, 12), (14, 11)]) == [None, None, 0xA5]


@pytest.mark.parametrize(
    ("second", "what"),
    [
        ((0, 5), "dx is zero"),
        ((5, 0), "dy is zero"),
        ((1, 5), "ddx is zero"),
        ((5, 2), "ddy is zero"),
    ],
)
def test_a_zero_among_the_four_differences_rejects(
    second: tuple[int, int], what: str
) -> None:
    start, first = (10, 10), (1, 2)
    here = (start[0] + first[0], start[1] + first[1])
    there = (here[0] + second[0], here[1] + second[1])
    assert symbols([start, here, there]) == [None, None, None], what


def test_differences_are_clipped_to_minus_8_and_7() -> None:
    # Steps (1, 1) and (101, -99): ddx = 100 -> 7 + 8, ddy = -100 -> -8 + 8.
    assert symbols([(0, 200), (1, 201), (102, 102)])[2] == 0xF0


def test_four_milliseconds_must_pass_since_the_last_accepted() -> None:
    places = [(0, 0), (1, 2), (4, 1), (5, 5)]
    # Steps (1,2) (3,-1) (1,4): the third difference is (-2, 5).
    assert symbols(places, every_ms=4) == [None, None, 0xA5, 0x6D]
    assert symbols(places, every_ms=3.999) == [None, None, 0xA5, None]


def test_a_symbol_equal_to_one_of_the_two_before_is_rejected() -> None:
    # Second differences (2,-3) (-2,3) (2,-3) (-2,3): only two different ones.
    places = [(0, 0), (1, 2), (4, 1), (5, 3), (8, 2), (9, 4)]
    assert symbols(places) == [None, None, 0xA5, 0x6B, None, None]


def test_leaving_the_surface_breaks_the_chain() -> None:
    rule = MotionFilter()
    places = [(0, 0), (1, 2), (4, 1), (90, 90), (5, 5), (7, 6), (8, 9)]
    got = [
        rule.symbol(Event(n * 8 * MS, "motion", x, y, inside=n != 3))
        for n, (x, y) in enumerate(places)
    ]
    # After it: steps (2,1) and (1,3), difference (-1, 2).
    assert got == [None, None, 0xA5, None, None, None, 0x7A]


def test_cells_are_compared_where_both_column_and_row_changed() -> None:
    # The reports at (1,0) and (2,2) change one coordinate only and are passed
    # over; left are (0,0) (1,1) (3,2) (4,3): steps (1,1) (2,1) (1,1).
    places = [(0, 0), (1, 0), (1, 1), (2, 1), (3, 2), (4, 3)]
    assert symbols(places, cells=True) == [None, None, None, None, 0x98, 0x78]


def typed(*keys: tuple[float, int], kind: str = "press") -> list[int | None]:
    rule = KeyFilter()
    return [rule.symbol(Event(round(ms * MS), kind, code=code)) for ms, code in keys]


def test_a_key_counts_with_half_its_gap_in_milliseconds() -> None:
    assert typed((0, 1), (100, 2), (215, 3), (1000, 4)) == [None, 50, 57, 255]


def test_a_gap_under_15_ms_is_rejected() -> None:
    assert typed((0, 1), (14.999, 2), (29.999, 3)) == [None, None, 7]


def test_the_third_equal_key_is_rejected() -> None:
    keys = [(n * 100, code) for n, code in enumerate([5, 5, 5, 5, 6, 5, 5])]
    assert typed(*keys) == [None, 50, None, None, 50, 50, 50]


def test_unknown_keys_are_all_the_same_key() -> None:
    assert typed((0, 0), (100, 0), (200, 0)) == [None, 50, None]


def test_pasted_keys_are_rejected() -> None:
    rule = KeyFilter()
    assert rule.symbol(Event(0, "press", code=1)) is None
    assert rule.symbol(Event(100 * MS, "press", code=2, pasted=True)) is None
    assert rule.symbol(Event(200 * MS, "press", code=3)) == 50


def test_a_release_of_the_same_key_counts_by_itself() -> None:
    rule = KeyFilter()
    kinds = ["press", "release", "press", "release", "press"]
    got = [
        rule.symbol(Event(n * 60 * MS, kind, code=9)) for n, kind in enumerate(kinds)
    ]
    assert got == [None, 30, 30, 30, None]


def test_the_device_s_time_goes_before_the_time_of_reading() -> None:
    rule = KeyFilter()
    rule.symbol(Event(1, "press", code=1, device_time_ns=1000 * MS))
    assert rule.symbol(Event(2, "press", code=2, device_time_ns=1050 * MS)) == 25


def test_an_encoded_event_is_laid_out_as_said() -> None:
    event = Event(
        0x0102030405060708, "motion", x=-2, y=3, code=4, buttons=5, device_time_ns=6,
        together=7, pasted=True,
    )  # fmt: skip
    assert event.encode().hex() == (
        "0102030405060708" "0000000000000006" "01" "fffffffe" "00000003"
        "00000004" "0005" "0007" "03"
    )  # fmt: skip


number = st.integers(-(2**80), 2**80)


@given(
    st.builds(
        Event,
        time_ns=number,
        kind=st.sampled_from(["motion", "button", "press", "release"]),
        x=number,
        y=number,
        code=number,
        buttons=number,
        device_time_ns=number,
        together=st.integers(1, 2**40),
        pasted=st.booleans(),
        inside=st.booleans(),
    )
)
def test_any_event_has_the_one_size(event: Event) -> None:
    assert len(event.encode()) == EVENT_SIZE


def test_an_event_does_not_show_what_it_holds() -> None:
    assert repr(Event(123, "press", code=77)) == "<gostkey random event: press>"
