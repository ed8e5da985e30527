"""How many keys of a campaign are where: counted by the database, not read.

One query over an index; for 100,000 keys it takes milliseconds, and whoever writes the
store at the same time is not held up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ..overdue import count_overdue
from ..randomness import summary_of
from ..reasons import Reason
from ..report import GROUPS, STOPPED, advice_of, exit_code_of, group_of
from ..storage.schema import item, row_error
from ..storage.store import Store

__all__ = ["Counts", "count", "read_counts"]


@dataclass(frozen=True)
class Counts:
    """How many keys are where."""

    created_at: datetime
    made_at: datetime
    prepared: bool
    """Whether the keys are there; a trial may still have to be made."""
    groups: Mapping[str, int]
    """By `GROUPS`, each with its number, which may be 0."""
    states: Mapping[str, int]
    """Keys that nothing has stopped, by state."""
    reasons: Mapping[str, int]
    """Keys that failed, were refused or cannot be read, by reason."""
    late: int
    """Keys whose certificate is overdue."""
    exit_code: int
    """Of the command that renewed; see `Report.exit_code`."""
    randomness: Mapping[str, Any]
    """How the random numbers were had: `randomness.summary_of`."""

    @property
    def total(self) -> int:
        """All keys, and rows of the list that could not be used."""
        return sum(self.groups.values())

    @property
    def ended(self) -> int:
        """Keys for which nothing is left to be done by a run."""
        return self.total - self.groups["waiting"] - self.groups["unfinished"]

    @property
    def finished(self) -> bool:
        """Say whether nothing is left to be done by `run` or `receive`."""
        return self.prepared and self.ended == self.total

    def record(self) -> dict[str, Any]:
        """Give the counts, JSON-safe."""
        return {
            "created_at": self.created_at.isoformat(),
            "made_at": self.made_at.isoformat(),
            "finished": self.finished,
            "counts": dict(self.groups),
            "states": dict(self.states),
            "reasons": dict(self.reasons),
            "late": self.late,
            "randomness": dict(self.randomness),
            "advice": self.advice(),
        }

    def advice(self) -> list[str]:
        """Say what is to be done now, one sentence each."""
        return advice_of(self.groups, self.late, self.prepared)


def count(store: Store, now: datetime) -> Counts:
    """Count the keys of an open store."""
    groups = dict.fromkeys(GROUPS, 0)
    states: dict[str, int] = {}
    reasons: dict[str, int] = {}
    query = sa.select(item.c.state, item.c.reason, sa.func.count()).group_by(
        item.c.state, item.c.reason
    )
    found = [tuple(row) for row in store.rows(query)]
    for state, reason, number in found:
        group = group_of(state, reason)
        groups[group] += number
        if reason is None:
            states[state] = states.get(state, 0) + number
        elif group in STOPPED:
            reasons[reason] = reasons.get(reason, 0) + number
    bad_rows = sa.select(sa.func.count()).select_from(row_error)
    ((broken,),) = store.rows(bad_rows)
    if broken:
        groups["unreadable"] += broken
        code = Reason.LIST_ROW.value
        reasons[code] = reasons.get(code, 0) + broken
    return Counts(
        created_at=store.created_at(),
        made_at=now,
        prepared=store.phase() == "planned",
        groups=groups,
        states=states,
        reasons=reasons,
        late=count_overdue(store, now),
        exit_code=exit_code_of(found, broken),
        randomness=summary_of(store.randomness()),
    )


def read_counts(folder: Path, now: datetime, url: str | None = None) -> Counts:
    """Count the keys of a campaign that another process may be working on.

    Args:
        folder: of the campaign.
        now: the moment by which certificates are overdue.
        url: of its database, if the folder does not remember it.

    Raises:
        CampaignError: if there is no campaign in *folder*.
    """
    with Store.open(folder, url) as store:
        return count(store, now)
