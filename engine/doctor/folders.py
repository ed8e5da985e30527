"""A container's folder and files, before anything in them is read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from gostkey.containers import FILES, LARGEST_FILE, folder_name
from gostkey.errors import ContainerDamaged, ContainerError, MediumError
from gostkey.media.durable import TEMPORARY
from gostkey.media.groups import OLD_HEADER
from gostkey.media.switching import SET_ASIDE

from .catalogue import found
from .findings import Finding, Severity, right
from .surroundings import Surroundings

NUMBERED = re.compile(r"(.+)\.[0-9]{3}", re.DOTALL)
_LATIN = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_STEM = 8
_BASES = sorted((name.removesuffix(".key") for name in FILES), key=len, reverse=True)
_NEEDED = ("name.key", "header.key")
_PAIR = ("primary.key", "masks.key")
_RESERVE = ("primary2.key", "masks2.key")


def look_at_folder(
    place: Path, name: str, named: Path, around: Surroundings
) -> Iterator[Finding]:
    """Check where a container's folder is and what it is called.

    Args:
        place: the folder.
        name: the container's; "" if it cannot be read.
        named: the place that the user named: the folder, or one above it.
        around: the machine.
    """
    subject = place.name
    root = around.root_of(place)
    suggested = _suggested(place, name)
    if root is not None and os.path.realpath(root) == os.path.realpath(place):
        text = "the key files lie in the root of the drive, without a folder"
        yield found("folder-missing", subject, text, right=suggested)
        return
    fault = _fault_of_name(place.name)
    if place.name.startswith(SET_ASIDE):
        whole = place.with_name(place.name[len(SET_ASIDE) :])
        text = f"it waits to be {whole.name} again"
        yield found("folder-set-aside", subject, text, place=whole)
    elif fault:
        text = "it is not named as CryptoPro CSP names folders"
        yield found(fault, subject, text, right=suggested)
    elif name and _stem(place.name).lower() != _stem(folder_name(name)).lower():
        text = f"the folder's name is not made of the container's, {name}"
        yield found("folder-other-name", subject, text, name=name)
    else:
        yield right("folder", subject, "it is named as it should be")
    above = root if root is not None else named if named != place else None
    if above is not None and os.path.realpath(place.parent) != os.path.realpath(above):
        text = f"it lies in a folder inside a folder: {os.path.relpath(place, above)}"
        yield found("folder-too-deep", subject, text, root=above, folder=place.name)
    try:
        beside = os.listdir(place.parent)
    except OSError:
        beside = []
    for other in sorted(beside):
        if other.lower() == place.name.lower() and other != place.name:
            text = f"{other} is there, too"
            yield found("folder-twice", subject, text, right=suggested)
    if place.is_symlink():
        text = f"it is a link to {os.path.realpath(place)}"
        yield found("folder-link", subject, text, place=place)


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


def _suggested(place: Path, name: str) -> str:
    """Return a name for the folder that is free and that CSP would look at."""
    match = NUMBERED.fullmatch(place.name)
    try:
        taken = set(os.listdir(place.parent)) - {place.name}
    except OSError:
        taken = set()
    if place.name and {one.lower() for one in taken} & {place.name.lower()}:
        taken.add(place.name)
    try:
        return folder_name(name or (match[1] if match else place.name) or "key", taken)
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
        yield found(
            "file-missing",
            ", ".join(gone),
            "missing",
            severity=Severity.WARNING,
        )


def _file(path: Path) -> Iterator[Finding]:
    if path.is_symlink():
        text = f"it is a link to {os.readlink(path)}"
        if not path.exists():
            gone = MediumError(f"{path}: {text}, which is not there")
            yield found("link-broken", path.name, text, error=gone)
            return
        yield found("file-link", path.name, text)
    size = path.stat().st_size
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
