"""Renewing for days: look for keys that become due, renew them, receive, try again.

What is waited for is measured by a clock that only goes forward; the time of day only
says which keys are due and when quiet hours are.  A fault of the surroundings (the
authority, a medium, a folder that another run has) is told and tried again later, each
time twice as late, until it gives way.  What ends the watch: somebody asks for it, the
random generator fails, or a person is needed for random input.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gostkey.errors import EntropyNeeded, GammaExhausted, GeneratorFailure, GostKeyError
from gostkey.random.policy import Policy

from ..campaign import Campaign
from ..chunks import Event, OnEvent
from ..lock import locked
from ..pacing import Pacing, Why
from ..planning.plan import PlanItem, plan_items
from ..planning.subscribers import Listing
from ..randomness import Randomness
from ..reasons import Reason
from ..report import Report
from ..storage.store import Clock
from ..tokens import Tokens
from ..transports import Transport
from ..transports.collecting import leaving
from .left import Left, LeftAlone
from .notify import Notifier
from .rounds import BegunToday, Rounds

LOCK_NAME = "watch.lock"
_DAY = 86400.0
_NEVER = float("inf")

Gather = Callable[[int, "Policy | None"], "AbstractContextManager[Randomness | None]"]
"""Sees to the random input for so many keys."""


@dataclass(frozen=True)
class Intervals:
    """How often what is done, in seconds."""

    receive: float = 600.0
    """Between two looks for certificates, while some come."""
    at_most: float = 7200.0
    """The longest such pause, while none comes or the authority does not answer."""
    look: float = 43200.0
    """Between two looks for keys that have become due."""


@dataclass
class Office:
    """What a watch works with."""

    listing: Callable[[], Listing] | None
    """Reads the source anew; None: nothing new is begun."""
    transport: Callable[[], Transport] | None
    """Opens the way to the authority for a new campaign; None without a source."""
    gather: Gather
    tokens: Callable[[], AbstractContextManager[Tokens]]
    clock: Clock
    workers: int = 1
    experimental: bool = False
    keep_archives: int | None = None
    """Days that copies of old containers stay; None: for ever."""
    listening: Callable[[Campaign], AbstractContextManager[OnEvent]] | None = None
    """Makes a campaign ready for a run, and gives who listens to it."""


@dataclass
class _Open:
    """A campaign on which something is left to be done."""

    folder: Path
    at: float
    """When it is its turn."""
    pause: float
    counts: dict[str, int] = field(default_factory=dict)


class Watch:
    """One watch over a folder of campaigns."""

    def __init__(
        self,
        folder: Path,
        office: Office,
        pacing: Pacing,
        intervals: Intervals,
        *,
        notifier: Notifier | None = None,
        tell: Callable[[str], None] = lambda text: None,
        code_of: Callable[[Exception], int] = lambda error: 3,
        on_left: Callable[[Left], None] = lambda left: None,
        on_counts: Callable[[Path, Mapping[str, int]], None] = lambda *counts: None,
        on_event: Callable[[Event], None] = lambda event: None,
    ) -> None:
        """Take what the watch is about; nothing is done yet.

        Args:
            folder: holds the campaigns; made if it is not there.
            office: whose keys, which authority, and so on.
            pacing: limits, and the clocks.
            intervals: how often what is done.
            notifier: tells systemd.
            tell: is told what a person may want to know, a sentence each.
            code_of: gives the exit code of what cannot be looked through, or of a
                campaign that cannot be worked on.
            on_left: is told of each row and key that a person must see to.
            on_counts: is told how many keys of a campaign are in which group, when that
                has changed.
            on_event: is told of each step of a key.
        """
        self._rounds = Rounds(folder)
        self._office = office
        self._pacing = pacing
        self._begun = BegunToday(self._rounds, pacing.zone)
        self._time = pacing.time
        self._intervals = intervals
        self._notifier = notifier or Notifier(monotonic=pacing.time.monotonic)
        self._tell = tell
        self._code_of = code_of
        self._on_counts = on_counts
        self._on_event = on_event
        self._open: dict[Path, _Open] = {}
        self._look_at = 0.0
        self._look_pause = 0.0
        self._look_code = 0
        self._has_looked = office.listing is None
        """Whether the last look has seen the source."""
        self._left = LeftAlone(on_left)
        self._said = ""
        self._codes: dict[Path, int] = {}
        self._nap = self._notifier.longest_silence / 3
        # What waits for quiet hours or a rate is alive all the same.
        self._sleep, pacing.time.sleep = pacing.time.sleep, self._doze

    def run(self, *, once: bool = False) -> int:
        """Watch until somebody asks for the end.

        Args:
            once: do what can be done now, and end.

        Returns:
            The exit code: 130 if something is left to be done and the end was asked
            for; else, if the source could not be looked through, or nothing in it be
            used, the code of that; else that of the last runs, 0, 2, 3, 4 or 6.

        Raises:
            CampaignLocked: if another watch is at this folder.
            GeneratorFailure: if the random generator fails.
            EntropyNeeded, GammaExhausted: if a person must see to random input.
            MediumError: if the folder cannot be made.
        """
        with locked(self._rounds.folder, LOCK_NAME):
            now = self._time.monotonic()
            for folder in self._rounds.campaigns():
                self._open[folder] = _Open(folder, now, self._intervals.receive)
            self._look_at = now if self._office.listing else _NEVER
            self._notifier.ready()
            try:
                while not self._time.is_stopped():
                    self._do_what_is_due()
                    if once or self._is_asked_to_stop():
                        break
                    self._wait()
            finally:
                self._notifier.stopping()
        return self._exit_code()

    def _exit_code(self) -> int:
        if self._time.is_stopped() and (self._open or not self._has_looked):
            return 130
        if self._look_code not in (0, 2):
            # Nobody knows what is due: whatever went well, that must be heard.
            return self._look_code
        codes = set(self._codes.values())
        if codes <= {0}:
            return self._look_code
        # One code if it is everybody's, else: some failed.
        return codes.pop() if len(codes) == 1 else 2

    # -- what is done -----------------------------------------------------

    def _do_what_is_due(self) -> None:
        self._pacing.begin()
        if not self._has_work() or not self._pacing.before(0):
            return
        if self._time.monotonic() >= self._look_at:
            self._look()
        for one in sorted(self._open.values(), key=lambda one: one.folder):
            if self._is_asked_to_stop():
                return
            if self._time.monotonic() >= one.at:
                self._work(one)
            self._notifier.alive()

    def _has_work(self) -> bool:
        now = self._time.monotonic()
        return now >= self._look_at or any(one.at <= now for one in self._open.values())

    def _look(self) -> None:
        """Look for keys that have become due, and begin a campaign with them."""
        self._notifier.status("looking for keys that are due")
        office = self._office
        assert office.listing is not None and office.transport is not None
        try:
            items = self._fresh_items(office.listing())
            first = next(items, None)
            if first is not None:
                transport = office.transport()
                with leaving(transport):
                    self._begin(itertools.chain([first], items), transport)
            if office.keep_archives is not None:
                self._prune(office.keep_archives)
        except (GeneratorFailure, EntropyNeeded, GammaExhausted):
            raise
        except (GostKeyError, OSError) as error:
            self._look_pause = self._later(self._look_pause)
            self._look_at = self._time.monotonic() + self._look_pause
            self._look_code, self._has_looked = self._code_of(error), False
            self._say_once(f"the keys cannot be looked through: {error}")
            return
        self._look_code = self._left.code
        self._has_looked = True
        self._look_pause = 0.0
        self._look_at = self._time.monotonic() + self._intervals.look

    def _fresh_items(self, listing: Listing) -> Iterator[PlanItem]:
        """Give the keys that no campaign has taken up; tell which are left alone."""
        office, left = self._office, self._left
        self._rounds.learn()
        left.begin()
        items = plan_items(
            listing, office.clock(), self._pacing.zone, workers=office.workers
        )
        for one in items:
            self._notifier.alive()
            taken = self._rounds.has_taken(one)
            if one.verdict is None and not taken:
                left.good()
                yield one
            elif taken and not _is_named_twice(one):
                # What is to be said of it, its campaign says.
                left.good()
            else:
                left.key(one)
        for row in listing.errors:
            left.row(row)
        if said := left.end():
            self._say_once(said)

    def _begin(self, items: Iterator[PlanItem], transport: Transport) -> None:
        office = self._office
        now = office.clock()
        folder = self._rounds.next_folder(now.astimezone(self._pacing.zone).date())
        with Campaign.begin_items(
            folder,
            items,
            transport,
            zone=self._pacing.zone,
            clock=office.clock,
            experimental=office.experimental,
        ) as campaign:
            count = campaign.keys_to_make()
        self._tell(f"{folder}: {count} keys have become due")
        pause = self._intervals.receive
        self._open[folder] = _Open(folder, self._time.monotonic(), pause)

    def _work(self, one: _Open) -> None:
        """Go on with a campaign: renew, receive, try again what failed."""
        self._notifier.status(f"working on {one.folder.name}")
        try:
            report = self._run(one)
        except (GeneratorFailure, EntropyNeeded, GammaExhausted):
            raise
        except (GostKeyError, OSError) as error:
            one.pause = self._later(one.pause)
            one.at = self._time.monotonic() + one.pause
            self._codes[one.folder] = self._code_of(error)
            self._tell(f"{one.folder}: {error}; tried again in {_span(one.pause)}")
            return
        self._codes[one.folder] = report.exit_code
        counts = {name: count for name, count in report.counts.items() if count}
        ended = self._pacing.ended
        if ended is not None and ended.why is Why.FAILURES:
            self._tell(f"{one.folder}: {ended.text}")
        if counts != one.counts:
            # Something has moved, so more may follow soon.
            said = ", ".join(f"{count} {name}" for name, count in counts.items())
            self._tell(f"{one.folder}: {said}")
            self._on_counts(one.folder, counts)
            one.pause = self._intervals.receive
        else:
            one.pause = self._later(one.pause)
        one.counts = counts
        one.at = self._time.monotonic() + one.pause
        if not any(counts.get(name) for name in ("waiting", "unfinished", "failed")):
            self._tell(f"{one.folder}: nothing is left to be done")
            del self._open[one.folder]

    def _run(self, one: _Open) -> Report:
        office = self._office
        with (
            Campaign.open(one.folder, clock=office.clock) as campaign,
            self._listening(campaign) as on_event,
        ):
            only_waits = set(one.counts) <= {"renewed", "waiting", "refused",
                                             "rolled-back"}  # fmt: skip
            with office.tokens() as tokens:
                if one.counts and only_waits:
                    return campaign.receive(
                        on_event, tokens=tokens, pacing=self._pacing
                    )
                if self._pacing.limit is not None:
                    self._pacing.begun = self._begun.count(office.clock())
                    self._begun.forget(one.folder)
                keys = campaign.keys_to_make(failed_too=True, limit=self._pacing.places)
                with office.gather(keys, campaign.policy()) as randomness:
                    return campaign.resume(
                        on_event,
                        randomness=randomness,
                        tokens=tokens,
                        workers=office.workers,
                        pacing=self._pacing,
                    )

    @contextmanager
    def _listening(self, campaign: Campaign) -> Iterator[OnEvent]:
        if self._office.listening is None:
            yield self._event
            return
        with self._office.listening(campaign) as listener:

            def on_event(event: Event) -> None:
                self._event(event)
                listener(event)

            yield on_event

    def _prune(self, keep_days: int) -> None:
        for folder in self._rounds.campaigns():
            with (
                Campaign.open(folder, clock=self._office.clock) as campaign,
                self._office.tokens() as tokens,
            ):
                removed = 0
                for one in campaign.prune_archives(keep_days, tokens=tokens):
                    removed += one.removed
                    self._notifier.alive()
            if removed:
                self._tell(f"{folder}: {removed} copies of old containers removed")

    # -- waiting ----------------------------------------------------------

    def _wait(self) -> None:
        """Wait until it is somebody's turn, and tell that the watch is alive."""
        self._notifier.status(self._summary())
        turns = [one.at for one in self._open.values()]
        until = min(self._time.monotonic() + _DAY, self._look_at, *turns)
        while not self._time.is_stopped():
            self._notifier.alive()
            left = until - self._time.monotonic()
            if left <= 0:
                return
            self._time.sleep(left)

    def _doze(self, seconds: float) -> None:
        """Sleep, but not so long that somebody may think that this is dead."""
        self._sleep(min(seconds, self._nap))
        self._notifier.alive()

    def _summary(self) -> str:
        total: dict[str, int] = {}
        for one in self._open.values():
            for name, count in one.counts.items():
                total[name] = total.get(name, 0) + count
        said = ", ".join(f"{count} {name}" for name, count in total.items())
        return f"{len(self._open)} campaigns under way: {said}" if said else "idle"

    def _later(self, pause: float) -> float:
        """Give a pause that is twice as long, within bounds."""
        shortest = min(self._intervals.receive, self._intervals.at_most)
        return min(max(2 * pause, shortest), self._intervals.at_most)

    def _is_asked_to_stop(self) -> bool:
        ended = self._pacing.ended
        stopped = ended is not None and ended.why is Why.STOPPED
        return stopped or self._time.is_stopped()

    def _say_once(self, text: str) -> None:
        """Tell something that would be the same each time only when it changes."""
        if text != self._said:
            self._said = text
            self._tell(text)

    def _event(self, event: Event) -> None:
        self._notifier.alive()
        self._on_event(event)


def _is_named_twice(one: PlanItem) -> bool:
    return one.verdict is not None and one.verdict.reason is Reason.DUPLICATE


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"
