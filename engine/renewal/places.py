"""Where new containers go: folders that nobody else has, chosen once for all workers.

The names in a destination are listed once in a run.  Whoever makes containers asks
here, one chunk at a time, so that no two items get the same folder, and no second
container is made for a key.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gostkey.containers import folder_name
from gostkey.errors import ContainerError
from gostkey.media import explain

from .planning.scan import container_name, renewed_key
from .reasons import Reason, Verdict, verdict


@dataclass(frozen=True)
class Wanted:
    """A new container that is to get a folder."""

    destination: str
    new_name: str
    new_folder: str | None
    """The folder that an earlier run chose for it."""
    item_id: int = 0
    """Whose it is."""


class Places(Protocol):
    """Chooses folders."""

    def choose(self, wanted: Sequence[Wanted]) -> list[str | Verdict]:
        """Give each new container a folder, or say why it gets none.

        A folder that holds the container itself already, made by an earlier run
        of this campaign, is chosen again.
        """

    def anew(self) -> Places:
        """Give what looks at the destinations anew."""


class LocalPlaces:
    """Chooses folders by what is in the destinations."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[str, ...]]] = {}
        """Destination to its folders' names, by what is before the last dot.

        Tuples, as there may be a hundred thousand, nearly all of one name.
        """

    def anew(self) -> LocalPlaces:
        """Give another one, which has looked at nothing yet."""
        return LocalPlaces()

    def choose(self, wanted: Sequence[Wanted]) -> list[str | Verdict]:
        """Choose; see `Places`."""
        return [self._choose(one) for one in wanted]

    def _choose(self, one: Wanted) -> str | Verdict:
        root = one.destination
        try:
            stem = folder_name(one.new_name).rpartition(".")[0]
            known = self._folders(root)
            alike = known.get(stem.lower(), ())
            for folder in alike:
                there = os.path.join(root, folder)
                name = container_name(there)
                if name is None or renewed_key(name) != renewed_key(one.new_name):
                    continue
                if name == one.new_name and one.new_folder == there:
                    return there
                return verdict(Reason.NAME_TAKEN, there)
            place = one.new_folder
            if place is None or os.path.basename(place) in alike:
                place = os.path.join(root, folder_name(one.new_name, alike))
        except ContainerError as error:
            return verdict(Reason.MEDIUM, str(error))
        except OSError as error:
            return verdict(Reason.MEDIUM, str(explain(error, Path(root))))
        name = os.path.basename(place)
        if name not in alike:
            known[stem.lower()] = (*alike, name)
        return place

    def _folders(self, root: str) -> dict[str, tuple[str, ...]]:
        known = self._known.get(root)
        if known is None:
            try:
                names = os.listdir(root)
            except FileNotFoundError:
                names = []
            alike: dict[str, list[str]] = {}
            for name in names:
                alike.setdefault(name.rpartition(".")[0].lower(), []).append(name)
            known = {stem: tuple(its) for stem, its in alike.items()}
            self._known[root] = known
        return known


def disk_of(root: str) -> int | None:
    """Give the device number of the disk that a folder is on, or will be on.

    None if nothing of its path can be looked at.
    """
    while True:
        try:
            return os.stat(root).st_dev
        except FileNotFoundError:
            parent = os.path.dirname(root)
            if parent == root:
                return None
            root = parent or os.curdir
        except OSError:
            return None
