"""How often Python looks for cycles of dead objects, while chunks are worked on.

A chunk is tens of thousands of objects, none in a cycle and nearly all soon gone.
Python looks through all of them whenever 700 more are there, which is felt.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLDS = (200_000, 50, 100)


def look_seldom() -> None:
    """Look seldom from now on; for a process of our own."""
    gc.set_threshold(*_THRESHOLDS)


@contextmanager
def seldom() -> Iterator[None]:
    """Look seldom in the block; then as before, as the process may be another's."""
    before = gc.get_threshold()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
