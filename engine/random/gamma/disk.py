"""The few things that are done to files here, each a step of its own.

Tests put a disk of theirs in the place of this one: it fails, or the process
dies, before, after or in the middle of any step.  So everything that changes
a file goes through it, and nothing else may.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gostkey.backend import active
from gostkey.errors import MediumError
from gostkey.primitives import Readable

FOLDER_MODE = 0o700
FILE_MODE = 0o600

_ZEROS = bytes(1 << 16)

_CURES = {
    errno.ENOSPC: "the disk is full; free some space and run the command again",
    errno.EDQUOT: "the disk quota is used up; delete files or have it raised",
    errno.EFBIG: "the system allows no files of this size; raise the limit",
    errno.EROFS: (
        "the medium is read-only, and records must be destroyed there when they "
        "are used; mount it for writing"
    ),
    errno.EACCES: "access is denied; give this user the right to it",
    errno.EPERM: "access is denied; give this user the right to it",
    errno.ENOENT: "it is not there; is the medium inserted, the name right?",
    errno.ENOTDIR: "a part of this path is a file and not a folder",
    errno.EIO: "the medium fails; use another one",
    errno.ENODEV: "the medium was removed; insert it again",
    errno.ENXIO: "the medium was removed; insert it again",
}


class Disk:
    """The real disk."""

    def write(self, file: io.FileIO, data: Readable, offset: int) -> None:
        """Write all of *data* at *offset*; it may still be in memory only."""
        file.seek(offset)
        rest = memoryview(data)
        while len(rest):
            rest = rest[file.write(rest) or 0 :]

    def truncate(self, file: io.FileIO, size: int) -> None:
        """Cut a file to *size* bytes."""
        file.truncate(size)

    def sync(self, file: io.FileIO) -> None:
        """Wait until a file's content and length are on the medium."""
        os.fsync(file.fileno())

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder are on the medium."""
        if os.name != "posix":
            return  # Windows has no such call and writes names through
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def make_folder(self, folder: Path) -> None:
        """Make a folder that only its owner may enter; it may be there."""
        folder.mkdir(FOLDER_MODE, exist_ok=True)

    def create(self, path: Path) -> io.FileIO:
        """Make a new file that only its owner may read.

        Raises:
            FileExistsError: if the name is taken.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        return _as_file(os.open(path, flags, FILE_MODE))

    def put(self, beside: Path, path: Path, *, replace: bool) -> None:
        """Give a finished file its name.

        Raises:
            FileExistsError: if the name is taken and *replace* is False.
        """
        if replace:
            os.replace(beside, path)
            return
        try:
            os.link(beside, path)
        except FileExistsError:
            raise
        except OSError:
            # FAT has no links; a look before is all there is.
            if path.exists():
                raise FileExistsError(errno.EEXIST, "", str(path)) from None
            os.replace(beside, path)
        else:
            beside.unlink()


DISK = Disk()


def open_file(path: Path, *, writable: bool) -> io.FileIO:
    """Open a file that is there; a pipe in its place does not make it wait."""
    flags = os.O_RDWR if writable else os.O_RDONLY
    for name in ("O_BINARY", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC"):
        flags |= getattr(os, name, 0)
    return _as_file(os.open(path, flags), writable=writable)


def read_at(file: io.FileIO, size: int, offset: int) -> bytearray:
    """Return bytes of a file; fewer than *size* if it ends before."""
    data = bytearray(size)
    view = memoryview(data)
    done = 0
    try:
        file.seek(offset)
        while done < size:
            got = file.readinto(view[done:])
            if not got:
                break
            done += got
    except BaseException:
        active.generators.wipe(data)
        raise
    view.release()
    # Shortened in place: a slice would be a second copy of the secret.
    del data[done:]
    return data


def destroy_tail(disk: Disk, file: io.FileIO, folder: Path, size: int) -> None:
    """Overwrite everything behind *size* bytes on the medium, then cut it off."""
    end = file.seek(0, os.SEEK_END)
    for offset in range(size, end, len(_ZEROS)):
        disk.write(file, memoryview(_ZEROS)[: end - offset], offset)
    if end > size:
        # Or the zeros would never leave the memory: there is no file for them
        # any more once it is cut.
        disk.sync(file)
    disk.truncate(file, size)
    disk.sync(file)
    disk.sync_folder(folder)


def explain(error: OSError, path: Path) -> MediumError:
    """Turn a system error into one that names the file and the cure."""
    if isinstance(error, MediumError):
        return error
    text = _CURES.get(error.errno or 0) or error.strerror or str(error)
    explained = MediumError(f"{path}: {text}")
    explained.errno = error.errno
    return explained


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn system errors in the block into MediumError."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def _as_file(descriptor: int, *, writable: bool = True) -> io.FileIO:
    return io.FileIO(descriptor, "r+b" if writable else "rb")
