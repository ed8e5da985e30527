"""Ending at a signal, but not in the middle of something.

The first SIGTERM, SIGHUP or SIGINT only leaves a note, and wakes whoever sleeps; the
work ends when its chunk is done.  A second SIGINT interrupts at once, as Ctrl-C does
elsewhere.
"""

from __future__ import annotations

import select
import signal
import socket
from types import FrameType
from typing import Any

from ..interrupts import ENDING

_SIGNALS = (signal.SIGINT, *ENDING)


class Stopper:
    """Takes the signals while it is used as a context."""

    def __init__(self) -> None:
        self._stopped = False
        self._old: dict[signal.Signals, Any] = {}
        # An Event would not do: its lock may be held when the handler comes.
        self._heard, self._told = socket.socketpair()
        for one in (self._heard, self._told):
            one.setblocking(False)

    def __enter__(self) -> Stopper:
        for number in _SIGNALS:
            # Under nohup SIGHUP is nothing to end for.
            if number != signal.SIGINT and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._old[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._heard.close()
        self._told.close()

    def is_stopped(self) -> bool:
        """Say whether somebody has asked for the end."""
        return self._stopped

    def sleep(self, seconds: float) -> None:
        """Wait so long, or until somebody asks for the end."""
        if not self._stopped:
            select.select([self._heard], [], [], max(0.0, seconds))

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._stopped and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._stopped = True
        try:
            self._told.send(b"x")
        except OSError:
            return
