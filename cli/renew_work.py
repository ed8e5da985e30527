"""``gostkey renew work``: one more station at a campaign that is begun."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

import click

from gostkey.renewal.interrupts import ending_interrupts
from gostkey.renewal.stations.station import Station

from .campaigns import clock_at, watch, zone_in
from .config_options import config_option
from .failures import Exit
from .output import Output, json_option
from .pacing_options import PaceOptions, pacing_options
from .randomness import RandomOptions, gathered, random_options
from .renew import campaign_option, renew_command
from .renew_campaign import workers_option
from .renewal_words import show_report, show_summary
from .sources import at_option
from .store_options import store_options
from .texts import _, help_page
from .watched_options import Watched, watched_options


@renew_command.command(
    "work",
    help=help_page(
        _(
            "Work on a campaign beside other stations.\n\n"
            "The campaign was begun with `gostkey renew run --store`, on this machine "
            "or another one. Its name is the last part of the folder in --campaign, "
            "which is made here for the copies of containers. Any number of stations "
            "may join and leave at any time; what one leaves undone is done by "
            "another. It ends when nothing is left to do; with --watch it waits for "
            "the authority's answers, too. The subscribers' media must be found under "
            "the same paths on every station. Keys on tokens are left to the station "
            "that has them."
        ),
        examples=[
            "gostkey renew work --store postgresql://gostkey@server/gostkey "
            "--campaign spring",
            "gostkey renew work --campaign spring --workers 4 --watch",
        ],
        exits=[0, 1, 2, 3, 4, 5, 6, 130],
    ),
)
@config_option
@campaign_option
@store_options
@workers_option
@pacing_options(sends=True, counts=False)
@click.option(
    "--watch",
    "waits",
    is_flag=True,
    help=_("Wait until the certificates have come, too."),
)
@watched_options
@random_options
@at_option
@json_option
@click.pass_obj
@ending_interrupts()
def work(
    out: Output,
    folder: Path,
    store: str | None,
    workers: int,
    pace: PaceOptions,
    waits: bool,
    options: RandomOptions,
    at: datetime | None,
    watched: Watched,
) -> Exit:
    station = Station(folder, clock_at(at), store)
    keys, policy = station.keys_to_make()
    station.pacing = pace.pacing(out, station.zone(), at)
    with gathered(out, options, keys, policy) as randomness:
        if randomness is not None and randomness.gamma is not None:
            raise click.UsageError(
                _("records of a gamma file are for one run; use `renew resume`")
            )
        do = partial(station.work, randomness=randomness, workers=workers, watch=waits)
        also = watched.over(out, station, store)
        report = watch(out, folder, do, _("renewing keys"), also)
    show_report(out, report, zone_in(folder))
    show_summary(out, report)
    return Exit(report.exit_code)
