"""Stand-in for `health.Continuous` and `health.most_common_value_bits`.

To be dropped when those are there: then `session` takes both from `health`.
"""

from __future__ import annotations

import math
from collections import Counter

from gostkey.errors import HealthFailure
from gostkey.primitives import Readable

_REPETITION = 31
_PROPORTION = 325
_WINDOW = 512


class Continuous:
    """Repetition count and adaptive proportion for H = 1, alpha = 2^-30."""

    def __init__(self, source: str, entropy_per_symbol: float) -> None:
        self._source = source
        self.failure = ""
        self._last = -1
        self._run = 0
        self._first = -1
        self._seen = 0
        self._count = 0

    def feed(self, symbols: Readable) -> None:
        for symbol in bytes(symbols):
            self._run = self._run + 1 if symbol == self._last else 1
            self._last = symbol
            if self._run >= _REPETITION:
                self.failure = self.failure or "repetition count test"
            if self._seen % _WINDOW == 0:
                self._first, self._count = symbol, 0
            self._seen += 1
            self._count += symbol == self._first
            if self._count >= _PROPORTION:
                self.failure = self.failure or "adaptive proportion test"
        if self.failure:
            raise HealthFailure(
                f"random source {self._source!r} failed the {self.failure}"
            )


def most_common_value_bits(symbols: Readable) -> float:
    """SP 800-90B 6.3.1."""
    count = len(symbols)
    p = max(Counter(bytes(symbols)).values()) / count
    if count < 2:
        return 0.0
    return -math.log2(min(1.0, p + 2.576 * math.sqrt(p * (1 - p) / (count - 1))))
