"""What became of a campaign: one record a key, counts, and advice.

The records are JSON-safe and hold nothing secret; tables show the same fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from .randomness import summary_of
from .reasons import OF_TOKENS, Reason
from .records import moment
from .report_rows import StoredRows, group_of
from .rules import CERTIFICATE_EXPECTED
from .schema import item
from .store import Store
from .subscribers import RowError

GROUPS = (
    "renewed",
    "waiting",
    "unfinished",
    "failed",
    "refused",
    "unreadable",
    "not-due",
)
"""Every item is in one of them; rows of a list that could not be used count
as unreadable."""

_NEEDS_PERSON = frozenset(
    one.value
    for one in (
        Reason.PASSWORD_REQUIRED,
        Reason.PASSWORD_FILE,
        Reason.WRONG_PASSWORD,
        Reason.MEDIUM,
        Reason.LOGIN,
        *OF_TOKENS,
    )
)
_OF_TOKENS = frozenset(one.value for one in OF_TOKENS)


@dataclass(frozen=True)
class Report:
    """Where every item of a campaign stands."""

    created_at: datetime
    made_at: datetime
    rows: Sequence[Mapping[str, Any]]
    """Read from the store when they are asked for, if they are many."""
    row_errors: tuple[RowError, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """Number of items by group."""
    prepared: bool = True
    """Whether the items are there; a killed trial may still have to be made."""
    randomness: Mapping[str, Any] = field(default_factory=dict)
    """How the random numbers were had: `randomness.summary_of`."""
    stops: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """Number of items that stopped, by group, reason and cure."""
    late: int = 0
    """Items whose certificate is overdue."""
    noted: Iterable[Mapping[str, Any]] = ()
    """The rows that have a note."""

    @property
    def finished(self) -> bool:
        """Say whether nothing is left to be done by `run` or `receive`."""
        open_items = self.counts["waiting"] or self.counts["unfinished"]
        return self.prepared and not open_items

    @property
    def exit_code(self) -> int:
        """Give the command's exit code: 0, 2 some failed, 3 none succeeded, 4, 5.

        4: none succeeded, and all that failed need a person: the right
        password or PIN, the token, or another medium.  5: the random generator
        failed.
        """
        if any(reason == Reason.GENERATOR.value for _, reason, _ in self.stops):
            return 5
        bad = sum(self.counts[one] for one in ("failed", "refused", "unreadable"))
        if not bad:
            return 0
        good = sum(self.counts[one] for one in ("renewed", "waiting", "unfinished"))
        if good:
            return 2
        stopped = {
            key: number
            for key, number in self.stops.items()
            if key[0] in ("failed", "refused") or key[1] in _OF_TOKENS
        }
        alone = sum(stopped.values()) == bad
        if alone and all(reason in _NEEDS_PERSON for _, reason, _ in stopped):
            return 4
        return 3

    def summary(self) -> dict[str, Any]:
        """Give the counts and the advice, JSON-safe."""
        return {
            "created_at": self.created_at.isoformat(),
            "made_at": self.made_at.isoformat(),
            "finished": self.finished,
            "counts": dict(self.counts),
            "randomness": dict(self.randomness),
            "advice": self.advice(),
        }

    def advice(self) -> list[str]:
        """Say what is to be done now, one sentence each."""
        said = []
        if self.counts["renewed"]:
            said.append(
                "back up the media with the new keys; copies of the new and the old "
                "containers are in the campaign's folder, which holds keys: keep "
                "it like them"
            )
        if self.late:
            said.append(
                f"{self.late} without a certificate after three hours: ask the "
                "authority, naming the request, then run gostkey renew receive"
            )
        elif self.counts["waiting"]:
            said.append(
                "certificates are expected within three hours after sending; "
                "fetch them with gostkey renew receive"
            )
        if self.counts["unfinished"] or not self.prepared:
            said.append("the run was interrupted; go on with gostkey renew resume")
        if self.counts["failed"]:
            said.append(
                "see to the causes of the failures, then run gostkey renew resume"
            )
        if self.counts["refused"]:
            said.append("what was refused is told with its cure in the table")
        return said


HELD = 1000
"""Items up to which a report holds its rows, as they were when it was made."""


def make_report(store: Store, now: datetime) -> Report:
    """Read a campaign's report from its store; of many items the counts alone."""
    errors = tuple(store.row_errors())
    ((total,),) = store.rows(sa.select(sa.func.count()).select_from(item))
    rows: Sequence[Mapping[str, Any]] = StoredRows(store, now, total)
    if total <= HELD:
        report = _report_of(tuple(rows), errors, store.created_at(), now)
    else:
        report = _counted(store, StoredRows(store, now, total), errors, now)
    return replace(
        report,
        prepared=store.phase() == "planned",
        randomness=summary_of(store.randomness()),
    )


def read_report(folder: Path, now: datetime) -> Report:
    """Read the report of a campaign that another process may be working on.

    Raises:
        CampaignError: if there is no campaign in *folder*.
    """
    with Store.open(folder) as store:
        return make_report(store, now)


def _report_of(
    rows: Sequence[Mapping[str, Any]],
    errors: tuple[RowError, ...],
    created_at: datetime,
    now: datetime,
) -> Report:
    counts = dict.fromkeys(GROUPS, 0)
    stops: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        counts[row["group"]] += 1
        if row["reason"]:
            stops[row["group"], row["reason"], row["cure"] or ""] += 1
    counts["unreadable"] += len(errors)
    return Report(
        created_at,
        now,
        rows,
        errors,
        counts,
        stops=stops,
        late=sum(1 for row in rows if row["late"]),
        noted=[row for row in rows if row["note"]],
    )


def _counted(
    store: Store, rows: StoredRows, errors: tuple[RowError, ...], now: datetime
) -> Report:
    """Make a report whose counts are the database's; its rows are not read."""
    counts = dict.fromkeys(GROUPS, 0)
    stops: Counter[tuple[str, str, str]] = Counter()
    kinds = (item.c.state, item.c.reason, item.c.cure)
    query = sa.select(*kinds, sa.func.count()).group_by(*kinds)
    for state, reason, cure, number in store.rows(query):
        group = group_of(state, reason)
        counts[group] += number
        if reason:
            stops[group, reason, cure or ""] += number
    counts["unreadable"] += len(errors)
    overdue = sa.and_(
        item.c.state == "sent",
        item.c.reason.is_(None),
        item.c.sent_at <= moment(now - CERTIFICATE_EXPECTED),
    )
    late = sa.select(sa.func.count()).select_from(item).where(overdue)
    ((number,),) = store.rows(late)
    return Report(
        store.created_at(),
        now,
        rows,
        errors,
        counts,
        stops=stops,
        late=number,
        noted=Noted(rows, sa.or_(item.c.note.is_not(None), overdue)),
    )


@dataclass(frozen=True)
class Noted:
    """The rows with a note, read anew each time."""

    rows: StoredRows
    condition: sa.ColumnElement[bool]

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return self.rows.matching(self.condition)
