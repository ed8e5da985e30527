"""What the store keeps of an item, and what a step tells of it.

Records only: how they are kept is in `store`, the tables in `schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from operator import attrgetter
from typing import Any, NamedTuple

from ..reasons import Reason, Verdict
from .schema import STATES

Clock = Callable[[], datetime]
"""Gives the present moment, aware; UTC unless the caller likes another zone."""


@dataclass
class Item:
    """One key to be renewed; the fields are the columns of the table ``item``."""

    id: int
    source: str
    container: str
    container_name: str
    slot: str
    password_file: str | None
    new_password_file: str | None
    pin_file: str | None
    new_pin_file: str | None
    owner: str
    inn: str
    old_begins: str | None
    old_ends: str | None
    fingerprint: str | None
    curve: str | None
    usage: str | None
    exportable: bool | None
    destination: str | None
    new_name: str | None
    new_folder: str | None
    moving_to: str | None
    public_key: bytes | None
    request_id: str | None
    sent_at: str | None
    new_begins: str | None
    new_ends: str | None
    archive: str | None
    backup: str | None
    state: str
    reason: str | None
    text: str | None
    cure: str | None
    note: str | None
    old_certificate: bytes | None
    request: bytes | None
    certificate: bytes | None

    @property
    def verdict(self) -> Verdict | None:
        """Give why the item stopped, or None."""
        if self.reason is None:
            return None
        return Verdict(Reason(self.reason), self.text or "", self.cure or "")

    @property
    def has_failed(self) -> bool:
        """Say whether the item stopped for a fault, not by a rule."""
        return self.verdict is not None and self.verdict.kind == "failed"

    @property
    def is_open(self) -> bool:
        """Say whether a step is still to be done and nothing forbids it."""
        return self.reason is None and self.state in STATES[1:-1]

    def label(self) -> str:
        """Name the item in messages: owner and container."""
        return f"{self.owner} ({self.container})" if self.owner else self.container

    def __reduce__(self) -> tuple[type[Item], tuple[Any, ...]]:
        """Pickle without the names of the fields: in half the time."""
        return Item, row_of(self)


ITEM_FIELDS = tuple(one.name for one in fields(Item))
row_of: Callable[[Item], tuple[Any, ...]] = attrgetter(*ITEM_FIELDS)
"""The values of an item's fields, in their order."""

_OF_STEPS = frozenset(
    {
        *("new_folder", "moving_to", "public_key", "request_id", "sent_at"),
        *("new_begins", "new_ends", "archive", "backup", "note"),
        *("request", "certificate"),
    }
)
PLANNED_FIELDS = tuple(name for name in ITEM_FIELDS if name not in _OF_STEPS)
"""Those that a plan gives; the steps give the others, which are None before."""
FOUND_FIELDS = tuple(
    name
    for name in PLANNED_FIELDS
    if name not in ("id", "state", "reason", "text", "cure", "old_certificate")
)
"""Those that never change again; the old certificate is in them by its fingerprint."""
planned_row_of: Callable[[Item], tuple[Any, ...]] = attrgetter(*PLANNED_FIELDS)
"""The values of the fields that a plan gives, in their order."""


class Change(NamedTuple):
    """What a step is about to do, or did, to one item."""

    item_id: int
    step: str
    phase: str
    """"before", then "after", "refused" or "failed"."""
    values: Mapping[str, Any]
    """New values of columns of ``item``."""
    detail: Mapping[str, Any]
    """For the journal; JSON-safe and without secrets."""


def moment(at: datetime) -> str:
    """Write a moment as ISO 8601 in UTC."""
    return at.astimezone(timezone.utc).isoformat()


def parse_moment(text: str) -> datetime:
    """Read a moment that `moment` wrote."""
    return datetime.fromisoformat(text)
