"""Copies of containers in a campaign's folder: each one file, a ZIP of six.

One file and not a folder: a thousand renewals make two thousand copies, and
files are what a disk is slow at; nor does a search for containers take a copy
for a container.  Unpacked, it is the container's folder again.  A copy is
flushed and read back before it counts, and none is ever replaced.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gostkey.errors import MediumError
from gostkey.media import explain
from gostkey.media.durable import (
    discard,
    flush_file,
    flush_folder,
    make_folder,
    read_back,
    temporary_beside,
    write_file,
)

SUFFIX = ".zip"
_LARGEST = 1 << 20
_WAITING = 16
# The earliest that the format can say; equal containers make equal copies.
_DATE = (1980, 1, 1, 0, 0, 0)


def pack(folder: str, files: Mapping[str, bytes]) -> bytes:
    """Pack a container's files, stored as they are, below a folder's name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}", _DATE)
            entry.external_attr = 0o100600 << 16
            archive.writestr(entry, files[name])
    return packed.getvalue()


def unpack(path: Path) -> dict[str, bytes]:
    """Read the files of a copy: name to content.

    Raises:
        MediumError: if it cannot be read or is no copy.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                entry.filename.rpartition("/")[2]: archive.read(entry)
                for entry in archive.infolist()
                if entry.file_size <= _LARGEST
            }
    except OSError as error:
        raise explain(error, path) from error
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise MediumError(f"{path}: is not a copy of a container: {error}") from error


class Copy:
    """A copy to be written; `error` says why it could not be."""

    def __init__(self, place: Path, data: bytes) -> None:
        """Choose the file: *place*, or with a number if another copy is there."""
        self.place = place
        self.data = data
        self.error: MediumError | None = None
        self.is_there = False
        self._beside: Path | None = None
        number = 0
        while os.path.lexists(self.place):
            # An earlier run may have made this very copy.
            if self.place.is_file() and read_back(self.place, len(data)) == data:
                self.is_there = True
                return
            number += 1
            self.place = place.with_name(f"{place.stem}-{number}{SUFFIX}")

    def create(self) -> None:
        """Write it under another name."""
        self._beside = temporary_beside(self.place)
        write_file(self._beside, self.data)

    def flush(self) -> None:
        """Wait for the medium, and compare what is on it."""
        assert self._beside is not None
        flush_file(self._beside)
        if read_back(self._beside, len(self.data)) != self.data:
            raise MediumError(
                f"{self.place.parent}: what was written does not read back the "
                "same; the disk is failing, use another one"
            )

    def rename(self) -> None:
        """Give it its name."""
        assert self._beside is not None
        os.rename(self._beside, self.place)
        self._beside = None

    def undo(self) -> None:
        """Remove what is unfinished."""
        if self._beside is not None and os.path.lexists(self._beside):
            discard(self._beside)


def write_copies(copies: Sequence[Copy]) -> None:
    """Write copies together; each is flushed and compared, or its `error` is set."""
    going = [copy for copy in copies if not copy.is_there]
    try:
        with ThreadPoolExecutor(_WAITING, "gostkey-copies") as pool:
            for copy in going:
                _attempt(copy, copy.create)
            list(pool.map(lambda copy: _attempt(copy, copy.flush), going))
            for copy in going:
                _attempt(copy, copy.rename)
    except BaseException:
        for copy in going:
            copy.undo()
        raise
    for folder in {copy.place.parent for copy in going}:
        try:
            flush_folder(folder)
        except OSError as error:
            for copy in going:
                if copy.place.parent == folder and copy.error is None:
                    copy.error = explain(error, folder)


def make_folders(*folders: Path) -> None:
    """Make the folders of copies, unless they are there.

    Raises:
        MediumError: if they cannot be made.
    """
    for folder in folders:
        try:
            make_folder(folder)
        except OSError as error:
            raise explain(error, folder) from error


def _attempt(copy: Copy, step: Callable[[], None]) -> None:
    if copy.error is not None:
        return
    try:
        step()
    except OSError as error:
        copy.error = explain(error, copy.place)
        try:
            copy.undo()
        except OSError:
            pass  # the disk may be gone; a resumed run removes the rest
