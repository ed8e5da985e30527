"""What a system can do for many small files at once: one flush, and many open files.

The call that flushes a whole file system: Linux has it, Python has no name for it.

One flush for a thousand small files instead of one for each.  Asked for is only what
is known to promise as much as fsync of every file would: Linux from 5.8 on, which
tells of failed writes, and file systems that also empty the disk's own cache.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["files_to_keep_open", "flush_of", "keep_more_open"]

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_MOST_OPEN = 8192
_FLUSHED_WHOLE = frozenset({"ext4", "f2fs", "xfs"})
_TELLS_OF_FAULTS = (5, 8)
_MOUNTS = Path("/proc/self/mountinfo")


def files_to_keep_open() -> int:
    """Say how many files a process may keep open and have as many left for the rest."""
    if resource is None:
        return 0
    now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_OPEN if now == resource.RLIM_INFINITY else min(_MOST_OPEN, now // 2)


def keep_more_open() -> None:
    """Raise the limit of open files as far as is of use; for a process of our own."""
    if resource is None:
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MOST_OPEN
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        with suppress(OSError, ValueError):  # it is a matter of speed alone
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def flush_of(descriptor: int) -> Callable[[], None] | None:
    """Return what flushes the file system of an open file or folder.

    It raises OSError if anything could not be written since the file was opened.
    None where one call does not do as much as fsync of each file and folder.
    """
    call = _syncfs()
    if call is None or _kind(descriptor) not in _FLUSHED_WHOLE:
        return None
    return lambda: call(descriptor)


@lru_cache(maxsize=1)
def _syncfs() -> Callable[[int], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if version is None or tuple(map(int, version.groups())) < _TELLS_OF_FAULTS:
        return None
    try:
        from cffi import FFI
    except ImportError:
        return None
    ffi = FFI()
    ffi.cdef("int syncfs(int fd);")
    library: Any = ffi.dlopen(None)

    def call(descriptor: int) -> None:
        if library.syncfs(descriptor):
            raise OSError(ffi.errno, os.strerror(ffi.errno))

    return call


def _kind(descriptor: int) -> str:
    """Name the kind of file system; "" if it cannot be told."""
    device = os.fstat(descriptor).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = _MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split(" ")[2:3] == [wanted]:
            return after.split(" ")[0]
    return ""
