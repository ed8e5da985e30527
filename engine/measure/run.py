"""Measures one row."""

from __future__ import annotations

from gostkey.errors import MeasureError

from .machine import usable_cpus
from .pairs import Process, alternate
from .peers import PEERS, Workshop
from .results import Result, Spread, judge, ratios
from .rows import Row

__all__ = ["measure"]


def measure(workshop: Workshop, row: Row, *, rounds: int, seconds: float) -> Result:
    """Measure a row; what is missing or fails becomes its result.

    Args:
        workshop: where the programs of C libraries are built.
        row: what to compare.
        rounds: how often each side works; half as often where nothing is judged.
        seconds: how long it works each time.
    """
    if row.cpus > 1 and usable_cpus() < row.cpus:
        return Result(
            row, "absent", reason=f"needs {row.cpus} CPUs, has {usable_cpus()}"
        )
    try:
        if row.theirs is not None and row.theirs.runner in PEERS:
            found = workshop.find(row.theirs.runner)
            if found.reason:
                return Result(row, "absent", reason=found.reason, install=found.install)
        judged = row.floor is not None
        return _run(workshop, row, rounds if judged else -(-rounds // 2), seconds)
    except MeasureError as error:
        return Result(row, "failed", reason=str(error))


def _run(workshop: Workshop, row: Row, rounds: int, seconds: float) -> Result:
    ours = workshop.start(row.ours, row.cpus)
    if isinstance(ours, str):
        return Result(row, "absent", reason=ours)
    with ours:
        if row.theirs is None:
            return _bytes(row, ours)
        theirs = workshop.start(row.theirs, row.cpus)
        if isinstance(theirs, str):
            return Result(row, "absent", reason=theirs)
        with theirs:
            return _compare(row, ours, theirs, rounds, seconds)


def _compare(
    row: Row, ours: Process, theirs: Process, rounds: int, seconds: float
) -> Result:
    if row.group == "kernels" and ours.version == theirs.version:
        reason = f"{ours.version} is what runs here anyway"
        return Result(row, "absent", reason=reason, kernel=ours.version)
    if ours.proof and theirs.proof and ours.proof != theirs.proof:
        raise MeasureError(
            f"{row.theirs}: gets {theirs.proof[:16]}..., ours {ours.proof[:16]}...; "
            "the two do not do the same"
        )
    mine, others = alternate(ours, theirs, rounds=rounds, seconds=seconds)
    each = ratios(mine, others)
    ratio = Spread.of(each)
    return Result(
        row,
        judge(row, ratio.median),
        Spread.of(mine),
        Spread.of(others),
        ratio,
        ours.items,
        ours.version,
        theirs.version,
        rounds=each,
    )


def _bytes(row: Row, ours: Process) -> Result:
    extra = int(ours.measure(0))
    return Result(
        row,
        judge(row, extra),
        items=ours.items,
        kernel=ours.version,
        extra_bytes=extra,
    )
