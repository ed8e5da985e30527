"""``gostkey renew``: what is due, the plan, and the campaign that renews the keys.

This module has the group and the part that changes nothing; the campaign's
commands are in `renew_campaign` and `renew_watch`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, TypeVar

import click

from gostkey.renewal.campaign import DEFAULT_FOLDER
from gostkey.renewal.configuration import read_offset
from gostkey.renewal.planning.csv_list import read_list
from gostkey.renewal.planning.passwords import as_run_now
from gostkey.renewal.planning.plan import due_list, make_plan
from gostkey.renewal.planning.plan_file import plan_to_json
from gostkey.renewal.planning.rules import MOSCOW
from gostkey.renewal.planning.subscribers import Listing, read_tree

from .chip_input import library_option
from .config_options import drop_overruled
from .failures import Exit
from .files import PathOption, write_file
from .output import Output, json_option
from .renewal_words import plan_exit, show_plan, warn_of_open_keys
from .sources import at_option, now
from .texts import _, help_page

F = TypeVar("F", bound=Callable[..., Any])


@click.group(
    "renew",
    help=help_page(
        _(
            "Renew the keys of many subscribers.\n\n"
            "See what is due, make a plan, run it, receive certificates, report. "
            "A key lives one year; from 60 days before its end it is due; on its "
            "last day and after it the subscriber must come to the office. The old "
            "container is never changed or deleted. A campaign keeps every step in "
            "its folder, so that `resume` goes on after any interruption, without "
            "a second key or request for anyone. See docs/renewal.md."
        ),
        examples=[
            "gostkey renew due /media/keys",
            "gostkey renew plan --csv list.csv --save-plan plan.json",
            "gostkey renew run --plan plan.json --campaign spring --ca /srv/ca",
            "gostkey renew resume --campaign spring",
            "gostkey renew report --campaign spring",
        ],
        exits=[0, 1, 2, 3, 4, 5, 6, 130],
    ),
)
def renew_command() -> None:
    pass


def read_zone(
    context: click.Context, option: click.Parameter, value: str | None
) -> tzinfo:
    """Read an offset from UTC such as +05:00; Moscow's without one."""
    if value is None:
        return MOSCOW
    try:
        return read_offset(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from None


def campaign_option(command: F) -> F:
    """Add --campaign, the campaign's folder."""
    return click.option(
        "--campaign",
        "folder",
        type=PathOption,
        default=DEFAULT_FOLDER,
        show_default=True,
        metavar="FOLDER",
        help=_("The campaign's folder; it holds copies of keys, so guard it."),
    )(command)


def zone_option(command: F) -> F:
    """Add --zone; the command gets the office's time zone."""
    return click.option(
        "--zone",
        callback=read_zone,
        metavar="OFFSET",
        help=_("The office's time zone, whose days count; Moscow's if left out."),
    )(command)


@dataclass(frozen=True)
class Source:
    """Whose keys: a folder tree of containers or a list."""

    path: Path | None
    csv: Path | None
    exchanges_finished: bool = False
    password_file: Path | None = None
    new_password_file: Path | None = None
    destination: Path | None = None
    pin_file: Path | None = None
    new_pin_file: Path | None = None

    @property
    def given(self) -> bool:
        """Whether there is one."""
        return self.path is not None or self.csv is not None

    def read(self, library: Path | None) -> Listing:
        """Read it; *library* is for keys inside tokens."""
        named = None if library is None else str(library)
        if self.csv is not None:
            return read_list(
                self.csv, exchanges_finished=self.exchanges_finished, library=named
            )
        assert self.path is not None
        return read_tree(
            self.path,
            exchanges_finished=self.exchanges_finished,
            password_file=self.password_file,
            new_password_file=self.new_password_file,
            destination=self.destination,
            pin_file=self.pin_file,
            new_pin_file=self.new_pin_file,
            library=named,
        )


def source_options(*, renews: bool, required: bool = True) -> Callable[[F], F]:
    """Add PATH, --csv and what holds for all of a tree; the command gets `source`.

    Args:
        renews: also add the options that matter only when keys are renewed.
        required: a source must be named.
    """

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def with_source(*args: Any, **values: Any) -> Any:
            names = ["path", "csv"]
            if renews:
                names += [
                    "exchanges_finished",
                    "password_file",
                    "new_password_file",
                    "pin_file",
                    "new_pin_file",
                    "destination",
                ]
            drop_overruled(values, [*names, "plan_file"])
            source = Source(**{name: values.pop(name) for name in names})
            if source.path is not None and source.csv is not None:
                raise click.UsageError(_("give either PATH or --csv, not both"))
            if required and not source.given:
                raise click.UsageError(
                    _("name the folder of containers, a token, or --csv")
                )
            for_tree = (
                source.password_file,
                source.new_password_file,
                source.pin_file,
                source.new_pin_file,
                source.destination,
            )
            if source.csv is not None and any(for_tree):
                raise click.UsageError(
                    _(
                        "with --csv, files with passwords and PINs and destinations "
                        "stand in the list, in the columns password_file, "
                        "new_password_file, pin_file, new_pin_file and destination"
                    )
                )
            return command(*args, source=source, **values)

        wrapped: Any = with_source
        if renews:
            for option in _RENEWING:
                wrapped = option(wrapped)
        wrapped = click.option(
            "--csv",
            type=PathOption,
            metavar="FILE",
            help=_("A list of containers, CSV in UTF-8 or Windows-1251."),
        )(wrapped)
        wrapped = click.argument("path", required=False, type=PathOption)(wrapped)
        done: F = wrapped
        return done

    return decorate


_RENEWING = (
    click.option(
        "--destination",
        type=PathOption,
        metavar="PLACE",
        help=_(
            "Write new containers to this folder or token (token:SERIAL); else beside "
            "the old ones. With chip:SERIAL the keys are made inside that token and "
            "stay there."
        ),
    ),
    click.option(
        "--new-pin-file",
        type=PathOption,
        metavar="FILE",
        help=_(
            "File with the PIN of the token in --destination, if it is another one."
        ),
    ),
    click.option(
        "--pin-file",
        type=PathOption,
        metavar="FILE",
        help=_(
            "File with the PIN of the token; without it a person is asked, and "
            "`resume` asks again."
        ),
    ),
    click.option(
        "--new-password-file",
        type=PathOption,
        metavar="FILE",
        help=_("File with the password for all new containers of PATH."),
    ),
    click.option(
        "--password-file",
        type=PathOption,
        metavar="FILE",
        help=_("File with the password of all old containers of PATH."),
    ),
    click.option(
        "--exchanges-finished",
        is_flag=True,
        help=_("Confirm that all exchanges under the old keys are finished."),
    ),
)


@renew_command.command(
    "due",
    help=help_page(
        _(
            "List keys and when they end; nothing is changed.\n\n"
            "PATH is a folder with key containers in it or below it, or a token: "
            "token:SERIAL as `gostkey token list` shows it, or token: for the only "
            "one; chip:SERIAL means the keys inside a token, as `gostkey token keys` "
            "shows them, and wants --library. --csv names them in a list. Every key is "
            "shown: due, not due yet, expired, or why it cannot be told. An expired "
            "key is no failure of this command."
        ),
        examples=[
            "gostkey renew due /media/keys",
            "gostkey renew due token:30DA6803",
            "gostkey renew due chip:3b000001 --library librtpkcs11ecp.so",
            "gostkey renew due --csv list.csv --json",
        ],
        exits=[0, 1, 2, 3, 4],
    ),
)
@source_options(renews=False)
@library_option
@at_option
@zone_option
@json_option
@click.pass_obj
def due(
    out: Output,
    source: Source,
    library: Path | None,
    at: datetime | None,
    zone: tzinfo,
) -> Exit:
    plan = due_list(source.read(library), now(at), zone)
    show_plan(out, plan, "due")
    unreadable = [one for one in plan.items if one.state == "unreadable"]
    if not unreadable and not plan.row_errors:
        return Exit.DONE
    told = len(plan.items) - len(unreadable)
    return Exit.SOME_FAILED if told else Exit.NONE_SUCCEEDED


@renew_command.command(
    "plan",
    help=help_page(
        _(
            "Show what a run would do with every key; nothing is changed.\n\n"
            "Renewed are keys that are due and whose exchanges are confirmed as "
            "finished: by --exchanges-finished for all, or in the list for each. "
            "--save-plan writes the plan as JSON; `renew run --plan` takes it, "
            "looks at every container again, and never renews more than was planned. "
            "Keys inside a token (chip:SERIAL) get their successors in the same token, "
            "unless --destination names another place."
        ),
        examples=[
            "gostkey renew plan /media/keys --exchanges-finished",
            "gostkey renew plan --csv list.csv --save-plan plan.json",
        ],
        exits=[0, 1, 2, 3, 4],
    ),
)
@source_options(renews=True)
@click.option(
    "--save-plan",
    type=PathOption,
    metavar="FILE",
    help=_("Write the plan here, for `renew run --plan`."),
)
@click.option("--force", is_flag=True, help=_("Replace FILE if it is there."))
@library_option
@at_option
@zone_option
@json_option
@click.pass_obj
def plan_(
    out: Output,
    source: Source,
    library: Path | None,
    save_plan: Path | None,
    force: bool,
    at: datetime | None,
    zone: tzinfo,
) -> Exit:
    plan = make_plan(source.read(library), now(at), zone)
    # Saved is what is planned: a password's file may be corrected before the run.
    shown = as_run_now(plan)
    show_plan(out, shown, "planned")
    warn_of_open_keys(out, plan)
    if save_plan is not None:
        text = plan_to_json(plan)
        # Names and dates of subscribers: for the office alone.
        write_file(save_plan, text.encode("utf-8"), private=True, force=force)
        out.note(_("plan written to {file}").format(file=save_plan))
    return plan_exit(shown)
