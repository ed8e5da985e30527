"""Following a campaign from another process, until it is finished."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from ..storage.schema import STATES
from ..storage.store import Clock, Store
from .counts import Counts, count

PAUSE = 1.0
"""Seconds between two looks."""
_WINDOW = 30.0


@dataclass(frozen=True)
class Sight:
    """One look at a campaign that is followed."""

    counts: Counts
    changed: bool
    """Whether the counts differ from those of the look before; the first differs."""
    steps_done: int
    """Steps of keys that nothing has stopped."""
    steps_total: int
    keys_a_second: float
    """Over the last half minute; 0.0 while nothing moves."""
    seconds_left: float | None
    """At that pace; None if that is not known."""


def follow(
    folder: Path,
    clock: Clock,
    url: str | None = None,
    *,
    pause: float = PAUSE,
    sleep: Callable[[float], None] = time.sleep,
    seconds: Callable[[], float] = time.monotonic,
) -> Generator[Sight, None, None]:
    """Look at a campaign again and again, until it is finished.

    The last look is one at the finished campaign.  A look costs a count in the
    database and holds nobody up.

    Args:
        folder: of the campaign.
        clock: gives the present moment.
        url: of its database, if the folder does not remember it.
        pause: seconds between two looks.
        sleep: waits so many seconds.
        seconds: a clock that only goes forward.

    Raises:
        CampaignError: if there is no campaign.
    """
    points: deque[tuple[float, int]] = deque()
    before: Counts | None = None
    while True:
        # Opened anew each time: the store is nobody's while nobody looks.
        with Store.open(folder, url) as store:
            counts = count(store, clock())
        now = seconds()
        done, total = _steps(counts)
        points.append((now, done))
        while len(points) > 2 and points[1][0] <= now - _WINDOW:
            points.popleft()
        since, earlier = points[0]
        pace = max(0.0, (done - earlier) / (now - since)) if now > since else 0.0
        yield Sight(
            counts,
            before is None or _known(before) != _known(counts),
            done,
            total,
            pace / (len(STATES) - 2),
            (total - done) / pace if pace else None,
        )
        if counts.finished:
            return
        before = counts
        sleep(pause)


def _steps(counts: Counts) -> tuple[int, int]:
    """Count the steps that are done, and all of them, for keys that go on."""
    done = sum(
        (STATES.index(state) - 1) * number for state, number in counts.states.items()
    )
    return done, (len(STATES) - 2) * sum(counts.states.values())


def _known(counts: Counts) -> tuple[object, ...]:
    return counts.prepared, counts.groups, counts.states, counts.reasons, counts.late
