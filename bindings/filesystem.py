"""What a system can do for many small files at once: one flush, and many open files.

The call that flushes a whole file system: Linux has it, Python has no name for it.

One flush for a thousand small files instead of one for each.  Asked for is only what
is known to promise as much as fsync of every file would: Linux from 5.8 on, which
tells of failed writes, and file systems that also empty the disk's own cache.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

__all__ = ["files_kept_open", "flush_of", "keep_more_open"]

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_MOST_OPEN = 8192
_OPEN_FILES = "/proc/self/fd"
_FLUSHED_WHOLE = frozenset({"ext4", "f2fs", "xfs"})
_TELLS_OF_FAULTS = (5, 8)
_MOUNTS = Path("/proc/self/mountinfo")


class _Kept:
    """How many files this process keeps open; a forked one begins anew."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0


_kept = _Kept()


def _begin_anew() -> None:
    global _kept
    _kept = _Kept()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


@contextmanager
def files_kept_open(wanted: int) -> Iterator[int]:
    """Reserve places for files that stay open in the block: *wanted*, or fewer.

    As many as the process has left by then stay free for everything else.

    Yields:
        How many there are.
    """
    kept = _kept
    with kept.lock:
        granted = max(0, min(wanted, (_places_left() - kept.count) // 2))
        kept.count += granted
    try:
        yield granted
    finally:
        with kept.lock:
            kept.count -= granted


def _places_left() -> int:
    """Say how many more files this process may open; 0 where it cannot be told."""
    try:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = len(os.listdir(_OPEN_FILES))
    except (OSError, AttributeError):  # not Linux
        return 0
    most = 2 * _MOST_OPEN
    return (most if limit == resource.RLIM_INFINITY else min(most, limit)) - used


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
    # Not cffi, which takes 12 ms to read a declaration: each worker process would.
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None
    syncfs.argtypes = [ctypes.c_int]

    def call(descriptor: int) -> None:
        if syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

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
