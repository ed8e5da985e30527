"""What a batch takes beside its arrays, as the system counts it.

Linux only: the peak of a process's memory is reset, the batch runs, and what
the peak rose by, less the arrays that the call returned, is the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gostkey import curves

from .operations import batch_call, items, kernel

__all__ = ["prepare"]

ITEMS = 1_000_000
"""Items of a batch; fewer where these would take longer than SECONDS."""

SECONDS = 3

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def prepare(what: str, curve: str) -> tuple[Callable[[], int], int, str] | str:
    """Return a function that tells the bytes, for how many items, and the kernel."""
    if not _RESET.exists():
        return "the peak of memory is read from /proc, which this system lacks"
    # What is loaded and made at the first call is not the batch's.
    some = items(f"ec{curves.get(curve).bits}")
    first = batch_call(what, curve, some)
    first()
    start = time.process_time()
    first()
    spent = max(time.process_time() - start, 1e-6)
    n = min(ITEMS, max(some, int(SECONDS * some / spent)))
    call = batch_call(what, curve, n)

    def extra() -> int:
        _RESET.write_text("5", encoding="ascii")
        before = _field("VmRSS")
        made = call()
        peak = _field("VmHWM")
        arrays = made if isinstance(made, tuple) else (made,)
        return max(0, peak - before - sum(np.asarray(one).nbytes for one in arrays))

    return extra, n, kernel(f"ec{curves.get(curve).bits}")


def _field(name: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS}: has no {name}")
