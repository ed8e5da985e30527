"""Addresses of tokens and of the containers on them."""

from __future__ import annotations

import os

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
