"""A new pair, from our own generator: not a certified one, and it says so."""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gostkey.backend import active
from gostkey.errors import GammaError
from gostkey.primitives import Writable
from gostkey.random import fill as random_fill

from .copies import Place, leftovers, lock, pair_in
from .disk import DISK, Disk, destroy_tail, explained, open_file
from .journal import Journal
from .records import DATA, MOST_RECORDS, check_health, encode, verify

__all__ = ["Made", "make", "refuse_taken"]

_SET = re.compile(r"[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class Made:
    """A pair that was made; holds no secret."""

    copies: tuple[Path, ...]
    records: int
    set_number: str
    replaced: int
    """Copies of an older pair that are destroyed now."""
    journal: Path


def make(
    directory: str | os.PathLike[str],
    count: int,
    set_number: str,
    fill: Callable[[Writable], None] = random_fill,
    *,
    force: bool = False,
    disk: Disk = DISK,
) -> Made:
    """Make both copies of a new pair; they are there whole or not at all.

    The set number is an office's own name for the pair.  The format has no
    place for it, so it goes into the journal beside the pair.

    Args:
        directory: gets ``db1/kis_1``, ``db2/kis_1`` and the journal; it is made
            if the folder above it is there.
        count: records, 1 to `MOST_RECORDS`.
        set_number: 8 hex digits.
        fill: the generator.
        force: replace a pair that is there and destroy its records.
        disk: for tests.

    Raises:
        GammaError: if there is a pair and *force* is not set.
        GammaLocked: if another run uses the pair, or makes one.
        GeneratorFailure: if the system's generator fails.
        MediumError: if it cannot be written.
    """
    if not 1 <= count <= MOST_RECORDS:
        raise GammaError(f"count: {count} records; 1 to {MOST_RECORDS} are possible")
    if not _SET.fullmatch(set_number):
        raise GammaError(f"set number {set_number!r}: 8 hex digits are needed")
    set_number = set_number.upper()
    place = pair_in(Path(os.path.realpath(directory)))
    _there(place, force)
    for folder in (place.root, *(copy.parent for copy in place.copies)):
        with explained(folder):
            disk.make_folder(folder)
    journal = Journal.load(place.journal)
    old: list[tuple[Path, io.FileIO]] = []
    beside: list[Path] = []
    raw = bytearray()
    try:
        # Its lock keeps a second maker out.
        journal.open(disk, create=True)
        old = _lock_old(_there(place, force))
        raw = _records(count, fill, place, journal)
        for path in place.copies:
            beside.append(path.with_name(f".{path.name}.{os.getpid()}.new"))
            _write(disk, beside[-1], path, raw)
        journal.add(disk, "made", count=count, set=set_number, replaced=len(old))
        if sys.platform == "win32":
            # Windows does not replace a file that is open, and afterwards there
            # is no way to the old one any more.
            _destroy(disk, old)
            _close(old)
        for new, path in zip(beside, place.copies, strict=True):
            _put(disk, new, path, force)
        for folder in (place.root, place.root.parent):
            with explained(folder):
                disk.sync_folder(folder)
        if sys.platform != "win32":
            _destroy(disk, old)
    finally:
        active.generators.wipe(raw)
        for path in beside:
            with suppress(OSError):
                path.unlink()
        _close(old)
        journal.close()
    return Made(place.copies, count, set_number, len(old), place.journal)


def refuse_taken(directory: str | os.PathLike[str], *, force: bool) -> None:
    """Refuse a place that has a pair, before any work is done for a new one.

    Raises:
        GammaError: if it has one and *force* is not set.
    """
    _there(pair_in(Path(os.path.realpath(directory))), force)


def _there(place: Place, force: bool) -> list[Path]:
    """Return the copies that are there; without *force* there may be none."""
    there = [path for path in place.copies if os.path.lexists(path)]
    if there and not force:
        raise _taken(there[0])
    return there


def _lock_old(paths: Sequence[Path]) -> list[tuple[Path, io.FileIO]]:
    """Open and lock the files that will be replaced, sound or not."""
    old: list[tuple[Path, io.FileIO]] = []
    try:
        for path in paths:
            with explained(path):
                status = os.stat(path)
                if not stat.S_ISREG(status.st_mode):
                    raise GammaError(
                        f"{path}: it is not a file and is not replaced; take it away"
                    )
                if any(
                    os.path.samestat(status, os.fstat(file.fileno())) for _, file in old
                ):
                    continue  # a link to the other copy, locked already
                file = open_file(path, writable=True)
            old.append((path, file))
            lock(file, path)
    except BaseException:
        _close(old)
        raise
    return old


def _records(
    count: int, fill: Callable[[Writable], None], place: Place, journal: Journal
) -> bytearray:
    data = bytearray(count * DATA)
    try:
        fill(data)
        raw = encode(data)
    finally:
        active.generators.wipe(data)
    # As hard on our own generator as on a pair from outside.
    verify(raw, place.copies[0], journal.hasher)
    check_health(raw, place.copies[0])
    return raw


def _write(disk: Disk, beside: Path, path: Path, raw: bytearray) -> None:
    with explained(path):
        for unfinished in leftovers(path):
            # It may be a second name of the other pair's file: not overwritten.
            unfinished.unlink()
        with disk.create(beside) as file:
            disk.write(file, raw, 0)
            disk.sync(file)


def _put(disk: Disk, beside: Path, path: Path, force: bool) -> None:
    with explained(path):
        try:
            disk.put(beside, path, replace=force)
        except FileExistsError:
            raise _taken(path) from None
        disk.sync_folder(path.parent)


def _destroy(disk: Disk, files: Sequence[tuple[Path, io.FileIO]]) -> None:
    for path, file in files:
        with explained(path):
            destroy_tail(disk, file, path.parent, 0)


def _taken(path: Path) -> GammaError:
    return GammaError(
        f"{path}: there is a pair already; use another folder, or --force, which "
        "destroys its records"
    )


def _close(files: Sequence[tuple[Path, io.FileIO]]) -> None:
    for _, file in files:
        file.close()
