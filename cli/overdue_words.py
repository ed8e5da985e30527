"""Certificates that are overdue, for `renew status`: which, how long, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gostkey.renewal.overdue import (
    Overdue,
    count_overdue,
    count_undated,
    list_overdue,
)
from gostkey.renewal.storage.store import Store

from .output import Output
from .texts import _, plural

MOST_SHOWN = 20
MOST_TOLD = 1000
"""In JSON; the number of all is beside them."""


@dataclass(frozen=True)
class Overdues:
    """What is overdue in a campaign."""

    count: int
    longest: list[Overdue]
    """Those that wait longest, at most `MOST_TOLD`."""
    undated: int
    """Requests that seem to have been sent in the future."""

    def record(self) -> dict[str, Any]:
        """Give it JSON-safe."""
        return {
            "count": self.count,
            "sent_in_the_future": self.undated,
            "longest": [one.record() for one in self.longest],
        }

    def show(self, out: Output) -> None:
        """Show the table, and what to do."""
        if self.count:
            shown = self.longest[:MOST_SHOWN]
            out.table(
                [_("overdue"), _("container"), _("waited"), _("by"), _("request")],
                [
                    (
                        one.owner,
                        one.container,
                        hours(one.waited),
                        one.way.words,
                        one.request_id,
                    )
                    for one in shown
                ],
                right=[2],
            )
            if self.count > len(shown):
                out.note(
                    _("and {count} more; --json lists them").format(
                        count=self.count - len(shown)
                    )
                )
            out.hint(shown[0].way.advice.replace("{id}", _("ID of the table")))
        if self.undated:
            out.hint(
                plural(
                    "{n} request seems to have been sent in the future: see that "
                    "the clock of this machine is right, then run gostkey renew "
                    "receive; three hours count from then on",
                    "{n} requests seem to have been sent in the future: see that "
                    "the clock of this machine is right, then run gostkey renew "
                    "receive; three hours count from then on",
                    self.undated,
                )
            )


def read_overdue(folder: Path, now: datetime, url: str | None = None) -> Overdues:
    """Read what is overdue in a campaign, also while a run works on it.

    Raises:
        CampaignError: if there is no campaign in *folder*.
    """
    with Store.open(folder, url) as store:
        count = count_overdue(store, now)
        longest = list(list_overdue(store, now, MOST_TOLD)) if count else []
        return Overdues(count, longest, count_undated(store, now))


def hours(span: timedelta) -> str:
    """Write a span for people: days only where hours alone would be hard to read."""
    minutes = int(span.total_seconds()) // 60
    days, rest = divmod(minutes, 24 * 60)
    if days >= 2:
        return _("{days} d {hours} h").format(days=days, hours=rest // 60)
    return _("{hours} h {minutes:02d} min").format(
        hours=minutes // 60, minutes=minutes % 60
    )
