"""How much entropy a source gives: the ten estimators of NIST SP 800-90B 6.3.

For the laboratory: they take up to a million samples that were kept for this and
for nothing else, and NumPy.  Each says an amount that the source does not exceed
if it is of the kind that the estimator knows; the least of them counts.  None can
tell that a source is good: the output of a generator whose seed somebody knows
passes them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gostkey.errors import SamplesError
from gostkey.primitives import Readable

from . import contexts, counts, strings, windows
from .samples import Samples, as_bits, as_symbols, width_of

__all__ = [
    "BITS_ONLY",
    "ENOUGH_SAMPLES",
    "ESTIMATORS",
    "MOST_BITS",
    "Assessment",
    "Estimate",
    "Estimator",
    "assess",
]

ENOUGH_SAMPLES = 1_000_000
"""A claim of validation needs so many (3.1.1); fewer give hints."""

MOST_BITS = 1_000_000
"""So many bits of the bit string are enough (3.1.3)."""

BITS_ONLY = "is for bits only"
"""Why three of the ten are not run on wider symbols."""


@dataclass(frozen=True)
class Estimator:
    """One of the ten."""

    name: str
    """As in JSON."""
    section: str
    """Of SP 800-90B."""
    run: Callable[[Samples], float]
    """Returns bits a symbol; raises SamplesError if it needs other samples."""
    bits_only: bool = False
    """Whether it is defined for symbols of one bit alone."""


ESTIMATORS = (
    Estimator("most_common_value", "6.3.1", counts.most_common_value),
    Estimator("collision", "6.3.2", counts.collision, True),
    Estimator("markov", "6.3.3", counts.markov, True),
    Estimator("compression", "6.3.4", counts.compression, True),
    Estimator("t_tuple", "6.3.5", strings.t_tuple),
    Estimator("lrs", "6.3.6", strings.longest_repeated_substring),
    Estimator("multi_mcw", "6.3.7", windows.multi_mcw),
    Estimator("lag", "6.3.8", windows.lag),
    Estimator("multi_mmc", "6.3.9", contexts.multi_mmc),
    Estimator("lz78y", "6.3.10", contexts.lz78y),
)
"""In the order of the standard."""


@dataclass(frozen=True)
class Estimate:
    """What one estimator says."""

    name: str
    bits: float | None
    """Bits of min-entropy a symbol (of the bit string: a bit); None if it could
    not be run."""
    reason: str = ""
    """Why it could not."""


@dataclass(frozen=True)
class Assessment:
    """What all of them say."""

    samples: int
    """How many samples there were."""
    width: int
    """Bits of a sample."""
    alphabet: int
    """Different samples that came."""
    bit_samples: int
    """Bits of the bit string that were used; 0 if it was not."""
    symbols: tuple[Estimate, ...]
    """For the samples as they are."""
    bit_string: tuple[Estimate, ...]
    """For the samples as bits; empty if they have only two values."""

    @property
    def from_symbols(self) -> float:
        """Bits a sample by the samples as they are."""
        return _least(self.symbols, float(self.width))

    @property
    def from_bits(self) -> float | None:
        """Bits a sample by the bit string; None if it was not used."""
        if not self.bit_string:
            return None
        return self.width * _least(self.bit_string, 1.0)

    @property
    def entropy(self) -> float:
        """Bits of min-entropy a sample: the lesser of both (3.1.3)."""
        by_bits = self.from_bits
        return self.from_symbols if by_bits is None else min(self.from_symbols, by_bits)


def assess(
    data: Readable,
    bits: int | None = None,
    *,
    most_bits: int | None = MOST_BITS,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> Assessment:
    """Run all estimators.

    A million samples of 8 bits take some ten seconds and some 250 MB.

    Args:
        data: one sample in each byte, in its low bits, in the order of sampling.
        bits: the width of a sample, 1 to 8; None for that of the widest one.
        most_bits: how many bits of the bit string to take; None for all.
        progress: called before each estimator with how many are done, how many
            there are, and the name of the one that begins.

    Raises:
        SamplesError: if there are no samples, all are equal, one is wider than
            *bits*, or the bits that are taken are all equal.
    """
    width = width_of(data, bits)
    symbols = as_symbols(data)
    two = symbols.alphabet == 2
    # Before anything that takes time: it may refuse them.
    string = None if two else as_bits(data, width, most_bits)
    steps = sum(two or not estimator.bits_only for estimator in ESTIMATORS)
    total = steps + (0 if two else len(ESTIMATORS))
    of_symbols = tuple(_run_all(symbols, progress, 0, total))
    if string is None:
        return Assessment(len(symbols), width, 2, 0, of_symbols, ())
    return Assessment(
        len(symbols),
        width,
        symbols.alphabet,
        len(string),
        of_symbols,
        tuple(_run_all(string, progress, steps, total)),
    )


def _run_all(
    samples: Samples,
    progress: Callable[[int, int, str], None],
    done: int,
    total: int,
) -> Iterator[Estimate]:
    for estimator in ESTIMATORS:
        if estimator.bits_only and samples.alphabet != 2:
            yield Estimate(estimator.name, None, BITS_ONLY)
            continue
        progress(done, total, estimator.name)
        done += 1
        try:
            yield Estimate(estimator.name, estimator.run(samples))
        except SamplesError as error:
            yield Estimate(estimator.name, None, str(error))


def _least(estimates: tuple[Estimate, ...], most: float) -> float:
    return min([most, *(found.bits for found in estimates if found.bits is not None)])
