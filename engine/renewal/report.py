"""What became of a campaign: one record a key, counts, and advice.

The records are JSON-safe and hold nothing secret; tables show the same fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from .overdue import awaiting_condition, awaits_answer, count_overdue, waited
from .planning.rules import CERTIFICATE_EXPECTED
from .planning.subscribers import RowError
from .randomness import summary_of
from .reasons import OF_TOKENS, Reason, Verdict
from .report_rows import StoredRows
from .storage.schema import ROLLED_BACK, item
from .storage.store import Store, parse_moment

GROUPS = (
    "renewed",
    "waiting",
    "unfinished",
    "failed",
    "refused",
    "rolled-back",
    "unreadable",
    "not-due",
)
"""Every item is in one of them; rows of a list that could not be used count
as unreadable."""

STOPPED = ("failed", "refused", "unreadable")
"""Groups of the items that were not renewed although they should be."""
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
    kinds: Mapping[tuple[str, str | None, str], int] = field(default_factory=dict)
    """Number of items by state, reason and cure."""
    late: int = 0
    """Items whose certificate is overdue."""
    noted: Iterable[Mapping[str, Any]] = ()
    """The rows that have a note."""

    @property
    def stops(self) -> Mapping[tuple[str, str, str], int]:
        """Count the items that stopped, by group, reason and cure."""
        found: Counter[tuple[str, str, str]] = Counter()
        for (state, reason, cure), number in self.kinds.items():
            if reason:
                found[group_of(state, reason), reason, cure] += number
        return found

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
        return exit_code_of(
            (
                [(state, reason, n) for (state, reason, _), n in self.kinds.items()]
                or [(row["state"], row["reason"], 1) for row in self.rows]
            ),
            len(self.row_errors),
        )

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
        return advice_of(self.counts, self.late, self.prepared)


HELD = 1000
"""Items up to which a report holds its rows, as they were when it was made."""


def make_report(store: Store, now: datetime) -> Report:
    """Read a campaign's report from its store; of many items the counts alone."""
    begun = store.created_at()
    ((total,),) = store.rows(sa.select(sa.func.count()).select_from(item))
    stored = StoredRows(store, lambda one: row_of(one, begun, now), total)
    kinds: Counter[tuple[str, str | None, str]] = Counter()
    rows: Sequence[Mapping[str, Any]] = stored
    noted: Iterable[Mapping[str, Any]]
    if total <= HELD:
        rows = tuple(stored)
        for row in rows:
            kinds[row["state"], row["reason"], row["cure"] or ""] += 1
        late = sum(1 for row in rows if row["late"])
        noted = [row for row in rows if row["note"]]
    else:
        columns = (item.c.state, item.c.reason, item.c.cure)
        query = sa.select(*columns, sa.func.count()).group_by(*columns)
        for state, reason, cure, number in store.rows(query):
            kinds[state, reason, cure or ""] += number
        late = count_overdue(store, now)
        noted = _Noted(stored)
    errors = tuple(store.row_errors())
    counts = dict.fromkeys(GROUPS, 0)
    for (state, reason, _), number in kinds.items():
        counts[group_of(state, reason)] += number
    counts["unreadable"] += len(errors)
    return Report(
        created_at=begun,
        made_at=now,
        rows=rows,
        row_errors=errors,
        counts=counts,
        prepared=store.phase() == "planned",
        randomness=summary_of(store.randomness()),
        kinds=kinds,
        late=late,
        noted=noted,
    )


@dataclass(frozen=True)
class _Noted:
    """The rows with a note, read anew each time."""

    rows: StoredRows

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        noted = sa.or_(item.c.note.is_not(None), awaiting_condition())
        some = self.rows.matching(noted)
        return (row for row in some if row["note"])


def read_report(folder: Path, now: datetime) -> Report:
    """Read the report of a campaign that another process may be working on.

    Raises:
        CampaignError: if there is no campaign in *folder*.
    """
    with Store.open(folder) as store:
        return make_report(store, now)


def row_of(one: Any, begun: datetime, now: datetime) -> dict[str, Any]:
    """Make an item's row.

    Args:
        one: an `Item`, or whatever has its fields but those of bytes.
        begun: when the campaign was begun.
        now: the moment by which a certificate may be overdue.
    """
    late, note = False, one.note or ""
    span = None
    if awaits_answer(one.state, one.reason) and one.sent_at is not None:
        span = waited(parse_moment(one.sent_at), begun, now)
        late = span is not None and span >= CERTIFICATE_EXPECTED
        if late and span is not None:
            note = "; ".join(
                filter(
                    None,
                    [
                        note,
                        f"no certificate for {_hours(span)}: ask the authority "
                        f"for request {one.request_id}, then run gostkey renew "
                        "receive",
                    ],
                )
            )
    return {
        "id": one.id,
        "group": group_of(one.state, one.reason),
        "state": one.state,
        "owner": one.owner,
        "inn": one.inn,
        "container": one.container,
        "container_name": one.container_name,
        "slot": one.slot,
        "old_begins": one.old_begins,
        "old_ends": one.old_ends,
        "new_begins": one.new_begins,
        "new_ends": one.new_ends,
        "new_container": one.new_folder,
        "new_name": one.new_name,
        "reason": one.reason,
        "text": one.text,
        "cure": one.cure,
        "note": note or None,
        "late": late,
        "waited_seconds": None if span is None else int(span.total_seconds()),
        "request_id": one.request_id,
        "sent_at": one.sent_at,
        "archive": one.archive,
        "backup": one.backup,
        "source": one.source,
    }


def group_of(state: str, reason: str | None) -> str:
    """Say in which of `GROUPS` an item is that has come so far."""
    if reason is None:
        if state == "backed-up":
            return "renewed"
        return "waiting" if state == "sent" else "unfinished"
    if reason == Reason.ROLLED_BACK.value:
        return "rolled-back" if state == ROLLED_BACK else "unfinished"
    kind = Verdict(Reason(reason), "", "").kind
    if kind == "skipped":
        return "not-due"
    if kind == "refused":
        return "refused"
    return "unreadable" if state == "due" else "failed"


def exit_code_of(items: Iterable[tuple[str, str | None, int]], broken: int) -> int:
    """Give the exit code of a campaign; see `Report.exit_code`.

    Args:
        items: state, reason and how many there are of them.
        broken: rows of the list that could not be used.
    """
    good, bad, stopped, need_person = 0, broken, 0, True
    for state, reason, number in items:
        if reason == Reason.GENERATOR.value:
            return 5
        group = group_of(state, reason)
        if group in ("renewed", "waiting", "unfinished"):
            good += number
        elif group in STOPPED:
            bad += number
            if group != "unreadable" or reason in _OF_TOKENS:
                stopped += number
                need_person = need_person and reason in _NEEDS_PERSON
    if not bad:
        return 0
    if good:
        return 2
    return 4 if stopped == bad and need_person else 3


def advice_of(counts: Mapping[str, int], late: int, prepared: bool) -> list[str]:
    """Say what is to be done now, one sentence each.

    Args:
        counts: items by `GROUPS`.
        late: items whose certificate is overdue.
        prepared: whether the items are there.
    """
    said = []
    if counts["renewed"]:
        said.append(
            "back up the media with the new keys; copies of the new and the old "
            "containers are in the campaign's folder, which holds keys: keep "
            "it like them"
        )
    if late:
        said.append(
            f"{late} without a certificate after three hours: ask the authority, "
            "naming the request, then run gostkey renew receive"
        )
    elif counts["waiting"]:
        said.append(
            "certificates are expected within three hours after sending; "
            "fetch them with gostkey renew receive"
        )
    if counts["unfinished"] or not prepared:
        said.append("the run was interrupted; go on with gostkey renew resume")
    if counts["failed"]:
        said.append(
            "see to the causes of the failures, then run gostkey renew resume, unless "
            "a hint above says otherwise"
        )
    if counts["refused"] or counts["unreadable"]:
        said.append(
            "what was refused or could not be read is not taken up again here: see to "
            "its cause, then begin a new campaign in another folder (--campaign)"
        )
    return said


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60:02d} min"
