"""Another content for a container that is there, by a switch of folders.

Five files change together when a password does, and no disk replaces five
files at once.  So the new container is written whole into a folder beside,
flushed and compared; then the old folder is set aside and the new one takes its
name.  A crash at any moment leaves a folder with the old container or one with
the new; `settle_switch` ends what it cut off.  Only then is the old one wiped.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from gostkey.containers import FILES, Container
from gostkey.errors import GostKeyError, MediumError

from . import durable
from .faults import explained
from .groups import HEADER, read_container, settle

SET_ASIDE = ".gostkey-old-"
"""Start of the name that the old folder has until the new one is in its place."""

_KEYS = frozenset(name for name in FILES if name not in ("name.key", HEADER))


def rewrite_container(
    folder: str | os.PathLike[str], old: Mapping[str, bytes], new: Mapping[str, bytes]
) -> Path:
    """Replace a container's files, all of them or none, and wipe the old ones.

    Other files in the folder are taken over.

    Args:
        folder: the container's; a link to it is followed.
        old: what was read there; must still be there.
        new: what shall be there.

    Returns:
        The folder, without links in its path.

    Raises:
        MediumError: if it cannot be written; the old container is in place (or
            the new one, if only the wiping failed, which the text says then).
    """
    place = Path(os.path.realpath(folder))
    where = str(place)
    aside = _aside(where)
    beside = durable.temporary_beside(where)
    with explained(place):
        try:
            _write_beside(where, beside, new)
            if read_container(place) != dict(old):
                raise MediumError(
                    f"{place}: changed while it was worked on; was the medium "
                    "swapped? look at it and try again"
                )
            _refuse_second(aside)
            _switch(where, aside, beside, new)
        finally:
            # What fails here must not hide what failed before.
            with contextlib.suppress(OSError):
                if os.path.lexists(beside):
                    durable.discard(beside)
    try:
        _finish(where, aside)
    except OSError as error:
        raise MediumError(
            f"{place}: the new container is in place, but the old files in {aside} "
            f"are not wiped yet ({error.strerror or error}); run the command again"
        ) from error
    return place


def is_set_aside(folder: str | os.PathLike[str]) -> bool:
    """Say whether a container is missing because a switch was cut off."""
    if os.path.exists(folder):
        return False
    where = os.path.realpath(folder)
    return not os.path.lexists(where) and os.path.isdir(_aside(where))


def settle_switch(folder: str | os.PathLike[str]) -> None:
    """End a switch of folders that a crash cut off; do nothing if there was none.

    If the container's name is free, the old one gets it back.  If the new one
    has it, the old one is wiped; not if it is a container of other keys.

    Raises:
        MediumError: if the two folders cannot be those of one switch, or the
            medium does not allow it.
    """
    where = os.path.realpath(folder)
    aside = _aside(where)
    if not os.path.isdir(aside) or os.path.islink(aside):
        return
    with explained(Path(where)):
        if not os.path.lexists(where):
            os.rename(aside, where)
            durable.flush_folder(os.path.dirname(where))
            return
        if not _is_successor(where, aside):
            raise MediumError(
                f"{where}: beside it is {aside}, set aside by a change that was "
                "interrupted, and the two do not hold the same keys; look which one "
                "is needed and move the other away"
            )
        _finish(where, aside)


def _aside(folder: str) -> str:
    parent, name = os.path.split(folder)
    return os.path.join(parent, f"{SET_ASIDE}{name}")


def _write_beside(folder: str, beside: str, files: Mapping[str, bytes]) -> None:
    about = os.stat(folder)
    if os.path.ismount(folder):
        raise MediumError(
            f"{folder}: the container lies in the root of the medium itself, where its "
            "files cannot be changed together; `gostkey container copy` puts it into a "
            "folder"
        )
    os.mkdir(beside, durable.FOLDER_MODE)
    for name, data in files.items():
        path = os.path.join(beside, name)
        durable.write_file(path, data)
        _give(path, about)
        if not durable.flush_and_compare(path, data):
            raise _failing(folder)
    _give(beside, about)
    durable.flush_folder(beside)


def _give(path: str, about: os.stat_result) -> None:
    """Leave a container to its owner, also when the superuser works on it."""
    # A FAT disk has one owner for all, and no way to name another.
    if hasattr(os, "chown") and os.stat(path).st_uid != about.st_uid:
        os.chown(path, about.st_uid, about.st_gid)


def _refuse_second(aside: str) -> None:
    if os.path.lexists(aside):
        raise MediumError(
            f"{aside}: is there already; another run works on the container, or one "
            "was interrupted: run the command again when no other runs"
        )


def _switch(folder: str, aside: str, beside: str, new: Mapping[str, bytes]) -> None:
    # For `clean_leftovers`: how long the old folder has been waiting.
    os.utime(folder)
    os.rename(folder, aside)
    try:
        os.rename(beside, folder)
        durable.flush_folder(os.path.dirname(folder))
        for name, data in new.items():
            if durable.read_back(os.path.join(folder, name), len(data)) != data:
                raise _failing(folder)
    except BaseException:
        # Without a look at what failed: the old one must be back in any case.
        if os.path.lexists(folder):
            os.rename(folder, beside)
        os.rename(aside, folder)
        durable.flush_folder(os.path.dirname(folder))
        raise


def _failing(folder: str) -> MediumError:
    return MediumError(
        f"{folder}: what was written does not read back the same and the old "
        "container stays; the medium is failing, use another one"
    )


def _finish(folder: str, aside: str) -> None:
    """Take over what is not the container's, wipe the old one: its keys first.

    Name and header tell whose keys they were, should the wiping be cut off.
    """
    there = os.listdir(folder)
    for name in os.listdir(aside):
        if name.lower() not in FILES and name not in there:
            os.rename(os.path.join(aside, name), os.path.join(folder, name))
    for name in sorted(os.listdir(aside), key=lambda one: one.lower() not in _KEYS):
        durable.discard(os.path.join(aside, name))
    durable.discard(aside)
    durable.flush_folder(os.path.dirname(folder))


def _is_successor(folder: str, aside: str) -> bool:
    """Say whether the old folder may be wiped: its keys are in the new one."""
    settle(folder)
    left = read_container(aside)
    if not _KEYS.intersection(left):
        return True
    try:
        new = Container.parse(read_container(folder))
        old = Container.parse(left)
    except GostKeyError:
        return False
    whole = not any(pair.fault for pair in new.pairs[: 1 + new.has_reserve])
    return whole and new.name == old.name and new.keys == old.keys
