"""A command on a pseudo-terminal, driven as a terminal and a person would."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .conftest import command, environment

if sys.platform != "win32":
    import fcntl
    import struct
    import termios

TRACES = Path(__file__).resolve().parent.parent / "random" / "traces"

MODES_OFF = ("\x1b[?1003l", "\x1b[?1006l", "\x1b[?1016l", "\x1b[?2004l")
SCREEN_OFF = ("\x1b[?25h", "\x1b[?1049l")


def trace(name: str) -> list[list[int]]:
    """Return the events of a trace of a person: [us, x, y] or [us, code]."""
    record = json.loads((TRACES / f"{name}.json").read_text(encoding="utf-8"))
    events: list[list[int]] = record["events"]
    return events


class Terminal:
    """A pseudo-terminal with a program on it; the test is the person."""

    def __init__(
        self,
        *arguments: object,
        words: list[str] | None = None,
        columns: int = 80,
        rows: int = 24,
        pixels: bool = True,
        stdout: int | None = None,
        **env: str,
    ) -> None:
        """Start `gostkey ARGUMENTS`, or *words*.

        With *pixels* it answers as a terminal that knows motion by pixels; the
        area then has ten pixels a column and twenty a row.
        """
        self.master, self.slave = os.openpty()
        self.pixels = pixels
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.shown = ""
        self._answered = 0
        changed = {"CI": "", "TERM": "xterm-256color", **env}
        for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT", "XRDP_SESSION"):
            changed.setdefault(name, "")
        self.process = subprocess.Popen(
            words or command(*arguments),
            stdin=self.slave,
            stdout=self.slave if stdout is None else stdout,
            stderr=self.slave,
            env=environment(**changed),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)

    def resize(self, columns: int, rows: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, size)
        self.columns, self.rows = columns, rows

    # -- what it shows ------------------------------------------------------

    def look(self, seconds: float = 0.0) -> str:
        """Read what the program writes for so long; answer its questions."""
        end = time.monotonic() + seconds
        while True:
            left = max(0.0, end - time.monotonic())
            if not select.select([self.master], [], [], left)[0]:
                return self.shown
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                return self.shown
            self.shown += piece.decode("utf-8", "replace")
            self._answer()

    def _answer(self) -> None:
        new = self.shown[self._answered :]
        if "\x1b[?1016$p" in new:
            if self.pixels:
                height, width = 20 * self.rows, 10 * self.columns
                self.send(f"\x1b[?1016;2$y\x1b[4;{height};{width}t".encode())
            else:
                self.send(b"\x1b[?1016;0$y")
        if "\x1b[c" in new:
            self.send(b"\x1b[?64;1;2c")
            self._answered = len(self.shown)

    def wait_for(self, text: str, seconds: float = 20) -> str:
        """Return what was shown since; fail if the text does not come."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < end, (text, self.shown[-2000:])
            assert self.process.poll() is None or text in self.look(0.2), self.shown
            self.look(0.02)
        return self.shown

    @property
    def screen(self) -> list[str]:
        """The lines as they stand: only what this program needs is understood."""
        lines = [""] * self.rows
        row = column = 0
        pattern = r"\x1b\[\??([\d;]*)([A-Za-z])|\r\n|[^\x1b\r\n]+|."
        for match in re.finditer(pattern, self.shown, re.DOTALL):
            numbers, final = match[1], match[2]
            if final == "H":
                row, column = (
                    [int(n) - 1 for n in numbers.split(";")] if numbers else [0, 0]
                )
                assert row < self.rows or self.shown.count("\x1b[2J") > 1
            elif final == "J":
                lines = [""] * self.rows
            elif final == "K" and row < self.rows:
                lines[row] = lines[row][:column]
            elif final is None and match[0][0] not in "\x1b\r\n\x18":
                if row < self.rows:
                    kept = lines[row].ljust(column)
                    lines[row] = kept[:column] + match[0]
                column += len(match[0])
        return lines

    @property
    def bits(self) -> int:
        """Credited bits as the screen shows them."""
        found = re.findall(r"(\d+)(?: of |/)\d+", "\n".join(self.screen))
        return int(found[0]) if found else 0

    # -- what the person does -----------------------------------------------

    def send(self, data: bytes) -> None:
        # The program may be slow to read: a terminal's queue holds 4 kB.
        end = time.monotonic() + 20
        while data:
            assert time.monotonic() < end, "the program reads nothing"
            if select.select([], [self.master], [], 0.1)[1]:
                data = data[os.write(self.master, data[:1024]) :]
            self.look()

    def move(
        self, name: str = "mouse_shake", *, seconds: float = 20, faster: float = 1.0
    ) -> Iterator[None]:
        """Move the mouse as in a trace; yield after each report."""
        cell = (1, 1) if self.pixels else (10, 20)
        yield from self._play(
            (
                (us, b"\x1b[<35;%d;%dM" % (x // cell[0] + 1, y // cell[1] + 1))
                for us, x, y in trace(name)
            ),
            seconds,
            faster,
        )

    def type(
        self, name: str = "keys_4", *, seconds: float = 60, faster: float = 1.0
    ) -> Iterator[None]:
        """Press keys as in a trace; yield after each."""
        keys = ((us, bytes([code])) for us, code in trace(name))
        yield from self._play(keys, seconds, faster)

    def both(self, *, faster: float = 1.0, seconds: float = 20) -> Iterator[None]:
        """Move and type at the same time."""
        cell = (1, 1) if self.pixels else (10, 20)
        moves = [
            (us, b"\x1b[<35;%d;%dM" % (x // cell[0] + 1, y // cell[1] + 1))
            for us, x, y in trace("mouse_shake")
        ]
        # Typing three times as fast leaves gaps of 20 to 200 ms: enough to vary.
        keys = [(int(us * faster / 3), bytes([code])) for us, code in trace("keys_4")]
        yield from self._play(iter(sorted(moves + keys)), seconds, faster)

    def _play(
        self, reports: Iterator[tuple[int, bytes]], seconds: float, faster: float
    ) -> Iterator[None]:
        began = time.monotonic()
        last = b""
        for us, report in reports:
            at = began + us / 1e6 / faster
            self.look(max(0.0, at - time.monotonic()))
            if self.process.poll() is not None or at > began + seconds:
                return
            if self.shown.rfind(MODES_OFF[-1]) > self.shown.rfind("\x1b[?2004h"):
                # The terminal does not report any more, and the person stops.
                return
            # A terminal tells only what changed.
            if report != last or not report.startswith(b"\x1b[<"):
                self.send(report)
            last = report
            yield

    # -- the end ------------------------------------------------------------

    def end(self, seconds: float = 20) -> int:
        """Wait for the program's end; return its exit code."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, self.shown[-2000:]
            self.look(0.02)
        self.look(0.1)
        return self.process.returncode

    @property
    def record(self) -> dict[str, Any]:
        """The JSON object that was printed last."""
        line = [one for one in self.shown.splitlines() if "{" in one][-1]
        found: dict[str, Any] = json.loads(line[line.index("{") :])
        return found

    def assert_restored(self, *, mouse: bool = True) -> None:
        """The modes are off again, the settings as before, and no key is left."""
        assert termios.tcgetattr(self.slave) == self.before
        for mode in (*(MODES_OFF if mouse else MODES_OFF[-1:]), *SCREEN_OFF):
            on = mode[:-1] + ("h" if mode[-1] == "l" else "l")
            assert mode in self.shown
            assert self.shown.rindex(mode) > self.shown.rfind(on), repr(mode)
        raw = termios.tcgetattr(self.slave)
        raw[3] &= ~termios.ICANON
        raw[6][termios.VMIN] = raw[6][termios.VTIME] = 0
        termios.tcsetattr(self.slave, termios.TCSANOW, raw)
        assert os.read(self.slave, 100) == b""
