"""Estimators that count: NIST SP 800-90B 6.3.1 to 6.3.4.

The most common value is for symbols of any kind, the other three for bits only.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gostkey.errors import SamplesError

from .bounds import CONFIDENCE, bits, upper
from .samples import Samples

__all__ = ["collision", "compression", "markov", "most_common_value"]

_BLOCK = 6
_FIRST_BLOCKS = 1000
_DEVIATION = 0.5907
"""Corrects the deviation for the dependence of the distances on each other."""


def most_common_value(samples: Samples) -> float:
    """6.3.1: how often the most common symbol comes."""
    n = len(samples)
    return bits(upper(int(np.bincount(samples.symbols).max()) / n, n))


def collision(samples: Samples) -> float:
    """6.3.2: how long it takes until a bit comes again; at most three bits.

    Raises:
        SamplesError: if there are too few for two such steps.
    """
    string = samples.symbols.tobytes()
    last = len(string) - 1
    place = twos = threes = 0
    # Where one step ends the next begins, so this is one place after another.
    while place < last:
        if string[place] == string[place + 1]:
            twos += 1
            place += 2
        elif place + 1 < last:
            threes += 1
            place += 3
        else:
            break
    steps = twos + threes
    if steps < 2:
        raise SamplesError("needs 6 bits or more")
    mean = place / steps
    square = max(0.0, (4 * twos + 9 * threes - place * mean) / (steps - 1))
    low = max(2.0, mean - CONFIDENCE * math.sqrt(square / steps))
    if low >= 2.5:
        return 1.0
    return bits(0.5 + math.sqrt(1.25 - 0.5 * low))


def markov(samples: Samples) -> float:
    """6.3.3: the likeliest of all sequences of 128 bits, if each depends on the
    one before it."""
    string = samples.symbols
    n = len(string)
    one = int(np.count_nonzero(string))
    pairs = np.bincount(2 * string[:-1] + string[1:], minlength=4).reshape(2, 2)
    begin = ((n - one) / n, one / n)
    after = [[0.0, 0.0], [0.0, 0.0]]
    for value in (0, 1):
        total = int(pairs[value].sum())
        if total:
            after[value] = [int(count) / total for count in pairs[value]]

    def path(value: int, steps: tuple[tuple[int, int, int], ...]) -> float:
        found = -_log2(begin[value])
        for before, then, times in steps:
            found -= times * _log2(after[before][then])
        return found

    likeliest = min(
        path(0, ((0, 0, 127),)),
        path(1, ((1, 1, 127),)),
        path(0, ((0, 1, 1), (1, 1, 126))),
        path(1, ((1, 0, 1), (0, 0, 126))),
        path(0, ((0, 1, 64), (1, 0, 63))),
        path(1, ((1, 0, 64), (0, 1, 63))),
    )
    return min(1.0, abs(likeliest) / 128)


def _log2(p: float) -> float:
    return math.log2(p) if p > 0 else -math.inf


def compression(samples: Samples) -> float:
    """6.3.4: how far back the same block of six bits came last (Maurer's test).

    Raises:
        SamplesError: if there are less than 1002 blocks.
    """
    count = len(samples) // _BLOCK
    tested = count - _FIRST_BLOCKS
    if tested < 2:
        raise SamplesError(f"needs {(_FIRST_BLOCKS + 2) * _BLOCK} bits or more")
    distances = np.log2(_distances(samples.symbols, count)[_FIRST_BLOCKS:])
    mean = float(distances.mean())
    square = float(distances @ distances) / (tested - 1) - mean * mean
    deviation = _DEVIATION * math.sqrt(max(0.0, square))
    low = mean - CONFIDENCE * deviation / math.sqrt(tested)
    expected = _Expected(count)
    least = 1 / (1 << _BLOCK)
    if expected(least) <= low:
        return 1.0
    # The mean distance falls as the likeliest block gets likelier.
    first, last = least, 1.0
    while True:
        p = (first + last) / 2
        if not first < p < last:
            return bits(last) / _BLOCK
        if expected(p) > low:
            first = p
        else:
            last = p


def _distances(string: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Return (count,) distances of each block to the last equal one.

    One that did not come before is as far as the block before the first.
    """
    blocks = string[: count * _BLOCK].reshape(count, _BLOCK)
    values = np.packbits(blocks, axis=1).reshape(-1)
    by_value = np.argsort(values, kind="stable")
    distances = np.empty(count, np.int64)
    distances[by_value[1:]] = np.diff(by_value)
    new = np.flatnonzero(np.diff(values[by_value])) + 1
    starts = by_value[np.concatenate(([0], new))]
    distances[starts] = starts + 1
    return distances


class _Expected:
    """The mean of log2 of the distances when one block has probability p and
    the others share the rest: G(p) + 63 G((1 - p) / 63).

    With F of the standard put in, every u < t adds log2(u) z^2 (1-z)^(u-1) for
    each t above it, so the double sum is a single one.
    """

    def __init__(self, count: int) -> None:
        distances = np.arange(1, count + 1)
        self._tested = count - _FIRST_BLOCKS
        self._logs = np.log2(distances)
        self._weighted = self._logs * (count - np.maximum(distances, _FIRST_BLOCKS))
        self._powers = np.arange(count, dtype=np.float64)

    def __call__(self, p: float) -> float:
        others = (1 << _BLOCK) - 1
        return self._part(p) + others * self._part((1 - p) / others)

    def _part(self, z: float) -> float:
        if z <= 0:
            return 0.0
        if z >= 1:
            # All distances are 1.
            return 0.0
        log = math.log1p(-z)
        # Beyond this the powers are 0 in this arithmetic.
        length = min(len(self._logs), int(745 / -log) + 2)
        powers = np.exp(self._powers[:length] * log)
        inner = float(self._weighted[:length] @ powers)
        ends = slice(_FIRST_BLOCKS, length)
        last = float(self._logs[ends] @ powers[ends]) if length > _FIRST_BLOCKS else 0.0
        return (z * z * inner + z * last) / self._tested
