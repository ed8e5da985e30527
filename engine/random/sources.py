"""The operating system's generator: always used, and never in doubt.

If it fails in any way this process makes no more keys: what can be mixed in
besides it (`pool`) only adds.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from gostkey.backend import active
from gostkey.errors import GeneratorFailure

from . import health

__all__ = ["SystemSource", "read_system"]

_PIECE = 256
"""getrandom(2) gives so many bytes whole, whatever signals come."""


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
        self._last = 0

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
                    sample = self._collect(health.STARTUP_SAMPLES)
                    health.check(sample, "os")
                    active.generators.wipe(sample)
                    self._tested_in = os.getpid()
                drawn = self._collect(count)
                self._compare(drawn)
                return drawn
            except GeneratorFailure as error:
                self._failure = str(error)
                raise

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
        """Refuse bytes all equal, and the same bytes twice running.

        The start-up test's cutoffs are not used here: over the millions of
        draws of a long batch they would raise a false alarm.
        """
        if len(drawn) >= 16:
            if drawn.count(drawn[0]) == len(drawn):
                raise GeneratorFailure(
                    "random source 'os' gave one byte over and over; no key can be made"
                )
            # A 64-bit fingerprint: enough to notice, too little to keep.
            fingerprint = hash(bytes(drawn))
            if fingerprint == self._last:
                raise GeneratorFailure(
                    "random source 'os' gave the same bytes twice; no key can be made"
                )
            self._last = fingerprint
