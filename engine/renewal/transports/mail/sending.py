"""Sending messages over SMTP: many in one session, each with an outcome of its own.

What a server refuses for good is told at once; what it puts off, and a connection
that is cut, is tried again with pauses.  A server that takes only so many messages in
a session gets the others in the next one.  A message of which nobody knows whether it
was taken is sent again: it has the same Message-ID, and the other side knows the
request by its bytes.

Sources: RFC 5321 4.2 and 4.5.3.2; RFC 6409; RFC 4954; RFC 1870 6.1 (size).
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gostkey.errors import CampaignError, GostKeyError, LoginRefused, TransportError

from ..patience import Line, Patience, TryLater, describe_fault, may_pass
from .connecting import Hidden, not_trusted, tls_context, words
from .sessions import TimedSMTP, open_smtp
from .settings import STARTTLS, Server

_TOO_LARGE = 552
"""Says of MAIL, which tells the size, that the message is too large."""


@dataclass(frozen=True)
class Letter:
    """A message to be sent."""

    sender: str
    recipient: str
    raw: bytes
    """Headers and body, lines ended by CRLF, 7-bit."""


Outcome = GostKeyError | None


class Sender:
    """The way out; sessions are opened when something is to be sent."""

    def __init__(
        self, server: Server, file: Path, patience: Patience | None = None
    ) -> None:
        """Take the server.

        Args:
            server: the submission server.
            file: the settings, for messages.
            patience: with the server; its time-outs are the server's own.
        """
        self._server = server
        self._file = file
        self._line = Line(
            f"mail server {server.name}", patience or Patience(), describe=self._fault
        )
        self._hidden = Hidden()
        self._refused: LoginRefused | None = None

    def send(self, letters: Sequence[Letter]) -> list[Outcome]:
        """Send messages.

        What keeps a further session from being opened is the outcome of what is left.

        Returns:
            For each None if the server has taken it, else why not.

        Raises:
            LoginRefused: if the server does not take name and password; it is not
                asked again by this object, as many tries would lock the account.
            CampaignError: if a file that the settings name cannot be read.
        """
        outcomes: list[Outcome] = [None] * len(letters)
        left = deque(range(len(letters)))
        try:
            if letters:
                self._line.call(
                    lambda: self._session(letters, left, outcomes), lambda: len(left)
                )
        except (LoginRefused, CampaignError) as error:
            if len(left) == len(letters):
                raise
            for index in left:
                outcomes[index] = error
        except (TransportError, OSError) as error:
            # All faults of smtplib are OSErrors, and not to be taken for a medium's.
            why = (
                error if isinstance(error, TransportError) else self._line.failed(error)
            )
            for index in left:
                outcomes[index] = outcomes[index] or why
        return outcomes

    def check(self) -> None:
        """Log in and out again.

        Raises:
            LoginRefused, TransportError, CampaignError: if that cannot be done.
        """
        self._line.call(lambda: self._open().quit())

    def _fault(self, error: BaseException) -> str:
        """Say what went wrong; smtplib makes a cut of an answer that does not come."""
        if isinstance(error.__context__, TimeoutError):
            error = error.__context__
        if isinstance(error, smtplib.SMTPResponseException):
            return f"it answered {words(error, self._hidden)}"
        return describe_fault(error)

    def _session(
        self, letters: Sequence[Letter], left: deque[int], outcomes: list[Outcome]
    ) -> None:
        """Send what is left; what is put off stays in *left*.

        Raises:
            TryLater: if something was put off.
            OSError: if the connection broke; all faults of smtplib are ones.
        """
        put_off: list[int] = []
        try:
            with self._open() as client:
                while left:
                    index = left[0]
                    outcomes[index], again = self._send(client, letters[index])
                    left.popleft()
                    if again:
                        put_off.append(index)
        except OSError:
            # Those that were taken before it broke are taken.
            if left or put_off:
                raise
        finally:
            left.extend(put_off)
        if put_off:
            raise TryLater(str(outcomes[put_off[-1]]))

    def _send(self, client: smtplib.SMTP, letter: Letter) -> tuple[Outcome, bool]:
        """Send one message; say what came of it and whether to try again."""
        cure = f"correct the addresses in {self._file} or ask who keeps the server"
        try:
            client.sendmail(letter.sender, [letter.recipient], letter.raw)
            return None, False
        except smtplib.SMTPRecipientsRefused as error:
            response = smtplib.SMTPResponseException(
                *next(iter(error.recipients.values()))
            )
            what = f"the recipient {letter.recipient}"
        except smtplib.SMTPSenderRefused as error:
            response, what = error, f"the sender {letter.sender}"
            if error.smtp_code == _TOO_LARGE:
                what = f"the message for its size, {len(letter.raw)} bytes"
                cure = "ask who keeps the server to take messages of that size"
        except smtplib.SMTPDataError as error:
            response, what = error, "the message"
            # smtplib does not end what was refused before the message itself went; the
            # next one would be taken for a part of it.
            with contextlib.suppress(OSError):
                client.rset()
        code, said = response.smtp_code, words(response, self._hidden)
        if code == 421:
            # The server hangs up (RFC 5321 3.8); why, it has said.
            raise response
        where = f"mail server {self._server.name}"
        if 400 <= code < 500:
            return (
                TransportError(
                    f"{where}: puts off {what}: {said}; that is usual for some "
                    "minutes, then run resume"
                ),
                True,
            )
        return (
            TransportError(f"{where}: refuses {what}: {said}; {cure}, then run resume"),
            False,
        )

    def _open(self) -> smtplib.SMTP:
        if self._refused is not None:
            raise self._refused
        server = self._server
        context = tls_context(server)
        password = server.password()
        self._hidden = Hidden(server.user, password)
        client: TimedSMTP | None = None
        try:
            client = open_smtp(server, context)
            if server.tls == STARTTLS:
                client.starttls(context=context)
            client.answer_seconds = server.answer_seconds
            # Before there is a message: a refusal of the greeting is of no message.
            client.ehlo_or_helo_if_needed()
            if server.user:
                client.login(server.user, password)
        except BaseException as error:
            if client is not None:
                client.close()
            raise self._told(error) from error
        return client

    def _told(self, error: BaseException) -> BaseException:
        """Turn what opening a session may raise into what is told, or tried again."""
        server, said = self._server, words(error, self._hidden)
        if isinstance(error, ssl.SSLCertVerificationError):
            return not_trusted("smtp", server, error, self._file)
        if isinstance(error, smtplib.SMTPAuthenticationError):
            # 4xx: the server cannot look just now (RFC 4954 6: 454).
            if 400 <= error.smtp_code < 500:
                return TryLater(said)
            self._refused = LoginRefused(
                f"mail server {server.name}: does not take the name {server.user!r} "
                f"with the password in {server.password_file}: {said}; "
                "correct the file, then try again"
            )
            return self._refused
        if isinstance(error, smtplib.SMTPNotSupportedError) or (
            isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER"
        ):
            return TransportError(
                f"mail server {server.name}: {said}; correct port and tls in "
                f"[smtp] of {self._file}"
            )
        if isinstance(error, OSError) and not may_pass(error):
            return TransportError(f"mail server {server.name}: {said}")
        if isinstance(error, ValueError):
            return TransportError(
                f"mail server {server.name}: answers the login with what is no answer "
                f"({said}); ask who keeps the server"
            )
        return error
