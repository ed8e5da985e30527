"""How often, how long and after what faults a transport tries again.

A transport over a network calls its server through a `Line`:

    line = Line("https://ca.example", Patience())
    answer = line.call(lambda: post(request))

`call` tries again after a fault that may pass by itself (`may_pass`), waits in
between as long as chance says, but never past its total patience, and then raises
TransportError.  A server that cannot be reached is asked once a minute afterwards, so
that a run over a hundred thousand requests does not wait for each of them; one that
can be reached but always asks for patience is treated so after `MOST_PUT_OFF` calls
in a row, because the first of them may be the fault of one request.  A call that does
many things has its full patience again whenever it has got on.  Sending twice must be
the same as once; that is the transport's part.

Clock, sleep and chance are arguments: nothing in the tests waits or is by chance.

Source: exponential back-off with "full jitter" (each wait is uniform between zero and
a bound that doubles); Retry-After as in RFC 9110, 10.2.3.
"""

from __future__ import annotations

import errno
import http.client
import imaplib
import random
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock
from typing import TypeVar

from gostkey.errors import GostKeyError, TransportError

__all__ = ["Line", "Patience", "TryLater", "describe_fault", "may_pass"]

T = TypeVar("T")

MOST_PUT_OFF = 3
"""Calls in a row that a server puts off to the end before it counts as dead."""


@dataclass(frozen=True)
class Patience:
    """How long a call goes on trying; all times in seconds."""

    total: float = 60.0
    """From the beginning of a call to the beginning of its last try; where a call does
    many things, from the end of the try that last got on."""
    tries: int = 6
    """Tries at most, the first one included, or the one that last got on."""
    first_wait: float = 0.5
    """Bound of the wait after the first try; it doubles with each further one."""
    longest_wait: float = 15.0
    """The bound does not grow beyond this."""
    connect: float = 10.0
    """Time-out of making a connection."""
    answer: float = 60.0
    """Time-out of one answer, from the end of the request to its last byte."""
    rest: float = 60.0
    """How long a server that used up a call's patience is not asked again."""

    def __post_init__(self) -> None:
        """Refuse what would never try, or never end."""
        for name in ("total", "first_wait", "longest_wait", "rest"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"patience: {name} must be 0 seconds or more")
        for name in ("connect", "answer"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"patience: {name} must be more than 0 seconds")
        if self.tries < 1:
            raise ValueError("patience: tries must be 1 or more")

    def wait_bound(self, tried: int) -> float:
        """Give the longest wait after *tried* tries (1 or more) that failed."""
        # Doubling is bounded before it is done: 2.0 ** 2000 is an error.
        return min(self.longest_wait, self.first_wait * 2.0 ** min(tried - 1, 60))


class TryLater(Exception):
    """The server asks for another try (busy, too many requests, greylisting).

    Raised by what `Line.call` calls, and never seen by a caller of `call`.
    """

    def __init__(self, why: str, after: float | None = None) -> None:
        """Say what the server said.

        Args:
            why: for people, without a full stop.
            after: seconds that the server wants to be left alone; None if it
                did not say.
        """
        super().__init__(why)
        self.after = after


def may_pass(error: BaseException) -> bool:
    """Say whether a fault may be gone at the next try.

    Yes: connections refused, reset, cut or timed out, names that cannot be looked up
    now, garbled answers of HTTP, temporary refusals of a mail server (4xx), a mail
    server that hung up.  No: a certificate that is not trusted, permanent refusals,
    wrong passwords, and whatever is not a fault of the line, such as a full disk.
    """
    if isinstance(error, TryLater):
        return True
    if isinstance(error, GostKeyError):
        return False
    if isinstance(error, ssl.SSLError):
        return not isinstance(error, ssl.SSLCertVerificationError)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return bool(codes) and all(400 <= code < 500 for code in codes)
    if isinstance(error, smtplib.SMTPResponseException):
        # -1 is smtplib's word for an answer that is none.
        return 400 <= error.smtp_code < 500 or error.smtp_code == -1
    if isinstance(error, smtplib.SMTPServerDisconnected | imaplib.IMAP4.abort):
        return True
    if isinstance(error, smtplib.SMTPException | imaplib.IMAP4.error):
        return False
    if isinstance(error, http.client.HTTPException):
        return not isinstance(error, http.client.InvalidURL)
    if isinstance(error, socket.gaierror):
        return True
    return isinstance(error, ConnectionError | TimeoutError) or (
        isinstance(error, OSError) and error.errno in _OF_THE_LINE
    )


_OF_THE_LINE = frozenset(
    {
        errno.EADDRNOTAVAIL,
        errno.EAGAIN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENOBUFS,
        errno.ETIMEDOUT,
    }
)


def describe_fault(error: BaseException) -> str:
    """Say in words what went wrong on the line; never the text of a secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = getattr(error, "verify_message", "") or error.strerror
        return f"its TLS certificate is not trusted ({why})"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'reason', '') or 'the connection broke'}"
    if isinstance(error, socket.gaierror):
        return "its name cannot be looked up"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, http.client.IncompleteRead):
        return "its answer was cut off"
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection without an answer"
    if isinstance(error, ConnectionError | smtplib.SMTPServerDisconnected):
        return "the connection was cut"
    if isinstance(error, http.client.HTTPException):
        return f"its answer is not HTTP ({type(error).__name__})"
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return f"it answered {error.smtp_code} {' '.join(words.split())[:200]}"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)


class Line:
    """The way to one server: tries again, and remembers when it was dead.

    Several threads may call at once.
    """

    def __init__(
        self,
        name: str,
        patience: Patience,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        chance: Callable[[], float] = random.random,
        describe: Callable[[BaseException], str] = describe_fault,
    ) -> None:
        """Take the server's name, for messages, and the patience with it.

        Args:
            name: as people know the server; no passwords in it.
            patience: for each call.
            clock: seconds of a clock that does not jump.
            sleep: waits so many seconds; by default `give_up` ends it early.
            chance: uniform in [0, 1).
            describe: words for a fault.
        """
        self.name = name
        self.patience = patience
        self._clock = clock
        self._over = Event()
        self._sleep = sleep or self._over.wait
        self._chance = chance
        self._describe = describe
        self._lock = Lock()
        self._dead_at: float | None = None
        self._dead_why = ""
        self._put_off = 0

    def call(self, action: Callable[[], T], left: Callable[[], int] | None = None) -> T:
        """Do *action*, again if it must be.

        Args:
            action: raises TryLater, or the faults of its library; what `may_pass`
                does not take for passing is raised as it is, at once.
            left: how much *action* still has to do, where a try can do a part of it.
                A server that ends each session after so many messages is not at
                fault: when it has become less, patience begins anew.

        Raises:
            TransportError: if patience is at its end, or was so a moment ago.
        """
        patience = self.patience
        began = self._clock()
        tries = self._tries(began)
        tried = 0
        least = left() if left else 0
        while True:
            tried += 1
            try:
                result = action()
            except Exception as error:
                if not may_pass(error):
                    self._lives()
                    raise
                now = self._clock()
                if left and left() < least:
                    least, began, tried, tries = left(), now, 1, patience.tries
                    self._lives()
                wait = self._wait(error, tried)
                late = now + wait > began + patience.total
                if tried >= tries or late or self._over.is_set():
                    self._gave_up(now, error)
                    raise TransportError(self._words(error, tried)) from error
                self._sleep(wait)
            else:
                self._lives()
                return result

    def give_up(self) -> None:
        """End the waits of all calls, and let none begin: somebody wants to stop."""
        self._over.set()

    def failed(self, error: BaseException) -> TransportError:
        """Make the error of a fault for which no other try is worth while."""
        return TransportError(f"{self.name}: {self._describe(error)}")

    def _tries(self, now: float) -> int:
        """Say how many tries a call gets: one, if the server was dead of late."""
        with self._lock:
            if self._dead_at is None:
                return self.patience.tries
            if now - self._dead_at < self.patience.rest:
                raise TransportError(f"{self._dead_why}; it was not asked again yet")
            # One call asks whether it lives; the others go on without it.
            self._dead_at = now
            return 1

    def _wait(self, error: BaseException, tried: int) -> float:
        wait = self._chance() * self.patience.wait_bound(tried)
        if isinstance(error, TryLater) and error.after is not None:
            # Spread as well: all clients were told the same moment.
            return max(0.0, error.after) + wait
        return wait

    def _words(self, error: BaseException, tried: int) -> str:
        times = "once" if tried == 1 else f"{tried} times"
        return f"{self.name}: {self._describe(error)}; asked {times}"

    def _lives(self) -> None:
        with self._lock:
            self._dead_at, self._put_off = None, 0

    def _gave_up(self, now: float, error: BaseException) -> None:
        with self._lock:
            self._put_off += 1
            reached = isinstance(error, TryLater)
            if not reached or self._put_off >= MOST_PUT_OFF:
                self._dead_at = now
                self._dead_why = f"{self.name}: {self._describe(error)}"
