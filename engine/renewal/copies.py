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
from collections.abc import Mapping, Sequence
from pathlib import Path

from gostkey.errors import MediumError
from gostkey.media import explain
from gostkey.media.durable import (
    discard,
    flush_and_compare,
    make_folder,
    read_back,
    temporary_beside,
    write_file,
)
from gostkey.media.groups import Job, flush_parents, go_over

SUFFIX = ".zip"
_LARGEST = 1 << 20
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


class Copy(Job):
    """A copy to be written; `error` says why it could not be."""

    def __init__(self, place: str, data: bytes) -> None:
        """Choose the file: *place*, or with a number if another copy is there."""
        path, number = place, 0
        self.is_there = False
        while os.path.lexists(path):
            # An earlier run may have made this very copy.
            if os.path.isfile(path) and read_back(path, len(data)) == data:
                self.is_there = True
                break
            number += 1
            path = f"{place.removesuffix(SUFFIX)}-{number}{SUFFIX}"
        self.place = path
        self.data = data
        self._beside = temporary_beside(path)

    def create(self) -> None:
        """Write it under another name."""
        write_file(self._beside, self.data)

    def flush(self) -> None:
        """Wait for the medium, and compare what is on it."""
        if not flush_and_compare(self._beside, self.data):
            raise MediumError(
                f"{os.path.dirname(self.place)}: what was written does not read back "
                "the same; the disk is failing, use another one"
            )

    def rename(self) -> None:
        """Give it its name."""
        os.rename(self._beside, self.place)

    def undo(self) -> None:
        """Remove what is unfinished."""
        if os.path.lexists(self._beside):
            discard(self._beside)


def write_copies(copies: Sequence[Copy]) -> None:
    """Write copies together; each is flushed and compared, or its `error` is set."""
    going = [copy for copy in copies if not copy.is_there]
    go_over(going, (Copy.create, Copy.flush, Copy.rename), waiting=(Copy.flush,))
    flush_parents(going)


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
