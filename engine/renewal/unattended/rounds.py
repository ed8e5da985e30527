"""The campaigns of a renewal that goes on for ever: a folder of folders.

Keys that have become due are not added to a campaign that runs, but begin one of their
own, in a folder that is called after its day.  So each has its report and its journal,
an old one can be put away, and every command for a campaign works on it as ever.

A key is taken up once: one that is in any of these campaigns is left alone, whether it
was renewed, refused, rolled back or is still at it.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import date, datetime, tzinfo
from pathlib import Path

from gostkey.errors import GostKeyError

from ..planning.plan import PlanItem
from ..planning.scan import key_id
from ..storage.store import Store
from ..tries import begun_since

_MOST_A_DAY = 10_000


class Rounds:
    """The campaigns in a folder, and the keys that they have taken up."""

    def __init__(self, folder: Path) -> None:
        """Look at no campaign yet.

        Args:
            folder: holds a folder for each campaign; may be a campaign itself, which
                was begun without this.
        """
        self.folder = folder
        self._taken: set[bytes] = set()
        self._read: set[Path] = set()

    def campaigns(self) -> list[Path]:
        """List the folders of all campaigns, the oldest first."""
        return [one for one in self._folders() if Store.exists(one)]

    def _folders(self) -> list[Path]:
        """List the folders that may be campaigns, the oldest first."""
        if not self.folder.is_dir():
            return [self.folder]
        inner = sorted(one for one in self.folder.iterdir() if one.is_dir())
        return [self.folder, *inner]

    def next_folder(self, day: date) -> Path:
        """Give the folder for a campaign that begins on a day."""
        for number in range(1, _MOST_A_DAY):
            name = day.isoformat() if number == 1 else f"{day.isoformat()}-{number:02d}"
            if not Store.exists(self.folder / name):
                return self.folder / name
        raise AssertionError("thousands of campaigns on one day")

    def has_taken(self, one: PlanItem) -> bool:
        """Say whether a campaign that `learn` has seen took up a key."""
        return _short(one.holding.key_id) in self._taken

    def learn(self) -> None:
        """Look which keys the campaigns have taken up that came since the last time."""
        for folder in self._folders():
            # Those that were read are not even opened: they become hundreds.
            if folder in self._read or not Store.exists(folder):
                continue
            with Store.open(folder) as store:
                for certificate in store.old_certificates():
                    self._taken.add(_short(key_id(certificate)))
            self._read.add(folder)


class BegunToday:
    """Counts the keys that all campaigns have begun on the day, for its limit.

    The journals say it, so that whoever begins the watch again, such as a timer every
    hour, counts on.
    """

    def __init__(self, rounds: Rounds, zone: tzinfo) -> None:
        """Count nothing yet; the day is one of the office's *zone*."""
        self._rounds = rounds
        self._zone = zone
        self._midnight: datetime | None = None
        self._counts: dict[Path, int] = {}

    def count(self, now: datetime) -> int:
        """Give how many were begun since midnight."""
        local = now.astimezone(self._zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        if midnight != self._midnight:
            self._midnight = midnight
            self._counts.clear()
        for folder in self._rounds.campaigns():
            # What nobody has worked on has the same count as before.
            if folder not in self._counts:
                # One that cannot be read is told of when it is its turn.
                with suppress(GostKeyError), Store.open(folder) as store:
                    self._counts[folder] = begun_since(store, midnight)
        return sum(self._counts.values())

    def forget(self, folder: Path) -> None:
        """Count a campaign anew the next time, because it is worked on."""
        self._counts.pop(folder, None)


def _short(name: str) -> bytes:
    """Keep little of a key's name: there may be hundreds of thousands."""
    return hashlib.sha256(name.encode("ascii")).digest()[:12]
