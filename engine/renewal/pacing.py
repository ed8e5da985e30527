"""How fast, when and how long a run works: limit, rate, quiet hours, failures.

A run asks before each chunk whether it may begin it, and tells afterwards what came of
it.  What waits, waits between chunks: no key is open then and nothing is half-done.
Intervals are measured by a clock that only goes forward, so that a change of the
machine's time neither hurries nor holds up anything; only quiet hours look at the time
of day, and they look again every minute.
"""

from __future__ import annotations

import enum
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Protocol

from .planning.rules import MOSCOW

CHUNK = 1024
"""Items that go through the steps together, in a transaction for each step.

Signatures are checked the faster the more there are on one curve.
"""

NAP = 60.0
"""Seconds after which a wait looks at the time of day again."""
BURST = 10.0
"""Seconds for which requests are made at once when there is a rate."""
FEWEST_FOR_PERCENT = 20
"""Keys that must have been tried before a percentage of failures says anything."""

_RATE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*/\s*(s|sec|min|m|h|hour)\s*\Z")
_SECONDS = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "hour": 3600}
_RANGE = re.compile(r"\s*(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s*\Z")
_FAILURES = re.compile(r"\s*(\d{1,9})\s*(%?)\s*\Z")
_DAY = 24 * 60


# -- what can be asked for ----------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """How many requests go to the authority in a time."""

    per_second: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read "10/s", "300/min" or "5000/h".

        Raises:
            ValueError: if it is none, or nothing at all would be sent.
        """
        match = _RATE.match(text)
        if match is None or float(match[1]) <= 0:
            raise ValueError(f"{text!r} is not a rate; write 10/s, 300/min or 5000/h")
        return cls(float(match[1]) / _SECONDS[match[2]])

    @property
    def burst(self) -> int:
        """How many requests may go together."""
        return max(1, min(CHUNK, math.ceil(self.per_second * BURST)))


@dataclass(frozen=True)
class QuietHours:
    """Times of day in which nothing is begun."""

    ranges: tuple[tuple[int, int], ...]
    """Minutes since midnight, from and to; over midnight if *to* is not later."""

    @classmethod
    def parse(cls, texts: Iterable[str]) -> QuietHours | None:
        """Read ranges such as "08:00-18:00" or "22:00-06:00"; None without any.

        One text may hold several, with commas between them.

        Raises:
            ValueError: if one is not a range, is empty, or they leave no time.
        """
        ranges = []
        for text in (one for some in texts for one in some.split(",")):
            match = _RANGE.match(text)
            begins, ends = (0, 0)
            if match is not None:
                begins = _minute(match[1], match[2])
                ends = _minute(match[3], match[4])
            if match is None or begins < 0 or ends < 0 or begins == ends:
                raise ValueError(
                    f"{text!r} is not a range of hours; write 08:00-18:00, or "
                    "22:00-06:00 over midnight"
                )
            ranges.append((begins % _DAY, ends % _DAY))
        quiet = cls(tuple(ranges))
        if ranges and quiet.is_always:
            raise ValueError("the quiet hours leave no time to work; make them shorter")
        return quiet if ranges else None

    @property
    def is_always(self) -> bool:
        """Whether they leave no minute of a day."""
        return all(self._holding(minute) for minute in range(_DAY))

    def left(self, now: datetime, zone: tzinfo) -> float:
        """Give the seconds until work may begin; 0.0 if it may now.

        Args:
            now: the moment, aware.
            zone: the office's, whose hours are meant.
        """
        local = now.astimezone(zone)
        begin = local.replace(second=0, microsecond=0)
        minute = local.hour * 60 + local.minute
        waited = 0
        while waited < _DAY and (ends := self._holding((minute + waited) % _DAY)):
            waited += ends
        if not waited:
            return 0.0
        return (begin + timedelta(minutes=waited) - local).total_seconds()

    def _holding(self, minute: int) -> int:
        """Give the most minutes for which a range goes on from here; 0 in none."""
        most = 0
        for begins, ends in self.ranges:
            length = (ends - begins) % _DAY or _DAY
            into = (minute - begins) % _DAY
            if into < length:
                most = max(most, length - into)
        return most


def _minute(hour: str, minute: str) -> int:
    value = int(hour) * 60 + int(minute)
    return value if int(minute) < 60 and value <= _DAY else -1


@dataclass(frozen=True)
class MostFailures:
    """How many keys may fail before the run stops."""

    number: int
    percent: bool = False

    @classmethod
    def parse(cls, text: str) -> MostFailures:
        """Read "20" or "5%": that many are one too many.

        Raises:
            ValueError: if it is neither.
        """
        match = _FAILURES.match(text)
        percent = bool(match and match[2])
        if match is None or not 0 < int(match[1]) or (percent and int(match[1]) > 100):
            raise ValueError(
                f"{text!r} is not a number of failures; write a number such as 20, "
                "or a share such as 5%"
            )
        return cls(int(match[1]), percent)

    def reached(self, failed: int, tried: int) -> bool:
        """Say whether it is enough."""
        if self.percent:
            enough = tried >= FEWEST_FOR_PERCENT
            return enough and failed * 100 >= self.number * tried
        return failed >= self.number

    def __str__(self) -> str:
        return f"{self.number}%" if self.percent else str(self.number)


# -- what a run is told -------------------------------------------------------


class Why(enum.Enum):
    """Why a run ended before everything was done."""

    LIMIT = "limit"
    FAILURES = "max-failures"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Ended:
    """That a run ended early, with a sentence that says why."""

    why: Why
    text: str


@dataclass
class Time:
    """The clocks of a run, and how it waits."""

    clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    """The time of day, aware; may jump."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds; only ever goes forward."""
    sleep: Callable[[float], None] = time.sleep
    """Waits some seconds, or less if the run is to stop."""
    is_stopped: Callable[[], bool] = lambda: False
    """Whether somebody has asked for the end."""
    on_wait: Callable[[str, float], None] = lambda why, seconds: None
    """Is told of each wait: "quiet-hours" or "rate", and the seconds that are left."""


class Handled(Protocol):
    """A key that a run has handled, as far as it matters here."""

    @property
    def id(self) -> int:
        """Its number in the campaign."""

    @property
    def has_failed(self) -> bool:
        """Whether it stopped for a fault, not by a rule."""


class Bucket:
    """Requests that may go: they drip in at a rate, and no more than a burst stay."""

    def __init__(self, rate: Rate, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._there = 1.0
        self._at = monotonic()

    def missing(self, count: int) -> float:
        """Give the seconds until *count* requests may go."""
        now = self._monotonic()
        # A clock that went back would be a fault of the system; nothing is lost by it.
        dripped = max(0.0, now - self._at) * self._rate.per_second
        self._there = min(float(self._rate.burst), self._there + dripped)
        self._at = now
        # Sums of fractions are never quite whole.
        lacking = min(count, self._rate.burst) - self._there
        return lacking / self._rate.per_second if lacking > 1e-9 else 0.0

    def take(self, count: int) -> None:
        """Count requests that go; put back those that did not, as a negative."""
        self._there = min(float(self._rate.burst), self._there - count)


@dataclass
class Pacing:
    """What holds a run back; without any argument, nothing does."""

    limit: int | None = None
    """Keys on which work is begun in this run, at most, and in those before it that
    `begun` tells of."""
    rate: Rate | None = None
    quiet: QuietHours | None = None
    most_failures: MostFailures | None = None
    zone: tzinfo = MOSCOW
    time: Time = field(default_factory=Time)
    ended: Ended | None = None
    """Set when the run is to begin nothing more."""
    begun: int = 0
    """Keys that were begun before this run and count: with a watch those of the day."""
    _tried: set[int] = field(default_factory=set)
    _failed: set[int] = field(default_factory=set)
    _bucket: Bucket | None = None

    @property
    def is_free(self) -> bool:
        """Whether nothing holds a run back."""
        return not (self.limit or self.rate or self.quiet or self.most_failures)

    def shared_by(self, workers: int) -> Pacing:
        """Give what holds each of several workers back: a share of the rate."""
        rate = self.rate
        if rate is not None:
            rate = Rate(rate.per_second / workers)
        return replace(self, rate=rate)

    def begin(self) -> None:
        """Begin a run: failures and the end of an earlier one are forgotten.

        The requests that were sent are not.
        """
        self.ended = None
        self._tried.clear()
        self._failed.clear()

    @property
    def places(self) -> int | None:
        """Give how many keys this run may begin; None: any number."""
        return None if self.limit is None else max(0, self.limit - self.begun)

    @property
    def chunk(self) -> int:
        """Give how many keys are taken together."""
        most = CHUNK
        if self.rate is not None:
            most = min(most, self.rate.burst)
        if self.most_failures is not None:
            # Whole chunks are finished: where few failures are enough, so are few keys.
            few = self.most_failures.number
            if self.most_failures.percent:
                few = 2 * FEWEST_FOR_PERCENT
            most = min(most, few)
        return most

    def held_back(self, fresh: Sequence[int]) -> set[int]:
        """Say which keys this run leaves alone, because of its limit.

        Args:
            fresh: the keys on which no run has begun work, in their order.
        """
        return set() if self.places is None else set(fresh[self.places :])

    def tell_of_limit(self, left: int) -> None:
        """Note at the end of a run that the limit has left keys for another."""
        if left and self.ended is None:
            self.ended = Ended(
                Why.LIMIT,
                f"the limit of {self.limit} keys is reached; {left} are left for the "
                "next run",
            )

    def may_begin(self) -> bool:
        """Say whether a chunk may be begun at this very moment."""
        if self._must_end():
            return False
        return self.quiet is None or not self.quiet.left(self.time.clock(), self.zone)

    def before(self, to_send: int) -> bool:
        """Wait until a chunk may be begun.

        Args:
            to_send: how many of its keys need a request to be sent, at most.

        Returns:
            False if no further one is to be begun; `ended` says why.
        """
        while not self._must_end():
            why, seconds = "quiet-hours", 0.0
            if self.quiet is not None:
                seconds = self.quiet.left(self.time.clock(), self.zone)
            if not seconds and self.rate is not None and to_send:
                if self._bucket is None:
                    self._bucket = Bucket(self.rate, self.time.monotonic)
                why, seconds = "rate", self._bucket.missing(to_send)
            if not seconds:
                if self._bucket is not None:
                    self._bucket.take(to_send)
                return True
            self.time.on_wait(why, seconds)
            self.time.sleep(min(seconds, NAP))
        return False

    def not_sent(self, count: int) -> None:
        """Give back what was counted for requests that did not go after all."""
        if self._bucket is not None:
            self._bucket.take(-count)

    def after(self, handled: Iterable[Handled]) -> None:
        """Count the keys of a chunk that was handled."""
        if self.most_failures is None:
            return
        for one in handled:
            self._tried.add(one.id)
            if one.has_failed:
                self._failed.add(one.id)

    def going(self, chunks: Iterable[Sequence[int]]) -> Iterator[Sequence[int]]:
        """Yield chunks as long as one may be begun at that very moment."""
        for one in chunks:
            if not self.may_begin():
                return
            yield one

    def _must_end(self) -> bool:
        if self.ended is not None and self.ended.why is not Why.LIMIT:
            return True
        failed, tried = len(self._failed), len(self._tried)
        if self.time.is_stopped():
            self.ended = Ended(Why.STOPPED, "the run was asked to stop")
            return True
        most = self.most_failures
        if failed and most is not None and most.reached(failed, tried):
            self.ended = Ended(
                Why.FAILURES,
                f"{failed} of {tried} keys failed, and --max-failures is {most}; see "
                "to the cause, then run resume",
            )
            return True
        return False
