"""One program for a request at a time, also after a run that was killed.

A run that is killed outright (``kill -9``, no memory left) cannot end the programs that
it has started; they go on, and nobody counts their five minutes.  So a program inherits
the open lock of its request: while it runs, or something that it has started, no other
one is started for this request.  Windows has no such locks, so nothing is held there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gostkey.errors import MediumError, TransportError

from ..local_claims import state_folder

FOLDER = "programs"
"""In the folder for what this user's processes must know of each other."""

if sys.platform == "win32":

    @contextmanager
    def alone(request_id: str, program: str) -> Iterator[None]:
        """Do nothing."""
        yield None

else:
    import fcntl

    @contextmanager
    def alone(request_id: str, program: str) -> Iterator[int | None]:
        """Hold the lock of a request in the block; give it to be inherited.

        Args:
            request_id: of the request.
            program: the one to be started, for messages.

        Raises:
            TransportError: if a program that an earlier run has started still runs.
            MediumError: if there is no place for the lock.
        """
        path = state_folder() / FOLDER / request_id
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            lock = _take(path, program)
        except OSError as error:
            raise MediumError(
                f"{path}: the lock of a request cannot be made: "
                f"{error.strerror or error}; see to that folder, then run resume"
            ) from error
        try:
            yield lock
        finally:
            with suppress(OSError):
                path.unlink()
            # Not only closed: what the program has left running has it, too.
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)

    def _take(path: Path, program: str) -> int:
        while True:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_there(path, lock):
                    return lock
            except BlockingIOError:
                holder = os.read(lock, 20).decode("ascii", "replace")
                os.close(lock)
                raise TransportError(f"{program}: {_words(holder)}") from None
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)

    def _is_there(path: Path, lock: int) -> bool:
        """Say whether the file is still there: who had it removes it."""
        try:
            return os.path.samestat(os.stat(path), os.fstat(lock))
        except FileNotFoundError:
            return False


def tell(lock: int | None, process: int) -> None:
    """Write down which process has the lock, for a message."""
    if lock is not None:
        with suppress(OSError):
            # After kill -9 the number of an earlier one is still there.
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(process).encode(), 0)


def _words(holder: str) -> str:
    which = f" (process {holder})" if holder.isdigit() else ""
    return (
        "was not started: what an earlier run started for this request still "
        f"runs{which}; wait until it has ended, or end it, then run resume"
    )
