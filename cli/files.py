"""Files that commands read and write: bounded, whole or not at all.

Passwords are in secrets_input.py, key containers in the engine.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from gostkey.errors import EncodingError, MediumError

from .texts import _

__all__ = [
    "PathOption",
    "force_option",
    "out_option",
    "read_file",
    "reading",
    "refuse_taken",
    "write_file",
    "write_pieces",
]

F = TypeVar("F", bound=Callable[..., Any])

# Keys, certificates and CRLs are far smaller; a disk image is not read in.
LIMIT = 64 << 20

PathOption = click.Path(path_type=Path)

force_option = click.option(
    "--force", is_flag=True, help=_("Replace FILE if it is there.")
)


def out_option(what: str, *, required: bool = True) -> Callable[[F], F]:
    """Add --out, the file to write; the command gets it as *target*."""
    return click.option(
        "--out",
        "target",
        type=PathOption,
        required=required,
        metavar="FILE",
        help=what,
    )


@contextlib.contextmanager
def reading(path: Path, *, ordinary: bool = False) -> Iterator[BinaryIO]:
    """Open a file to be read piece by piece, or the standard input for "-".

    Args:
        path: which.
        ordinary: refuse pipes and devices, at which a reader may wait for ever: for
            what others have put into a folder, and nobody has named.

    Raises:
        OSError: if it cannot be opened.
    """
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    if path.is_dir():
        raise IsADirectoryError(
            errno.EISDIR, _("a folder, and a file is needed"), str(path)
        )
    with open(path, "rb", opener=_open_at_once if ordinary else None) as stream:
        if ordinary and not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, _("not an ordinary file; remove it"), str(path))
        yield stream


def _open_at_once(path: str, flags: int) -> int:
    # Without O_NONBLOCK the open itself would wait at a pipe for its other end.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_file(path: Path, limit: int = LIMIT, *, ordinary: bool = False) -> bytes:
    """Read a whole file, or the standard input for "-"; *ordinary* as in `reading`.

    Raises:
        OSError: if it cannot be read.
        EncodingError: if it is longer than *limit* bytes.
    """
    with reading(path, ordinary=ordinary) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise EncodingError(
            _("{file}: longer than {limit} bytes, so not what is wanted here").format(
                file=path, limit=limit
            )
        )
    return data


def refuse_taken(path: Path, force: bool) -> None:
    """Refuse a place that is taken, before any work is done for it.

    Raises:
        FileExistsError: if there is something and *force* is not set.
    """
    if not force and str(path) != "-" and path.exists():
        raise FileExistsError(
            errno.EEXIST, _("already there; --force replaces it"), str(path)
        )


def write_file(
    path: Path, data: bytes, *, private: bool = False, force: bool = False
) -> None:
    """Write a file so that it is there whole or not at all.

    It is written beside its place, synced, put into place, and read back.

    Args:
        path: where, in a folder that is there; "-" is the standard output.
        data: what.
        private: only the owner may read it (0600).
        force: replace an older file; without it that is an error.

    Raises:
        FileExistsError: if there is one and *force* is not set.
        MediumError: if what is read back differs.
        OSError: if the disk is full or read-only.
    """
    write_pieces(path, [data], private=private, force=force)


def is_unfinished(name: str, path: Path) -> bool:
    """Say whether a file is what is left where `write_pieces` of *path* was killed."""
    return re.fullmatch(rf"\.{re.escape(path.name)}\.\d+\.new", name) is not None


def write_pieces(
    path: Path,
    pieces: Iterable[bytes],
    *,
    private: bool = False,
    force: bool = False,
) -> None:
    """Do as `write_file` with data that come piece by piece, and are not kept."""
    if str(path) == "-":
        sys.stdout.flush()
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    refuse_taken(path, force)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    mode = 0o600 if private else 0o666
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    written = hashlib.sha256()
    try:
        descriptor = os.open(beside, flags, mode)
        with os.fdopen(descriptor, "wb") as stream:
            for piece in pieces:
                written.update(piece)
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        if force:
            os.replace(beside, path)
        else:
            _put(beside, path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        # The user knows the file by its own name, not by the one beside it.
        if error.filename == str(beside):
            error.filename = str(path)
        elif error.filename is None:
            error = OSError(error.errno, error.strerror, str(path))
        raise error from None
    except BaseException:
        # Whoever makes the pieces failed.
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    if _digest(path) != written.digest():
        raise MediumError(
            _("{file}: reads back differently; use another disk").format(file=path)
        )


def _digest(path: Path) -> bytes:
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            found.update(piece)
    return found.digest()


def _put(beside: Path, path: Path) -> None:
    """Rename without ever replacing: a link fails if the name is taken."""
    try:
        os.link(beside, path)
    except FileExistsError:
        refuse_taken(path, force=False)
        raise
    except OSError:
        # FAT has no links; the look before is all there is.
        os.replace(beside, path)
    else:
        beside.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
