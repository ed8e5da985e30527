"""The authority's HTTPS server: bounded, and not to be held up by slow clients.

A thread a connection, so many at most; each request has a size and a moment by which
it must be there, each connection a time it may be idle.  What a client may not do is
told as an application/problem+json (`protocol`).

On http.server of the standard library, which is enough for trials and closed networks,
as the authority itself is; put a proxy that ends TLS in front of it elsewhere.
"""

from __future__ import annotations

import contextlib
import hmac
import io
import logging
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from gostkey.errors import CannotServe, EncodingError, GostKeyError, RequestRefused
from gostkey.pki.bundles import certs_only

from ..deadlines import Deadline, DeadlineReader
from ..words import plain
from . import protocol
from .desk import Desk, Later
from .places import Places, cut
from .protocol import Code, problem

log = logging.getLogger(__name__)

_LARGEST_DRAINED = 4 * protocol.LARGEST_REQUEST
"""Bytes of a refused body that are read and thrown away."""
_DRAINING = 2.0
"""Seconds for that: who was told no has no longer to send the rest."""


@dataclass(frozen=True)
class Limits:
    """What one server bears; times in seconds."""

    connections: int = 64
    """At once.  One more takes the place of the one that is idle longest."""
    wait: float = 2.0
    """How long a connection waits, if none is idle; then it is closed."""
    idle: float = 30.0
    """How long a connection may be kept without a request, if there are places."""
    request: float = 20.0
    """From a request's first byte to its last; also for the TLS handshake."""
    issue: float = 30.0
    """How long a request waits for its certificate."""


class Server:
    """An HTTPS server in threads of its own; a context manager."""

    def __init__(
        self,
        desk: Desk,
        address: tuple[str, int],
        tls: ssl.SSLContext,
        *,
        limits: Limits = Limits(),  # noqa: B008  frozen
        accounts: Iterable[str] = (),
        on_answer: Callable[[str, str], None] = lambda client, what: None,
    ) -> None:
        """Listen.

        Args:
            desk: answers; must outlive the server.
            address: host and port; port 0 takes a free one.
            tls: of the server.
            accounts: values of the header Authorization that may send requests;
                everybody may if there are none.
            on_answer: is told of every request that was decided or could not be
                taken, from many threads: the client's address, and what it got.

        Raises:
            CannotServe: if nobody can listen there.
        """
        host, port = address
        try:
            self._server = _Threads(address, _Handler, limits, tls)
        except OSError as error:
            raise CannotServe(
                f"{host}:{port}: cannot be listened on: {error.strerror or error}; "
                "choose another --https ADDRESS:PORT"
            ) from error
        self._server.desk = desk
        self._server.accounts = tuple(accounts)
        self._server.on_answer = on_answer
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), daemon=True
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Server:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop: no new connection, and those that are there are cut."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.cut_all()


class _Threads(socketserver.ThreadingMixIn, HTTPServer):
    """Threads as connections come, within limits; TLS begins in the thread."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    desk: Desk
    accounts: tuple[str, ...]
    on_answer: Callable[[str, str], None]

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        limits: Limits,
        tls: ssl.SSLContext,
    ) -> None:
        host = address[0]
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.limits = limits
        self._tls = tls
        self.places = Places(limits.connections)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind; unlike HTTPServer's, without asking for the host's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), 0

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or close it if there are too many."""
        if not self.places.take(self.limits.wait):
            log.debug("%s: too many connections", client_address)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.places.give_back()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.places.give_back()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Begin TLS, and answer what comes through it."""
        request.settimeout(self.limits.request)
        with contextlib.suppress(OSError):
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secured = self._tls.wrap_socket(
            request, server_side=True, do_handshake_on_connect=False
        )
        with self._lock:
            self._open.add(secured)
        try:
            secured.do_handshake()
            super().finish_request(secured, client_address)
        finally:
            with self._lock:
                self._open.discard(secured)
            secured.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note a connection that broke; clients do such things all the time."""
        log.debug("%s", client_address, exc_info=True)

    def cut_all(self) -> None:
        """Cut the connections that are open; their threads then end."""
        with self._lock:
            for one in self._open:
                cut(one)


class _Handler(BaseHTTPRequestHandler):
    """One connection: any number of requests, one after the other."""

    protocol_version = "HTTP/1.1"
    server_version = "gostkey"
    sys_version = ""
    server: _Threads

    def setup(self) -> None:
        """Read with deadlines, write with a time-out."""
        self._deadline = Deadline()
        self._deadline.set(self.server.limits.idle)
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(DeadlineReader(self.connection, self._deadline))

    def handle_one_request(self) -> None:
        """Wait for a request while the connection may be idle; then be quick."""
        self.close_connection = True
        try:
            if not self._comes():
                return
            self._deadline.set(self.server.limits.request)
            super().handle_one_request()
        except OSError as error:
            self.close_connection = True
            log.debug("%s: %s", self.client_address[0], error)

    def _comes(self) -> bool:
        """Wait for a request; False if none comes, or another needs the place."""
        self._deadline.set(self.server.limits.idle)
        self.server.places.begin_idling(self.connection)
        try:
            came = bool(self.rfile.peek(1))  # type: ignore[attr-defined]
        finally:
            kept = self.server.places.end_idling(self.connection)
        return came and kept

    def parse_request(self) -> bool:
        """Read the head; refuse one that others may take for another request.

        Where a proxy sees one request and this server two, somebody else's answer
        would go to the client: request smuggling (RFC 9112 11.2).
        """
        if not super().parse_request():
            return False
        doubtful = ""
        if self.headers.defects:
            doubtful = "a line of the head is no header"
        elif len(self.headers.get_all("Content-Length", [])) > 1:
            doubtful = "the body's length is stated twice"
        elif self.command == "GET" and "Transfer-Encoding" in self.headers:
            doubtful = "a GET has no body here"
        if doubtful:
            self._hang_up(400, Code.BAD_REQUEST, doubtful)
        return not doubtful

    def do_GET(self) -> None:
        """Give the authority's certificate or CRL."""
        path = self.path.partition("?")[0]
        # A body that nobody reads would be taken for the next request.
        if self.headers.get("Content-Length", "0") != "0":
            self.close_connection = True
        if path == protocol.CACERTS:
            bundle = certs_only([self.server.desk.certificate])
            self._send_base64(protocol.CERTS_ONLY, bundle)
        elif path == protocol.CRL:
            try:
                crl = self.server.desk.crl()
            except GostKeyError as error:
                self._unavailable(error)
                return
            self._send(200, protocol.CRL_TYPE, crl)
        elif path == protocol.REENROLL:
            self._refuse(405, Code.METHOD, f"{path}: takes POST only", Allow="POST")
        else:
            self._refuse(404, Code.NOT_FOUND, "there is nothing here")

    def do_POST(self) -> None:
        """Answer a renewal request."""
        path = self.path.partition("?")[0]
        if path != protocol.REENROLL:
            self._turn_away(404, Code.NOT_FOUND, "there is nothing to send here")
            return
        if not self._may_send():
            self._turn_away(
                401,
                Code.UNAUTHORIZED,
                "this authority wants a name and a password, or a token",
                **{"WWW-Authenticate": 'Basic realm="gostkey"'},
            )
            return
        body = self._body()
        if body is not None:
            self._reenroll(body)

    def send_error(
        self, code: int, message: str | None = None, explain: str | None = None
    ) -> None:
        """Tell in our form what http.server refuses by itself."""
        kind = Code.METHOD if code == 501 else Code.BAD_REQUEST
        status = 405 if code == 501 else code
        headers = {"Allow": "GET, POST"} if code == 501 else {}
        self._hang_up(status, kind, plain(message or str(code)), **headers)

    def log_message(self, format: str, *args: Any) -> None:
        """Note each request for those who look for a fault."""
        log.debug("%s %s", self.client_address[0], format % args)

    # -- parts --------------------------------------------------------------

    def _may_send(self) -> bool:
        accounts = self.server.accounts
        given = self.headers.get("Authorization", "").strip().encode("utf-8", "replace")
        # All are compared, so that the time does not tell which one was near.
        found = [hmac.compare_digest(given, one.encode("utf-8")) for one in accounts]
        return not accounts or any(found)

    def _length(self) -> int | None:
        """Read the length of the body; None if it is not stated, or not so."""
        stated = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (
            stated.isascii() and stated.isdigit()
        ):
            return None
        # However many digits there are: int() takes only so many.
        return int(stated.lstrip("0")[:12] or "0")

    def _body(self) -> bytes | None:
        """Read the body, or refuse it."""
        length = self._length()
        if length is None:
            self._hang_up(411, Code.LENGTH_NEEDED, "the body's length must be stated")
            return None
        if length > protocol.LARGEST_REQUEST:
            self._turn_away(
                413,
                Code.TOO_LARGE,
                f"the body has {length} bytes; at most {protocol.LARGEST_REQUEST}",
            )
            return None
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return None
        return body

    def _reenroll(self, body: bytes) -> None:
        kind = protocol.media_type(self.headers.get("Content-Type"))
        if kind == protocol.PKCS10_TYPE:
            self._refuse(
                403,
                Code.PROOF_NEEDED,
                "a bare PKCS#10 does not prove the old key; send it in a CMS signed "
                f"with that key, as {protocol.CMS_TYPE}",
            )
            return
        if kind not in (protocol.CMS_TYPE, "application/x-pkcs7-mime", ""):
            self._refuse(
                415,
                Code.WRONG_TYPE,
                f"a request is {protocol.CMS_TYPE}, not {plain(kind)}",
            )
            return
        try:
            request = protocol.from_base64(body)
            answer = self.server.desk.answer(request, self.server.limits.issue)
        except EncodingError as error:
            self._refuse(400, Code.UNREADABLE, str(error))
        except (GostKeyError, TimeoutError) as error:
            self._unavailable(error)
        except Exception as error:
            log.error("%s", "a request could not be answered", exc_info=error)
            self._unavailable(error)
        else:
            self._tell(answer)

    def _tell(self, answer: Any) -> None:
        client = str(self.client_address[0])
        if isinstance(answer, Later):
            seconds = str(max(1, round(answer.seconds)))
            self.server.on_answer(client, f"later, in {seconds} s")
            self._send(202, "text/plain", b"", **{"Retry-After": seconds})
        elif isinstance(answer, RequestRefused):
            unread = isinstance(answer.__cause__, GostKeyError)
            code = Code.UNREADABLE if unread else Code.REFUSED
            self.server.on_answer(client, str(answer))
            self._problem(400, code, str(answer))
        else:
            self.server.on_answer(client, answer.title)
            self._send_base64(protocol.CERTS_ONLY, certs_only([answer]))

    def _unavailable(self, error: Exception) -> None:
        log.warning("a request could not be answered: %s", error)
        # What ails the authority is nothing for everybody.
        self._problem(
            503,
            Code.UNAVAILABLE,
            "the authority cannot answer now; try again later",
            **{"Retry-After": "10"},
        )

    def _refuse(self, status: int, code: Code, text: str, **headers: str) -> None:
        """Tell client and operator what is wrong with a request, before its look."""
        self.server.on_answer(str(self.client_address[0]), f"{status}: {text}")
        self._problem(status, code, text, **headers)

    def _problem(self, status: int, code: Code, text: str, **headers: str) -> None:
        self._send(
            status, protocol.PROBLEM_TYPE, problem(status, code, text), **headers
        )

    def _hang_up(self, status: int, code: Code, text: str, **headers: str) -> None:
        """Refuse what was not read to its end."""
        self.close_connection = True
        self._refuse(status, code, text, **headers)

    def _turn_away(self, status: int, code: Code, text: str, **headers: str) -> None:
        """Refuse a body before it is read, and let the client hear why.

        A connection that is closed with something unread is reset, and the answer
        may be lost with it.
        """
        self._hang_up(status, code, text, **headers)
        left = min(self._length() or 0, _LARGEST_DRAINED)
        self._deadline.set(_DRAINING)
        while left > 0 and (piece := self.rfile.read(min(left, 1 << 16))):
            left -= len(piece)

    def _send_base64(self, kind: str, der: bytes) -> None:
        headers = {"Content-Transfer-Encoding": "base64"}
        self._send(200, kind, protocol.to_base64(der), **headers)

    def _send(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.connection.settimeout(self.server.limits.request)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        if self.request_version == "HTTP/0.9":
            self.wfile.write(body)
            return
        # Headers and body in one piece: two would be two records and two packets.
        self._headers_buffer.append(b"\r\n" + body)  # type: ignore[attr-defined]
        self.flush_headers()
