"""A token as a medium."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from gostkey.errors import MediumError

from .model import PinSource, TokenInfo


def open_token(
    address: str | os.PathLike[str],
    *,
    pin: PinSource | None = None,
    experimental: bool = False,
) -> TokenStore:
    """Return the token of an address as a medium.

    Args:
        address: of a token or of a container on it, which is then the only one found.
        pin: asks for the user's PIN; called only when the token wants it.
        experimental: allow writing where nobody has shown that it works.

    Raises:
        TokenAbsent: if there is none.
        TokenAmbiguous: if there are several and the address does not say which.
        TokenUnknown: if it is of no kind that holds containers as files.
        MediumError: if cards cannot be reached.
    """
    return TokenStore(address, pin=pin, experimental=experimental)


class TokenStore:
    """The containers of one token; a `Medium[Path]` with places "token:SERIAL/SLOT".

    As a context manager it holds the token, and the login, until the block ends;
    otherwise every method does so for itself.
    """

    def __init__(
        self,
        address: str | os.PathLike[str],
        *,
        pin: PinSource | None = None,
        experimental: bool = False,
    ) -> None:
        raise NotImplementedError

    def __enter__(self) -> TokenStore:
        raise NotImplementedError

    def __exit__(self, *_: object) -> None:
        raise NotImplementedError

    @property
    def info(self) -> TokenInfo:
        """Who the token is, as it was when it was asked last."""
        raise NotImplementedError

    @property
    def identity(self) -> str:
        """The address of the token: "token:SERIAL"."""
        raise NotImplementedError

    def find(self, unreadable: list[MediumError] | None = None) -> Iterator[Path]:
        """Yield the places of containers, in order of slots; needs no PIN."""
        raise NotImplementedError

    def read_public(self, place: Path) -> dict[str, bytes]:
        """Read name.key and header.key, which need no PIN."""
        raise NotImplementedError

    def read(self, place: Path) -> dict[str, bytes]:
        """Read all files of a container.

        Raises:
            PinRequired: if there is nobody to ask.
            WrongPin, PinBlocked, MediumError
        """
        raise NotImplementedError

    def read_own(self, place: Path) -> dict[str, bytes]:
        """Read all files of a container; there are no links on a token."""
        raise NotImplementedError

    def write(
        self, name: str, files: Mapping[str, bytes], place: Path | None = None
    ) -> Path:
        """Write a new container whole or not at all, and read it back.

        Raises:
            TokenFull: before anything is written.
            ExperimentalOnly: if nothing shows that it works on such a token.
            PinRequired, WrongPin, PinBlocked, MediumError
        """
        raise NotImplementedError

    def replace_header(self, place: Path, header: bytes) -> None:
        """Replace header.key of a container, whole or not at all."""
        raise NotImplementedError

    def rewrite(
        self, place: Path, old: Mapping[str, bytes], new: Mapping[str, bytes]
    ) -> Path:
        """Replace a container's files, all of them or none.

        The new ones are written into another slot and read back; then the old
        slot is removed.

        Returns:
            The place of the new container.
        """
        raise NotImplementedError

    def remove(self, place: Path, *, whole: bool = False) -> None:
        """Remove a half-written container, or a whole one if *whole* says so."""
        raise NotImplementedError

    def free_space(self) -> int:
        """Return the bytes that can still be written.

        Raises:
            MediumError: if the token does not tell.
        """
        raise NotImplementedError

    def unfinished(self) -> list[Path]:
        """Return the places of half-written containers."""
        raise NotImplementedError

    def change_pin(self, old: str, new: str) -> None:
        """Give the user's PIN another value."""
        raise NotImplementedError

    def change_admin_pin(self, old: str, new: str) -> None:
        """Give the administrator's PIN another value."""
        raise NotImplementedError

    def unblock(self, admin_pin: str, new_user_pin: str | None = None) -> None:
        """Give the user's PIN its tries back, and another value if one is given."""
        raise NotImplementedError
