"""How several predictors make one: NIST SP 800-90B 6.3.7 to 6.3.10.

Each of a few predictors says what the next symbol will be, or nothing.  The one
with the best score so far speaks for all.  What a predictor says does not depend
on who speaks, so all hits are known first and the scores are sums over time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scoreboard", "longest_run"]


class Scoreboard:
    """Scores of the predictors; fed with their hits, stretch by stretch."""

    def __init__(self, predictors: int) -> None:
        self._scores = np.zeros((predictors, 1), np.int32)
        self._numbers = np.arange(1, predictors + 1, dtype=np.uint8)[:, None]
        self._speaker = 0

    def feed(self, hits: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Say when the one that spoke was right.

        After each symbol the predictors that were right are gone through in
        their order, and one whose score is not below the speaker's speaks from
        then on.  The speaker always has the highest score; so the next one is
        the last of those that were right and have it now, if there are any.

        Args:
            hits: (predictors, m) for the next m symbols: was it right?  One
                that said nothing was not.

        Returns:
            (m,)
        """
        m = hits.shape[1]
        scores = np.cumsum(hits, axis=1, dtype=np.int32)
        scores += self._scores
        leads = (scores == scores.max(axis=0)) & hits
        # One above the number of the new speaker, 0 where it stays.
        new = (leads.view(np.uint8) * self._numbers).max(axis=0)
        last_change = np.maximum.accumulate(np.where(new, np.arange(m), -1))
        after = np.where(last_change < 0, self._speaker, new[last_change] - 1)
        before = np.empty(m, np.intp)
        before[0] = self._speaker
        before[1:] = after[:-1]
        self._scores = scores[:, -1:].copy()
        self._speaker = int(after[-1])
        right: NDArray[np.bool_] = hits[before, np.arange(m)]
        return right


def longest_run(right: NDArray[np.bool_]) -> int:
    """Return how many in a row were right at most."""
    wrong = np.flatnonzero(~right)
    edges = np.concatenate(([-1], wrong, [len(right)]))
    return int(np.diff(edges).max()) - 1
