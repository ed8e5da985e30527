"""Predictors that remember what followed what: NIST SP 800-90B 6.3.9, 6.3.10.

A context is the d symbols before a symbol.  A predictor counts which symbols
followed each context and says the one that did most often so far; of those that
did as often, the greatest.

All times are done at once.  Sorted by context and time, the count that a symbol
reaches each time it follows its context is known from its number among equals;
and the greatest pair (count, symbol) so far is what the context predicts: a
symbol that once reached the greatest count has it still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gostkey.errors import SamplesError

from .bounds import from_predictions
from .samples import Samples
from .scoreboard import Scoreboard, longest_run

__all__ = ["lz78y", "multi_mmc"]

_DEPTH = 16

_MOST_PAIRS = 100_000
"""Pairs of context and symbol that MultiMMC remembers at each depth."""

_MOST_CONTEXTS = 65_536
"""Contexts that LZ78Y remembers, of all depths together."""

_SYMBOL = 8
"""Bits for a symbol; counts are above them."""

_STRETCH = 1 << 16


@dataclass(frozen=True)
class _Told:
    """What the contexts of one depth predict; only where they do."""

    times: NDArray[np.int64]
    """Place of the symbol that is predicted."""
    counts: NDArray[np.int64]
    """How often the predicted symbol followed the context before."""
    predicted: NDArray[np.uint8]


def multi_mmc(samples: Samples) -> float:
    """6.3.9: what followed the last 1 to 16 symbols most often.

    Each depth remembers the first 100,000 pairs of context and symbol and
    counts those only.

    Raises:
        SamplesError: if there are less than four samples.
    """
    n, symbols = len(samples), samples.symbols
    if n < 4:
        raise SamplesError("needs four samples or more")
    hits = np.zeros((_DEPTH, n), np.bool_)
    for depth in range(1, min(_DEPTH, n - 1) + 1):
        told = _mmc_depth(samples, depth)
        if told is None:
            # No context came twice, so no longer one did.
            break
        hits[depth - 1, told.times] = told.predicted == symbols[told.times]
    # The first two symbols are not predicted (N = L - 2).
    right = _speak(hits[:, 2:])
    return from_predictions(
        int(np.count_nonzero(right)), n - 2, longest_run(right), samples.alphabet
    )


def lz78y(samples: Samples) -> float:
    """6.3.10: of contexts of 16 to 1 symbols, the one whose symbol came most often.

    Contexts are remembered in the order of their coming, the longest first,
    until there are 65,536; what follows those is counted from then on for good.

    Raises:
        SamplesError: if there are less than 19 samples.
    """
    n, symbols = len(samples), samples.symbols
    if n < _DEPTH + 3:
        raise SamplesError(f"needs {_DEPTH + 3} samples or more")
    limit = _dictionary_limit(samples)
    counts = np.zeros(n, np.int64)
    right = np.zeros(n, np.bool_)
    for depth in range(_DEPTH, 0, -1):
        told = _lz78y_depth(samples, depth, limit)
        better = told.counts > counts[told.times]
        times = told.times[better]
        counts[times] = told.counts[better]
        right[times] = told.predicted[better] == symbols[times]
    right = right[_DEPTH + 1 :]
    return from_predictions(
        int(np.count_nonzero(right)), len(right), longest_run(right), samples.alphabet
    )


def _speak(hits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    board = Scoreboard(len(hits))
    return np.concatenate(
        [
            board.feed(hits[:, start : start + _STRETCH])
            for start in range(0, hits.shape[1], _STRETCH)
        ]
    )


def _mmc_depth(samples: Samples, depth: int) -> _Told | None:
    """Predict by the last *depth* symbols; None if no context came twice."""
    places = np.arange(len(samples) - depth)
    contexts = samples.suffixes.groups(depth)[places]
    pairs = samples.suffixes.groups(depth + 1)[places]
    again = _more_than_once(contexts)
    if not again.any():
        return None
    seen = _numbered(pairs[again], places[again])
    first = np.ones(len(places), np.bool_)
    first[seen.places] = seen.numbers == 1
    new = np.flatnonzero(first)
    numbers = np.zeros(len(samples), np.int64)
    numbers[seen.places] = seen.numbers
    if len(new) > _MOST_PAIRS:
        # A pair that came when the dictionary was full was never remembered.
        kept = seen.firsts <= new[_MOST_PAIRS - 1]
        numbers[seen.places[~kept]] = 0
    return _told(samples, depth, contexts[again], places[again], numbers)


@dataclass(frozen=True)
class _Limit:
    """When the dictionary of LZ78Y is full."""

    time: int
    """Contexts that came first before this are remembered, later ones not."""
    depth: int
    """Those of this very time are if they are this deep or deeper."""


def _dictionary_limit(samples: Samples) -> _Limit:
    n = len(samples)
    new = np.zeros(n, np.int64)
    last_new: dict[int, NDArray[np.bool_]] = {}
    for depth in range(_DEPTH, 0, -1):
        firsts = _first_times(samples, depth)
        at = np.zeros(n, np.bool_)
        at[firsts] = True
        last_new[depth] = at
        new += at
    total = np.cumsum(new)
    if total[-1] <= _MOST_CONTEXTS:
        return _Limit(n, 1)
    time = int(np.searchsorted(total, _MOST_CONTEXTS, side="right"))
    room = _MOST_CONTEXTS - int(total[time - 1])
    depths = [depth for depth in range(_DEPTH, 0, -1) if last_new[depth][time]]
    return _Limit(time, depths[room - 1] if room else _DEPTH + 1)


def _first_times(samples: Samples, depth: int) -> NDArray[np.int64]:
    """Return when each context of a depth came first, of those of LZ78Y."""
    places = np.arange(_DEPTH - depth, len(samples) - depth)
    contexts = samples.suffixes.groups(depth)[places]
    first = np.full(len(samples), len(samples))
    # Written from the last to the first, so that the first one stays.
    first[contexts[::-1]] = places[::-1]
    return first[first < len(samples)] + depth


def _lz78y_depth(samples: Samples, depth: int, limit: _Limit) -> _Told:
    n = len(samples)
    places = np.arange(_DEPTH - depth, n - depth)
    contexts = samples.suffixes.groups(depth)[places]
    first = np.empty(n, np.int64)
    first[contexts[::-1]] = places[::-1]
    times = first[contexts] + depth
    kept = times < limit.time
    if depth >= limit.depth:
        kept |= times == limit.time
    kept[kept] = _more_than_once(contexts[kept])
    places, contexts = places[kept], contexts[kept]
    pairs = samples.suffixes.groups(depth + 1)[places]
    seen = _numbered(pairs, places)
    numbers = np.zeros(n, np.int64)
    numbers[seen.places] = seen.numbers
    return _told(samples, depth, contexts, places, numbers)


def _more_than_once(groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not len(groups):
        return np.zeros(0, np.bool_)
    several: NDArray[np.bool_] = np.bincount(groups)[groups] > 1
    return several


@dataclass(frozen=True)
class _Numbered:
    places: NDArray[np.int64]
    numbers: NDArray[np.int64]
    """The how many-th of its group this place is, from 1."""
    firsts: NDArray[np.int64]
    """The first place of its group."""


def _sorted(
    groups: NDArray[np.int64], places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort by group and place; one sort of one number each, which is quick."""
    bits = int(places.max(initial=0)).bit_length()
    both = (groups << bits) | places
    both.sort()
    return both >> bits, both & ((1 << bits) - 1)


def _starts(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each element of sorted groups where its group begins."""
    begins = np.ones(len(groups), np.bool_)
    np.not_equal(groups[1:], groups[:-1], out=begins[1:])
    return np.maximum.accumulate(np.where(begins, np.arange(len(groups)), 0))


def _numbered(groups: NDArray[np.int64], places: NDArray[np.int64]) -> _Numbered:
    groups, places = _sorted(groups, places)
    starts = _starts(groups)
    return _Numbered(places, np.arange(1, len(groups) + 1) - starts, places[starts])


def _told(
    samples: Samples,
    depth: int,
    contexts: NDArray[np.int64],
    places: NDArray[np.int64],
    numbers: NDArray[np.int64],
) -> _Told:
    """Take what each context says from what followed it before.

    Args:
        samples: the sequence.
        depth: length of the contexts.
        contexts: (m,) number of the context at each place.
        places: (m,) where it begins.
        numbers: by place, the how many-th the pair of context and symbol is;
            0 if it is not counted.
    """
    contexts, places = _sorted(contexts, places)
    symbols = samples.symbols[places + depth]
    reached = numbers[places]
    values = np.where(reached > 0, (reached << _SYMBOL) | symbols, 0)
    # The number of the context above the value, so that none reaches over.
    bits = int(values.max(initial=0)).bit_length()
    best = np.maximum.accumulate((contexts << bits) | values)
    best &= (1 << bits) - 1
    before = np.zeros_like(best)
    before[1:] = best[:-1]
    before[_starts(contexts) == np.arange(len(contexts))] = 0
    told = before > 0
    before = before[told]
    return _Told(
        places[told] + depth,
        before >> _SYMBOL,
        (before & ((1 << _SYMBOL) - 1)).astype(np.uint8),
    )
