"""Writing files so that a crash leaves the old or the new, never a half.

Small functions over `os`; the order of calls in them is the point.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import TypeAlias

from gostkey.errors import MediumError

AnyPath: TypeAlias = "str | Path"

TEMPORARY = ".gostkey-tmp-"
"""Start of the names of files and folders that are not finished."""

_CAN_ADVISE = hasattr(os, "posix_fadvise")

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_NEW_TO_READ = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
# Without O_NONBLOCK the open would wait at a pipe for its other end.
_OLD = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def temporary_beside(path: AnyPath) -> str:
    """Return an unused path in the same folder, so that a rename is possible."""
    return os.path.join(os.path.dirname(path), f"{TEMPORARY}{secrets.token_hex(8)}")


def write_file(path: AnyPath, data: bytes) -> None:
    """Create a file with its final mode and write it; the disk may still be at it."""
    descriptor = os.open(path, _NEW, FILE_MODE)
    try:
        _write(descriptor, data)
        # Forgetting has the side effect that the disk begins to write at once.
        _forget(descriptor)
    finally:
        os.close(descriptor)


def write_for_later(path: AnyPath, data: bytes) -> int:
    """Do as `write_file`, and leave it to a flush of all when the disk begins.

    Returns:
        A descriptor for `begin_reading_back` after the flush, or to be closed.
    """
    descriptor = os.open(path, _NEW_TO_READ, FILE_MODE)
    try:
        _write(descriptor, data)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _write(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def flush_file(path: AnyPath) -> None:
    """Wait until a file's content is on the medium."""
    # Windows flushes only what is open for writing.
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_and_compare(path: AnyPath, data: bytes) -> bool:
    """Wait until a file's content is on the medium; say whether it reads back so."""
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
        return _read_back(descriptor, len(data)) == data
    finally:
        os.close(descriptor)


def flush_folder(path: AnyPath) -> None:
    """Wait until the names in a folder are on the medium."""
    if os.name == "nt":
        return  # Windows has no such call and writes names through
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_file(path: AnyPath, limit: int) -> bytes:
    """Read a regular file of at most *limit* bytes.

    Raises:
        MediumError: if it is larger, or no regular file.
        OSError: if it cannot be read.
    """
    descriptor = os.open(path, _OLD)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise MediumError(f"{path}: not a regular file")
        if about.st_size > limit:
            raise MediumError(
                f"{path}: {about.st_size} bytes; at most {limit} are read"
            )
        data = _read(descriptor, about.st_size)
    finally:
        os.close(descriptor)
    if len(data) > about.st_size:
        raise MediumError(f"{path}: grew while it was read")
    return data


def make_folder(path: Path) -> None:
    """Create a folder, unless it is there, in one that is there.

    Not its parents: if a removable disk is absent, they would be made in the
    place where it is usually mounted.
    """
    try:
        os.mkdir(path, FOLDER_MODE)
    except FileExistsError:
        return
    flush_folder(path.parent)


def read_back(path: AnyPath, size: int) -> bytes:
    """Read a file that was just written, from the medium and not from memory.

    Args:
        path: the file.
        size: bytes that it must have; at most one more is read.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        return _read_back(descriptor, size)
    finally:
        os.close(descriptor)


def open_again(path: AnyPath) -> int:
    """Open a file that was just written, for `begin_reading_back`."""
    return os.open(path, _OLD)


def begin_reading_back(descriptor: int) -> None:
    """Have the medium look for a file that was just flushed.

    Several that are begun before the first is ended are waited for together.
    """
    if _CAN_ADVISE:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)


def end_reading_back(descriptor: int, size: int) -> bytes:
    """Read, from the medium and not from memory, what `read_back` would, and close."""
    try:
        data = os.pread(descriptor, size + 1, 0)
        if len(data) < size:
            os.lseek(descriptor, 0, os.SEEK_SET)
            data = _read(descriptor, size)
        return data
    finally:
        os.close(descriptor)


def _read_back(descriptor: int, size: int) -> bytes:
    _forget(descriptor)
    return _read(descriptor, size)


def _read(descriptor: int, size: int) -> bytes:
    """Read a file that should have *size* bytes; of a longer one, one byte more."""
    data = os.read(descriptor, size + 1)
    while len(data) < size:
        piece = os.read(descriptor, size + 1 - len(data))
        if not piece:
            break
        data += piece
    return data


def _forget(descriptor: int) -> None:
    if _CAN_ADVISE:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def discard(path: AnyPath) -> None:
    """Remove an unfinished file or folder; what is in files is overwritten first.

    It may hold keys.  (On flash media overwriting does not reach every copy.)
    """
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        for inner in path.iterdir():
            discard(inner)
        path.rmdir()
        return
    if path.is_file() and not path.is_symlink():
        try:
            with path.open("r+b") as file:
                size = os.fstat(file.fileno()).st_size
                file.write(bytes(size))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            pass  # a full or failing disk; removing is still to be tried
    path.unlink()
