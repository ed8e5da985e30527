"""A drive or folder: is it there, can it be read, is there room, what is on it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from gostkey.containers import FILES
from gostkey.errors import ContainerError, MediumError
from gostkey.media import FolderStore, Medium, explain

from .catalogue import found
from .findings import Finding, right
from .sizes import size_text
from .surroundings import Surroundings

_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz")
_MOST_FOLDERS = 2000
"""Folders looked into for what lies too deep; a whole disk is not searched."""

_BY_ERRNO = {
    errno.EACCES: "drive-denied",
    errno.EPERM: "drive-denied",
    errno.EIO: "drive-failing",
    errno.ENODEV: "drive-failing",
    errno.ENXIO: "drive-failing",
    errno.ESTALE if hasattr(errno, "ESTALE") else errno.EIO: "drive-failing",
}


def unreadable(error: OSError, place: Path, around: Surroundings) -> Finding:
    """Return the finding for a place that cannot be read."""
    told = explain(error, place)
    text = str(told).removeprefix(f"{place}: ")
    if told.errno == errno.ENOTDIR and place.is_file():
        return found("drive-is-file", str(place), "it is a file", error=told)
    if told.errno in (errno.ENOENT, errno.ENOTDIR):
        disks = around.unmounted_disks()
        code = "drive-not-mounted" if disks else "drive-absent"
        return found(
            code, str(place), "it is not there", error=told, disks=", ".join(disks)
        )
    code = _BY_ERRNO.get(told.errno or 0, "drive-unreadable")
    return found(code, str(place), text, error=told, place=place)


def look_at_space(medium: Medium[Path], subject: str) -> Iterator[Finding]:
    """Tell whether a new container would fit beside those that are there."""
    folder = Path(medium.identity)
    try:
        free = medium.free_space()
    except OSError:
        return
    needed = needed_space(folder)
    if free < needed:
        text = f"{size_text(free)} are free"
        yield found(
            "drive-full", subject, text, needed=size_text(needed), free=size_text(free)
        )
    elif not os.access(folder, os.W_OK) and os.access(folder, os.R_OK):
        yield found("drive-read-only", subject, "nothing can be written to it")
    else:
        text = f"{size_text(free)} are free; a container needs {size_text(needed)}"
        yield right("space", subject, text)


def needed_space(folder: Path) -> int:
    """Return the bytes that a container takes: whole blocks of its disk."""
    try:
        block = os.statvfs(folder).f_frsize if hasattr(os, "statvfs") else 4096
    except OSError:
        block = 4096
    # The folder itself, and one more while the header is replaced.
    return (len(FILES) + 2) * block


def look_for_containers(
    store: FolderStore, subject: str, around: Surroundings
) -> tuple[list[Path], list[Finding]]:
    """Find the containers of a drive, or why there are none.

    Returns:
        Their folders, those that lie too deep as well, and what was found.
    """
    folder = store.root
    faults: list[MediumError] = []
    try:
        places = list(store.find(faults))
    except MediumError as error:
        return [], [unreadable(error, Path(subject), around)]
    findings = [
        found("drive-denied", subject, str(one), error=one, place=folder)
        for one in faults
    ]
    archives: list[str] = []
    if not places:
        places, archives = _search(folder)
    if places:
        count = f"{len(places)} container" + ("s" if len(places) > 1 else "")
        findings.append(right("drive", subject, count + " in it"))
    else:
        text = "no key containers in it"
        nothing = ContainerError(f"{folder}: {text}")
        findings.append(found("drive-empty", subject, text, error=nothing))
    if archives:
        text = "there are archives: " + ", ".join(archives[:3])
        findings.append(found("drive-archive", subject, text))
    return places, findings


def _search(root: Path) -> tuple[list[Path], list[str]]:
    """Look deeper for folders with key files, and for archives."""
    places: list[Path] = []
    archives: list[str] = []
    for count, (folder, inner, names) in enumerate(os.walk(root)):
        if count >= _MOST_FOLDERS:
            break
        inner.sort()
        if {name.lower() for name in names}.intersection(FILES):
            places.append(Path(folder))
        archives += [name for name in names if name.lower().endswith(_ARCHIVES)]
    return places, sorted(archives)
