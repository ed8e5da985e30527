"""What came out of a row, and whether it is enough."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from .rows import Row

__all__ = ["Result", "Spread", "judge", "ratios"]


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of the rounds."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def record(self) -> dict[str, float]:
        return {
            "median": round(self.median, 3),
            "min": round(self.min, 3),
            "max": round(self.max, 3),
        }


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return their time divided by ours for each round: above 1 we are faster."""
    return [b / a for a, b in zip(ours, theirs, strict=True)]


def judge(row: Row, figure: float) -> str:
    """Say whether a ratio, or a number of bytes, is what it must be.

    Returns:
        "aim" or "met" or "not_met"; "measured" for a row without a bound.
    """
    if row.most_bytes is not None:
        return "met" if figure <= row.most_bytes else "not_met"
    if row.floor is None:
        return "measured"
    if row.aim is not None and figure >= row.aim:
        return "aim"
    return "met" if figure >= row.floor else "not_met"


@dataclass(frozen=True)
class Result:
    """One row, measured; or the reason why it was not."""

    row: Row
    status: str
    """aim, met, not_met, measured; absent (see reason); failed (see reason)."""
    ours: Spread | None = None
    """Nanoseconds for one operation."""
    theirs: Spread | None = None
    ratio: Spread | None = None
    items: int = 1
    """Operations in one call of ours."""
    kernel: str = ""
    """What of ours ran."""
    peer: str = ""
    """Whose time it is compared with, version included."""
    extra_bytes: int | None = None
    reason: str = ""
    install: str = ""
    """The command that would bring the peer that is missing."""
    rounds: list[float] = field(default_factory=list)
    """The ratio of each round, in their order."""

    def record(self) -> dict[str, object]:
        """Return the JSON object of the row; the keys are always the same."""
        row = self.row

        def spread(one: Spread | None) -> dict[str, float] | None:
            return one.record() if one is not None else None

        return {
            "item": row.name,
            "status": self.status,
            "group": row.group,
            "ours": str(row.ours),
            "against": str(row.theirs) if row.theirs else None,
            "kernel": self.kernel,
            "peer": self.peer,
            "n": self.items,
            "cpus": row.cpus,
            "ours_ns": spread(self.ours),
            "peer_ns": spread(self.theirs),
            "ratio": spread(self.ratio),
            "rounds": [round(one, 4) for one in self.rounds],
            "floor": row.floor,
            "aim": row.aim,
            "extra_bytes": self.extra_bytes,
            "most_bytes": row.most_bytes,
            "reason": self.reason,
            "install": self.install,
        }
