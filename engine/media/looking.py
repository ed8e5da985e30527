"""Containers below a folder, found and read ahead.

On a cold disk every folder and every file that is opened is a wait.  So some folders
that come next are looked into side by side, and what is public in them is read in
the same go: the disk then has several requests at a time to choose from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from gostkey.containers import FILES
from gostkey.errors import MediumError

from . import durable
from .faults import explain
from .groups import WAITING, public_files
from .switching import SET_ASIDE

AHEAD = 128
"""Folders that are looked into before the first of them is handed out."""

ALONE = 8
"""So few folders are not worth the threads."""

NUMBERED = re.compile(r".+\.[0-9]{3}")


@dataclass
class Seen:
    """What is in one folder; paths are strings, as objects of pathlib are felt."""

    folder: str
    identity: tuple[int, int] = (0, 0)
    """Device and inode."""
    inner: Sequence[str] = ()
    """Names of the folders in it."""
    is_container: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    """name.key and header.key, if they were asked for; the others are empty."""
    error: MediumError | None = None
    """Why it cannot be looked into, or the container's files not be read."""


class Walk:
    """Looks through folders for containers.

    Args:
        depth: levels of folders below the root.
        public: read the public files of containers too.
    """

    def __init__(self, depth: int, *, public: bool = False) -> None:
        self._depth = depth
        self._public = public
        self._been: set[tuple[int, int]] = set()
        self._pool: ThreadPoolExecutor | None = None

    def through(
        self, root: str, unreadable: list[MediumError] | None = None
    ) -> Iterator[Seen]:
        """Yield the containers in order of names; the root itself can be one.

        Args:
            unreadable: gets an error for each folder that cannot be looked into.
        """
        try:
            yield from self._below(self._look(root, 0), 0, unreadable)
        finally:
            if self._pool is not None:
                self._pool.shutdown()

    def _below(
        self, here: Seen, level: int, unreadable: list[MediumError] | None
    ) -> Iterator[Seen]:
        # Links may lead round in a circle; Windows gives no inode: (0, 0).
        if here.identity[1]:
            if here.identity in self._been:
                return
            self._been.add(here.identity)
        if here.is_container:
            yield here
        elif here.error is not None:
            if unreadable is not None:
                unreadable.append(here.error)
        elif level < self._depth:
            paths = [os.path.join(here.folder, name) for name in here.inner]
            for start in range(0, len(paths), AHEAD):
                batch = paths[start : start + AHEAD]
                for inner in self._look_at_all(batch, level + 1):
                    yield from self._below(inner, level + 1, unreadable)

    def _look_at_all(self, folders: list[str], level: int) -> list[Seen]:
        if len(folders) <= ALONE:
            return [self._look(folder, level) for folder in folders]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(WAITING, "gostkey-looking")
        seen: list[Seen] = [Seen("")] * len(folders)

        def look(first: int) -> None:
            # A thread takes a share: a future for each folder is felt.
            for index in range(first, len(folders), WAITING):
                seen[index] = self._look(folders[index], level)

        list(self._pool.map(look, range(WAITING)))
        return seen

    def _look(self, folder: str, level: int) -> Seen:
        seen = Seen(folder)
        try:
            about = os.stat(folder)
            seen.identity = (about.st_dev, about.st_ino)
            folders: list[str] = []
            files: dict[str, str] = {}
            with os.scandir(folder) as scan:
                for entry in scan:
                    if _is_folder(entry):
                        folders.append(entry.name)
                    else:
                        files[entry.name.lower()] = entry.name
        except OSError as error:
            seen.error = explain(error, Path(folder))
            return seen
        if folders:
            folders.sort()
            beside = set(folders)
            seen.inner = [one for one in folders if not _is_unfinished(one, beside)]
        seen.is_container = not files.keys().isdisjoint(FILES) or bool(
            level and not seen.inner and NUMBERED.fullmatch(os.path.basename(folder))
        )
        if seen.is_container and self._public:
            try:
                seen.files = public_files(folder, files)
            except OSError as error:
                seen.error = explain(error, Path(folder))
        return seen


def _is_unfinished(name: str, beside: set[str]) -> bool:
    """Say whether a folder is no container of its own (yet, or any more).

    One that was set aside counts while nothing has taken its place.
    """
    if name.startswith(durable.TEMPORARY):
        return True
    return name.startswith(SET_ASIDE) and name[len(SET_ASIDE) :] in beside


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
