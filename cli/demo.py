"""``gostkey demo``: a certification authority and many subscribers, all renewed."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import click

from gostkey.errors import CampaignError
from gostkey.renewal.audit import AUDIT_KEY, AUDIT_LOCK, AUDIT_PUBLIC, LOG_NAME
from gostkey.renewal.campaign import Campaign
from gostkey.renewal.install_steps import ARCHIVE, BACKUP
from gostkey.renewal.interrupts import ending_interrupts
from gostkey.renewal.lock import LOCK_NAME, CampaignLock
from gostkey.renewal.report import Report
from gostkey.renewal.storage.store import PART_NAME, STORE_NAME, Store
from gostkey.renewal.trial import FOLDER as TRIAL

from .campaigns import watch, zone_in
from .failures import Exit
from .files import PathOption, is_unfinished, write_pieces
from .output import Output, json_option
from .renewal_words import report_pieces, show_report, show_summary
from .texts import _, help_page

DEFAULT_FOLDER = Path("gostkey-demo")
REPORT = "report.txt"
SHOWN_ROWS = 10

# What may be left of a demo that was killed while it was being removed.
_LAST = frozenset({LOCK_NAME, PART_NAME, f"{STORE_NAME}-wal", f"{STORE_NAME}-shm"})

# All that a demo makes; a folder with anything else in it is somebody's own.
_OURS = frozenset(
    {
        *_LAST,
        STORE_NAME,
        REPORT,
        TRIAL,
        f"{TRIAL}.part",
        ARCHIVE,
        BACKUP,
        LOG_NAME,
        AUDIT_KEY,
        AUDIT_LOCK,
        AUDIT_PUBLIC,
    }
)


@click.command(
    "demo",
    help=help_page(
        _(
            "Renew the keys of many invented subscribers.\n\n"
            "Makes a folder with a certification authority and N subscribers, each "
            "with a key container whose key is about to expire; then renews them "
            "all: new keys, new containers, requests signed with the old keys, "
            "certificates received, checked and installed; and shows the table "
            "that proves it. Names are invented, the rest is real.\n\n"
            "Stop it at any moment, even with kill -9: `gostkey renew resume "
            "--campaign FOLDER` ends in the same table. A finished demo in FOLDER "
            "is replaced by a new one, unless --keep is given; any other folder "
            "is left alone."
        ),
        examples=[
            "gostkey demo",
            "gostkey demo --subscribers 20 --all",
            "gostkey renew report --campaign gostkey-demo",
            "gostkey container list gostkey-demo",
        ],
        exits=[0, 1, 2, 3, 4, 5, 6, 130],
    ),
)
@click.option(
    "--subscribers",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    metavar="N",
    help=_("How many."),
)
@click.option(
    "--folder",
    type=PathOption,
    default=DEFAULT_FOLDER,
    show_default=True,
    help=_("Where; it is made."),
)
@click.option(
    "--keep",
    is_flag=True,
    help=_("Keep an earlier demo and use FOLDER-2, FOLDER-3 ... instead."),
)
@click.option("--all", "everything", is_flag=True, help=_("Show every row."))
@json_option
@click.pass_obj
@ending_interrupts()
def demo_command(
    out: Output, subscribers: int, folder: Path, keep: bool, everything: bool
) -> Exit:
    folder = _free_name(folder) if keep else folder
    _make_room(folder)
    out.after_interrupt = _(
        "`gostkey renew resume --campaign {folder}` goes on"
    ).format(folder=folder)
    with Campaign.begin_trial(folder, subscribers) as campaign:
        began = time.perf_counter()
        with out.progress(_("making subscribers"), subscribers) as show:
            campaign.prepare(lambda made, of: show(made, ""))
        ready = time.perf_counter()
        report = watch(out, folder, campaign.run, _("renewing keys"))
        done = time.perf_counter()
    zone = zone_in(folder)
    show_report(out, report, zone, most=None if everything else SHOWN_ROWS)
    pieces = report_pieces(report, zone)
    write_pieces(folder / REPORT, pieces, private=True, force=True)
    _show_times(out, report, ready - began, done - ready, folder)
    return Exit(report.exit_code)


def _show_times(
    out: Output, report: Report, setup: float, renewal: float, folder: Path
) -> None:
    renewed = report.counts["renewed"]
    show_summary(
        out,
        report,
        setup_seconds=round(setup, 3),
        renewal_seconds=round(renewal, 3),
        keys_per_second=round(renewed / renewal, 1),
        table=str(folder / REPORT),
    )
    if out.json:
        return
    out.text("")
    out.text(
        _("set-up {setup:.1f} s, renewal {renewal:.1f} s, {speed:.0f} keys/s").format(
            setup=setup, renewal=renewal, speed=renewed / renewal
        )
    )
    out.text(_("the whole table: {file}").format(file=folder / REPORT))


def _free_name(folder: Path) -> Path:
    """Return the first of FOLDER, FOLDER-2, FOLDER-3 ... that is not there."""
    number = 1
    found = folder
    while found.exists():
        number += 1
        found = folder.with_name(f"{folder.name}-{number}")
    return found


def _make_room(folder: Path) -> None:
    """Remove a finished demo; refuse to touch anything else.

    Raises:
        CampaignError: if the folder is not a finished demo and nothing more.
        CampaignLocked: if another process works on it.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise CampaignError(
            _("{folder}: is a file; choose another --folder").format(folder=folder)
        )
    found = {one.name for one in folder.iterdir()}
    if not found - _LAST:
        return
    foreign = sorted(
        name for name in found - _OURS if not is_unfinished(name, Path(REPORT))
    )
    if foreign or STORE_NAME not in found:
        raise CampaignError(
            _(
                "{folder}: holds something that is not of a demo ({name}); "
                "choose another --folder"
            ).format(folder=folder, name=(foreign or sorted(found))[0])
        )
    with CampaignLock(folder / LOCK_NAME):
        with Store.open(folder) as store:
            demo = "trial" in store.settings()
            finished = store.phase() == "planned" and not store.open_ids()
        if not demo:
            raise CampaignError(
                _(
                    "{folder}: is a campaign and no demo; choose another --folder"
                ).format(folder=folder)
            )
        if not finished:
            raise CampaignError(
                _(
                    "{folder}: holds a demo that is not finished; finish it with "
                    "`gostkey renew resume --campaign {folder}`, or choose another "
                    "--folder"
                ).format(folder=folder)
            )
        # The store goes last: until then a kill leaves what is still a demo.
        for name in (*sorted(found - _LAST - {STORE_NAME}), STORE_NAME, *_LAST):
            path = folder / name
            if name == LOCK_NAME:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
