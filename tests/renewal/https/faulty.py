"""A TLS server that answers as it is told, for a client to bear."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Asked:
    """What a client sent."""

    number: int
    method: str
    path: str
    head: str
    body: bytes


Behave = Callable[[Asked, ssl.SSLSocket], None]


@dataclass
class Faulty:
    """The server; *behave* writes to the connection what it likes."""

    behave: Behave
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    """Connections that are over."""


def reply(
    status: int = 200,
    body: bytes = b"",
    kind: str = "application/pkcs7-mime",
    **headers: str,
) -> bytes:
    """Make a whole answer."""
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def cut(connection: ssl.SSLSocket) -> None:
    """Cut a connection, whoever else has it open."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


@contextmanager
def serving(tls: ssl.SSLContext, behave: Behave) -> Iterator[Faulty]:
    """Run the server until the body is done."""
    listener = socket.create_server(("127.0.0.1", 0))
    one = Faulty(behave, f"https://127.0.0.1:{listener.getsockname()[1]}")
    over = threading.Event()
    counting = threading.Lock()

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            one.connections += 1
            threading.Thread(target=hear, args=(connection,), daemon=True).start()

    def hear(connection: socket.socket) -> None:
        try:
            talk(connection)
        finally:
            with counting:
                one.ended += 1

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            secured = tls.wrap_socket(connection, server_side=True)
            with secured, secured.makefile("rb") as file:
                while True:
                    lines = []
                    while (line := file.readline().decode("latin-1").strip()) != "":
                        lines.append(line)
                    if not lines:
                        return
                    method, path, _ = lines[0].split(" ")
                    head = "\n".join(lines[1:])
                    length = 0
                    for stated in lines[1:]:
                        if stated.lower().startswith("content-length:"):
                            length = int(stated.split(":")[1])
                    body = file.read(length)
                    asked = Asked(len(one.asked), method, path, head, body)
                    one.asked.append(asked)
                    one.behave(asked, secured)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        over.set()
        # close() alone would not wake the thread that accepts.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
