"""What a run would do, decided beforehand and changing nothing.

For every key found: is it renewed, and if not, why; and for those renewed the
new container's name and destination.  A plan can be saved as JSON, looked at,
and given to a run; the run looks at every container again (`confirm`), so a
plan from elsewhere can renew less than the rules allow, but never more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from pathlib import Path

from .reasons import Reason, Verdict, verdict
from .rules import MOSCOW, days_left, judge
from .scan import (
    Holding,
    examine,
    names_in,
    new_container_name,
    renewed_key,
    short_id,
    why_closed,
)
from .subscribers import Listing, RowError, Subscriber


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
    holdings = [one for who in listing.subscribers for one in examine(who)]
    names = _NewContainers(holdings)
    seen: dict[str, Holding] = {}
    closed: dict[Path, Verdict | None] = {}
    items = []
    for one in holdings:
        decided = _decide(one, names, now, zone)
        if one.key_id and one.fault is None:
            first = seen.setdefault(one.key_id, one)
            if first is not one and (decided is None or decided.kind != "skipped"):
                where = str(first.subscriber.container)
                decided = verdict(Reason.DUPLICATE, where)
        if decided is None:
            place = _destination(one)
            if place not in closed:
                closed[place] = why_closed(place)
            decided = closed[place]
        items.append(_item(one, decided, now, zone))
    return Plan(now, tuple(items), listing.errors, zone)


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
    day = plan.made_at.astimezone(plan.zone).date()
    items = []
    for saved in plan.items:
        current = found.get(_place(saved))
        if saved.verdict is not None:
            items.append(saved)
        elif current is None:
            gone = verdict(Reason.KEY_CHANGED, f"it has no {saved.holding.slot} key")
            items.append(replace(saved, verdict=gone))
        elif current.verdict is not None:
            items.append(current)
        elif current.holding.key_id != saved.holding.key_id:
            items.append(replace(current, verdict=verdict(Reason.KEY_CHANGED)))
        else:
            items.append(_with_choices(current, saved, day))
    return Plan(now, tuple(items), plan.row_errors, plan.zone)


class _NewContainers:
    """The containers that earlier runs made, found by their names."""

    def __init__(self, holdings: Iterable[Holding]) -> None:
        self._by_key: dict[str, list[Holding]] = {}
        folders = set()
        for one in holdings:
            self._add(one)
            if one.fault is None:
                folders.add(_destination(one))
        listed = {one.subscriber.container.resolve() for one in holdings}
        for folder in folders:
            for name, place in names_in(folder).items():
                if renewed_key(name) and place.resolve() not in listed:
                    for one in examine(Subscriber(str(folder), place)):
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
    day = now.astimezone(zone).date()
    return PlanItem(
        one,
        None,
        days,
        _destination(one),
        new_container_name(one.container_name, one.key_id, day),
    )


def _destination(one: Holding) -> Path:
    """Choose the place of the new container: as asked, else beside the old one."""
    return one.subscriber.destination or one.subscriber.container.parent


def _with_choices(current: PlanItem, saved: PlanItem, made_at: date) -> PlanItem:
    """Keep the name and the place of a saved plan, if the name is of our form."""
    one = current.holding
    name = new_container_name(one.container_name, one.key_id, made_at)
    if saved.new_name != name:
        return current
    destination = saved.destination or current.destination
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
