"""An X server of its own (Xvfb), with a real pointer and real keys.

xdotool moves the pointer and presses keys through the XTEST extension, which a
program sees as it sees those of a mouse and a keyboard.  Where the pointer goes
and when is taken from the traces of tests/random.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TRACES = Path(__file__).parent / "random" / "traces"

BAR_BLUE = bytes.fromhex("2563a8")
BAR_WIDTH = 720
"""760 of the window less its margins."""


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

    def picture(self, file: Path) -> None:
        """Take a picture of the window, as PNG."""
        if shutil.which("import") is None:
            pytest.skip("needs ImageMagick: apt-get install imagemagick")
        subprocess.run(
            ["import", "-window", self.windows()[0], "+dither", "-colors", "64"]
            + ["-depth", "8", f"PNG8:{file}"],
            env=self._environment,
            check=True,
        )

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


@contextmanager
def new_screen() -> Iterator[Screen]:
    """Start a screen; skip the test where something for it is missing."""
    pytest.importorskip(
        "tkinter", reason="needs tkinter for this Python: apt-get install python3-tk"
    )
    for program, package in (("Xvfb", "xvfb"), ("xdotool", "xdotool")):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install {package}")
    one = Screen()
    try:
        yield one
    finally:
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


def trace(name: str) -> list[list[int]]:
    """Return the events of a trace of a person: [us, x, y] or [us, code]."""
    record = json.loads((TRACES / f"{name}.json").read_text(encoding="utf-8"))
    events: list[list[int]] = record["events"]
    return events


def placed(name: str) -> Iterator[tuple[float, int, int]]:
    """Put the places of a trace, of 800 x 480, into the window of 760 x 600."""
    for us, x, y in trace(name):
        yield us / 1e6, 20 + x * 9 // 10, 60 + y * 9 // 10


def motion(name: str, corner: tuple[int, int]) -> Iterator[tuple[float, str]]:
    """Yield a trace of the pointer as xdotool's lines, from a window's corner on."""
    for at, x, y in placed(name):
        yield at, f"mousemove {corner[0] + x} {corner[1] + y}"


def letters(name: str) -> str:
    """Return what is typed in a trace."""
    return "".join(chr(code) for _, code in trace(name))


def typing(name: str, speed: float = 3.0) -> Iterator[tuple[float, str]]:
    """Yield a trace of typing, each key held for a third of the way to the next."""
    presses = [(us / 1e6 / speed, chr(code)) for us, code in trace(name)]
    for (at, key), (then, _) in zip(presses, presses[1:], strict=False):
        yield at, f"keydown {key}"
        yield at + (then - at) / 3, f"keyup {key}"


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
