"""Connections of a client to one HTTPS server: kept alive, several, with deadlines."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from gostkey.errors import TransportError

from ..deadlines import Deadline, TimedSocket, TooLong
from ..patience import Patience

LARGEST_ANSWER = 4 << 20
"""Bytes; the longest answer is a CRL."""
_LARGEST_WITH_HEAD = 2 * LARGEST_ANSWER
"""Bytes on the line, with head and the sizes of chunks.  http.client has no such bound:
it takes a chunk of the size -1 for all that ever comes."""


class GarbledAnswer(http.client.HTTPException):
    """What came is no answer, and http.client has no name for it."""


@dataclass(frozen=True)
class Reply:
    """An answer of the server."""

    status: int
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Address:
    """Where a server is."""

    host: str
    port: int
    path: str
    """Stands before the paths of the protocol; "" or begins with "/"."""

    @classmethod
    def of(cls, url: str) -> Address:
        """Read the address of an authority.

        Raises:
            TransportError: if it is not https://HOST, with a port and a path or not.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        fit = (
            parts.scheme == "https"
            and parts.hostname
            and parts.username is None
            and parts.password is None
            and not parts.query
            and not parts.fragment
            and url.isascii()
            and url.isprintable()
            and " " not in url
            and _can_be_looked_up(parts.hostname)
        )
        if not fit:
            # Not shown whole: there may be a password in it.
            raise TransportError(
                "address of the authority: must be https://HOST or "
                "https://HOST:PORT/PATH, without a name and password "
                "(these stand in a file, --url-auth-file)"
            )
        return cls(str(parts.hostname), port or 443, parts.path.rstrip("/"))

    @property
    def url(self) -> str:
        """The address in its one form."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == 443 else f":{self.port}"
        return f"https://{host}{port}{self.path}"


def _can_be_looked_up(host: str) -> bool:
    """Say whether a name of ASCII is one: no part is empty or over 63 characters."""
    try:
        # As the system's look-up will do it.
        host.encode("idna")
    except UnicodeError:
        return False
    return True


class _Connection(http.client.HTTPSConnection):
    """A connection whose answers have a deadline for all of their bytes."""

    def __init__(
        self, address: Address, tls: ssl.SSLContext, patience: Patience
    ) -> None:
        super().__init__(
            address.host, address.port, timeout=patience.connect, context=tls
        )
        deadline = Deadline()

        class Response(http.client.HTTPResponse):
            def __init__(self, sock: Any, *rest: Any, **more: Any) -> None:
                deadline.set(patience.answer)
                timed: Any = TimedSocket(sock, deadline, _LARGEST_WITH_HEAD)
                super().__init__(timed, *rest, **more)

        self.response_class = Response
        self._answer = patience.answer

    def connect(self) -> None:
        """Connect; what is sent then has the time of an answer."""
        super().connect()
        self.sock.settimeout(self._answer)


@dataclass
class Connections:
    """Some connections to one server, for several threads."""

    address: Address
    tls: ssl.SSLContext
    patience: Patience
    _idle: list[_Connection] = field(default_factory=list)
    _busy: set[_Connection] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request, and read the answer to its end.

        A kept connection that the server has closed meanwhile is replaced by a new
        one, once; so a request may go out twice.

        Raises:
            OSError, http.client.HTTPException: faults of the line.
            TransportError: if the answer is too long.
        """
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept is not None:
            try:
                return self._exchange(kept, method, path, body, headers)
            except (ConnectionError, http.client.BadStatusLine, ssl.SSLEOFError):
                pass
        fresh = _Connection(self.address, self.tls, self.patience)
        return self._exchange(fresh, method, path, body, headers)

    def close(self) -> None:
        """Close those that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            with contextlib.suppress(OSError):
                one.close()

    def cut(self) -> None:
        """Cut those that wait for an answer: their calls fail at once."""
        with self._lock:
            for one in self._busy:
                if one.sock is not None:
                    with contextlib.suppress(OSError):
                        # Not SSLSocket's, which may not be called beside a read.
                        socket.socket.shutdown(one.sock, socket.SHUT_RDWR)

    def _exchange(
        self,
        connection: _Connection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> Reply:
        with self._lock:
            self._busy.add(connection)
        try:
            if connection.sock is not None:
                connection.sock.settimeout(self.patience.answer)
            connection.request(
                method, self.address.path + path, body, dict(headers or {})
            )
            response, data = self._answer(connection)
            closes = response.will_close
        except BaseException:
            connection.close()
            raise
        finally:
            with self._lock:
                self._busy.discard(connection)
        if closes:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return Reply(response.status, response.headers, data)

    def _answer(
        self, connection: _Connection
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Read an answer to its end."""
        too_long = TransportError(
            f"{self.address.url}: its answer is longer than {LARGEST_ANSWER} bytes"
        )
        try:
            response = connection.getresponse()
            data = response.read(LARGEST_ANSWER + 1)
        except TooLong:
            raise too_long from None
        except ValueError as error:
            # Of a chunk with a size below zero.
            raise GarbledAnswer(str(error)) from error
        if len(data) > LARGEST_ANSWER:
            raise too_long
        if response.length:
            raise http.client.IncompleteRead(data, response.length)
        return response, data
