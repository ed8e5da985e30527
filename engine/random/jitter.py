"""Clock jitter of the machine: mixed in, and credited with nothing.

Method: a loop touches a byte of a block of memory that is larger than the first
caches, at a place that depends on how long the turn before took, puts a checksum
of what lies there back into the block, and reads the clock.  What is collected
is the time of each turn, whole: caches, interrupts, other programs and the
frequency of the processor make it vary.  How much of that an observer could
foretell is not known, hence no credit.

The times go through the tests of NIST SP 800-90B 4.4 with the lowest rate of
entropy they are used with, 1/8 bit a sample: a clock that stands still or steps
evenly is found and named, a coarse one (100 ns on Windows) is not an error.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable

from gostkey.backend import active
from gostkey.errors import HealthFailure

from .health import Continuous

__all__ = ["SAMPLES", "collect", "mix_in"]

SAMPLES = 1024
"""Turns of the loop: about a millisecond, and the start-up length of the tests."""

_ENTROPY = 0.125
"""Bits a sample that the tests are set for; nothing is credited for them."""

_MEMORY = 1 << 18
_PIECE = 64
_TIME = struct.Struct(">Q")

Clock = Callable[[], int]


def collect(
    samples: int = SAMPLES, *, clock: Clock = time.perf_counter_ns
) -> bytearray:
    """Measure the turns of the loop.

    Args:
        samples: how many.
        clock: gives nanoseconds; for tests.

    Returns:
        8 bytes a sample, the nanoseconds of a turn, big-endian.  The caller
        wipes them.

    Raises:
        HealthFailure: if the clock stands still, steps evenly or runs back.
    """
    measured = _measure(samples, clock)
    try:
        _test(measured)
    except HealthFailure:
        active.generators.wipe(measured)
        raise
    return measured


def mix_in(samples: int = SAMPLES, *, clock: Clock = time.perf_counter_ns) -> str:
    """Measure, and add it to the input of every generator with credit 0.

    Returns:
        What is wrong with the clock, for the report; empty while all is well.
        What was measured is mixed in all the same: it can only add.
    """
    from . import add_input

    measured = _measure(samples, clock)
    try:
        _test(measured)
        return ""
    except HealthFailure as failure:
        return str(failure)
    finally:
        add_input("jitter", measured, 0)
        active.generators.wipe(measured)


def _measure(samples: int, clock: Clock) -> bytearray:
    measured = bytearray(samples * _TIME.size)
    memory = bytearray(_MEMORY)
    place = 0
    before = clock()
    for index in range(samples):
        checksum = zlib.crc32(memory[place : place + _PIECE], before & 0xFFFFFFFF)
        memory[place] = checksum & 0xFF
        now = clock()
        # A clock that runs back gives a number that no turn can last.
        turn = (now - before) & 0xFFFF_FFFF_FFFF_FFFF
        _TIME.pack_into(measured, index * _TIME.size, turn)
        place = (place + (checksum ^ turn) * _PIECE) % _MEMORY
        before = now
    active.generators.wipe(memory)
    return measured


def _test(measured: bytearray) -> None:
    # The top bit of a turn is set only if the clock ran back.
    if any(measured[:: _TIME.size]):
        raise HealthFailure(
            "random source 'jitter': the clock ran back; it is not used as a source"
        )
    tests = Continuous("jitter", _ENTROPY)
    tests.feed(measured[_TIME.size - 1 :: _TIME.size])
