"""Estimators of repeated strings: NIST SP 800-90B 6.3.5 and 6.3.6."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gostkey.errors import SamplesError

from .bounds import bits, upper
from .samples import Samples
from .suffixes import Suffixes

__all__ = ["Repeats", "count_repeats", "longest_repeated_substring", "t_tuple"]

_OFTEN = 35
"""Strings that come so often are the t-tuple estimator's; rarer ones the other's."""


@dataclass(frozen=True)
class Repeats:
    """How often strings come, by their length; [0] is not used."""

    highest: NDArray[np.int64]
    """Q[i]: how often the most common string of i symbols comes."""
    pairs: NDArray[np.int64]
    """Pairs of places that have equal strings of i symbols: sum of C(c, 2)."""

    @property
    def longest(self) -> int:
        """Length of the longest string that comes twice."""
        return len(self.highest) - 1

    @property
    def often(self) -> int:
        """t: the longest length of which some string comes 35 times; 0 if none."""
        # Counts fall with the length.
        return int(np.count_nonzero(self.highest[1:] >= _OFTEN))


def t_tuple(samples: Samples) -> float:
    """6.3.5: the most common string of each length.

    Raises:
        SamplesError: if not even a symbol comes 35 times.
    """
    repeats = count_repeats(samples.suffixes)
    n, t = len(samples), repeats.often
    if not t:
        raise SamplesError(f"needs a symbol that comes {_OFTEN} times")
    lengths = np.arange(1, t + 1)
    shares = repeats.highest[1 : t + 1] / (n - lengths + 1)
    return bits(upper(float(np.max(shares ** (1 / lengths))), n))


def longest_repeated_substring(samples: Samples) -> float:
    """6.3.6: how likely two places begin alike, for strings rarer than 6.3.5's.

    Raises:
        SamplesError: if no string comes twice but those of 6.3.5.
    """
    repeats = count_repeats(samples.suffixes)
    n, first, last = len(samples), repeats.often + 1, repeats.longest
    if last < first:
        raise SamplesError("needs a string that comes twice but not 35 times")
    lengths = np.arange(first, last + 1)
    places = (n - lengths + 1).astype(np.float64)
    shares = repeats.pairs[first:] / (places * (places - 1) / 2)
    return bits(upper(float(np.max(shares ** (1 / lengths))), n))


def count_repeats(suffixes: Suffixes) -> Repeats:
    """Count repeated strings of every length at once.

    A stretch of suffixes that begin with h symbols in common, while what is
    around it has only g < h, is a set of strings of each length g+1..h that
    comes as often as the stretch is long.  There are fewer such stretches than
    symbols, whatever the lengths.
    """
    heights, around, counts = _stretches(suffixes.common)
    longest = int(suffixes.common.max(initial=0))
    highest = np.ones(longest + 1, np.int64)
    np.maximum.at(highest, heights, counts)
    highest = np.maximum.accumulate(highest[::-1])[::-1]
    pairs = np.zeros(longest + 1, np.int64)
    both = counts * (counts - 1) // 2
    np.add.at(pairs, heights, both)
    np.subtract.at(pairs, around, both)
    return Repeats(highest, np.cumsum(pairs[::-1])[::-1])


def _stretches(
    common: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find all stretches, by one pass with a stack of those that are open.

    Returns:
        for each its h, its g, and how many suffixes it has.
    """
    heights: list[int] = []
    around: list[int] = []
    counts: list[int] = []
    open_heights, open_starts = [0], [0]
    for place, height in enumerate([*common.tolist(), 0]):
        start = place
        while open_heights[-1] > height:
            closed = open_heights.pop()
            start = open_starts.pop()
            heights.append(closed)
            around.append(max(height, open_heights[-1]))
            counts.append(place - start + 1)
        if open_heights[-1] < height:
            open_heights.append(height)
            open_starts.append(start)
    return (
        np.array(heights, np.int64),
        np.array(around, np.int64),
        np.array(counts, np.int64),
    )
