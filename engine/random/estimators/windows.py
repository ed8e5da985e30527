"""Predictors that look at what came lately: NIST SP 800-90B 6.3.7 and 6.3.8."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gostkey.errors import SamplesError

from .bounds import from_predictions
from .samples import Samples
from .scoreboard import Scoreboard, longest_run

__all__ = ["lag", "multi_mcw"]

_WINDOWS = (63, 255, 1023, 4095)
_LAGS = 128

# Symbols at a time, so that what is computed of them stays near the processor.
_STRETCH = 1 << 15
_LAG_STRETCH = 1 << 13

# Counts are above this bit and places below it: a stretch and the longest window
# before it have fewer than 2^16 places, a window fewer than 2^16 symbols.
_SHIFT = 16


def multi_mcw(samples: Samples) -> float:
    """6.3.7: the most common symbol of the last 63, 255, 1023 or 4095.

    Of symbols that are as common, the one that came last.

    Raises:
        SamplesError: if there are not more than 4096 samples.
    """
    n, first = len(samples), _WINDOWS[0]
    if n <= _WINDOWS[-1] + 1:
        raise SamplesError(f"needs more than {_WINDOWS[-1] + 1} samples")
    board = Scoreboard(len(_WINDOWS))
    right = np.empty(n - first, np.bool_)
    for start in range(first, n, _STRETCH):
        end = min(n, start + _STRETCH)
        hits = _window_hits(samples.symbols, start, end)
        right[start - first : end - first] = board.feed(hits)
    return _bits(right, samples)


def _window_hits(symbols: NDArray[np.uint8], start: int, end: int) -> NDArray[np.bool_]:
    """Say for each window when its most common symbol came, of start..end-1.

    A symbol's count and the place where it came last make one number, so that
    the greatest number belongs to the symbol that is predicted.  No two are the
    same: each place holds one symbol.
    """
    base = max(0, start - _WINDOWS[-1])
    near = symbols[base:end]
    ahead, m = start - base, end - start
    best = [np.zeros(m, np.uint32) for _ in _WINDOWS]
    # That of the symbol that did come.
    own = [np.zeros(m, np.uint32) for _ in _WINDOWS]
    order = np.argsort(near, kind="stable")
    ends = np.cumsum(np.bincount(near))
    for places in np.split(order, ends[:-1]):
        if not len(places):
            continue
        # So long each count stands: up to and with the place of the next one.
        lengths = np.diff(np.concatenate(([-1], places, [len(near)])))
        counts = np.arange(len(places) + 1, dtype=np.uint32) << _SHIFT
        last = np.zeros(len(places) + 1, np.uint32)
        last[1:] = places + 1
        before = np.repeat(counts, lengths)
        with_place = np.repeat(counts + last, lengths)
        came = places[places >= ahead] - ahead
        for window, width in enumerate(_WINDOWS):
            skipped = max(0, width - ahead)
            if skipped >= m:
                continue
            # Counts of a whole stretch may run over 2^32; differences do not.
            value = (
                with_place[ahead + skipped : ahead + m]
                - (before[ahead + skipped - width : ahead + m - width])
            )
            np.maximum(best[window][skipped:], value, out=best[window][skipped:])
            here = came[came >= skipped]
            own[window][here] = value[here - skipped]
    hits = np.empty((len(_WINDOWS), m), np.bool_)
    for window, width in enumerate(_WINDOWS):
        np.equal(own[window], best[window], out=hits[window])
        hits[window, : max(0, width - start)] = False
    return hits


def lag(samples: Samples) -> float:
    """6.3.8: the symbol that came 1 to 128 symbols ago.

    Raises:
        SamplesError: if there are less than three samples.
    """
    n, symbols = len(samples), samples.symbols
    if n < 3:
        raise SamplesError("needs three samples or more")
    board = Scoreboard(_LAGS)
    right = np.empty(n - 1, np.bool_)
    for start in range(1, n, _LAG_STRETCH):
        end = min(n, start + _LAG_STRETCH)
        hits = np.empty((_LAGS, end - start), np.bool_)
        for ago in range(1, _LAGS + 1):
            first = min(end, max(start, ago))
            row = hits[ago - 1]
            row[: first - start] = False
            np.equal(
                symbols[first:end],
                symbols[first - ago : end - ago] if first < end else symbols[:0],
                out=row[first - start :],
            )
        right[start - 1 : end - 1] = board.feed(hits)
    return _bits(right, samples)


def _bits(right: NDArray[np.bool_], samples: Samples) -> float:
    return from_predictions(
        int(np.count_nonzero(right)),
        len(right),
        longest_run(right),
        samples.alphabet,
    )
