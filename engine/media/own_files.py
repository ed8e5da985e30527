"""What is a container's own in a folder: links and doubles are not."""

from __future__ import annotations

import os
from pathlib import Path

from gostkey.containers import FILES
from gostkey.errors import MediumError

from .faults import explained
from .groups import read_container
from .image import split_image
from .registry import RegistryFile


def read_own_files(folder: str | os.PathLike[str]) -> dict[str, bytes]:
    """Read a container's files, none of which may be a link or be there twice.

    What a foreign medium links to is not the container's, and would be copied.

    Raises:
        MediumError: naming the file.
    """
    place = Path(folder)
    if not place.is_dir() and RegistryFile.holds(place):
        raise MediumError(
            f"{place}: a registry export is not changed; copy the container to a "
            "folder, change it there, and make another export (for a new password "
            "alone: --out FILE.reg)"
        )
    if split_image(place.absolute()):
        raise MediumError(
            f"{place}: a floppy image is only read; copy the container to a folder and "
            "change it there"
        )
    seen: set[str] = set()
    with explained(place):
        for name in os.listdir(place):
            if name.lower() not in FILES:
                continue
            if os.path.islink(place / name):
                raise MediumError(
                    f"{place / name}: a link and not a file; a container's files "
                    "lie in its folder, put the file itself there"
                )
            if name.lower() in seen:
                raise MediumError(
                    f"{place}: {name.lower()} is there twice, in capitals and not; "
                    "remove the wrong one"
                )
            seen.add(name.lower())
    return read_container(place)


def refuse_container(folder: Path) -> None:
    """Raise MediumError if a folder is itself a container: nobody looks inside one."""
    with explained(folder):
        if {name.lower() for name in os.listdir(folder)}.intersection(FILES):
            raise MediumError(
                f"{folder}: is a container itself; name the folder that shall hold "
                "the container"
            )
