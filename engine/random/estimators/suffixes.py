"""The order of all suffixes of a sequence, and how much neighbours share.

Every question about repeated strings is a question about this order: strings
that begin alike are next to each other in it.  Made by doubling (Manber and
Myers): suffixes that are sorted by their first h symbols are sorted by 2h with
the ranks of what comes h later.  What is sorted already is left alone (Larsson
and Sadakane), so noise takes one or two rounds and only long repeats take more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Suffixes", "order_suffixes"]


@dataclass(frozen=True)
class Suffixes:
    """The suffixes of a sequence of n symbols."""

    order: NDArray[np.int64]
    """(n,): where each begins, in the order of their symbols."""
    common: NDArray[np.int64]
    """(n - 1,): how many symbols the i-th and the next one begin with in common."""

    def groups(self, length: int) -> NDArray[np.int64]:
        """Return (n,) numbers by place, equal where strings of *length* are.

        They grow with the order of the strings.  The last length - 1 places,
        whose suffixes are shorter, have numbers of their own.
        """
        numbers = np.empty(len(self.order), np.int64)
        numbers[self.order[0]] = 0
        numbers[self.order[1:]] = np.cumsum(self.common < length)
        return numbers


def order_suffixes(symbols: NDArray[np.uint8], alphabet: int) -> Suffixes:
    """Sort the suffixes of a sequence.

    Takes about 60 bytes a symbol, and 4 more for each doubling; there are
    log2(longest repeat / 7) of those, for bits log2(longest repeat / 31).

    Args:
        symbols: (n,) of 0..alphabet-1; two or more.
        alphabet: number of different symbols.
    """
    n = len(symbols)
    keys, width, held = _first_symbols(symbols, alphabet)
    order = np.argsort(keys[:n])
    # The rank of a group of equals is the place of its first one in the order.
    places = np.arange(n)
    begins = np.empty(n, bool)
    begins[0] = True
    sorted_keys = keys[order]
    np.not_equal(sorted_keys[1:], sorted_keys[:-1], out=begins[1:])
    ranks = np.empty(n + 1, np.int32)
    ranks[n] = -1
    ranks[order] = np.maximum.accumulate(np.where(begins, places, 0))
    levels: list[tuple[int, NDArray[np.int32]]] = []
    unsorted, begins = _not_alone(places, begins)
    length = held
    while len(unsorted):
        levels.append((length, ranks.copy()))
        these = order[unsorted]
        later = ranks[np.minimum(these + length, n)].astype(np.int64) + 1
        pairs = ranks[these].astype(np.int64) * (n + 1) + later
        by_pair = np.argsort(pairs)
        these, pairs = these[by_pair], pairs[by_pair]
        order[unsorted] = these
        begins = np.empty(len(pairs), bool)
        begins[0] = True
        np.not_equal(pairs[1:], pairs[:-1], out=begins[1:])
        ranks[these] = np.maximum.accumulate(np.where(begins, unsorted, 0))
        unsorted, begins = _not_alone(unsorted, begins)
        length *= 2
    return Suffixes(order, _common(order, keys, width, held, levels))


def _first_symbols(
    symbols: NDArray[np.uint8], alphabet: int
) -> tuple[NDArray[np.int64], int, int]:
    """Pack the first symbols of each suffix into a number, high bits first.

    0 stands for the end and comes before all symbols.

    Returns:
        (n + 1,) numbers, bits of a symbol in them, and how many symbols.
    """
    n = len(symbols)
    width = alphabet.bit_length()
    held = 63 // width
    padded = np.zeros(n + held, np.int64)
    padded[:n] = symbols
    padded[:n] += 1
    keys = np.zeros(n + 1, np.int64)
    for i in range(held):
        keys[:n] <<= width
        keys[:n] |= padded[i : i + n]
    return keys, width, held


def _not_alone(
    places: NDArray[np.int64], begins: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Leave out those that are a group of one."""
    alone = begins.copy()
    alone[:-1] &= begins[1:]
    return places[~alone], begins[~alone]


def _common(
    order: NDArray[np.int64],
    keys: NDArray[np.int64],
    width: int,
    held: int,
    levels: list[tuple[int, NDArray[np.int32]]],
) -> NDArray[np.int64]:
    """Count what neighbours have in common, longest steps first.

    Ranks that were equal after sorting by h symbols are h symbols in common.
    No two suffixes end at once, so the end never counts as a symbol.
    """
    first, second = order[:-1].copy(), order[1:].copy()
    for length, ranks in reversed(levels):
        step = (ranks[first] == ranks[second]) * length
        first += step
        second += step
    step_length = 1 << (held.bit_length() - 1)
    while step_length:
        away = keys[first] ^ keys[second]
        step = (away >> (held - step_length) * width == 0) * step_length
        first += step
        second += step
        step_length //= 2
    return first - order[:-1]
