"""Make the human-like traces beside this file.

    python tests/random/traces/make_traces.py

The model, all of it from the literature on reaching movements and typing:

* A pointer moves in strokes.  Each goes from where it is to a new aim on a
  minimum-jerk path, place(s) = 10 s^3 - 15 s^4 + 6 s^5 for s = 0..1 (Flash and
  Hogan 1985), its duration by Fitts' law.  The aim is missed by a normal error
  of a few percent of the distance (signal-dependent noise, Harris and Wolpert
  1998), the path bends to one side, and a new stroke begins before the old one
  has come to rest.
* On top lies tremor: two slow oscillations of 8 to 12 Hz with wandering phase,
  about a pixel high (physiological tremor), and the mouse's own rounding to
  whole pixels.
* The mouse is read 125 times a second: every 8 ms and a normal 0.3 ms, and the
  program that reads it is late by an exponential 0.4 ms.
* A typist's gaps are log-normal around 180 ms (sigma 0.45), with a pause now
  and then; the keys are drawn at random and often from the same hand.

A file is ``{"model": ..., "seed": ..., "kind": "mouse", "events": [[us, x, y],
...]}`` or with kind "keys" and ``[us, code]``; us is the time since the
beginning in microseconds.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path

UNSTEADY = 0.6
"""Of the speed, each millisecond, before it is smoothed to a few percent."""

HERE = Path(__file__).parent

Point = tuple[float, float]


def aims(
    draw: random.Random, style: str, width: int, height: int
) -> Iterator[tuple[Point, float]]:
    """Yield where the hand goes next, and how fast it is (1 is normal)."""
    turn = 0.0
    while True:
        if style == "wander":
            yield (draw.uniform(0.08, 0.92) * width, draw.uniform(0.1, 0.9) * height), 1
        elif style == "shake":
            middle = 0.5 + 0.25 * math.sin(turn)
            side = 1 if draw.random() < 0.5 else -1
            yield (
                (
                    (middle + side * draw.uniform(0.1, 0.35)) * width,
                    draw.uniform(0.2, 0.8) * height,
                ),
                1.8,
            )
            turn += draw.uniform(0.1, 0.5)
        else:
            radius = draw.uniform(0.2, 0.42)
            yield (
                (
                    (0.5 + radius * math.cos(turn)) * width,
                    (0.5 + radius * math.sin(turn)) * height,
                ),
                1.4,
            )
            turn += draw.uniform(0.6, 1.4)


def strokes(
    draw: random.Random, style: str, width: int, height: int
) -> Iterator[tuple[float, float, float]]:
    """Yield (seconds, x, y) every millisecond, without tremor."""
    x, y = width / 2, height / 2
    now = 0.0
    unsteady = [0.0, 0.0]
    for (aim_x, aim_y), speed in aims(draw, style, width, height):
        distance = math.hypot(aim_x - x, aim_y - y)
        # Fitts: 0.1 s + 0.11 s for each bit, for targets of 40 pixels.
        duration = (0.10 + 0.11 * math.log2(1 + distance / 40)) / speed
        duration *= draw.lognormvariate(0, 0.12)
        miss = 0.04 * distance
        aim_x += draw.gauss(0, miss)
        aim_y += draw.gauss(0, miss)
        bend = draw.gauss(0, 0.09) * distance
        across = (-(aim_y - y) / (distance or 1), (aim_x - x) / (distance or 1))
        # The next stroke begins when this one is all but done.
        steps = int(duration * draw.uniform(0.8, 0.97) * 1000)
        here = before = x, y
        drift = [0.0, 0.0]
        for step in range(1, steps + 1):
            s = step / (duration * 1000)
            done = s**3 * (10 - 15 * s + 6 * s * s)
            aside = bend * math.sin(math.pi * done)
            here = (
                x + (aim_x - x) * done + across[0] * aside,
                y + (aim_y - y) * done + across[1] * aside,
            )
            # Muscle force is unsteady in proportion to itself, below some 25 Hz.
            speed_now = math.hypot(here[0] - before[0], here[1] - before[1])
            for axis in range(2):
                unsteady[axis] += 0.15 * (draw.gauss(0, 1) - unsteady[axis])
                drift[axis] += UNSTEADY * speed_now * unsteady[axis]
            before = here
            here = here[0] + drift[0], here[1] + drift[1]
            now += 0.001
            yield now, *here
        x, y = here


def mouse(
    seed: int, style: str, seconds: float, width: int = 800, height: int = 480
) -> list[tuple[int, int, int]]:
    """Return (microseconds, x, y) of each report that moved."""
    draw = random.Random(seed)
    path = strokes(draw, style, width, height)
    phases = [[draw.uniform(0, 2 * math.pi) for _ in range(2)] for _ in range(2)]
    rates = [draw.uniform(8, 12) for _ in range(2)]
    reports: list[tuple[int, int, int]] = []
    next_report = 0.008
    place = (-1, -1)
    read = 0.0
    for now, x, y in path:
        if now < next_report:
            continue
        next_report += 0.008 + draw.gauss(0, 0.0003)
        shaken = [x, y]
        for axis in range(2):
            for wave, rate in enumerate(rates):
                phases[axis][wave] += 2 * math.pi * rate * 0.008 + draw.gauss(0, 0.25)
                shaken[axis] += 0.6 * math.sin(phases[axis][wave])
        seen = (
            min(width - 1, max(0, round(shaken[0]))),
            min(height - 1, max(0, round(shaken[1]))),
        )
        if seen == place:
            continue
        place = seen
        read = max(read, now + draw.gauss(0, 0.0003) + draw.expovariate(1 / 0.0004))
        if read > seconds:
            break
        reports.append((round(read * 1e6), *seen))
    return reports


def keys(seed: int, count: int) -> list[tuple[int, int]]:
    """Return (microseconds, code) of each press."""
    draw = random.Random(seed)
    hands = ("qwertasdfgzxcvb", "yuiophjklnm")
    now = 0.0
    hand = 0
    presses = []
    for _ in range(count):
        now += draw.lognormvariate(math.log(0.18), 0.45) + 0.02
        if draw.random() < 0.04:
            now += draw.uniform(0.2, 0.6)
        hand = hand if draw.random() < 0.35 else 1 - hand
        presses.append((round(now * 1e6), ord(draw.choice(hands[hand]))))
    return presses


def main() -> None:
    for seed, style, seconds in (
        (1, "wander", 11.0),
        # Long enough for character cells too.
        (2, "shake", 30.0),
        (3, "circles", 11.0),
    ):
        _write(f"mouse_{style}", "mouse", seed, mouse(seed, style, seconds))
    for seed in (4, 5):
        _write(f"keys_{seed}", "keys", seed, keys(seed, 330))


def _write(
    name: str,
    kind: str,
    seed: int,
    events: list[tuple[int, int, int]] | list[tuple[int, int]],
) -> None:
    record = {"model": "make_traces.py", "seed": seed, "kind": kind, "events": events}
    text = json.dumps(record, separators=(",", ":")).replace("],[", "],\n[")
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
