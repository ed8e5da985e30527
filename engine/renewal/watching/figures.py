"""Figures of a campaign for its report: ends of keys by day, states over time."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any

import sqlalchemy as sa

from ..answer_steps import state_after_stop
from ..planning.rules import last_day
from ..report import STOPPED, group_of
from ..storage.schema import ROLLED_BACK, STATES, item, journal
from ..storage.store import Store, parse_moment

__all__ = ["Ends", "Timeline", "cures_of", "ends_of", "timeline_of"]

MOST_POINTS = 400
"""Of a timeline: its steps are seconds, minutes, hours or days accordingly."""
_STEPS = ((19, 1), (16, 60), (13, 3600), (10, 86_400))
"""Characters of a moment up to the second, minute, hour and day, and their length."""


@dataclass(frozen=True)
class Ends:
    """How many keys end on which day."""

    old: Mapping[date, int]
    """Keys that were not renewed."""
    new: Mapping[date, int]
    """New keys."""


def ends_of(store: Store, zone: tzinfo) -> Ends:
    """Count the keys by their last day, in the office's zone.

    A key that was renewed counts by its new last day alone.
    """
    old: Counter[date] = Counter()
    new: Counter[date] = Counter()
    query = sa.select(item.c.state, item.c.old_ends, item.c.new_ends)
    for state, old_ends, new_ends in store.rows(query):
        renewed = state in ("installed", "backed-up") and new_ends
        ends = new_ends if renewed else old_ends
        if ends:
            (new if renewed else old)[last_day(parse_moment(ends), zone)] += 1
    return Ends(dict(sorted(old.items())), dict(sorted(new.items())))


@dataclass(frozen=True)
class Timeline:
    """How many keys were in which state, over time."""

    moments: Sequence[datetime]
    """In UTC, in their order: where a step of time ends."""
    states: Mapping[str, Sequence[int]]
    """By state, in their order: keys at each moment."""


def timeline_of(store: Store) -> Timeline:
    """Read from the journal when the keys came into which state.

    Steps of time in which nothing happened are left out.  A key that was rolled back
    is in no state from then on.
    """
    at = journal.c.at
    ((first, last),) = store.rows(sa.select(sa.func.min(at), sa.func.max(at)))
    if first is None:
        return Timeline((), {})
    seconds = (parse_moment(last) - parse_moment(first)).total_seconds()
    length, span = next(
        (one for one in _STEPS if seconds / one[1] <= MOST_POINTS), _STEPS[-1]
    )
    # Written out: PostgreSQL takes two parameters for two different expressions.
    part = sa.literal_column(str(length), sa.Integer)
    moment = sa.func.substr(at, sa.literal_column("1", sa.Integer), part)
    moved: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text, come_from, to, number in _moves(store, moment):
        moved[text][come_from] -= number
        moved[text][to] += number
    moments: list[datetime] = []
    states: dict[str, list[int]] = {state: [] for state in STATES[1:]}
    here: Counter[str] = Counter()
    for text in sorted(moved):
        begins = _moment(text)
        # The beginning too, so that a campaign of one second is a line.
        if not moments:
            moments.append(begins)
            for values in states.values():
                values.append(0)
        moments.append(begins + timedelta(seconds=span))
        here.update(moved[text])
        for state, values in states.items():
            values.append(max(0, here[state]))
    return Timeline(moments, states)


def _moves(
    store: Store, moment: sa.ColumnElement[str]
) -> Iterator[tuple[str, str, str, int]]:
    """Read the moves of keys from state to state: when, from, to, and how many keys.

    Each step takes its keys from the state before it, so the database counts them.
    Only the moves back are read one by one, of which there are few.
    """
    step, phase = journal.c.step, journal.c.phase
    forward = (
        sa.select(moment, step, sa.func.count())
        .where(phase == "after", step.in_(STATES[1:]))
        .group_by(moment, step)
    )
    for text, name, number in store.rows(forward):
        yield text, STATES[STATES.index(name) - 1], name, number
    stopped = sa.and_(
        phase.not_in(("before", "after", "skipped")), step.in_(STATES[2:])
    )
    undone = sa.and_(phase == "after", step == ROLLED_BACK)
    back = sa.select(moment, step, journal.c.detail).where(sa.or_(stopped, undone))
    for text, name, detail in store.rows(back):
        told = json.loads(detail)
        if name == ROLLED_BACK:
            yield text, told["state"], ROLLED_BACK, 1
            continue
        to = state_after_stop(name, str(told.get("reason")))
        if to is not None:
            yield text, STATES[STATES.index(name) - 1], to, 1


def _moment(text: str) -> datetime:
    whole = text + "0000-01-01T00:00:00"[len(text) :]
    return datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)


def cures_of(store: Store) -> list[tuple[str, str, int]]:
    """List why keys were stopped: reason, cure, how many; those without need not."""
    query = (
        sa.select(item.c.state, item.c.reason, item.c.cure, sa.func.count())
        .where(item.c.reason.is_not(None))
        .group_by(item.c.state, item.c.reason, item.c.cure)
    )
    found: Counter[tuple[str, str]] = Counter()
    for row in store.rows(query):
        state, reason, cure, number = tuple[Any, ...](row)
        if group_of(state, reason) in STOPPED:
            found[reason, cure or ""] += number
    return sorted((*pair, number) for pair, number in found.items())
