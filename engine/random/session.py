"""One session of a person's input: pool, filters, credit, tests.

Every event goes into a running Streebog-512 as a frame of its own; accepted
ones also earn credit, which is kept beside the pool and never more than the
tests allow.  Closing gives one digest of 64 bytes to `gostkey.random`.

Credit: 1 bit for an accepted mouse motion or key; half of that for the mouse
where motion is reported by character cells, and half of all when the input
comes over a network; at most 128 bits a second.  A source has no credit when
it fails a test, and none of them has when it looks as if nobody were there
(`presence`).
"""

from __future__ import annotations

import enum
import math
import os
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from gostkey.backend import active
from gostkey.errors import HealthFailure, LengthError

from .events import EVENT_SIZE, Event, KeyFilter, MotionFilter
from .health import Continuous, most_common_bits
from .pool import SOURCES
from .presence import FIRST, Presence

__all__ = [
    "FEWEST_BITS",
    "MOST_BITS",
    "Progress",
    "Session",
    "SourceProgress",
    "SourceSummary",
    "Summary",
    "Surface",
    "conditioned_bits",
    "is_remote",
]

FEWEST_BITS = 128
MOST_BITS = 1024

# Credit is counted in quarters of a bit: the smallest is half of a half.
_QUARTERS = 4
_MOST_PER_SECOND = 128 * _QUARTERS
_SECOND_NS = 1_000_000_000

_TAG = b"gostkey session 1"
_HEAD = struct.Struct(">BQ")
_DIGEST_BITS = 512


class Surface(enum.Enum):
    """How finely the place of the pointer is known."""

    PIXELS = "pixels"
    CELLS = "cells"


def is_remote(environment: Mapping[str, str] | None = None) -> bool:
    """Say whether this process is used over SSH or remote desktop.

    Then an observer of the link sees the events, and their times are those of
    another machine's clock tick.
    """
    seen = os.environ if environment is None else environment
    return (
        any(seen.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"))
        # Windows and xrdp.
        or seen.get("SESSIONNAME", "").upper().startswith("RDP-")
        or bool(seen.get("XRDP_SESSION"))
    )


def conditioned_bits(credited: int) -> int:
    """Return what is left of *credited* bits in a 64-byte digest.

    h bits in give -log2(2^-h + 2^-512) out: 256 stay 256, 512 become 511, and
    from 544 on it is 512.

    Source: NIST SP 800-90B 3.1.5.1.2, for an input much longer than the output.
    """
    less, more = sorted((credited, _DIGEST_BITS))
    left = less - math.log2(1 + 2.0 ** -min(more - less, 1000))
    # 544 bits leave 512 less 3e-10.
    return math.floor(left + 1e-6)


@dataclass(frozen=True)
class SourceProgress:
    """How one source is doing; no secret."""

    events: int
    accepted: int
    credited_bits: int
    failure: str
    """The test that it does not pass; empty while all is well."""


@dataclass(frozen=True)
class Progress:
    """How a session is doing; no secret."""

    credited_bits: int
    target_bits: int
    seconds: float
    """Since the session began."""
    idle_seconds: float
    """Since credit was last earned, or since the beginning."""
    by_source: dict[str, SourceProgress]
    """For "mouse" and "keys"."""
    done: bool
    suspicion: str
    """One of `presence.SIGNS`; empty while all is well."""


@dataclass(frozen=True)
class SourceSummary:
    """What one source gave; no secret."""

    events: int
    accepted: int
    credited_bits: int
    health: str
    """"passed", "not used", or the test that was not passed."""
    most_common_value_bits: float
    """Bits for each accepted event by the most common value; 0 if there is none."""


@dataclass(frozen=True)
class Summary:
    """What a session gave, for reports; no secret."""

    sources: dict[str, SourceSummary]
    target_bits: int
    credited_bits: int
    """Credit of all sources, as it was shown."""
    added_bits: int
    """What of it the 64-byte digest can carry, and was credited."""
    seconds: float
    surface: str
    remote: bool
    suspicion: str

    def record(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


class _Source:
    """Filter, tests and credit of one source."""

    def __init__(self, name: str, rate: int) -> None:
        self.name = name
        self.rate = rate
        self.events = 0
        self.accepted = 0
        self.earned = 0
        self.presence = Presence()
        self._health = Continuous(name, 1.0)

    @property
    def figure(self) -> float:
        """Bits for each accepted event by the most common value; of one alone, 0."""
        if self.accepted < 2:
            return 0.0
        return most_common_bits(self.presence.most_common, self.accepted)

    @property
    def failure(self) -> str:
        if self._health.failure:
            return self._health.failure
        # While there are fewer, `quarters` takes care: chance would speak.
        if self.accepted >= FIRST and self.figure * _QUARTERS < self.rate:
            return (
                f"most common value: {self.figure:.2f} bits an event, "
                f"{self.rate / _QUARTERS} are needed"
            )
        return ""

    @property
    def quarters(self) -> int:
        """Credit in quarters of a bit: earned, and not above the figure."""
        if self.failure:
            return 0
        return min(self.earned, math.floor(self.figure * self.accepted * _QUARTERS))

    def take(self, symbol: int, time_ns: int) -> None:
        self.accepted += 1
        self.presence.accepted(symbol, time_ns)
        try:
            self._health.feed(bytes([symbol]))
        except HealthFailure:
            # It keeps the failure; the other source and the pool go on.
            pass

    def progress(self, credited: int) -> SourceProgress:
        return SourceProgress(self.events, self.accepted, credited, self.failure)

    def summary(self, credited: int) -> SourceSummary:
        health = self.failure or ("passed" if self.accepted else "not used")
        return SourceSummary(
            self.events, self.accepted, credited, health, round(self.figure, 2)
        )


class Session:
    """Input of a person, from the first event to the digest.

    For one thread.  As a context manager it is cancelled at the end unless it
    was closed.
    """

    def __init__(
        self,
        *,
        target_bits: int = 256,
        surface: Surface = Surface.PIXELS,
        remote: bool = False,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        """Begin a session.

        Args:
            target_bits: credit at which it is done, 128 to 1024.
            surface: how finely the pointer's place is reported.
            remote: whether the input comes over a network (`is_remote`).
            clock: nanoseconds, the clock of the events' times.

        Raises:
            LengthError: if the target is out of its range.
        """
        if not FEWEST_BITS <= target_bits <= MOST_BITS:
            raise LengthError(
                f"target_bits: {target_bits}; {FEWEST_BITS} to {MOST_BITS} is possible"
            )
        self.target_bits = target_bits
        self.surface = surface
        self.remote = remote
        share = 2 if remote else 1
        mouse = _QUARTERS if surface is Surface.PIXELS else _QUARTERS // 2
        self._sources = {
            "mouse": _Source("mouse", mouse // share),
            "keys": _Source("keys", _QUARTERS // share),
        }
        self._motions = MotionFilter(cells=surface is Surface.CELLS)
        self._keys = KeyFilter()
        self._pool = active.hashes.streebog(512, secret=True)
        self._pool.update(_TAG)
        self._frame = bytearray(_HEAD.size + EVENT_SIZE)
        self._earned: deque[tuple[int, int]] = deque()
        self._clock = clock
        self._began_ns = self._credit_ns = clock()
        self._last_progress: Progress | None = None
        self._summary: Summary | None = None
        self._over = False

    def __repr__(self) -> str:
        return f"<gostkey random session: {self.target_bits} bits wanted>"

    def __reduce__(self) -> str:
        raise TypeError("a random session cannot be pickled: it holds secrets")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cancel()

    def feed(self, event: Event) -> bool:
        """Mix in an event; return whether it was accepted.

        Raises:
            ValueError: if the session is closed or cancelled.
        """
        if self._over:
            raise ValueError("the random session is over")
        source = self._sources[event.source]
        self._mix(event)
        source.events += 1
        source.presence.event(event.together)
        if event.kind == "motion":
            symbol = self._motions.symbol(event)
        elif event.kind == "button":
            symbol = None
        else:
            symbol = self._keys.symbol(event)
        if symbol is None:
            return False
        source.take(symbol, event.time_ns)
        self._earn(source, event.time_ns)
        return True

    def _mix(self, event: Event) -> None:
        _HEAD.pack_into(self._frame, 0, SOURCES[event.source], EVENT_SIZE)
        self._frame[_HEAD.size :] = event.encode()
        self._pool.update(self._frame)

    def _earn(self, source: _Source, time_ns: int) -> None:
        """Credit an accepted event, within what a second may earn."""
        while self._earned and time_ns - self._earned[0][0] >= _SECOND_NS:
            self._earned.popleft()
        left = _MOST_PER_SECOND - sum(quarters for _, quarters in self._earned)
        quarters = min(source.rate, left)
        if quarters <= 0:
            return
        self._earned.append((time_ns, quarters))
        source.earned += quarters
        self._credit_ns = max(self._credit_ns, time_ns)

    @property
    def suspicion(self) -> str:
        """A sign that nobody is there, one of `presence.SIGNS`; or empty."""
        return next(
            (
                source.presence.sign
                for source in self._sources.values()
                if source.presence.sign
            ),
            "",
        )

    @property
    def credited_bits(self) -> int:
        """Credit so far, in whole bits; 0 if nobody seems to be there."""
        if self.suspicion:
            return 0
        return sum(source.quarters for source in self._sources.values()) // _QUARTERS

    def _credit(self, source: _Source) -> int:
        return 0 if self.suspicion else source.quarters // _QUARTERS

    @property
    def progress(self) -> Progress:
        """How the session is doing now, or did when it ended."""
        if self._last_progress is not None:
            return self._last_progress
        now = self._clock()
        credited = self.credited_bits
        return Progress(
            credited_bits=credited,
            target_bits=self.target_bits,
            seconds=(now - self._began_ns) / _SECOND_NS,
            idle_seconds=max(0, now - self._credit_ns) / _SECOND_NS,
            by_source={
                name: source.progress(self._credit(source))
                for name, source in self._sources.items()
            },
            done=credited >= self.target_bits,
            suspicion=self.suspicion,
        )

    def close(self) -> Summary:
        """End the session: mix its digest into this process's generators.

        One digest carries at most 512 bits (`conditioned_bits`), whatever the
        target was.  It is given once for each source that had events, with that
        source's part of the credit.  With a suspicion the credit is 0 and the
        bytes are mixed in all the same.  Called again it returns the same.

        Raises:
            ValueError: if the session was cancelled.
        """
        if self._summary is not None:
            return self._summary
        if self._over:
            raise ValueError("the random session was cancelled")
        # Not at the top: gostkey.random is the package that this module is in.
        from gostkey.random import add_input

        progress = self.progress
        added = conditioned_bits(progress.credited_bits)
        left = added
        digest = bytearray(self._pool.digest())
        sources = {}
        try:
            for name, source in self._sources.items():
                credit = self._credit(source)
                sources[name] = source.summary(credit)
                # Quarters of both may make one bit more: the last one takes it.
                last = name == "keys" or not self._sources["keys"].events
                part = left if last else min(credit, left)
                left -= part
                if source.events:
                    add_input(name, digest, part)
        finally:
            active.generators.wipe(digest)
            self._wipe()
        self._summary = Summary(
            sources=sources,
            target_bits=self.target_bits,
            credited_bits=progress.credited_bits,
            added_bits=added,
            seconds=round(progress.seconds, 3),
            surface=self.surface.value,
            remote=self.remote,
            suspicion=progress.suspicion,
        )
        return self._summary

    def cancel(self) -> None:
        """Wipe what was collected; nothing of it is used.  Any number of times."""
        if not self._over:
            self._wipe()

    def _wipe(self) -> None:
        self._last_progress = self.progress
        self._over = True
        self._pool.wipe()
        active.generators.wipe(self._frame)
        for source in self._sources.values():
            source.presence.wipe()
