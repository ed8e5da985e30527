"""The person's terminal as a source of events; it is always put back in order.

While the context lasts, the terminal sends every key at once and without echo,
and every motion of the mouse where it can: by pixels if it says that it knows
how, else by character cells.  At the end, on whatever path (an exception, Ctrl-C,
SIGTERM, SIGHUP, a stop and its continuation), its modes are as they were.  What
was typed meanwhile is thrown away, until nothing more comes for 300 ms, so that
no mashed key lands in the password prompt that follows.

POSIX only.  Source of the control sequences: xterm's "Control Sequences".
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from gostkey.backend import active
from gostkey.errors import EntropyNeeded

from .session import Surface
from .terminal_decoder import (
    AreaPixels,
    Attributes,
    Cancel,
    Decoder,
    Gone,
    Input,
    ModeReport,
    Resize,
)

if sys.platform != "win32":
    import fcntl
    import struct
    import termios

__all__ = ["TerminalInput", "why_no_terminal"]

QUIET_SECONDS = 0.3
"""Nothing may come for so long before the terminal is given back."""

LONGEST_QUIET_SECONDS = 2.0
"""But a key that is held down does not keep the program waiting for ever."""

ESCAPE_SECONDS = 0.1
"""Esc alone is Esc if nothing follows for so long; twice that over a network."""

_PROBE_SECONDS = 0.3

_PIXELS = 1016
_QUESTIONS = "\x1b[?1016$p\x1b[14t\x1b[c"
_MOUSE_ON = "\x1b[?1003h\x1b[?1006h"
# After 1006: both choose the form of the reports, and the last one wins.
_PIXELS_ON = "\x1b[?1016h"
_MOUSE_OFF = "\x1b[?1016l\x1b[?1006l\x1b[?1003l"
_PASTE_ON, _PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"
_SCREEN_ON = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J"
# Cleared first: a terminal that has only one screen goes on with an empty one.
_SCREEN_OFF = "\x1b[0m\x1b[H\x1b[2J\x1b[?25h\x1b[?1049l"

_MOST_READ = 4096
_WRITE_PIECE = 256
_WRITE_SECONDS = 0.5

_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None


def why_no_terminal(input_fd: int = 0, output_fd: int = 2) -> str:
    """Say why no person can be asked on the terminal; empty if one can."""
    if sys.platform == "win32":
        return (
            "on Windows a terminal cannot report the mouse; use the window (--window)"
        )
    for fd, name in (
        (input_fd, "standard input"),
        (output_fd, "standard error output"),
    ):
        if not _is_terminal(fd):
            return f"the {name} is not a terminal"
    return ""


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


class TerminalInput:
    """A terminal that reports keys and mouse; use it as a context manager.

    In the main thread it also minds signals: those that end the process restore
    the terminal first and then do what they did before.
    """

    def __init__(
        self,
        *,
        input_fd: int = 0,
        output_fd: int = 2,
        mouse: bool = True,
        full_screen: bool = True,
        remote: bool = False,
    ) -> None:
        """Take a terminal; nothing is changed yet.

        Args:
            input_fd: where keys and reports come from.
            output_fd: the same terminal, for what is written to it.
            mouse: whether the mouse is wanted.
            full_screen: whether to use the other screen, which leaves what is on
                the first one alone.
            remote: whether a network lies between: an escape sequence may then
                come in two parts.
        """
        kind = os.environ.get("TERM", "")
        self.plain = kind in ("", "dumb")
        """Whether it knows no control sequences; none is then written."""
        self.surface = Surface.CELLS
        """How finely the mouse is reported; known inside the context."""
        # The Linux console has no mouse, and types out what it does not know.
        self.mouse = mouse and not self.plain and kind != "linux"
        """Whether motions are asked for."""
        self._in = input_fd
        self._out = output_fd
        self._full_screen = full_screen and not self.plain
        self._escape_seconds = ESCAPE_SECONDS * (2 if remote else 1)
        self._decoder = Decoder()
        self._buffer = bytearray(_MOST_READ)
        self._last_read = 0.0
        self._waiting: list[Input] = []
        self._saved: list[Any] | None = None
        self._active = False
        self._torn = False
        self._stopped = False
        self._pixels: tuple[int, int] | None = None
        self._handlers: dict[int, _Handler] = {}
        self._wake: tuple[int, int] | None = None

    # -- the context --------------------------------------------------------

    def __enter__(self) -> TerminalInput:
        why = why_no_terminal(self._in, self._out)
        if why:
            raise EntropyNeeded(f"random input of a person is not possible: {why}")
        try:
            self._saved = termios.tcgetattr(self._in)
            self._wake = _pipe()
            self._catch_signals()
            self._begin()
            if self.mouse:
                self._ask_for_pixels()
                self._switch_on_mouse()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            if self._active:
                self._write(self._off_input())
                self._wait_until_quiet()
        finally:
            self._end()
            self._release_signals()
            for fd in self._wake or ():
                os.close(fd)
            self._wake = None

    def _begin(self) -> None:
        """Switch to keys at once and no echo, and to the other screen."""
        assert self._saved is not None
        mode = [*self._saved[:6], list(self._saved[6])]
        # Ctrl-S must not stop the screen, nor Ctrl-V eat a key; Ctrl-C, Ctrl-Z
        # and Ctrl-\ go on being signals.
        mode[0] &= ~(termios.IXON | termios.ICRNL | termios.INLCR | termios.IGNCR)
        mode[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
        mode[6][termios.VMIN] = 1
        mode[6][termios.VTIME] = 0
        self._active = True
        _set_mode(self._in, mode)
        if not self.plain:
            self._write((_SCREEN_ON if self._full_screen else "") + _PASTE_ON)

    def _off_input(self) -> str:
        if self.plain:
            return ""
        return (_MOUSE_OFF if self.mouse else "") + _PASTE_OFF

    def _end(self) -> None:
        """Put everything back; any number of times, from a signal too."""
        if not self._active:
            return
        self._active = False
        if not self.plain:
            # What a torn frame left unfinished is cancelled first.
            screen = _SCREEN_OFF if self._full_screen else "\x1b[0m\x1b[?25h"
            self._write("\x18" + self._off_input() + screen)
        if self._saved is not None:
            with contextlib.suppress(termios.error, OSError):
                _set_mode(self._in, self._saved)

    def _wait_until_quiet(self) -> None:
        """Throw away what is typed, until nothing comes any more."""
        end = time.monotonic() + LONGEST_QUIET_SECONDS
        with contextlib.suppress(OSError, termios.error):
            termios.tcflush(self._in, termios.TCIFLUSH)
            while time.monotonic() < end:
                if not select.select([self._in], [], [], QUIET_SECONDS)[0]:
                    break
                if not os.read(self._in, 4096):
                    break

    # -- the mouse ----------------------------------------------------------

    def _ask_for_pixels(self) -> None:
        """Ask whether motions can be told by pixels; every terminal answers the last
        question, so the wait is short."""
        self._write(_QUESTIONS)
        end = time.monotonic() + _PROBE_SECONDS
        known = answered = False
        while not answered and (left := end - time.monotonic()) > 0:
            for one in self._read(left):
                if isinstance(one, ModeReport):
                    known = known or (one.mode == _PIXELS and one.state in (1, 2, 3))
                elif isinstance(one, AreaPixels):
                    self._pixels = one.width, one.height
                elif isinstance(one, Attributes):
                    answered = True
                else:
                    self._waiting.append(one)
                    # Not a terminal worth waiting for any longer.
                    answered = answered or isinstance(one, Cancel | Gone)
        if known and self._size_in_pixels() is not None:
            self.surface = Surface.PIXELS

    def _switch_on_mouse(self) -> None:
        self._write(_MOUSE_ON + (_PIXELS_ON if self.surface is Surface.PIXELS else ""))

    def _size_in_pixels(self) -> tuple[int, int] | None:
        try:
            size = fcntl.ioctl(self._out, termios.TIOCGWINSZ, bytes(8))
        except OSError:
            return self._pixels
        _, _, width, height = struct.unpack("HHHH", size)
        return (width, height) if width and height else self._pixels

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows; 80 and 24 if the terminal does not say."""
        with contextlib.suppress(OSError):
            columns, rows = os.get_terminal_size(self._out)
            if columns and rows:
                return columns, rows
        return shutil.get_terminal_size((80, 24))

    @property
    def area(self) -> tuple[int, int]:
        """Width and height in the unit of the motions: pixels or cells."""
        pixels = self._size_in_pixels() if self.surface is Surface.PIXELS else None
        return pixels or self.size

    # -- reading and writing ------------------------------------------------

    def read(self, timeout: float) -> list[Input]:
        """Return what has come, after at most *timeout* seconds; often nothing."""
        if self._stopped:
            return [Cancel("signal")]
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            return waiting
        return [
            one
            for one in self._read(timeout)
            # Late answers to the questions: it is too late to change over.
            if not isinstance(one, ModeReport | AreaPixels | Attributes)
        ]

    def _read(self, timeout: float) -> list[Input]:
        half = self._decoder.waiting
        wait = timeout
        if half:
            over = self._last_read + self._escape_seconds
            wait = min(timeout, max(0.0, over - time.monotonic()))
        wake = [self._wake[0]] if self._wake else []
        try:
            ready, _, _ = select.select([self._in, *wake], [], [], wait)
            if self._in in ready:
                count = os.readv(self._in, [self._buffer])
                now = time.perf_counter_ns()
                self._last_read = time.monotonic()
                if not count:
                    return [Gone()]
                found = self._decoder.feed(memoryview(self._buffer)[:count], now)
                # Somebody may have typed a password, thinking that it was asked.
                active.generators.wipe(self._buffer)
            elif half and not ready and time.monotonic() >= over:
                found = self._decoder.flush(time.perf_counter_ns())
            else:
                found = []
        except BlockingIOError:
            return []
        except (OSError, ValueError):
            # EIO after a hang-up, or somebody closed the descriptor.
            return [Gone()]
        if wake and wake[0] in ready:
            os.read(wake[0], 4096)
            found.append(Resize())
        return found

    def write(self, text: str) -> bool:
        """Write to the terminal; False if it is gone or does not take it in time."""
        if not self._active:
            return False
        if self._torn:
            text = "\x18" + text
        whole = self._write(text)
        self._torn = not whole
        return whole

    def _write(self, text: str) -> bool:
        left = memoryview(text.encode("utf-8", "replace"))
        try:
            while left:
                # In pieces: a terminal that is stopped must not stop us.
                if not select.select([], [self._out], [], _WRITE_SECONDS)[1]:
                    return False
                left = left[os.write(self._out, left[:_WRITE_PIECE]) :]
        except (OSError, ValueError):
            return False
        return True

    # -- signals ------------------------------------------------------------

    def _catch_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._catch(signal.SIGWINCH, self._on_resize)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._catch(number, self._on_end)
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            self._catch(signal.SIGTSTP, self._on_stop)
        self._catch(signal.SIGCONT, self._on_continue)

    def _catch(self, number: int, handler: _Handler) -> None:
        self._handlers[number] = signal.signal(number, handler)

    def _release_signals(self) -> None:
        for number, handler in self._handlers.items():
            # None: it was set outside Python, and cannot be set from here.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._handlers.clear()

    def _on_resize(self, number: int, frame: FrameType | None) -> None:
        if self._wake is not None:
            with contextlib.suppress(OSError):
                os.write(self._wake[1], b"r")

    def _on_end(self, number: int, frame: FrameType | None) -> None:
        """Restore the terminal, then do what the signal did before."""
        self._end()
        before = self._handlers.get(number)
        if callable(before):
            before(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        # Still here: somebody only took note of it.
        self._stopped = True

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-Z: restore, stop, and go on when continued."""
        self._end()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._on_stop)
        self._on_continue(number, frame)

    def _on_continue(self, number: int, frame: FrameType | None) -> None:
        """Set the modes again: a shell has set its own meanwhile."""
        if self._saved is None or self._stopped:
            return
        self._begin()
        if self.mouse:
            self._switch_on_mouse()
        self._on_resize(number, frame)


def _set_mode(fd: int, mode: list[Any]) -> None:
    """Set a terminal's mode and throw away what was typed and not read.

    Not with TCSAFLUSH, which waits for a terminal that takes no output.
    """
    while True:
        try:
            termios.tcflush(fd, termios.TCIFLUSH)
            termios.tcsetattr(fd, termios.TCSANOW, mode)
            termios.tcflush(fd, termios.TCIFLUSH)
            return
        except termios.error as error:
            # A signal came between, such as the one that continues us.
            if error.args[0] != errno.EINTR:
                raise


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends
