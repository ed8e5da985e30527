"""``gostkey entropy test``: how much entropy samples of a source have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gostkey.random import health

from .failures import naming
from .output import Output, json_option
from .texts import _, help_page

if TYPE_CHECKING:
    # With NumPy, which only the work itself needs.
    from gostkey.random.estimators import Assessment, Estimate

MOST_SAMPLES = 1_000_000
ALPHA = 30

NAMES = {
    "most_common_value": _("most common value"),
    "collision": _("collision"),
    "markov": _("Markov"),
    "compression": _("compression"),
    "t_tuple": _("t-tuple"),
    "lrs": _("longest repeated substring"),
    "multi_mcw": _("most common in window"),
    "lag": _("lag"),
    "multi_mmc": _("Markov model with counting"),
    "lz78y": _("LZ78Y"),
}
"""What people call the estimators."""


@click.command(
    "test",
    help=help_page(
        _(
            "Estimate the entropy of samples of a random source.\n\n"
            "FILE holds what a source gave, one sample a byte, in the order in "
            "which it came; '-' is the standard input. Ten tests (NIST SP 800-90B "
            "6.3) each try to predict the next sample or find a pattern. Each says "
            "how many bits of true chance a sample holds at most; the smallest "
            "figure counts. The samples are tested as they are and once more as "
            "single bits.\n\n"
            "What it means: a low figure shows that the source is weak. A high "
            "figure does not show that it is good, because somebody who knows how "
            "the numbers were made may know them all. Good random numbers from a "
            "seed that is written on a wall pass everything here. Test the raw "
            "source, not the output of a generator, and never use tested samples "
            "as keys.\n\n"
            "A figure that can be relied on takes a million samples; fewer give "
            "lower and less certain ones. The last lines say where the tests that "
            "run all the time would have to stop a source of that entropy."
        ),
        examples=[
            "gostkey entropy test mouse.bin",
            "gostkey entropy test --bits 4 noise.bin",
            "gostkey entropy test --json - < noise.bin",
        ],
        exits=[0, 1, 3, 130],
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-b",
    "--bits",
    type=click.IntRange(1, 8),
    metavar="N",
    help=_("Width of a sample, 1 to 8. Without it: that of the widest sample."),
)
@click.option(
    "-n",
    "--samples",
    type=click.IntRange(min=2),
    default=MOST_SAMPLES,
    show_default=True,
    metavar="N",
    help=_("Take the first N samples of the file."),
)
@json_option
@click.pass_obj
def test_command(out: Output, file: Path, bits: int | None, samples: int) -> None:
    from gostkey.random import estimators

    data, more = _read(file, samples)
    what = file.name if str(file) != "-" else _("samples")
    with naming(file), out.progress(what, 1, unit="steps") as show:
        found = estimators.assess(
            data,
            bits,
            progress=lambda done, total, name: show(
                done / total, f"{what}: {NAMES[name]}"
            ),
        )
    enough = found.samples >= estimators.ENOUGH_SAMPLES
    if out.json:
        out.record(_record(file, found, enough, more))
    else:
        _show(out, found, estimators.BITS_ONLY)
    if more:
        out.note(
            _("{file}: only the first {n} samples were taken (--samples)").format(
                file=file, n=f"{found.samples:,}"
            )
        )
    if not enough:
        out.note(
            _(
                "{n} samples are few: the figures are rough; "
                "a claim needs a million in a row"
            ).format(n=f"{found.samples:,}")
        )


def _read(file: Path, most: int) -> tuple[bytes, bool]:
    """Read the first samples; say also whether there were more."""
    if str(file) == "-":
        data = sys.stdin.buffer.read(most + 1)
    else:
        with file.open("rb") as stream:
            data = stream.read(most + 1)
    return data[:most], len(data) > most


def _cutoffs(found: Assessment) -> health.Cutoffs | None:
    """Where the continuous tests would stop such a source; None if nowhere."""
    if found.entropy <= 0:
        return None
    # A source of two values is binary (4.4.2), however wide they are written.
    window = 1024 if found.alphabet == 2 else health.PROPORTION_WINDOW
    return health.cutoffs(found.entropy, window=window, alpha_log2=ALPHA)


def _record(
    file: Path, found: Assessment, enough: bool, more: bool
) -> dict[str, object]:
    by_bits = {one.name: one for one in found.bit_string}
    cutoffs = _cutoffs(found)
    return {
        "item": str(file),
        "status": "done",
        "samples": found.samples,
        "more_samples": more,
        "enough_samples": enough,
        "bits": found.width,
        "alphabet": found.alphabet,
        "bit_string_bits": found.bit_samples,
        "estimators": [
            {
                "name": one.name,
                "symbols": _value(one),
                "bit_string": _value(by_bits.get(one.name)),
            }
            for one in found.symbols
        ],
        "from_symbols": found.from_symbols,
        "from_bits": found.from_bits,
        "entropy": found.entropy,
        "health": cutoffs
        and {
            "alpha_log2": ALPHA,
            "window": cutoffs.window,
            "repetition": cutoffs.repetition,
            "proportion": cutoffs.proportion,
        },
    }


def _value(one: Estimate | None) -> float | dict[str, str] | None:
    if one is None:
        return None
    return {"not_run": one.reason} if one.bits is None else one.bits


def _show(out: Output, found: Assessment, expected: str) -> None:
    columns = [_("test"), _("bits a sample")]
    if found.bit_string:
        columns.append(_("bits a bit"))
    by_bits = {one.name: one for one in found.bit_string}
    rows = []
    for one in found.symbols:
        row = [NAMES[one.name], _figure(one.bits)]
        if found.bit_string:
            row.append(_figure(by_bits[one.name].bits))
        rows.append(row)
    least = [_("least"), _figure(found.from_symbols)]
    if found.from_bits is not None:
        least.append(_figure(found.from_bits / found.width))
    out.table(columns, [*rows, least], right=[1, 2][: len(columns) - 1])
    out.text("")
    out.pairs(_summary(found))
    for one, which in [
        *((one, _("samples")) for one in found.symbols),
        *((one, _("bits")) for one in found.bit_string),
    ]:
        if one.bits is None and one.reason != expected:
            out.note(f"{NAMES[one.name]} ({which}): {one.reason}")


def _summary(found: Assessment) -> list[tuple[str, str]]:
    samples = _("{n} of {bits} bits, {k} different").format(
        n=f"{found.samples:,}", bits=found.width, k=found.alphabet
    )
    if found.bit_samples:
        samples += _("; {n} single bits").format(n=f"{found.bit_samples:,}")
    pairs = [
        (_("samples"), samples),
        (
            _("entropy"),
            _("{entropy} bits a sample of {bits}").format(
                entropy=_figure(found.entropy), bits=found.width
            ),
        ),
    ]
    cutoffs = _cutoffs(found)
    if cutoffs is None:
        return [*pairs, (_("stop"), _("at once: such a source gives nothing"))]
    stop = _("at {n} equal samples in a row").format(n=f"{cutoffs.repetition:,}")
    if cutoffs.proportion <= cutoffs.window:
        stop += _(", or {n} of {window} equal to the first").format(
            n=cutoffs.proportion, window=cutoffs.window
        )
    return [*pairs, (_("stop"), stop)]


def _figure(bits: float | None) -> str:
    return "-" if bits is None else f"{bits:.6f}"
