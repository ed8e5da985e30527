"""From the records of a pair into the generators of this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gostkey.primitives import Readable
from gostkey.random import add_input

from .pair import GammaPair

BITS = 256
"""Entropy of a record from a maker that policy trusts."""


@dataclass(frozen=True, slots=True)
class Fed:
    """What was mixed in, for a campaign's journal; holds no secret."""

    before: int
    after: int
    credited_bits: int
    salted_hashes: tuple[str, ...]

    def record(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "before": self.before,
            "after": self.after,
            "credited_bits": self.credited_bits,
            "hashes": list(self.salted_hashes),
        }


class GammaFeed:
    """Mixes records into the seed: one for each key that is about to be made.

    Args:
        pair: an open pair, which stays the caller's to close.
        trusted: whether policy trusts the maker of the pair: 256 bits are
            credited for each record then, else none.
        add: what takes the bytes; `gostkey.random.add_input`.
    """

    def __init__(
        self,
        pair: GammaPair,
        *,
        trusted: bool = False,
        add: Callable[[str, Readable, int], None] = add_input,
    ) -> None:
        self.pair = pair
        self.trusted = trusted
        self._add = add

    def require(self, keys: int) -> None:
        """Make sure before a batch that its gamma is there, 10 % more included.

        Raises:
            GammaExhausted: if it is not.
        """
        self.pair.require(keys)

    def feed(self, keys: int) -> Fed:
        """Take a record for each key and mix them in; they are wiped then.

        Raises:
            GammaExhausted, GammaError, MediumError: as `GammaPair.take`.
        """
        taken = self.pair.take(keys)
        bits = BITS * keys if self.trusted else 0
        try:
            self._add("gamma", taken.data, bits)
        finally:
            taken.wipe()
        return Fed(taken.before, taken.after, bits, tuple(taken.salted_hashes))
