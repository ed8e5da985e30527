"""Containers that are changed where they are: on a disk or on a token."""

from __future__ import annotations

import os
from pathlib import Path

from .folder import FolderStore
from .medium import ChangeableMedium
from .own_files import read_own_files
from .switching import settle_switch
from .token_use import NO_TOKENS, TokenUse
from .tokens import is_token_address


def open_for_change(
    path: str | os.PathLike[str], tokens: TokenUse = NO_TOKENS
) -> tuple[ChangeableMedium[Path], Path, dict[str, bytes]]:
    """Return a container's medium, its place there, and its files as they are now.

    A change that was cut off is ended first.

    Args:
        path: the container's folder, a link to it, or its address on a token.
        tokens: what is granted for a token.

    Raises:
        MediumError: if it cannot be read, or is where nothing is changed (a registry
            export).
        ContainerError: if the token has no such container.
        PinRequired, WrongPin, PinBlocked: of a token.
    """
    if is_token_address(path):
        store, place = tokens.locate(path)
        return store, place, store.read_own(place)
    settle_switch(path)
    folder = Path(os.path.realpath(path))
    return FolderStore(folder.parent), folder, read_own_files(folder)
