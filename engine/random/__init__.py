"""Random bytes for keys, nonces and salts.

Each thread has its own generator (R 1323565.1.006-2017 over Streebog-512),
seeded from the system's generator, which alone carries the full strength, and
from whatever else was given with `add_input`.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

from gostkey.primitives import Readable, Writable

from . import generator as _generator
from .generator import Generator, Status
from .pool import Gathered
from .sources import SystemSource

__all__ = [
    "Generator",
    "ProcessStatus",
    "Status",
    "add_input",
    "fill",
    "for_worker",
    "from_parent",
    "generator",
    "status",
    "token",
]


@dataclass(frozen=True)
class ProcessStatus:
    """State of the random numbers of this process; holds no secret."""

    failure: str
    """Why no key can be made; empty while all is well."""
    generators: tuple[Status, ...]
    """Counters of each generator that is still there."""
    credited_bits: dict[str, int]
    """Bits credited to input besides the system's, by source."""


class _OfThread(threading.local):
    generator: Generator | None = None


_source = SystemSource()
_gathered = Gathered()
_of_thread = _OfThread()


def generator() -> Generator:
    """Return the generator of the calling thread; made at the first call."""
    mine = _of_thread.generator
    if mine is None:
        mine = _of_thread.generator = Generator(_source, _gathered)
    return mine


def token(n: int) -> bytes:
    """Return *n* random bytes, for salts, initial values and the like.

    Raises:
        GeneratorFailure: if the system's generator fails; no key may be made.
    """
    return generator().token(n)


def fill(out: Writable, *, reseed: bool = True) -> None:
    """Fill a buffer with random bytes, for keys: seeds again first.

    With *reseed* False it seeds only if it is due.

    Raises:
        GeneratorFailure: if the system's generator fails; no key may be made,
            and the buffer is all zero.
    """
    generator().fill(out, reseed=reseed)


def add_input(source: str, data: Readable, credited_bits: int) -> None:
    """Mix in bytes of another source; every generator seeds again after it.

    They can only add to the system's.  The caller has tested them.

    Args:
        source: "mouse", "keys", "gamma", "token", "jitter" or "parent".
        data: what was measured or read; not kept.
        credited_bits: entropy it counts for in reports.

    Raises:
        UnknownAlgorithm: if the source has another name.
        LengthError: if more bits are credited than there are.
    """
    _gathered.add(source, data, credited_bits)


def for_worker(number: int) -> bytearray:
    """Return 64 bytes that carry this process's input to a worker process.

    They come from the generator of the calling thread, which is seeded again for
    it, so every worker gets others.  Send them through a pipe, wipe them, and let
    the worker call `from_parent`.  A forked worker needs nothing of this.

    Args:
        number: of the worker; goes into the seed.

    Raises:
        GeneratorFailure: if the system's generator fails.
    """
    mine = generator()
    mine.reseed(b"worker %d" % number)
    handed = bytearray(64)
    mine.fill(handed, reseed=False)
    return handed


def from_parent(handed: Readable) -> None:
    """Mix in what the parent made with `for_worker`; every generator seeds again.

    It counts for nothing here: the report of it is the parent's.
    """
    _gathered.add("parent", handed, 0)


def status() -> ProcessStatus:
    """Say how the random numbers of this process are doing."""
    return ProcessStatus(
        failure=_source.failure,
        generators=tuple(
            sorted(
                (one.status for one in list(_generator._all)),
                key=lambda status: status.worker,
            )
        ),
        credited_bits=_gathered.credit,
    )


def _after_fork() -> None:
    _source.after_fork()
    _gathered.after_fork()
    _generator.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
