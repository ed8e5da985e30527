"""``gostkey renew status | report``: how a campaign stands; nothing is changed."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click

from gostkey.renewal.audit import (
    AUDIT_PUBLIC,
    CMS_NAME,
    LOG_NAME,
    Verification,
    signed_here,
    signers,
    verify,
)
from gostkey.renewal.report import make_report
from gostkey.renewal.settings import zone_of
from gostkey.renewal.storage.store import Store
from gostkey.renewal.watching.counts import Counts, count, read_counts
from gostkey.renewal.watching.follow import follow
from gostkey.renewal.watching.rows import broken_rows, csv_of, rows

from .campaigns import clock_at, read_report
from .failures import Exit
from .files import PathOption, refuse_taken, write_pieces
from .following import Follower
from .output import Output, json_option
from .overdue_words import read_overdue
from .renew import campaign_option, renew_command
from .renewal_words import (
    report_pieces,
    show_randomness,
    show_records,
    show_report,
    show_summary,
    show_totals,
)
from .report_page import Page
from .sources import at_option, read_public_key
from .store_options import store_options
from .texts import _, help_page, plural


@renew_command.command(
    "status",
    help=help_page(
        _(
            "Say how far a campaign is: counts and what to do next.\n\n"
            "Works also while a run is going on, on this or another machine. With "
            "--follow it looks again every second until the campaign is finished; "
            "Ctrl-C ends it and leaves the run alone."
        ),
        examples=[
            "gostkey renew status --campaign spring",
            "gostkey renew status --campaign spring --follow",
        ],
        exits=[0, 1, 3, 130],
    ),
)
@campaign_option
@store_options
@click.option(
    "--follow",
    "following",
    is_flag=True,
    help=_("Show every change, until the campaign is finished."),
)
@at_option
@json_option
@click.pass_obj
def status(
    out: Output,
    folder: Path,
    store: str | None,
    following: bool,
    at: datetime | None,
) -> Exit:
    if following:
        sights = follow(folder, clock_at(at), store)
        try:
            with closing(sights), Follower(out, folder) as follower:
                for sight in sights:
                    follower(sight)
        except KeyboardInterrupt:
            return Exit.INTERRUPTED
        return Exit.DONE
    now = clock_at(at)()
    counts = read_counts(folder, now, store)
    overdue = read_overdue(folder, now, store)
    if out.json:
        out.record({**counts.record(), "overdue": overdue.record()})
        return Exit.DONE
    out.pairs(
        [
            (_("campaign"), str(folder)),
            (_("begun"), counts.created_at.strftime("%Y-%m-%d %H:%M:%S UTC")),
            (_("finished"), _("yes") if counts.finished else _("no")),
            *((name, str(number)) for name, number in counts.groups.items() if number),
        ]
    )
    overdue.show(out)
    for sentence in counts.advice():
        out.hint(sentence)
    return Exit.DONE


class _Targets(NamedTuple):
    """Files that a report is written to."""

    table: Path | None
    page: Path | None
    csv: Path | None

    @property
    def named(self) -> list[Path]:
        return [one for one in self if one is not None]


@renew_command.command(
    "report",
    help=help_page(
        _(
            "Show or write the table of a campaign, or check it.\n\n"
            "Every key is in it, with its old and new last day, or why it was not "
            "renewed. The exit code is that of the run. Works also while a run is "
            "going on.\n\n"
            "--verify checks the audit log line by line: that nothing was changed, "
            "added or removed, that it is signed, and that it agrees with the journal "
            "and the keys. Its exit code is 0 if all is right, and 2 if not."
        ),
        examples=[
            "gostkey renew report --campaign spring",
            "gostkey renew report --campaign spring --html spring.html "
            "--csv spring.csv",
            "gostkey renew report --campaign spring --verify",
        ],
        exits=[0, 1, 2, 3, 4, 5],
    ),
)
@campaign_option
@store_options
@click.option(
    "--out",
    "table",
    type=PathOption,
    metavar="FILE",
    help=_("Write the table to FILE instead, as text."),
)
@click.option(
    "--html",
    "page",
    type=PathOption,
    metavar="FILE",
    help=_(
        "Write a page for a browser, with charts: one file, which needs no network. "
        "It takes matplotlib (pip install 'gostkey[office]')."
    ),
)
@click.option(
    "--csv",
    type=PathOption,
    metavar="FILE",
    help=_("Write all rows as CSV with commas, in UTF-8 (RFC 4180)."),
)
@click.option(
    "--bom",
    is_flag=True,
    help=_("Begin the CSV file with a byte order mark, for Excel."),
)
@click.option("--force", is_flag=True, help=_("Replace FILE if it is there."))
@click.option("--verify", "check", is_flag=True, help=_("Check the audit log."))
@click.option(
    "--audit-public",
    type=PathOption,
    metavar="FILE",
    help=_(
        "With --verify: the public key that must have signed, or its certificate; "
        "without it any key will do, and is named."
    ),
)
@click.option(
    "--audit-copy",
    type=PathOption,
    metavar="FILE",
    help=_(
        "With --verify: a copy of the log, or of its last line, that was kept "
        "elsewhere; the log must go on from it."
    ),
)
@at_option
@json_option
@click.pass_obj
def report_(
    out: Output,
    folder: Path,
    store: str | None,
    table: Path | None,
    page: Path | None,
    csv: Path | None,
    bom: bool,
    force: bool,
    check: bool,
    audit_public: Path | None,
    audit_copy: Path | None,
    at: datetime | None,
) -> Exit:
    targets = _Targets(table, page, csv)
    if table is not None and out.json:
        raise click.UsageError(_("--out writes the table; use --json > FILE for JSON"))
    if check and targets.named:
        raise click.UsageError(_("--verify writes no files; give two commands"))
    if audit_public is not None and not check:
        raise click.UsageError(_("--audit-public goes with --verify"))
    if audit_copy is not None and not check:
        raise click.UsageError(_("--audit-copy goes with --verify"))
    if bom and csv is None:
        raise click.UsageError(_("--bom goes with --csv"))
    if len({one.absolute() for one in targets.named}) < len(targets.named):
        raise click.UsageError(_("each file needs a name of its own"))
    if check:
        return _verify(out, folder, store, audit_public, audit_copy)
    for target in targets.named:
        refuse_taken(target, force)
    if not targets.named and not out.json:
        report, zone = read_report(folder, at, store)
        show_report(out, report, zone, folder=folder)
        show_randomness(out, report)
        _show_signers(out, folder, store)
        show_summary(out, report)
        return Exit(report.exit_code)
    now = clock_at(at)()
    with Store.open(folder, store) as opened:
        counts = count(opened, now)
        _write(out, opened, folder, counts, targets, bom, force)
        if out.json and not targets.named:
            show_records(out, rows(opened, now), opened.row_errors())
        show_totals(out, opened, counts)
    return Exit(counts.exit_code)


def _write(
    out: Output,
    store: Store,
    folder: Path,
    counts: Counts,
    targets: _Targets,
    bom: bool,
    force: bool,
) -> None:
    now, zone = counts.made_at, zone_of(store.settings())

    def tell(target: Path, what: str) -> None:
        if str(target) != "-":
            out.note(what.format(file=target))

    if targets.table is not None:
        pieces = report_pieces(make_report(store, now), zone)
        write_pieces(targets.table, pieces, private=True, force=force)
        tell(targets.table, _("table written to {file}"))
    if targets.csv is not None:
        found = (row for some in (rows(store, now), broken_rows(store)) for row in some)
        pieces = csv_of(found, bom=bom)
        write_pieces(targets.csv, pieces, private=True, force=force)
        tell(targets.csv, _("rows written to {file}"))
    if targets.page is not None:
        csv = targets.csv
        beside = csv is not None and csv.parent == targets.page.parent
        expected = (folder / LOG_NAME).exists() or signed_here(folder, store)
        audit = verify(folder, store) if expected else None
        made = Page(
            folder.absolute().name,
            store,
            counts,
            zone,
            audit,
            csv.name if csv is not None and beside else None,
        )
        write_pieces(targets.page, made.pieces(), private=True, force=force)
        tell(targets.page, _("page written to {file}"))


def _verify(
    out: Output,
    folder: Path,
    url: str | None,
    audit_public: Path | None,
    copy: Path | None,
) -> Exit:
    key = None if audit_public is None else read_public_key(audit_public)[0]
    with Store.open(folder, url) as store:
        found = verify(folder, store, key, copy)
        is_shared = store.database.is_shared
    if out.json:
        out.record(_verification_record(found))
    else:
        out.pairs(
            [
                (_("audit log"), str(found.path)),
                (_("lines"), str(found.lines)),
                (_("outcomes"), str(found.steps)),
                (_("runs"), str(found.runs)),
                (_("mended after a crash"), str(found.repairs)),
                (_("signed"), _signed(found)),
                *(
                    (_("signature"), f"{one.at[:19]} UTC, {one.who}, key {one.key}")
                    for one in found.seals
                ),
                *_cms(found),
                *(
                    [(_("as the copy"), _("up to line {n}").format(n=copied))]
                    if (copied := found.copied_lines)
                    else []
                ),
            ]
        )
    if found.other_logs and is_shared:
        out.note(
            plural(
                "the store knows signatures of {n} more log: of another station, or of "
                "one that is gone",
                "the store knows signatures of {n} more logs: of other stations, or of "
                "some that are gone",
                found.other_logs,
            )
        )
    for problem in found.problems:
        where = f"{_('line {n}').format(n=problem.line)}: " if problem.line else ""
        out.note(f"{where}{problem.text}")
    if found.more_problems:
        out.note(
            plural("and {n} more problem", "and {n} more problems", found.more_problems)
        )
    if found.good:
        out.note(
            _("the log is whole, signed, and agrees with the journal and the keys")
        )
        if key is None:
            out.hint(
                _(
                    "compare the key with the one that was noted elsewhere, or name "
                    "it: --audit-public"
                )
            )
        return Exit.DONE
    out.note(_("the log does NOT prove what happened"))
    return Exit.SOME_FAILED


def _show_signers(out: Output, folder: Path, url: str | None) -> None:
    with Store.open(folder, url) as store:
        keys = signers(store)
    if keys:
        own = folder / AUDIT_PUBLIC
        out.text("")
        out.text(_("audit log"))
        out.pairs(
            [
                *((_("signed by the key"), key.fingerprint) for key in keys),
                *([(_("campaign's public key"), str(own))] if own.exists() else []),
            ]
        )


def _signed(found: Verification) -> str:
    if not found.seals:
        return _("no")
    if found.signed_lines == found.lines:
        return _("all lines")
    return _("up to line {n}").format(n=found.signed_lines)


def _cms(found: Verification) -> list[tuple[str, str]]:
    if found.cms is None:
        return []
    one = found.cms
    said = _("up to line {n}: {who}, serial {serial}").format(
        n=one.line, who=one.signer, serial=one.serial
    )
    return [(_("signed as CMS"), f"{said}; {CMS_NAME}")]


def _verification_record(found: Verification) -> dict[str, object]:
    return {
        "log": str(found.path),
        "good": found.good,
        "lines": found.lines,
        "outcomes": found.steps,
        "runs": found.runs,
        "repairs": found.repairs,
        "signed_lines": found.signed_lines,
        "signatures": [one.__dict__ for one in found.seals],
        "cms": None if found.cms is None else found.cms.__dict__,
        "problems": [one.__dict__ for one in found.problems],
        "more_problems": found.more_problems,
        "other_logs": found.other_logs,
        "copied_lines": found.copied_lines,
    }
