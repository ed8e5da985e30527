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


class TooLong(Exception):
    """More came than may."""


class DeadlineReader(io.RawIOBase):
    """The bytes of a socket, up to a deadline; TimeoutError after it."""

    def __init__(
        self,
        connection: socket.socket,
        deadline: Deadline,
        most: float = float("inf"),
    ) -> None:
        """Take the socket; it can be closed before the reader is.

        Args:
            connection: is read from.
            deadline: of all that is read.
            most: bytes; `TooLong` is raised after them.
        """
        self._socket = connection
        # Counts as a user of the socket, which is closed when the last one is.
        self._raw = connection.makefile("rb", buffering=0)
        self._deadline = deadline
        self._left = most

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: object) -> int | None:
        """Read what is there, at most until the deadline."""
        self._socket.settimeout(self._deadline.left())
        count = self._raw.readinto(buffer)  # type: ignore[arg-type]
        self._left -= count or 0
        if self._left < 0:
            raise TooLong
        return count

    def close(self) -> None:
        """Let the socket go."""
        if not self.closed:
            self._raw.close()
        super().close()


class TimedSocket:
    """What http.client reads an answer from: its file has a deadline and an end."""

    def __init__(
        self, connection: socket.socket, deadline: Deadline, most: float
    ) -> None:
        """Take the socket, and how many bytes an answer may have with its head."""
        self._socket = connection
        self._deadline = deadline
        self._most = most

    def makefile(self, mode: str) -> io.BufferedReader:
        """Open it for reading; *mode* is "rb"."""
        reader = DeadlineReader(self._socket, self._deadline, self._most)
        return io.BufferedReader(reader)
