"""Tests that a source of random bytes must pass (NIST SP 800-90B 4.4).

They catch a source that is broken, not one that is weak: a stuck or much
repeated value.  `cutoffs` says from where on they fail, `check` is the start-up
test of the system's generator, `Continuous` is for everything after that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

from gostkey.backend import active
from gostkey.errors import GeneratorFailure, HealthFailure, LengthError
from gostkey.primitives import Readable

__all__ = [
    "CONFIDENCE",
    "PROPORTION_CUTOFF",
    "PROPORTION_WINDOW",
    "REPETITION_CUTOFF",
    "STARTUP_SAMPLES",
    "Continuous",
    "Cutoffs",
    "check",
    "cutoffs",
    "most_common_value_bits",
]

REPETITION_CUTOFF = 5
"""So many equal bytes in a row fail at the start: 1 + ceil(30 / 8)."""

PROPORTION_WINDOW = 512
PROPORTION_CUTOFF = 16
"""So often the first byte of a window in that window fails at the start:
1 + CRITBINOM(512, 2^-8, 1 - 2^-30)."""

STARTUP_SAMPLES = 1024
"""Bytes to test before the first key of a process; none of them is used."""

CONFIDENCE = 2.5758293035489008
"""The 99.5 % point of the normal distribution, which the standard prints as 2.576;
the tool of its authors takes it whole."""

# Far more digits than 2^-40 and sums of 1024 terms can lose.
_DIGITS = Context(prec=60, Emin=-999999, Emax=999999)


@dataclass(frozen=True)
class Cutoffs:
    """From where on the two continuous tests fail."""

    repetition: int
    """So many equal symbols in a row fail."""
    proportion: int
    """So many symbols of a window that are its first one fail; above *window*
    if so little is said of the source that no window could fail."""
    window: int
    """Symbols in a window."""


@lru_cache(maxsize=256)
def cutoffs(
    entropy_per_symbol: float, *, window: int = 512, alpha_log2: int = 30
) -> Cutoffs:
    """Compute the cutoffs of a source, exactly (NIST SP 800-90B 4.4.1, 4.4.2).

    Args:
        entropy_per_symbol: min-entropy H in bits that each symbol is said to
            have, above 0 and at most 8.
        window: symbols of a window; 512, or 1024 for symbols of one bit.
        alpha_log2: a good source fails once in 2^alpha_log2 tests.

    Raises:
        LengthError: if one of them is out of its range.
    """
    if not 0 < entropy_per_symbol <= 8:
        raise LengthError(
            f"entropy_per_symbol: {entropy_per_symbol} bits; "
            "more than 0 and at most 8 is possible"
        )
    if not 2 <= window <= 1 << 16:
        raise LengthError(
            f"window: {window} symbols; 2 to 65536 is possible, 512 is usual"
        )
    if not 1 <= alpha_log2 <= 100:
        raise LengthError(
            f"alpha_log2: {alpha_log2}; 1 to 100 is possible, 20 to 40 is usual"
        )
    # The number as it is written: 30 / 0.3 is 100, not a little more.
    entropy = Fraction(repr(float(entropy_per_symbol)))
    return Cutoffs(
        repetition=1 + math.ceil(Fraction(alpha_log2) / entropy),
        proportion=1 + _critical(entropy, window, alpha_log2),
        window=window,
    )


def _critical(entropy: Fraction, trials: int, alpha_log2: int) -> int:
    """CRITBINOM(trials, 2^-entropy, 1 - 2^-alpha_log2).

    It is the smallest number that more than which come with a probability of
    2^-alpha_log2 or less.  The tail is summed from its far end, where the terms
    are smallest.
    """
    with localcontext(_DIGITS):
        chance = Decimal(2) ** -(Decimal(entropy.numerator) / entropy.denominator)
        odds = (1 - chance) / chance
        bound = Decimal(2) ** -alpha_log2
        # The probability of exactly k, for k from trials down.
        term, tail, k = chance**trials, Decimal(0), trials
        while tail + term <= bound:
            tail += term
            term = term * k / (trials - k + 1) * odds
            k -= 1
        return k


def check(data: Readable, source: str) -> None:
    """Test bytes that a source gave, from their first one on.

    For the start: cutoffs for symbols of 8 bits that have 8 bits of entropy
    each, with a false alarm once in 2^30.

    Args:
        data: a whole number of windows for the proportion test; a shorter
            rest is tested as a window of its own, with the same cutoff.
        source: its name, for the message.

    Raises:
        GeneratorFailure: naming the source and the test that failed.
    """
    tests = Continuous(source, 8)
    try:
        tests.feed(data)
    except HealthFailure as error:
        raise GeneratorFailure(str(error)) from None


class Continuous:
    """Both tests over all that a source gives, however it is cut into pieces.

    What is tested is secret, so as little of it as possible is remembered: the
    last symbol and how often it came running, and the first symbol of the
    window with how often it came since.  Whoever reads this later knows at most
    two of the 64 bytes of a seed and about how often one of them came; the
    other 62 are more than a seed needs.
    """

    def __init__(
        self,
        source: str,
        entropy_per_symbol: float,
        *,
        window: int = 512,
        alpha_log2: int = 30,
    ) -> None:
        """Start with nothing seen.

        Args:
            source: its name, for the message.
            entropy_per_symbol: see `cutoffs`, as the other two.

        Raises:
            LengthError: as `cutoffs`.
        """
        self.failure = ""
        """What failed, naming source and test; empty while all is well."""
        self._source = source
        self._cutoffs = cutoffs(
            entropy_per_symbol, window=window, alpha_log2=alpha_log2
        )
        self._last = -1
        self._run = 0
        self._first = 0
        self._count = 0
        self._left = 0

    def __repr__(self) -> str:
        return f"<health tests of {self._source!r}: {self.failure or 'passed so far'}>"

    def feed(self, symbols: Readable) -> None:
        """Test more symbols, one in each byte.

        Raises:
            HealthFailure: naming the source and the test that failed; from then
                on at every call.
        """
        if self.failure:
            raise HealthFailure(self.failure)
        if isinstance(symbols, bytes | bytearray):
            self._test(symbols)
            return
        # A view cannot count; its copy is as secret as what it shows.
        copy = bytearray(symbols)
        try:
            self._test(copy)
        finally:
            active.generators.wipe(copy)

    def _test(self, symbols: bytes | bytearray) -> None:
        if symbols:
            self._count_repetitions(symbols)
            self._count_proportion(symbols)

    def _count_repetitions(self, symbols: bytes | bytearray) -> None:
        cutoff, length = self._cutoffs.repetition, len(symbols)
        # The run that is open from the call before.
        run, place = self._run, 0
        while place < length and symbols[place] == self._last:
            run += 1
            place += 1
            if run >= cutoff:
                self._fail_repetition()
        if place == length:
            self._run = run
            return
        # Of any `cutoff` places in a row two neighbours begin at a multiple of
        # cutoff - 1, so a run that long shows at one of those.
        for probe in range(0, length - 1, cutoff - 1):
            if symbols[probe] == symbols[probe + 1]:
                value, start = symbols[probe], probe
                while start > 0 and symbols[start - 1] == value:
                    start -= 1
                end = probe + 1
                while end < length and symbols[end] == value:
                    end += 1
                if end - start >= cutoff:
                    self._fail_repetition()
        self._last = last = symbols[-1]
        self._run = run = 1
        while run < length and symbols[-1 - run] == last:
            run += 1
        self._run = run

    def _count_proportion(self, symbols: bytes | bytearray) -> None:
        place, length = 0, len(symbols)
        while place < length:
            if not self._left:
                self._first = symbols[place]
                self._count = 0
                self._left = self._cutoffs.window
            end = min(length, place + self._left)
            self._count += symbols.count(self._first, place, end)
            if self._count >= self._cutoffs.proportion:
                self._fail(
                    f"adaptive proportion test: a symbol came "
                    f"{self._cutoffs.proportion} times or more in "
                    f"{self._cutoffs.window}"
                )
            self._left -= end - place
            place = end

    def _fail_repetition(self) -> None:
        self._fail(
            f"repetition count test: {self._cutoffs.repetition} equal symbols in a row"
        )

    def _fail(self, what: str) -> None:
        self.failure = f"random source {self._source!r} failed the {what}"
        # Nothing is tested any more, so nothing need be remembered.
        self._last, self._run, self._first, self._count = -1, 0, 0, 0
        raise HealthFailure(self.failure)


def most_common_value_bits(symbols: Readable) -> float:
    """Estimate the min-entropy of a symbol by the most common one.

    NIST SP 800-90B 6.3.1, the first of the estimators: an upper bound that a
    short session can be held to.  It sees nothing but counts.

    Args:
        symbols: one or more, one in each byte.

    Returns:
        bits a symbol, 0 to 8; 0 for one symbol, which says nothing.

    Raises:
        LengthError: if there are none.
    """
    data = symbols if isinstance(symbols, bytes | bytearray) else bytes(symbols)
    if not data:
        raise LengthError("symbols: there are none; one or more are needed")
    return most_common_bits(max(map(data.count, range(256))), len(data))


def most_common_bits(count: int, total: int) -> float:
    """Estimate as `most_common_value_bits` does, from a running count.

    Args:
        count: how often the most common symbol came, 1 or more.
        total: how many symbols there were, one or more.
    """
    highest = count / total
    if highest == 1:
        return 0.0
    margin = CONFIDENCE * math.sqrt(highest * (1 - highest) / (total - 1))
    return abs(math.log2(min(1.0, highest + margin)))
