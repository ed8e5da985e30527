"""``gostkey bench``: this machine beside the peers that are installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from gostkey.measure import (
    GROUPS,
    PEERS,
    ROWS,
    Found,
    Result,
    Row,
    Spread,
    Workshop,
    choose,
    measure,
)
from gostkey.measure.machine import facts

from .failures import Exit, Failure, overall
from .files import PathOption, write_file
from .output import Output, json_option
from .texts import _, help_page, plural

ROUNDS, SECONDS = 7, 0.15
QUICK_ROUNDS, QUICK_SECONDS = 3, 0.03

TITLES = {
    "goals": _("what must be reached, by this machine's fastest kernels"),
    "threads": _("two threads beside one"),
    "memory": _("memory that a batch takes beside its arrays"),
    "kernels": _("the kernels in use beside portable C and plain Python"),
    "peers": _("one call of ours beside one call of theirs"),
}
VERDICTS = {
    "aim": _("met, with the aim"),
    "met": _("met"),
    "not_met": _("NOT MET"),
    "measured": "",
    "absent": _("absent"),
    "failed": _("FAILED"),
}


@click.command(
    "bench",
    help=help_page(
        _(
            "Measure this machine, beside other implementations.\n\n"
            "Each row compares one operation of ours with another's. Both sides are "
            "processes of their own, pinned to the same CPU, and work in turn. The "
            "ratio is their time divided by ours: 2 means twice as fast. Without "
            "--peers the others are our own portable C and plain Python; with it "
            "also OpenSSL, its GOST engine, nettle, libgcrypt, Botan, gostcrypto and "
            "pyca/cryptography, as far as they are here. C libraries are called by "
            "small programs that are compiled on the spot, so a C compiler and the "
            "libraries' headers are wanted; what is missing is named with what "
            "installs it.\n\n"
            "A floor that is not met is told in the table and is no failure of the "
            "command."
        ),
        examples=[
            "gostkey bench",
            "gostkey bench --peers",
            "gostkey bench --only 'sign-*' --only digest-63",
            "gostkey bench --peers --save results.json",
        ],
        exits=[0, 1, 2, 3],
    ),
)
@click.option("--peers", is_flag=True, help=_("Measure other implementations too."))
@click.option(
    "--only",
    multiple=True,
    metavar="ROW",
    help=_("Measure these rows alone: names, * for any text; more than once."),
)
@click.option("--list", "names", is_flag=True, help=_("Name the rows and stop."))
@click.option("--quick", is_flag=True, help=_("Measure briefly and roughly."))
@click.option(
    "--rounds",
    type=click.IntRange(1, 1000),
    metavar="N",
    help=_("How often each side works ({all}; quick: {quick}).").format(
        all=ROUNDS, quick=QUICK_ROUNDS
    ),
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.001, 60),
    metavar="S",
    help=_("How long it works each time ({all}; quick: {quick}).").format(
        all=SECONDS, quick=QUICK_SECONDS
    ),
)
@click.option(
    "--save",
    type=PathOption,
    metavar="FILE",
    help=_("Write the JSON to a file too, over an older one."),
)
@json_option
@click.pass_obj
def bench_command(
    out: Output,
    peers: bool,
    only: tuple[str, ...],
    names: bool,
    quick: bool,
    rounds: int | None,
    seconds: float | None,
    save: Path | None,
) -> Exit:
    rows = _rows(peers, only)
    if names:
        for row in rows:
            _show_name(out, row)
        return Exit.DONE
    rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    seconds = seconds or (QUICK_SECONDS if quick else SECONDS)
    records: list[dict[str, object]] = []

    def keep(record: dict[str, object]) -> None:
        records.append(record)
        if out.json:
            out.record(record)

    machine = {"rounds": rounds, "seconds": seconds, **facts()}
    keep({"item": "machine", "status": "done", **machine})
    with Workshop() as workshop:
        asked = {row.theirs.runner for row in rows if row.theirs is not None}
        found = [workshop.find(name) for name in PEERS if name in asked]
        for peer in found:
            keep(peer.record())
        if not out.json:
            _show_head(out, machine, found)
        results = _measure_all(out, workshop, rows, rounds, seconds, keep)
    counts = {
        status: sum(result.status == status for result in results)
        for status in ("aim", "met", "not_met", "measured", "absent", "failed")
    }
    keep({"summary": {"counts": counts}})
    if save is not None:
        lines = "".join(json.dumps(record) + "\n" for record in records)
        write_file(save, lines.encode("utf-8"), force=True)
    if counts["not_met"]:
        out.note(
            plural("{n} floor is not met", "{n} floors are not met", counts["not_met"])
        )
    for peer in found:
        if peer.install:
            out.hint(f"{peer.name}: {peer.install}")
    failed = [_failure(one) for one in results if one.status == "failed"]
    return Exit(overall(len(results) - len(failed), failed))


def _rows(peers: bool, only: tuple[str, ...]) -> list[Row]:
    if not only:
        # The others are ours too: other kernels, other numbers of threads.
        return [
            row
            for row in ROWS
            if peers or row.theirs is None or row.theirs.runner not in PEERS
        ]
    rows = choose(only, ROWS)
    if isinstance(rows, str):
        raise click.UsageError(
            _("--only {name}: no row has that name; --list names all").format(name=rows)
        )
    return rows


def _measure_all(
    out: Output,
    workshop: Workshop,
    rows: list[Row],
    rounds: int,
    seconds: float,
    keep: Callable[[dict[str, object]], None],
) -> list[Result]:
    """Measure group by group, and show each as soon as it is done."""
    results: list[Result] = []
    for group in GROUPS:
        members = [row for row in rows if row.group == group]
        if not members:
            continue
        done: list[Result] = []
        with out.progress(TITLES[group], len(members)) as show:
            for number, row in enumerate(members):
                show(number, row.name)
                result = measure(workshop, row, rounds=rounds, seconds=seconds)
                done.append(result)
                keep(result.record())
        if not out.json:
            out.text("")
            out.text(f"{TITLES[group]}:")
            _show_table(out, done)
        for result in done:
            if result.status == "failed":
                out.note(f"{result.row.name}: {result.reason}")
        results += done
    return results


def _failure(result: Result) -> Failure:
    return Failure("measure_error", result.reason)


# -- what is shown ------------------------------------------------------------


def _show_name(out: Output, row: Row) -> None:
    if out.json:
        out.record(
            {
                "item": row.name,
                "group": row.group,
                "ours": str(row.ours),
                "against": str(row.theirs) if row.theirs else None,
            }
        )
    else:
        out.verbatim(row.name)


def _show_head(out: Output, machine: dict[str, object], found: list[Found]) -> None:
    kernels = machine["kernels"]
    assert isinstance(kernels, dict)
    words = ", ".join(f"{part} {name}" for part, name in kernels.items())
    out.pairs(
        [
            (
                _("processor"),
                f"{machine['cpu']}; {_('usable CPUs')}: {machine['cpus']}",
            ),
            (_("load"), str(machine["load"])),
            (_("platform"), str(machine["platform"])),
            ("python", str(machine["python"])),
            (_("kernels"), words or str(machine["backend"])),
            (_("commit"), str(machine["commit"]) or _("not a checkout")),
            (
                _("rounds"),
                _(
                    "{rounds} of {seconds} s each side, in turn; "
                    "half as many where nothing is judged"
                ).format(rounds=machine["rounds"], seconds=machine["seconds"]),
            ),
            *(
                (peer.name, peer.version or _("missing: {why}").format(why=peer.reason))
                for peer in found
            ),
        ]
    )


def _show_table(out: Output, results: list[Result]) -> None:
    if results[0].row.theirs is None:
        _show_bytes(out, results)
    else:
        _show_ratios(out, results)
    reasons: dict[str, list[str]] = {}
    for one in results:
        if one.status == "absent":
            reasons.setdefault(one.reason, []).append(one.row.name)
    for reason, names in reasons.items():
        which = ", ".join(names)
        if len(names) > 3:
            which = plural("{n} row", "{n} rows", len(names))
        out.text(f"{which}: {reason}")


def _show_bytes(out: Output, results: list[Result]) -> None:
    out.table(
        [_("row"), _("kernel"), _("items"), _("bytes"), _("at most"), _("verdict")],
        [
            [
                one.row.name,
                one.kernel,
                f"{one.items:,}",
                f"{one.extra_bytes:,}" if one.extra_bytes is not None else "",
                f"{one.row.most_bytes:,}",
                VERDICTS[one.status],
            ]
            for one in results
        ],
        right=[2, 3, 4],
    )


def _show_ratios(out: Output, results: list[Result]) -> None:
    columns = [_("row"), _("kernel"), _("ours"), _("against"), _("theirs"), _("ratio")]
    columns.append(_("from - to"))
    rows = [
        [
            one.row.name,
            one.kernel,
            _rate(one.row, one.ours),
            str(one.row.theirs),
            _rate(one.row, one.theirs),
            _number(one.ratio.median if one.ratio else None),
            f"{_number(one.ratio.min)} - {_number(one.ratio.max)}" if one.ratio else "",
        ]
        for one in results
    ]
    if any(one.row.floor is not None for one in results):
        columns += [_("floor"), _("aim")]
        for one, row in zip(results, rows, strict=True):
            row += [_number(one.row.floor), _number(one.row.aim)]
    columns.append(_("verdict"))
    for one, row in zip(results, rows, strict=True):
        row.append(VERDICTS[one.status])
    out.table(columns, rows, right=[2, 4, 5, 6, *range(7, len(columns) - 1)])


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _rate(row: Row, spread: Spread | None) -> str:
    """Write operations a second, or megabytes for a long stream."""
    if spread is None:
        return ""
    rate = 1e9 / spread.median
    if row.ours.what == "random.fill":
        # An operation is a block.
        return f"{rate * 64 / 1e6:.1f} MB/s"
    if row.ours.what.startswith("hash:"):
        size = int(row.ours.what.rpartition(":")[2])
        if size >= 4096:
            return f"{rate * size / 1e6:.1f} MB/s"
    for limit, unit in ((1e6, "M/s"), (1e3, "k/s")):
        if rate >= limit:
            return f"{rate / limit:.3g} {unit}"
    return f"{rate:.3g} /s"
