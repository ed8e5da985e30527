"""Where a pair lies, and opening a copy of it: checked, locked, or refused."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from gostkey.errors import GammaError, GammaLocked

from .disk import explain, explained, open_file
from .mounts import network_kind

COPY_NAMES = ("db1/kis_1", "db2/kis_1")
"""The two copies of a pair, below its folder."""

JOURNAL_NAME = "kis_1.journal"
"""The journal of a pair, in its folder; of a single file FILE.journal."""

# Windows lets nobody read a locked byte, so it is one behind all content.
_LOCKED_BYTE = 1 << 30


@dataclass(frozen=True, slots=True)
class Place:
    """The paths that belong to one gamma."""

    root: Path
    copies: tuple[Path, ...]
    journal: Path


def place_of(path: str | os.PathLike[str]) -> Place:
    """Find out what a path means: the folder of a pair, or one file.

    One copy of a pair stands for the whole pair, because a record that is
    taken from one must not stay in the other.

    Raises:
        GammaError: if nothing is there.
    """
    # The journal must be found whichever link leads here.
    real = Path(os.path.realpath(path))
    with explained(real):
        is_folder, is_there = real.is_dir(), real.exists()
    if is_folder:
        return pair_in(real)
    if not is_there:
        raise GammaError(
            f"{path}: there is nothing; give the folder that holds "
            f"{' and '.join(COPY_NAMES)}, or one gamma file"
        )
    folder = real.parent
    if f"{folder.name}/{real.name}" in COPY_NAMES:
        return pair_in(folder.parent)
    return Place(folder, (real,), real.with_name(f"{real.name}.journal"))


def pair_in(root: Path) -> Place:
    """Return the paths of a pair in a folder, there or not."""
    copies = tuple(root.joinpath(*name.split("/")) for name in COPY_NAMES)
    return Place(root, copies, root / JOURNAL_NAME)


class Copy:
    """One file, open, locked until it is closed, and its owner's alone."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        """Open, check and lock.

        Raises:
            FileNotFoundError: if there is no such file.
            GammaError: if it is no file, or another user could read it.
            GammaLocked: at once, if another run has it.
            MediumError: if the system does not let us read or write it.
        """
        self.path = path
        try:
            # Before it is opened, for the words: what the system says about a
            # file of somebody else is only that access is denied.
            check_private(os.stat(path), path)
            self.file = open_file(path, writable=writable)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise explain(error, path) from error
        try:
            check_private(os.fstat(self.file.fileno()), path)
            lock(self.file, path, shared=not writable)
            if not self.is_in_place():
                raise GammaError(
                    f"{path}: it was replaced while it was being opened; run the "
                    "command again"
                )
        except BaseException:
            self.file.close()
            raise

    @property
    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self.file.fileno()).st_size

    def is_in_place(self) -> bool:
        """Say whether the name still belongs to the file that is open."""
        return in_place(self.file, self.path)

    def close(self) -> None:
        """Close the file, which drops the lock."""
        self.file.close()


def in_place(file: io.FileIO, path: Path) -> bool:
    """Say whether a name still belongs to the file that is open."""
    try:
        named = os.stat(path)
    except OSError:
        return False
    return os.path.samestat(named, os.fstat(file.fileno()))


def open_copies(place: Place, *, writable: bool) -> tuple[list[Copy], list[str]]:
    """Open the copies that are there; the first one's lock comes first.

    Returns:
        The copies and the warnings about them.

    Raises:
        GammaError, GammaLocked, MediumError: as `Copy`, or if none is there.
    """
    copies: list[Copy] = []
    absent: list[Path] = []
    warnings: list[str] = []
    try:
        for path in place.copies:
            try:
                _refuse_same(copies, path)
                copies.append(Copy(path, writable=writable))
            except FileNotFoundError:
                absent.append(path)
        if not copies:
            raise GammaError(
                f"{place.root}: there is no gamma: neither "
                f"{' nor '.join(COPY_NAMES)} is there; "
                "`gostkey entropy gamma make` makes a pair"
            )
    except BaseException:
        for copy in copies:
            copy.close()
        raise
    for path in absent:
        warnings.append(f"{path}: this copy is not there; the other one is used alone")
    for copy in copies:
        warnings += [
            f"{path}: left over from a `gamma make` that was cut off; delete it"
            for path in leftovers(copy.path)
        ]
    for folder in dict.fromkeys(copy.path.parent for copy in copies):
        kind = network_kind(folder)
        if kind:
            warnings.append(
                f"{folder}: it is on a network disk ({kind}), where others may read "
                "records and locks may not hold; keep gamma on a disk of this machine"
            )
    return copies, warnings


def leftovers(path: Path) -> list[Path]:
    """Return the unfinished files beside a copy, of a making that was cut off."""
    return sorted(path.parent.glob(f".{path.name}.*.new"))


def check_private(status: os.stat_result, path: Path) -> None:
    """Refuse what is not a file of this user that nobody else may read.

    Raises:
        GammaError: with the command that cures it.
    """
    if not stat.S_ISREG(status.st_mode):
        raise GammaError(f"{path}: it is not a file; a gamma file must be here")
    if sys.platform == "win32":
        return  # the rights of a profile's folders are not in these numbers
    user = os.geteuid()
    if status.st_uid != user:
        raise GammaError(
            f"{path}: it belongs to user {status.st_uid} and not to you ({user}); "
            f"if it is yours, `chown {user} {path}` as the administrator"
        )
    if status.st_mode & 0o077:
        raise GammaError(
            f"{path}: other users may read or change it (mode "
            f"{stat.S_IMODE(status.st_mode):04o}); `chmod 600 {path}`, or on a FAT "
            "disk mount it with umask=077"
        )


def lock(file: io.FileIO, path: Path, *, shared: bool = False) -> None:
    """Lock an open file; the system drops the lock when the process ends.

    Raises:
        GammaLocked: at once, if another run has it.
        GammaError: if this disk knows no locks.
    """
    try:
        _lock(file, shared)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            raise GammaLocked(
                f"{path}: locked by another run, which uses this gamma; wait until "
                "it has ended"
            ) from None
        raise GammaError(
            f"{path}: it cannot be locked here ({error.strerror or error}); copy the "
            "pair to a disk of this machine, and destroy it where it was"
        ) from error


def _refuse_same(copies: list[Copy], path: Path) -> None:
    with explained(path):
        try:
            status = os.stat(path)
        except FileNotFoundError:
            return
        for copy in copies:
            if os.path.samestat(status, os.fstat(copy.file.fileno())):
                raise GammaError(
                    f"{path}: it is the same file as {copy.path}, by a link; take the "
                    "link away: one copy alone will do"
                )


if sys.platform == "win32":
    import msvcrt

    def _lock(file: io.FileIO, shared: bool) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)

else:
    import fcntl

    def _lock(file: io.FileIO, shared: bool) -> None:
        # flock and not lockf: it belongs to the open file, so closing another
        # descriptor of the same file in this process does not drop it.
        # Shared for reading: over NFS an exclusive one asks for the right to write.
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(file, kind | fcntl.LOCK_NB)
