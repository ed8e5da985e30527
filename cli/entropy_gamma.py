"""``gostkey entropy gamma``: pairs of gamma files: make, check, count."""

from __future__ import annotations

from pathlib import Path

import click

from gostkey.errors import GammaExhausted
from gostkey.random import gamma

from .failures import Exit, Failure, describe
from .files import PathOption
from .output import Output, json_option
from .randomness import RandomOptions, ask_a_person
from .texts import _, help_page, plural

PLACE = click.argument("place", metavar="PLACE", type=PathOption)
KEYS = click.option(
    "--keys",
    type=click.IntRange(1),
    metavar="N",
    help=_("Fail with code 4 unless the records are enough for N keys."),
)

_PLACE_WORDS = _(
    "PLACE is the folder that holds the two copies, db1/kis_1 and db2/kis_1, or a "
    "single gamma file."
)


def _set_number(context: click.Context, argument: click.Parameter, text: str) -> str:
    if len(text) != 8 or not set(text) <= set("0123456789abcdefABCDEF"):
        raise click.BadParameter(
            _("{text!r} is not a set number: 8 hex digits, such as 0000000A").format(
                text=text
            )
        )
    return text.upper()


@click.group(
    "gamma",
    help=help_page(
        _(
            "Gamma: files of random records, used up one by one.\n\n"
            "An office gets gamma from its maker, or makes its own, and each new key "
            "takes one record of it. There are two equal copies, db1/kis_1 and "
            "db2/kis_1, in one folder. A record is destroyed in both before it is "
            "used, so it can never serve twice; an old copy that is put back is "
            "noticed. The journal beside the copies, kis_1.journal, holds counts and "
            "fingerprints, never the records: keep it with them.\n\n"
            "Never copy gamma for a second machine, and never restore it from a "
            "backup."
        ),
        examples=[
            "gostkey entropy gamma check /media/gamma",
            "gostkey entropy gamma status /media/gamma --keys 500",
            "gostkey entropy gamma make 1000 0000000A /media/gamma",
        ],
        exits=[0, 1, 3, 4, 5, 6],
    ),
)
def gamma_command() -> None:
    pass


@gamma_command.command(
    "make",
    help=help_page(
        _(
            "Make a new pair of gamma files.\n\n"
            "COUNT is the number of records: one for each key, and a tenth more. SET "
            "is the office's own number for this gamma, 8 hex digits; the files have "
            "no place for it, so it is written into the journal beside them. DIR "
            "gets the folders db1 and db2; it is made if it is not there.\n\n"
            "The records come from this program's random generator, which is not a "
            "certified one. On a terminal a person is first asked for random input; "
            "--no-bio leaves that out. An existing pair is "
            "never replaced unless --force is given, which destroys it."
        ),
        examples=[
            "gostkey entropy gamma make 1000 0000000A /media/gamma",
            "gostkey entropy gamma make 1000 0000000B /media/gamma --force --no-bio",
        ],
        exits=[0, 1, 3, 4, 5, 6, 130],
    ),
)
@click.argument("count", metavar="COUNT", type=click.IntRange(1, gamma.MOST_RECORDS))
@click.argument("set_number", metavar="SET", callback=_set_number)
@click.argument("directory", metavar="DIR", type=PathOption)
@click.option("--force", is_flag=True, help=_("Destroy and replace an older pair."))
@click.option("--no-bio", is_flag=True, help=_("Do not ask a person for input."))
@json_option
@click.pass_obj
def make(
    out: Output,
    count: int,
    set_number: str,
    directory: Path,
    force: bool,
    no_bio: bool,
) -> None:
    # Now, so that nobody moves the mouse in vain.
    gamma.refuse_taken(directory, force=force)
    person = None if no_bio else _ask_person(out)
    made = gamma.make(directory, count, set_number, force=force)
    if out.json:
        out.record(
            {
                "item": str(directory),
                "status": "done",
                "copies": [str(path) for path in made.copies],
                "journal": str(made.journal),
                "records": made.records,
                "set": made.set_number,
                "keys": gamma.keys_possible(made.records),
                "replaced": made.replaced > 0,
                "certified": False,
                "person": person,
            }
        )
    else:
        shown = [(_("copy"), str(path)) for path in made.copies]
        out.pairs(
            [
                *shown,
                (_("journal"), str(made.journal)),
                (_("set"), made.set_number),
                (_("records"), str(made.records)),
                (_("enough for"), _keys(gamma.keys_possible(made.records))),
            ]
        )
    if made.replaced:
        out.note(_("the older pair was destroyed and replaced"))
    out.note(_("not from a certified generator"))


def _ask_person(out: Output) -> dict[str, object] | None:
    """Hold a sensor session; return its record, None if nobody is there."""
    title = _("Random input for a new pair of gamma files")
    summary, _why = ask_a_person(out, RandomOptions(), title)
    return None if summary is None else summary.record()


@gamma_command.command(
    "check",
    help=help_page(
        _(
            "Check a pair of gamma files, and change nothing.\n\n"
            "Checked are: length and checksum of every record, that no two are equal "
            "and none is constant, that both copies agree, that no record was used "
            "before (by the journal), and that nobody else may read the files. "
        )
        + _PLACE_WORDS,
        examples=[
            "gostkey entropy gamma check /media/gamma",
            "gostkey entropy gamma check /media/gamma --keys 500",
        ],
        exits=[0, 1, 3, 4, 6],
    ),
)
@PLACE
@KEYS
@json_option
@click.pass_obj
def check(out: Output, place: Path, keys: int | None) -> int:
    return _show(out, place, gamma.check(place), keys, _("sound"))


@gamma_command.command(
    "status",
    help=help_page(
        _(
            "Show how many records are left, even in use.\n\n"
            "Only counts and the journal are looked at; `check` reads the records. "
        )
        + _PLACE_WORDS,
        examples=[
            "gostkey entropy gamma status /media/gamma",
            "gostkey entropy gamma status /media/gamma --json",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@PLACE
@KEYS
@json_option
@click.pass_obj
def status(out: Output, place: Path, keys: int | None) -> int:
    report = gamma.status(place)
    state = _("in use by another run") if report.in_use else _("not in use")
    return _show(out, place, report, keys, state)


def _show(
    out: Output, place: Path, report: gamma.Report, keys: int | None, state: str
) -> int:
    """Print a report; return the exit code, 4 if there are too few records."""
    failure = _too_few(place, report, keys)
    if out.json:
        head: dict[str, object] = {"item": str(place), "status": "done"}
        if failure is not None:
            head.update(status="failed", error=failure.record())
        out.record({**head, **report.record()})
    else:
        out.pairs(_lines(report, state))
    for warning in report.warnings:
        out.note(warning)
    if failure is None:
        return Exit.DONE
    out.note(failure.message)
    out.hint(failure.hint)
    return failure.exit


def _lines(report: gamma.Report, state: str) -> list[tuple[str, str]]:
    journal = report.journal
    left = _("{count} of {start}").format(count=report.records, start=report.start)
    lines = [(_("copy"), str(path)) for path in report.copies]
    lines += [
        (_("state"), state),
        (_("records left"), left),
        (_("enough for"), _keys(report.keys)),
        (_("journal"), str(journal.path) if journal.exists else _("none yet")),
        (_("used so far"), str(journal.used)),
    ]
    optional = [
        (_("last used"), journal.last_taken),
        (_("made"), journal.made),
        (_("set"), journal.set_number),
    ]
    return lines + [(name, text) for name, text in optional if text]


def _too_few(place: Path, report: gamma.Report, keys: int | None) -> Failure | None:
    wanted = 1 if keys is None else gamma.needed(keys)
    if report.records >= wanted:
        return None
    text = (
        _("{place}: no records are left")
        if keys is None
        else _("{place}: {count} records are left and {keys} keys need {wanted}")
    )
    return describe(
        GammaExhausted(
            text.format(place=place, count=report.records, keys=keys, wanted=wanted)
        )
    )


def _keys(count: int) -> str:
    return plural("{n} key", "{n} keys", count)
