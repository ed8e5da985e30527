"""Where containers usually are: CryptoPro CSP's folder, removable disks, tokens.

On a removable disk they lie in the root; nothing deeper is looked into, so that
a large disk costs no time.
"""

from __future__ import annotations

import os
import re
import string
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from gostkey.errors import MediumError, TokenUnknown

from .folder import FolderStore
from .installing import csp_folder
from .token_use import NO_TOKENS, TokenUse
from .tokens import TokenStore, list_tokens
from .tokens.atrs import FAMILIES

MOUNTS = Path("/proc/self/mounts")

_MOUNTED_IN = tuple(map(PurePosixPath, ("/media", "/run/media", "/mnt")))


def usual_media() -> list[FolderStore]:
    """Return the places that are there, CSP's folder first."""
    places: list[FolderStore] = []
    try:
        folder = csp_folder()
    except (OSError, KeyError):
        pass  # a user without a name has no folder either
    else:
        if folder.is_absolute() and folder.is_dir():
            places.append(FolderStore(folder))
    return places + [FolderStore(disk, depth=1) for disk in _disks()]


def usual_tokens(
    tokens: TokenUse = NO_TOKENS,
) -> tuple[dict[str, TokenStore], list[MediumError]]:
    """Return the tokens that hold containers as files, by their addresses.

    Returns:
        The tokens, and if there are none, why they cannot be looked for.  A card of
        another kind is no reason.
    """
    found = list_tokens()
    stores = {
        info.address: tokens.open(info.address)
        for info in found.tokens
        if info.family in FAMILIES
    }
    problems = [one for one in found.problems if not isinstance(one, TokenUnknown)]
    return stores, [] if stores else problems


def mounted_disks(mounts: str) -> list[Path]:
    """Return the folders where disks are mounted for people.

    Args:
        mounts: the text of /proc/self/mounts.
    """
    found: dict[Path, None] = {}
    for line in mounts.splitlines():
        device, _, rest = line.partition(" ")
        # No shares of the network: one that is gone would hold everything up.
        if not device.startswith("/dev/"):
            continue
        folder = re.sub(
            r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), rest.split(" ")[0]
        )
        if any(above in PurePosixPath(folder).parents for above in _MOUNTED_IN):
            found[Path(folder)] = None
    return list(found)


def _disks() -> Iterable[Path]:
    if os.name == "nt":
        # Not A: and B:, where an absent floppy makes a box pop up.
        drives = [Path(f"{letter}:\\") for letter in string.ascii_uppercase[2:]]
        return [drive for drive in drives if drive.is_dir()]
    if sys.platform == "darwin":
        return sorted(Path("/Volumes").glob("*"))
    try:
        return mounted_disks(MOUNTS.read_text(errors="surrogateescape"))
    except OSError:
        return []
