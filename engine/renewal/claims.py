"""Which campaign renews a key: nobody else does, where campaigns share a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .storage.records import Item


class Claims(Protocol):
    """Claims keys for a campaign."""

    matter: bool
    """Whether there is anybody to claim against."""

    def claim(self, items: Sequence[Item]) -> dict[int, str]:
        """Claim the keys of items before anything is made for them.

        Claiming again what the item has is the same as once.

        Returns:
            Item id to who has it, for those that another campaign has.
        """

    def release(self, items: Sequence[Item]) -> None:
        """Give back the keys for which nothing was made, nor will be."""

    def close(self) -> None:
        """Close what is open, before a fork and at the end."""


class NoClaims:
    """For a campaign alone with its store: nobody could have claimed anything."""

    matter = False

    def claim(self, items: Sequence[Item]) -> dict[int, str]:
        """Claim nothing."""
        return {}

    def release(self, items: Sequence[Item]) -> None:
        """Release nothing."""

    def close(self) -> None:
        """Close nothing."""
