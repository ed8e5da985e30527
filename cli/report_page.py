"""The report as one HTML page: no network, no need of scripts, light and dark, print.

Whatever comes from a campaign is escaped, and the page's own policy forbids all but its
style and its one script, which only sorts tables.  Long tables are made piece by piece.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import chain, groupby
from typing import Any

from gostkey.renewal.audit import Verification, signers
from gostkey.renewal.overdue import list_overdue
from gostkey.renewal.planning.rules import last_day
from gostkey.renewal.reasons import TEXTS, Reason
from gostkey.renewal.report import GROUPS, STOPPED
from gostkey.renewal.storage.store import Store
from gostkey.renewal.watching import figures
from gostkey.renewal.watching.counts import Counts
from gostkey.renewal.watching.rows import broken_rows, rows, stopped_rows

from .output import clean
from .overdue_words import hours
from .randomness_words import randomness_pairs
from .report_charts import calendar_chart, causes_chart, timeline_chart
from .report_style import SCRIPT, STYLE
from .texts import _, plural

__all__ = ["FIRST_ROWS", "Page"]

FIRST_ROWS = 200
"""Rows that the table of all keys shows; failures and overdue answers are complete."""

_GROUP_WORDS = {
    "renewed": _("renewed"),
    "waiting": _("waiting for the certificate"),
    "unfinished": _("unfinished"),
    "failed": _("failed"),
    "refused": _("refused"),
    "rolled-back": _("rolled back"),
    "unreadable": _("unreadable"),
    "not-due": _("not due"),
}
_STATE_WORDS = {
    "planned": _("planned"),
    "keyed": _("new key made"),
    "requested": _("request made"),
    "sent": _("request sent"),
    "certified": _("certificate came"),
    "checked": _("certificate checked"),
    "installed": _("installed"),
    "backed-up": _("renewed"),
}


def _text(value: object) -> str:
    return html.escape(clean(str(value))) if value not in (None, "") else "–"


@dataclass
class Page:
    """What a page is made of."""

    name: str
    """Of the campaign."""
    store: Store
    counts: Counts
    zone: tzinfo
    """Of the office, in which days are told."""
    audit: Verification | None = None
    csv: str | None = None
    """Name of a file with all rows, in the same folder."""

    def pieces(self) -> Iterator[bytes]:
        """Make the page, piece by piece.

        Raises:
            CampaignError: if matplotlib is not installed.
        """
        # What may be missing is found before anything is written.
        charts = "".join(self._charts())
        for text in chain(
            (self._head(), self._summary(), charts),
            self._stopped(),
            self._late(),
            self._all(),
            (self._proof(), self._foot()),
        ):
            yield text.encode("utf-8", "backslashreplace")

    # -- parts ---------------------------------------------------------------

    def _head(self) -> str:
        digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
        policy = (
            "default-src 'none'; style-src 'unsafe-inline'; "
            f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        )
        title = _("Renewal of keys: {name}").format(name=self.name)
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
            f'<a class="skip" href="#stopped">{_("To the failures")}</a>\n'
            f"<header><h1>{_text(title)}</h1>\n<p>{self._dates()}</p></header>\n<main>\n"
        )

    def _dates(self) -> str:
        return _("Begun {begun}; this page was made {made}.").format(
            begun=self._clock(self.counts.created_at),
            made=self._clock(self.counts.made_at),
        )

    def _summary(self) -> str:
        counts = self.counts
        tiles = [("all", counts.total, _("keys"))]
        tiles += [
            (group, counts.groups[group], _GROUP_WORDS.get(group, group))
            for group in GROUPS
            if counts.groups[group]
        ]
        shown = "".join(
            f'<li class="{group}"><b>{number}</b> <span>{_text(word)}</span></li>'
            for group, number, word in tiles
        )
        advice = [*counts.advice()]
        if counts.finished and not advice:
            advice = [_("nothing is left to be done")]
        said = "".join(f"<li>{_text(sentence)}</li>" for sentence in advice)
        state = _("finished") if counts.finished else _("not finished")
        return (
            f'<section aria-labelledby="summary"><h2 id="summary">{_("Summary")}: '
            f'{state}</h2>\n<ul class="tiles">{shown}</ul>\n'
            f"{self._bar()}<h3>{_('What to do now')}</h3>\n<ul>{said}</ul></section>\n"
        )

    def _bar(self) -> str:
        total = self.counts.total
        if not total:
            return ""
        parts = "".join(
            f'<span class="{group}" style="flex-grow:{number}"></span>'
            for group, number in self.counts.groups.items()
            if number
        )
        return f'<div class="bar" aria-hidden="true">{parts}</div>\n'

    def _charts(self) -> Iterator[str]:
        causes = [
            (reason, number) for reason, number in self.counts.reasons.items() if number
        ]
        if causes:
            yield self._figure(
                "causes",
                _("Failures by cause"),
                causes_chart(causes),
                self._causes_table(),
            )
        ends = figures.ends_of(self.store, self.zone)
        if ends.old or ends.new:
            yield self._figure(
                "calendar",
                _("When the keys end"),
                calendar_chart(ends, self.counts.made_at.astimezone(self.zone).date()),
                _table(
                    _("Keys by the month of their last day"),
                    [_("month"), _("not renewed"), _("new keys")],
                    _by_month(ends),
                    right=(1, 2),
                ),
                legend=[("old", _("not renewed")), ("new", _("new keys"))],
                note=_("A stronger colour: more keys end that day. Today has a frame."),
            )
        timeline = figures.timeline_of(self.store)
        if len(timeline.moments) > 1:
            yield self._figure(
                "timeline",
                _("States over time"),
                timeline_chart(timeline, _STATE_WORDS),
                _table(
                    _("Keys in each state"),
                    [
                        _("moment (UTC)"),
                        *(_STATE_WORDS[one] for one in timeline.states),
                    ],
                    _thinned(timeline),
                    right=range(1, 1 + len(timeline.states)),
                ),
            )

    def _figure(
        self,
        name: str,
        title: str,
        chart: str,
        table: str,
        *,
        legend: Sequence[tuple[str, str]] = (),
        note: str = "",
    ) -> str:
        keys = "".join(
            f'<li><i class="{kind}"></i>{_text(word)}</li>' for kind, word in legend
        )
        below = f'<ul class="legend">{keys}</ul>' if keys else ""
        below += f"<p>{_text(note)}</p>" if note else ""
        return (
            f'<section aria-labelledby="{name}"><h2 id="{name}">{_text(title)}</h2>\n'
            f"<figure>{chart}"
            + (f"<figcaption>{below}</figcaption>" if below else "")
            + f"</figure>\n<details><summary>{_('As a table')}</summary>{table}"
            "</details></section>\n"
        )

    def _causes_table(self) -> str:
        cures: dict[str, list[str]] = {}
        for code, cure, _number in figures.cures_of(self.store):
            cures.setdefault(code, []).append(cure)
        return _table(
            _("Causes, and what to do"),
            [_("cause"), _("keys"), _("what it is"), _("what to do")],
            (
                (
                    code,
                    str(number),
                    TEXTS[Reason(code)][0],
                    "; ".join(cures.get(code) or [TEXTS[Reason(code)][1]]),
                )
                for code, number in sorted(
                    self.counts.reasons.items(), key=lambda one: -one[1]
                )
            ),
            right=(1,),
        )

    def _stopped(self) -> Iterator[str]:
        number = sum(self.counts.reasons.values())
        title = plural("{n} key was not renewed", "{n} keys were not renewed", number)
        if not number:
            title = _("No key failed")
        yield f'<section aria-labelledby="stopped"><h2 id="stopped">{title}</h2>\n'
        if number:
            yield from self._row_table(
                _("Keys that failed, were refused or cannot be read, all of them"),
                [
                    _("owner"),
                    _("container"),
                    _("last day"),
                    _("cause"),
                    _("what to do"),
                ],
                self._stopped_cells(),
            )
        yield "</section>\n"

    def _stopped_cells(self) -> Iterator[Sequence[str]]:
        for row in broken_rows(self.store):
            yield ("", row["source"], "", row["text"], row["cure"])
        for row in stopped_rows(self.store, self.counts.made_at):
            if row["group"] in STOPPED:
                yield (
                    row["owner"],
                    row["container"],
                    self._day(row["old_ends"]),
                    row["text"] or row["reason"],
                    row["cure"],
                )

    def _late(self) -> Iterator[str]:
        if not self.counts.late:
            return
        title = plural(
            "{n} certificate is overdue",
            "{n} certificates are overdue",
            self.counts.late,
        )
        said = _(
            "More than three hours have passed since the request, and no certificate "
            "has come."
        )
        yield (
            f'<section aria-labelledby="late"><h2 id="late">{title}</h2>\n'
            f"<p>{said}</p>\n"
        )
        yield from self._row_table(
            _("Requests without an answer, the oldest first, all of them"),
            [_("owner"), _("container"), _("sent"), _("waited"), _("what to do")],
            (
                (
                    one.owner,
                    one.container,
                    self._clock(one.sent_at),
                    hours(one.waited),
                    one.advice,
                )
                for one in list_overdue(self.store, self.counts.made_at)
            ),
        )
        yield "</section>\n"

    def _all(self) -> Iterator[str]:
        total = self.counts.total
        more = max(0, total - FIRST_ROWS)
        title = _("All keys") if not more else _("The first keys")
        yield f'<section aria-labelledby="all"><h2 id="all">{title}</h2>\n'
        if more:
            said = plural(
                "{n} more key is left out here.",
                "{n} more keys are left out here.",
                more,
            )
            yield f"<p>{said} {self._where_all_are()}</p>\n"
        elif self.csv:
            yield f"<p>{self._where_all_are()}</p>\n"
        yield from self._row_table(
            _("Keys in the order of the list"),
            [_("owner"), _("INN"), _("container"), _("old until"), _("new until")]
            + [_("result")],
            (
                (
                    row["owner"],
                    row["inn"],
                    row["container"],
                    self._day(row["old_ends"]),
                    self._day(row["new_ends"]),
                    _result(row),
                )
                for row in rows(self.store, self.counts.made_at, most=FIRST_ROWS)
            ),
        )
        yield "</section>\n"

    def _where_all_are(self) -> str:
        if self.csv:
            link = html.escape(_quoted(self.csv))
            return _("All of them are in {file}.").format(
                file=f'<a href="{link}">{_text(self.csv)}</a>'
            )
        return _("`gostkey renew report --csv FILE` writes all of them.")

    def _proof(self) -> str:
        pairs = randomness_pairs(self.counts.randomness)
        found = self.audit
        if found is not None:
            if found.good:
                said = plural(
                    "{n} line, all in order and signed",
                    "{n} lines, all in order and signed",
                    found.lines,
                )
            else:
                said = plural(
                    "{n} problem: gostkey renew report --verify tells it",
                    "{n} problems: gostkey renew report --verify tells them",
                    len(found.problems) + found.more_problems,
                )
            pairs.append((_("audit log"), said))
        for key in signers(self.store):
            spki = base64.b64encode(key.to_spki()).decode()
            pairs.append((_("signed by the key"), key.fingerprint))
            pairs.append((_("its public key"), f"{spki} (SubjectPublicKeyInfo)"))
        if not pairs:
            return ""
        body = "".join(
            f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>"
            for name, value in pairs
        )
        return (
            f'<section aria-labelledby="proof"><h2 id="proof">{_("How it was done")}'
            f"</h2>\n<dl>{body}</dl></section>\n"
        )

    def _foot(self) -> str:
        said = _("Made by gostkey. It is not a certified means of protection.")
        return (
            f"</main>\n<footer><p>{said}</p></footer>\n<script>{SCRIPT}</script>\n"
            "</body>\n</html>\n"
        )

    # -- words ---------------------------------------------------------------

    def _row_table(
        self, caption: str, columns: Sequence[str], found: Iterable[Sequence[str]]
    ) -> Iterator[str]:
        """Make a long table, some rows at a time."""
        yield _table_head(caption, columns, sortable=True)
        piece: list[str] = []
        for cells in found:
            piece.append(_table_row(cells))
            if len(piece) >= 500:
                yield "".join(piece)
                piece = []
        yield "".join(piece) + "</tbody></table></div>\n"

    def _day(self, moment: str | None) -> str:
        if moment is None:
            return ""
        return last_day(datetime.fromisoformat(moment), self.zone).isoformat()

    def _clock(self, moment: datetime) -> str:
        local = moment.astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M} ({local.tzname()})"


def _result(row: Mapping[str, Any]) -> str:
    word = _GROUP_WORDS.get(row["group"], row["group"])
    return f"{word}: {row['text']}" if row["reason"] else word


def _by_month(ends: figures.Ends) -> list[tuple[str, str, str]]:
    months: dict[str, list[int]] = {}
    for place, days in enumerate((ends.old, ends.new)):
        for month, some in groupby(days.items(), key=lambda one: f"{one[0]:%Y-%m}"):
            months.setdefault(month, [0, 0])[place] += sum(
                number for _day, number in some
            )
    return [(month, str(old), str(new)) for month, (old, new) in sorted(months.items())]


def _thinned(timeline: figures.Timeline, most: int = 24) -> Iterator[Sequence[str]]:
    """Give some moments of a timeline, the first and the last among them."""
    last = len(timeline.moments) - 1
    places = sorted({round(last * part / (most - 1)) for part in range(most)})
    for at in places:
        numbers = [str(values[at]) for values in timeline.states.values()]
        yield [f"{timeline.moments[at]:%Y-%m-%d %H:%M:%S}", *numbers]


def _table(
    caption: str,
    columns: Sequence[str],
    found: Iterable[Sequence[str]],
    *,
    right: Iterable[int] = (),
) -> str:
    numbers = frozenset(right)
    body = "".join(_table_row(cells, numbers) for cells in found)
    return _table_head(caption, columns, numbers) + body + "</tbody></table></div>\n"


def _table_head(
    caption: str,
    columns: Sequence[str],
    right: frozenset[int] = frozenset(),
    *,
    sortable: bool = False,
) -> str:
    cells = "".join(
        f'<th scope="col"{_number(index, right)}>{_text(column)}</th>'
        for index, column in enumerate(columns)
    )
    kind = ' class="sortable"' if sortable else ""
    # A region that scrolls must be reachable by the keyboard, and then have a name.
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{_text(caption)}">'
        f"<table{kind}><caption>{_text(caption)}</caption>"
        f"<thead><tr>{cells}</tr></thead><tbody>\n"
    )


def _table_row(cells: Sequence[str], right: frozenset[int] = frozenset()) -> str:
    inside = "".join(
        f"<td{_number(index, right) or _day_like(cell)}>{_text(cell)}</td>"
        if index
        else f'<th scope="row">{_text(cell)}</th>'
        for index, cell in enumerate(cells)
    )
    return f"<tr>{inside}</tr>\n"


def _day_like(cell: object) -> str:
    """Keep a day in one line."""
    text = str(cell)
    return ' class="d"' if len(text) == 10 and text[4::3] == "--" else ""


def _number(index: int, right: frozenset[int]) -> str:
    return ' class="n"' if index in right else ""


def _quoted(name: str) -> str:
    from urllib.parse import quote

    # "./" so that no name is taken for an address of another kind.
    return f"./{quote(name)}"
