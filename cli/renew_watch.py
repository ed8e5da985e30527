"""``gostkey renew status | report``: how a campaign stands; nothing is changed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from .campaigns import read_report
from .failures import Exit
from .files import PathOption, write_file
from .output import Output, json_option
from .renew import campaign_option, renew_command
from .renewal_words import report_lines, show_randomness, show_report, show_summary
from .sources import at_option
from .store_options import store_options
from .texts import _, help_page


@renew_command.command(
    "status",
    help=help_page(
        _(
            "Say how far a campaign is: counts and what to do next.\n\n"
            "Works also while a run is going on."
        ),
        examples=["gostkey renew status --campaign spring"],
        exits=[0, 1, 3],
    ),
)
@campaign_option
@store_options
@at_option
@json_option
@click.pass_obj
def status(out: Output, folder: Path, store: str | None, at: datetime | None) -> None:
    report, _zone = read_report(folder, at, store)
    if out.json:
        out.record(report.summary())
        return
    out.pairs(
        [
            (_("campaign"), str(folder)),
            (_("begun"), report.created_at.strftime("%Y-%m-%d %H:%M:%S UTC")),
            (_("finished"), _("yes") if report.finished else _("no")),
            *((name, str(count)) for name, count in report.counts.items() if count),
        ]
    )
    for sentence in report.advice():
        out.hint(sentence)


@renew_command.command(
    "report",
    help=help_page(
        _(
            "Show the table of a campaign.\n\n"
            "Every key is in it, with its old and new last day, or why it was not "
            "renewed. "
            "The exit code is that of the run. Works also while a run is going on."
        ),
        examples=[
            "gostkey renew report --campaign spring",
            "gostkey renew report --campaign spring --out table.txt",
        ],
        exits=[0, 1, 2, 3, 4, 5],
    ),
)
@campaign_option
@store_options
@click.option(
    "--out",
    "target",
    type=PathOption,
    metavar="FILE",
    help=_("Write the table to FILE instead."),
)
@click.option("--force", is_flag=True, help=_("Replace FILE if it is there."))
@at_option
@json_option
@click.pass_obj
def report_(
    out: Output,
    folder: Path,
    store: str | None,
    target: Path | None,
    force: bool,
    at: datetime | None,
) -> Exit:
    if target is not None and out.json:
        raise click.UsageError(_("--out writes the table; use --json > FILE for JSON"))
    report, zone = read_report(folder, at, store)
    if target is None:
        show_report(out, report, zone, folder=folder)
        show_randomness(out, report)
    else:
        text = report_lines(report, zone)
        write_file(target, text.encode("utf-8"), private=True, force=force)
        out.note(_("table written to {file}").format(file=target))
    show_summary(out, report)
    return Exit(report.exit_code)
