"""Ctrl-C, or what ends a run like it, that waits for the end of a look at the queue.

In the middle of one, it would cancel whatever coroutine runs just then; the pool of
connections takes that for a connection that failed, and tries again for minutes.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..interrupts import ENDING, as_interrupt


@contextmanager
def interrupt_held() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of the block, or at Ctrl-C as a second signal.

    The others may come twice for one cause, as when a terminal is closed.

    Where a program has its own way with a signal, and outside the main thread,
    nothing is changed.
    """
    mine: dict[signal.Signals, Callable[[int, FrameType | None], Any]] = {}
    if threading.current_thread() is threading.main_thread():
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            mine[signal.SIGINT] = signal.default_int_handler
        for one in ENDING:
            if signal.getsignal(one) is as_interrupt:
                mine[one] = as_interrupt
    came: list[signal.Signals] = []

    def hold(number: int, frame: FrameType | None) -> None:
        if came and number == signal.SIGINT:
            mine[signal.SIGINT](number, frame)
        came.append(signal.Signals(number))

    for one in mine:
        signal.signal(one, hold)
    try:
        yield
    finally:
        for one, handler in mine.items():
            if signal.getsignal(one) is hold:
                signal.signal(one, handler)
    if came:
        mine[came[0]](came[0], None)
