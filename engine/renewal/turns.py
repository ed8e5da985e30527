"""Turns of worker processes at a disk.

New containers are many small files, flushed together.  Workers that write them at the
same time hold each other up: a flush waits for what the others are just writing, and
while all of them wait for the disk no processor has work.  So two workers take turns:
while one writes, the other computes.

A turn is a lock on a byte of a file without a name.  The system gives it back when its
holder ends, however that is; from one that is stopped (SIGSTOP) it does not come back.
It is a matter of speed alone: where it cannot be had, or not for long, all write at
once.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

try:
    import fcntl
except ImportError:  # Windows, where there is one process
    fcntl = None  # type: ignore[assignment]

PATIENCE = 10.0
"""Seconds after which one writes without a turn: a chunk takes a tenth of one on a
disk, and some on a slow stick."""
_LOST = 0.05
"""What part of the time that was waited may be waited too long."""
_SHORTEST, _LONGEST = 0.001, 0.02
"""Seconds between two looks, which themselves cost some microseconds."""
_DISKS = 1 << 32
"""Numbers of disks that are told apart."""


class Turns:
    """What workers that are forked later take turns by; close it, or forget it."""

    def __init__(self, workers: int = 1) -> None:
        """Make turns, one at a time for each two of some *workers*."""
        self.at_once = workers // 2 + workers % 2
        """Processes that may write to one disk at the same time."""
        self._file: IO[bytes] | None = None
        if workers > 1 and fcntl is not None:
            try:
                self._file = tempfile.TemporaryFile()
            except OSError:
                pass  # no room, or no folder for it

    @contextmanager
    def at(self, disk: int | None) -> Iterator[None]:
        """Wait for a turn at a disk and have it during the block.

        Not for threads, nor for turns at two disks at once: the lock is the process's.

        Args:
            disk: device number; None if it is not known.
        """
        place = self._take((disk or 0) % _DISKS * self.at_once)
        try:
            yield
        finally:
            if self._file is not None and place is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def _take(self, first: int) -> int | None:
        """Lock one of the bytes from *first*; return which, or None if it cannot be."""
        if self._file is None:
            return None
        begun = time.monotonic()
        while True:
            for place in range(first, first + self.at_once):
                try:
                    fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
                except (BlockingIOError, PermissionError):
                    continue  # another one has it
                except OSError:
                    return None
                return place
            waited = time.monotonic() - begun
            if waited > PATIENCE:
                return None
            time.sleep(min(max(_SHORTEST, waited * _LOST), _LONGEST))

    def close(self) -> None:
        """Make no more turns."""
        if self._file is not None:
            self._file.close()
            self._file = None
