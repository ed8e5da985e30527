"""What a run would do, decided beforehand and changing nothing.

For every key found: is it renewed, and if not, why; and for those renewed the
new container's name and destination.  A plan can be saved as JSON, looked at,
and given to a run; the run looks at every container again (`confirm`), so a
plan from elsewhere can renew less than the rules allow, but never more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, tzinfo
from operator import attrgetter
from pathlib import Path
from typing import Any

from gostkey.media.chips import LONGEST_LABEL

from ..chips import is_chip_address
from ..forks import a_few, mapping
from ..reasons import Reason, Verdict, verdict
from ..tokens import token_of
from .rules import MOSCOW, day_of, days_left, judge
from .scan import (
    Holding,
    examine,
    examine_all,
    examine_renewing,
    names_in,
    new_container_name,
    renewed_key,
    short_id,
    why_closed,
)
from .subscribers import Listing, RowError, Subscriber

CHUNK = 256
"""Subscribers whose containers are read together."""


@dataclass(frozen=True)
class PlanItem:
    """What is decided about one key."""

    holding: Holding
    verdict: Verdict | None
    """None: the key is renewed."""
    days_left: int | None = None
    destination: Path | None = None
    """Folder in which the new container is made."""
    new_name: str | None = None
    """Name of the new container."""

    @property
    def state(self) -> str:
        """Say "planned", "not-due", "refused" or "unreadable"."""
        if self.verdict is None:
            return "planned"
        if self.verdict.kind == "skipped":
            return "not-due"
        return "refused" if self.verdict.kind == "refused" else "unreadable"


@dataclass(frozen=True)
class Plan:
    """The decisions on all the keys that were named."""

    made_at: datetime
    items: tuple[PlanItem, ...]
    row_errors: tuple[RowError, ...] = ()
    zone: tzinfo = MOSCOW
    saved: bool = False
    """Whether it was read from JSON, so that it must be confirmed."""

    @property
    def planned(self) -> tuple[PlanItem, ...]:
        """Give the items that a run renews."""
        return tuple(one for one in self.items if one.verdict is None)


def due_list(listing: Listing, now: datetime, zone: tzinfo = MOSCOW) -> Plan:
    """List the keys with what the calendar and the containers say of them.

    As `make_plan`, except that exchanges need not be confirmed: this is to see
    what is due, not to renew it.
    """
    return make_plan(_confirmed(listing), now, zone)


def make_plan(listing: Listing, now: datetime, zone: tzinfo = MOSCOW) -> Plan:
    """Decide on every key of the containers that were named; change nothing.

    Args:
        listing: the subscribers, as `read_tree` or `read_list` gave them.
        now: the moment of the decision, aware.
        zone: the office's zone, in which calendar days are counted.
    """
    return Plan(now, tuple(plan_items(listing, now, zone)), listing.errors, zone)


def plan_items(
    listing: Listing, now: datetime, zone: tzinfo = MOSCOW, *, workers: int = 1
) -> Iterator[PlanItem]:
    """Decide on every key as `make_plan` does, and forget it when it is yielded.

    Args:
        listing: the subscribers.
        now: the moment of the decision, aware.
        zone: the office's zone.
        workers: processes that read the containers.
    """
    subscribers = listing.subscribers
    if any(map(needs_token, subscribers)):
        # What an address of a token means is known when it was looked at; there are
        # never many, and no other process may speak to them.
        found = [examine(who) for who in subscribers]
        names = _NewContainers.beside(one for holdings in found for one in holdings)
        yield from _decided(found, names, now, zone)
        return
    with _looking_at(subscribers, workers) as look:
        names = _NewContainers.beside_folders(subscribers, look("names"))
        yield from _decided(look("all"), names, now, zone)


def _decided(
    found: Iterable[list[Holding]], names: _NewContainers, now: datetime, zone: tzinfo
) -> Iterator[PlanItem]:
    seen: dict[bytes, Path] = {}
    closed: dict[Path, Verdict | None] = {}
    for holdings in found:
        for one in holdings:
            decided = _decide(one, names, now, zone)
            if one.key_id and one.fault is None:
                key = bytes.fromhex(one.key_id)
                if key not in seen:
                    seen[key] = one.subscriber.container
                elif decided is None or decided.kind != "skipped":
                    decided = verdict(Reason.DUPLICATE, str(seen[key]))
            if decided is None:
                place = _destination(one)
                if place not in closed:
                    closed[place] = why_closed(place)
                decided = closed[place]
            yield _item(one, decided, now, zone)


def confirm(plan: Plan, now: datetime) -> Plan:
    """Look at every container of a saved plan again, and decide anew.

    What the plan did not renew stays as it was planned; what it renews must
    still be the same key and pass the rules now.
    """
    subscribers: dict[Path, Subscriber] = {}
    for one in plan.items:
        subscribers.setdefault(one.holding.subscriber.container, one.holding.subscriber)
    fresh = make_plan(Listing(tuple(subscribers.values())), now, plan.zone)
    found = {_place(one): one for one in fresh.items}
    day = day_of(plan.made_at, plan.zone)
    items = [confirmed(one, found.get(_place(one)), day) for one in plan.items]
    return Plan(now, tuple(items), plan.row_errors, plan.zone)


def confirmed(saved: PlanItem, current: PlanItem | None, day: date) -> PlanItem:
    """Decide anew on an item of a saved plan.

    Args:
        saved: the item.
        current: what is decided now on the same key; None if it is not there.
        day: of the saved plan.
    """
    if saved.verdict is not None:
        return saved
    if current is None:
        gone = verdict(Reason.KEY_CHANGED, f"it has no {saved.holding.slot} key")
        return replace(saved, verdict=gone)
    if current.verdict is not None:
        return current
    if current.holding.key_id != saved.holding.key_id:
        return replace(current, verdict=verdict(Reason.KEY_CHANGED))
    return _with_choices(current, saved, day)


@contextmanager
def _looking_at(
    subscribers: Sequence[Subscriber], workers: int
) -> Iterator[Callable[[str], Iterator[list[Holding]]]]:
    """Have subscribers looked at in several processes.

    A process that is forked has them all, so that only their numbers travel.

    Yields:
        What looks at all of them, chunk by chunk: for "names", or for "all".
    """

    def work(asked: tuple[str, int]) -> list[tuple[int, tuple[Any, ...]]]:
        kind, start = asked
        some = subscribers[start : start + CHUNK]
        numbers = {id(who): start + number for number, who in enumerate(some)}
        found = examine_renewing(some) if kind == "names" else examine_all(some)
        return [(numbers[id(one.subscriber)], _rest_of(one)) for one in found]

    starts = range(0, len(subscribers), CHUNK)
    workers = min(workers, len(starts))
    if workers > 1:
        # What is made once in a process, such as the tables of a curve, its forks have.
        examine_all(a_few(subscribers))
    with mapping(work, workers) as in_order:

        def look(kind: str) -> Iterator[list[Holding]]:
            for found in in_order((kind, start) for start in starts):
                yield [Holding(subscribers[number], *rest) for number, rest in found]

        yield look


_rest_of: Callable[[Holding], tuple[Any, ...]] = attrgetter(
    *(one.name for one in fields(Holding)[1:])
)
"""All of a holding but its subscriber."""


def needs_token(one: Subscriber) -> bool:
    """Say whether a subscriber's container, or the place of the new one, is a token."""
    return (
        is_chip_address(one.container)
        or token_of(one.container) is not None
        or token_of(one.destination) is not None
    )


class _NewContainers:
    """The containers that earlier runs made, found by their names."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[Holding]] = {}

    @classmethod
    def beside(cls, holdings: Iterable[Holding]) -> _NewContainers:
        """Find them among holdings and in the destinations of these."""
        names = cls()
        listed = list(holdings)
        for one in listed:
            names._add(one)
        folders = {
            (_destination(one), one.subscriber.library)
            for one in listed
            if one.fault is None
        }
        names._look_into(folders, (one.subscriber.container for one in listed))
        return names

    @classmethod
    def beside_folders(
        cls, subscribers: Sequence[Subscriber], found: Iterable[list[Holding]]
    ) -> _NewContainers:
        """Find them by their names, before anything else is read.

        Args:
            subscribers: all.
            found: of them those that were made to renew a key.
        """
        names = cls()
        for holdings in found:
            for one in holdings:
                names._add(one)
        folders = {
            (one.destination or one.container.parent, one.library)
            for one in subscribers
        }
        names._look_into(folders, (one.container for one in subscribers))
        return names

    def _look_into(
        self,
        folders: Iterable[tuple[Path, str | None]],
        containers: Iterable[Path],
    ) -> None:
        """Add what is in some folders and is none of the listed containers."""
        listed: set[Path] | None = None
        for folder, library in folders:
            for name, place in names_in(folder, library).items():
                if not renewed_key(name):
                    continue
                if listed is None:
                    listed = {one.resolve() for one in containers}
                if place.resolve() not in listed:
                    who = Subscriber(str(folder), place, library=library)
                    for one in examine(who):
                        self._add(one)

    def _add(self, one: Holding) -> None:
        if one.renews:
            self._by_key.setdefault(one.renews, []).append(one)

    def verdict_on(self, old: Holding) -> Verdict | None:
        """Say whether a new key for *old* is there, with or without certificate."""
        pending = None
        for one in self._by_key.get(short_id(old.key_id), []):
            where = str(one.subscriber.container)
            if one.certificate is not None and one.subject == old.subject:
                return verdict(Reason.REPLACED, where)
            pending = verdict(Reason.PENDING_ELSEWHERE, where)
        return pending


def _decide(
    one: Holding, names: _NewContainers, now: datetime, zone: tzinfo
) -> Verdict | None:
    if one.fault is not None:
        if one.fault.reason is Reason.NO_CERTIFICATE and one.renews:
            return verdict(Reason.WAITING)
        return one.fault
    assert one.validity is not None
    there = names.verdict_on(one)
    if there is not None:
        return there
    return judge(
        one.validity,
        now,
        zone,
        exchanges_finished=one.subscriber.exchanges_finished,
        key_status=one.subscriber.key_status,
        changed_fields=one.changed,
    )


def _item(
    one: Holding, decided: Verdict | None, now: datetime, zone: tzinfo
) -> PlanItem:
    days = None
    if one.validity is not None:
        days = days_left(one.validity.ends, now, zone)
    if decided is not None:
        return PlanItem(one, decided, days)
    destination = _destination(one)
    name = _new_name(one, destination, day_of(now, zone))
    return PlanItem(one, None, days, destination, name)


def _new_name(one: Holding, destination: Path, day: date) -> str:
    """Name the new key; what is a label in a chip must not be longer than one."""
    longest = LONGEST_LABEL if is_chip_address(destination) else None
    return new_container_name(one.container_name, one.key_id, day, longest=longest)


def _destination(one: Holding) -> Path:
    """Choose the place of the new container: as asked, else beside the old one."""
    return one.subscriber.destination or one.subscriber.container.parent


def _with_choices(current: PlanItem, saved: PlanItem, made_at: date) -> PlanItem:
    """Keep the name and the place of a saved plan, if the name is of our form."""
    one = current.holding
    destination = saved.destination or _destination(one)
    name = _new_name(one, destination, made_at)
    if saved.new_name != name:
        return current
    return replace(current, new_name=name, destination=destination)


def _place(one: PlanItem) -> tuple[Path, str]:
    return one.holding.subscriber.container, one.holding.slot


def _confirmed(listing: Listing) -> Listing:
    return Listing(
        tuple(replace(one, exchanges_finished=True) for one in listing.subscribers),
        listing.errors,
    )


def count_states(items: Iterable[PlanItem]) -> Mapping[str, int]:
    """Count the items by `PlanItem.state`."""
    counts = {"planned": 0, "not-due": 0, "refused": 0, "unreadable": 0}
    for one in items:
        counts[one.state] += 1
    return counts
