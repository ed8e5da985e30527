"""A run as people see it: a bar with pace and time left, or a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from gostkey.renewal.chunks import Event
from gostkey.renewal.watching.pace import Pace

from .output import Output
from .texts import _

__all__ = ["Spectator", "duration", "figures"]

LINE_EVERY = 5.0
"""Seconds between two lines that are no failures, where there is no terminal."""
_REDRAW_EVERY = 0.1


class Spectator:
    """Listens to a run and shows it."""

    def __init__(
        self,
        out: Output,
        pace: Pace,
        show: Callable[[float, str], None],
        seconds: Callable[[], float] = time.monotonic,
        *,
        terminal: bool | None = None,
    ) -> None:
        """Begin to listen.

        Args:
            out: where lines go to.
            pace: listens to the same run, before this one.
            show: takes the share that is done, and what to say beside it.
            seconds: a clock that only goes forward.
            terminal: whether it is shown on one; found out if left out.
        """
        self._out = out
        self._pace = pace
        self._show = show
        self._seconds = seconds
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._shown = seconds()

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        if self._terminal:
            self._redraw()
            return
        if event.kind == "item" and event.reason:
            self._out.note(_failure(event))
        now = self._seconds()
        if now - self._shown >= LINE_EVERY:
            self._shown = now
            self._out.note(self._line())

    def _redraw(self) -> None:
        pace, now = self._pace, self._seconds()
        if now - self._shown < _REDRAW_EVERY and pace.done < pace.total:
            return
        self._shown = now
        self._show(pace.done / pace.total if pace.total else 1.0, self._line())

    def _line(self) -> str:
        pace = self._pace
        return figures(
            pace.ended,
            pace.keys,
            pace.keys_a_second,
            pace.seconds_left,
            pace.failed,
            pace.waiting,
        )


def figures(
    ended: int,
    keys: int,
    keys_a_second: float,
    seconds_left: float | None,
    failed: int,
    waiting: int,
) -> str:
    """Put the figures of a run into one line; what is zero is left out."""
    said = [_("{n} of {m} keys").format(n=ended, m=keys)]
    if keys_a_second > 0:
        pace = f"{keys_a_second:.0f}" if keys_a_second >= 10 else f"{keys_a_second:.1f}"
        said.append(_("{pace} keys/s").format(pace=pace))
    if seconds_left is not None and seconds_left >= 0.5:
        said.append(_("{time} left").format(time=duration(seconds_left)))
    if failed:
        said.append(_("{n} failed").format(n=failed))
    if waiting:
        said.append(_("{n} waiting").format(n=waiting))
    return ", ".join(said)


def duration(seconds: float) -> str:
    """Write a span for people: 0:37, 12:05, 3:00:00, or days and hours."""
    whole = int(seconds + 0.5)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if days:
        return _("{days} d {hours} h").format(days=days, hours=hours)
    if hours:
        return f"{hours}:{minutes:02d}:{left:02d}"
    return f"{minutes}:{left:02d}"


def _failure(event: Event) -> str:
    where = f"{event.owner} ({event.container})" if event.owner else event.container
    return f"{where}: {event.text}"
