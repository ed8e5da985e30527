"""How long to wait for a mail server, and how often to try again.

The pauses grow and are partly left to chance, so that all stations of an office do
not come back in the same moment.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_CHANCE = secrets.SystemRandom()


@dataclass(frozen=True)
class Patience:
    """Pauses between tries."""

    tries: int = 4
    first_seconds: float = 1.0
    longest_seconds: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def pauses(self) -> Iterator[None]:
        """Yield before each try, having slept before all but the first."""
        for number in range(self.tries):
            if number:
                most = min(self.first_seconds * 2 ** (number - 1), self.longest_seconds)
                self.sleep(most * _CHANCE.uniform(0.5, 1.0))
            yield None

    def once(self) -> Patience:
        """Give the patience with a server that did not answer a moment ago."""
        return Patience(1, self.first_seconds, self.longest_seconds, self.sleep)
