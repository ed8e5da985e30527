"""A container's folder and files, before anything in them is read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from gostkey.containers import FILES, LARGEST_FILE, folder_name
from gostkey.errors import ContainerDamaged, ContainerError, MediumError
from gostkey.media.durable import TEMPORARY
from gostkey.media.groups import OLD_HEADER
from gostkey.media.switching import SET_ASIDE

from .catalogue import found
from .findings import Finding, right
from .surroundings import Surroundings

NUMBERED = re.compile(r"(.+)\.[0-9]{3}", re.DOTALL)
_LATIN = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_STEM = 8
_BASES = sorted((name.removesuffix(".key") for name in FILES), key=len, reverse=True)
_NEEDED = ("name.key", "header.key")
_PAIR = ("primary.key", "masks.key")
_RESERVE = ("primary2.key", "masks2.key")


class Beside:
    """What lies in a folder, listed once for all containers in it."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._names: dict[str, list[str]] = {}

    def names_like(self, place: Path) -> list[str]:
        """Return the names beside a place that are its own but for capitals."""
        return self._in(place.parent).get(place.name.lower(), [])

    def taken(self, place: Path) -> list[str]:
        """Return all names beside a place, without its own."""
        names = (one for alike in self._in(place.parent).values() for one in alike)
        return [one for one in names if one != place.name]

    def _in(self, folder: Path) -> dict[str, list[str]]:
        if folder != self._folder:
            try:
                names = sorted(os.listdir(folder))
            except OSError:
                names = []
            self._folder, self._names = folder, {}
            for name in names:
                self._names.setdefault(name.lower(), []).append(name)
        return self._names


def look_at_folder(
    place: Path, name: str, named: Path, around: Surroundings, beside: Beside
) -> Iterator[Finding]:
    """Check where a container's folder is and what it is called.

    Args:
        place: the folder.
        name: the container's; "" if it cannot be read.
        named: the folder, or one above it, as the user has named it.
        around: the machine.
        beside: what lies beside it.
    """
    subject = place.name
    root = around.root_of(place)
    if root is not None and os.path.realpath(root) == os.path.realpath(place):
        text = "the key files lie in the root of the drive, without a folder"
        yield found(
            "folder-missing", subject, text, right=_suggested(place, name, beside)
        )
        return
    fault = _fault_of_name(place.name)
    if place.name.startswith(SET_ASIDE):
        whole = place.with_name(place.name[len(SET_ASIDE) :])
        text = f"it waits to be {whole.name} again"
        yield found("folder-set-aside", subject, text, place=whole)
    elif fault:
        text = "it is not named as CryptoPro CSP names folders"
        yield found(fault, subject, text, right=_suggested(place, name, beside))
    elif name and _stem(place.name).lower() != _stem(folder_name(name)).lower():
        text = f"the folder's name is not made of the container's, {name}"
        yield found("folder-other-name", subject, text, name=name)
    else:
        yield right("folder", subject, "it is named as it should be")
    above = root if root is not None else named
    if above.absolute() != place and not _is_in(place, above):
        text = f"it lies in a folder inside a folder: {os.path.relpath(place, above)}"
        # What the user has named is named to the user in the same words.
        shown = named if os.path.realpath(named) == os.path.realpath(above) else above
        yield found("folder-too-deep", subject, text, root=shown, folder=place.name)
    for other in beside.names_like(place):
        if other != place.name:
            free = _suggested(place, name, beside)
            text = f"{other} is there, too"
            yield found("folder-twice", subject, text, right=free)
    if place.is_symlink():
        text = f"it is a link to {os.path.realpath(place)}"
        yield found("folder-link", subject, text, place=place)


def _is_in(place: Path, folder: Path) -> bool:
    return os.path.realpath(place.parent) == os.path.realpath(folder)


def _fault_of_name(folder: str) -> str:
    match = NUMBERED.fullmatch(folder)
    if match is None:
        return "folder-name"
    if not _LATIN.fullmatch(match[1]):
        return "folder-characters"
    if len(match[1]) > _LONGEST_STEM:
        return "folder-long"
    return ""


def _stem(folder: str) -> str:
    return folder[:-4]


def _suggested(place: Path, name: str, beside: Beside) -> str:
    """Return a name for the folder that is free and that CSP would look at."""
    match = NUMBERED.fullmatch(place.name)
    wanted = name or (match[1] if match else place.name) or "key"
    try:
        return folder_name(wanted, beside.taken(place))
    except ContainerError:
        return "NAME.000"


def look_at_files(place: Path) -> Iterator[Finding]:
    """Check that the six files are there, whole as files, and themselves.

    Raises:
        OSError: if the folder cannot be read.
    """
    names = sorted(os.listdir(place))
    lower = [name.lower() for name in names]
    own = [name for name in names if name.lower() in FILES]
    yield from _missing(place, lower)
    for name in sorted({one.lower() for one in own if lower.count(one.lower()) > 1}):
        error = MediumError(f"{place}: {name} is there twice, in capitals and not")
        text = "it is there twice, in capitals and not"
        yield found("file-twice", name, text, error=error)
    for name in own:
        yield from _file(place / name)
    capitals = [name for name in own if name != name.lower()]
    if capitals:
        text = "names in capitals: " + ", ".join(capitals)
        yield found("files-capitals", place.name, text)
    yield from _strangers(names)


def _missing(place: Path, names: list[str]) -> Iterator[Finding]:
    for name in _NEEDED:
        if name not in names:
            error = ContainerDamaged(
                f"{place}: {name}: missing; restore it from a copy of the container"
            )
            yield found("file-missing", name, "it is missing", error=error)
    if not set(names).issuperset(_NEEDED):
        return
    if set(names).issuperset((*_PAIR, *_RESERVE)):
        yield right("files", place.name, "all six files are there")
    elif set(names).issuperset(_PAIR) and not set(names).intersection(_RESERVE):
        yield right("files", place.name, "the four files without the reserve are there")
    else:
        gone = [name for name in (*_PAIR, *_RESERVE) if name not in names]
        # Whether that is bad depends on the other pair, which is told below.
        yield found("key-file-missing", ", ".join(gone), "missing")


def _file(path: Path) -> Iterator[Finding]:
    if path.is_symlink():
        text = f"it is a link to {os.readlink(path)}"
        if not path.exists():
            gone = MediumError(f"{path}: {text}, which is not there")
            yield found("link-broken", path.name, text, error=gone)
            return
        yield found("file-link", path.name, text)
    about = path.stat()
    size = about.st_size
    if not stat.S_ISREG(about.st_mode):
        other = MediumError(f"{path}: not a regular file")
        text = "a folder or a device has its name"
        yield found("file-other-kind", path.name, text, error=other)
        return
    if size == 0:
        empty = ContainerDamaged(f"{path}: it is empty")
        yield found("file-empty", path.name, "it is empty", error=empty)
    elif size > LARGEST_FILE:
        text = f"{size} bytes; a container's file has at most {LARGEST_FILE}"
        large = ContainerError(f"{path}: {text}")
        yield found("file-too-large", path.name, text, error=large)


def _strangers(names: list[str]) -> Iterator[Finding]:
    """Find files that were meant to be key files, and what a crash has left."""
    for name in names:
        lower = name.lower()
        if name == OLD_HEADER or name.startswith(TEMPORARY):
            yield found("folder-unfinished", name, "left of a change that was cut off")
            continue
        if lower in FILES or ".key" not in lower:
            continue
        base = next((one for one in _BASES if one in lower), None)
        if base is None:
            continue
        code = "file-shortcut" if lower.endswith((".lnk", ".url")) else "file-renamed"
        text = f"its name is like {base}.key"
        yield found(code, name, text, right=f"{base}.key")
