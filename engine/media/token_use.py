"""What is allowed where a path may be the address of a token."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from gostkey.errors import ContainerError

from .folder import FolderStore
from .medium import Medium
from .tokens import TokenStore, open_token, split_address
from .tokens.model import PinSource


@dataclass(frozen=True)
class TokenUse:
    """What a caller grants for tokens."""

    pin: PinSource | None = None
    """Asks for the user's PIN, when a token wants it."""
    experimental: bool = False
    """Write where nobody has shown that it works."""

    def open(self, address: str | os.PathLike[str]) -> TokenStore:
        """Return the token of an address; errors as `open_token`."""
        return open_token(address, pin=self.pin, experimental=self.experimental)

    def locate(self, address: str | os.PathLike[str]) -> tuple[TokenStore, Path]:
        """Return the token of a container's address, and the container's place.

        A token with a single container needs no more than its own address.

        Raises:
            ContainerError: if there is no such container, or the address does not
                say which of several is meant.
        """
        store = self.open(address)
        places = list(store.find())
        if len(places) == 1:
            return store, places[0]
        if not places:
            raise none_there(address)
        raise ContainerError(
            f"{os.fspath(address)}: {len(places)} containers; name one: "
            + ", ".join(map(str, places))
        )


NO_TOKENS = TokenUse()
"""Nobody is asked for a PIN, and nothing is tried out."""


def none_there(address: str | os.PathLike[str]) -> ContainerError:
    """Return the error for an address that leads to no container."""
    _, container = split_address(address)
    what = "no such container on the token" if container else "no containers on it"
    return ContainerError(
        f"{os.fspath(address)}: {what}; `gostkey container list` shows all"
    )


def held(medium: Medium[Path]) -> AbstractContextManager[object]:
    """Hold a medium for several steps: one login to a token serves them all."""
    return medium if isinstance(medium, TokenStore) else nullcontext()


def read_public(medium: Medium[Path], place: Path) -> dict[str, bytes]:
    """Read what is public: name and header, without a PIN.

    Files with keys are missing then, or empty, or may be there as well.
    """
    if isinstance(medium, (TokenStore, FolderStore)):
        return medium.read_public(place)
    return medium.read(place)
