"""How fast a run is, and how long it will still take, from what it tells of itself.

A run tells of steps; a key takes several.  The pace is that of the last half minute,
so that it shows what is going on now: keys are made at another speed than certificates
are fetched.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable

from ..chunks import Event
from ..report import STOPPED, group_of

WINDOW = 30.0
"""Seconds over which the pace is taken."""
_STEP = 0.25
"""Seconds between two points that are kept."""


class Pace:
    """Listens to a run's events; asked at any moment for pace and counts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to listen.

        Args:
            clock: seconds that only go forward.
        """
        self._clock = clock
        self._points: deque[tuple[float, int]] = deque()
        self.began = clock()
        self.last = self.began
        """When the last step was done, by the clock."""
        self.done = 0
        self.total = 0
        self.keys = 0
        """Keys of this run."""
        self.groups: Counter[str] = Counter()
        """Keys that have ended in this run, by `GROUPS`; "waiting" among them."""
        self.reasons: Counter[str] = Counter()
        """Why keys of this run stopped."""

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        now = self._clock()
        if event.kind == "begin":
            self.keys = event.keys
            self._points.append((now, event.done))
        elif event.kind in ("item", "waiting"):
            group = group_of(event.state, event.reason or None)
            if event.kind == "item" or group == "waiting":
                self.groups[group] += 1
            if event.reason:
                self.reasons[event.reason] += 1
        if event.done > self.done or not self._points:
            self.last = now
            if not self._points or now - self._points[-1][0] >= _STEP:
                self._points.append((now, event.done))
        self.done, self.total = event.done, event.total
        while len(self._points) > 2 and self._points[1][0] <= now - WINDOW:
            self._points.popleft()

    @property
    def steps_a_second(self) -> float:
        """Steps a second over the window; 0.0 if nothing is known yet."""
        if not self._points:
            return 0.0
        since, before = self._points[0]
        seconds = self._clock() - since
        return (self.done - before) / seconds if seconds > 0 else 0.0

    @property
    def keys_a_second(self) -> float:
        """Keys a second over the window, as if each step were a part of a key."""
        steps_a_key = self.total / self.keys if self.keys else 0.0
        return self.steps_a_second / steps_a_key if steps_a_key else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this pace; None if that is not known."""
        pace = self.steps_a_second
        return (self.total - self.done) / pace if pace > 0 else None

    @property
    def failed(self) -> int:
        """Keys that failed, were refused or could not be read in this run."""
        return sum(self.groups[one] for one in STOPPED)

    @property
    def waiting(self) -> int:
        """Keys of this run that wait for their certificates."""
        return self.groups["waiting"]

    @property
    def ended(self) -> int:
        """Keys of this run that have ended, well or not, or wait."""
        return self.groups.total()
