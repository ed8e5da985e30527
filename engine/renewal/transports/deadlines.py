"""Reading from a socket up to a moment, however slowly the bytes come.

A socket's own time-out begins anew with every byte, so a peer that sends one now and
then could hold a reader for ever.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable


class Deadline:
    """A moment by which something must be done."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without one: nothing may be waited for until `set`."""
        self._clock = clock
        self._end = clock()

    def set(self, seconds: float) -> None:
        """Let it be so many seconds from now."""
        self._end = self._clock() + seconds

    def more(self, seconds: float) -> None:
        """Put it off by so many seconds."""
        self._end += seconds

    def left(self) -> float:
        """Give the seconds that are left.

        Raises:
            TimeoutError: if none are.
        """
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class DeadlineReader(io.RawIOBase):
    """The bytes of a socket, up to a deadline; TimeoutError after it."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        """Take the socket; it can be closed before the reader is."""
        self._socket = connection
        # Counts as a user of the socket, which is closed when the last one is.
        self._raw = connection.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: object) -> int | None:
        """Read what is there, at most until the deadline."""
        self._socket.settimeout(self._deadline.left())
        return self._raw.readinto(buffer)  # type: ignore[arg-type]

    def close(self) -> None:
        """Let the socket go."""
        if not self.closed:
            self._raw.close()
        super().close()


class TimedSocket:
    """What http.client reads an answer from: a socket whose file has a deadline."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        """Take the socket."""
        self._socket = connection
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        """Open it for reading; *mode* is "rb"."""
        return io.BufferedReader(DeadlineReader(self._socket, self._deadline))
