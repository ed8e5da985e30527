"""One new file with keys in it: whole or not at all, flushed and read back."""

from __future__ import annotations

import contextlib
import errno
import os
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
        replace: overwrite it nevertheless.

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
