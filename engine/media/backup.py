"""Backing up all containers of a medium into one file, and bringing them back.

What an archive is, is in `archive`.  A backup takes damaged containers too: what
is left of a key may be all that there is.  Restoring overwrites nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gostkey.containers import Container, folder_name
from gostkey.errors import (
    BackupError,
    ContainerDamaged,
    ContainerError,
    GostKeyError,
    MediumError,
)

from . import durable
from .archive import LARGEST_ARCHIVE, Backup, Stored, checked_folder
from .faults import explain, explained
from .folder import FolderStore
from .image import FloppyImage
from .medium import Medium
from .own_files import read_own_files, refuse_container
from .places import open_destination, open_medium
from .registry import RegistryFile
from .switching import SET_ASIDE
from .token_use import NO_TOKENS, TokenUse, held
from .tokens import is_token_address
from .whole_file import write_whole


def collect(
    root: str | os.PathLike[str], made: datetime, tokens: TokenUse = NO_TOKENS
) -> Backup:
    """Read all containers of a medium.

    Args:
        root: of the medium, or any folder of it; a registry export, a floppy image,
            or a token's address.
        made: the moment of the backup, aware.
        tokens: what is granted for a token.

    Raises:
        MediumError: if the root cannot be read.
        ContainerError: if there is no container.
        PinRequired, WrongPin, PinBlocked: of a token.
    """
    medium = open_medium(root, tokens)
    faults: list[MediumError] = []
    missing: list[tuple[str, str]] = []
    containers: list[Stored] = []
    taken: set[str] = set()
    with held(medium):
        for place in medium.find(faults):
            try:
                files, fault = _read(medium, place)
                if not files:
                    raise MediumError(
                        fault or f"{place}: none of a container's files is in it"
                    )
            except MediumError as error:
                missing.append((_printable(place), str(error)))
                continue
            name, damage = _look_at(files)
            folder = _free(_folder_of(medium, place, name), taken)
            taken.add(folder.lower())
            containers.append(Stored(folder, name, files, fault or damage))
    identity = _printable(Path(medium.identity))
    missing += [(identity, str(fault)) for fault in faults]
    if not containers and not missing:
        raise ContainerError(f"{root}: no key containers in it; nothing to back up")
    return Backup(made, identity, tuple(containers), tuple(missing))


def _read(medium: Medium[Path], place: Path) -> tuple[dict[str, bytes], str]:
    """Read what is there of a container; and what of it cannot be read."""
    if isinstance(medium, FolderStore):
        if not _is_inside(os.path.realpath(place), os.path.realpath(medium.root)):
            raise MediumError(f"{place}: a link to a folder elsewhere")
    try:
        return medium.read_own(place), ""
    except ContainerDamaged as error:
        if isinstance(medium, RegistryFile):
            return dict(medium.entry(place).files), str(error)
        raise MediumError(str(error)) from None


def write_archive(path: Path, data: bytes) -> None:
    """Write an archive: whole or not at all, read back, over no other file.

    Raises:
        MediumError: if it cannot be written; nothing is left behind then.
    """
    write_whole(path, data, "a backup is never overwritten, choose another name")


def read_archive(path: Path) -> bytes:
    """Read an archive's bytes; `archive.unpack` checks them.

    Raises:
        MediumError: if it cannot be read or is larger than any archive.
    """
    with explained(path):
        return durable.read_file(path, LARGEST_ARCHIVE + (1 << 16))


@dataclass(frozen=True)
class Restored:
    """What became of one container of an archive."""

    stored: Stored
    place: Path | None
    """Its folder, whose name has another number if the first was taken."""
    was_there: bool = False
    """The same container was in that place already."""
    error: MediumError | ContainerError | None = None


def restore(
    backup: Backup, destination: str | os.PathLike[str] | Medium[Path]
) -> list[Restored]:
    """Write the containers of an archive into a folder that is there, or an export.

    Args:
        backup: as `archive.unpack` gave it, so every hash is good.
        destination: a folder gets the folders as they were on the medium; an
            export gets all containers for its one user.

    Raises:
        MediumError: if the destination is absent, a container, or a token, or if the
            export cannot be written.
    """
    if isinstance(destination, (str, os.PathLike)) and not is_token_address(
        destination
    ):
        destination = open_destination(destination)
    if isinstance(destination, RegistryFile):
        return _restore_export(backup, destination)
    if not isinstance(destination, FolderStore):
        what = getattr(destination, "identity", destination)
        raise MediumError(
            f"{what}: an archive is restored into a folder; "
            "`gostkey container copy` brings a container from there to a token"
        )
    store = destination
    refuse_container(store.root)
    results: dict[int, Restored] = {}
    writing: list[tuple[int, Path]] = []
    places = _Places(store.root)
    for index, stored in enumerate(backup.containers):
        try:
            place, was_there = places.choose(stored)
        except OSError as error:
            fault = explain(error, store.root / stored.folder)
            results[index] = Restored(stored, None, error=fault)
            continue
        if was_there:
            results[index] = Restored(stored, place, was_there=True)
        else:
            writing.append((index, place))
    written = store.write_many(
        [(place, backup.containers[index].files) for index, place in writing]
    )
    for (index, _), result in zip(writing, written, strict=True):
        stored = backup.containers[index]
        if isinstance(result, MediumError):
            results[index] = Restored(stored, None, error=result)
        else:
            results[index] = Restored(stored, result)
    return [results[index] for index in range(len(backup.containers))]


def _restore_export(backup: Backup, export: RegistryFile) -> list[Restored]:
    named = [(_name_of(one), one.files) for one in backup.containers]
    return [
        Restored(stored, None, error=result)
        if isinstance(result, ContainerError)
        else Restored(stored, result)
        for stored, result in zip(
            backup.containers, export.write_many(named), strict=True
        )
    ]


def _name_of(stored: Stored) -> str:
    """Return the container's name, or its folder's if that cannot be read."""
    return stored.name or _stem(stored.folder.rpartition("/")[2])


def _stem(folder: str) -> str:
    """Return NAME of NAME.000."""
    numbered = folder[-4:-3] == "." and folder[-3:].isdigit()
    return folder[:-4] if numbered else folder


def _is_inside(path: str, root: str) -> bool:
    try:
        return os.path.commonpath([path, root]) == root
    except ValueError:
        return False  # on another drive of Windows


def _look_at(files: Mapping[str, bytes]) -> tuple[str, str]:
    """Return a container's name and what is wrong with it."""
    try:
        container = Container.parse(files)
    except GostKeyError as error:
        return "", str(error)
    pairs = container.pairs if container.has_reserve else container.pairs[:1]
    return container.name, "; ".join(pair.fault for pair in pairs if pair.fault)


def _folder_of(medium: Medium[Path], place: Path, name: str) -> str:
    """Give a container's folder as on its medium, or one that every system can have."""
    if isinstance(medium, RegistryFile):
        entry = medium.entry(place)
        folder = folder_name(name or entry.name)
        several = len({medium.entry(one).sid for one in medium.find()}) > 1
        parts = [entry.sid, folder] if several else [folder]
    elif isinstance(medium, (FolderStore, FloppyImage)):
        root = Path(medium.identity)
        parts = list(place.relative_to(root).parts) or [root.name]
        # Set aside by a change that was cut off: its own name is free.
        parts[-1] = parts[-1].removeprefix(SET_ASIDE)
    else:
        # On a token it has none, and gets that which it would have.
        parts = [folder_name(name or place.name)]
    try:
        return checked_folder("/".join(parts))
    except BackupError:
        return folder_name(name or "unnamed")


def _free(folder: str, taken: set[str]) -> str:
    """Give the folder another number if that of another one is the same to FAT."""
    if folder.lower() not in taken:
        return folder
    stem = _stem(folder)
    for number in range(1000):
        candidate = f"{stem}.{number:03d}"
        if candidate.lower() not in taken:
            return candidate
    raise ContainerError(f"{stem}.000 to {stem}.999 are all taken")


class _Places:
    """Chooses folders below a root; remembers what is in each and what was chosen."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._there: dict[Path, set[str]] = {}

    def choose(self, stored: Stored) -> tuple[Path, bool]:
        """Return a free folder, or the one where the same container is; make parents.

        Names are compared without regard to case: the disk may do so.
        """
        *parents, last = checked_folder(stored.folder).split("/")
        parent = self._root
        for part in parents:
            parent = parent / part
            if parent not in self._there:
                _make_parent(parent)
        if parent not in self._there:
            self._there[parent] = {name.lower() for name in os.listdir(parent)}
        there = self._there[parent]
        candidate = last
        while candidate.lower() in there:
            if _holds(parent / candidate, stored.files):
                return parent / candidate, True
            candidate = _next(candidate, last)
        there.add(candidate.lower())
        return parent / candidate, False


def _make_parent(folder: Path) -> None:
    if folder.is_symlink():
        raise MediumError(f"{folder}: a link; it may lead out of the destination")
    durable.make_folder(folder)
    refuse_container(folder)


def _holds(place: Path, files: Mapping[str, bytes]) -> bool:
    if place.is_symlink() or not place.is_dir():
        return False
    try:
        return read_own_files(place) == dict(files)
    except MediumError:
        return False


def _next(candidate: str, first: str) -> str:
    """Give the next name to try: NAME.000, NAME.001 and so on."""
    stem = _stem(first)
    number = -1 if candidate == first else int(candidate[-3:])
    number += 1
    if f"{stem}.{number:03d}" == first:
        number += 1
    if number > 999:
        raise MediumError(f"{stem}.000 to {stem}.999 are all taken")
    return f"{stem}.{number:03d}"


def _printable(path: Path) -> str:
    """Return a path as text that can be written as UTF-8."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")
