"""What is assessed: symbols as they were sampled, and as a string of bits."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gostkey.errors import SamplesError
from gostkey.primitives import Readable

from .suffixes import Suffixes, order_suffixes

__all__ = ["Samples", "as_bits", "as_symbols", "width_of"]


class Samples:
    """A sequence of symbols 0..k-1, each of which comes at least once."""

    def __init__(self, symbols: NDArray[np.uint8], alphabet: int) -> None:
        self.symbols = symbols
        """One symbol in each element."""
        self.alphabet = alphabet
        """How many different symbols there are, k."""

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def suffixes(self) -> Suffixes:
        """Where what is repeated; four of the estimators look things up in it."""
        return order_suffixes(self.symbols, self.alphabet)


def width_of(data: Readable, bits: int | None) -> int:
    """Return how many bits wide the samples are, after checking them.

    Args:
        data: one sample in each byte, in its low bits.
        bits: what is said of the width, 1 to 8; None to take the width of the
            widest sample.

    Raises:
        SamplesError: if there are none, all are equal, or one is wider.
    """
    raw = np.frombuffer(data, np.uint8)
    if not len(raw):
        raise SamplesError("there are no samples: the data are empty")
    if bits is not None and not 1 <= bits <= 8:
        raise SamplesError(f"bits: {bits} for a sample; 1 to 8 is possible")
    present = np.flatnonzero(np.bincount(raw, minlength=256))
    found = max(1, int(present[-1]).bit_length())
    if bits is not None and found > bits:
        place = int(np.argmax(raw >= 1 << bits))
        raise SamplesError(
            f"sample {place} is {raw[place]}, which is wider than {bits} "
            f"{'bit' if bits == 1 else 'bits'}; the widest one has {found}"
        )
    if len(raw) < 2:
        raise SamplesError("there is one sample only; two or more are needed")
    if len(present) == 1:
        raise SamplesError(
            f"all samples are equal ({present[0]}): the source has no entropy at all"
        )
    return bits or found


def as_symbols(data: Readable) -> Samples:
    """Number the different samples from 0 on, in their order.

    As the standard's authors do (3.1.3): what does not come is not counted in k.
    """
    raw = np.frombuffer(data, np.uint8)
    present = np.bincount(raw, minlength=256) > 0
    numbers = (np.cumsum(present) - 1).astype(np.uint8)
    return Samples(numbers[raw], int(present.sum()))


def as_bits(data: Readable, bits: int, most: int | None) -> Samples:
    """Lay the samples end to end as bits, the highest one of each first.

    Args:
        data: one sample in each byte.
        bits: the width of a sample.
        most: how many bits to take; None for all.

    Raises:
        SamplesError: if the bits that were taken are all equal.
    """
    raw = np.frombuffer(data, np.uint8)
    if most is not None:
        raw = raw[: -(-most // bits)]
    string = np.unpackbits(raw[:, None], axis=1)[:, 8 - bits :].reshape(-1)
    if most is not None:
        string = string[:most]
    if string.min() == string.max():
        raise SamplesError(
            f"the first {len(string)} bits are all {string[0]}: "
            "they have no entropy at all"
        )
    return Samples(np.ascontiguousarray(string), 2)
