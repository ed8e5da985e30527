"""Whose keys are to be renewed, and the containers of a folder tree or a token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gostkey.errors import CampaignError
from gostkey.media import FolderStore
from gostkey.media.tokens import is_token_address, open_token, split_address

from ..chips import is_chip_address, split_chip

NO_FORM: Mapping[str, str] = {}
"""One for all: a list may have a hundred thousand rows."""


NOT_TEXT = "its name, or that of a folder that it is in, is not UTF-8"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One container whose keys are to be renewed, as the operator named it."""

    source: str
    """Where it was named: "line 5 of list.csv", or the folder tree."""
    container: Path
    """Its folder, or an address: "token:30DA6803/0A00", "chip:3B000001/director"."""
    password_file: Path | None = None
    new_password_file: Path | None = None
    exchanges_finished: bool = False
    destination: Path | None = None
    key_status: str = "ok"
    form: Mapping[str, str] = field(default_factory=lambda: NO_FORM)
    pin_file: Path | None = None
    """With the PIN of the token that has the container, or else of the destination."""
    new_pin_file: Path | None = None
    """With the PIN of the destination, if that is another token."""
    library: str | None = None
    """PKCS #11 library of the token that has the key, if it is in a chip; not kept."""
    fault: str = ""
    """Why its place cannot be looked at, where that is known; not kept."""


@dataclass(frozen=True)
class RowError:
    """A row of a list that cannot be used."""

    line: int
    """Line number in the file, from 1; the header row is line 1."""
    text: str
    cure: str


@dataclass(frozen=True)
class Listing:
    """What was named: the usable subscribers, and the rows that are not."""

    subscribers: tuple[Subscriber, ...]
    errors: tuple[RowError, ...] = ()


def read_tree(
    root: Path,
    *,
    exchanges_finished: bool = False,
    password_file: Path | None = None,
    new_password_file: Path | None = None,
    destination: Path | None = None,
    pin_file: Path | None = None,
    new_pin_file: Path | None = None,
    outside: Iterable[Path] = (),
    library: str | None = None,
) -> Listing:
    """Find the containers below a folder or on a token, or the keys in a chip.

    What is given holds for all of them.

    Args:
        root: the folder, or a token's address, or chip: and its serial number.
        exchanges_finished: the operator's confirmation for all of them.
        password_file: file with the password of all the old containers.
        new_password_file: file with the password for all the new ones.
        destination: folder or token for the new containers; else each one goes
            where the old one is.
        pin_file: file with the PIN of the token; of the destination, if *root* is
            a folder.
        new_pin_file: file with the PIN of the destination, if that is another
            token.
        outside: folders below *root* that do not count, such as the
            campaign's own with its archive.
        library: PKCS #11 library of the token's maker, for keys in a chip.

    Raises:
        CampaignError: if *root* is not a folder, or *destination* is a container.
        MediumError: if it cannot be read, or the token is not there.
    """
    fault = destination_fault(destination)
    if fault:
        raise CampaignError(fault)
    about_all = Subscriber(
        source=str(root),
        container=root,
        password_file=_absolute(password_file),
        new_password_file=_absolute(new_password_file),
        exchanges_finished=exchanges_finished,
        destination=_absolute(destination),
        pin_file=_absolute(pin_file),
        new_pin_file=_absolute(new_pin_file),
        library=library,
    )
    if is_chip_address(root):
        # Which keys it has is seen when it is looked into.
        return Listing((about_all,))
    if is_token_address(root):
        places = open_token(root).find()
        return Listing(tuple(replace(about_all, container=one) for one in places))
    if not root.is_dir():
        raise CampaignError(
            f"{root}: there is no such folder; name the folder that holds the "
            "key containers, or a CSV list of them"
        )
    skip = [path.resolve() for path in outside]
    found = []
    for folder in FolderStore(root).find():
        folder = folder.absolute()
        resolved = folder.resolve()
        if any(resolved == one or one in resolved.parents for one in skip):
            continue
        text = str(folder).encode("utf-8", "backslashreplace").decode()
        # Neither the store nor the log nor JSON can hold what is no text.
        fault = "" if text == str(folder) else NOT_TEXT
        found.append(replace(about_all, container=Path(text), fault=fault))
    return Listing(tuple(sorted(found, key=lambda one: str(one.container))))


def destination_fault(destination: Path | None) -> str:
    """Say why a destination cannot be one, as far as its name tells; "" if it can."""
    if is_chip_address(destination):
        token, key = split_chip(destination or "")
        if key or not token:
            return f"{destination}: must be chip: and the serial number of the token"
        return ""
    if destination is None or not is_token_address(destination):
        return ""
    _, container = split_address(destination)
    if not container:
        return ""
    return f"{destination}: names a container on a token, and the token is wanted"


def _absolute(path: Path | None) -> Path | None:
    if path is None or is_token_address(path) or is_chip_address(path):
        return path
    return path.absolute()
