"""Writing many containers with few waits for the medium.

To flush one small file after the other costs a wait for the disk each time.
So the steps go over all containers in turn: write everything, then flush
everything, and so on; after the first flush there is little left to do for
the others.  For each container the order of steps is what makes it safe, and
a fault stops that container only.
"""

from __future__ import annotations

import os
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from gostkey.bindings.filesystem import (
    files_kept_open,
    flush_of,
    read_back,
    read_folder,
)
from gostkey.containers import FILES, LARGEST_FILE, header_is_whole
from gostkey.errors import MediumError

from . import durable
from .faults import explain

HEADER = "header.key"
PUBLIC = ("name.key", HEADER)
"""The files of a container that hold no key."""

WAITING = 16
"""Threads that wait for the medium at the same time."""

TOGETHER = 16
"""Containers from which on the whole file system is flushed and not each file.

For fewer it might cost more: what other programs have written waits with them.
"""

AHEAD = 32
"""Containers whose files a medium looks for at the same time, after such a flush."""

OLD_HEADER = ".gostkey-old-header.key"
"""The header before a replacement that was not finished."""


class Job:
    """Something to be written; its steps are methods of it."""

    place: str
    """The file or folder that its errors are about."""
    error: MediumError | None = None
    """Why it could not be written."""

    @property
    def must_wait(self) -> bool:
        """Whether it still has to wait for the medium, in the steps that do."""
        return True

    def undo(self) -> None:
        """Remove what is unfinished; nothing is, if nothing was begun."""


J = TypeVar("J", bound=Job)


def go_over(
    jobs: Sequence[J],
    steps: Iterable[Callable[[J], None]],
    waiting: Collection[Callable[[J], None]],
    ahead: Mapping[Callable[[J], None], Callable[[Sequence[J]], None]] | None = None,
) -> None:
    """Do each step for all jobs; a job with a fault is undone and left out.

    Args:
        jobs: what is to be done.
        steps: in their order.
        waiting: those of the steps that wait for the medium; the jobs wait side
            by side, so the medium works for all of them in one go.
        ahead: what is done once, for all jobs that are left, before a step.
    """
    try:
        with ThreadPoolExecutor(WAITING, "gostkey-media") as pool:
            for step in steps:
                work = partial(_attempt_all, step)
                going = [job for job in jobs if job.error is None]
                if ahead and step in ahead:
                    ahead[step](going)
                    going = [job for job in going if job.error is None]
                if step in waiting and sum(job.must_wait for job in going) > 1:
                    # A thread takes a share: a future for each job is felt.
                    shares = min(WAITING, len(going))
                    list(pool.map(work, [going[i::shares] for i in range(shares)]))
                else:
                    work(going)
    except BaseException:
        for job in jobs:
            _undo(job)
        raise


def _attempt_all(step: Callable[[J], None], jobs: Sequence[J]) -> None:
    for job in jobs:
        try:
            step(job)
        except OSError as error:
            job.error = explain(error, Path(job.place))
            _undo(job)


def _undo(job: Job) -> None:
    try:
        job.undo()
    except OSError:
        pass  # the medium may be gone; `clean_leftovers` will find the rest


# -- new containers ----------------------------------------------------------


# Paths are plain strings where they are used: with thousands of containers the
# objects of pathlib are felt.


@dataclass
class Writing(Job):
    """A new container: made under another name, renamed when it is whole."""

    place: str
    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        self.beside = durable.temporary_beside(self.place)
        self.system: _FileSystem | None = None
        """What flushes it together with others; None: it is flushed alone."""
        self.stays_open = False
        """Whether its files stay open until they are read back."""
        self.looking: list[int] = []
        """Open files that are to be read back."""
        begin = self.beside + os.sep
        self.inner = [(begin + name, data) for name, data in self.files.items()]

    def create(self) -> None:
        refuse_existing(self.place)
        os.mkdir(self.beside, durable.FOLDER_MODE)
        if self.system is None:
            for path, data in self.inner:
                durable.write_file(path, data)
            return
        for path, data in self.inner:
            descriptor = durable.write_for_later(path, data)
            if self.stays_open:
                self.looking.append(descriptor)
            else:
                os.close(descriptor)

    @property
    def flushed(self) -> bool:
        """Whether it is on the medium with its whole file system."""
        return self.system is not None and self.system.flushed

    @property
    def must_wait(self) -> bool:
        """Whether it is not on the medium with the others."""
        return not self.flushed

    def look(self) -> None:
        """Have the medium look for what was flushed."""
        if not self.stays_open:
            for path, _ in self.inner:
                self.looking.append(durable.open_again(path))
        for descriptor in self.looking:
            durable.begin_reading_back(descriptor)

    def compare(self) -> None:
        """Compare what the medium has found."""
        for _, data in reversed(self.inner):
            if durable.end_reading_back(self.looking.pop(), len(data)) != data:
                raise self._differs()

    def flush(self) -> None:
        if self.flushed:
            return  # and compared
        self.close()
        for path, data in self.inner:
            if not durable.flush_and_compare(path, data):
                raise self._differs()
        durable.flush_folder(self.beside)

    def _differs(self) -> MediumError:
        return MediumError(
            f"{os.path.dirname(self.place)}: what was written does not read back the "
            "same; the medium is failing, use another one"
        )

    def rename(self) -> None:
        # Whatever came to be there since `create` is refused by the system: it lets a
        # folder take the place of none but an empty one.
        os.rename(self.beside, self.place)

    def undo(self) -> None:
        self.close()
        if os.path.isdir(self.beside):
            durable.discard(self.beside)

    def close(self) -> None:
        """Close the files that are open to be read back."""
        while self.looking:
            os.close(self.looking.pop())


def write_containers(writings: Sequence[Writing]) -> None:
    """Write new containers; each is whole and flushed, or its `error` is set."""
    steps = (Writing.create, Writing.flush, Writing.rename)
    with _file_systems(writings) as systems:
        flush = partial(_flush_together, systems)
        with _some_stay_open(writings):
            go_over(writings, steps, (Writing.flush,), {Writing.flush: flush})
    flush_parents(writings)


def _flush_together(
    systems: Sequence[_FileSystem], writings: Sequence[Writing]
) -> None:
    """Flush file systems as a whole, and read back what was written there."""
    for system in systems:
        system.flush()
    flushed = [writing for writing in writings if writing.flushed]
    unsure = _read_back_at_once(flushed)
    for start in range(0, len(unsure), AHEAD):
        some = unsure[start : start + AHEAD]
        _attempt_all(Writing.look, some)
        some = [writing for writing in some if writing.error is None]
        _attempt_all(Writing.compare, some)


def _read_back_at_once(writings: Sequence[Writing]) -> list[Writing]:
    """Read back what can be with one call; return those of which nothing is known."""
    descriptors: list[int] = []
    contents: list[bytes] = []
    for one in writings:
        if one.stays_open:
            descriptors += one.looking
            contents += one.files.values()
    same = iter(read_back(descriptors, contents))
    sure: list[Writing] = []
    unsure: list[Writing] = []
    for one in writings:
        # Each has its answers taken, whatever the first of them says.
        known = one.stays_open and all([next(same) for _ in one.looking])
        (sure if known else unsure).append(one)
    _attempt_all(Writing.close, sure)
    return unsure


@contextmanager
def _some_stay_open(writings: Sequence[Writing]) -> Iterator[None]:
    """Let as many as may keep their files open: to open them again takes its time."""
    together = [writing for writing in writings if writing.system is not None]
    with files_kept_open(sum(len(one.files) for one in together)) as room:
        for writing in together:
            room -= len(writing.files)
            writing.stays_open = room >= 0
        yield


class _FileSystem:
    """A file system that is flushed as a whole, after many containers were written.

    syncfs(2) promises for all of its files and folders what fsync(2) does for each;
    so when it has returned, the containers are on the medium under their temporary
    names, and what is read back after that comes from there.  It is open since
    before the first write, because Linux tells of those faults only that came later.
    If it tells of one, each file is flushed by itself to find out whose it is.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self.flushed = False

    def flush(self) -> None:
        try:
            self._flush()
        except OSError:
            return
        self.flushed = True


@contextmanager
def _file_systems(writings: Sequence[Writing]) -> Iterator[list[_FileSystem]]:
    """Open the file systems that can be flushed as a whole, if it is worth it."""
    by_device: dict[int, _FileSystem] = {}
    descriptors: list[int] = []
    try:
        parents: dict[str, list[Writing]] = {}
        if len(writings) >= TOGETHER:
            for writing in writings:
                if writing.error is None:
                    parent = os.path.dirname(writing.place)
                    parents.setdefault(parent, []).append(writing)
        for parent, its in parents.items():
            try:
                descriptor = os.open(parent, os.O_RDONLY)
            except OSError:
                continue  # writing will tell
            descriptors.append(descriptor)
            device = os.fstat(descriptor).st_dev
            if device not in by_device:
                flush = flush_of(descriptor)
                if flush is None:
                    continue
                by_device[device] = _FileSystem(flush)
            for writing in its:
                writing.system = by_device[device]
        yield list(by_device.values())
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def flush_parents(jobs: Sequence[Job]) -> None:
    """Wait until the new names are on the medium; a fault is one of the jobs."""
    by_parent: dict[str, list[Job]] = {}
    for job in jobs:
        if job.error is None:
            by_parent.setdefault(os.path.dirname(job.place), []).append(job)
    for parent, its in by_parent.items():
        try:
            durable.flush_folder(parent)
        except OSError as error:
            for job in its:
                job.error = explain(error, Path(parent))


def refuse_existing(folder: str) -> None:
    """Raise MediumError if there is anything of that name."""
    if os.path.lexists(folder):
        raise MediumError(
            f"{folder}: exists already; a container is never overwritten, "
            "choose another place"
        )


# -- other headers -----------------------------------------------------------


@dataclass
class Replacing(Job):
    """Another header.key: the old one is kept until the new one was read back."""

    place: str
    header: bytes

    def __post_init__(self) -> None:
        self.kept = os.path.join(self.place, OLD_HEADER)
        self.beside = durable.temporary_beside(self.kept)
        self.begun = self.replaced = self.unchanged = False

    def look(self) -> None:
        self.current = settle(self.place)
        self.old = durable.read_file(self.current, LARGEST_FILE)
        self.unchanged = self.old == self.header

    def create(self) -> None:
        if not self.unchanged:
            self.begun = True
            durable.write_file(self.kept, self.old)
            durable.write_file(self.beside, self.header)

    def flush(self) -> None:
        if not self.unchanged:
            durable.flush_file(self.kept)
            durable.flush_file(self.beside)
            durable.flush_folder(self.place)

    def replace(self) -> None:
        if not self.unchanged:
            os.replace(self.beside, self.current)
            self.replaced = True

    def flush_names(self) -> None:
        if not self.unchanged:
            durable.flush_folder(self.place)

    def compare(self) -> None:
        if self.unchanged:
            return
        if durable.read_back(self.current, len(self.header)) != self.header:
            os.replace(self.kept, self.current)
            durable.flush_folder(self.place)
            raise MediumError(
                f"{self.current}: what was written does not read back the same and "
                "the old file was put back; the medium is failing, use another one"
            )
        # If this name survives a crash, `settle` removes it.
        os.unlink(self.kept)

    def undo(self) -> None:
        # Once the new header is in place the old one must stay for `settle`.
        if self.begun and not self.replaced:
            for path in (self.beside, self.kept):
                if os.path.lexists(path):
                    durable.discard(path)


def replace_headers(replacings: Sequence[Replacing]) -> None:
    """Replace headers; each is the new one and flushed, or its `error` is set."""
    go_over(
        replacings,
        steps=(
            Replacing.look,
            Replacing.create,
            Replacing.flush,
            Replacing.replace,
            Replacing.flush_names,
            Replacing.compare,
        ),
        waiting=(
            Replacing.flush,
            Replacing.replace,
            Replacing.flush_names,
            Replacing.compare,
        ),
    )


def settle(folder: str) -> str:
    """End a replacement that a crash left unfinished.

    The header that is there stays if it is good, else the old one comes back.

    Returns:
        The path of header.key, there or not.
    """
    names = _names_in(folder)
    current = os.path.join(folder, names.get(HEADER, HEADER))
    if OLD_HEADER not in names:
        return current
    kept = os.path.join(folder, OLD_HEADER)
    if HEADER in names and header_is_whole(durable.read_file(current, LARGEST_FILE)):
        os.unlink(kept)
    else:
        os.replace(kept, current)
    durable.flush_folder(folder)
    return current


# -- reading -----------------------------------------------------------------


def _names_in(folder: str | Path) -> dict[str, str]:
    """List a folder: lower-case name to the name, which FAT may have in capitals."""
    return {name.lower(): name for name in os.listdir(folder)}


def read_public_files(folder: str | Path) -> dict[str, bytes]:
    """Read what a listing needs of a container: name.key and header.key.

    Of the other files only that they are there: their content is left empty.  On a
    cold disk every file that is opened costs a wait.

    Raises:
        MediumError: as `read_container`.
    """
    files = read_folder(str(folder), FILES, PUBLIC, LARGEST_FILE)
    if files is not None:
        return files
    try:
        return public_files(str(folder), _names_in(folder))
    except OSError as error:
        raise explain(error, Path(folder)) from error


def public_files(folder: str, names: Mapping[str, str]) -> dict[str, bytes]:
    """Do as `read_public_files`, with the names that are there: lower-case to name.

    Raises:
        OSError: if a file cannot be read; MediumError if it has over 64 KiB.
    """
    return {
        name: durable.read_file(f"{folder}{os.sep}{names[name]}", LARGEST_FILE)
        if name in PUBLIC
        else b""
        for name in FILES
        if name in names
    }


def read_container(folder: str | Path) -> dict[str, bytes]:
    """Read the files of a container: lower-case name to content.

    Other files in the folder are left alone.

    Raises:
        MediumError: if it cannot be read, or a file has over 64 KiB.
    """
    files = read_folder(str(folder), FILES, FILES, LARGEST_FILE)
    if files is not None:
        return files
    try:
        # By the names that are there: on a disk that cannot tell capitals and is
        # mounted through FUSE, the system takes HEADER.KEY and header.key for two
        # files, and would give the old content of the one after writing the other.
        names = _names_in(folder)
        return {
            name: durable.read_file(f"{folder}{os.sep}{names[name]}", LARGEST_FILE)
            for name in FILES
            if name in names
        }
    except OSError as error:
        raise explain(error, Path(folder)) from error
