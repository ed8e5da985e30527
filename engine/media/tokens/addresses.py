"""Addresses of tokens and of the containers on them."""

from __future__ import annotations

import os
from pathlib import Path

PREFIX = "token:"


def is_token_address(text: str | os.PathLike[str]) -> bool:
    """Say whether a text or path means a token rather than a file."""
    return os.fspath(text)[: len(PREFIX)].lower() == PREFIX


def split_address(text: str | os.PathLike[str]) -> tuple[str, str]:
    """Split an address into the token's part and the container's; either may be "".

    >>> split_address("token:30DA6803/0A00")
    ('30DA6803', '0A00')
    """
    rest = os.fspath(text)[len(PREFIX) :].replace(os.sep, "/")
    token, _, container = rest.partition("/")
    return token, container


def place_of(address: str, slot: str) -> Path:
    """Return the place of a container from its token's address and its slot."""
    return Path(f"{address}/{slot}")


def is_serial(text: str, serial: str) -> bool:
    """Say whether a text names a serial number: hexadecimal, or as it is engraved.

    >>> is_serial("0x30da6803", "30DA6803"), is_serial("819619843", "30DA6803")
    (True, True)
    """
    if not serial:
        return False
    wanted = text.strip().lower().removeprefix("0x").lstrip("0")
    if wanted == serial.lower().lstrip("0"):
        return True
    return wanted.isascii() and wanted.isdigit() and int(wanted) == int(serial, 16)
