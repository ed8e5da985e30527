"""Tests that a source of random bytes must pass (NIST SP 800-90B 4.4).

They catch a source that is broken, not one that is weak: a stuck or much
repeated value.  Cutoffs are for 8-bit symbols that are said to have 8 bits of
entropy each, with a false alarm once in 2^30 symbols.
"""

from __future__ import annotations

import re

from gostkey.errors import GeneratorFailure
from gostkey.primitives import Readable

REPETITION_CUTOFF = 5
"""So many equal bytes in a row fail: 1 + ceil(30 / 8)."""

PROPORTION_WINDOW = 512
PROPORTION_CUTOFF = 16
"""So often the first byte of a window in that window fails:
1 + CRITBINOM(512, 2^-8, 1 - 2^-30)."""

STARTUP_SAMPLES = 1024
"""Bytes to test before the first key of a process; none of them is used."""

_REPETITION = re.compile(rb"(.)\1{%d}" % (REPETITION_CUTOFF - 1), re.DOTALL)


def check(data: Readable, source: str) -> None:
    """Test bytes that a source gave, from their first one on.

    Args:
        data: a whole number of windows for the proportion test; a shorter
            rest is tested as a window of its own, with the same cutoff.
        source: its name, for the message.

    Raises:
        GeneratorFailure: naming the source and the test that failed.
    """
    view = bytes(data)
    if _REPETITION.search(view):
        raise GeneratorFailure(
            f"random source {source!r} failed the repetition count test: "
            f"{REPETITION_CUTOFF} equal bytes in a row"
        )
    for start in range(0, len(view), PROPORTION_WINDOW):
        window = view[start : start + PROPORTION_WINDOW]
        if window.count(window[:1]) >= PROPORTION_CUTOFF:
            raise GeneratorFailure(
                f"random source {source!r} failed the adaptive proportion test: "
                f"a byte came {PROPORTION_CUTOFF} times or more in "
                f"{PROPORTION_WINDOW}"
            )
