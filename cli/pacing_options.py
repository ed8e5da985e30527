"""Options that hold a run back: limit, rate, quiet hours, failures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, TypeVar

import click

from gostkey.renewal.pacing import (
    MostFailures,
    Pacing,
    QuietHours,
    Rate,
    Time,
    Why,
)
from gostkey.renewal.planning.rules import clock as clock_text
from gostkey.renewal.report import Report

from .campaigns import clock_at
from .failures import Exit
from .option_groups import option_group
from .output import Output
from .texts import _

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


@dataclass(frozen=True)
class PaceOptions:
    """What the operator said about how fast and how long."""

    limit: int | None = None
    rate: Rate | None = None
    quiet_hours: QuietHours | None = None
    max_failures: MostFailures | None = None

    def most(self, keys: int) -> int:
        """Give how many of some keys can be made in one run."""
        return keys if self.limit is None else min(keys, self.limit)

    def pacing(
        self, out: Output, zone: tzinfo, at: datetime | None, **more: Any
    ) -> Pacing:
        """Make what holds the run back.

        Args:
            out: where waits are told.
            zone: the office's, whose hours are meant.
            at: the moment to act at, if one was given; time goes on from it here.
            more: other clocks than the machine's, for `Time`.
        """
        moving = time_from(at)
        quiet = _Teller(out, zone, moving)
        more.setdefault("on_wait", quiet.tell)
        return Pacing(
            self.limit,
            self.rate,
            self.quiet_hours,
            self.max_failures,
            zone,
            Time(clock=moving, **more),
        )


def time_from(at: datetime | None) -> Callable[[], datetime]:
    """Return a clock that goes: the real one, or one that began at *at*."""
    if at is None:
        return clock_at(None)
    begun, moment = time.monotonic(), at
    return lambda: moment + timedelta(seconds=time.monotonic() - begun)


class _Teller:
    """Tells of a wait once, and only of one that is long."""

    def __init__(
        self, out: Output, zone: tzinfo, clock: Callable[[], datetime]
    ) -> None:
        self._out = out
        self._zone = zone
        self._clock = clock
        self._until = ""

    def tell(self, why: str, seconds: float) -> None:
        """Tell that the run waits."""
        if why != "quiet-hours":
            return
        end = self._clock() + timedelta(seconds=seconds + 0.5)
        until = clock_text(end, self._zone)[:16]
        if until != self._until:
            self._until = until
            self._out.note(_("quiet hours: waiting until {until}").format(until=until))


def pacing_options(*, sends: bool, counts: bool = True) -> Callable[[F], F]:
    """Add --limit, --rate, --quiet-hours and --max-failures; the command gets `pace`.

    Args:
        sends: whether the command makes keys and sends requests; else the first two
            would mean nothing.
        counts: whether it counts keys; else neither limit nor failures are offered.
    """
    options = _SENDING + _ALL if sends else _ALL
    if not counts:
        options = (_SENDING[1], _ALL[0])

    return option_group("pace", _gather, options)


def _gather(values: dict[str, Any]) -> PaceOptions:
    return PaceOptions(
        values.pop("limit", None),
        values.pop("rate", None),
        values.pop("quiet_hours"),
        values.pop("max_failures", None),
    )


def _parse(parse: Callable[[Any], T]) -> Callable[..., T | None]:
    def read(context: click.Context, option: click.Parameter, value: Any) -> T | None:
        if value is None:
            return None
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, option) from None

    return read


_SENDING = (
    click.option(
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        help=_(
            "Begin work on at most N keys in this run, those that end soonest; the "
            "next run goes on. Those begun before do not count. With --watch: N a day."
        ),
    ),
    click.option(
        "--rate",
        callback=_parse(Rate.parse),
        metavar="N/s|N/min|N/h",
        help=_("Send at most so many requests to the authority."),
    ),
)
_ALL = (
    click.option(
        "--quiet-hours",
        multiple=True,
        callback=_parse(QuietHours.parse),
        metavar="HH:MM-HH:MM",
        help=_(
            "Begin nothing in these hours of the office's zone, and wait until they "
            "are over; can be given several times."
        ),
    ),
    click.option(
        "--max-failures",
        callback=_parse(MostFailures.parse),
        metavar="N|P%",
        help=_(
            "Stop when N keys, or P percent of those tried, have failed: then the "
            "authority or the medium is at fault."
        ),
    ),
)


def exit_of(out: Output, report: Report, pacing: Pacing) -> Exit:
    """Tell why a run ended early, if it did, and return the exit code."""
    ended = pacing.ended
    if ended is None:
        return Exit(report.exit_code)
    out.note(ended.text)
    if ended.why is Why.STOPPED:
        return Exit.INTERRUPTED
    if ended.why is Why.FAILURES:
        good = report.counts["renewed"] or report.counts["waiting"]
        return Exit.SOME_FAILED if good else Exit.NONE_SUCCEEDED
    return Exit(report.exit_code)
