"""The clock as a source: never credited, and named when it is dead."""

from __future__ import annotations

import itertools
import random as python_random
import struct
import time
from collections.abc import Callable

import pytest

from gostkey import random
from gostkey.errors import HealthFailure
from gostkey.random import jitter


def stepping(step: int) -> Callable[[], int]:
    return itertools.count(10**15, step).__next__


def coarse(resolution: int) -> Callable[[], int]:
    """A clock of which a turn of the loop takes a few ticks, more or less."""
    draw = python_random.Random(1)
    now = 10**15

    def clock() -> int:
        nonlocal now
        now += draw.randrange(450, 900)
        return now // resolution * resolution

    return clock


def test_this_machine_s_clock_passes_and_varies() -> None:
    measured = jitter.collect(512)
    turns = struct.unpack(">512Q", measured)
    assert len(measured) == 8 * 512
    assert len(set(turns)) > 8
    # A turn of the loop is far below a second, and takes some time.
    assert all(0 <= turn < 10**9 for turn in turns)


def test_it_takes_a_few_milliseconds() -> None:
    # The best of many: a busy machine must not fail it.
    best = 1.0
    for _ in range(20):
        started = time.perf_counter()
        jitter.collect()
        best = min(best, time.perf_counter() - started)
    assert best < 0.010


@pytest.mark.parametrize("step", [0, 1, 40, 1_000_000])
def test_a_clock_that_stands_still_or_steps_evenly_is_named(step: int) -> None:
    with pytest.raises(HealthFailure, match="jitter"):
        jitter.collect(clock=stepping(step))


def test_a_clock_that_runs_back_is_named() -> None:
    with pytest.raises(HealthFailure, match="jitter.*ran back"):
        jitter.collect(clock=stepping(-7))


def test_a_coarse_clock_is_no_failure() -> None:
    assert len(jitter.collect(clock=coarse(100))) == 8 * jitter.SAMPLES


@pytest.mark.parametrize(
    ("clock", "failure"), [(time.perf_counter_ns, ""), (stepping(0), "jitter")]
)
def test_it_is_mixed_in_without_credit_even_from_a_dead_clock(
    monkeypatch: pytest.MonkeyPatch, clock: Callable[[], int], failure: str
) -> None:
    added = []
    monkeypatch.setattr(
        random, "add_input", lambda name, data, bits: added.append((name, bits))
    )
    said = jitter.mix_in(clock=clock)
    assert added == [("jitter", 0)]
    assert failure in said and bool(said) == bool(failure)


def test_every_generator_seeds_again_after_it() -> None:
    generator = random.generator()
    generator.token(1)
    before = generator.status.reseeds
    jitter.mix_in()
    generator.token(1)
    assert generator.status.reseeds == before + 1
    assert random.status().credited_bits["jitter"] == 0
