"""What a system can do for many small files at once.

One flush for a thousand small files instead of one for each.  Asked for is only what
is known to promise as much as fsync of every file would: Linux from 5.8 on, which
tells of failed writes, and file systems that also empty the disk's own cache.

Reading the files of a folder, or files back from the medium, with one call of the
native core.  Where it is not there, or anything is out of the ordinary, the answer is
that it was not done, and the caller does it with the system's own calls.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from gostkey.bindings import core

__all__ = ["files_kept_open", "flush_of", "keep_more_open", "read_back", "read_folder"]

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_NATIVE = core is not None and os.environ.get("GOSTKEY_BACKEND") != "pure"
"""Whether the core is used: chosen once, as `gostkey.backend` chooses."""
_MOST_OPEN = 8192
_OPEN_FILES = "/proc/self/fd"
_FLUSHED_WHOLE = frozenset({"ext4", "f2fs", "xfs"})
_TELLS_OF_FAULTS = (5, 8)
_MOUNTS = Path("/proc/self/mountinfo")
_ROOM = 1 << 15
"""Bytes of a folder's files that the core reads; containers have 2 to 6 thousand."""


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


class _Room(threading.local):
    """Where a thread has files read to."""

    def __init__(self) -> None:
        assert core is not None
        ffi, _ = core
        self.out = ffi.new("uint8_t[]", _ROOM)
        self.octets = ffi.buffer(self.out)
        self.sizes = ffi.new("int32_t[]", 16)


@lru_cache(maxsize=1)
def _room() -> _Room:
    return _Room()


@lru_cache(maxsize=16)
def _names(names: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[Any, Any, int]:
    """Give names as the core takes them, and which contents are wanted as bits."""
    assert core is not None
    ffi, _ = core
    kept = [ffi.new("char[]", name.encode("ascii")) for name in names]
    bits = sum(1 << place for place, name in enumerate(names) if name in wanted)
    return ffi.new("const char *[]", kept), kept, bits


def read_folder(
    folder: str, names: tuple[str, ...], wanted: tuple[str, ...], largest: int
) -> dict[str, bytes] | None:
    """Read files of a folder, whether their names are in capitals or not.

    Args:
        folder: its path.
        names: of the files, at most 16, in small letters of ASCII.
        wanted: those of them whose content is read; of the others is only asked
            whether they are there.
        largest: bytes that a file may have.

    Returns:
        Name as in *names* to content, b"" if it was not wanted; files that are not
        there are left out.  None if it was not done: the caller is to do it, and to
        tell what is wrong, if anything is.
    """
    if not _NATIVE or "\0" in folder:
        return None
    assert core is not None
    ffi, lib = core
    pointers, _, bits = _names(names, wanted)
    room = _room()
    octets, sizes = room.octets, room.sizes
    path = os.fsencode(folder)
    if lib.gostkey_read_folder(
        path, pointers, len(names), bits, largest, room.out, _ROOM, sizes
    ):
        return None
    files = {}
    end = 0
    for name, size in zip(names, sizes, strict=False):
        if size >= 0:
            files[name] = octets[end : end + size]
            end += size
    octets[:end] = bytes(end)
    return files


FEWEST = 256
"""Files for which the core's queue, made and taken down again, is worth its while."""


def read_back(descriptors: Sequence[int], contents: Sequence[bytes]) -> list[bool]:
    """Compare files that were just flushed with what was written, on the medium.

    Past the system's memory of it, and all at the same time.

    Args:
        descriptors: of the files, open for reading.
        contents: what was written into each.

    Returns:
        For each whether it is known to be on the medium as it was written.  False says
        nothing of it yet: it is to be read in the ordinary way.
    """
    count = len(descriptors)
    if not _NATIVE or count < FEWEST:
        return [False] * count
    assert core is not None
    ffi, lib = core
    queue = lib.gostkey_queue_new()
    if not queue:
        return [False] * count
    same = bytearray(count)
    # Keys are among them: this copy does not stay.
    joined = bytearray().join(contents)
    expected = ffi.from_buffer("uint8_t[]", joined, require_writable=True)
    try:
        lib.gostkey_read_back(
            queue,
            ffi.new("int[]", descriptors),
            ffi.new("uint32_t[]", list(map(len, contents))),
            count,
            expected,
            ffi.from_buffer("uint8_t[]", same, require_writable=True),
        )
    finally:
        lib.gostkey_wipe(expected, len(joined))
        _free(queue)
    return list(map(bool, same))


def _free(queue: int) -> None:
    """Have a queue taken down; the kernel takes its time, and nobody needs to wait."""
    assert core is not None
    _, lib = core
    try:
        threading.Thread(target=lib.gostkey_queue_free, args=(queue,)).start()
    except RuntimeError:  # no more threads, or the end of the program
        lib.gostkey_queue_free(queue)
