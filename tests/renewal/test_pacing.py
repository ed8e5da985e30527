"""Limit, rate, quiet hours and failures, with clocks that the test turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from renewal.offices import NOW, Office, SetClock, certificate_in, snapshot

from gostkey.errors import TransportError
from gostkey.renewal import FolderTransport, chunks
from gostkey.renewal.forks import CAN_FORK
from gostkey.renewal.pacing import (
    BURST,
    CHUNK,
    NAP,
    MostFailures,
    Pacing,
    QuietHours,
    Rate,
    Time,
    Why,
)

MSK = timezone(timedelta(hours=3))


@dataclass
class Turned:
    """A day that goes by only while somebody waits, and two clocks of it.

    The time of day can be set, as a person or a server does; the other goes on.
    """

    wall: datetime = NOW
    seconds: float = 1000.0
    naps: list[float] = field(default_factory=list)
    at_nap: Callable[[int], None] = lambda count: None
    stopped: bool = False

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        assert len(self.naps) < 100_000
        self.wall += timedelta(seconds=seconds)
        self.seconds += seconds
        self.at_nap(len(self.naps))

    def time(self) -> Time:
        return Time(
            clock=lambda: self.wall,
            monotonic=lambda: self.seconds,
            sleep=self.sleep,
            is_stopped=lambda: self.stopped,
        )


# -- reading ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "per_second", "burst"),
    [("10/s", 10, 100), ("300/min", 5, 50), ("3600/h", 1, 10), ("1/h", 1 / 3600, 1),
     ("0.5/s", 0.5, 5), ("100000/s", 100000, CHUNK)],
)  # fmt: skip
def test_rates_are_read(text: str, per_second: float, burst: int) -> None:
    assert Rate.parse(text).per_second == pytest.approx(per_second)
    assert Rate.parse(text).burst == burst


@pytest.mark.parametrize("text", ["", "10", "0/s", "-1/s", "1/day", "/s", "1/s/s", "x"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 10/s"):
        Rate.parse(text)


@pytest.mark.parametrize(
    "text",
    ["8-18", "08:00", "25:00-26:00", "08:60-09:00", "08:00-08:00", "", "08:00-24:01"],
)
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a range"):
        QuietHours.parse([text])


def test_hours_that_leave_no_time_are_refused() -> None:
    with pytest.raises(ValueError, match="no time"):
        QuietHours.parse(["00:00-24:00"])
    with pytest.raises(ValueError, match="no time"):
        QuietHours.parse(["08:00-20:00", "19:00-08:00"])
    assert QuietHours.parse([]) is None


@pytest.mark.parametrize(
    ("text", "number", "percent"),
    [("20", 20, False), ("5%", 5, True), ("100 %", 100, True)],
)
def test_failures_are_read(text: str, number: int, percent: bool) -> None:
    assert MostFailures.parse(text) == MostFailures(number, percent)


@pytest.mark.parametrize("text", ["0", "0%", "101%", "-1", "x", "", "5 keys"])
def test_what_is_no_number_of_failures_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="5%"):
        MostFailures.parse(text)


# -- quiet hours --------------------------------------------------------------


def at(text: str) -> datetime:
    """A moment of a day in Moscow."""
    hour, minute, second = map(int, text.split(":"))
    return datetime(2026, 11, 27, hour, minute, second, tzinfo=MSK)


@pytest.mark.parametrize(
    ("hours", "now", "seconds"),
    [
        (["08:00-18:00"], "07:59:59", 0),
        (["08:00-18:00"], "08:00:00", 36000),
        (["08:00-18:00"], "17:59:30", 30),
        (["08:00-18:00"], "18:00:00", 0),
        # over midnight
        (["22:00-06:00"], "21:59:59", 0),
        (["22:00-06:00"], "23:00:00", 7 * 3600),
        (["22:00-06:00"], "05:59:59", 1),
        (["22:00-06:00"], "06:00:00", 0),
        # several: one after the other is one wait, a gap is none
        (["08:00-12:00", "12:00-18:00"], "11:00:00", 7 * 3600),
        (["08:00-12:00", "13:00-18:00"], "12:30:00", 0),
        (["08:00-12:00,13:00-18:00"], "11:59:00", 60),
        (["20:00-24:00", "00:00-06:00"], "23:00:00", 7 * 3600),
    ],
)
def test_quiet_hours_are_counted_in_the_offices_zone(
    hours: list[str], now: str, seconds: int
) -> None:
    quiet = QuietHours.parse(hours)
    assert quiet is not None
    assert quiet.left(at(now), MSK) == seconds
    # The same moment, told by a clock in another zone.
    assert quiet.left(at(now).astimezone(timezone.utc), MSK) == seconds


minutes = st.integers(0, 24 * 60 - 1)


def hhmm(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


@given(st.lists(st.tuples(minutes, minutes), min_size=1, max_size=4), minutes)
def test_a_wait_ends_at_the_first_minute_that_is_not_quiet(
    some: list[tuple[int, int]], now: int
) -> None:
    texts = [f"{hhmm(a)}-{hhmm(b)}" for a, b in some if a != b]
    quiet_minutes = set()
    for begins, ends in some:
        last = ends if ends > begins else ends + 24 * 60
        if begins != ends:
            quiet_minutes |= {one % (24 * 60) for one in range(begins, last)}
    if not texts or len(quiet_minutes) == 24 * 60:
        return
    quiet = QuietHours.parse(texts)
    assert quiet is not None
    expected = 0
    while (now + expected) % (24 * 60) in quiet_minutes:
        expected += 1
    moment = at(f"{now // 60}:{now % 60}:0")
    assert quiet.left(moment, MSK) == expected * 60


def test_nothing_is_begun_in_quiet_hours_and_the_clock_is_looked_at_again() -> None:
    day = Turned(wall=at("17:00:00"))
    pacing = Pacing(quiet=QuietHours.parse(["08:00-18:00"]), zone=MSK, time=day.time())
    assert not pacing.may_begin()
    assert pacing.before(1)
    assert day.wall == at("18:00:00")
    assert max(day.naps) <= NAP


def test_a_clock_that_is_set_back_or_forth_holds_nothing_up() -> None:
    day = Turned(wall=at("09:00:00"))

    def set_clock(count: int) -> None:
        # After five minutes it turns out to be evening.
        if count == 5:
            day.wall = at("18:30:00")

    day.at_nap = set_clock
    pacing = Pacing(quiet=QuietHours.parse(["08:00-18:00"]), zone=MSK, time=day.time())
    assert pacing.before(1)
    assert len(day.naps) == 5
    # And back by a year: the rate goes by the other clock.
    paced = Pacing(rate=Rate.parse("1/min"), time=day.time())
    day.at_nap = lambda count: None
    assert paced.before(1)
    day.wall -= timedelta(days=365)
    began = day.seconds
    assert paced.before(1)
    assert day.seconds - began == pytest.approx(60)


# -- rate ---------------------------------------------------------------------


@given(
    st.floats(0.01, 500),
    st.lists(
        st.tuples(st.integers(1, 256), st.floats(0, 100)), min_size=1, max_size=30
    ),
)
def test_no_more_requests_go_than_the_rate_and_one_burst(
    per_second: float, asked: list[tuple[int, float]]
) -> None:
    rate = Rate(per_second)
    day = Turned()
    pacing = Pacing(rate=rate, time=day.time())
    began = day.seconds
    sent = 0
    for count, pause in asked:
        count = min(count, pacing.chunk)
        day.seconds += pause
        assert pacing.before(count)
        sent += count
        passed = day.seconds - began
        # One may go at once; what nobody asked for is not saved up beyond a burst.
        assert sent <= 1 + passed * per_second + 1e-6
    assert pacing.chunk == rate.burst <= max(1.0, per_second * BURST + 1)


def test_requests_that_did_not_go_are_not_counted() -> None:
    day = Turned()
    pacing = Pacing(rate=Rate.parse("1/s"), time=day.time())
    assert pacing.before(10)
    waited = day.seconds
    pacing.not_sent(10)
    assert pacing.before(10)
    assert day.seconds == waited


# -- failures and the end -----------------------------------------------------


@dataclass
class Key:
    id: int
    has_failed: bool


def test_failures_are_counted_once_for_each_key() -> None:
    pacing = Pacing(most_failures=MostFailures(3), time=Turned().time())
    pacing.begin()
    for _ in range(5):
        pacing.after([Key(1, True), Key(2, True)])
    assert pacing.before(0)
    pacing.after([Key(3, True)])
    assert not pacing.before(0)
    assert pacing.ended is not None and pacing.ended.why is Why.FAILURES
    assert "3 of 3 keys" in pacing.ended.text
    pacing.begin()
    assert pacing.before(0)


def test_a_share_of_failures_says_nothing_before_some_were_tried() -> None:
    pacing = Pacing(most_failures=MostFailures.parse("50%"), time=Turned().time())
    pacing.begin()
    pacing.after([Key(number, True) for number in range(19)])
    assert pacing.before(0)
    pacing.after([Key(19, False)])
    assert not pacing.before(0)


def test_a_wait_ends_when_somebody_asks_for_the_end() -> None:
    day = Turned(wall=at("09:00:00"))

    def stop(count: int) -> None:
        day.stopped = count >= 3

    day.at_nap = stop
    pacing = Pacing(quiet=QuietHours.parse(["08:00-18:00"]), zone=MSK, time=day.time())
    assert not pacing.before(1)
    assert len(day.naps) == 3
    assert pacing.ended is not None and pacing.ended.why is Why.STOPPED


# -- in a campaign ------------------------------------------------------------


class Counting:
    """A way to the authority that counts, and may be down."""

    def __init__(self, inner: FolderTransport) -> None:
        self._inner = inner
        self.sent: list[str] = []
        self.at: list[float] = []
        self.down = False
        self.day = Turned()

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def submit(self, pendings):  # type: ignore[no-untyped-def]
        if self.down:
            raise TransportError("the line is dead")
        self.sent += [one.label for one in pendings]
        self.at += [self.day.seconds for _ in pendings]
        return self._inner.submit(pendings)


@pytest.fixture
def line(office: Office) -> Counting:
    """A way to the authority by folders."""
    for days in (30, 10, 20, 10, 5):
        office.add(days_left=days)
    folder = office.folder
    (folder / "trust").mkdir()
    (folder / "trust" / "ca.cer").write_bytes(office.authority.certificate.der)
    return Counting(FolderTransport(folder / "out", folder / "in", folder / "trust"))


def test_the_soonest_end_comes_first_and_a_limit_leaves_the_rest(
    office: Office, line: Counting
) -> None:
    pacing = Pacing(limit=2)
    with office.begin(line) as campaign:  # type: ignore[arg-type]
        report = campaign.run(pacing=pacing)
    assert [row["state"] for row in report.rows] == [
        *("planned", "sent", "planned", "planned", "sent")
    ]
    assert pacing.ended is not None and pacing.ended.why is Why.LIMIT
    assert "3 are left" in pacing.ended.text
    # The next run takes the next ones; of equal ends the first in the list.
    with office.open(line) as campaign:  # type: ignore[arg-type]
        report = campaign.run(pacing=Pacing(limit=2))
        assert [row["state"] for row in report.rows] == [
            *("planned", "sent", "sent", "sent", "sent")
        ]
        last = Pacing(limit=2)
        campaign.run(pacing=last)
        assert last.ended is None
    assert len(line.sent) == len(set(line.sent)) == 5


def test_keys_that_fail_each_time_do_not_take_the_places_of_others(
    office: Office, line: Counting
) -> None:
    # The two that end soonest are not there.
    away = [office.subscribers[index].container for index in (1, 4)]
    with office.begin(line) as campaign:  # type: ignore[arg-type]
        for one in away:
            one.rename(one.with_name(f"away-{one.name}"))
        report = campaign.run(pacing=Pacing(limit=2))
        assert [row["group"] for row in report.rows] == [
            *("unfinished", "failed", "unfinished", "unfinished", "failed")
        ]
        assert campaign.keys_to_make(failed_too=True, limit=2) == 2
        report = campaign.resume(pacing=Pacing(limit=2))
        assert [row["group"] for row in report.rows] == [
            *("unfinished", "unfinished", "waiting", "waiting", "unfinished")
        ]
        # When they are there again, the limit is for them as for the others.
        for one in away:
            one.with_name(f"away-{one.name}").rename(one)
        report = campaign.resume(pacing=Pacing(limit=2))
        assert [row["group"] for row in report.rows] == [
            *("waiting", "unfinished", "waiting", "waiting", "waiting")
        ]
        report = campaign.resume(pacing=Pacing(limit=2))
    assert {row["group"] for row in report.rows} == {"waiting"}
    assert len(line.sent) == len(set(line.sent)) == 5


def test_a_limit_makes_no_more_keys_than_it_says(
    office: Office, line: Counting
) -> None:
    before = len(list(office.keys.iterdir()))
    with office.begin(line) as campaign:  # type: ignore[arg-type]
        campaign.run(pacing=Pacing(limit=3), workers=2 if CAN_FORK else 1)
    assert len(list(office.keys.iterdir())) == before + 3
    assert len(list((office.folder / "out").iterdir())) == 3


def test_a_rate_parts_the_requests(office: Office, line: Counting) -> None:
    pacing = Pacing(rate=Rate.parse("6/min"), time=line.day.time())
    with office.begin(line) as campaign:  # type: ignore[arg-type]
        report = campaign.run(pacing=pacing)
    assert {row["state"] for row in report.rows} == {"sent"}
    steps = [b - a for a, b in zip(line.at, line.at[1:], strict=False)]
    assert steps == pytest.approx([10] * 4)


@pytest.mark.parametrize("workers", [1, 2])
def test_in_quiet_hours_nothing_is_made_or_sent(
    office: Office, line: Counting, workers: int
) -> None:
    line.day.wall = at("10:00:00")
    quiet = QuietHours.parse(["08:00-18:00"])
    made: list[int] = []
    line.day.at_nap = lambda count: made.append(len(list(office.keys.iterdir())))
    pacing = Pacing(quiet=quiet, zone=MSK, time=line.day.time())
    with office.begin(line) as campaign:  # type: ignore[arg-type]
        report = campaign.run(pacing=pacing, workers=workers)
    assert {row["state"] for row in report.rows} == {"sent"}
    assert line.day.wall == at("18:00:00")
    assert set(made) == {5}


def test_a_dead_authority_ends_the_run_before_all_keys_are_made(
    office: Office, line: Counting
) -> None:
    line.down = True
    before = snapshot(office.keys)
    pacing = Pacing(most_failures=MostFailures(2))
    with office.begin(line) as campaign:  # type: ignore[arg-type]
        report = campaign.run(pacing=pacing)
    assert [row["reason"] for row in report.rows].count("transport") == 2
    assert [row["state"] for row in report.rows].count("planned") == 3
    assert pacing.ended is not None and pacing.ended.why is Why.FAILURES
    assert {name: snapshot(office.keys)[name] for name in before} == before
    # Once it answers again, everything goes on where it was.
    line.down = False
    with office.open(line) as campaign:  # type: ignore[arg-type]
        report = campaign.resume(pacing=Pacing(most_failures=MostFailures(2)))
    assert {row["state"] for row in report.rows} == {"sent"}
    assert len(line.sent) == 5


def test_a_run_that_is_asked_to_stop_finishes_its_chunk(
    office: Office, line: Counting
) -> None:
    time = line.day.time()
    time.is_stopped = lambda: bool(line.sent)
    pacing = Pacing(rate=Rate.parse("6/min"), time=time)
    with office.begin(line) as campaign:  # type: ignore[arg-type]
        report = campaign.run(pacing=pacing)
    states = [row["state"] for row in report.rows]
    assert states.count("sent") == 1 and states.count("planned") == 4
    assert pacing.ended is not None and pacing.ended.why is Why.STOPPED
    assert isinstance(office.clock, SetClock)
    assert certificate_in(office.subscribers[0].container) is not None


# -- slow authorities -----------------------------------------------------------


class Slow(Counting):
    """A way to the authority that takes two requests at once, and its time."""

    together = 2

    def __init__(self, inner: FolderTransport) -> None:
        super().__init__(inner)
        self.parts: list[int] = []
        self.then: Callable[[int], object] = lambda count: None
        self.looks = self.rests = 0

    def fetch(self, pending):  # type: ignore[no-untyped-def]
        self.looks += 1
        return super().fetch(pending)

    def rest(self) -> None:
        self.rests += 1

    def submit(self, pendings):  # type: ignore[no-untyped-def]
        self.parts.append(len(pendings))
        self.then(len(self.parts))
        return super().submit(pendings)


@pytest.fixture
def slow(line: Counting) -> Slow:
    return Slow(line._inner)


def killed(count: int) -> None:
    if count == 3:
        raise SystemExit


def test_a_run_that_is_killed_while_it_sends_sends_little_again(
    office: Office, slow: Slow
) -> None:
    slow.then = killed
    with office.begin(slow) as campaign:  # type: ignore[arg-type]
        with pytest.raises(SystemExit):
            campaign.run()
        states = [row["state"] for row in campaign.report().rows]
    assert sorted(states) == ["requested", *(4 * ["sent"])]
    with office.open(slow) as campaign:  # type: ignore[arg-type]
        campaign.resume()
    assert slow.parts == [2, 2, 1, 1]
    assert len(slow.sent) == len(set(slow.sent)) == 5


def test_other_ways_take_many_requests_together(
    office: Office, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "TOGETHER", 4)
    monkeypatch.delattr(Slow, "together")
    with office.begin(slow) as campaign:  # type: ignore[arg-type]
        campaign.run()
    assert slow.parts == [4, 1]


def test_a_run_that_is_asked_to_stop_while_it_sends_leaves_the_rest(
    office: Office, slow: Slow
) -> None:
    time = slow.day.time()
    time.is_stopped = lambda: bool(slow.sent)
    with office.begin(slow) as campaign:  # type: ignore[arg-type]
        report = campaign.run(pacing=Pacing(time=time))
    states = [row["state"] for row in report.rows]
    assert sorted(states) == [*(3 * ["requested"]), *(2 * ["sent"])]
    # Nor is the authority asked for the answers to those that went.
    assert slow.looks == slow.rests == 0
    with office.open(slow) as campaign:  # type: ignore[arg-type]
        campaign.run()
    assert len(slow.sent) == len(set(slow.sent)) == 5
    assert slow.looks == 5 and slow.rests == 2


def test_the_time_of_a_run_is_that_of_the_machine(tmp_path: Path) -> None:
    time = Time()
    assert abs(time.clock() - datetime.now(timezone.utc)) < timedelta(minutes=1)
    assert not time.is_stopped()
    assert Pacing().before(256) and Pacing().may_begin()
