"""A plan that was written into a file, of any length: read, kept aside, confirmed.

A run wants to know for how many keys it is before it begins, and then looks at every
container again.  What the file says of a hundred thousand keys waits meanwhile on the
disk, in a file without a name; in memory are their places alone.
"""

from __future__ import annotations

import pickle
import tempfile
from array import array
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import IO, BinaryIO

from .json_pieces import texts
from .plan import Plan, PlanItem, confirm, confirmed, needs_token, plan_items
from .plan_file import read_items
from .rules import day_of
from .spooled import IN_MEMORY, loses_password
from .subscribers import Listing, Subscriber

__all__ = ["SavedPlan"]


class SavedPlan:
    """The items of a saved plan; close it, or use it as a context."""

    def __init__(self, file: BinaryIO, library: str | None = None) -> None:
        """Read a plan that `plan_to_json` wrote.

        Args:
            file: the JSON.
            library: PKCS #11 library of the token's maker, for keys in chips.

        Raises:
            CampaignError: if it is anything else; the text names the place.
        """
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)
        self._forget()
        try:
            head = read_items(texts(file), self._put, self._forget, library)
        except BaseException:
            self.close()
            raise
        self.made_at = head.made_at
        self.zone = head.zone
        self.row_errors = head.row_errors

    def _forget(self) -> None:
        self.keys = 0
        """Keys that a run will make, if all is as it was."""
        self.losing_password = 0
        """Keys that have a password, and whose new container will have none."""
        self._subscribers: dict[Path, Subscriber] = {}
        self._places: dict[Path, array[int]] = {}
        """Where in the file the items of a container are."""

    def _put(self, one: PlanItem) -> None:
        who = one.holding.subscriber
        if one.verdict is None:
            self.keys += 1
            self.losing_password += loses_password(one)
        self._subscribers.setdefault(who.container, who)
        self._places.setdefault(who.container, array("q")).append(self._file.tell())
        pickle.dump(one, self._file, pickle.HIGHEST_PROTOCOL)

    def confirmed(self, now: datetime, *, workers: int = 1) -> Iterator[PlanItem]:
        """Look at every container again and decide anew, as `confirm` does.

        The items come container by container, in the order of the plan.

        Args:
            now: the moment of the decision, aware.
            workers: processes that read the containers.
        """
        listing = Listing(tuple(self._subscribers.values()))
        if any(map(needs_token, listing.subscribers)):
            # What an address means is known when it was looked at; they are never many.
            items = tuple(one for place in self._places for one in self._at(place))
            plan = Plan(self.made_at, items, self.row_errors, self.zone, saved=True)
            yield from confirm(plan, now).items
            return
        day = day_of(self.made_at, self.zone)
        fresh = plan_items(listing, now, self.zone, workers=workers)
        for container, keys in groupby(
            fresh, lambda one: one.holding.subscriber.container
        ):
            found = {one.holding.slot: one for one in keys}
            for saved in self._at(container):
                yield confirmed(saved, found.get(saved.holding.slot), day)

    def _at(self, container: Path) -> Iterator[PlanItem]:
        for place in self._places[container]:
            self._file.seek(place)
            one: PlanItem = pickle.load(self._file)
            yield one

    def close(self) -> None:
        """Forget the plan."""
        self._file.close()

    def __enter__(self) -> SavedPlan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
