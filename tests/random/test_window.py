"""The sensor's window on a real X server (Xvfb), with a real pointer and real keys.

xdotool moves the pointer and presses keys through the XTEST extension, which a
program sees as it sees those of a mouse and a keyboard.  Where the pointer goes
and when is taken from the traces beside this file.

    GOSTKEY_PICTURES=docs/pictures pytest tests/random/test_window.py -k picture

puts the picture of the window there.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gostkey.errors import EntropyCancelled, EntropyNeeded
from gostkey.random import window
from gostkey.random.events import Event
from gostkey.random.session import Session
from gostkey.random.window import WindowWords, run_window
from gostkey.random.window_program import _Repeats

sys.path.insert(0, str(Path(__file__).parent))
import people  # noqa: E402

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
    idle="Nothing counts now: move in curves, or type different keys",
    unfocused="Click here: the keyboard goes to another window",
    done="Enough, thank you",
    cancel="Cancel",
    escape="Esc cancels; nothing is made then",
)

BAR_BLUE = bytes.fromhex("2563a8")


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


class Screen:
    """A screen of its own, and hands for it."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x760x24"]
            + ["-nolisten", "tcp"],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as told:
            self.display = f":{int(told.readline())}"
        self._environment = {**os.environ, "DISPLAY": self.display}

    def close(self) -> None:
        self.server.terminate()
        self.server.wait()

    def tool(self, *words: object) -> str:
        """Run xdotool once and return what it prints."""
        return subprocess.run(
            ["xdotool", *map(str, words)],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.strip()

    def windows(self) -> list[str]:
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--class", "gostkey"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return found.stdout.split()

    def wait(self) -> tuple[int, int]:
        """Wait for the window; return its corner."""
        deadline = time.monotonic() + 30
        while not self.windows():
            assert time.monotonic() < deadline, "no window came"
            time.sleep(0.1)
        # It is drawn, and has the keyboard.
        time.sleep(0.4)
        shown = self.tool("getwindowgeometry", "--shell", self.windows()[0])
        place = dict(line.split("=") for line in shown.splitlines())
        return int(place["X"]), int(place["Y"])

    def follow(
        self, lines: Iterator[tuple[float, str]], *, while_: Callable[[], bool]
    ) -> None:
        """Give xdotool each line at its time, in seconds from now."""
        with subprocess.Popen(
            ["xdotool", "-"], env=self._environment, stdin=subprocess.PIPE, text=True
        ) as hand:
            assert hand.stdin
            began = time.monotonic()
            try:
                for at, line in lines:
                    if not while_():
                        break
                    time.sleep(max(0.0, began + at - time.monotonic()))
                    hand.stdin.write(line + "\n")
                    hand.stdin.flush()
            except OSError:
                # The screen is gone, and xdotool with it.
                pass

    def pixels(self) -> bytes:
        """Take a picture: three bytes a pixel, 1000 pixels a row."""
        if shutil.which("import") is None:
            pytest.skip("needs ImageMagick: apt-get install imagemagick")
        return subprocess.run(
            ["import", "-window", "root", "-depth", "8", "rgb:-"],
            env=self._environment,
            capture_output=True,
            check=True,
        ).stdout

    def bar(self) -> float:
        """Say how full the bar is, from its pixels."""
        rows = self.pixels()
        longest = 0
        for start in range(0, len(rows), 3000):
            row = rows[start : start + 3000]
            # A whole number of pixels from a pixel's beginning.
            count = sum(row[i : i + 3] == BAR_BLUE for i in range(0, 3000, 3))
            longest = max(longest, count)
        return longest / BAR_WIDTH


class SentEvent(ctypes.Structure):
    """The beginning that XClientMessageEvent and XKeyEvent have in common."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("rest", ctypes.c_byte * 200),
    )


def send_event(
    display: str, number: str, kind: int, rest: Callable[..., bytes]
) -> None:
    """Send an event as programs do, by XSendEvent.

    Args:
        display: for example ":1".
        number: of the window.
        kind: number of the event.
        rest: makes what follows the window in its structure; given the
            function that finds atoms, and the root window.
    """
    x = ctypes.CDLL("libX11.so.6")
    for name, result in (
        ("XOpenDisplay", ctypes.c_void_p),
        ("XInternAtom", ctypes.c_ulong),
        ("XDefaultRootWindow", ctypes.c_ulong),
    ):
        getattr(x, name).restype = result
    opened = ctypes.c_void_p(x.XOpenDisplay(display.encode()))
    event = SentEvent(type=kind, window=int(number))
    body = rest(
        lambda name: x.XInternAtom(opened, name, 0), x.XDefaultRootWindow(opened)
    )
    ctypes.memmove(event.rest, body, len(body))
    x.XSendEvent(opened, ctypes.c_ulong(int(number)), 0, 0, ctypes.byref(event))
    x.XCloseDisplay(opened)


def closing(atom: Callable[[bytes], int], root: int) -> bytes:
    """XClientMessageEvent: message_type, format, data, as the close button sends it."""
    words = (atom(b"WM_DELETE_WINDOW"), 0, 0, 0, 0)
    return struct.pack("@Lixxxx5l", atom(b"WM_PROTOCOLS"), 32, *words)


def key_press(atom: Callable[[bytes], int], root: int) -> bytes:
    """XKeyEvent: root, subwindow, time, x, y, x_root, y_root, state, key code, same."""
    return struct.pack("@LLL4iIIi", root, 0, 1234, 5, 5, 5, 5, 0, 38, 1)


BAR_WIDTH = 720
"""760 of the window less its margins."""


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    pytest.importorskip(
        "tkinter", reason="needs tkinter for this Python: apt-get install python3-tk"
    )
    for program, package in (("Xvfb", "xvfb"), ("xdotool", "xdotool")):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install {package}")
    one = Screen()
    monkeypatch.setenv("DISPLAY", one.display)
    yield one
    one.close()


class Hands(threading.Thread):
    """Does something on the screen while the window is open."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Hands:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.join(60)
        if self.error is not None:
            raise self.error


def placed(event: Event) -> tuple[int, int]:
    """Put a place of a trace, which has 800 x 480, into the window of 760 x 600."""
    return 20 + event.x * 9 // 10, 60 + event.y * 9 // 10


def motion(name: str, corner: tuple[int, int]) -> Iterator[tuple[float, str]]:
    """Yield a trace of the pointer as xdotool's lines, from a window's corner on."""
    for event in people.trace(name):
        x, y = placed(event)
        yield event.time_ns / 1e9, f"mousemove {corner[0] + x} {corner[1] + y}"


def typing(name: str, speed: float = 3.0) -> Iterator[tuple[float, str]]:
    """Yield a trace of typing, each key held for a third of the way to the next."""
    presses = [
        (event.time_ns / 1e9 / speed, event.code) for event in people.trace(name)
    ]
    for (at, code), (then, _) in zip(presses, presses[1:], strict=False):
        yield at, f"keydown {chr(code)}"
        yield at + (then - at) / 3, f"keyup {chr(code)}"


def until_over(session: Session) -> Callable[[], bool]:
    """Say whether the session still wants input."""
    return lambda: not (session.progress.done or session.progress.suspicion)


# -- a person ------------------------------------------------------------------


def test_moving_the_mouse_meets_the_target(screen: Screen) -> None:
    session = Recorder()

    def move() -> None:
        screen.follow(motion("mouse_shake", screen.wait()), while_=until_over(session))

    with Hands(move):
        run_window(session, WORDS)
    summary = session.close()
    assert summary.credited_bits >= 128
    assert summary.suspicion == ""
    assert summary.sources["mouse"].credited_bits == summary.credited_bits
    # The places are those of the pointer in the window, in pixels.
    sent = {placed(event) for event in people.trace("mouse_shake")}
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
    session = Recorder()

    def type_() -> None:
        screen.wait()
        screen.follow(typing("keys_4"), while_=until_over(session))

    with Hands(type_):
        run_window(session, WORDS)
    summary = session.close()
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
        run_window(session, WORDS)
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
        run_window(session, WORDS)
    down, up = session.kinds("button")
    assert (down.code, down.inside, up.code, up.inside) == (1, True, 1, False)
    outside = [event for event in session.kinds("motion") if not event.inside]
    assert outside and outside[-1].buttons == 1


# -- nobody, and robots --------------------------------------------------------


def test_a_window_without_a_person_ends(screen: Screen) -> None:
    session = Recorder()
    with pytest.raises(EntropyNeeded, match="nothing came.*for 1 seconds"):
        run_window(session, WORDS, idle_limit=1)
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
        run_window(session, WORDS, idle_limit=4)
    assert len(session.kinds("motion")) > 100
    assert session.progress.credited_bits == 0
    assert filled == [0.0]


def test_a_script_that_types_at_a_fixed_pace_is_refused(screen: Screen) -> None:
    session = Recorder()

    def type_() -> None:
        screen.wait()
        letters = "".join(chr(event.code) for event in people.trace("keys_5"))
        # Press and release every 30 ms: both count, as long as nobody suspects.
        screen.tool("type", "--delay", 60, letters[:60])

    with Hands(type_):
        run_window(session, WORDS, idle_limit=5)
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
        run_window(session, WORDS)
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
        run_window(session, WORDS)
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
        run_window(session, WORDS)
    # Nothing of it can be used any more.
    with pytest.raises(ValueError, match="cancelled"):
        session.close()


def test_the_button_cancels(screen: Screen) -> None:
    def stop() -> None:
        left, top = screen.wait()
        screen.tool("mousemove", left + 700, top + 570, "click", 1)

    with Hands(stop), pytest.raises(EntropyCancelled, match="was cancelled"):
        run_window(Recorder(), WORDS)


def test_a_window_closed_half_way_is_told(screen: Screen) -> None:
    def stop() -> None:
        corner = screen.wait()
        moves = list(motion("mouse_shake", corner))[:40]
        screen.follow(iter(moves), while_=lambda: True)
        send_event(screen.display, screen.windows()[0], 33, closing)

    session = Recorder()
    with Hands(stop), pytest.raises(EntropyCancelled, match="window was closed"):
        run_window(session, WORDS)
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
        run_window(session, WORDS)
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
            run_window(Recorder(), WORDS)


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
        run_window(Recorder(), WORDS)


def test_a_program_that_cannot_be_started_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(window, "_command", lambda: ["/nowhere/python"])
    with pytest.raises(EntropyNeeded, match="no window can be opened"):
        run_window(Recorder(), WORDS)


COLLECT = """
    import sys
    sys.path[:0] = [{tests!r}, {here!r}]
    import conftest
    from test_window import WORDS, Recorder, run_window
    try:
        run_window(Recorder(), WORDS)
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


def test_the_bar_follows_the_credit_in_the_picture(
    screen: Screen, tmp_path: Path
) -> None:
    session = Recorder(256)
    seen: list[tuple[float, float]] = []
    folder = Path(os.environ.get("GOSTKEY_PICTURES", tmp_path))

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
        subprocess.run(
            ["import", "-window", screen.windows()[0], "+dither"]
            + ["-colors", "64", "-depth", "8", f"PNG8:{folder / 'sensor-window.png'}"],
            env={**os.environ, "DISPLAY": screen.display},
            check=True,
        )
        screen.tool("key", "Escape")

    with Hands(move), pytest.raises(EntropyCancelled):
        run_window(session, WORDS)
    ((credited, shown),) = seen
    assert credited > 0.3
    assert shown == pytest.approx(credited, abs=0.02)
    picture = (folder / "sensor-window.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 150_000
