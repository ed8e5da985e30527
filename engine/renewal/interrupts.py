"""SIGTERM and SIGHUP that end a run as Ctrl-C does: it can be resumed, and says so."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from gostkey.errors import after_interrupt

ENDING: tuple[signal.Signals, ...] = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals that ask a program to end, besides Ctrl-C's.  Windows has no SIGHUP."""

REPEATS = 5.0
"""Seconds in which a further such signal is of the same cause: a terminal that is
closed sends several within moments, and who asks a second time has waited longer."""
_heeded = -math.inf
"""When the last signal was heeded, by the clock that only goes forward."""


def as_interrupt(number: int, frame: FrameType | None) -> None:
    """Handle a signal as Ctrl-C.

    Those that follow at once must not break into what the first one has put in order;
    Ctrl-C still does.  Later ones count again, as an exception may be lost: one that is
    raised within a destructor goes nowhere.
    """
    global _heeded
    now = time.monotonic()
    if now < _heeded + REPEATS:
        return
    _heeded = now
    raise KeyboardInterrupt


@contextlib.contextmanager
def interrupted_too(
    end: Callable[[], object], mend: Callable[[], object]
) -> Iterator[None]:
    """Do something at the end of the block, also if it is interrupted there.

    If it is interrupted itself, it is done once more.  After a fault it is not done.

    Args:
        end: what is done.
        mend: done before it after an interrupt, which may have come in the middle of
            anything that *end* needs whole.
    """
    try:
        yield
        end()
    except BaseException as error:
        if after_interrupt(error):
            mend()
            end()
        raise


@contextlib.contextmanager
def ending_interrupts() -> Iterator[None]:
    """Have signals that ask for the end raise KeyboardInterrupt in the block.

    One that is ignored, as SIGHUP is under nohup, stays so, and so does one with which
    the program has its own way.  Outside the main thread nothing is changed.
    """
    global _heeded
    taken: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        taken = [one for one in ENDING if signal.getsignal(one) is signal.SIG_DFL]
    if taken:
        _heeded = -math.inf
    for one in taken:
        signal.signal(one, as_interrupt)
    try:
        yield
    finally:
        for one in taken:
            signal.signal(one, signal.SIG_DFL)
