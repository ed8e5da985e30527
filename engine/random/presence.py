"""Signs that no person is there.

Scripts answer questions for people: they type letters at a fixed pace, replay a
recorded motion, or paste.  Whatever shows one of the signs below keeps no
credit; its bytes are mixed in all the same.  This is no arms race: a program
that imitates a hand well enough passes, and the system's generator, which
alone carries the strength, does not care.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

__all__ = ["FIRST", "SIGNS", "Presence"]

SIGNS: Mapping[str, str] = {
    "bursts": "all of it came in bursts, as from a program or a pipe",
    "fixed-pace": "more than half of it came at one fixed pace",
    "repeats": "it repeats itself",
    "few-values": "it hardly varies",
}
"""The signs, by the code that reports use."""

FIRST = 64
"""So many accepted events are judged by how many different symbols they have, and
so many events of any kind by how they came in."""

FEWEST_VALUES = 24
"""Different symbols that the first 64 must have."""

_JUDGED = 32
"""With fewer accepted events nothing is said: chance would speak."""

_SHORT_LAGS = 32

_COMPARED_AT_LONG_LAGS = 64
"""A lag above 32 counts only over so many symbols.

Lags 1 to 32 are what a script's list of keys has; a recorded motion that is played
over and over has a longer period.
"""


class Presence:
    """Looks at the events of one source; the first sign found stays."""

    def __init__(self) -> None:
        self.sign = ""
        """One of SIGNS, or empty."""
        self._events = 0
        self._alone = False
        self._accepted = 0
        self._symbols: Counter[int] = Counter()
        self._most_symbol = 0
        self._gaps: Counter[int] = Counter()
        self._most_gap = 0
        self._accepted_ns: int | None = None
        self._places: defaultdict[int, list[int]] = defaultdict(list)
        self._hits: Counter[int] = Counter()
        self._repeats = False

    @property
    def most_common(self) -> int:
        """How often the most common symbol came."""
        return self._most_symbol

    def event(self, together: int) -> None:
        """Look at how an event came in, accepted or not."""
        self._events += 1
        self._alone = self._alone or together == 1
        # Not sooner: a slow network may hand over the first few moves together.
        if not self._alone and self._events >= FIRST:
            self._found("bursts")

    def accepted(self, symbol: int, time_ns: int) -> None:
        """Look at the symbol of an accepted event.

        Args:
            symbol: 0 to 255, of the source's filter.
            time_ns: when it came, on a clock that does not go back.
        """
        place = self._accepted
        self._accepted += 1
        self._symbols[symbol] += 1
        self._most_symbol = max(self._most_symbol, self._symbols[symbol])
        if self._accepted_ns is not None:
            gap = (time_ns - self._accepted_ns) // 1_000_000
            self._gaps[gap] += 1
            self._most_gap = max(self._most_gap, self._gaps[gap])
        self._accepted_ns = time_ns
        places = self._places[symbol]
        for earlier in places:
            self._hit(place - earlier, place + 1)
        places.append(place)
        if (
            self._accepted >= _JUDGED
            and 2 * self._most_gap > self._accepted - 1
            and 4 * self._most_symbol > self._accepted
        ):
            self._found("fixed-pace")
        if self._repeats:
            self._found("repeats")
        if self._accepted == FIRST and len(self._symbols) < FEWEST_VALUES:
            self._found("few-values")

    def wipe(self) -> None:
        """Forget the symbols and times; the sign stays."""
        for kept in (self._symbols, self._gaps, self._places, self._hits):
            kept.clear()

    def _hit(self, lag: int, symbols: int) -> None:
        """Note that a symbol was the one *lag* before it."""
        self._hits[lag] += 1
        compared = symbols - lag
        fewest = _JUDGED if lag <= _SHORT_LAGS else _COMPARED_AT_LONG_LAGS
        if compared >= fewest and 2 * self._hits[lag] > compared:
            self._repeats = True

    def _found(self, sign: str) -> None:
        self.sign = self.sign or sign
