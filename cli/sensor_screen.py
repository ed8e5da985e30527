"""The sensor on the terminal: a person moves the mouse or presses keys, and sees
how much of it counts.

The bar follows credited bits and nothing else, and the picture shows where the
pointer has been; neither shows anything of the pool.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence

from gostkey.errors import EntropyCancelled, EntropyNeeded
from gostkey.random.events import Event
from gostkey.random.raw_input import RawInput
from gostkey.random.session import Progress, Session, Summary, Surface, is_remote
from gostkey.random.terminal import TerminalInput, why_no_terminal
from gostkey.random.terminal_decoder import Cancel, Gone, Resize

from .output import Output
from .sensor_layout import Line, Pace, View, lay_out, map_size, render
from .sensor_map import PointerMap
from .texts import _

__all__ = [
    "IDLE_SECONDS",
    "KEYBOARD_BITS",
    "TARGET_BITS",
    "collect_on_terminal",
    "why_nobody",
    "why_not",
]

TARGET_BITS = 256
KEYBOARD_BITS = 128
"""The target that is offered for keys alone: they take 40 to 60 s for it."""

IDLE_SECONDS = 120.0
"""Without any progress for so long, nobody is there."""

_FRAME_SECONDS = 0.1
_PLAIN_FRAME_SECONDS = 1.0


def collect_on_terminal(
    out: Output,
    *,
    target_bits: int = TARGET_BITS,
    mouse: bool = True,
    devices: Sequence[str] = (),
    idle_seconds: float = IDLE_SECONDS,
    no_input: bool = False,
    title: str = "",
    offer: str = "",
) -> Summary:
    """Show the sensor until enough was collected, and mix it into the generators.

    When it returns or raises, the terminal is as it was, and what was typed
    meanwhile is gone: a password can be asked for at once.

    Args:
        out: the command's output; nothing is printed to it here.
        target_bits: 128 to 1024.
        mouse: whether the mouse is wanted; False for keys alone.
        devices: raw input devices, paths or "auto", to be counted instead of what
            the terminal reports; it then only shows, and takes Esc.
        idle_seconds: give up after so long without a credited bit.
        no_input: the user forbids questions: raise `EntropyNeeded` at once.
        title: what the input is for, for the head of the screen.
        offer: told when no mouse is seen: how to go on with keys alone.

    Returns:
        The summary of the session.  With a `suspicion` its credit is 0: what to
        make of that is the caller's policy.

    Raises:
        EntropyNeeded: if there is no terminal or no person, or the terminal
            goes away; nothing is added.
        EntropyCancelled: after Esc or Ctrl-C; nothing is added.
    """
    why = why_not(no_input)
    if why:
        raise EntropyNeeded(_("no random input of a person: {why}").format(why=why))
    sys.stdout.flush()
    sys.stderr.flush()
    remote = is_remote()
    session: Session | None = None
    try:
        with contextlib.ExitStack() as stack:
            raw = None
            if devices:
                raw = stack.enter_context(RawInput.choose(devices))
            terminal = stack.enter_context(
                TerminalInput(
                    output_fd=_output_fd(), mouse=mouse and raw is None, remote=remote
                )
            )
            session = Session(
                target_bits=target_bits,
                surface=Surface.PIXELS if raw is not None else terminal.surface,
                # What is plugged into this machine comes over no network.
                remote=remote and raw is None,
            )
            screen = _Screen(terminal, session, raw=raw, title=title, offer=offer)
            screen.run(idle_seconds)
        # After it: an interrupt in the last moment still stops everything.
        return session.close()
    except KeyboardInterrupt:
        raise EntropyCancelled(_cancelled()) from None
    finally:
        if session is not None:
            session.cancel()


def why_not(no_input: bool) -> str:
    """Say why nobody can be asked on this terminal; empty if somebody can."""
    return why_nobody(no_input) or why_no_terminal(0, _output_fd())


def why_nobody(no_input: bool) -> str:
    """Say why nobody is to be asked, wherever it might be; empty if somebody is."""
    if no_input:
        return _("--no-input forbids to ask for it")
    if os.environ.get("CI"):
        return _("no person is there (the variable CI is set)")
    return ""


def _output_fd() -> int:
    """Return where the screen goes: the standard output only if that alone can."""
    return 2 if _terminal(2) or not _terminal(1) else 1


def _terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


def _cancelled() -> str:
    return _("random input was stopped; nothing was made of it")


class _Screen:
    """Reads, feeds the session and draws, some ten times a second."""

    def __init__(
        self,
        terminal: TerminalInput,
        session: Session,
        *,
        raw: RawInput | None,
        title: str,
        offer: str,
    ) -> None:
        self._terminal = terminal
        self._raw = raw
        self._mouse = terminal.mouse or raw is not None
        self._session = session
        self._title = title
        self._offer = offer
        self._pace = Pace()
        self._colour = not os.environ.get("NO_COLOR")
        encoding = (sys.stderr.encoding or "ascii").lower().replace("-", "")
        # The Linux console's font has no braille.
        self._ascii = encoding != "utf8" or os.environ.get("TERM") == "linux"
        self._shown: list[str] = []
        self._size = (0, 0)
        self._map: PointerMap | None = None
        self._resumed = 0.0

    def run(self, idle_seconds: float) -> None:
        """Return when the target is met or nobody seems to be there."""
        frame = _PLAIN_FRAME_SECONDS if self._terminal.plain else _FRAME_SECONDS
        self._resumed = time.monotonic()
        next_frame = 0.0
        while True:
            self._take(max(0.0, next_frame - time.monotonic()))
            progress = self._session.progress
            if progress.done or progress.suspicion:
                self._pace.update(progress)
                self._draw(progress, finished=_finished(progress))
                return
            now = time.monotonic()
            # A stopped process is not an absent person.
            if min(progress.idle_seconds, now - self._resumed) > idle_seconds:
                raise EntropyNeeded(
                    _(
                        "no random input of a person: none came for "
                        "{seconds:.0f} s; {n} of {all} bits were collected"
                    ).format(
                        seconds=idle_seconds,
                        n=progress.credited_bits,
                        all=progress.target_bits,
                    )
                )
            if now >= next_frame:
                self._pace.update(progress)
                self._draw(progress)
                next_frame = time.monotonic() + frame

    def _take(self, timeout: float) -> None:
        if self._raw is not None:
            for event in self._raw.read(timeout):
                self._pace.event(event, self._session.feed(event))
            timeout = 0.0
        for one in self._terminal.read(timeout):
            if isinstance(one, Event) and self._raw is not None:
                # The same key came from its device: once is enough.
                continue
            if isinstance(one, Event):
                self._pace.event(one, self._session.feed(one))
                if one.kind == "motion" and self._map is not None:
                    self._map.mark(one.x, one.y, self._terminal.area, one.time_ns)
            elif isinstance(one, Cancel):
                raise EntropyCancelled(_cancelled())
            elif isinstance(one, Gone):
                raise EntropyNeeded(
                    _("no random input of a person: the terminal went away")
                )
            elif isinstance(one, Resize):
                self._size = (0, 0)
                self._resumed = time.monotonic()

    def _draw(self, progress: Progress, *, finished: str = "") -> None:
        terminal = self._terminal
        columns, rows = terminal.size
        if (columns, rows) != self._size:
            self._size = columns, rows
            self._shown = []
            width, height = map_size(columns, rows) if terminal.mouse else (0, 0)
            self._map = None
            if width and height:
                self._map = PointerMap(width, height, ascii_only=self._ascii)
        view = View(
            progress,
            mouse=self._mouse,
            surface=self._session.surface,
            remote=self._session.remote,
            left=self._pace.seconds_left(progress),
            hint=self._pace.hint(progress, mouse=self._mouse, offer=self._offer),
            finished=finished,
            title=self._title,
            ascii_only=self._ascii,
        )
        if terminal.plain:
            self._draw_plain(lay_out(view, columns, 1)[0], columns)
            return
        lines = [
            render(line, colour=self._colour)
            for line in lay_out(view, columns, rows, self._map)
        ]
        if not self._shown:
            text = "\x1b[H\x1b[2J"
            self._shown = [""] * rows
        else:
            text = ""
        lines += [""] * (rows - len(lines))
        for number, (old, new) in enumerate(zip(self._shown, lines, strict=True)):
            if old != new:
                text += f"\x1b[{number + 1};1H{new}\x1b[K"
        # A frame that was not taken whole is drawn again from the beginning.
        self._shown = lines if not text or terminal.write(text) else []

    def _draw_plain(self, line: Line, columns: int) -> None:
        text = "".join(piece for piece, _style in line)
        if [text] != self._shown:
            self._terminal.write("\r" + text.ljust(columns - 1))
            self._shown = [text]


def _finished(progress: Progress) -> str:
    if progress.suspicion:
        return _("Stopped: this does not look like a person.")
    return _("Done. Let go of mouse and keyboard.")
