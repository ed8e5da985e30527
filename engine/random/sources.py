"""The operating system's generator: always used, and never in doubt.

If it fails in any way this process makes no more keys: what can be mixed in
besides it (`pool`) only adds.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable

from gostkey.backend import active
from gostkey.errors import GeneratorFailure, HealthFailure

from . import health

__all__ = ["SystemSource", "read_system"]

_PIECE = 256
"""getrandom(2) gives so many bytes whole, whatever signals come."""

CONTINUOUS_ALPHA = 40
"""False alarms of the continuous tests: once in 2^40 symbols.

A false alarm stops a whole campaign, so it must be rarer than other mishaps.  A
million keys with three seeds of 64 bytes each are 2e8 = 2^27.5 symbols and 2^18.5
windows.  Six equal bytes in a row come by chance at a given place in 2^-40, so in
2^-12.5 = 1 of 5700 such campaigns; 19 of 512 in less than 2^-21 of them.  At 2^-30
as at the start (5 in a row, in truth 2^-32) one campaign in 23 would stop.
What is given away is small: a source that sticks is seen one byte later.
"""


def read_system(count: int) -> bytes:
    """Ask the system's generator once.

    getrandom with flags 0 waits until the kernel's generator is seeded and
    never again; where it is absent (Windows, macOS) os.urandom is as good.
    """
    if hasattr(os, "getrandom"):
        return os.getrandom(count, 0)
    return os.urandom(count)


class SystemSource:
    """The system's generator with its tests.

    A failure is for good: every later call raises it again.
    """

    def __init__(self, read: Callable[[int], bytes] = read_system) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._failure = ""
        self._tested_in = 0
        self._tests = _new_tests()
        self._last = b""

    @property
    def failure(self) -> str:
        """Why no more keys can be made; empty while all is well."""
        return self._failure

    def after_fork(self) -> None:
        """Take a new lock: the old one may be held by a thread left behind."""
        self._lock = threading.Lock()

    def draw(self, count: int) -> bytearray:
        """Return *count* bytes, after the start-up test of this process.

        Raises:
            GeneratorFailure: if the source fails, gives too few bytes, gives
                the same ones again, or does not pass its tests.
        """
        with self._lock:
            if self._failure:
                raise GeneratorFailure(self._failure)
            try:
                if self._tested_in != os.getpid():
                    self._test_start()
                return self._draw_tested(count)
            except GeneratorFailure as error:
                self._failure = str(error)
                raise

    def _test_start(self) -> None:
        """Test the source in this process, on bytes that are used for nothing."""
        sample = self._collect(health.STARTUP_SAMPLES)
        try:
            health.check(sample, "os")
        finally:
            active.generators.wipe(sample)
        # After a fork what the parent saw is no more part of this sequence.
        self._tests = _new_tests()
        self._tested_in = os.getpid()

    def _draw_tested(self, count: int) -> bytearray:
        drawn = self._collect(count)
        try:
            self._tests.feed(drawn)
            self._compare(drawn)
        except HealthFailure as error:
            active.generators.wipe(drawn)
            raise GeneratorFailure(f"{error}; no key can be made") from None
        except GeneratorFailure:
            active.generators.wipe(drawn)
            raise
        return drawn

    def _collect(self, count: int) -> bytearray:
        drawn = bytearray()
        while len(drawn) < count:
            wanted = min(_PIECE, count - len(drawn))
            try:
                piece = self._read(wanted)
            except Exception as error:
                raise GeneratorFailure(
                    f"random source 'os' failed: {error}; no key can be made"
                ) from error
            if len(piece) != wanted:
                raise GeneratorFailure(
                    f"random source 'os' gave {len(piece)} bytes of {wanted}; "
                    "no key can be made"
                )
            drawn += piece
        return drawn

    def _compare(self, drawn: bytearray) -> None:
        """Refuse the same bytes twice running, which no count of symbols sees."""
        if len(drawn) >= 16:
            # A 64-bit fingerprint: enough to notice, too little to keep.
            # Read where it is: `bytes(drawn)` would be a copy that nobody can wipe.
            fingerprint = hashlib.blake2b(drawn, digest_size=8).digest()
            if fingerprint == self._last:
                raise GeneratorFailure(
                    "random source 'os' gave the same bytes twice; no key can be made"
                )
            self._last = fingerprint


def _new_tests() -> health.Continuous:
    return health.Continuous("os", 8, alpha_log2=CONTINUOUS_ALPHA)
