"""The office's end: requests go out by SMTP, answers are collected by IMAP.

An answer is found by what it answers (In-Reply-To, References), else by the request's
id in its subject, its text or the names of its attachments, else by the key in the
certificate.  The mailbox is searched by its server; of other people's mail nothing but
some headers is fetched, and it stays as it is.  A message is moved away only when the
campaign's journal has what came of it (`settle`); until then it can be read again by
anybody, any number of times.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gostkey.errors import (
    CampaignError,
    EncodingError,
    GeneratorFailure,
    GostKeyError,
    RequestRefused,
    RequestReturned,
    TransportError,
)
from gostkey.pki.certificates import Certificate
from gostkey.pki.renewal_request import RenewalRequest

from ..patience import Patience
from ..transport import Pending, Trust
from ..trusted import load_trust
from . import identifiers
from .answers import Answer, Kind, read_answer, request_named
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
_MOST_UNNAMED = 1000
"""Messages that name no request and are looked into, the newest ones of a search."""
_COUNTS = (Kind.CERTIFICATE, Kind.REFUSAL, Kind.RETURNED, Kind.UNREADABLE)


@dataclass
class _Heard:
    """What is known of one request."""

    found: list[Place] = field(default_factory=list)
    """Not read yet."""
    answers: list[tuple[Place, Answer]] = field(default_factory=list)
    """Those that say something, oldest first."""


class MailTransport:
    """Requests by SMTP, answers by IMAP."""

    checks_requests = False

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
        self._is_new = True
        self._heard: dict[str, _Heard] = {}
        self._unnamed: list[Place] = []
        """Those that name no request, and may be answers; not read yet."""
        self._by_key: dict[bytes, list[tuple[Place, Answer]]] = {}

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
        """
        if self._is_new:
            self._search()
            self._is_new = False
        wanted: dict[int, str] = {}
        messages: list[Place] = []
        for one in pendings:
            heard = self._heard.get(one.request_id)
            for found in heard.found if heard else ():
                wanted[found.uid] = one.request_id
                messages.append(found)
        for found, raw in self._mailbox.messages(messages):
            self._take(found, self._read(raw), wanted[found.uid])
        for one in pendings:
            if one.request_id in self._heard:
                self._heard[one.request_id].found.clear()

    def fetch(self, pending: Pending) -> bytes | None:
        """Give the certificate, the newest one that is for the request's key."""
        if self._is_new or (
            pending.request_id in self._heard and self._heard[pending.request_id].found
        ):
            self.expect([pending])
        named = self._by_key.pop(pending.public_key, None)
        if named is not None:
            self._heard.setdefault(pending.request_id, _Heard()).answers += named
        heard = self._heard.get(pending.request_id)
        if heard is None:
            return None
        answers = [answer for _, answer in heard.answers]
        return _choose(answers, pending, self._settings.to)

    def refresh(self) -> None:
        """Search for new messages at the next look."""
        self._is_new = True

    def settle(self, request_ids: Iterable[str]) -> None:
        """Move away what answered these requests: the journal has it.

        Failing to is no fault: what stays is read again, and is not needed.
        """
        done: list[Place] = []
        for request_id in request_ids:
            heard = self._heard.pop(request_id, None)
            if heard is not None:
                done += heard.found
                done += [
                    found
                    for found, answer in heard.answers
                    if len(self._of_subscribers(answer)) < 2
                ]
        try:
            self._mailbox.done(done)
        except TransportError as error:
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
        return load_trust(self._settings.trusted)

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
                self._heard.setdefault(request_id, _Heard()).found.append(one.place)
            elif one.header.content_type.startswith(("multipart/", "application/")):
                self._unnamed.append(one.place)
        # Kept until they are read: after a fault they are not found again.
        del self._unnamed[:-_MOST_UNNAMED]
        for found, raw in self._mailbox.messages(self._unnamed):
            answer = self._read(raw)
            if answer.request_id is not None:
                self._take(found, answer, answer.request_id)
            elif answer.kind is Kind.CERTIFICATE:
                for key in map(_key_of, answer.certificates):
                    if key is not None:
                        self._by_key.setdefault(key, []).append((found, answer))
        self._unnamed.clear()

    def _read(self, raw: bytes) -> Answer:
        if self._known is None or self._crls is None:
            trust = self.trust()
            self._known = (*trust.roots, *trust.intermediates)
            assert self._settings.trusted is not None
            self._crls = NewestCrls(self._settings.trusted, self._known, trust.crls)
        answer = read_answer(
            raw, self._known, require_signed=self._settings.require_signed
        )
        self._crls.take(answer.crls)
        return answer

    def _of_subscribers(self, answer: Answer) -> list[Certificate]:
        """Leave out the authority's own certificates, which may go with an answer."""
        return [one for one in answer.certificates if one not in (self._known or ())]

    def _take(self, found: Place, answer: Answer, request_id: str) -> None:
        """Keep an answer, if it is one; tell of what a person should read."""
        if answer.kind is Kind.REFUSAL and answer.request_id != request_id:
            # Nobody signs the header, so anybody may name another request there.
            text = f"its header names this request, its refusal {answer.request_id}"
            answer = replace(answer, kind=Kind.NOTHING, text=text)
        if answer.kind in _COUNTS:
            heard = self._heard.setdefault(request_id, _Heard())
            heard.answers.append((found, answer))
            return
        log.warning(
            "message from %r on request %s: %s; it stays in the mailbox, read it",
            found.sender,
            request_id,
            answer.text or "holds nothing for a program",
        )


def _is_request(header: Entity) -> bool:
    """Say whether a message is a request, where both ends use one mailbox."""
    named = identifiers.named_in(header.field("Message-ID"))
    return any(one.kind == identifiers.REQUEST for one in named)


def _key_of(certificate: Certificate) -> bytes | None:
    """Give the public key; None if it is none of ours, such as a web server's."""
    try:
        return certificate.public_key.to_bytes()
    except GeneratorFailure:
        raise
    except GostKeyError:
        return None


def _choose(answers: Sequence[Answer], pending: Pending, to: str) -> bytes | None:
    """Choose of what has come for a request.

    A certificate for its key counts most, the newest one; then a refusal; then that
    the request came back; then what cannot be right and is told as what it is.
    """
    last: dict[Kind, Answer] = {}
    other: Certificate | None = None
    for answer in reversed(answers):
        last.setdefault(answer.kind, answer)
        for one in answer.certificates:
            key = _key_of(one)
            if key == pending.public_key:
                return one.der
            if key is not None:
                other = other or one
    if Kind.REFUSAL in last:
        raise RequestRefused(last[Kind.REFUSAL].text)
    if Kind.RETURNED in last:
        raise RequestReturned(
            f"the message to {to} came back: {last[Kind.RETURNED].text}; correct the "
            "address, then run resume, which sends it again"
        )
    if other is not None:
        return other.der
    if Kind.UNREADABLE in last:
        return last[Kind.UNREADABLE].text.encode("utf-8")
    return None
