"""A virtual card in a reader of the real pcscd: the card's side of vpcd.

The reader's driver is a TCP server and the card its client.  Messages both ways are
a length (two bytes, big-endian) and a body; a body of one byte is 0 power off,
1 power on, 2 reset, 4 "your ATR?"; others are commands.  A card that goes away
closes its socket.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from cards.card import CardGone, VirtualCard

_ASK_ATR = 4

EMPTY_SECONDS = 1.0
"""How long a reader is empty when one card takes another's place: the service looks
two or three times a second."""


class Inserted(threading.Thread):
    """A card that is in the reader of that port until it is pulled.

    A card that goes away by itself (`pull_at`) leaves the reader empty; when
    another one takes its place (`swap_at`), that one is put in.
    """

    def __init__(self, card: VirtualCard, port: int, *, patience: float = 10) -> None:
        """Put it in; this waits until the reader takes it."""
        super().__init__(daemon=True, name=f"{card.KIND} at {port}")
        self.card = card
        self.port = port
        self.powered = False
        """The service has seen the card and put it under power."""
        self.emptied = 0.0
        """When the reader has become empty, by `time.monotonic`."""
        self._pulled = False
        self._changing = threading.Lock()
        self._next: VirtualCard | None = None
        self._socket = self._connect(patience)
        card.insert()
        card.on_swap = self._swap
        self.start()

    def _connect(self, patience: float) -> socket.socket:
        deadline = time.monotonic() + patience
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _swap(self, other: VirtualCard) -> None:
        self._next = other

    def pull(self) -> None:
        """Take out whatever card is in there now."""
        with self._changing:
            self._pulled = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.card.pull()

    def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, CardGone), self._socket:
                self._serve()
            self.emptied = time.monotonic()
            other = self._next
            if other is None or self._pulled:
                return
            self.card.on_swap, other.on_swap = None, self._swap
            self.card, self._next = other, None
            # The reader is to see that it was empty in between.
            time.sleep(EMPTY_SECONDS)
            try:
                connected = self._connect(10)
            except OSError:
                return
            with self._changing:
                self._socket = connected
                if self._pulled:
                    connected.close()
                    return

    def _serve(self) -> None:
        while True:
            body = self._receive(int.from_bytes(self._receive(2), "big"))
            if len(body) != 1:
                data, status = self.card.exchange(body)
                self._send(data + status.to_bytes(2, "big"))
            elif body[0] == _ASK_ATR:
                self._send(self.card.atr)
            else:
                self.card.power(body[0])
                self.powered |= body[0] == 1

    def _send(self, answer: bytes) -> None:
        self._socket.sendall(len(answer).to_bytes(2, "big") + answer)

    def _receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            # Not kept by the system: without it each command costs 40 ms.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise OSError("the reader is gone")
            data += piece
        return data
