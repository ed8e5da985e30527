"""``gostkey renew run | resume | receive``: what changes a campaign."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from gostkey.renewal.campaign import Campaign
from gostkey.renewal.interrupts import ending_interrupts
from gostkey.renewal.pacing import Pacing
from gostkey.renewal.planning.saved import SavedPlan
from gostkey.renewal.planning.spooled import SpooledPlan
from gostkey.renewal.randomness import Randomness
from gostkey.renewal.tokens import Tokens
from gostkey.renewal.watching.pace import Pace

from .authority_options import (
    Authority,
    authority_options,
    other_authority_options,
)
from .campaigns import clock_at, pin_asker, watch, zone_in
from .chip_input import library_option
from .config_options import config_option
from .failures import Exit, naming
from .files import PathOption, reading
from .output import Output, json_option
from .pacing_options import PaceOptions, exit_of, pacing_options
from .randomness import RandomOptions, gathered, random_options
from .renew import Source, campaign_option, renew_command, source_options, zone_option
from .renew_unattended import WatchOptions, watch_options, watch_run
from .renewal_words import (
    show_report,
    show_summary,
    warn_of_open_keys,
)
from .sources import at_option
from .stations import Work, at_station
from .store_options import store_options
from .texts import _, help_page
from .token_input import experimental_option
from .watched_options import Listener, Watched, watched_options

F = TypeVar("F", bound=Callable[..., Any])

_EXITS = [0, 1, 2, 3, 4, 5, 6, 130]


def workers_option(command: F) -> F:
    """Add --workers."""
    return click.option(
        "--workers",
        type=click.IntRange(1, 64),
        default=1,
        show_default=True,
        metavar="N",
        help=_(
            "Processes that make keys and requests side by side; as many as the "
            "machine has processors is a good number. Tokens are left to one."
        ),
    )(command)


@renew_command.command(
    "run",
    help=help_page(
        _(
            "Renew keys.\n\n"
            "A new campaign begins from PATH, --csv or --plan; without them the one "
            "in --campaign goes on. "
            "For every key that the plan renews: a new key and container, a request "
            "signed with the old key, the certificate, its check, its installation, "
            "copies of both containers. One failure stops one key. The old "
            "containers stay as they are.\n\n"
            "The authority is either the small one of `gostkey ca` in a folder "
            "(--ca), or requests go to a folder (--outbox) and certificates come "
            "from another (--inbox); --trusted then holds the authority's "
            "certificates and CRLs. With --url they go over HTTPS, with --mail by "
            "mail."
        ),
        examples=[
            "gostkey renew run /media/keys --exchanges-finished --ca /srv/ca",
            "gostkey renew run --plan plan.json --campaign spring --outbox out "
            "--inbox in --trusted authority",
            "gostkey renew run --csv list.csv --url https://ca.example --trusted "
            "authority",
            "gostkey renew run --csv list.csv --mail mail.toml",
            "gostkey renew run token:30DA6803 --exchanges-finished --ca /srv/ca",
            "gostkey renew run chip:3b000001 --library librtpkcs11ecp.so "
            "--exchanges-finished --ca /srv/ca",
            "gostkey renew run --campaign spring",
            "gostkey renew run --watch --config renew.toml",
        ],
        exits=_EXITS,
    ),
)
@source_options(renews=True, required=False)
@click.option(
    "--plan",
    "plan_file",
    type=PathOption,
    metavar="FILE",
    help=_("A plan saved by `gostkey renew plan --save-plan`."),
)
@config_option
@campaign_option
@store_options
@authority_options
@experimental_option
@workers_option
@library_option
@pacing_options(sends=True)
@watch_options
@watched_options
@random_options
@at_option
@zone_option
@json_option
@click.pass_obj
@ending_interrupts()
def run(
    out: Output,
    source: Source,
    plan_file: Path | None,
    folder: Path,
    store: str | None,
    authority: Authority,
    at: datetime | None,
    zone: tzinfo,
    options: RandomOptions,
    experimental: bool,
    workers: int,
    library: Path | None,
    pace: PaceOptions,
    watching: WatchOptions,
    watched: Watched,
) -> Exit:
    if plan_file is not None and source.given:
        raise click.UsageError(_("a plan says whose keys; leave out PATH and --csv"))
    if watching.watch:
        if plan_file is not None:
            raise click.UsageError(_("--watch plans by itself; leave out --plan"))
        if store is not None:
            raise click.UsageError(
                _(
                    "--watch keeps its campaigns in folders of this machine, and not "
                    "in --store; for several stations begin the campaign without "
                    "--watch (`gostkey renew run --store URL ...`), and give "
                    "`gostkey renew work --watch --store URL` at each station: it "
                    "waits for the certificates, too"
                )
            )
        return watch_run(
            out,
            folder,
            source,
            authority,
            options,
            pace,
            watching,
            watched,
            at=at,
            zone=zone,
            workers=workers,
            library=library,
            experimental=experimental,
        )
    if watching.once:
        raise click.UsageError(_("--once says nothing without --watch"))
    if plan_file is None and not source.given:
        if authority.named:
            raise click.UsageError(
                _(
                    "whose keys? name PATH, --csv or --plan (a campaign that was begun "
                    "knows its authority; `gostkey renew resume` takes another one)"
                )
            )
        with Campaign.open(folder, clock=clock_at(at), store=store) as campaign:
            keys = campaign.keys_to_make(limit=pace.limit)
            pacing = pace.pacing(out, zone_in(folder), at)
            with gathered(out, options, keys, campaign.policy()) as randomness:
                work: Work = partial(campaign.run, workers=workers)
                work = (
                    at_station(campaign, store, at, workers, randomness, pacing) or work
                )
                also = watched.over(out, campaign, store)
                return _work(
                    out, folder, work, also, pacing, library, randomness, experimental
                )
    transport = authority.first_transport(at)
    Campaign.refuse_second(folder, store)
    with ExitStack() as stack:
        plan: SpooledPlan | SavedPlan
        if plan_file is None:
            plan = SpooledPlan.of(
                source.read(library), clock_at(at)(), zone, workers=workers
            )
        else:
            plan = _read_plan(plan_file, library)
        stack.enter_context(plan)
        warn_of_open_keys(out, plan)
        randomness = stack.enter_context(gathered(out, options, pace.most(plan.keys)))
        campaign = stack.enter_context(
            Campaign.begin(
                folder,
                plan,
                transport,
                clock=clock_at(at),
                experimental=experimental,
                store=store,
            )
        )
        pacing = pace.pacing(out, plan.zone, at)
        # What is in the campaign now need not be held twice.
        del plan
        work = partial(campaign.run, workers=workers)
        work = at_station(campaign, store, at, workers, randomness, pacing) or work
        also = watched.over(out, campaign, store)
        return _work(out, folder, work, also, pacing, library, randomness)


def _read_plan(file: Path, library: Path | None) -> SavedPlan:
    with naming(file), reading(file) as stream:
        return SavedPlan(stream, None if library is None else str(library))


@renew_command.command(
    "resume",
    help=help_page(
        _(
            "Go on after an interruption, and try failed keys again.\n\n"
            "The interruption may be of any kind. Nothing is done twice: no second "
            "key and no second request for anyone. What was refused stays refused.\n\n"
            "The campaign knows its authority. If that has moved or was named "
            "wrongly, name what is to be otherwise (--url, --trusted and so on): "
            "the campaign keeps it, and the requests stay the same."
        ),
        examples=[
            "gostkey renew resume --campaign spring",
            "gostkey renew resume --campaign spring --url https://ca.example:8443",
        ],
        exits=_EXITS,
    ),
)
@config_option
@campaign_option
@store_options
@other_authority_options
@experimental_option
@workers_option
@library_option
@pacing_options(sends=True)
@watched_options
@random_options
@at_option
@json_option
@click.pass_obj
@ending_interrupts()
def resume(
    out: Output,
    folder: Path,
    store: str | None,
    authority: Authority,
    at: datetime | None,
    options: RandomOptions,
    experimental: bool,
    workers: int,
    library: Path | None,
    pace: PaceOptions,
    watched: Watched,
) -> Exit:
    with Campaign.open(folder, clock=clock_at(at), store=store) as campaign:
        _change(campaign, authority, at)
        keys = campaign.keys_to_make(failed_too=True, limit=pace.limit)
        pacing = pace.pacing(out, zone_in(folder), at)
        with gathered(out, options, keys, campaign.policy()) as randomness:
            work: Work = partial(campaign.resume, workers=workers)
            if campaign.is_shared:
                campaign.try_again()
            work = at_station(campaign, store, at, workers, randomness, pacing) or work
            also = watched.over(out, campaign, store)
            return _work(
                out, folder, work, also, pacing, library, randomness, experimental
            )


@renew_command.command(
    "receive",
    help=help_page(
        _(
            "Fetch certificates that have come, and install them.\n\n"
            "They are checked before. "
            "May be run any number of times. A certificate is expected within "
            "three hours after its request; after that the table says so. "
            "--send-again sends overdue requests once more: the authority gives "
            "the same request the same certificate. Another authority than the "
            "campaign's is named as with `renew resume`."
        ),
        examples=[
            "gostkey renew receive --campaign spring",
            "gostkey renew receive --campaign spring --send-again",
        ],
        exits=_EXITS,
    ),
)
@config_option
@campaign_option
@store_options
@other_authority_options
@click.option(
    "--send-again",
    is_flag=True,
    help=_("Send requests once more that wait for three hours or longer."),
)
@library_option
@pacing_options(sends=False)
@watched_options
@at_option
@json_option
@click.pass_obj
@ending_interrupts()
def receive(
    out: Output,
    folder: Path,
    store: str | None,
    authority: Authority,
    send_again: bool,
    at: datetime | None,
    library: Path | None,
    pace: PaceOptions,
    watched: Watched,
) -> Exit:
    with Campaign.open(folder, clock=clock_at(at), store=store) as campaign:
        _change(campaign, authority, at)
        pacing = pace.pacing(out, zone_in(folder), at)
        also = watched.over(out, campaign, store)
        work = partial(campaign.receive, send_again=send_again)
        return _work(out, folder, work, also, pacing, library)


def _change(campaign: Campaign, authority: Authority, at: datetime | None) -> None:
    """Take another way to the authority, if one is named."""
    if authority.named:
        campaign.change_transport(
            authority.instead_of(campaign.transport_settings(), at)
        )


def _work(
    out: Output,
    folder: Path,
    work: Callable[..., Any],
    also: Callable[[Pace], Listener] | None,
    pacing: Pacing,
    library: Path | None,
    randomness: Randomness | None = None,
    experimental: bool = False,
) -> Exit:
    if randomness is not None:
        work = partial(work, randomness=randomness)
    named = None if library is None else str(library)
    with Tokens(pin_asker(out), experimental=experimental, library=named) as tokens:
        work = partial(work, tokens=tokens, pacing=pacing)
        report = watch(out, folder, work, _("renewing keys"), also)
    show_report(out, report, zone_in(folder), folder=folder)
    show_summary(out, report)
    return exit_of(out, report, pacing)
