"""Which medium a path means: a token, a folder, or a file of containers.

Such files are Windows registry exports (.reg) and images of floppy disks.
"""

from __future__ import annotations

import os
from pathlib import Path

from gostkey.errors import MediumError

from .folder import FolderStore
from .image import FloppyImage, split_image
from .medium import Medium
from .own_files import refuse_container
from .registry import RegistryFile, split_export
from .token_use import NO_TOKENS, TokenUse, none_there
from .tokens import is_token_address, split_address


def open_medium(
    path: str | os.PathLike[str], tokens: TokenUse = NO_TOKENS
) -> Medium[Path]:
    """Return the medium whose containers are at or below a path."""
    if is_token_address(path):
        return tokens.open(path)
    whole = Path(path).absolute()
    return _in_file(whole) or FolderStore(whole)


def is_in_file(path: str | os.PathLike[str]) -> bool:
    """Say whether a path names a file of containers, or one of those in it."""
    return _in_file(Path(path).absolute()) is not None


def _in_file(whole: Path) -> RegistryFile | FloppyImage | None:
    if split_export(whole):
        return RegistryFile(whole)
    return FloppyImage(whole) if split_image(whole) else None


def locate(
    path: str | os.PathLike[str], tokens: TokenUse = NO_TOKENS
) -> tuple[Medium[Path], Path]:
    """Return the medium of one container, and its place there.

    Raises:
        ContainerError: if a token has no such container.
        MediumError: if a token cannot be reached.
    """
    if is_token_address(path):
        return tokens.locate(path)
    whole = Path(path).absolute()
    return _in_file(whole) or FolderStore(whole.parent), whole


def locate_all(
    path: str | os.PathLike[str], tokens: TokenUse = NO_TOKENS
) -> tuple[Medium[Path], list[Path]]:
    """Return the containers that a path names: a folder is one; others have many.

    Raises:
        MediumError: if a file or a token cannot be read.
        ContainerError: if what is named is not in it.
    """
    if is_token_address(path):
        store = tokens.open(path)
        places = list(store.find())
        if not places and split_address(path)[1]:
            raise none_there(path)
        return store, places
    medium, place = locate(path)
    if isinstance(medium, (RegistryFile, FloppyImage)):
        return medium, list(medium.find())
    return medium, [place]


def open_destination(
    path: str | os.PathLike[str],
    *,
    sid: str | None = None,
    wow: bool = True,
    replace: bool = False,
    tokens: TokenUse = NO_TOKENS,
) -> Medium[Path]:
    """Return a medium to which new containers are to be written.

    Args:
        path: a token, a folder that is there, or a .reg file to be made.
        sid: the Windows user for whom an export is.
        wow: whether it is for Windows of 64 bits.
        replace: overwrite an export that exists.
        tokens: what is granted if it is a token.

    Raises:
        MediumError: if the folder is absent or is itself a container, or an image.
    """
    if is_token_address(path):
        token, container = split_address(path)
        if container:
            raise MediumError(
                f"{os.fspath(path)}: the token chooses the place of a new container; "
                f"name the token alone: token:{token}"
            )
        return tokens.open(path)
    whole = Path(path).absolute()
    export = split_export(whole)
    if export:
        # Whatever is behind the file's name would be a name; there is --name.
        return RegistryFile(export[0], sid=sid, wow=wow, replace=replace)
    if split_image(whole):
        raise MediumError(
            f"{whole}: a floppy image is only read; name a folder, such as the root "
            "of a removable disk"
        )
    refuse_container(whole)
    return FolderStore(whole)
