"""What a place for key containers can do: the verbs of every medium.

A folder on a disk has them (`folder.FolderStore`), a Windows registry export
(`registry.RegistryFile`), a token (`tokens.TokenStore`).  A *place* is where one
container is on its medium: a folder's path, a directory of a card.  `places` tells
which medium a path means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, TypeVar

from gostkey.errors import MediumError

Place = TypeVar("Place")


class Medium(Protocol[Place]):
    """A medium that holds containers.

    Nothing here overwrites a container, and only `remove` deletes one.  All
    methods raise MediumError if the medium is absent, full, read-only or fails.
    """

    @property
    def identity(self) -> str:
        """What tells this medium from others, for journals and reports."""

    def find(self, unreadable: list[MediumError] | None = None) -> Iterator[Place]:
        """Yield the places that hold a container, in a fixed order.

        What cannot be looked into is appended to *unreadable*; the rest goes on.
        """

    def read(self, place: Place) -> dict[str, bytes]:
        """Read the container's files: lower-case name to content.

        Raises:
            ContainerDamaged: if the medium is well and a file of it is not.
        """

    def read_own(self, place: Place) -> dict[str, bytes]:
        """Read the files afresh for a copy: nothing that is not the container's.

        Links among them and files that are there twice are refused.
        """

    def write(
        self, name: str, files: Mapping[str, bytes], place: Place | None = None
    ) -> Place:
        """Write a new container whole or not at all, and read it back.

        Args:
            name: container name, from which a place is chosen.
            files: the container.
            place: where to, if that was settled before.
        """

    def remove(self, place: Place, *, whole: bool = False) -> None:
        """Remove a half-written container; what is in its key files is overwritten.

        Half-written is one without name.key or header.key.

        Args:
            place: the container's.
            whole: remove it although it is a whole one.

        Raises:
            MediumError: if it is a whole one, not there, or the medium does not
                allow it.
        """

    def free_space(self) -> int:
        """Return the bytes that can still be written."""


class ChangeableMedium(Medium[Place], Protocol[Place]):
    """A medium on which a container can be changed."""

    def replace_header(self, place: Place, header: bytes) -> Place:
        """Replace header.key of a container, whole or not at all.

        Returns:
            Where the container is now: on a token, in another slot.
        """

    def rewrite(
        self, place: Place, old: Mapping[str, bytes], new: Mapping[str, bytes]
    ) -> Place:
        """Replace a container's files, all of them or none.

        Args:
            place: the container's.
            old: what was read there; must still be there.
            new: what shall be there.

        Returns:
            Where the new container is: on a token, in another slot.
        """
