"""Which medium a path means: a folder, or a .reg file and what is in it."""

from __future__ import annotations

import os
from pathlib import Path

from .folder import FolderStore
from .medium import Medium
from .own_files import refuse_container
from .registry import RegistryFile, split_export


def open_medium(path: str | os.PathLike[str]) -> Medium[Path]:
    """Return the medium whose containers are at or below a path."""
    whole = Path(path).absolute()
    return RegistryFile(whole) if split_export(whole) else FolderStore(whole)


def locate(path: str | os.PathLike[str]) -> tuple[Medium[Path], Path]:
    """Return the medium of one container, and its place there."""
    whole = Path(path).absolute()
    if split_export(whole):
        return RegistryFile(whole), whole
    return FolderStore(whole.parent), whole


def locate_all(path: str | os.PathLike[str]) -> tuple[Medium[Path], list[Path]]:
    """Return the containers that a path names: a folder is one, an export many.

    Raises:
        MediumError: if an export cannot be read.
        ContainerError: if what is named is not in it.
    """
    medium, place = locate(path)
    if isinstance(medium, RegistryFile):
        return medium, list(medium.find())
    return medium, [place]


def open_destination(
    path: str | os.PathLike[str],
    *,
    sid: str | None = None,
    wow: bool = True,
    replace: bool = False,
) -> Medium[Path]:
    """Return a medium to which new containers are to be written.

    Args:
        path: a folder that is there, or a .reg file to be made.
        sid: the Windows user for whom an export is.
        wow: whether it is for Windows of 64 bits.
        replace: overwrite an export that exists.

    Raises:
        MediumError: if the folder is absent or is itself a container.
    """
    whole = Path(path).absolute()
    export = split_export(whole)
    if export:
        # Whatever is behind the file's name would be a name; there is --name.
        return RegistryFile(export[0], sid=sid, wow=wow, replace=replace)
    refuse_container(whole)
    return FolderStore(whole)
