"""SIGTERM and SIGHUP that end a run as Ctrl-C does: it can be resumed, and says so."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from gostkey.errors import after_interrupt

ENDING: tuple[signal.Signals, ...] = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals that ask a program to end, besides Ctrl-C's.  Windows has no SIGHUP."""


def as_interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Handle a signal as Ctrl-C.

    Only the first: a terminal that is closed sends several, and those that follow must
    not break into what the first one has put in order.  Ctrl-C still does.
    """
    for one in ENDING:
        if signal.getsignal(one) is as_interrupt:
            signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def interrupted_too(
    end: Callable[[], object], mend: Callable[[], object]
) -> Iterator[None]:
    """Do something at the end of the block, also if it is interrupted there.

    After a fault it is not done.

    Args:
        end: what is done.
        mend: done before it after an interrupt, which may have come in the middle of
            anything that *end* needs whole.
    """
    try:
        yield
    except BaseException as error:
        if after_interrupt(error):
            mend()
            end()
        raise
    end()


@contextlib.contextmanager
def ending_interrupts() -> Iterator[None]:
    """Have signals that ask for the end raise KeyboardInterrupt in the block.

    One that is ignored, as SIGHUP is under nohup, stays so, and so does one with which
    the program has its own way.  Outside the main thread nothing is changed.
    """
    taken: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        taken = [one for one in ENDING if signal.getsignal(one) is signal.SIG_DFL]
    for one in taken:
        signal.signal(one, as_interrupt)
    try:
        yield
    finally:
        for one in taken:
            signal.signal(one, signal.SIG_DFL)
