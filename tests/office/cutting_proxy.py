"""A way to a server that is cut after so many bytes, a few times; then it holds."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from types import TracebackType


class CuttingProxy:
    """Hands bytes on between a client and a server; a context that ends it."""

    def __init__(self, port: int, cuts: Sequence[int]) -> None:
        """Listen on a free port of this machine.

        Args:
            port: of the real server.
            cuts: for the first connections, after how many bytes from the server
                each is cut; later ones are left alone.
        """
        self._to = port
        self.cuts = list(cuts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            left = self.cuts.pop(0) if self.cuts else None
            server = socket.create_connection(("127.0.0.1", self._to))
            for one, other, most in ((client, server, None), (server, client, left)):
                threading.Thread(
                    target=_hand_on, args=(one, other, most), daemon=True
                ).start()


def _hand_on(one: socket.socket, other: socket.socket, left: int | None) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(4096):
            if left is not None and len(data) >= left:
                other.sendall(data[:left])
                break
            other.sendall(data)
            left = None if left is None else left - len(data)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
