"""Traces of people and robots, as events."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from gostkey.random.events import Event
from gostkey.random.session import Session, Surface

TRACES = Path(__file__).parent / "traces"
MS = 1_000_000


def trace(name: str, *, cell: tuple[int, int] = (1, 1)) -> Iterator[Event]:
    """Yield the events of a recorded trace; of cells only where one changes."""
    record = json.loads((TRACES / f"{name}.json").read_text(encoding="utf-8"))
    before = None
    for microseconds, *rest in record["events"]:
        time_ns = microseconds * 1000
        if record["kind"] == "keys":
            yield Event(time_ns, "press", code=rest[0])
            continue
        place = rest[0] // cell[0], rest[1] // cell[1]
        if place != before:
            before = place
            yield Event(time_ns, "motion", *place)


class Clock:
    """Shows the time of the event fed last."""

    now = 0

    def __call__(self) -> int:
        return self.now


def new_session(
    target_bits: int = 256,
    *,
    surface: Surface = Surface.PIXELS,
    remote: bool = False,
) -> tuple[Session, Clock]:
    clock = Clock()
    session = Session(
        target_bits=target_bits, surface=surface, remote=remote, clock=clock
    )
    return session, clock


def feed(session: Session, clock: Clock, events: Iterator[Event]) -> bool:
    """Feed events until the session is done; say whether it is."""
    for event in events:
        clock.now = event.time_ns
        session.feed(event)
        if session.progress.done:
            return True
    return False


# -- robots -----------------------------------------------------------------


def constant_step(count: int = 2000) -> Iterator[Event]:
    for n in range(count):
        yield Event(n * 8 * MS, "motion", 3 * n, 2 * n)


def zigzag(count: int = 2000) -> Iterator[Event]:
    """Step in turns of a short list, every 8 ms: each differs from the two before."""
    steps = [(3, 2), (5, -4), (-2, 3), (-6, -5), (1, 6), (4, -1), (-5, -1)]
    x = y = 400
    for n in range(count):
        dx, dy = steps[n % len(steps)]
        x, y = x + dx, y + dy
        yield Event(n * 8 * MS, "motion", x, y)


def replayed(name: str = "mouse_shake", moves: int = 150) -> Iterator[Event]:
    """Yield the beginning of a person's trace over and over."""
    piece = [event for _, event in zip(range(moves), trace(name), strict=False)]
    lasts = piece[-1].time_ns + 8 * MS
    for turn in range(20):
        for event in piece:
            yield Event(turn * lasts + event.time_ns, "motion", event.x, event.y)


def typed_in_one_burst(count: int = 400) -> Iterator[Event]:
    """Random letters from a pipe: read by the hundred."""
    draw = random.Random(7)
    for n in range(count):
        yield Event(
            n // 100 * 40 * MS, "press", code=draw.randrange(97, 123), together=100
        )


def typed_in_small_bursts(count: int = 600) -> Iterator[Event]:
    """Three letters at a time with human-like gaps between, as from `expect`."""
    draw = random.Random(8)
    now = 0
    for _ in range(count // 3):
        now += int(draw.lognormvariate(4.5, 0.5)) * MS
        for _ in range(3):
            yield Event(now, "press", code=draw.randrange(97, 123), together=3)


def typed_at_a_fixed_pace(count: int = 400, every_ms: int = 50) -> Iterator[Event]:
    """xdotool type --delay 50: random letters, a clock's pace and its jitter."""
    draw = random.Random(9)
    for n in range(count):
        jitter = draw.randrange(400_000)
        yield Event(n * every_ms * MS + jitter, "press", code=draw.randrange(97, 123))


def typed_by_a_list(count: int = 400) -> Iterator[Event]:
    """Random letters, with sleeps of a list in turn."""
    draw = random.Random(10)
    sleeps = [40, 90, 62, 150, 33, 78, 120, 55, 205, 48]
    now = 0
    for n in range(count):
        now += sleeps[n % len(sleeps)] * MS + draw.randrange(200_000)
        yield Event(now, "press", code=draw.randrange(97, 123))


def typed_at_few_paces(count: int = 400) -> Iterator[Event]:
    """Random letters, each after one of four sleeps drawn at random."""
    draw = random.Random(11)
    now = 0
    for _ in range(count):
        now += draw.choice([40, 60, 80, 100]) * MS + draw.randrange(200_000)
        yield Event(now, "press", code=draw.randrange(97, 123))


def held_key(count: int = 600) -> Iterator[Event]:
    for n in range(count):
        yield Event(n * 33 * MS, "press", code=97)
