"""The office's end: requests go out by SMTP, answers are collected by IMAP.

An answer is found by what it answers (In-Reply-To, References), else by the request's
id in its subject, its text or the names of its attachments, else by the key in the
certificate.  The mailbox is searched by its server; of other people's mail nothing but
some headers is fetched, and it stays as it is.  A message is moved away only when the
campaign's journal has what came of it (`settle`); until then it can be read again by
anybody, any number of times.
"""

from __future__ import annotations

import heapq
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from gostkey.errors import (
    CampaignError,
    EncodingError,
    GeneratorFailure,
    GostKeyError,
)
from gostkey.pki.certificates import Certificate
from gostkey.pki.renewal_request import RenewalRequest

from ..patience import Patience
from ..transport import Pending, Trust
from ..trusted import load_trust
from . import identifiers
from .answers import Answer, Kind, read_answer, request_named
from .collected import Collected, is_misnamed
from .entities import Entity
from .mailbox import DONE, Criteria, Mailbox, Place, either
from .messages import Writer, write_request
from .revocation import NewestCrls
from .sending import Letter, Sender
from .settings import MailSettings, read_settings
from .smime import open_key

log = logging.getLogger("gostkey.renewal")

_DAEMONS = ("mailer-daemon", "postmaster")
"""Who returns what cannot be delivered."""
_MOST_UNNAMED = 10_000
"""Messages that name no request and are looked into, the newest ones of a search: more
than an authority writes in years, as all of them are fetched in every run."""
_MOST_OF_OTHERS = 1_000
"""Answers to other requests, the newest ones, that one look goes through for a request
that has none: some seconds' work, as what has come for the others waits for it."""


class MailTransport:
    """Requests by SMTP, answers by IMAP."""

    checks_requests = False

    together = 64
    """See `Slow`: in one session, as servers count logins, and less than ten minutes if
    none takes over nine seconds."""

    def __init__(
        self,
        settings: MailSettings,
        campaign: str,
        clock: Callable[[], datetime],
        patience: Patience | None = None,
    ) -> None:
        """Take what was read; use `open`.

        Args:
            settings: of the office.
            campaign: 16 hexadecimal digits that name the campaign in messages.
            clock: gives the present moment.
            patience: with both servers.
        """
        self._settings = settings
        self._campaign = campaign
        self._clock = clock
        self._sender = Sender(settings.smtp, settings.file, patience)
        self._mailbox = Mailbox(settings, patience)
        self._known: tuple[Certificate, ...] | None = None
        self._crls: NewestCrls | None = None
        self._has_new_crl = False
        self._is_new = True
        self._named: dict[str, list[Place]] = {}
        """Messages that name a request; not read yet."""
        self._unnamed: list[Place] = []
        """Those that name no request, and may be answers; not read yet."""
        self._collected = Collected()
        self._untold: dict[str, list[str]] = {}
        """Of messages that name a request and do not count, for the log."""

    @classmethod
    def open(
        cls,
        file: Path,
        clock: Callable[[], datetime],
        campaign: str | None = None,
        patience: Patience | None = None,
    ) -> MailTransport:
        """Read the settings; nothing is connected yet.

        Args:
            file: TOML, see `settings`.
            clock: gives the present moment.
            campaign: what `settings` said of a campaign that was begun.

        Raises:
            CampaignError: if the settings cannot be read, or lack what an office
                needs.
        """
        settings = read_settings(file)
        for name, value in (("to", settings.to), ("trusted", settings.trusted)):
            if not value:
                raise CampaignError(
                    f"{file}: {name} is missing; an office writes `to` the authority "
                    "and has its certificates in the folder `trusted`"
                )
        return cls(settings, campaign or secrets.token_hex(8), clock, patience)

    # -- the way out ----------------------------------------------------------

    def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
        """Send each request in a message of its own; again is the same message."""
        with ExitStack() as stack:
            writer = self._writer(stack)
            at = self._clock()
            letters = [self._letter(writer, one, at) for one in pendings]
        return self._sender.send(letters)

    def _writer(self, stack: ExitStack) -> Writer:
        settings = self._settings
        if settings.signature is None:
            return Writer(settings.sender)
        found = settings.signature
        key = stack.enter_context(
            open_key(found.key, found.certificate, found.password_file)
        )
        size = key.key.verifying_key.curve.size
        return Writer(settings.sender, key.sign, size)

    def _letter(self, writer: Writer, one: Pending, at: datetime) -> Letter:
        settings = self._settings
        try:
            renewal = RenewalRequest.from_bytes(one.request)
            owner = renewal.request.subject.owner
        except EncodingError:
            owner = ""
        raw = write_request(
            writer,
            settings.to,
            one.request_id,
            self._campaign,
            one.request,
            " ".join(owner.split()),
            at,
        )
        return Letter(settings.sender, settings.to, raw)

    # -- the way back ---------------------------------------------------------

    def expect(self, pendings: Sequence[Pending]) -> None:
        """Collect what has come for these requests, together.

        Raises:
            TransportError: if the mailbox cannot be read now.
            CampaignError: if a file that the settings name cannot be read.
        """
        self._collected.ask(pendings)
        if self._is_new:
            self._search()
            self._is_new = False
        wanted = [one.request_id for one in pendings]
        self._read_named(dict(self._unread(wanted)))
        if not all(map(self._collected.decides, pendings)):
            # It may be in the answer to another request.
            newest = heapq.nlargest(_MOST_OF_OTHERS, self._unread(list(self._named)))
            self._read_named(dict(newest))
        for one in pendings:
            for text in self._untold.pop(one.request_id, ()):
                log.warning("%s", text)

    def _unread(self, request_ids: Iterable[str]) -> Iterator[tuple[Place, str]]:
        for request_id in request_ids:
            for found in self._named.get(request_id, ()):
                yield found, request_id

    def _read_named(self, wanted: dict[Place, str]) -> None:
        for found, raw in self._mailbox.messages(list(wanted)):
            self._take(found, self._read(raw), wanted[found])
            # Each at once: after a fault only the others are read again.
            self._forget({found: wanted.pop(found)})
        # They are too large, or gone.
        self._forget(wanted)

    def _forget(self, read: Mapping[Place, str]) -> None:
        for found, request_id in read.items():
            unread = self._named[request_id]
            unread.remove(found)
            if not unread:
                del self._named[request_id]

    def fetch(self, pending: Pending) -> bytes | None:
        """Give the certificate, the newest one that is for the request's key."""
        if self._is_new or pending.request_id in self._named:
            self.expect([pending])
        return self._collected.choose(pending, self._settings.to, self._known or ())

    def refresh(self) -> None:
        """Search for new messages at the next look."""
        self._is_new = True

    def settle(self, request_ids: Iterable[str]) -> None:
        """Move away what answered these requests: the journal has it.

        Failing to is no fault: what stays is read again, and is not needed.
        """
        done = self._collected.settle(request_ids)
        try:
            self._mailbox.done(done)
        except GeneratorFailure:
            raise
        except GostKeyError as error:
            log.warning("%s; the answers stay in the mailbox", error)

    def close(self) -> None:
        """Leave the mail servers, until one is needed again."""
        self._mailbox.close()

    @property
    def checks(self) -> tuple[Callable[[], object], ...]:
        """What must succeed: the files, and a login at either server.

        Each raises LoginRefused, TransportError or CampaignError if it does not.
        """
        return self._check_files, self._sender.check, self._mailbox.check

    def _check_files(self) -> None:
        with ExitStack() as stack:
            self._writer(stack)
        self.trust()

    def trust(self) -> Trust:
        """Read the authority's certificates and CRLs from their folder."""
        assert self._settings.trusted is not None
        self._has_new_crl = False
        return load_trust(self._settings.trusted)

    def has_new_trust(self) -> bool:
        """Say whether an answer has brought a CRL since `trust` was asked."""
        return self._has_new_crl

    def settings(self) -> dict[str, Any]:
        """Describe the transport for the store: the file is read again by `resume`."""
        return {
            "kind": "mail",
            "file": str(self._settings.file),
            "campaign": self._campaign,
        }

    # -- what is in the mailbox -----------------------------------------------

    def _criteria(self) -> Criteria:
        mine = f".{self._campaign}@"
        fits = either(
            [
                ["HEADER", "In-Reply-To", mine],
                ["HEADER", "References", mine],
                ["HEADER", identifiers.HEADER, ""],
                ["SUBJECT", identifiers.MARK],
                ["FROM", self._settings.to],
                *(["FROM", one] for one in _DAEMONS),
            ]
        )
        return ["UNKEYWORD", DONE, *fits]

    def _search(self) -> None:
        for one in self._mailbox.new(self._criteria()):
            if _is_request(one.header):
                continue
            request_id, campaign = request_named(one.header)
            if campaign is not None and campaign != self._campaign:
                continue
            if request_id is not None:
                self._named.setdefault(request_id, []).append(one.place)
            elif self._may_answer(one.header):
                self._unnamed.append(one.place)
        # Each is kept until it is read: after a fault it is not found again.
        left_out = self._unnamed[:-_MOST_UNNAMED]
        if left_out:
            log.warning(
                "of the messages that name no request only the newest %d are looked "
                "into, and %d are not; move old mail from %s and from mail servers to "
                "another folder",
                *(_MOST_UNNAMED, len(left_out), self._settings.to),
            )
            del self._unnamed[:-_MOST_UNNAMED]
        for found, raw in self._mailbox.messages(list(self._unnamed)):
            self._take(found, self._read(raw))
            self._unnamed.remove(found)
        self._unnamed.clear()

    def _may_answer(self, header: Entity) -> bool:
        """Say whether a message that names no request may be an answer."""
        sender = header.field("From").lower()
        of_authority = self._settings.to.lower() in sender
        if not of_authority and any(one in sender for one in _DAEMONS):
            return header.content_type == "multipart/report"
        return header.content_type.startswith(("multipart/", "application/"))

    def _read(self, raw: bytes) -> Answer:
        if self._known is None or self._crls is None:
            trust = self.trust()
            self._known = (*trust.roots, *trust.intermediates)
            assert self._settings.trusted is not None
            self._crls = NewestCrls(self._settings.trusted, self._known, trust.crls)
        answer = read_answer(
            raw, self._known, require_signed=self._settings.require_signed
        )
        if self._crls.take(answer.crls):
            self._has_new_crl = True
        return answer

    def _take(self, found: Place, answer: Answer, named: str | None = None) -> None:
        """Keep what counts; what a person should read is told to who waits for it."""
        named = named or answer.request_id
        self._collected.add(found, answer, named, self._known or ())
        if named is None:
            # Of other people's mail, which holds nothing for us, nothing is told.
            if answer.kind in (Kind.FORGED, Kind.UNREADABLE, Kind.NOT_READ):
                log.warning("%s", _told(found, answer.text))
            return
        text = answer.text
        if is_misnamed(answer, named):
            text = f"its header names this request, it refuses {min(answer.refusals)}"
        elif answer.kind not in (Kind.NOTHING, Kind.NOT_READ, Kind.FORGED):
            return
        self._untold.setdefault(named, []).append(_told(found, text, named))


def _told(found: Place, text: str, named: str | None = None) -> str:
    about = "that names no request" if named is None else f"on request {named}"
    return (
        f"message from {found.sender!r} {about}: {text}; it stays in the mailbox, "
        "read it"
    )


def _is_request(header: Entity) -> bool:
    """Say whether a message is a request, where both ends use one mailbox."""
    named = identifiers.named_in(header.field("Message-ID"))
    return any(one.kind == identifiers.REQUEST for one in named)
