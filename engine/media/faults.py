"""System errors in words: which folder, what is wrong, what would help."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gostkey.containers import FILES
from gostkey.errors import MediumError

from . import durable

_THERE = "it exists already; a container is never overwritten"
_DENIED = "access is denied; give this user the right to it"
_REMOVED = "the medium was removed; insert it again"

_CURES: dict[int, Callable[[Path], str]] = {
    errno.ENOSPC: lambda folder: f"the disk is full: {_free(folder)}",
    errno.EDQUOT: lambda _: "the disk quota is used up; delete files or have it raised",
    errno.EROFS: lambda _: (
        "the medium is read-only: release its write protection or mount it for writing"
    ),
    errno.EACCES: lambda _: _DENIED,
    errno.EPERM: lambda _: _DENIED,
    errno.ENOENT: lambda _: "it is not there; is the medium inserted, the name right?",
    errno.ENOTDIR: lambda _: "it is a file and not a folder",
    errno.EEXIST: lambda _: _THERE,
    errno.ENOTEMPTY: lambda _: _THERE,
    errno.EIO: lambda _: "the medium fails; copy what is readable and use another one",
    errno.ENODEV: lambda _: _REMOVED,
    errno.ENXIO: lambda _: _REMOVED,
    errno.EFBIG: lambda _: "the system allows no files of this size; raise the limit",
}


def explain(error: OSError, folder: Path) -> MediumError:
    """Turn a system error into one that names the folder and the cure."""
    if isinstance(error, MediumError):
        return error
    where = error.filename or folder
    if durable.TEMPORARY in str(where):
        where = folder
    cure = _CURES.get(error.errno or 0)
    text = cure(folder) if cure else error.strerror or str(error)
    explained = MediumError(f"{where}: {text}")
    explained.errno = error.errno
    return explained


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn system errors in the block into MediumError."""
    try:
        yield
    except OSError as error:
        raise explain(error, folder) from error


def _free(folder: Path) -> str:
    """Say how much must be freed for a container, in whole blocks of the disk."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
        block = os.statvfs(folder).f_frsize if hasattr(os, "statvfs") else 4096
    except OSError:
        return "free space for a container"
    return f"free {(len(FILES) + 2) * block} bytes ({free} are free now)"
