"""The decoder on bytes: what each is, wherever they are cut, and any bytes at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gostkey.random.events import Event
from gostkey.random.terminal_decoder import (
    AreaPixels,
    Attributes,
    Cancel,
    Decoder,
    Input,
    ModeReport,
)


def decode(*pieces: bytes, end: bool = True) -> list[Input]:
    decoder = Decoder()
    found = [one for piece in pieces for one in decoder.feed(piece, 0)]
    return found + (decoder.flush(0) if end and decoder.waiting else [])


def alike(found: list[Input]) -> list[Input]:
    """Without how many came in one read: cutting changes that, and only that."""
    return [
        replace(one, together=1) if isinstance(one, Event) else one for one in found
    ]


def keys(data: bytes) -> list[int]:
    found = decode(data)
    assert all(isinstance(one, Event) and one.kind == "press" for one in found), found
    return [one.code for one in found if isinstance(one, Event)]


# -- the mouse --------------------------------------------------------------


def test_motion_and_buttons_as_sgr_reports_them() -> None:
    reports = {
        b"\x1b[<35;1;1M": Event(0, "motion", 0, 0),
        b"\x1b[<32;80;24M": Event(0, "motion", 79, 23, buttons=1),
        b"\x1b[<34;5;6M": Event(0, "motion", 4, 5, buttons=4),
        b"\x1b[<51;5;6M": Event(0, "motion", 4, 5),  # with Ctrl held
        b"\x1b[<0;10;20M": Event(0, "button", 9, 19, code=1, buttons=1),
        b"\x1b[<0;10;20m": Event(0, "button", 9, 19, code=1),
        b"\x1b[<2;10;20M": Event(0, "button", 9, 19, code=3, buttons=4),
        b"\x1b[<64;10;20M": Event(0, "button", 9, 19, code=5),  # wheel up
        b"\x1b[<65;10;20M": Event(0, "button", 9, 19, code=6),
        b"\x1b[<35;1234;987M": Event(0, "motion", 1233, 986),  # pixels
    }
    for data, event in reports.items():
        assert decode(data) == [event], data


def test_the_old_form_of_reports() -> None:
    assert decode(b"\x1b[MC*+") == [Event(0, "motion", 9, 10)]
    assert decode(b"\x1b[M *+") == [Event(0, "button", 9, 10, code=1, buttons=1)]
    assert decode(b"\x1b[M#*+") == [Event(0, "button", 9, 10, code=4)]


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b[<35;1M",
        b"\x1b[<35;1;M",
        b"\x1b[<;;M",
        b"\x1b[<35;0;5M",
        b"\x1b[<35;-3;5M",
        b"\x1b[<35;5;1234567M",
        b"\x1b[<35;5;6;7M",
        b"\x1b[<35;5;6X",
        b"\x1b[<35;5",
        b"\x1b[M\x01\x02\x03",
    ],
)
def test_a_report_that_no_mouse_sends_is_nothing(data: bytes) -> None:
    assert decode(data) == []
    # And what follows it is seen.
    assert alike(decode(data, b"\x1b[<35;3;4M"))[-1] == Event(0, "motion", 2, 3)


# -- keys -------------------------------------------------------------------

ONE_KEY = [
    b"a",
    b"\r",
    b"\t",
    b"\x7f",
    b"\x01",
    "я".encode(),
    "Ё".encode(),
    "€".encode(),
    "😀".encode(),
    b"\x1ba",
    "\x1bы".encode(),
    b"\x1b\r",
    b"\x1b[A",
    b"\x1b[1;5A",
    b"\x1b[3~",
    b"\x1b[15;2~",
    b"\x1bOP",
    b"\x1bOA",
    b"\x1b[[A",
    b"\x1b[Z",
    b"\x1b\x1b[A",
    b"\x1b[1;2R",
    b"\x1b[27;5;9~",
]


@pytest.mark.parametrize("data", ONE_KEY, ids=repr)
def test_a_sequence_is_one_key(data: bytes) -> None:
    assert len(keys(data)) == 1


def test_different_keys_have_different_codes_and_the_same_the_same() -> None:
    codes = [keys(data)[0] for data in ONE_KEY]
    assert len(set(codes)) == len(codes)
    assert codes == [keys(data)[0] for data in ONE_KEY]
    assert keys("я".encode()) == [ord("я")]


@pytest.mark.parametrize("data", [b"\x1b[", b"\x1bO", b"\x1b[1;5", b"\x1b[["], ids=repr)
def test_half_a_sequence_is_one_key_when_nothing_follows(data: bytes) -> None:
    assert len(keys(data)) == 1


def test_a_sequence_without_end_swallows_little() -> None:
    found = keys(b"\x1b[" + b"1" * 200)
    # Given up after 64 bytes; the others are keys of their own.
    assert 100 < len(found) < 200


def test_alt_with_a_bracket_does_not_swallow_what_follows() -> None:
    """Other programs take ESC ] for the beginning of a string without end."""
    for starter in b"]PX^_":
        assert len(keys(bytes([0x1B, starter]) + b"abc")) == 4


@pytest.mark.parametrize(
    "data", [b"\xff", b"\xc0", b"\x80", b"\xd1", b"\xe2\x82", b"\xf4\x90\x80\x80"]
)
def test_bytes_that_are_no_utf_8_are_keys_too(data: bytes) -> None:
    assert 1 <= len(keys(data)) <= len(data)
    assert keys(data + b"a")[-1] == ord("a")


# -- stopping ---------------------------------------------------------------


def test_esc_alone_stops_only_when_nothing_follows() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x1b", 0) == []
    assert decoder.waiting
    assert decoder.flush(1) == [Cancel()]
    assert not decoder.waiting
    assert decode(b"\x1b\x1b") == [Cancel()]


def test_esc_before_a_mouse_report_stops() -> None:
    found = decode(b"\x1b\x1b[<35;3;4M")
    assert found[0] == Cancel()
    assert found[1] == Event(0, "motion", 2, 3)


def test_ctrl_c_stops_also_in_the_middle() -> None:
    assert decode(b"\x03") == [Cancel("interrupt")]
    assert Cancel("interrupt") in decode(b"\x1b[12\x03")
    assert Cancel("interrupt") in decode(b"\xd1\x03")
    assert Cancel("interrupt") in decode(b"\x1b\x03")


# -- pasting ----------------------------------------------------------------


def test_what_is_pasted_is_marked_and_stops_nothing() -> None:
    found = decode(b"a\x1b[200~bc\x03\x1b\x1b[201~d")
    assert [one.pasted for one in found if isinstance(one, Event)] == [
        False, True, True, True, False,
    ]  # fmt: skip
    assert not any(isinstance(one, Cancel) for one in found)


def test_esc_alone_inside_a_paste_is_a_pasted_key() -> None:
    (found,) = decode(b"\x1b[200~\x1b")
    assert isinstance(found, Event) and found.pasted


def test_a_paste_whose_end_is_lost_is_over_after_a_second() -> None:
    decoder = Decoder()
    second = 1_000_000_000
    decoder.feed(b"\x1b[200~", 0)
    for at, pasted in ((second // 2, True), (second * 3 // 2, True)):
        (found,) = decoder.feed(b"a", at)
        assert isinstance(found, Event) and found.pasted is pasted
    (found,) = decoder.feed(b"a", second * 3)
    assert isinstance(found, Event) and not found.pasted


# -- answers ----------------------------------------------------------------


def test_answers_to_questions() -> None:
    assert decode(b"\x1b[?1016;2$y\x1b[4;480;800t\x1b[?64;1;2c") == [
        ModeReport(1016, 2),
        AreaPixels(800, 480),
        Attributes(),
    ]


# -- cutting ----------------------------------------------------------------

LONG = b"".join(
    [
        *ONE_KEY,
        b"\x1b[<35;10;20M\x1b[<35;11;21M\x1b[<0;3;3M\x1b[<0;3;3m",
        b"\x1b[MC*+",
        "съешь ещё".encode(),
        b"\x1b[200~pasted \x1b text\x03\x1b[201~",
        b"\x1b\x1b[<35;7;7M",
        b"\x03",
        b"\xff\xd1a\xe2\x82\x1b[<35;2;2M",
        b"\x1b[?1016;0$y\x1b[?62c",
        b"\x1b[<35;5\x1b[B",
        b"z",
    ]
)


def test_every_cut_in_two_gives_the_same() -> None:
    whole = alike(decode(LONG))
    assert len(whole) > 60
    for place in range(len(LONG) + 1):
        assert alike(decode(LONG[:place], LONG[place:])) == whole, place


def test_single_bytes_give_the_same() -> None:
    assert alike(decode(*(bytes([byte]) for byte in LONG))) == alike(decode(LONG))


def test_events_know_how_many_came_with_them() -> None:
    decoder = Decoder()
    found = decoder.feed(b"ab\x1b[<35;1;1M\x1b[<35", 0)
    assert [one.together for one in found if isinstance(one, Event)] == [3, 3, 3]
    (last,) = decoder.feed(b";2;2M", 5)
    assert last == Event(5, "motion", 1, 1)


pieces_of_terminals = st.sampled_from(
    [b"\x1b", b"[", b"<", b"35;1;1", b"M", b"m", b"O", b"200~", b"\x1b[201~", b"\xd1",
     b"\x83", b"\x03", b"a", b"$y", b"?1016;", b";", b"\xff", b"\x00"]
)  # fmt: skip


@given(
    st.lists(st.binary(max_size=20) | pieces_of_terminals, max_size=30),
    st.integers(0, 2**40),
)
def test_any_bytes_give_events_and_no_exception(pieces: list[bytes], time: int) -> None:
    decoder = Decoder()
    found = [one for piece in pieces for one in decoder.feed(piece, time)]
    found += decoder.flush(time) if decoder.waiting else []
    assert not decoder.waiting
    for one in found:
        if isinstance(one, Event):
            assert one.kind in ("motion", "button", "press")
            one.encode()
    # No more than one event for each byte.
    assert len(found) <= sum(map(len, pieces)) + 1
    assert alike(decode(b"".join(pieces))) == [
        replace(one, time_ns=0) if isinstance(one, Event) else one
        for one in alike(found)
    ]
