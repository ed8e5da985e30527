"""One run at a time on a campaign: a file lock that dies with its process.

The operating system drops the lock when the process ends, however it ends, so
nothing is left to clean up after a ``kill -9``.  The file itself stays; it
holds the number of the process that had the lock last, for the message.  Worker
processes have the lock, too: after their parent was killed, it is free when the last
of them has ended, which is soon, so that is waited for.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from gostkey.errors import CampaignLocked, MediumError
from gostkey.media import explain

LOCK_NAME = "campaign.lock"

# The byte that is locked lies far behind the text: Windows does not let others
# read a locked byte, and the holder's number must stay readable.
_LOCKED_BYTE = 1 << 30

_PATIENCE = 30.0
"""Seconds that the workers of a killed run get to finish what they are writing."""


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
        until = time.monotonic() + _PATIENCE
        while not _locked(fd):
            holder = _holder(fd)
            if _is_gone(holder) and time.monotonic() < until:
                time.sleep(0.02)
                continue
            os.close(fd)
            who = f" (process {holder})" if holder else ""
            raise CampaignLocked(
                f"{self.path.parent}: another run works on this campaign{who}; "
                "wait until it has ended"
            )
        # The number is for a message only: a full disk is told by what needs room.
        with suppress(OSError):
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


def locked(folder: Path, name: str = LOCK_NAME) -> CampaignLock:
    """Make a campaign's folder if need be, and take its lock, or another one in it.

    Raises:
        CampaignLocked: if another process has it.
        MediumError: if the folder cannot be written, or is a file.
    """
    refuse_file(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, folder) from error
    lock = CampaignLock(folder / name)
    lock.acquire()
    return lock


def refuse_file(folder: Path) -> None:
    """Raise MediumError if a file has the name of a campaign's folder."""
    if folder.is_file():
        raise MediumError(f"{folder}: is a file; name a folder for the campaign")


def _locked(fd: int) -> bool:
    try:
        _lock(fd)
    except OSError:
        return False
    return True


def _holder(fd: int) -> int:
    """Read who had the lock last; 0 if it is not known."""
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        text = os.read(fd, 20).decode("ascii", "replace").strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0


def _is_gone(process: int) -> bool:
    """Say whether a process has ended, so that only its workers can have the lock."""
    if not process or sys.platform == "win32":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


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
