"""How renewals are told: plans and campaigns as rows, records and counts.

The words for states stand here once, for `renew` and `demo`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any

from gostkey.renewal.planning.plan import Plan, PlanItem
from gostkey.renewal.planning.rules import last_day
from gostkey.renewal.planning.saved import SavedPlan
from gostkey.renewal.planning.spooled import SpooledPlan, loses_password
from gostkey.renewal.planning.subscribers import RowError
from gostkey.renewal.reasons import OF_TOKENS, Verdict
from gostkey.renewal.report import Report
from gostkey.renewal.storage.store import Store
from gostkey.renewal.watching.counts import Counts
from gostkey.renewal.watching.figures import cures_of

from .failures import Exit, Failure, overall
from .output import Output, clean, place
from .randomness_words import randomness_pairs
from .texts import _, plural

__all__ = [
    "plan_exit",
    "report_pieces",
    "show_plan",
    "show_randomness",
    "show_records",
    "show_report",
    "show_summary",
    "show_totals",
    "warn_of_open_keys",
]


# -- plans -------------------------------------------------------------------


def show_plan(out: Output, plan: Plan, ready: str) -> None:
    """Print a plan: a row or record a key, then what is broken in the list.

    Args:
        out: where to.
        plan: what was decided.
        ready: the word for a key that is (to be) renewed.
    """
    if out.json:
        for one in plan.items:
            out.record(_plan_record(one, plan.zone, ready))
    elif plan.items:
        out.table(
            [_("owner"), _("container"), _("last day"), _("days"), _("state")],
            [_plan_row(one, plan.zone, ready) for one in plan.items],
            right=[3],
        )
    _show_row_errors(out, plan.row_errors)
    if not plan.items and not plan.row_errors:
        out.note(_("no key containers found"))
        return
    states = Counter(ready if one.verdict is None else one.state for one in plan.items)
    states["unreadable"] += len(plan.row_errors)
    _show_counts(out, sum(states.values()), states)
    _show_cures(
        out,
        (
            (one.verdict.reason.value, one.verdict.cure)
            for one in plan.items
            if one.verdict is not None
        ),
    )


def warn_of_open_keys(out: Output, plan: Plan | SpooledPlan | SavedPlan) -> None:
    """Say how many keys would lose their password."""
    if isinstance(plan, Plan):
        bare = sum(map(loses_password, plan.planned))
    else:
        bare = plan.losing_password
    if bare:
        out.note(
            plural(
                "{n} key has a password, and its new container will have none",
                "{n} keys have a password, and their new containers will have none",
                bare,
            )
        )
        out.hint(
            _(
                "name the new password's file: --new-password-file, or "
                "new_password_file in the list"
            )
        )


def _plan_record(one: PlanItem, zone: tzinfo, ready: str) -> dict[str, object]:
    holding = one.holding
    ends = holding.validity.ends if holding.validity else None
    record: dict[str, object] = {
        "item": str(holding.subscriber.container),
        "status": ready if one.verdict is None else one.state,
        "owner": holding.owner,
        "inn": holding.inn,
        "container_name": holding.container_name,
        "slot": holding.slot,
        "ends": ends,
        "last_day": last_day(ends, zone) if ends else None,
        "days_left": one.days_left,
        "destination": one.destination,
        "new_name": one.new_name,
        "source": holding.subscriber.source,
    }
    if one.verdict is not None:
        kind = "reason" if one.verdict.kind == "skipped" else "error"
        record[kind] = _why(one.verdict)
    return record


def _plan_row(one: PlanItem, zone: tzinfo, ready: str) -> list[str]:
    holding = one.holding
    ends = holding.validity.ends if holding.validity else None
    return [
        holding.owner or "-",
        place(holding.subscriber.container),
        last_day(ends, zone).isoformat() if ends else "-",
        "-" if one.days_left is None else str(one.days_left),
        ready if one.verdict is None else one.verdict.text,
    ]


def plan_exit(plan: Plan) -> Exit:
    """Return the exit code of a plan: as if what it renews had been renewed."""
    failures = [
        Failure(
            one.verdict.reason.value,
            one.verdict.text,
            exit=Exit.PERSON_NEEDED
            if one.verdict.reason in OF_TOKENS
            else Exit.NONE_SUCCEEDED,
        )
        for one in plan.items
        if one.verdict is not None and one.verdict.kind != "skipped"
    ]
    failures += [Failure("list-row", row.text) for row in plan.row_errors]
    return overall(len(plan.planned), failures)


# -- campaigns ---------------------------------------------------------------

_COLUMNS = (
    _("owner"),
    _("container"),
    _("old until"),
    _("new until"),
    _("result"),
)


def show_report(
    out: Output,
    report: Report,
    zone: tzinfo,
    *,
    most: int | None = None,
    folder: Path | None = None,
) -> None:
    """Print where every key of a campaign stands, then counts and advice.

    Args:
        out: where to.
        report: of the campaign.
        zone: the office's, in which days are told.
        most: print at most this many rows, the first and the last ones.
        folder: of the campaign, for the hint where a large table is.
    """
    rows = report.rows
    if out.json:
        for row in rows:
            out.record(_report_record(row))
    elif most is None and len(rows) > _LARGE:
        _show_large(out, report, zone, folder)
    elif most is None or len(rows) <= most:
        _show_rows(out, rows, zone)
    else:
        head = most - most // 2
        left = plural("... {n} more key ...", "... {n} more keys ...", len(rows) - most)
        _show_rows(out, [*rows[:head], *rows[-(most // 2) :]], zone, gap=(head, left))
    _show_row_errors(out, report.row_errors)


_LARGE = 2000
"""Keys from which on a table is written line by line, and a terminal shows a part."""
_MATTERING = 50
"""Keys that a terminal shows of a large campaign."""


def _show_large(out: Output, report: Report, zone: tzinfo, folder: Path | None) -> None:
    """Print every row, or on a terminal those that somebody has to see to."""
    if not sys.stdout.isatty():
        for line in table_lines(report, zone):
            out.verbatim(line)
        return
    bad = (row for row in report.rows if row["group"] in _BAD or row["late"])
    shown = list(islice(bad, _MATTERING + 1))
    _show_rows(out, shown[:_MATTERING], zone)
    if len(shown) > _MATTERING:
        out.note(_("more keys failed than fit here"))
    out.hint(
        _(
            "the whole table: gostkey renew report --campaign {folder} --out FILE"
        ).format(folder=folder or "FOLDER")
    )


_BAD = ("failed", "refused", "unreadable")


def show_summary(out: Output, report: Report, **more: object) -> None:
    """Say the counts, what was met with its cure, and what to do now."""
    if out.json:
        out.record({"summary": {**report.summary(), **more}})
    counts = {name: count for name, count in report.counts.items() if count}
    _show_counts(out, sum(counts.values()), counts)
    counted: Counter[tuple[str, str]] = Counter()
    for (group, reason, cure), number in report.stops.items():
        if group != "not-due":
            counted[reason, cure] += number
    _show_counted_cures(out, counted)
    if not out.json:
        noted = list(islice(report.noted, _NOTES + 1))
        for row in noted[:_NOTES]:
            out.note(f"{row['owner'] or row['container']}: {row['note']}")
        if len(noted) > _NOTES:
            out.note(_("more keys have a note; --json shows them all"))
    for sentence in report.advice():
        out.hint(sentence)


_NOTES = 100
"""Notes on single keys that a summary tells."""


def show_records(
    out: Output, found: Iterable[Mapping[str, Any]], errors: Iterable[RowError]
) -> None:
    """Print rows as JSON as they come, then what is broken in the list."""
    for row in found:
        out.record(_report_record(row))
    _show_row_errors(out, errors)


def show_totals(out: Output, store: Store, counts: Counts) -> None:
    """Say the same as `show_summary`, from counts alone."""
    if out.json:
        out.record({"summary": counts.record()})
    _show_counts(out, counts.total, counts.groups)
    for code, cure, number in cures_of(store):
        if cure:
            out.hint(f"{code} ({number}): {cure}")
    for sentence in counts.advice():
        out.hint(sentence)


def show_randomness(out: Output, report: Report) -> None:
    """Print how the random numbers of a campaign were had; JSON has it elsewhere."""
    pairs = randomness_pairs(report.randomness)
    if pairs and not out.json:
        out.text("")
        out.text(_("random numbers"))
        out.pairs(pairs)


def report_pieces(report: Report, zone: tzinfo) -> Iterator[bytes]:
    """Yield the whole table as text in UTF-8, a line a key, for a file."""
    for line in table_lines(report, zone):
        yield f"{line}\n".encode()
    pairs = randomness_pairs(report.randomness)
    if pairs:
        table = _in_columns([list(one) for one in pairs])
        yield "".join(f"{one}\n" for one in ["", _("random numbers"), *table]).encode()


def table_lines(report: Report, zone: tzinfo) -> Iterator[str]:
    """Yield the whole table, a line a key; the rows are read twice and not held."""

    def cells() -> Iterator[list[str]]:
        yield list(_COLUMNS)
        for row in report.rows:
            yield [clean(cell) for cell in _report_row(row, zone, whole=True)]

    widths = [0] * len(_COLUMNS)
    for row in cells():
        widths = [max(*one) for one in zip(widths, map(len, row), strict=True)]
    for row in cells():
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _show_rows(
    out: Output,
    rows: Sequence[Mapping[str, Any]],
    zone: tzinfo,
    gap: tuple[int, str] | None = None,
) -> None:
    cells = [_report_row(row, zone) for row in rows]
    if gap is not None:
        cells.insert(gap[0], [gap[1], "", "", "", ""])
    if cells:
        out.table(_COLUMNS, cells)


def _report_row(
    row: Mapping[str, Any], zone: tzinfo, *, whole: bool = False
) -> list[str]:
    result = row["group"]
    if row["reason"]:
        result = f"{result}: {row['text']}"
        if row["group"] in _BAD and row["source"].startswith("line "):
            result = f"{result} ({row['source']})"
    return [
        row["owner"] or "-",
        row["container"] if whole else place(row["container"]),
        _last_day(row["old_ends"], zone),
        _last_day(row["new_ends"], zone),
        result,
    ]


def _report_record(row: Mapping[str, Any]) -> dict[str, object]:
    record = {
        "item": row["container"],
        "status": row["group"],
        **{
            name: value
            for name, value in row.items()
            if name not in ("container", "group", "reason", "text", "cure")
        },
    }
    if row["reason"]:
        kind = "reason" if row["group"] in ("not-due", "rolled-back") else "error"
        record[kind] = {
            "code": row["reason"],
            "message": row["text"],
            "hint": row["cure"],
        }
    return record


def _last_day(moment: str | None, zone: tzinfo) -> str:
    if moment is None:
        return "-"
    ends = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return last_day(ends, zone).isoformat()


# -- both --------------------------------------------------------------------


def _show_cures(out: Output, met: Iterable[tuple[str, str]]) -> None:
    """Say what to do about each reason that was met, once and with its count."""
    _show_counted_cures(out, Counter(met))


def _show_counted_cures(out: Output, met: Mapping[tuple[str, str], int]) -> None:
    for (code, cure), count in sorted(met.items()):
        if cure:
            out.hint(f"{code} ({count}): {cure}")


def _why(one: Verdict) -> dict[str, str]:
    return {"code": one.reason.value, "message": one.text, "hint": one.cure}


def _show_row_errors(out: Output, errors: Iterable[RowError]) -> None:
    for row in errors:
        where = _("line {number} of the list").format(number=row.line)
        out.failure(Failure("list-row", row.text, row.cure), where)


def _show_counts(out: Output, total: int, counts: Mapping[str, int]) -> None:
    parts = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    out.note(plural("{n} key", "{n} keys", total) + f": {parts}")
