"""What the screen says: the bar, the hints, the picture, at any size."""

from __future__ import annotations

import pytest

from gostkey.cli.sensor_layout import Pace, View, lay_out, map_size, render
from gostkey.cli.sensor_map import PointerMap
from gostkey.random.events import Event
from gostkey.random.session import Progress, SourceProgress, Surface

SECOND = 1_000_000_000


def progress(
    credited: int = 0,
    *,
    seconds: float = 10.0,
    idle: float = 0.0,
    mouse: tuple[int, int] = (0, 0),
    keys: tuple[int, int] = (0, 0),
    mouse_failure: str = "",
    keys_failure: str = "",
) -> Progress:
    return Progress(
        credited_bits=credited,
        target_bits=256,
        seconds=seconds,
        idle_seconds=idle,
        by_source={
            "mouse": SourceProgress(*mouse, mouse[1], mouse_failure),
            "keys": SourceProgress(*keys, keys[1], keys_failure),
        },
        done=credited >= 256,
        suspicion="",
    )


def view(now: Progress, **changes: object) -> View:
    given: dict[str, object] = {
        "mouse": True,
        "surface": Surface.PIXELS,
        "remote": False,
        **changes,
    }
    return View(now, **given)  # type: ignore[arg-type]


def text(shown: View, columns: int, rows: int, map: PointerMap | None = None) -> str:
    lines = lay_out(shown, columns, rows, map)
    assert len(lines) <= rows
    whole = ["".join(piece for piece, _style in line) for line in lines]
    assert all(len(line) < max(2, columns) for line in whole)
    return "\n".join(whole)


def bar(shown: View, columns: int = 80, rows: int = 24) -> tuple[int, int]:
    whole = text(shown, columns, rows)
    return whole.count("█"), whole.count("░")


def test_the_bar_is_the_share_of_credited_bits() -> None:
    full, empty = bar(view(progress(0, mouse=(5000, 0))))
    assert full == 0 and empty > 40
    width = full + empty
    for bits in (1, 64, 128, 255, 256):
        full, empty = bar(view(progress(bits)))
        assert full + empty <= width and full == bits * (full + empty) // 256
    assert bar(view(progress(300)))[1] == 0


def test_everything_is_said_on_a_common_terminal() -> None:
    now = progress(118, seconds=12.3, mouse=(236, 104), keys=(20, 14))
    whole = text(view(now, left=9.2, title="Random input for new keys"), 80, 24)
    for words in (
        "Random input for new keys",
        "Esc stops",
        "118 of 256 bits",
        "12 s, about 9 s left",
        "104 bits   104 of 236 moves count",
        "14 bits   14 of 20 presses count",
    ):
        assert words in whole


@pytest.mark.parametrize("columns", [1, 2, 5, 10, 20, 49, 50, 80, 200])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7, 8, 11, 12, 15, 16, 24, 60])
def test_any_size_is_kept_to(columns: int, rows: int) -> None:
    width, height = map_size(columns, rows)
    pointer = PointerMap(width, height) if width else None
    for hint in ("", "Move faster and in curves: slow, straight moves do not count."):
        for finished in ("", "Done. Let go of mouse and keyboard."):
            whole = text(
                view(progress(7), hint=hint, finished=finished, remote=True),
                columns,
                rows,
                pointer,
            )
            if columns >= 10:
                assert "7" in whole
            if columns >= 20 and rows >= 3:
                assert "Esc" in whole
            if hint and not finished and columns >= 20 and rows >= 2:
                assert "Move" in whole
            if finished and columns >= 20 and rows >= 2:
                assert "Done." in whole
    if pointer is not None:
        assert whole.count("│") == 2 * height


def test_a_hint_is_not_cut_short() -> None:
    said = (
        "Press different keys, one after the other: a key that is held or repeated "
        "does not count."
    )
    for columns, rows in ((80, 24), (80, 12), (80, 9), (52, 16), (52, 9), (40, 7)):
        width, height = map_size(columns, rows)
        pointer = PointerMap(width, height) if width else None
        whole = text(view(progress(7), hint=said), columns, rows, pointer)
        # Whatever follows it, and wherever the lines are broken.
        assert said in " ".join(whole.split())
        if pointer is not None:
            assert whole.count("│") == 2 * height


def test_keys_alone_do_not_speak_of_the_mouse() -> None:
    for columns, rows in ((80, 24), (20, 5), (200, 1)):
        whole = text(view(progress(1), mouse=False), columns, rows).lower()
        assert "mouse" not in whole and "press keys" in whole


def test_colour_is_left_out_where_it_is_not_wanted() -> None:
    line = [("███", "good"), ("bits", "strong"), ("x", "map1"), ("", "good")]
    assert render(line, colour=False) == "███\x1b[1mbits\x1b[0mx"
    assert render(line, colour=True).startswith("\x1b[32m███\x1b[0m")


# -- hints ------------------------------------------------------------------


def hint(pace: Pace, now: Progress, *, mouse: bool = True, offer: str = "") -> str:
    pace.update(now)
    return pace.hint(now, mouse=mouse, offer=offer)


def test_all_is_well_while_bits_come_in() -> None:
    assert hint(Pace(), progress(10, idle=4.9, mouse=(50, 10))) == ""


@pytest.mark.parametrize(
    ("now", "mouse", "words"),
    [
        (progress(0, idle=5.1), True, "click into this window, then move the mouse"),
        (progress(0, idle=5.1), False, "click into this window, then press keys"),
        (progress(0, idle=5.1, mouse=(60, 0)), True, "Move faster"),
        (progress(0, idle=5.1, keys=(60, 0)), True, "different keys"),
        (
            progress(0, idle=6, mouse=(9, 0), mouse_failure="a test"),
            True,
            "The mouse does not count any more",
        ),
        (
            progress(0, idle=6, keys=(9, 0), keys_failure="a test"),
            True,
            "The keys do not count any more",
        ),
    ],
)
def test_after_five_seconds_it_says_what_to_change(
    now: Progress, mouse: bool, words: str
) -> None:
    pace = Pace()
    pace.update(progress(0, seconds=0))
    assert words in hint(pace, now, mouse=mouse)


def test_only_what_came_since_the_last_bit_counts_for_the_hint() -> None:
    pace = Pace()
    assert hint(pace, progress(50, mouse=(100, 50), keys=(40, 0))) == ""
    assert "Nothing comes in" in hint(
        pace, progress(50, idle=6, mouse=(100, 50), keys=(40, 0))
    )


def test_pasting_is_called_by_its_name() -> None:
    pace = Pace()
    pace.update(progress(0, seconds=0))
    pace.event(Event(0, "press", code=1, pasted=True), False)
    assert "Pasted text" in hint(pace, progress(0, idle=6, keys=(900, 0)))


def test_a_slow_typist_is_asked_to_be_faster_before_it_is_too_late() -> None:
    for gap, words in ((0.5, "faster"), (0.3, "")):
        pace = Pace()
        for n in range(7):
            pace.event(Event(round(n * gap * SECOND), "press", code=n), True)
        said = hint(pace, progress(6, keys=(7, 6)))
        assert (words in said) if words else said == ""


def test_keys_alone_are_offered_where_no_mouse_is_seen() -> None:
    now = progress(20, seconds=16, keys=(40, 20))
    assert hint(Pace(), now, offer="only keys") == "only keys"
    assert hint(Pace(), now, mouse=False, offer="only keys") == ""
    seen = progress(20, seconds=16, keys=(40, 20), mouse=(1, 0))
    assert hint(Pace(), seen, offer="only keys") == ""


def test_the_time_left_is_by_the_pace_of_the_last_ten_seconds() -> None:
    pace = Pace()
    # 2 bits a second at first, then 20 a second.
    for second in range(10):
        pace.update(progress(2 * second, seconds=second))
    for second in range(10, 21):
        pace.update(progress(20 + 20 * (second - 10), seconds=second))
    left = pace.seconds_left(progress(220, seconds=20))
    assert left == pytest.approx(36 * 10 / 200)
    assert pace.seconds_left(progress(220, seconds=20, idle=6)) is None
    fresh = Pace()
    fresh.update(progress(0, seconds=0))
    assert fresh.seconds_left(progress(0, seconds=0)) is None


# -- the picture ------------------------------------------------------------


def test_a_place_is_one_dot_where_it_belongs() -> None:
    # 10 by 5 characters are 20 by 20 dots of a window of 200 by 400.
    for x, y, column, row, dot in (
        (0, 0, 0, 0, "⠁"),
        (199, 399, 9, 4, "⢀"),
        (15, 95, 0, 1, "⠈"),
        (100, 79, 5, 0, "⡀"),
    ):
        pointer = PointerMap(10, 5)
        pointer.mark(x, y, (200, 400), 0)
        shown = ["".join(piece for piece, _ in line) for line in pointer.lines()]
        assert shown[row][column] == dot
        assert "".join(shown).count(" ") == 49


def test_one_stroke_is_joined_and_two_are_not() -> None:
    for later, dots in ((SECOND // 100, 20), (SECOND, 2)):
        pointer = PointerMap(10, 1, ascii_only=False)
        pointer.mark(0, 0, (20, 4), 0)
        pointer.mark(19, 0, (20, 4), later)
        ((line),) = pointer.lines()
        whole = "".join(piece for piece, _ in line)
        assert sum(bin(ord(c) - 0x2800).count("1") for c in whole if c != " ") == dots


def test_places_crossed_often_weigh_more() -> None:
    pointer = PointerMap(4, 1)
    for _ in range(40):
        pointer.mark(0, 0, (8, 4), 0)
    pointer.mark(7, 0, (8, 4), SECOND)
    ((line),) = pointer.lines()
    assert [weight for _, weight in line] == [3, 0, 1]


def test_without_utf_8_the_picture_is_ascii() -> None:
    pointer = PointerMap(10, 3, ascii_only=True)
    for n in range(30):
        pointer.mark(n % 10, n % 3, (10, 3), n * SECOND)
    shown = "".join(piece for line in pointer.lines() for piece, _ in line)
    assert shown.isascii() and shown.strip()
    whole = text(view(progress(100), ascii_only=True), 80, 24, pointer)
    assert whole.isascii()


def test_places_outside_are_drawn_at_the_edge() -> None:
    pointer = PointerMap(3, 2)
    pointer.mark(10_000, 10_000, (30, 20), 0)
    shown = ["".join(piece for piece, _ in line) for line in pointer.lines()]
    assert shown[1][2] == "⢀"
