"""The rows of a report, read from the store when they are asked for.

Page by page, so that a table of any length is written in the memory of a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

import sqlalchemy as sa

from .storage.schema import item
from .storage.store import Store

__all__ = ["StoredRows"]

Row = Mapping[str, Any]

PAGE = 1000
"""Rows that are read together."""

_LIGHT = [one for one in item.c if not isinstance(one.type, sa.LargeBinary)]


class StoredRows(Sequence[Row]):
    """The rows of a campaign's report, as they stand when they are read."""

    def __init__(self, store: Store, make: Callable[[Any], Row], count: int) -> None:
        """Take a store, which may be closed; it is opened again for reading.

        Args:
            store: the campaign's.
            make: makes a row of what has an item's fields, but those of bytes.
            count: of the campaign's items, which never changes.
        """
        self._store = store
        self._make = make
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        return self.matching()

    def matching(self, *conditions: sa.ColumnElement[bool]) -> Iterator[Row]:
        """Read the rows of the items for which some conditions hold."""
        last = -1
        while True:
            page = self._page(item.c.id > last, *conditions)
            yield from page
            if len(page) < PAGE:
                return
            last = page[-1]["id"]

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self._count))]
        if not -self._count <= place < self._count:
            raise IndexError(place)
        (row,) = self._page(skip=place % self._count, most=1)
        return row

    def _page(
        self,
        *conditions: sa.ColumnElement[bool],
        skip: int = 0,
        most: int | None = None,
    ) -> list[Row]:
        query = (
            sa.select(*_LIGHT)
            .where(*conditions)
            .order_by(item.c.id)
            .limit(PAGE if most is None else most)
            .offset(skip)
        )
        return [self._make(one) for one in self._store.rows(query)]
