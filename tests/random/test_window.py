"""The sensor's window on a real X server (see `screens`)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from screens import (
    Hands,
    Screen,
    closing,
    key_press,
    letters,
    motion,
    new_screen,
    placed,
    send_event,
    typing,
)

from gostkey.errors import EntropyCancelled, EntropyNeeded
from gostkey.random import window
from gostkey.random.events import Event
from gostkey.random.session import Session
from gostkey.random.window import WindowWords, run_window
from gostkey.random.window_program import _Repeats

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("GOSTKEY_KERNELS")),
    reason="no kernel has a part in the window; run without GOSTKEY_KERNELS",
)

WORDS = WindowWords(
    title="gostkey: random input",
    task="Move the mouse about in this window, or type any keys, until the bar is full",
    picture="Where the pointer has been",
    bits="{bits} of {needed} bits",
    seconds="{seconds} s",
    left="about {seconds} s left",
    sources={"mouse": "Mouse", "keys": "Keyboard"},
    counted={
        "mouse": "{bits} bits: {accepted} of {events} movements counted",
        "keys": "{bits} bits: {accepted} of {events} presses and releases counted",
    },
    unused="nothing yet",
    failed="counts no more: {reason}",
    signs=dict.fromkeys(("bursts", "fixed-pace", "repeats", "few-values"), "A robot?"),
    unfocused="Click here: the keyboard goes to another window",
    done="Enough, thank you",
    cancel="Cancel",
    escape="Esc cancels; nothing is made then",
)


class Recorder(Session):
    """A session that also keeps its events, and how often it was cancelled."""

    def __init__(self, target_bits: int = 128) -> None:
        super().__init__(target_bits=target_bits)
        self.events: list[Event] = []

    def feed(self, event: Event) -> bool:
        self.events.append(event)
        return super().feed(event)

    def kinds(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]


def show(session: Session, *, idle_limit: float = 20) -> None:
    """Show the window; a test whose hands fail ends soon all the same."""
    run_window(session, WORDS, idle_limit=idle_limit)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    with new_screen() as one:
        monkeypatch.setenv("DISPLAY", one.display)
        yield one


def until_over(session: Session) -> Callable[[], bool]:
    """Say whether the session still wants input."""
    return lambda: not (session.progress.done or session.progress.suspicion)


# -- a person ------------------------------------------------------------------


def test_moving_the_mouse_meets_the_target(screen: Screen) -> None:
    session = Recorder()

    def move() -> None:
        screen.follow(motion("mouse_shake", screen.wait()), while_=until_over(session))

    with Hands(move):
        show(session)
    summary = session.close()
    assert summary.credited_bits >= 128
    assert summary.suspicion == ""
    assert summary.sources["mouse"].credited_bits == summary.credited_bits
    # The places are those of the pointer in the window, in pixels.
    sent = {(x, y) for _, x, y in placed("mouse_shake")}
    moved = session.kinds("motion")
    assert len(moved) > 128
    assert {(event.x, event.y) for event in moved} <= sent
    assert all(event.inside for event in moved)
    # Each has the time of the X server, in milliseconds, and that of its arrival.
    stamps = [event.device_time_ns for event in moved]
    assert stamps == sorted(stamps) and stamps[0] > 0
    assert all(stamp % 1_000_000 == 0 for stamp in stamps)
    times = [event.time_ns for event in moved]
    assert times == sorted(times)
    assert times[-1] <= time.perf_counter_ns()
    # A hand's events come one by one.
    assert sum(event.together == 1 for event in moved) > len(moved) / 2
    assert not screen.windows()


def test_the_keyboard_alone_meets_the_target(screen: Screen) -> None:
    for _ in range(3):
        session = Recorder()

        def type_(session: Recorder = session) -> None:
            screen.wait()
            screen.follow(typing("keys_4"), while_=until_over(session))

        with Hands(type_):
            show(session)
        summary = session.close()
        # On a machine that is busy all keys may come in step with its own pace,
        # and then they are rightly refused.
        if not summary.suspicion:
            break
    assert summary.sources["keys"].credited_bits >= 128
    assert summary.suspicion == ""
    assert len({event.code for event in session.kinds("press")}) > 10


def test_no_part_of_the_window_swallows_an_event(screen: Screen) -> None:
    session = Recorder()

    def touch() -> None:
        left, top = screen.wait()
        # Title line, picture, bar, table, and the button; a space on the button
        # must not press it.
        for x, y in ((300, 30), (300, 200), (300, 405), (60, 480), (700, 570)):
            screen.tool("mousemove", left + x, top + y)
            screen.tool("key", "space")
        screen.tool("mousemove", 3, 3)
        screen.tool("key", "Escape")

    with Hands(touch), pytest.raises(EntropyCancelled):
        show(session)
    places = {(event.x, event.y) for event in session.kinds("motion")}
    assert {(300, 30), (300, 200), (300, 405), (60, 480), (700, 570)} <= places
    assert len(session.kinds("press")) == 5


def test_clicks_are_told_with_what_is_held(screen: Screen) -> None:
    session = Recorder()

    def click() -> None:
        left, top = screen.wait()
        screen.tool("mousemove", left + 200, top + 200, "mousedown", 1)
        # Dragged out of the window: the events still come, from outside.
        screen.tool("mousemove", 5, 5, "mouseup", 1, "key", "Escape")

    with Hands(click), pytest.raises(EntropyCancelled):
        show(session)
    down, up = session.kinds("button")
    assert (down.code, down.inside, up.code, up.inside) == (1, True, 1, False)
    outside = [event for event in session.kinds("motion") if not event.inside]
    assert outside and outside[-1].buttons == 1


# -- nobody, and robots --------------------------------------------------------


def test_a_window_without_a_person_ends(screen: Screen) -> None:
    session = Recorder()
    asked = []
    with pytest.raises(EntropyNeeded, match="nothing came.*for 1 seconds"):
        run_window(
            session,
            WORDS,
            idle_limit=1,
            advise=lambda progress: asked.append(progress) or "Move it",
        )
    assert len(asked) > 2
    assert session.events == []
    assert not screen.windows()
    with pytest.raises(ValueError, match="cancelled"):
        session.close()


def test_a_robot_of_constant_steps_fills_nothing(screen: Screen) -> None:
    session = Recorder()
    filled = []

    def move() -> None:
        left, top = screen.wait()
        screen.follow(
            (
                (n * 0.01, f"mousemove {left + 9 + 3 * n} {top + 9 + 2 * n}")
                for n in range(200)
            ),
            while_=lambda: True,
        )
        filled.append(screen.bar())

    with Hands(move), pytest.raises(EntropyNeeded, match="nothing came"):
        show(session, idle_limit=4)
    assert len(session.kinds("motion")) > 100
    assert session.progress.credited_bits == 0
    assert filled == [0.0]


def test_a_script_that_types_at_a_fixed_pace_is_refused(screen: Screen) -> None:
    session = Recorder()

    def type_() -> None:
        screen.wait()
        # Press and release every 30 ms: both count, as long as nobody suspects.
        screen.tool("type", "--delay", 60, letters("keys_5")[:60])

    with Hands(type_):
        show(session, idle_limit=5)
    summary = session.close()
    assert summary.suspicion
    assert summary.credited_bits == summary.added_bits == 0
    # It is over before all is typed.
    assert 16 <= len(session.kinds("press")) <= 60


def test_events_that_a_program_sends_do_not_count(screen: Screen) -> None:
    session = Recorder()

    def send() -> None:
        screen.wait()
        for _ in range(6):
            send_event(screen.display, screen.windows()[0], 2, key_press)
        screen.tool("key", "z")
        screen.tool("key", "Escape")

    with Hands(send), pytest.raises(EntropyCancelled):
        show(session)
    # Only the z, which came through the server's keyboard; a is key 38.
    (press,) = session.kinds("press")
    assert press.code != 38


def test_a_key_that_is_held_counts_once(screen: Screen) -> None:
    session = Recorder()

    def hold() -> None:
        screen.wait()
        screen.tool("keydown", "a")
        # The server begins to repeat after 0.66 seconds, 25 times a second.
        time.sleep(1.6)
        screen.tool("keyup", "a")
        screen.tool("key", "Escape")

    with Hands(hold), pytest.raises(EntropyCancelled):
        show(session)
    assert len(session.kinds("press")) == 1
    assert session.progress.by_source["keys"].accepted <= 2


def test_repeated_presses_are_known_on_every_system() -> None:
    x11 = _Repeats()
    assert not x11.press(38, 1000)
    for stamp in (1660, 1700, 1740):
        x11.release(38, stamp)
        assert x11.press(38, stamp)
    x11.release(38, 1800)
    assert not x11.press(38, 1801)
    others = _Repeats()
    assert not others.press(65, 10)
    assert others.press(65, 500) and others.press(65, 530)
    assert not others.press(66, 535)
    others.release(65, 600)
    assert not others.press(65, 700)


# -- how it ends otherwise -----------------------------------------------------


def test_escape_cancels(screen: Screen) -> None:
    session = Recorder()

    def stop() -> None:
        screen.wait()
        screen.tool("key", "a")
        screen.tool("key", "Escape")

    with Hands(stop), pytest.raises(EntropyCancelled, match="was cancelled"):
        show(session)
    # Nothing of it can be used any more.
    with pytest.raises(ValueError, match="cancelled"):
        session.close()


def test_the_button_cancels(screen: Screen) -> None:
    def stop() -> None:
        left, top = screen.wait()
        screen.tool("mousemove", left + 700, top + 570, "click", 1)

    with Hands(stop), pytest.raises(EntropyCancelled, match="was cancelled"):
        show(Recorder())


def test_a_window_closed_half_way_is_told(screen: Screen) -> None:
    def stop() -> None:
        corner = screen.wait()
        moves = list(motion("mouse_shake", corner))[:40]
        screen.follow(iter(moves), while_=lambda: True)
        send_event(screen.display, screen.windows()[0], 33, closing)

    session = Recorder()
    with Hands(stop), pytest.raises(EntropyCancelled, match="window was closed"):
        show(session)
    assert session.events


def test_a_display_that_dies_is_told_and_this_process_lives_on(
    screen: Screen,
) -> None:
    def stop() -> None:
        corner = screen.wait()
        moves = list(motion("mouse_shake", corner))[:40]
        screen.follow(iter(moves), while_=lambda: True)
        screen.server.kill()

    session = Recorder()
    with (
        Hands(stop),
        pytest.raises(EntropyNeeded, match="connection to the display was lost"),
    ):
        show(session)
    assert session.events
    with pytest.raises(ValueError, match="cancelled"):
        session.close()


def test_without_a_display_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(
        "tkinter", reason="needs tkinter for this Python: apt-get install python3-tk"
    )
    for display in (None, ":93"):
        monkeypatch.delenv("DISPLAY", raising=False)
        if display:
            monkeypatch.setenv("DISPLAY", display)
        with pytest.raises(EntropyNeeded, match="no window can be opened.*display"):
            show(Recorder())


def test_without_tkinter_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without = "import sys, runpy; sys.modules['tkinter'] = None; del sys.argv[0]; "
    without += "runpy.run_path(sys.argv[0], run_name='__main__')"
    monkeypatch.setattr(
        window,
        "_command",
        lambda: [sys.executable, "-I", "-c", without, str(window._PROGRAM)],
    )
    with pytest.raises(EntropyNeeded, match="apt-get install python3-tk"):
        show(Recorder())


def test_a_program_that_cannot_be_started_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(window, "_command", lambda: ["/nowhere/python"])
    session = Recorder()
    with pytest.raises(EntropyNeeded, match="no window can be opened"):
        show(session)
    with pytest.raises(ValueError, match="cancelled"):
        session.close()


COLLECT = """
    import sys
    sys.path[:0] = [{tests!r}, {here!r}]
    import conftest
    from test_window import Recorder, show
    try:
        show(Recorder())
    except Exception as error:
        print(type(error).__name__, flush=True)
"""


@pytest.mark.parametrize(
    ("sent", "answer"),
    [(signal.SIGINT, "EntropyCancelled"), (signal.SIGKILL, "")],
    ids=["ctrl-c", "killed"],
)
def test_the_window_goes_with_the_process_that_opened_it(
    screen: Screen, sent: signal.Signals, answer: str
) -> None:
    here = Path(__file__).parent
    program = textwrap.dedent(COLLECT).format(tests=str(here.parent), here=str(here))
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        screen.wait()
        process.send_signal(sent)
        out, _ = process.communicate(timeout=20)
    assert out.strip() == answer
    deadline = time.monotonic() + 5
    while screen.windows():
        assert time.monotonic() < deadline, "the window stayed"
        time.sleep(0.1)


# -- what it looks like --------------------------------------------------------


def test_the_bar_that_is_seen_follows_the_credit(screen: Screen) -> None:
    session = Recorder(256)
    seen: list[tuple[float, float]] = []

    def move() -> None:
        corner = screen.wait()
        screen.follow(
            motion("mouse_shake", corner),
            while_=lambda: session.progress.credited_bits < 100,
        )
        screen.follow(
            typing("keys_5", 2), while_=lambda: session.progress.seconds < 5.5
        )
        # The window shows it within a tenth of a second.
        time.sleep(0.5)
        seen.append((session.progress.credited_bits / 256, screen.bar()))
        screen.tool("key", "Escape")

    with Hands(move), pytest.raises(EntropyCancelled):
        show(session)
    ((credited, shown),) = seen
    assert credited > 0.3
    assert shown == pytest.approx(credited, abs=0.02)
