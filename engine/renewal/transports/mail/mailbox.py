"""A mailbox over IMAP: what is in it is searched for there and left there.

The server searches; of what it finds only headers are fetched, and of those that may
be ours the messages, which the server is told not to mark as read.  Nothing in the
mailbox is changed but by `Mailbox.done`, which moves what is ours to a folder.

Sources: RFC 3501; RFC 6851 (MOVE); RFC 4315 (UIDPLUS).
"""

from __future__ import annotations

import contextlib
import imaplib
import logging
import ssl
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gostkey.errors import EncodingError, GostKeyError, LoginRefused, TransportError

from ..patience import Line, Patience, TryLater, describe_fault
from .connecting import Hidden, not_trusted, short, tls_context, words
from .entities import LARGEST_MESSAGE, Entity, read_entity
from .sessions import load_imapclient, open_imap
from .settings import STARTTLS, MailSettings

log = logging.getLogger("gostkey.renewal")

DONE = "$GostkeyDone"
"""Keyword of messages that are done."""
_FIELDS = (
    "MESSAGE-ID IN-REPLY-TO REFERENCES SUBJECT FROM REPLY-TO RETURN-PATH "
    "AUTO-SUBMITTED PRECEDENCE LIST-ID CONTENT-TYPE GOSTKEY-REQUEST"
)
_HEADERS = f"BODY.PEEK[HEADER.FIELDS ({_FIELDS})]"
_SEARCHED = 50_000
"""Messages searched in one command: an answer line is bounded."""
_HEADERS_AT_ONCE, _BODIES_AT_ONCE = 500, 50
_BYTES_AT_ONCE = 8 * LARGEST_MESSAGE

Criteria = list[Any]


class Place(NamedTuple):
    """Where a message is, and how large; short, as there may be many of them."""

    validity: int
    """UIDVALIDITY: the number means this message only as long as that stays."""
    uid: int
    size: int
    sender: str
    """As the message says, for the log; bounded."""


@dataclass(frozen=True)
class Found:
    """A message that the server found: its headers, not its body."""

    place: Place
    header: Entity


class Mailbox:
    """One folder of a mailbox; connects when it is needed, and again after a fault.

    Every method raises LoginRefused if the server does not take name and password,
    TransportError if it cannot be reached or does not do as it should, CampaignError if
    a file that the settings name cannot be read.
    """

    def __init__(
        self, settings: MailSettings, patience: Patience | None = None
    ) -> None:
        """Take the settings; nothing is connected yet."""
        self._settings = settings
        self._server = settings.imap
        self._line = Line(
            f"mail server {self._server.name}",
            patience or Patience(),
            describe=self._fault,
        )
        self._hidden = Hidden()
        self._client: Any = None
        self._validity: int | None = None
        self._last = 0
        self._refused: LoginRefused | None = None
        self._can_move = True

    def new(self, criteria: Criteria) -> Iterator[Found]:
        """Find messages that fit and were not found before, in their order.

        When the server has numbered its messages anew, all are found again.
        """
        uids = self._tried(lambda: self._search(criteria))
        validity = self._validity
        for start in range(0, len(uids), _HEADERS_AT_ONCE):
            some = uids[start : start + _HEADERS_AT_ONCE]
            found = self._tried(lambda some=some: self._headers(some, validity))
            if self._validity != validity:
                return
            yield from found
            self._last = some[-1]

    def messages(self, found: Sequence[Place]) -> Iterator[tuple[Place, bytes]]:
        """Fetch messages, a few at a time; those that are too large are left out."""
        fit = []
        for one in found:
            if one.size <= LARGEST_MESSAGE:
                fit.append(one)
            else:
                log.warning(
                    "message from %r has %d bytes; more than %d are not read",
                    one.sender,
                    one.size,
                    LARGEST_MESSAGE,
                )
        for some in _batches(fit):
            bodies = self._tried(lambda some=some: self._bodies(some))
            for one in some:
                if one.uid in bodies:
                    yield one, bodies[one.uid]

    def done(self, found: Iterable[Place]) -> None:
        """Move messages to the folder of what is done, or else mark them."""
        wanted = list(found)
        if wanted:
            self._tried(lambda: self._done(wanted))

    def check(self) -> None:
        """Log in and open the folder."""
        self._tried(lambda: None)

    def close(self) -> None:
        """Log out."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.logout()

    # -- what is done while connected ----------------------------------------

    def _search(self, criteria: Criteria) -> list[int]:
        client = self._client
        exists = self._select(client)
        uids: list[int] = []
        for start in range(1, exists + 1, _SEARCHED):
            window = f"{start}:{min(start + _SEARCHED - 1, exists)}"
            wanted = [window, "UID", f"{self._last + 1}:*", *criteria]
            uids += client.search(wanted)
        # n:* is at least the last message, whatever n is.
        return sorted({uid for uid in uids if uid > self._last})

    def _headers(self, uids: Sequence[int], validity: int | None) -> list[Found]:
        if self._validity != validity:
            return []
        answer = self._client.fetch(uids, [_HEADERS, "RFC822.SIZE"])
        return sorted(_found(answer, validity or 0), key=lambda one: one.place.uid)

    def _bodies(self, some: Sequence[Place]) -> dict[int, bytes]:
        uids = self._uids(some)
        answer = self._client.fetch(uids, ["BODY.PEEK[]"]) if uids else {}
        return {
            uid: data[b"BODY[]"]
            for uid, data in answer.items()
            if isinstance(data.get(b"BODY[]"), bytes)
        }

    def _uids(self, some: Iterable[Place]) -> list[int]:
        """Give the numbers of messages, but those that mean others by now."""
        return sorted({one.uid for one in some if one.validity == self._validity})

    def _done(self, some: Sequence[Place]) -> None:
        client, folder = self._client, self._settings.done_folder
        uids = self._uids(some)
        if not uids:
            return
        if folder and self._can_move and client.has_capability("MOVE"):
            from imapclient.exceptions import IMAPClientError

            try:
                if not client.folder_exists(folder):
                    client.create_folder(folder)
                client.move(uids, folder)
                return
            except IMAPClientError as error:
                if isinstance(error, imaplib.IMAP4.abort):
                    raise
                # Such as a server that lets nobody make folders.
                self._can_move = False
        client.add_flags(uids, [DONE, "\\Seen"], silent=True)

    # -- connecting -----------------------------------------------------------

    def _tried(self, work: Any) -> Any:
        """Do something while connected; connect anew after a fault."""

        def once() -> Any:
            if self._refused is not None:
                raise self._refused
            try:
                if self._client is None:
                    self._client = self._connected()
                return work()
            except BaseException:
                self._drop()
                raise

        try:
            return self._line.call(once)
        except GostKeyError:
            # Some are ValueErrors, too.
            raise
        except (OSError, imaplib.IMAP4.error, ValueError, LookupError) as error:
            # Faults that no other try would mend: a folder that is not there, or
            # an answer that imapclient stumbles over.
            raise TransportError(
                f"mail server {self._server.name}: {self._words(error)}; "
                f"look at [imap] of {self._settings.file}"
            ) from error

    def _words(self, error: BaseException) -> str:
        return words(error, self._hidden)

    def _fault(self, error: BaseException) -> str:
        """Say what went wrong on the line."""
        if isinstance(error, imaplib.IMAP4.error):
            return self._words(error)
        return describe_fault(error)

    def _drop(self) -> None:
        """Forget a connection that is of no use any more."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.shutdown()

    def _connected(self) -> Any:
        server = self._server
        imapclient = load_imapclient()
        context = tls_context(server)
        password = server.password()
        self._hidden = Hidden(server.user, password)
        client: Any = None
        try:
            client = open_imap(server, context)
            if server.tls == STARTTLS:
                client.starttls(context)
            if server.user:
                client.login(server.user, password)
            self._select(client)
        except ssl.SSLCertVerificationError as error:
            self._shut(client)
            raise not_trusted("imap", server, error, self._settings.file) from error
        except imapclient.exceptions.LoginError as error:
            self._shut(client)
            raise self._login_refused(error) from error
        except BaseException:
            self._shut(client)
            raise
        return client

    def _select(self, client: Any) -> int:
        """Open the folder; give the number of messages in it."""
        answer = client.select_folder(self._settings.folder)
        validity = int(answer.get(b"UIDVALIDITY", 0))
        if validity != self._validity:
            self._validity, self._last = validity, 0
        return int(answer.get(b"EXISTS", 0))

    def _login_refused(self, error: Exception) -> Exception:
        server, said = self._server, self._words(error)
        # The library makes a refusal of a connection that is cut here, too.
        if isinstance(error.__context__, imaplib.IMAP4.abort | OSError):
            return error.__context__
        # RFC 5530: the server cannot look just now.
        if "[UNAVAILABLE]" in said.upper() or "[INUSE]" in said.upper():
            return TryLater(said)
        self._refused = LoginRefused(
            f"mail server {server.name}: does not take the name {server.user!r} with "
            f"the password in {server.password_file}: {said}; correct the file, then "
            "try again"
        )
        return self._refused

    @staticmethod
    def _shut(client: Any) -> None:
        if client is not None:
            with contextlib.suppress(Exception):
                client.shutdown()


def either(criteria: Sequence[Criteria]) -> Criteria:
    """Join criteria so that one of them is enough."""
    joined = criteria[-1]
    for one in reversed(criteria[:-1]):
        joined = ["OR", one, joined]
    return joined


def _batches(places: Sequence[Place]) -> Iterator[list[Place]]:
    """Part messages into batches that are bounded in number and in bytes."""
    batch: list[Place] = []
    size = 0
    for one in places:
        if batch and (
            len(batch) == _BODIES_AT_ONCE or size + one.size > _BYTES_AT_ONCE
        ):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch


def _found(answer: Any, validity: int) -> list[Found]:
    found = []
    for uid, data in answer.items():
        header = next(
            (value for key, value in data.items() if key.startswith(b"BODY[HEADER")),
            None,
        )
        size = data.get(b"RFC822.SIZE")
        if isinstance(header, bytes) and isinstance(size, int):
            with contextlib.suppress(EncodingError):
                entity = read_entity(header)
                sender = short(entity.field("From"), 100)
                found.append(Found(Place(validity, uid, size, sender), entity))
    return found
