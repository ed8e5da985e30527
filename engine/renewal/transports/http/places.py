"""Places for a server's connections: one that is idle makes room for a newcomer."""

from __future__ import annotations

import contextlib
import socket
import threading
import time


class Places:
    """So many connections at once; for several threads."""

    def __init__(self, count: int) -> None:
        """Begin with all places free."""
        self._free = count
        # The one that has been idle longest comes first.
        self._idle: dict[socket.socket, None] = {}
        self._changed = threading.Condition()

    def take(self, seconds: float) -> bool:
        """Take a place; if none is free, cut the connection that is idle longest.

        Args:
            seconds: to wait for a place, if no connection is idle either.

        Returns:
            False if there was none.
        """
        end = time.monotonic() + seconds
        has_cut = False
        with self._changed:
            while not self._free:
                has_cut = has_cut or self._cut_longest_idle()
                if not self._changed.wait(end - time.monotonic()):
                    return False
            self._free -= 1
            return True

    def give_back(self) -> None:
        """Free the place of a connection that has ended."""
        with self._changed:
            self._free += 1
            self._changed.notify_all()

    def begin_idling(self, connection: socket.socket) -> None:
        """Let a connection wait for a request; it may be cut while it does."""
        with self._changed:
            self._idle[connection] = None
            self._changed.notify_all()

    def end_idling(self, connection: socket.socket) -> bool:
        """Keep a connection from being cut; False if that has been done."""
        with self._changed:
            if connection not in self._idle:
                return False
            del self._idle[connection]
            return True

    def _cut_longest_idle(self) -> bool:
        if not self._idle:
            return False
        one = next(iter(self._idle))
        del self._idle[one]
        cut(one)
        return True


def cut(connection: socket.socket) -> None:
    """Cut a connection that another thread reads from: it then ends."""
    with contextlib.suppress(OSError):
        # Not SSLSocket's, which may not be called beside a read.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
