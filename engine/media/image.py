"""Containers on an image of a floppy disk (.img, .ima), which is only read.

A container in it is named by a path below the file: FILE.img/IVANOV.000.  Names
are compared without regard to case, as DOS does; a name that no path can have is
shown by its short form, or numbered.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from gostkey.containers import FILES, LARGEST_FILE
from gostkey.errors import ContainerError, MediumError

from . import durable
from .fat import Entry, FatDisk
from .faults import explained

SUFFIXES = (".img", ".ima")

LARGEST_IMAGE = 64 << 20

DEPTH = 4
"""Levels of folders below the root, as in `folder`."""

_NUMBERED = re.compile(r".+\.[0-9]{3}")


def split_image(path: Path) -> tuple[Path, str] | None:
    """Split FILE.img/FOLDER into the file and the rest; None if there is no image."""
    for file in (*reversed(path.parents), path):
        if file.suffix.lower() in SUFFIXES and os.path.isfile(file):
            return file, "" if file == path else str(path.relative_to(file))
    return None


class FloppyImage:
    """The containers on one image.

    Args:
        path: the file, or a container in it, which is then the only one found.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        whole = Path(path).absolute()
        self.file, self.wanted = split_image(whole) or (whole, "")
        self._known: tuple[tuple[int, ...], FatDisk] | None = None

    @property
    def identity(self) -> str:
        """The absolute path of the file."""
        return str(self.file)

    def __repr__(self) -> str:
        return f"FloppyImage({str(self.file)!r})"

    def find(self, unreadable: list[MediumError] | None = None) -> Iterator[Path]:
        """Yield a place for each container, whole or not, in order of names.

        What is one is told as `FolderStore.find` does.

        Raises:
            MediumError: if the file cannot be read or is no floppy image.
        """
        if self.wanted:
            yield self._one(self.file / self.wanted)[0]
            return
        for place, _ in self._found(unreadable):
            yield place

    def read(self, place: Path) -> dict[str, bytes]:
        """Read a container's files; see `Medium.read`."""
        return self._files(self._one(place))

    def read_own(self, place: Path) -> dict[str, bytes]:
        """Read a container's files from the image as it is now, none of them double.

        Raises:
            MediumError: naming the file.
        """
        self._known = None
        where, entries = self._one(place)
        seen = set()
        for entry in entries:
            name = entry.name.lower()
            if name in FILES and name in seen:
                raise MediumError(f"{where}: {name} is there twice on the image")
            seen.add(name)
        return self._files((where, entries))

    def write(
        self, name: str, files: Mapping[str, bytes], place: Path | None = None
    ) -> Path:
        """Refuse: an image is only read.

        Raises:
            MediumError: always.
        """
        raise MediumError(
            f"{self.file}: a floppy image is only read; name a folder, such as the "
            "root of a removable disk"
        )

    def remove(self, place: Path, *, whole: bool = False) -> None:
        """Refuse: an image is only read.

        Raises:
            MediumError: always.
        """
        raise MediumError(
            f"{self.file}: a floppy image is only read; delete the file if nothing on "
            "it is needed any more"
        )

    def free_space(self) -> int:
        """Return 0, as nothing can be written."""
        return 0

    # -- inside ----------------------------------------------------------

    def _files(self, found: tuple[Path, list[Entry]]) -> dict[str, bytes]:
        place, entries = found
        disk = self._disk()
        # The first of a name, as DOS would find it.
        by_name = {one.name.lower(): one for one in reversed(entries)}
        files = {}
        for name in FILES:
            if name not in by_name:
                continue
            if by_name[name].size > LARGEST_FILE:
                raise MediumError(
                    f"{place / name}: {by_name[name].size} bytes; at most "
                    f"{LARGEST_FILE} are read"
                )
            try:
                files[name] = disk.read(by_name[name])
            except MediumError as error:
                raise MediumError(f"{place}: {error}") from None
        return files

    def _one(self, place: Path) -> tuple[Path, list[Entry]]:
        """Find the container that a path names: its place, and its files."""
        found = list(self._found(None))
        path = self.file / place
        if path == self.file and len(found) == 1:
            return found[0]
        for known in found:
            if str(known[0]).casefold() == str(path).casefold():
                return known
        names = [str(known) for known, _ in found]
        if not names:
            raise ContainerError(f"{self.file}: no key containers in it")
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        if path == self.file:
            raise ContainerError(f"{path}: {len(names)} containers; name one: {shown}")
        raise ContainerError(f"{path}: no such container; there are: {shown}")

    def _found(
        self, unreadable: list[MediumError] | None
    ) -> Iterator[tuple[Path, list[Entry]]]:
        yield from self._below(self._disk(), self.file, None, 0, set(), unreadable)

    def _below(
        self,
        disk: FatDisk,
        place: Path,
        folder: Entry | None,
        level: int,
        seen: set[int],
        unreadable: list[MediumError] | None,
    ) -> Iterator[tuple[Path, list[Entry]]]:
        try:
            entries = disk.entries(folder)
        except MediumError as error:
            if unreadable is not None:
                unreadable.append(MediumError(f"{place}: {error}"))
            return
        files = [one for one in entries if not one.is_folder]
        inner = [one for one in entries if one.is_folder]
        named_like_one = level and not inner and _NUMBERED.fullmatch(place.name)
        if named_like_one or any(one.name.lower() in FILES for one in files):
            yield place, files
        elif level < DEPTH:
            for name, entry in _named(inner):
                # A damaged disk may have a folder in itself.
                if entry.first not in seen:
                    seen.add(entry.first)
                    yield from self._below(
                        disk, place / name, entry, level + 1, seen, unreadable
                    )

    def _disk(self) -> FatDisk:
        with explained(self.file):
            about = os.stat(self.file)
            state = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
            if self._known is not None and self._known[0] == state:
                return self._known[1]
            data = durable.read_file(self.file, LARGEST_IMAGE)
        try:
            self._known = state, FatDisk(data)
        except MediumError as error:
            raise MediumError(f"{self.file}: {error}") from None
        return self._known[1]


def _named(folders: list[Entry]) -> list[tuple[str, Entry]]:
    """Give every folder a name that a path can have and that is only its own."""
    taken: set[str] = set()
    named = []
    for number, one in enumerate(sorted(folders, key=lambda one: one.name), 1):
        chosen = f"#{number}"
        for name in (one.name, one.short):
            if _is_plain(name) and name.casefold() not in taken:
                chosen = name
                break
        taken.add(chosen.casefold())
        named.append((chosen, one))
    return named


def _is_plain(name: str) -> bool:
    return (
        name == name.strip()
        and name not in ("", ".", "..")
        and not any(ord(one) < 32 or one in '/\\:"*?<>|' for one in name)
    )
