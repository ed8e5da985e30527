"""Containers in folders of a disk, a removable disk or a share.

New containers are written to a temporary folder beside their place and
renamed; an existing one is never overwritten.  Only header.key is ever
replaced (to install a certificate), and the old one is kept beside until the
new one was read back.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gostkey.containers import FILES, LARGEST_FILE, Container, folder_name
from gostkey.errors import GostKeyError, MediumError

from . import durable

DEPTH = 4
"""Levels of folders below the root in which containers are looked for."""

OLD_HEADER = ".gostkey-old-header.key"
"""The header before a replacement that was not finished."""

_NUMBERED = re.compile(r".+\.[0-9]{3}")
_HEADER = "header.key"


class FolderStore:
    """Containers below one folder; all methods may be called from several threads."""

    def __init__(self, root: str | os.PathLike[str], *, depth: int = DEPTH) -> None:
        self.root = Path(root).absolute()
        self.depth = depth
        self._lock = threading.Lock()
        self._claimed: set[str] = set()

    @property
    def identity(self) -> str:
        """The absolute path of the root."""
        return str(self.root)

    def __repr__(self) -> str:
        return f"FolderStore({str(self.root)!r})"

    # -- looking ---------------------------------------------------------

    def find(self, unreadable: list[MediumError] | None = None) -> Iterator[Path]:
        """Yield the folders that are containers, in order of names.

        A container is a folder with any of the six files in it, or one named
        NAME.000 that has no folders in it; whether it is whole is for
        `Container.parse` to say.  The root itself can be one.

        Args:
            unreadable: gets an error for each folder that cannot be looked into.

        Raises:
            MediumError: if the root itself cannot be read.
        """
        with _explained(self.root):
            os.stat(self.root)
            os.listdir(self.root)
        seen: set[tuple[int, int]] = set()
        yield from self._find(self.root, 0, seen, unreadable)

    def _find(
        self,
        folder: Path,
        level: int,
        seen: set[tuple[int, int]],
        unreadable: list[MediumError] | None,
    ) -> Iterator[Path]:
        try:
            about = os.stat(folder)
            # Links may lead round in a circle; Windows gives no inode: (0, 0).
            here = (about.st_dev, about.st_ino)
            if here in seen and here[1]:
                return
            seen.add(here)
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
            files = {entry.name.lower() for entry in entries if not _is_folder(entry)}
        except OSError as error:
            if unreadable is not None:
                unreadable.append(explain(error, folder))
            return
        inner = [
            entry.name
            for entry in entries
            if _is_folder(entry) and not entry.name.startswith(durable.TEMPORARY)
        ]
        named_like_one = level and not inner and _NUMBERED.fullmatch(folder.name)
        if files.intersection(FILES) or named_like_one:
            yield folder
        elif level < self.depth:
            for name in inner:
                yield from self._find(folder / name, level + 1, seen, unreadable)

    def read(self, place: Path) -> dict[str, bytes]:
        """Read the files of a container: lower-case name to content.

        Other files in the folder are left alone.

        Args:
            place: the folder; a relative path is one below the root.

        Raises:
            MediumError: if it cannot be read, or a file has over 64 KiB.
        """
        folder = self.root / place
        with _explained(folder):
            return {
                name: durable.read_file(path, LARGEST_FILE)
                for name, path in _files_in(folder).items()
            }

    def free_space(self) -> int:
        """Return the bytes that can still be written."""
        with _explained(self.root):
            return shutil.disk_usage(self.root).free

    # -- writing ---------------------------------------------------------

    def choose(self, name: str, taken: frozenset[str] = frozenset()) -> Path:
        """Choose a free folder in the root for a container of that name.

        Args:
            name: container name.
            taken: folder names that are to be left free as well.

        Raises:
            ContainerError: if there is no free one.
        """
        with _explained(self.root):
            return self.root / folder_name(name, {*os.listdir(self.root), *taken})

    def write(
        self, name: str, files: Mapping[str, bytes], place: Path | None = None
    ) -> Path:
        """Write a new container: whole or not at all.

        Args:
            name: container name, from which the folder's name is made.
            files: the container.
            place: folder to make, in the root or below, if that was settled
                before; must not exist.

        Returns:
            The folder; its files were flushed to the medium and read back.

        Raises:
            MediumError: if the place exists or it cannot be written there;
                nothing is left behind then (or the whole container, if only
                the very last flush failed).
        """
        if place is not None:
            return self._write(self.root / place, files)
        # Two threads with names of the same beginning must not choose the same.
        with self._lock:
            folder = self.choose(name, frozenset(self._claimed))
            self._claimed.add(folder.name)
        try:
            return self._write(folder, files)
        finally:
            with self._lock:
                self._claimed.discard(folder.name)

    def _write(self, folder: Path, files: Mapping[str, bytes]) -> Path:
        with _explained(folder):
            if folder.parent != self.root:
                durable.make_folder(folder.parent)
            _refuse_existing(folder)
            beside = durable.temporary_beside(folder)
            try:
                durable.write_folder(beside, files)
                self._compare(beside, files)
                _refuse_existing(folder)
                os.rename(beside, folder)
            except BaseException:
                if beside.is_dir():
                    durable.discard(beside)
                raise
            durable.flush_folder(folder.parent)
        return folder

    def _compare(self, folder: Path, files: Mapping[str, bytes]) -> None:
        for name in files:
            durable.forget_cached(folder / name)
        if self.read(folder) != dict(files):
            raise MediumError(
                f"{folder.parent}: what was written does not read back the same; "
                "the medium is failing, use another one"
            )

    def replace_header(self, place: Path, header: bytes) -> None:
        """Replace header.key of a container, whole or not at all.

        Until the new one was read back the old one stays beside it, as
        ".gostkey-old-header.key"; a failure puts it back.

        Raises:
            MediumError: if it cannot be written; the old header is in place.
        """
        folder = self.root / place
        with _explained(folder):
            if (folder / OLD_HEADER).exists():
                self._settle(folder)
            current = _header_in(folder)
            old = durable.read_file(current, LARGEST_FILE)
            if old != header:
                self._replace(current, old, header)

    def _replace(self, current: Path, old: bytes, new: bytes) -> None:
        folder = current.parent
        kept = folder / OLD_HEADER
        beside = durable.temporary_beside(current)
        try:
            durable.write_file(kept, old)
            durable.write_file(beside, new)
            durable.flush_folder(folder)
            os.replace(beside, current)
        except BaseException:
            _remove_if_there(beside)
            _remove_if_there(kept)
            raise
        durable.flush_folder(folder)
        durable.forget_cached(current)
        if durable.read_file(current, LARGEST_FILE) != new:
            os.replace(kept, current)
            durable.flush_folder(folder)
            raise MediumError(
                f"{current}: what was written does not read back the same and "
                "the old file was put back; the medium is failing, use another one"
            )
        kept.unlink()
        durable.flush_folder(folder)

    def archive(self, place: Path, archive_root: str | os.PathLike[str]) -> Path:
        """Copy a container into an archive folder and compare; leave it in place.

        An equal copy that is there already is taken for the archive's.

        Returns:
            The copy's folder: of the same name, or of one with another number
            if another container has that name in the archive.

        Raises:
            MediumError: if it cannot be read or copied.
        """
        folder = self.root / place
        files = self.read(folder)
        archive = FolderStore(archive_root)
        with _explained(archive.root):
            durable.make_folder(archive.root)
            copy = archive.root / folder.name
            stem = folder.stem if _NUMBERED.fullmatch(folder.name) else folder.name
            for number in range(1000):
                if not os.path.lexists(copy):
                    return archive._write(copy, files)
                if copy.is_dir() and archive.read(copy) == files:
                    return copy
                copy = archive.root / f"{stem}.{number:03d}"
        raise MediumError(
            f"{archive.root}: {stem}.000 to {stem}.999 are all taken; "
            "choose another archive folder"
        )

    # -- after a crash ---------------------------------------------------

    def clean_leftovers(self, older_than: float = 3600.0) -> list[Path]:
        """Finish or remove what a crash left below the root.

        Unfinished folders and files are removed; a header whose replacement
        was not finished is kept if it is good, else the old one is put back.

        Args:
            older_than: seconds; what is younger may be another process's work.
                0 if nobody else can be at work here.

        Returns:
            What was removed or put in order.

        Raises:
            MediumError: if the medium does not allow it.
        """
        done: list[Path] = []
        newest = time.time() - older_than
        for folder in (self.root, *self._folders(self.root, 1)):
            with _explained(folder):
                for name in sorted(os.listdir(folder)):
                    path = folder / name
                    ours = name.startswith(durable.TEMPORARY) or name == OLD_HEADER
                    if not ours or path.lstat().st_mtime > newest:
                        continue
                    if name == OLD_HEADER:
                        self._settle(folder)
                    else:
                        durable.discard(path)
                    done.append(path)
        return done

    def _folders(self, folder: Path, level: int) -> Iterator[Path]:
        """Yield the folders in which containers may be, links excepted."""
        try:
            with os.scandir(folder) as scan:
                inner = sorted(
                    entry.name
                    for entry in scan
                    if entry.is_dir(follow_symlinks=False)
                    and not entry.name.startswith(durable.TEMPORARY)
                )
        except OSError:
            return
        for name in inner:
            yield folder / name
            if level < self.depth:
                yield from self._folders(folder / name, level + 1)

    def _settle(self, folder: Path) -> None:
        kept = folder / OLD_HEADER
        try:
            Container.parse(self.read(folder))
        except GostKeyError:
            os.replace(kept, _header_in(folder))
        else:
            kept.unlink()
        durable.flush_folder(folder)


_CURES: dict[int, Callable[[Path], str]] = {
    errno.ENOSPC: lambda folder: (
        f"the disk is full: {_free(folder)}; delete files or use another medium"
    ),
    errno.EDQUOT: lambda _: "the disk quota is used up; delete files or have it raised",
    errno.EROFS: lambda _: (
        "the medium is read-only; release its write protection or mount it for writing"
    ),
    errno.EACCES: lambda _: "access is denied; give this user the right to it",
    errno.EPERM: lambda _: "access is denied; give this user the right to it",
    errno.ENOENT: lambda _: (
        "it is not there; is the medium inserted and the name right"
    ),
    errno.ENOTDIR: lambda _: "it is a file and not a folder",
    errno.EEXIST: lambda _: "it exists already; a container is never overwritten",
    errno.ENOTEMPTY: lambda _: "it exists already; a container is never overwritten",
    errno.EIO: lambda _: "the medium fails; copy what is readable and use another one",
    errno.ENODEV: lambda _: "the medium was removed; insert it again",
    errno.ENXIO: lambda _: "the medium was removed; insert it again",
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
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise explain(error, folder) from error


def _free(folder: Path) -> str:
    """Say how much is free and how much a container takes, in whole blocks."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
        block = os.statvfs(folder).f_frsize if hasattr(os, "statvfs") else 4096
    except OSError:
        return "free space for a container"
    return f"free {(len(FILES) + 2) * block} bytes ({free} are free now)"


def _files_in(folder: Path) -> dict[str, Path]:
    """Find the container's files, whose names a FAT disk may show in capitals."""
    names = {name.lower(): name for name in os.listdir(folder)}
    return {name: folder / names[name] for name in FILES if name in names}


def _header_in(folder: Path) -> Path:
    return _files_in(folder).get(_HEADER, folder / _HEADER)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _refuse_existing(folder: Path) -> None:
    if os.path.lexists(folder):
        raise MediumError(
            f"{folder}: exists already; a container is never overwritten, "
            "choose another place"
        )


def _remove_if_there(path: Path) -> None:
    if os.path.lexists(path):
        durable.discard(path)
