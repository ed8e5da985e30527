"""Running a campaign with a progress bar, for `renew` and `demo`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timezone, tzinfo
from pathlib import Path

from gostkey.media.tokens import TokenInfo
from gostkey.renewal.campaign import Event, OnEvent
from gostkey.renewal.report import Report, make_report
from gostkey.renewal.settings import zone_of
from gostkey.renewal.storage.store import Store
from gostkey.renewal.tokens import AskPin
from gostkey.renewal.watching.pace import Pace

from .output import Output
from .texts import _
from .token_input import PinInput
from .watched_options import Listener
from .watching import Spectator

__all__ = ["clock_at", "pin_asker", "read_report", "watch", "zone_in"]


def clock_at(at: datetime | None) -> Callable[[], datetime]:
    """Return a clock: the real one, or one that stands at *at*."""
    if at is None:
        return lambda: datetime.now(timezone.utc)
    moment = at
    return lambda: moment


def zone_in(folder: Path) -> tzinfo:
    """Return the time zone of the office whose campaign is in *folder*."""
    with Store.open(folder) as store:
        return zone_of(store.settings())


def read_report(
    folder: Path, at: datetime | None, url: str | None = None
) -> tuple[Report, tzinfo]:
    """Read a campaign's report and zone, also while a run works on it."""
    with Store.open(folder, url) as store:
        return make_report(store, clock_at(at)()), zone_of(store.settings())


def pin_asker(out: Output) -> AskPin | None:
    """Return what asks a person for the PIN of a token during a run.

    None where there is no terminal.  What was typed is not kept here.
    """
    if not sys.stdin.isatty():
        return None

    def ask(info: TokenInfo) -> str:
        with out.paused():
            return PinInput("pin").ask(info)

    return ask


def watch(
    out: Output,
    folder: Path,
    work: Callable[[OnEvent], Report],
    what: str,
    also: Callable[[Pace], Listener] | None = None,
) -> Report:
    """Do some work on a campaign, showing how far it is.

    On a terminal there is a bar; else a line on stderr every few seconds, and one for
    each key that failed.

    Args:
        out: where to.
        folder: of the campaign, for the hint after an interruption.
        work: `Campaign.run`, `resume` or `receive`.
        what: stands before the bar.
        also: makes one who listens, too.
    """
    out.after_interrupt = _(
        "`gostkey renew resume --campaign {folder}` goes on"
    ).format(folder=folder)
    # A reader who has seen enough must not stop the renewal half-way.
    out.keep_on()
    pace = Pace()
    with out.work(what) as show:
        listeners: list[OnEvent] = [pace, Spectator(out, pace, show)]
        more = None if also is None else also(pace)
        if more is not None:
            listeners.append(more)

        def on_event(event: Event) -> None:
            for listener in listeners:
                listener(event)

        try:
            return work(on_event)
        finally:
            if more is not None:
                more.close()
