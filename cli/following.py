"""``renew status --follow`` as people see it: a part of the screen, or lines."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gostkey.renewal.report import STOPPED
from gostkey.renewal.storage.schema import STATES
from gostkey.renewal.watching.follow import Sight

from .output import Output, clean
from .texts import _
from .watching import figures

__all__ = ["Follower"]


class Follower:
    """Shows each look at a campaign; a context."""

    def __init__(self, out: Output, folder: Path) -> None:
        """Take where to show it, and the campaign's folder for its name."""
        self._out = out
        self._folder = folder
        self._stack = ExitStack()
        self._live: Any = None

    def __enter__(self) -> Follower:
        if sys.stdout.isatty() and not self._out.json:
            from rich.live import Live

            self._live = self._stack.enter_context(Live(auto_refresh=False))
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def __call__(self, sight: Sight) -> None:
        """Show a look."""
        if self._live is not None:
            self._live.update(self._screen(sight), refresh=True)
        elif sight.changed:
            if self._out.json:
                self._out.record(
                    {
                        **sight.counts.record(),
                        "keys_per_second": round(sight.keys_a_second, 2),
                        "seconds_left": None
                        if sight.seconds_left is None
                        else round(sight.seconds_left, 1),
                    }
                )
            else:
                self._out.text(self._line(sight))

    def _line(self, sight: Sight) -> str:
        counts = sight.counts
        groups = ", ".join(
            f"{number} {name}" for name, number in counts.groups.items() if number
        )
        return f"{counts.made_at:%Y-%m-%d %H:%M:%S} UTC: {groups or _('nothing yet')}"

    def _screen(self, sight: Sight) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        counts = sight.counts
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name, number in counts.groups.items():
            if number:
                table.add_row(Text(clean(name)), str(number))
        for state in STATES[1:-1]:
            number = counts.states.get(state, 0)
            if number and state != "sent":
                table.add_row(Text(f"  {state}", style="dim"), str(number))
        worst = sorted(counts.reasons.items(), key=lambda one: -one[1])[:5]
        for reason, number in worst:
            table.add_row(Text(f"  {clean(reason)}", style="dim"), str(number))
        bad = sum(counts.groups[one] for one in STOPPED)
        said = figures(
            counts.ended,
            counts.total,
            sight.keys_a_second,
            sight.seconds_left,
            bad,
            counts.groups["waiting"],
        )
        if counts.late:
            said += ", " + _("{n} overdue").format(n=counts.late)
        return Group(
            Text(f"{clean(str(self._folder))}  {counts.made_at:%Y-%m-%d %H:%M:%S} UTC"),
            ProgressBar(total=max(1, counts.total), completed=counts.ended, width=50),
            Text(said),
            table,
        )
