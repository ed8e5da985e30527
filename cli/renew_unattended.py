"""``gostkey renew run --watch``: the options, and what a person sees of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import click

from gostkey.random.policy import Policy
from gostkey.renewal.configuration import read_span
from gostkey.renewal.randomness import Randomness
from gostkey.renewal.tokens import Tokens
from gostkey.renewal.transports.collecting import leaving
from gostkey.renewal.unattended import Intervals, Left, Rounds, Stopper, Watch
from gostkey.renewal.unattended.watch import Office

from .authority_options import Authority
from .failures import Exit, Failure, describe
from .option_groups import option_group
from .output import Output
from .pacing_options import PaceOptions, time_from
from .randomness import RandomOptions, gathered
from .renew import Source
from .texts import _
from .watched_options import Watched


@dataclass(frozen=True)
class WatchOptions:
    """What the operator said about the watch."""

    watch: bool = False
    once: bool = False
    receive_every: float | None = None
    receive_at_most: float | None = None
    look_every: float | None = None
    keep_archives: int | None = None

    def intervals(self) -> Intervals:
        """Give the pauses, those that were not named as they usually are."""
        usual = Intervals()
        receive = self.receive_every or usual.receive
        return Intervals(
            receive=receive,
            at_most=max(receive, self.receive_at_most or usual.at_most),
            look=self.look_every or usual.look,
        )


def _read_span(
    context: click.Context, option: click.Parameter, value: str | None
) -> float | None:
    if value is None:
        return None
    try:
        seconds = read_span(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from None
    if seconds < 1:
        raise click.BadParameter(_("must be a second or more"), context, option)
    return seconds


def _gather(values: dict[str, Any]) -> WatchOptions:
    return WatchOptions(
        **{one.name: values.pop(one.name) for one in fields(WatchOptions)}
    )


_OPTIONS = (
    click.option(
        "--watch",
        is_flag=True,
        help=_(
            "Stay, and renew keys as they become due, for days; --campaign is a folder "
            "with one campaign for each time that some have. See docs/unattended.md."
        ),
    ),
    click.option(
        "--once",
        is_flag=True,
        help=_("With --watch: do what can be done now, and end (for a timer)."),
    ),
    click.option(
        "--receive-every",
        callback=_read_span,
        metavar="SPAN",
        help=_("With --watch: look for certificates so often; 10min if left out."),
    ),
    click.option(
        "--receive-at-most",
        callback=_read_span,
        metavar="SPAN",
        help=_(
            "With --watch: the pauses double up to this while nothing comes; 2h if "
            "left out."
        ),
    ),
    click.option(
        "--look-every",
        callback=_read_span,
        metavar="SPAN",
        help=_("With --watch: look for keys that are due so often; 12h if left out."),
    ),
    click.option(
        "--keep-archives",
        type=click.IntRange(0, 36_500),
        metavar="DAYS",
        help=_(
            "With --watch: remove copies of old containers that are older and not the "
            "only ones; all are kept if left out."
        ),
    ),
)

watch_options = option_group("watching", _gather, _OPTIONS)
"""Adds --watch and what goes with it; the command gets `watching`."""


def watch_run(
    out: Output,
    folder: Path,
    source: Source,
    authority: Authority,
    options: RandomOptions,
    pace: PaceOptions,
    watching: WatchOptions,
    watched: Watched,
    *,
    at: datetime | None,
    zone: tzinfo,
    workers: int,
    library: Path | None,
    experimental: bool,
) -> Exit:
    """Watch until a signal comes."""
    if source.given:
        # Faults of the options are told now and not in the night.
        with leaving(authority.first_transport(at)):
            pass
    else:
        _go_on_alone(out, folder)
    clock = time_from(at)
    named = None if library is None else str(library)

    @contextmanager
    def gather(keys: int, policy: Policy | None) -> Iterator[Randomness | None]:
        quiet = options if options.window or sys.stdin.isatty() else _unasked(options)
        with gathered(out, quiet, keys, policy) as randomness:
            yield randomness

    office = Office(
        listing=partial(source.read, library) if source.given else None,
        transport=partial(authority.transport, at) if source.given else None,
        gather=gather,
        tokens=lambda: Tokens(None, experimental=experimental, library=named),
        clock=clock,
        workers=workers,
        experimental=experimental,
        keep_archives=watching.keep_archives,
        listening=partial(watched.listening, out),
    )
    out.keep_on()
    out.after_interrupt = _("the same command goes on")
    with Stopper() as stopper:
        watch = Watch(
            folder,
            office,
            pace.pacing(
                out, zone, at, sleep=stopper.sleep, is_stopped=stopper.is_stopped
            ),
            watching.intervals(),
            tell=out.note,
            code_of=lambda error: describe(error).exit,
            on_left=partial(_show_left, out),
            on_counts=partial(_show_counts, out),
        )
        out.note(_("watching; SIGTERM or Ctrl-C ends it after the keys at hand"))
        code = watch.run(once=watching.once)
    if code == Exit.INTERRUPTED:
        out.note(_("ended; the same command goes on"))
    return Exit(code)


def _show_left(out: Output, one: Left) -> None:
    out.failure(Failure(one.code, one.text, one.cure), one.where)


def _show_counts(out: Output, folder: Path, counts: Mapping[str, int]) -> None:
    # For people the watch has a sentence for it.
    if out.json:
        out.record({"campaign": str(folder), "counts": dict(counts)})


def _go_on_alone(out: Output, folder: Path) -> None:
    """See that there is something to do without a source.

    Raises:
        UsageError: if there is not: it would look like a watch that works.
    """
    if not Rounds(folder).campaigns():
        raise click.UsageError(
            _(
                "whose keys? name PATH or --csv, or folder or csv under [source] in "
                "the configuration; there is no campaign in {folder} to go on with"
            ).format(folder=folder)
        )
    out.note(
        _(
            "no source is named: the campaigns of {folder} are gone on with, and no "
            "new keys are looked for"
        ).format(folder=folder)
    )


def _unasked(options: RandomOptions) -> RandomOptions:
    """Ask nobody, where nobody is."""
    return RandomOptions(**{**options.__dict__, "no_input": True})
