"""Running a campaign with a progress bar, for `renew` and `demo`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timezone, tzinfo
from pathlib import Path

from gostkey.media.tokens import TokenInfo
from gostkey.renewal.campaign import Event, OnEvent, zone_of
from gostkey.renewal.report import Report, make_report
from gostkey.renewal.store import Store
from gostkey.renewal.tokens import AskPin

from .output import Output
from .texts import _
from .token_input import PinInput

__all__ = ["clock_at", "event_line", "pin_asker", "read_report", "watch", "zone_in"]


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
    out: Output, folder: Path, work: Callable[[OnEvent], Report], what: str
) -> Report:
    """Do some work on a campaign, showing how far it is.

    On a terminal there is a bar; else a line on stderr for each key that has
    ended, well or not.

    Args:
        out: where to.
        folder: of the campaign, for the hint after an interruption.
        work: `Campaign.run`, `resume` or `receive`.
        what: stands before the bar.
    """
    out.after_interrupt = _(
        "`gostkey renew resume --campaign {folder}` goes on"
    ).format(folder=folder)
    # A reader who has seen enough must not stop the renewal half-way.
    out.keep_on()
    terminal = sys.stderr.isatty()
    keys = 0

    with out.progress(what, 1, unit="steps") as show:

        def on_event(event: Event) -> None:
            nonlocal keys
            ended = event.kind in ("item", "waiting")
            keys += ended
            # The bar was made before it was known how much there is to do.
            share = event.done / event.total if event.total else 1.0
            show(share, f"{what}: {keys}")
            if ended and not terminal:
                out.note(event_line(event))

        return work(on_event)


def event_line(event: Event) -> str:
    """Say how a key has ended."""
    where = f"{event.owner} ({event.container})" if event.owner else event.container
    if event.kind == "waiting":
        return _("{key}: waits for its certificate").format(key=where)
    if event.reason:
        return f"{where}: {event.text}"
    return f"{where}: {event.state}"
