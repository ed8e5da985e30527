"""``gostkey renew rollback | archives``: undo renewals; copies of old containers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import click

from gostkey.renewal.campaign import Campaign
from gostkey.renewal.storage.store import Store
from gostkey.renewal.tokens import Tokens
from gostkey.renewal.undo import Archive, Undone, list_archives

from .campaigns import clock_at, pin_asker
from .config_options import config_option
from .failures import Exit, describe, overall
from .output import Output, json_option, place
from .renew import campaign_option, renew_command
from .sources import at_option
from .store_options import store_options
from .texts import _, help_page, plural


@renew_command.command(
    "rollback",
    help=help_page(
        _(
            "Undo renewals: the old container is in its place again.\n\n"
            "KEY is the number of a key in the report (id in --json), the place or "
            "name of its old or new container, or its request. The new container is "
            "moved into the campaign's folder (rolled-back) and never deleted. The old "
            "one is put back from the archive if it is gone or changed. `resume` does "
            "not renew the key again; a new campaign does. Once the new certificate is "
            "installed this needs --confirm-not-used, because what was encrypted for "
            "the new key cannot be read any more. Keys made inside a token cannot be "
            "taken out of it. What is interrupted is finished by the same command, or "
            "by `resume`."
        ),
        examples=[
            "gostkey renew rollback 17 --campaign spring",
            "gostkey renew rollback /media/keys/ivanov.000 --campaign spring "
            "--confirm-not-used",
        ],
        exits=[0, 1, 2, 3, 4, 6, 130],
    ),
)
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@click.option(
    "--confirm-not-used",
    "not_used",
    is_flag=True,
    help=_("State that nothing was encrypted for, or signed with, the new keys."),
)
@config_option
@campaign_option
@store_options
@at_option
@json_option
@click.pass_obj
def rollback(
    out: Output,
    keys: tuple[str, ...],
    not_used: bool,
    folder: Path,
    store: str | None,
    at: datetime | None,
) -> Exit:
    out.after_interrupt = _("the same command goes on")
    with (
        Campaign.open(folder, clock=clock_at(at), store=store) as campaign,
        Tokens(pin_asker(out)) as tokens,
    ):
        done = campaign.roll_back(keys, not_used=not_used, tokens=tokens)
    failures = []
    for one in done:
        if one.error is not None:
            failures.append(describe(one.error))
            out.failure(failures[-1], str(one.item_id))
        else:
            _tell(out, one)
    return overall(len(done) - len(failures), failures)


def _tell(out: Output, one: Undone) -> None:
    if out.json:
        out.record(
            {
                "item": one.item_id,
                "status": "already" if one.already else "rolled-back",
                "owner": one.label,
                "state": one.state,
                "moved_to": one.moved_to,
                "restored": one.restored,
                "request_id": one.request_id,
                "serial": one.serial,
            }
        )
    else:
        said = _("was rolled back before") if one.already else _("rolled back")
        out.text(f"{one.label}: {said}")
    if one.moved_to:
        out.note(_("the new container is in {place}").format(place=place(one.moved_to)))
    if one.restored:
        out.note(_("put back: {place}").format(place=place(one.restored)))
    if one.serial:
        out.hint(
            _(
                "have the new certificate revoked: serial number {serial}, request "
                "{request}"
            ).format(serial=one.serial, request=one.request_id)
        )
    elif one.request_id:
        out.hint(
            _(
                "request {request} was sent: tell the authority that it is not wanted, "
                "or have its certificate revoked"
            ).format(request=one.request_id)
        )


@renew_command.group(
    "archives",
    help=help_page(
        _(
            "Copies of old containers in a campaign's folder.\n\n"
            "They are kept for ever, unless `prune` is told to remove those that are "
            "older than a number of days. A copy is removed only if the old container "
            "is in its place, the same in every byte."
        ),
        examples=[
            "gostkey renew archives list --campaign spring",
            "gostkey renew archives prune --keep-archives 400 --campaign spring",
        ],
        exits=[0, 1, 2, 3],
    ),
)
def archives_command() -> None:
    pass


@archives_command.command(
    "list",
    help=help_page(
        _(
            "Show the copies.\n\n"
            "With their age, and whether the old container is still in its place."
        ),
        examples=["gostkey renew archives list --campaign spring --json"],
        exits=[0, 1, 3],
    ),
)
@config_option
@campaign_option
@at_option
@json_option
@click.pass_obj
def archives_list(out: Output, folder: Path, at: datetime | None) -> None:
    with Store.open(folder) as store, Tokens(pin_asker(out)) as tokens:
        _show(out, list_archives(store, clock_at(at)(), tokens))


@archives_command.command(
    "prune",
    help=help_page(
        _(
            "Remove copies that are older and are not the only ones.\n\n"
            "--dry-run shows what would be removed."
        ),
        examples=[
            "gostkey renew archives prune --keep-archives 400 --dry-run",
            "gostkey renew archives prune --keep-archives 400 --campaign spring",
        ],
        exits=[0, 1, 3, 6],
    ),
)
@click.option(
    "--keep-archives",
    type=click.IntRange(0, 36_500),
    metavar="DAYS",
    help=_("Keep each copy for so many days; without it all are kept."),
)
@click.option("--dry-run", is_flag=True, help=_("Remove nothing."))
@config_option
@campaign_option
@at_option
@json_option
@click.pass_obj
def archives_prune(
    out: Output,
    keep_archives: int | None,
    dry_run: bool,
    folder: Path,
    at: datetime | None,
) -> Exit:
    clock = clock_at(at)
    if keep_archives is None:
        out.note(_("all copies are kept; --keep-archives DAYS removes older ones"))
        return Exit.DONE
    if dry_run:
        with Store.open(folder) as store, Tokens(pin_asker(out)) as tokens:
            _show(out, list_archives(store, clock(), tokens, keep_days=keep_archives))
        return Exit.DONE
    with (
        Campaign.open(folder, clock=clock) as campaign,
        Tokens(pin_asker(out)) as tokens,
    ):
        removed = _show(out, campaign.prune_archives(keep_archives, tokens=tokens))
    out.note(plural("{n} copy removed", "{n} copies removed", removed))
    return Exit.DONE


def _show(out: Output, archives: Iterable[Archive]) -> int:
    """Show copies as they come; return how many were removed."""
    removed, rows = 0, []
    for one in archives:
        removed += one.removed
        code, status = "old", _("may go")
        if one.removed:
            code, status = "removed", _("removed")
        elif one.why:
            code, status = "kept", _("kept: {why}").format(why=one.why)
        if out.json:
            out.record(
                {
                    "item": one.item_id,
                    "status": code,
                    "owner": one.label,
                    "archive": one.path,
                    "made_at": one.made_at,
                    "days": one.days,
                    "elsewhere": one.elsewhere,
                    "text": one.why,
                }
            )
        rows.append([one.label, place(one.path), str(one.days), status])
    if not out.json and rows:
        out.table([_("owner"), _("copy"), _("days"), _("result")], rows, right=[2])
    return removed
