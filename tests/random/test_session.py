"""A session: credit, tests, robots and people, and what goes into the pool."""

from __future__ import annotations

import math
import pickle
import random
import struct
from collections.abc import Callable, Iterator

import pytest

import gostkey
import gostkey.random as random_package
from gostkey.errors import LengthError
from gostkey.random import presence, session
from gostkey.random.events import Event
from gostkey.random.session import Session, Surface, conditioned_bits, is_remote

from . import people
from .people import MS, feed, new_session, trace

Added = list[tuple[str, bytes, int]]


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Added:
    """What sessions give to the generators, instead of giving it."""
    calls: Added = []
    monkeypatch.setattr(
        random_package,
        "add_input",
        lambda source, data, credit: calls.append((source, bytes(data), credit)),
    )
    return calls


# -- people -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["mouse_wander", "mouse_shake", "mouse_circles"])
def test_a_person_with_a_mouse_reaches_256_bits_in_seconds(
    added: Added, name: str
) -> None:
    one, clock = new_session()
    assert feed(one, clock, trace(name)), one.progress
    # The design's estimate: 4 to 9 s of motion.
    assert 2 < one.progress.seconds < 10
    summary = one.close()
    assert (summary.credited_bits, summary.suspicion) == (256, "")
    assert summary.sources["mouse"].health == "passed"
    assert [(source, credit) for source, _, credit in added] == [("mouse", 256)]


def test_a_person_whose_terminal_knows_only_cells_takes_longer(added: Added) -> None:
    one, clock = new_session(surface=Surface.CELLS)
    assert feed(one, clock, trace("mouse_shake", cell=(8, 16))), one.progress
    assert 10 < one.progress.seconds < 30
    summary = one.close()
    assert summary.sources["mouse"].accepted == 2 * summary.credited_bits == 512


@pytest.mark.parametrize("name", ["keys_4", "keys_5"])
def test_a_person_with_keys_alone_reaches_128_and_256_bits(name: str) -> None:
    for target, longest in ((128, 45), (256, 90)):
        one, clock = new_session(target)
        assert feed(one, clock, trace(name)), one.progress
        assert 15 < one.progress.seconds < longest
        assert one.progress.suspicion == ""
        one.cancel()


def test_over_a_network_it_takes_twice_as_many_events(added: Added) -> None:
    one, clock = new_session(remote=True)
    assert feed(one, clock, trace("mouse_shake"))
    summary = one.close()
    assert summary.sources["mouse"].accepted == 512
    assert summary.remote


def test_in_cells_over_a_network_an_event_is_worth_a_quarter() -> None:
    one, clock = new_session(surface=Surface.CELLS, remote=True)
    feed(one, clock, trace("mouse_shake", cell=(8, 16)))
    mouse = one.progress.by_source["mouse"]
    assert mouse.accepted >= 400
    assert mouse.credited_bits == mouse.accepted // 4


# -- robots -----------------------------------------------------------------

ROBOTS: dict[str, tuple[Callable[[], Iterator[Event]], str]] = {
    "zigzag": (people.zigzag, "repeats"),
    "replayed trace": (people.replayed, "repeats"),
    "one burst": (people.typed_in_one_burst, "bursts"),
    "small bursts": (people.typed_in_small_bursts, "bursts"),
    "fixed pace": (people.typed_at_a_fixed_pace, "fixed-pace"),
    "list of sleeps": (people.typed_by_a_list, "repeats"),
    "few paces": (people.typed_at_few_paces, "few-values"),
}


@pytest.mark.parametrize("robot", ROBOTS)
def test_a_robot_is_refused_and_its_sign_named(added: Added, robot: str) -> None:
    events, sign = ROBOTS[robot]
    # Long enough for the one that plays a trace again and again.
    one, clock = new_session(256)
    seen = 0
    for event in events():
        clock.now = event.time_ns
        one.feed(event)
        assert not one.progress.done, one.progress
        seen += 1
        if one.suspicion:
            break
    assert one.progress.suspicion == sign
    assert sign in presence.SIGNS
    assert one.progress.credited_bits == 0
    # For good: a person's events after it change nothing.
    feed(one, clock, trace("keys_4"))
    feed(one, clock, trace("mouse_shake"))
    summary = one.close()
    assert (summary.credited_bits, summary.added_bits) == (0, 0)
    assert summary.suspicion == sign
    assert all(one.credited_bits == 0 for one in summary.sources.values())
    # Its bytes are mixed in, and count nothing.
    assert added and all(credit == 0 for _, _, credit in added)


@pytest.mark.parametrize("robot", [people.constant_step, people.held_key])
def test_what_never_varies_earns_next_to_nothing(
    robot: Callable[[], Iterator[Event]],
) -> None:
    one, clock = new_session(128)
    assert not feed(one, clock, robot())
    accepted = one.progress.by_source
    assert accepted["mouse"].accepted == 0
    assert accepted["keys"].accepted <= 1
    assert one.progress.credited_bits == 0


def test_a_loop_longer_than_32_events_is_seen_too() -> None:
    one, clock = new_session(1024)
    feed(one, clock, people.replayed(moves=400))
    # 400 motions are some 200 accepted events.
    assert one.progress.suspicion == "repeats"


def test_a_trace_replayed_once_is_not_told_from_a_person() -> None:
    """What the signs cannot do, so that nobody believes they could."""
    one, clock = new_session()
    assert feed(one, clock, people.replayed(moves=1000))


# -- credit -----------------------------------------------------------------


def spread_keys(gaps: list[float], *, start: float = 0) -> Iterator[Event]:
    now = start
    for n, gap in enumerate(gaps):
        now += gap
        yield Event(round(now * MS), "press", code=n % 50 + 1)


def test_no_second_earns_more_than_128_bits() -> None:
    """250 keys a second are no person's, but the cap must hold for anything."""
    one, clock = new_session(1024)
    draw = random.Random(3)
    events: list[Event] = []
    x = y = 500
    for n in range(900):
        x += draw.choice([-1, 1]) * draw.randint(1, 9)
        y += draw.choice([-1, 1]) * draw.randint(1, 9)
        events.append(Event(n * 4 * MS, "motion", x, y))
    at: list[tuple[int, int]] = []
    for event in events:
        clock.now = event.time_ns
        one.feed(event)
        assert not one.suspicion
        at.append((event.time_ns, one.credited_bits))
    # Some 230 a second are accepted.
    assert one.progress.by_source["mouse"].accepted > 700
    for time_ns, credit in at:
        before = max((c for t, c in at if t <= time_ns - 1000 * MS), default=0)
        # The figure of the first few events holds credit back, then frees it.
        if time_ns > 1500 * MS:
            assert credit - before <= 128
    assert 128 * 3 <= at[-1][1] <= 128 * 4


def test_a_half_bit_is_not_shown() -> None:
    one, clock = new_session(remote=True)
    gaps = [20.0 + 3 * n for n in range(22)]
    feed(one, clock, spread_keys(gaps))
    # 21 accepted at a half: 10.5.
    assert one.progress.by_source["keys"].accepted == 21
    assert one.progress.credited_bits == 10


def test_the_first_few_events_are_worth_what_their_commonest_value_says() -> None:
    one, clock = new_session()
    feed(one, clock, spread_keys([100, 50, 80, 120]))
    # Three different symbols: p = 1/3, U = min(1, 1/3 + 2.576 sqrt(2/9/2)) = 1.
    assert one.progress.by_source["keys"].accepted == 3
    assert one.progress.credited_bits == 0


def test_credit_needs_the_commonest_value_to_be_rare_enough() -> None:
    """9 gaps of 20 equal: under one bit an event, though no sign is there."""
    one, clock = new_session(1024)
    draw = random.Random(5)
    gaps = [
        100.0 if n % 20 in range(2, 20, 2) else 40.0 + 2 * draw.randrange(150)
        for n in range(200)
    ]
    feed(one, clock, spread_keys(gaps))
    keys = one.progress.by_source["keys"]
    count = max(gaps[1:].count(g) for g in set(gaps))
    p = count / keys.accepted
    bound = p + 2.576 * math.sqrt(p * (1 - p) / (keys.accepted - 1))
    assert bound > 0.5 and one.suspicion == ""
    assert keys.credited_bits == one.progress.credited_bits == 0
    assert keys.failure.startswith("most common value: 0.")


def test_a_source_that_fails_a_test_loses_its_credit_and_the_other_keeps_it(
    added: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No sign may be found first: it would take the credit of both.
    monkeypatch.setattr(presence.Presence, "_found", lambda *_: None)
    one, clock = new_session()
    feed(one, clock, spread_keys([100.0] * 32, start=20_000))
    assert one.progress.by_source["keys"].failure
    assert "repetition" in one.progress.by_source["keys"].failure
    assert feed(one, clock, trace("mouse_shake"))
    summary = one.close()
    assert summary.sources["keys"].credited_bits == 0
    assert "repetition" in summary.sources["keys"].health
    assert summary.sources["mouse"].credited_bits == 256
    assert [(source, credit) for source, _, credit in added] == [
        ("mouse", 256),
        ("keys", 0),
    ]


def test_both_sources_together_reach_the_target(added: Added) -> None:
    one, clock = new_session()
    events = sorted(
        [*trace("mouse_wander"), *trace("keys_4")], key=lambda event: event.time_ns
    )
    assert feed(one, clock, iter(events))
    summary = one.close()
    mouse, keys = summary.sources["mouse"], summary.sources["keys"]
    assert mouse.credited_bits and keys.credited_bits
    assert mouse.credited_bits + keys.credited_bits == summary.credited_bits == 256
    # One digest, given once for each, with that one's part of the credit.
    assert [(source, credit) for source, _, credit in added] == [
        ("mouse", mouse.credited_bits),
        ("keys", keys.credited_bits),
    ]
    assert added[0][1] == added[1][1]


def test_one_digest_carries_no_more_than_512_bits(added: Added) -> None:
    one, clock = new_session(544)
    assert feed(one, clock, trace("mouse_shake"))
    summary = one.close()
    assert (summary.credited_bits, summary.added_bits) == (544, 512)
    assert [credit for _, _, credit in added] == [512]


def test_what_a_digest_carries_is_that_of_the_standard() -> None:
    # The figures of SP 800-90B's formula for 512 bits out, as published tools
    # give them: 256 -> 256.0, 384 -> 384.0, 512 -> 511.0, 544 -> 512.0.
    figures = {0: 0, 128: 128, 256: 256, 384: 384, 512: 511, 544: 512, 1024: 512}
    assert {h: conditioned_bits(h) for h in figures} == figures


@pytest.mark.parametrize("target", [0, 127, 1025])
def test_a_target_out_of_range_is_refused(target: int) -> None:
    with pytest.raises(LengthError, match="128 to 1024"):
        Session(target_bits=target)


# -- the pool ---------------------------------------------------------------


def test_the_digest_is_of_every_event_accepted_or_not(
    each_backend: str, added: Added
) -> None:
    events = [
        Event(1, "motion", 5, 6),
        Event(2, "button", 5, 6, code=1, buttons=1),
        Event(3, "press", code=97, pasted=True),
        Event(4, "release", code=97),
    ]
    one = Session()
    accepted = [one.feed(event) for event in events]
    one.close()
    assert accepted == [False] * 4
    frames = b"".join(
        struct.pack(">BQ", 2 if event.kind in ("motion", "button") else 3, 34)
        + event.encode()
        for event in events
    )
    wanted = gostkey.streebog512(b"gostkey session 1" + frames).digest()
    assert added == [("mouse", wanted, 0), ("keys", wanted, 0)]


def test_a_digest_seeds_the_generators_of_this_process() -> None:
    before = gostkey.random.status()
    random_package.token(1)
    one, clock = new_session()
    assert feed(one, clock, trace("mouse_shake"))
    one.close()
    after = gostkey.random.status()
    gained = after.credited_bits.get("mouse", 0) - before.credited_bits.get("mouse", 0)
    assert gained == 256


def test_without_events_nothing_is_added(added: Added) -> None:
    summary = Session().close()
    assert added == []
    assert summary.sources["mouse"].health == "not used"


def test_a_cancelled_session_adds_nothing_and_takes_nothing(added: Added) -> None:
    one, clock = new_session()
    assert feed(one, clock, trace("mouse_shake"))
    one.cancel()
    one.cancel()
    with pytest.raises(ValueError, match="over"):
        one.feed(Event(0, "motion"))
    with pytest.raises(ValueError, match="cancelled"):
        one.close()
    assert added == []


def test_leaving_the_block_cancels_and_closing_first_does_not(added: Added) -> None:
    with Session() as one:
        one.feed(Event(0, "motion"))
    with pytest.raises(ValueError):
        one.close()
    with Session() as two:
        two.feed(Event(0, "motion"))
        first = two.close()
    assert two.close() is first
    assert len(added) == 1


def test_symbols_and_pool_are_wiped() -> None:
    one, clock = new_session()
    feed(one, clock, trace("mouse_shake"))
    kept = one._sources["mouse"].presence
    assert kept._symbols and kept._places and kept._hits and kept._gaps
    shown = one.progress
    one.cancel()
    assert not any(one._frame)
    assert not (kept._symbols or kept._places or kept._hits or kept._gaps)
    # What was shown last stays to be told.
    assert one.progress.credited_bits == shown.credited_bits == 256


def test_a_session_shows_and_gives_away_nothing() -> None:
    one = Session()
    assert repr(one) == "<gostkey random session: 256 bits wanted>"
    with pytest.raises(TypeError, match="secrets"):
        pickle.dumps(one)


def test_time_without_credit_is_told() -> None:
    one, clock = new_session()
    clock.now = 3_000 * MS
    assert one.progress.idle_seconds == 3.0
    feed(one, clock, spread_keys([3100.0, 60, 70]))
    clock.now += 500 * MS
    progress = one.progress
    assert (progress.idle_seconds, progress.seconds) == (0.5, 3.73)


@pytest.mark.parametrize(
    ("environment", "remote"),
    [
        ({}, False),
        ({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, True),
        ({"SSH_TTY": "/dev/pts/3"}, True),
        ({"SESSIONNAME": "RDP-Tcp#3"}, True),
        ({"SESSIONNAME": "Console"}, False),
        ({"XRDP_SESSION": "1"}, True),
    ],
)
def test_remote_sessions_are_known_by_the_environment(
    environment: dict[str, str], remote: bool
) -> None:
    assert is_remote(environment) is remote


def test_the_record_is_plain_data(added: Added) -> None:
    import json

    record = json.loads(json.dumps(Session().close().record()))
    assert set(record) == {
        "sources", "target_bits", "credited_bits", "added_bits", "seconds",
        "surface", "remote", "suspicion",
    }  # fmt: skip
    assert set(record["sources"]) == {"mouse", "keys"}
    assert session.FEWEST_BITS == 128
