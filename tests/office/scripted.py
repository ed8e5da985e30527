"""What servers that misbehave when told to have in common."""

from __future__ import annotations

import socketserver
import threading
from types import TracebackType


class Scripted(socketserver.ThreadingTCPServer):
    """A server on a free port of this machine; a context that ends it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, session: type[socketserver.StreamRequestHandler]) -> None:
        """Listen; *session* talks to whoever connects."""
        super().__init__(("127.0.0.1", 0), session)
        self.sessions = 0
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        self.server_close()
