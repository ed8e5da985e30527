"""The terminal: what it is asked, what is heard from it, and how it is left."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from gostkey.errors import EntropyNeeded
from gostkey.random import terminal as module
from gostkey.random.events import Event
from gostkey.random.session import Surface
from gostkey.random.terminal import TerminalInput, why_no_terminal
from gostkey.random.terminal_decoder import Cancel, Gone, Resize

if sys.platform == "win32":
    pytest.skip(
        "Windows has no pseudo-terminals; run this test elsewhere",
        allow_module_level=True,
    )

import fcntl
import struct
import termios


class Pty:
    """A pseudo-terminal; the test holds the end where a person sits."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""

    def open(self, **options: bool) -> TerminalInput:
        return TerminalInput(input_fd=self.slave, output_fd=self.slave, **options)

    def answer(self, reply: bytes) -> None:
        """Answer the next questions, from a thread."""

        def work() -> None:
            end = time.monotonic() + 5
            while b"\x1b[c" not in self.look() and time.monotonic() < end:
                time.sleep(0.005)
            os.write(self.master, reply)

        threading.Thread(target=work, daemon=True).start()

    def look(self) -> bytes:
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        return self.seen

    def send(self, data: bytes) -> None:
        os.write(self.master, data)

    def size(self, columns: int, rows: int, width: int, height: int) -> None:
        fcntl.ioctl(
            self.slave,
            termios.TIOCSWINSZ,
            struct.pack("HHHH", rows, columns, width, height),
        )

    def restored(self) -> bool:
        shown = self.look()
        off = [b"\x1b[?1003l", b"\x1b[?1006l", b"\x1b[?2004l", b"\x1b[?1049l"]
        return termios.tcgetattr(self.slave) == self.before and all(
            shown.rfind(mode) > shown.rfind(mode[:-1] + b"h") for mode in off
        )


@pytest.fixture
def pty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pty]:
    monkeypatch.setenv("TERM", "xterm")
    # The waits have a test of their own.
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.02)
    monkeypatch.setattr(module, "_PROBE_SECONDS", 0.1)
    one = Pty()
    yield one
    for fd in (one.master, one.slave):
        try:
            os.close(fd)
        except OSError:
            pass


def read(terminal: TerminalInput, seconds: float = 1.0) -> list[object]:
    """Return the first things that come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := terminal.read(0.05):
            return list(found)
    return []


# -- in and out -------------------------------------------------------------


def test_keys_come_at_once_without_echo_and_all_is_put_back(pty: Pty) -> None:
    with pty.open() as terminal:
        mode = termios.tcgetattr(pty.slave)
        assert not mode[3] & (termios.ICANON | termios.ECHO)
        assert mode[3] & termios.ISIG
        for on in (b"?1003h", b"?1006h", b"?2004h", b"?1049h"):
            assert b"\x1b[" + on in pty.look()
        pty.send(b"q")
        (found,) = read(terminal)
        assert isinstance(found, Event) and found.code == ord("q")
        assert b"q" not in pty.look().replace(b"?", b"")
    assert pty.restored()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_it_is_put_back_after_any_exception(
    pty: Pty, error: type[BaseException]
) -> None:
    with pytest.raises(error), pty.open():
        raise error
    assert pty.restored()


def test_it_is_put_back_when_it_cannot_even_begin(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: TerminalInput) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TerminalInput, "_ask_for_pixels", fail)
    with pytest.raises(KeyboardInterrupt), pty.open():
        pass
    assert termios.tcgetattr(pty.slave) == pty.before
    assert b"\x1b[?1049l" in pty.look()


def test_what_is_typed_at_the_end_is_thrown_away(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.3)
    stopped = []

    def mash() -> None:
        for _ in range(20):
            pty.send(b"mashed\n")
            time.sleep(0.03)
        stopped.append(time.monotonic())

    with pty.open():
        hand = threading.Thread(target=mash)
        hand.start()
    left = time.monotonic()
    hand.join()
    # It was given back no sooner than 300 ms after the last key.
    assert left - stopped[0] > 0.25
    os.set_blocking(pty.slave, False)
    with pytest.raises(BlockingIOError):
        os.read(pty.slave, 100)


def test_a_key_that_is_never_let_go_does_not_hold_it_up_for_ever(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.3)
    monkeypatch.setattr(module, "LONGEST_QUIET_SECONDS", 0.5)
    held = threading.Event()

    def hold() -> None:
        while not held.wait(0.02):
            pty.send(b"a")

    hand = threading.Thread(target=hold)
    with pty.open():
        hand.start()
        began = time.monotonic()
    assert time.monotonic() - began < 2
    held.set()
    hand.join()
    assert pty.restored()


def test_a_terminal_that_takes_nothing_does_not_hold_it_up(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WRITE_SECONDS", 0.05)
    os.set_blocking(pty.slave, False)
    # The system carries it over in the background, so there is room once more.
    for size in (4096, 1) * 5:
        with pytest.raises(BlockingIOError):
            while True:
                os.write(pty.slave, b"x" * size)
        time.sleep(0.02)
    os.set_blocking(pty.slave, True)
    began = time.monotonic()
    with pty.open() as terminal:
        assert terminal.write("a frame") is False
        pty.send(b"k")
        assert isinstance(read(terminal)[0], Event)
    assert time.monotonic() - began < 3
    assert termios.tcgetattr(pty.slave) == pty.before


# -- the mouse --------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "surface", "area"),
    [
        (b"\x1b[?1016;2$y\x1b[4;480;800t\x1b[?64c", Surface.PIXELS, (800, 480)),
        (b"\x1b[?1016;1$y\x1b[4;480;800t\x1b[?64c", Surface.PIXELS, (800, 480)),
        (b"\x1b[?1016;0$y\x1b[4;480;800t\x1b[?64c", Surface.CELLS, (90, 30)),
        (b"\x1b[?1016;4$y\x1b[4;480;800t\x1b[?64c", Surface.CELLS, (90, 30)),
        (b"\x1b[?1016;2$y\x1b[?64c", Surface.CELLS, (90, 30)),
        (b"\x1b[?64c", Surface.CELLS, (90, 30)),
        (b"", Surface.CELLS, (90, 30)),
    ],
    ids=["reset", "set", "unknown", "never", "no size", "old", "silent"],
)
def test_pixels_are_used_where_the_terminal_says_it_knows_them(
    pty: Pty, reply: bytes, surface: Surface, area: tuple[int, int]
) -> None:
    pty.size(90, 30, 0, 0)
    pty.answer(reply)
    with pty.open() as terminal:
        assert terminal.surface is surface
        assert terminal.area == area
    shown = pty.look()
    assert (b"\x1b[?1016h" in shown) == (surface is Surface.PIXELS)
    # After 1006: the last of the two counts.
    if surface is Surface.PIXELS:
        assert shown.index(b"\x1b[?1016h") > shown.index(b"\x1b[?1006h")
    assert pty.restored()


def test_the_size_in_pixels_may_come_from_the_system(pty: Pty) -> None:
    pty.size(90, 30, 900, 600)
    pty.answer(b"\x1b[?1016;2$y\x1b[?64c")
    with pty.open() as terminal:
        assert (terminal.surface, terminal.area) == (Surface.PIXELS, (900, 600))
        assert terminal.size == (90, 30)


def test_what_comes_before_the_answers_is_kept_and_late_answers_are_not(
    pty: Pty,
) -> None:
    pty.answer(b"z\x1b[?64c")
    with pty.open() as terminal:
        (key,) = read(terminal)
        assert isinstance(key, Event) and key.code == ord("z")
        pty.send(b"\x1b[?1016;2$y\x1b[?64c\x1b[<35;3;4M")
        (motion,) = read(terminal)
        assert isinstance(motion, Event) and (motion.x, motion.y) == (2, 3)
        assert terminal.surface is Surface.CELLS


@pytest.mark.parametrize("kind", ["linux", "dumb", ""])
def test_what_a_simple_terminal_does_not_know_is_not_sent(
    pty: Pty, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("TERM", kind)
    with pty.open() as terminal:
        assert not terminal.mouse
        assert terminal.plain == (kind != "linux")
        pty.send(b"k")
        assert isinstance(read(terminal)[0], Event)
    shown = pty.look()
    assert b"?1003" not in shown and b"?1016" not in shown
    assert (shown == b"") == (kind != "linux")
    assert termios.tcgetattr(pty.slave) == pty.before


def test_keys_alone_do_not_switch_on_the_mouse(pty: Pty) -> None:
    with pty.open(mouse=False):
        pass
    assert b"?1003" not in pty.look()


# -- stopping ---------------------------------------------------------------


def test_esc_alone_is_heard_after_a_short_wait(pty: Pty) -> None:
    with pty.open() as terminal:
        pty.send(b"\x1b")
        began = time.monotonic()
        assert read(terminal) == [Cancel()]
        assert 0.05 < time.monotonic() - began < 0.5
        # With short looks, as a screen that is drawn all the time has them.
        pty.send(b"\x1b")
        found: list[object] = []
        for _ in range(100):
            found += terminal.read(0.01)
        assert found == [Cancel()]


def test_a_sequence_in_two_parts_is_not_esc(pty: Pty) -> None:
    with pty.open() as terminal:
        pty.send(b"\x1b")
        assert terminal.read(0.02) == []
        pty.send(b"[A")
        (found,) = read(terminal)
        assert isinstance(found, Event) and found.kind == "press"


def test_a_terminal_that_is_closed_is_gone(pty: Pty) -> None:
    with pty.open() as terminal:
        pty.look()
        # Not our controlling terminal: no signal, only the end of the file.
        os.close(pty.master)
        assert read(terminal) == [Gone()]
        assert terminal.write("x") is False


# -- signals ----------------------------------------------------------------


def test_signals_do_again_what_they_did(pty: Pty) -> None:
    numbers = [
        signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT,
        signal.SIGWINCH, signal.SIGINT,
    ]  # fmt: skip
    before = [signal.getsignal(number) for number in numbers]
    with pty.open():
        during = [signal.getsignal(number) for number in numbers]
        assert all(x != y for x, y in zip(before[:-1], during[:-1], strict=True))
        assert before[-1] == during[-1]
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_program_that_minds_sigterm_itself_still_does(pty: Pty) -> None:
    heard: list[tuple[int, bool]] = []
    before = signal.signal(
        signal.SIGTERM, lambda number, frame: heard.append((number, pty.restored()))
    )
    try:
        with pty.open() as terminal:
            os.kill(os.getpid(), signal.SIGTERM)
            # Put back before the program's own handler runs.
            assert read(terminal) == [Cancel("signal")]
            assert heard == [(signal.SIGTERM, True)]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_signal_that_is_ignored_stays_so(pty: Pty) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pty.open() as terminal:
            os.kill(os.getpid(), signal.SIGHUP)
            assert terminal.read(0.05) == []
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_after_a_stop_the_modes_are_set_again(pty: Pty) -> None:
    with pty.open() as terminal:
        # What a shell does between SIGSTOP and SIGCONT.
        termios.tcsetattr(pty.slave, termios.TCSANOW, pty.before)
        assert pty.look().count(b"\x1b[?1003h") == 1
        os.kill(os.getpid(), signal.SIGCONT)
        assert read(terminal) == [Resize()]
        assert not termios.tcgetattr(pty.slave)[3] & (termios.ICANON | termios.ECHO)
        assert pty.look().count(b"\x1b[?1003h") == 2
    assert pty.restored()


def test_a_new_size_wakes_the_reader(pty: Pty) -> None:
    with pty.open() as terminal:
        pty.size(33, 11, 0, 0)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGWINCH)).start()
        began = time.monotonic()
        found: list[object] = []
        while not found and time.monotonic() - began < 5:
            found = list(terminal.read(5))
        assert found == [Resize()] and time.monotonic() - began < 2
        assert terminal.size == (33, 11)


def test_another_thread_leaves_signals_alone(pty: Pty) -> None:
    handlers = []

    def work() -> None:
        with pty.open() as terminal:
            handlers.append(signal.getsignal(signal.SIGTERM))
            pty.send(b"k")
            handlers.append(read(terminal)[0].__class__)

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [before, Event]
    assert pty.restored()


# -- no terminal ------------------------------------------------------------


def test_a_pipe_is_no_terminal(pty: Pty) -> None:
    ends = os.pipe()
    try:
        assert "standard input is not a terminal" in why_no_terminal(ends[0], pty.slave)
        assert "error output is not" in why_no_terminal(pty.slave, ends[1])
        assert why_no_terminal(pty.slave, pty.slave) == ""
        with (
            pytest.raises(EntropyNeeded, match="not a terminal"),
            TerminalInput(input_fd=ends[0], output_fd=pty.slave),
        ):
            pass
    finally:
        for fd in ends:
            os.close(fd)
    assert "not a terminal" in why_no_terminal(ends[0], pty.slave)
    assert pty.look() == b""


def test_windows_is_told_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert "--window" in why_no_terminal()
