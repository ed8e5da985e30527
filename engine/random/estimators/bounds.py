"""Upper bounds of a probability, from what was counted (NIST SP 800-90B 6.3).

Each estimator counts something, takes the upper end of a 99 % confidence
interval of a probability p from it, and says -log2 p bits.
"""

from __future__ import annotations

import math

from gostkey.random.health import CONFIDENCE

__all__ = ["CONFIDENCE", "bits", "from_predictions", "upper"]

_LOCAL = math.log(0.99)
"""No run longer than the longest one comes with this probability (its log)."""


def upper(p: float, n: int) -> float:
    """Return the upper bound U(p, n) of a proportion p that n trials had."""
    return min(1.0, p + CONFIDENCE * math.sqrt(p * (1 - p) / (n - 1)))


def bits(p: float) -> float:
    """Return -log2 p, and 0 rather than -0 for p = 1."""
    return abs(math.log2(p))


def from_predictions(correct: int, tries: int, longest: int, alphabet: int) -> float:
    """Return the entropy of a symbol that a predictor leaves (6.3.7 to 6.3.10).

    Args:
        correct: how often it was right, C.
        tries: how often it was asked, N; two or more.
        longest: how often it was right in a row at most, r - 1.
        alphabet: number of different symbols, k.

    Returns:
        bits: -log2 of the largest of the bounds of the proportion and of the
        runs, and of 1/k.
    """
    if correct:
        p = upper(correct / tries, tries)
    else:
        p = 1 - 0.01 ** (1 / tries)
    p = max(p, 1 / alphabet)
    if p < 1 and _log_of_no_run(p, longest + 1, tries) > _LOCAL:
        p = _local(longest + 1, tries, p)
    return bits(p)


def _local(run: int, tries: int, low: float) -> float:
    """Return the p at which no run of *run* comes in *tries* with 99 %.

    The probability falls with p, so p is found by halving; *low* is a p that is
    too small.
    """
    high = 1.0
    while True:
        middle = (low + high) / 2
        if not low < middle < high:
            return high
        if _log_of_no_run(middle, run, tries) > _LOCAL:
            low = middle
        else:
            high = middle


def _log_of_no_run(p: float, run: int, tries: int) -> float:
    """Return log((1 - p x) / ((r + 1 - r x) q) * x^-(N+1)), Feller's estimate.

    x is the root nearest to 1 of 1 - x + q p^r x^(r+1).  It is only a little
    above 1, so what is found by iteration is d = x - 1.
    """
    q = 1 - p
    start = math.log(q) + run * math.log(p)
    d = 0.0
    for _ in range(100):
        power = start + (run + 1) * math.log1p(d)
        before, d = d, math.exp(min(power, 0.0))
        if d - before <= 1e-16 * d:
            break
    above, below = q - p * d, (1 - run * d) * q
    if above <= 0 or below <= 0:
        return -math.inf
    return math.log(above / below) - (tries + 1) * math.log1p(d)
