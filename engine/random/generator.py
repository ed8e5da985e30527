"""The generator of one thread: R 1323565.1.006-2017, seeded and reseeded.

Source of the construction: the package's design; of the generator itself
R 1323565.1.006-2017 over Streebog-512 (`gostkey.primitives.DrbgState`).
"""

from __future__ import annotations

import itertools
import os
import struct
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gostkey.backend import active
from gostkey.errors import LengthError
from gostkey.primitives import DrbgState, Generators, Writable

from .pool import Gathered, Mixer
from .sources import SystemSource

__all__ = ["Generator", "Status"]

OS_BYTES = 64
"""Bytes of the system's generator in every seed."""

LONGEST_SECONDS = 60
"""A seed is not used longer than that."""

MOST_BLOCKS = 1024
"""A seed does not give more blocks than that."""

_BLOCK = 64
# One block goes into the next seed.
_PIECE = (MOST_BLOCKS - 1) * _BLOCK

_READY = 8 * _BLOCK
"""Bytes made ahead for small requests: each would cost the block of a new seed."""

_CLOCK_STEP = 1.0
"""Seconds by which the two clocks may drift apart before it means that the
machine was stopped and set going again, perhaps twice from one snapshot."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_counter = itertools.count(1)
_workers = itertools.count(1)
_all: weakref.WeakSet[Generator] = weakref.WeakSet()


@dataclass(frozen=True)
class Status:
    """What a generator did; holds no secret."""

    worker: int
    """Number of the generator in this process."""
    reseeds: int
    """How often it was seeded."""
    bytes_given: int
    """Bytes that it gave out."""


class Generator:
    """A random generator with a lock of its own; one for each thread.

    Before it gives out anything it seeds itself again if the process is
    another one (fork), 60 seconds or 1024 blocks have passed, the clock jumped,
    or input was added; and always when `fill` is called, which is what makes
    keys.  Whenever bytes were made the seed is replaced by part of a block that
    nobody sees, and bytes made ahead are wiped as they are given out, so that
    what was given out before cannot be computed from what is in memory later.
    """

    def __init__(self, source: SystemSource, gathered: Gathered) -> None:
        self._source = source
        self._gathered = gathered
        self._lock = threading.Lock()
        self._state: DrbgState | None = None
        self._made_by: Generators | None = None
        self._worker = next(_workers)
        self._reseeds = 0
        self._bytes = 0
        self._previous = bytearray(_BLOCK)
        self._ready = bytearray(_READY)
        self._used = _READY
        self._stale = True
        self._pid = 0
        self._version = 0
        self._blocks = 0
        self._since = 0.0
        self._clocks_apart = 0.0
        _all.add(self)

    def __repr__(self) -> str:
        return f"<gostkey random generator {self._worker}, {self._reseeds} reseeds>"

    def __reduce__(self) -> str:
        raise TypeError("a random generator cannot be pickled: it holds secrets")

    @property
    def status(self) -> Status:
        """Counters of this generator."""
        return Status(self._worker, self._reseeds, self._bytes)

    def token(self, n: int) -> bytes:
        """Return *n* random bytes, for salts, initial values and the like.

        Raises:
            LengthError: if *n* is negative.
            GeneratorFailure: if the system's generator fails.
        """
        if n < 0:
            raise LengthError(f"n: {n} bytes; it cannot be negative")
        out = bytearray(n)
        self.fill(out, reseed=False)
        token = bytes(out)
        active.generators.wipe(out)
        return token

    def fill(self, out: Writable, *, reseed: bool = True) -> None:
        """Fill a buffer, after seeding again: for keys, one or a batch of them.

        Args:
            out: any contiguous writable buffer; large ones take one native call
                for each 64 KiB, with other threads running meanwhile.
            reseed: False to seed only if it is due, for what is not a key (more
                than 512 bytes at once are always of a new seed).

        Raises:
            GeneratorFailure: if the system's generator fails; the buffer is
                then all zero.
        """
        view = memoryview(out)
        if not view.nbytes:
            # cast refuses an array of no rows.
            return
        view = view.cast("B")
        with self._lock:
            try:
                if not reseed and len(view) <= _READY:
                    self._take(view)
                else:
                    for start in range(0, len(view), _PIECE):
                        self._seed(b"")
                        self._make(view[start : start + _PIECE])
                self._bytes += len(view)
            except BaseException:
                active.generators.wipe(view)
                raise

    def _take(self, view: memoryview) -> None:
        """Fill from the bytes made ahead, which are wiped as they go."""
        if self._is_due():
            self._seed(b"")
        length = len(view)
        if length > _READY - self._used:
            if self._blocks + _READY // _BLOCK + 1 > MOST_BLOCKS:
                self._seed(b"")
            self._make(memoryview(self._ready))
            self._used = 0
        start, end = self._used, self._used + length
        # First of all they count as used, whatever may interrupt the rest.
        self._used = end
        # A slice of the array itself would be a copy that nobody wipes.
        view[:] = memoryview(self._ready)[start:end]
        self._ready[start:end] = bytes(length)

    def _make(self, view: memoryview) -> None:
        assert self._state is not None
        self._state.fill(view)
        self._blocks += -(-len(view) // _BLOCK) + 1

    def reseed(self, context: bytes = b"") -> None:
        """Seed again now.

        Args:
            context: goes into the seed, for example the name of a batch.

        Raises:
            GeneratorFailure: if the system's generator fails.
        """
        with self._lock:
            self._seed(context)

    def wipe(self) -> None:
        """Overwrite the state; the next request seeds again."""
        with self._lock:
            self._drop()

    def _after_fork(self) -> None:
        # A thread that does not exist here may have been at work inside: its lock
        # stays locked, and it may have left the state half changed.
        if self._lock.locked():
            self._state = None
        self._lock = threading.Lock()
        self._stale = True

    def _is_due(self) -> bool:
        now = time.monotonic()
        return (
            self._stale
            or self._state is None
            or self._made_by is not active.generators
            or self._pid != os.getpid()
            or self._version != self._gathered.version
            or now - self._since >= LONGEST_SECONDS
            or abs(time.time() - now - self._clocks_apart) > _CLOCK_STEP
        )

    def _drop(self) -> None:
        self._stale = True
        active.generators.wipe(self._ready)
        self._used = _READY
        if self._state is not None:
            self._state.wipe()
        self._state = None

    def _seed(self, context: bytes) -> None:
        """Take a seed of everything there is; the system's bytes last.

        S = first 48 bytes of Streebog-512(tag | people's input | gamma | token |
        jitter | parent process | last block of the old state | context | system).
        """
        # Until this succeeds the old state must not be used again.
        self._stale = True
        active.generators.wipe(self._ready)
        self._used = _READY
        if self._state is not None:
            self._state.fill(self._previous)
        version = self._gathered.version
        mixer = Mixer()
        self._gathered.mix_into(mixer)
        mixer.add("previous", self._previous)
        mixer.add("context", self._context(context))
        system = self._source.draw(OS_BYTES)
        mixer.add("os", system)
        active.generators.wipe(system)
        active.generators.wipe(self._previous)
        seed = mixer.seed()
        if self._state is not None and self._made_by is active.generators:
            self._state.reseed(seed)
        else:
            self._drop()
            self._state = active.generators.drbg(seed)
            self._made_by = active.generators
        active.generators.wipe(seed)
        self._pid = os.getpid()
        self._version = version
        self._blocks = 0
        self._since = time.monotonic()
        self._clocks_apart = _clocks_apart()
        self._reseeds += 1
        self._stale = False

    def _context(self, batch: bytes) -> bytes:
        """Say who asks and when, so that no two seeds can be the same."""
        numbers = struct.pack(
            ">QQQQQ",
            os.getpid(),
            self._worker,
            next(_counter),
            time.time_ns(),
            time.monotonic_ns(),
        )
        return numbers + _boot_id() + batch


def _clocks_apart() -> float:
    return time.time() - time.monotonic()


_boot: tuple[float, bytes] = (-float(LONGEST_SECONDS), b"")


def _boot_id() -> bytes:
    """Return the machine's boot id, read at most once a minute; empty elsewhere."""
    global _boot
    now = time.monotonic()
    read_at, value = _boot
    if now - read_at >= LONGEST_SECONDS:
        with suppress(OSError):
            value = _BOOT_ID.read_bytes().strip()
        _boot = (now, value)
    return value


def after_fork() -> None:
    """Make every generator of the child seed itself anew."""
    for generator in list(_all):
        generator._after_fork()
