"""A plan of any length, kept on the disk until the campaign begins.

A run asks a person for random input before anything is made, and wants to know for
how many keys; so it needs the plan before it may write a campaign's store.  A hundred
thousand keys with their certificates would fill the memory: they wait in a file
without a name, which is gone with the process.
"""

from __future__ import annotations

import marshal
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from itertools import accumulate
from typing import IO

from .. import collector
from ..chips import is_chip_address
from ..storage.records import Item, parse_moment
from ..storage.storing import Row, planned_row
from .items import numbered
from .plan import PlanItem, plan_items
from .rules import MOSCOW
from .subscribers import Listing, RowError

__all__ = ["SpooledPlan", "loses_password"]

IN_MEMORY = 4 << 20
"""Bytes up to which no file is made."""


class SpooledPlan:
    """The decisions on all the keys of a list; close it, or use it as a context."""

    def __init__(
        self, items: Iterable[PlanItem], row_errors: tuple[RowError, ...], zone: tzinfo
    ) -> None:
        """Take the items as they come, and forget them."""
        self.row_errors = row_errors
        self.zone = zone
        self.keys = 0
        """Keys that a run will make."""
        self.losing_password = 0
        """Keys that have a password, and whose new container will have none."""
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)
        self._ends = array("d")
        """When the key of each row ends, seconds of the epoch; 0 if it is not known."""
        self._sizes = array("L")
        """Bytes that each row takes in the file."""
        try:
            with collector.seldom():
                for one in numbered(self._counted(items)):
                    written = marshal.dumps(planned_row(one))
                    self._file.write(written)
                    self._sizes.append(len(written))
                    self._ends.append(_end_of(one))
        except BaseException:
            self.close()
            raise

    @classmethod
    def of(
        cls, listing: Listing, now: datetime, zone: tzinfo = MOSCOW, *, workers: int = 1
    ) -> SpooledPlan:
        """Plan the keys of a list, as `make_plan` does.

        Args:
            listing: the subscribers.
            now: the moment of the decision, aware.
            zone: the office's zone.
            workers: processes that read the containers.
        """
        items = plan_items(listing, now, zone, workers=workers)
        return cls(items, listing.errors, zone)

    def rows(self) -> Iterator[Row]:
        """Read the items of the campaign to be, as a store has them, by their end.

        In this order they are renewed: a store that has them so finds those of a chunk
        beside each other, and writes what becomes of them in one place.
        """
        starts = array("Q", accumulate(self._sizes, initial=0))
        for number in sorted(range(len(self._ends)), key=self._ends.__getitem__):
            self._file.seek(starts[number])
            yield marshal.loads(self._file.read(self._sizes[number]))

    def close(self) -> None:
        """Forget the plan."""
        self._file.close()

    def __enter__(self) -> SpooledPlan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _counted(self, items: Iterable[PlanItem]) -> Iterator[PlanItem]:
        for one in items:
            if one.verdict is None:
                self.keys += 1
                self.losing_password += loses_password(one)
            yield one


def _end_of(one: Item) -> float:
    return parse_moment(one.old_ends).timestamp() if one.old_ends else 0.0


def loses_password(one: PlanItem) -> bool:
    """Say whether a planned key has a password that its new container will not have."""
    who = one.holding.subscriber
    return (
        who.password_file is not None
        and who.new_password_file is None
        and not is_chip_address(one.destination)
    )
