"""Containers in a Windows registry export: a .reg file is a medium of its own.

A container in it is named by a path below the file: FILE.reg/NAME, or
FILE.reg/SID/NAME if several users have one of that name, and so on; names that
no path can have are numbered (FILE.reg/#2).  Such a file is read and made, not
changed: Windows imports it as a whole.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from gostkey.errors import ContainerDamaged, ContainerError, MediumError

from . import durable, registry_text
from .faults import explained
from .registry_text import Entry
from .whole_file import write_whole

SUFFIX = ".reg"

LARGEST_EXPORT = 64 << 20


def split_export(path: Path) -> tuple[Path, str] | None:
    """Split FILE.reg/NAME into the file and the rest; None if there is no export.

    A folder may be named so as well; what does not exist is taken for a file.
    """
    # From the top: a container may be named like a file.
    for file in (*reversed(path.parents), path):
        if file.suffix.lower() == SUFFIX and not os.path.isdir(file):
            return file, "" if file == path else str(path.relative_to(file))
    return None


class RegistryFile:
    """The containers of one .reg file.

    Args:
        path: the file, or a container in it, which is then the only one found.
        sid: the Windows user for whom containers are written.
        wow: write them to where CSP looks on Windows of 64 bits.
        replace: overwrite the file if it exists.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        sid: str | None = None,
        wow: bool = True,
        replace: bool = False,
    ) -> None:
        whole = Path(path).absolute()
        self.file, self.wanted = split_export(whole) or (whole, "")
        self.sid = sid
        self.wow = wow
        self.replace = replace
        self._known: tuple[tuple[int, ...], list[tuple[Path, Entry]]] | None = None

    @staticmethod
    def holds(path: Path) -> bool:
        """Say whether a path names an export or what would be in one."""
        return split_export(path) is not None

    @property
    def identity(self) -> str:
        """The absolute path of the file."""
        return str(self.file)

    def __repr__(self) -> str:
        return f"RegistryFile({str(self.file)!r})"

    def find(self, unreadable: list[MediumError] | None = None) -> Iterator[Path]:
        """Yield a place for each container, whole or not, in the file's order.

        Raises:
            MediumError: if the file cannot be read or is no export.
        """
        entries = self._entries()
        if self.wanted:
            yield self._one(self.file / self.wanted)[0]
            return
        for place, _ in entries:
            yield place

    def read(self, place: Path) -> dict[str, bytes]:
        """Read a container's files; see `Medium.read`."""
        return self._files(place)

    def read_own(self, place: Path) -> dict[str, bytes]:
        """Read a container's files, from the file as it is now."""
        self._known = None
        return self._files(place)

    def entry(self, place: Path) -> Entry:
        """Return a container with its key and user."""
        return self._one(place)[1]

    def write(
        self, name: str, files: Mapping[str, bytes], place: Path | None = None
    ) -> Path:
        """Write an export with this one container.

        Raises:
            MediumError: if the file exists (and is not to be replaced) or cannot
                be written, or no user was named.
            ContainerError: if no registry key can have the name.
        """
        if place is not None and place != self.file / name:
            raise MediumError(f"{place}: a container in {self.file} is named {name}")
        (made,) = self.write_many([(name, files)])
        if isinstance(made, Exception):
            raise made
        return made

    def write_many(
        self, containers: Iterable[tuple[str, Mapping[str, bytes]]]
    ) -> list[Path | ContainerError]:
        """Write an export with these containers.

        Args:
            containers: name and files of each.

        Returns:
            For each its place, or why it cannot be in an export; the others are
            written then.

        Raises:
            MediumError: if the file exists (and is not to be replaced) or cannot
                be written, or no user was named.
        """
        if self.sid is None:
            raise MediumError(
                f"{self.file}: for which Windows user? name the SID (--sid), which "
                "`whoami /user` shows on the machine that shall get the container"
            )
        results: list[Path | ContainerError] = []
        keys: dict[str, Mapping[str, bytes]] = {}
        taken: set[str] = set()
        for name, files in containers:
            try:
                key = registry_text.key_path(name, self.sid, wow=self.wow)
                if key.casefold() in taken:
                    raise ContainerError(
                        f"container {name!r}: another one of that name goes into the "
                        "export, where a user can have only one; copy it into an "
                        "export of its own with --name"
                    )
            except ContainerError as error:
                results.append(error)
                continue
            taken.add(key.casefold())
            keys[key] = files
            results.append(self.file)
        if keys:
            places = iter(self._write(keys))
            results = [
                one if isinstance(one, Exception) else next(places) for one in results
            ]
        return results

    def _write(self, keys: Mapping[str, Mapping[str, bytes]]) -> list[Path]:
        write_whole(
            self.file,
            registry_text.build(keys),
            "no file with keys is overwritten unless that is asked for (--force)",
            replace=self.replace,
        )
        self._known = None
        made = self._entries()
        if [(one.key, one.files) for _, one in made] != [
            (key, dict(files)) for key, files in keys.items()
        ] or any(one.faults for _, one in made):
            raise MediumError(
                f"{self.file}: the container in it is not the one that was written; "
                "throw the file away and use another disk"
            )
        return [place for place, _ in made]

    def successor(
        self, place: Path, out: str | os.PathLike[str], *, replace: bool = False
    ) -> Callable[[Mapping[str, bytes]], Path]:
        """Return what writes a container of this export into a new one, changed.

        It has the same name there and is for the same user and part of the registry,
        so that importing it puts it in place of the old one.

        Args:
            place: the container here.
            out: the new file.
            replace: overwrite it if it exists.

        Raises:
            MediumError: if the new file is this one.
        """
        entry = self.entry(place)
        target = RegistryFile(out, sid=entry.sid, wow=entry.wow, replace=replace)
        if os.path.realpath(target.file) == os.path.realpath(self.file):
            raise MediumError(f"{target.file}: is what is read; name another file")
        return partial(target.write, entry.name)

    def remove(self, place: Path, *, whole: bool = False) -> None:
        """Refuse: an export is made as a whole and not changed.

        Raises:
            MediumError: always, with what to do.
        """
        raise MediumError(
            f"{self.file}: nothing is removed from a registry export; delete the whole "
            "file, or make another one without the container"
        )

    def free_space(self) -> int:
        """Return the bytes that can still be written."""
        with explained(self.file.parent):
            return shutil.disk_usage(self.file.parent).free

    # -- inside ----------------------------------------------------------

    def _files(self, place: Path) -> dict[str, bytes]:
        try:
            return self.entry(place).checked()
        except ContainerDamaged as error:
            raise ContainerDamaged(f"{self.file}: {error}") from None

    def _one(self, place: Path) -> tuple[Path, Entry]:
        """Find the container that a path names."""
        entries = self._entries()
        path = self.file / place
        if path == self.file and len(entries) == 1:
            return entries[0]
        for known, entry in entries:
            if known == path:
                return known, entry
        tail = "" if path == self.file else str(path.relative_to(self.file))
        tail = tail.replace(os.sep, "/").casefold()
        matching = [one for one in entries if not tail or tail in _tails(one[1])]
        if len(matching) == 1:
            return matching[0]
        names = [str(known) for known, _ in matching or entries]
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        if not names:
            raise ContainerError(f"{self.file}: no key containers in it")
        if matching:
            raise ContainerError(
                f"{path}: {len(matching)} containers; name one: {shown}"
            )
        raise ContainerError(f"{path}: no such container; there are: {shown}")

    def _entries(self) -> list[tuple[Path, Entry]]:
        with explained(self.file):
            about = os.stat(self.file)
            state = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
            if self._known is not None and self._known[0] == state:
                return self._known[1]
            data = durable.read_file(self.file, LARGEST_EXPORT)
        try:
            entries = registry_text.parse(data)
        except MediumError as error:
            raise MediumError(f"{self.file}: {error}") from None
        self._known = state, self._placed(entries)
        return self._known[1]

    def _placed(self, entries: list[Entry]) -> list[tuple[Path, Entry]]:
        """Give every container the shortest path that is only its own."""
        tails = [_tails(entry) for entry in entries]
        count = Counter(tail for its in tails for tail in set(its))
        placed = []
        for number, (entry, its) in enumerate(zip(entries, tails, strict=True), 1):
            words = (entry.name, entry.sid, registry_text.WOW, "")
            chosen = f"#{number}"
            for length, tail in enumerate(its, 1):
                if count[tail] == 1:
                    chosen = "/".join(reversed(words[:length]))
                    break
            placed.append((self.file / chosen, entry))
        return placed


def _tails(entry: Entry) -> list[str]:
    """Return the paths that may name a container: NAME, SID/NAME, and so on."""
    for word in (entry.name, entry.sid):
        if (
            word in (".", "..")
            or "/" in word
            or ":" in word
            or "\0" in word
            or word != word.strip()
        ):
            return []
    parts = [entry.name, entry.sid, *([registry_text.WOW] if entry.wow else [])]
    parts = [part.casefold() for part in parts]
    return ["/".join(reversed(parts[: n + 1])) for n in range(len(parts))]
