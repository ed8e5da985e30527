"""What a transport may offer besides, where answers are collected many at once.

A folder is looked into again and again for nothing; a mailbox is asked over a line.
So the steps say which answers they wait for, before they ask for each, and which ones
they have safely, so that these can be put away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from .transport import Pending, Transport


@runtime_checkable
class Collecting(Protocol):
    """A transport that collects answers for many requests in one go."""

    def expect(self, pendings: Sequence[Pending]) -> None:
        """Collect what has come for these requests; `fetch` then gives it.

        Raises:
            GostKeyError: if nothing can be collected now.
        """

    def settle(self, request_ids: Iterable[str]) -> None:
        """Put away what came for these requests: the journal has what came of it."""


@runtime_checkable
class TrustBringing(Protocol):
    """A transport whose answers may bring CRLs with them."""

    def has_new_trust(self) -> bool:
        """Say whether `trust` would give more than it gave last."""


@runtime_checkable
class Slow(Protocol):
    """A transport that may need minutes for a request, and does some side by side."""

    together: int
    """Requests that are handed to it at once.  What came of them is journalled before
    the next ones go, so that a run that is killed meanwhile sends few of them again;
    and a watch tells systemd that it is alive, so together they may not take longer
    than its WatchdogSec, however slow the other side is."""


@runtime_checkable
class Resting(Protocol):
    """A transport that keeps what others may need while nothing is handed to it."""

    def rest(self) -> None:
        """Give that back; the next chunk's keys are made before anything comes."""


@runtime_checkable
class Closable(Protocol):
    """A transport that holds something open: a line to a server, or a key."""

    def close(self) -> None:
        """Leave the servers and wipe the key, until they are needed again."""


@contextmanager
def leaving(transport: Transport) -> Iterator[None]:
    """Have the transport close what it holds open at the end of a run."""
    try:
        yield
    finally:
        if isinstance(transport, Closable):
            transport.close()
