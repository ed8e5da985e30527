"""Containers in folders of a disk, a removable disk or a share.

New containers are written to a temporary folder beside their place and
renamed; an existing one is never overwritten.  Only header.key is ever
replaced (to install a certificate), and the old one is kept beside until the
new one was read back.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from gostkey.containers import FILES, folder_name
from gostkey.errors import MediumError

from . import durable
from .faults import explain, explained
from .groups import (
    OLD_HEADER,
    Replacing,
    Writing,
    read_container,
    read_public_files,
    replace_headers,
    settle,
    write_containers,
)
from .looking import NUMBERED, Walk
from .own_files import read_own_files
from .switching import SET_ASIDE, rewrite_container, settle_switch

DEPTH = 4
"""Levels of folders below the root in which containers are looked for."""

PUBLIC_FILES = frozenset({"name.key", "header.key"})
"""Without one of them a container is half-written."""


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
        with explained(self.root):
            os.stat(self.root)
            os.listdir(self.root)
        for seen in Walk(self.depth).through(str(self.root), unreadable):
            yield Path(seen.folder)

    def find_public(
        self, unreadable: list[MediumError] | None = None
    ) -> Iterator[tuple[Path, dict[str, bytes] | MediumError]]:
        """Yield the containers with what `read_public` gives, or why it cannot be read.

        That is `find` and `read_public`, with fewer waits for the disk.

        Raises:
            MediumError: if the root itself cannot be read.
        """
        with explained(self.root):
            os.stat(self.root)
            os.listdir(self.root)
        walk = Walk(self.depth, public=True)
        for seen in walk.through(str(self.root), unreadable):
            yield Path(seen.folder), seen.error or seen.files

    def read(self, place: Path) -> dict[str, bytes]:
        """Read the files of a container: lower-case name to content.

        Other files in the folder are left alone.

        Args:
            place: the folder; a relative path is one below the root.

        Raises:
            MediumError: if it cannot be read, or a file has over 64 KiB.
        """
        return read_container(self.root / place)

    def read_public(self, place: Path) -> dict[str, bytes]:
        """Read name.key and header.key; what else is there is left empty.

        Raises:
            MediumError: as `read`.
        """
        return read_public_files(self.root / place)

    def read_own(self, place: Path) -> dict[str, bytes]:
        """Read a container's files, none of which may be a link or there twice.

        Raises:
            MediumError: naming the file.
        """
        return read_own_files(self.root / place)

    def free_space(self) -> int:
        """Return the bytes that can still be written."""
        with explained(self.root):
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
        with explained(self.root):
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
            return _one(self.write_many([(place, files)]))
        # Two threads with names of the same beginning must not choose the same.
        with self._lock:
            folder = self.choose(name, frozenset(self._claimed))
            self._claimed.add(folder.name)
        try:
            return _one(self.write_many([(folder, files)]))
        finally:
            with self._lock:
                self._claimed.discard(folder.name)

    def write_many(
        self, containers: Iterable[tuple[str | Path, Mapping[str, bytes]]]
    ) -> list[Path | MediumError]:
        """Write new containers together, which waits for the disk less often.

        Args:
            containers: place and files of each, as for `write`.

        Returns:
            For each its folder, or why it could not be written.
        """
        root = str(self.root)
        writings = [
            Writing(os.path.join(root, str(place).rstrip(os.sep)), files)
            for place, files in containers
        ]
        for writing in writings:
            parent = os.path.dirname(writing.place)
            if parent != root:
                try:
                    durable.make_folder(Path(parent))
                except OSError as error:
                    writing.error = explain(error, Path(parent))
        write_containers(writings)
        return [writing.error or Path(writing.place) for writing in writings]

    def remove(self, place: Path, *, whole: bool = False) -> None:
        """Remove a half-written container, or a whole one if *whole* says so.

        Its files are overwritten, the keys first; other files in the folder stay,
        and then the folder does too.

        Raises:
            MediumError: if it is a whole container or none, a link, or it cannot be
                removed.
        """
        folder = self.root / place
        with explained(folder):
            if folder.is_symlink():
                raise MediumError(f"{folder}: a link; remove the folder it leads to")
            names = {name.lower(): name for name in os.listdir(folder)}
            own = [name for name in FILES if name in names]
            if not own:
                raise MediumError(f"{folder}: none of a container's files is in it")
            if not whole and not PUBLIC_FILES.difference(own):
                raise MediumError(
                    f"{folder}: a whole container; make a backup first, then say that "
                    "it shall be removed although it is whole"
                )
            for name in sorted(own, key=lambda one: one in PUBLIC_FILES):
                durable.discard(folder / names[name])
            if not os.listdir(folder):
                folder.rmdir()
            durable.flush_folder(folder.parent)

    def replace_header(self, place: Path, header: bytes) -> Path:
        """Replace header.key of a container, whole or not at all.

        Until the new one was read back the old one stays beside it, as
        ".gostkey-old-header.key"; a failure puts it back.

        Returns:
            The folder.

        Raises:
            MediumError: if it cannot be written; the old header is in place
                (or the new one, if only a last flush failed).
        """
        return _one(self.replace_headers([(place, header)]))

    def replace_headers(
        self, headers: Iterable[tuple[str | Path, bytes]]
    ) -> list[Path | MediumError]:
        """Replace the headers of many containers together.

        Returns:
            For each its folder, or why its header could not be replaced.
        """
        replacings = [
            Replacing(str(self.root / place), header) for place, header in headers
        ]
        replace_headers(replacings)
        return [one.error or Path(one.place) for one in replacings]

    def rewrite(
        self, place: Path, old: Mapping[str, bytes], new: Mapping[str, bytes]
    ) -> Path:
        """Replace a container's files, all of them or none; see `rewrite_container`."""
        return rewrite_container(self.root / place, old, new)

    def archive(self, place: Path, archive_root: str | os.PathLike[str]) -> Path:
        """Copy a container into an archive folder and compare; leave it in place.

        An equal copy that is there already is taken for the archive's.

        Returns:
            The copy's folder: of the same name, or of one with another number
            if another container has that name in the archive.

        Raises:
            MediumError: if it cannot be read or copied.
        """
        return _one(self.archive_many([place], archive_root))

    def archive_many(
        self, places: Iterable[Path], archive_root: str | os.PathLike[str]
    ) -> list[Path | MediumError]:
        """Archive containers together; see `archive`.

        Returns:
            For each its copy's folder, or why it could not be archived.
        """
        archive = FolderStore(archive_root)
        with explained(archive.root):
            durable.make_folder(archive.root)
            there = {name.lower() for name in os.listdir(archive.root)}
        results: list[Path | MediumError] = []
        writings: list[tuple[int, Writing]] = []
        for place in places:
            try:
                files = self.read(place)
                copy = archive._place_of_copy((self.root / place).name, files, there)
            except MediumError as error:
                results.append(error)
                continue
            if copy.name.lower() not in there:
                there.add(copy.name.lower())
                writings.append((len(results), Writing(str(copy), files)))
            results.append(copy)
        write_containers([writing for _, writing in writings])
        for index, writing in writings:
            results[index] = writing.error or Path(writing.place)
        return results

    def _place_of_copy(
        self, name: str, files: Mapping[str, bytes], there: AbstractSet[str]
    ) -> Path:
        """Return a free folder for a copy, or the one that is this copy."""
        stem = name[:-4] if NUMBERED.fullmatch(name) else name
        for candidate in (name, *(f"{stem}.{number:03d}" for number in range(1000))):
            copy = self.root / candidate
            if candidate.lower() not in there or (
                copy.is_dir() and self.read(copy) == files
            ):
                return copy
        raise MediumError(
            f"{self.root}: {stem}.000 to {stem}.999 are all taken; "
            "choose another archive folder"
        )

    # -- after a crash ---------------------------------------------------

    def clean_leftovers(self, older_than: float = 3600.0) -> list[Path]:
        """Finish or remove what a crash left below the root.

        Unfinished folders and files are removed; a header whose replacement
        was not finished is kept if it is good, else the old one is put back; so
        is a container that was set aside and has no successor.

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
            with explained(folder):
                for name in sorted(os.listdir(folder)):
                    path = folder / name
                    ours = name.startswith((durable.TEMPORARY, SET_ASIDE))
                    ours = ours or name == OLD_HEADER
                    if not ours or path.lstat().st_mtime > newest:
                        continue
                    if name == OLD_HEADER:
                        settle(str(folder))
                    elif name.startswith(SET_ASIDE):
                        try:
                            settle_switch(folder / name[len(SET_ASIDE) :])
                        except MediumError as error:
                            if error.errno is None:
                                continue  # two different ones: a person must look
                            raise
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
                    and not entry.name.startswith((durable.TEMPORARY, SET_ASIDE))
                )
        except OSError:
            return
        for name in inner:
            yield folder / name
            if level < self.depth:
                yield from self._folders(folder / name, level + 1)


def _one(results: list[Path | MediumError]) -> Path:
    (result,) = results
    if isinstance(result, MediumError):
        raise result
    return result
