"""One run at a time on a campaign: a file lock that dies with its process.

The operating system drops the lock when the process ends, however it ends, so
nothing is left to clean up after a ``kill -9``.  The file itself stays; it
holds the number of the process that had the lock last, for the message only.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType

from gostkey.errors import CampaignLocked, MediumError

# The byte that is locked lies far behind the text: Windows does not let others
# read a locked byte, and the holder's number must stay readable.
_LOCKED_BYTE = 1 << 30


class CampaignLock:
    """The lock of one campaign folder; a context manager.

    Raises:
        CampaignLocked: at once, if another run has it.
        MediumError: if the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def __enter__(self) -> CampaignLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock or raise `CampaignLocked`."""
        if self._fd >= 0:
            return
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise MediumError(
                f"{self.path}: the lock file cannot be made: "
                f"{error.strerror or error}; choose a campaign folder that can "
                "be written"
            ) from error
        try:
            _lock(fd)
        except OSError:
            holder = _holder(fd)
            os.close(fd)
            raise CampaignLocked(
                f"{self.path.parent}: another run works on this campaign{holder}; "
                "wait until it has ended"
            ) from None
        os.ftruncate(fd, 0)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, str(os.getpid()).encode())
        self._fd = fd

    def release(self) -> None:
        """Give the lock back; it may be called twice."""
        if self._fd >= 0:
            # Closing drops the lock on every system; the file stays.
            os.close(self._fd)
            self._fd = -1


def _holder(fd: int) -> str:
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        text = os.read(fd, 20).decode("ascii", "replace").strip()
    except OSError:
        return ""
    return f" (process {text})" if text.isdigit() else ""


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> None:
        os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        os.lseek(fd, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(fd: int) -> None:
        # flock and not lockf: it belongs to the open file, so closing another
        # descriptor of the same file in this process does not drop it.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
