"""Ctrl-C that waits for the end of a look at the queue.

In the middle of one, it would cancel whatever coroutine runs just then; the pool of
connections takes that for a connection that failed, and tries again for minutes.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupt_held() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of the block, or at a second Ctrl-C.

    Where a program has its own way with the signal, and outside the main thread,
    nothing is changed.
    """
    mine = signal.default_int_handler
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not mine
    ):
        yield
        return
    came = False

    def hold(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            mine(number, frame)
        came = True

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, mine)
    if came:
        raise KeyboardInterrupt
