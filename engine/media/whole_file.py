"""One new file with keys in it: whole or not at all, flushed and read back."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gostkey.errors import MediumError

from . import durable
from .faults import explain


def write_whole(path: Path, data: bytes, taken: str, *, replace: bool = False) -> None:
    """Write a file of mode 0600 under a temporary name and rename it.

    Args:
        path: where, in a folder that is there.
        data: what.
        taken: why a file that exists is not overwritten, and what to do.
        replace: overwrite it nevertheless; what was in it is wiped.

    Raises:
        MediumError: if it cannot be written, or exists; nothing is left behind
            then, and an older file is as it was.
    """
    there = MediumError(f"{path}: exists already; {taken}")
    there.errno = errno.EEXIST
    if os.path.lexists(path) and not replace:
        raise there
    beside = durable.temporary_beside(path)
    try:
        durable.write_file(beside, data)
        if not durable.flush_and_compare(beside, data):
            raise MediumError(
                f"{path}: what was written does not read back the same; the disk is "
                "failing, use another one"
            )
        # Not by a link: wiping a second name would wipe the file.
        if replace:
            with _wiped_if_gone(path):
                os.replace(beside, path)
        elif os.path.lexists(path):
            raise there
        else:
            os.rename(beside, path)
        durable.flush_folder(path.parent)
    except OSError as error:
        if error.errno == errno.ENOSPC and not isinstance(error, MediumError):
            raise MediumError(
                f"{path}: the disk is full: free {len(data)} bytes"
            ) from error
        raise explain(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            if os.path.lexists(beside):
                durable.discard(beside)


@contextlib.contextmanager
def _wiped_if_gone(path: Path) -> Iterator[None]:
    """Overwrite a file that loses its last name in the block: it holds keys.

    Not on Windows, where a file that is open cannot be replaced.
    """
    descriptor = -1
    if os.name != "nt":
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW
            descriptor = os.open(path, flags)
    try:
        yield
        if descriptor >= 0:
            # The new file is in place; that the old one resists changes nothing.
            with contextlib.suppress(OSError):
                about = os.fstat(descriptor)
                if stat.S_ISREG(about.st_mode) and about.st_nlink == 0:
                    os.write(descriptor, bytes(about.st_size))
                    os.fsync(descriptor)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
