"""Sessions with mail servers, in which every answer has a deadline for all of it.

A server that says a line now and then (``250-wait``, ``* OK wait``), or a byte, would
else hold a run for ever.  What comes in earnest takes the time that its size needs, and
its size is bounded.
"""

from __future__ import annotations

import imaplib
import io
import smtplib
import ssl
from typing import Any

from gostkey.errors import TransportError

from ..deadlines import Deadline, DeadlineReader
from .settings import IMPLICIT, Server

SLOWEST = 1000
"""Bytes a second that a line must bring at least, besides the time of an answer.

Less than any line on which mail can be collected, and more than lines that only keep a
reader waiting.
"""
_LONGEST_LINE = 1_000_000
"""Bytes of a line of IMAP; longer ones are no answer."""
_MOST_IN_LINES = 2 * _LONGEST_LINE
"""Bytes of all lines of one answer: the longest line, and what the server may tell
besides of thousands of messages.  Who says more is only keeping a reader waiting."""
_MOST_IN_LITERALS = 100_000_000
"""Bytes of all literals of one answer: many times what is asked for at once."""


class PacedReader(DeadlineReader):
    """The bytes of a socket, up to a deadline that what comes puts off."""

    def readinto(self, buffer: object) -> int | None:
        """Read what is there, at most until the deadline."""
        count = super().readinto(buffer)
        self._deadline.more((count or 0) / SLOWEST)
        return count


class TimedSMTP(smtplib.SMTP):
    """SMTP; `answer_seconds` is the time of an answer, also of one of many lines."""

    def __init__(self, host: str, port: int, seconds: float, **more: Any) -> None:
        """Connect.

        Args:
            host: of the server.
            port: of the server.
            seconds: time for the connection, and for each answer.
            **more: for smtplib.
        """
        self.answer_seconds = seconds
        self._deadline = Deadline()
        super().__init__(host, port, timeout=seconds, **more)

    def getreply(self) -> tuple[int, bytes]:
        """Read an answer."""
        self._deadline.set(self.answer_seconds)
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(DeadlineReader(self.sock, self._deadline))
        try:
            return super().getreply()
        finally:
            if self.sock is not None:
                self.sock.settimeout(self.answer_seconds)


class TimedSMTPS(TimedSMTP, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""


class TimedIMAP4(imaplib.IMAP4):
    """IMAP; an answer has its time from the end of what was sent last."""

    def __init__(self, server: Server, **more: Any) -> None:
        """Connect.

        Args:
            server: where, and how long to wait.
            **more: for imaplib.
        """
        self._server = server
        self._deadline = Deadline()
        self._read_from: Any = None
        self._reader: io.BufferedReader | None = None
        self._in_lines = self._in_literals = 0
        wait = server.connect_seconds
        super().__init__(server.host, server.port, timeout=wait, **more)

    def open(self, *where: Any, **more: Any) -> None:
        """Connect; the greeting has the time of a connection."""
        super().open(*where, **more)
        self._deadline.set(self._server.connect_seconds)

    def read(self, size: int) -> bytes:
        """Read so many bytes, a literal."""
        self._in_literals += size
        self._bound(self._in_literals, _MOST_IN_LITERALS)
        return self._paced().read(size)

    def readline(self) -> bytes:
        """Read a line."""
        line = self._paced().readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise self.error(f"a line of more than {_LONGEST_LINE} bytes")
        self._in_lines += len(line)
        self._bound(self._in_lines, _MOST_IN_LINES)
        return line

    def _bound(self, size: int, most: int) -> None:
        # Another session may be spared it, such as news of a mailbox that another
        # program is emptying.
        if size > most:
            raise self.abort(f"an answer of more than {most} bytes")

    def send(self, data: Any) -> None:
        """Send something; the time of the answer begins."""
        self.sock.settimeout(self._server.answer_seconds)
        super().send(data)
        self._in_lines = self._in_literals = 0
        self._deadline.set(self._server.answer_seconds)

    def shutdown(self) -> None:
        """Close the connection."""
        if self._reader is not None:
            self._reader.close()
        super().shutdown()

    def _paced(self) -> io.BufferedReader:
        # STARTTLS puts another socket in the place of the first.
        if self._reader is None or self._read_from is not self.sock:
            self._read_from = self.sock
            self._reader = io.BufferedReader(PacedReader(self.sock, self._deadline))
        return self._reader


class TimedIMAP4S(TimedIMAP4, imaplib.IMAP4_SSL):
    """The same with TLS from the first byte."""


def open_smtp(server: Server, context: ssl.SSLContext) -> TimedSMTP:
    """Connect to a submission server; its TLS may have to be asked for yet."""
    where = (server.host, server.port, server.connect_seconds)
    if server.tls == IMPLICIT:
        return TimedSMTPS(*where, context=context)
    return TimedSMTP(*where)


def open_imap(server: Server, context: ssl.SSLContext) -> Any:
    """Connect to a mailbox with imapclient; its TLS may have to be asked for yet."""
    imapclient = load_imapclient()

    class Client(imapclient.IMAPClient):  # type: ignore[misc, name-defined]
        def _create_IMAP4(self) -> TimedIMAP4:
            if self.ssl:
                return TimedIMAP4S(server, ssl_context=context)
            return TimedIMAP4(server)

    return Client(
        server.host,
        server.port,
        ssl=server.tls == IMPLICIT,
        timeout=imapclient.SocketTimeout(server.connect_seconds, server.answer_seconds),
    )


def load_imapclient() -> Any:
    """Import imapclient, which may be missing.

    Raises:
        TransportError: saying how to install it.
    """
    try:
        import imapclient
        import imapclient.exceptions
    except ImportError:
        raise TransportError(
            "mail is collected with the package imapclient, which is not installed; "
            "install it with: pip install 'gostkey[office]'"
        ) from None
    return imapclient
