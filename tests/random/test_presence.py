"""The signs that nobody is there, each on both sides of its bound."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from gostkey.random.presence import SIGNS, Presence

MS = 1_000_000


def sign(symbols: Iterable[int], gaps_ms: Iterable[int] | None = None) -> str:
    """Return the sign of symbols at these gaps; else at gaps that all differ."""
    one = Presence()
    one.event(together=1)
    now = 0
    gaps = iter(range(10, 100_000) if gaps_ms is None else gaps_ms)
    for symbol in symbols:
        now += next(gaps) * MS
        one.accepted(symbol, now)
    assert one.sign == "" or one.sign in SIGNS
    return one.sign


def shuffled(values: list[int], seed: int = 1) -> list[int]:
    random.Random(seed).shuffle(values)
    return values


@pytest.mark.parametrize(("different", "found"), [(23, "few-values"), (24, "")])
def test_the_first_64_symbols_must_have_24_different_ones(
    different: int, found: str
) -> None:
    symbols = shuffled([n % different for n in range(64)])
    assert sign(symbols[:63]) == ""
    assert sign(symbols) == found
    # What comes later mends nothing, and spoils nothing.
    assert sign(symbols + shuffled(list(range(256)))) == found
    assert sign(symbols + shuffled([n % 20 for n in range(200)])) == found


@pytest.mark.parametrize(
    ("same_gaps", "commonest", "found"),
    [(60, 40, "fixed-pace"), (49, 40, ""), (60, 24, "")],
)
def test_a_fixed_pace_is_more_than_half_the_gaps_and_a_common_symbol(
    same_gaps: int, commonest: int, found: str
) -> None:
    """Of 100: so many gaps of 50 ms, and so many times the symbol 0."""
    # Spread evenly, so that no beginning is worse than the whole.
    gaps = [50 if n * same_gaps % 100 < same_gaps else 100 + n for n in range(101)]
    rest = iter(shuffled(list(range(1, 256))))
    symbols = [0 if n * commonest % 100 < commonest else next(rest) for n in range(101)]
    # No lag may predict half: the zeros are too few for it.
    symbols, gaps = symbols[1:], gaps[1:]
    assert sign(symbols, gaps) == found


@pytest.mark.parametrize("lag", [1, 2, 7, 31, 32])
def test_a_lag_up_to_32_that_predicts_more_than_half_is_a_sign(lag: int) -> None:
    for share, found in ((0.65, "repeats"), (0.35, "")):
        draw = random.Random(lag)
        symbols = [draw.randrange(256) for _ in range(lag)]
        while len(symbols) < 300:
            repeat = draw.random() < share
            symbols.append(symbols[-lag] if repeat else draw.randrange(256))
        # Few values at the beginning are another sign; these have many.
        assert sign(symbols) in ((found, "few-values") if lag < 3 else (found,))


def test_a_longer_lag_is_a_sign_after_64_symbols() -> None:
    period = shuffled(list(range(200)))
    assert sign(period + period[:63]) == ""
    assert sign(period + period[:64]) == "repeats"


def test_input_that_never_comes_alone_is_a_sign() -> None:
    one = Presence()
    for _ in range(63):
        one.event(together=2)
    assert one.sign == ""
    one.event(together=2)
    assert one.sign == "bursts"
    other = Presence()
    other.event(together=1)
    for _ in range(1000):
        other.event(together=9)
    assert other.sign == ""


def test_chance_alone_shows_no_sign() -> None:
    for seed in range(30):
        draw = random.Random(seed)
        # About 3 bits a symbol by the most common one, as people's are.
        symbols = [min(255, int(draw.lognormvariate(3, 0.6))) for _ in range(600)]
        gaps = [draw.choice([8, 16, 16, 24]) for _ in range(600)]
        assert sign(symbols, gaps) == "", seed
