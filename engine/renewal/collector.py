"""How often Python looks for cycles of dead objects, while chunks are worked on.

A chunk is tens of thousands of objects, none in a cycle and nearly all soon gone.
Python looks through all of them whenever 700 more are there, which is felt.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLDS = (200_000, 50, 100)
_lock = threading.Lock()
_blocks = 0
"""Blocks of `seldom` that are open, in all threads."""
_before = gc.get_threshold()
"""As it was before the first of them."""

# A fork in the middle would leave the lock closed in the new process for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire,
        after_in_parent=_lock.release,
        after_in_child=_lock.release,
    )


def look_seldom() -> None:
    """Look seldom from now on; for a process of our own."""
    gc.set_threshold(*_THRESHOLDS)


@contextmanager
def seldom() -> Iterator[None]:
    """Look seldom in the block; then as before, as the process may be another's.

    Of blocks that overlap, as in two threads, the last one that ends does that.
    """
    global _blocks, _before
    with _lock:
        if _blocks == 0:
            _before = gc.get_threshold()
            gc.set_threshold(*_THRESHOLDS)
        _blocks += 1
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if _blocks == 0:
                gc.set_threshold(*_before)
