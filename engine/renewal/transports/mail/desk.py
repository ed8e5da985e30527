"""The authority's end: requests are collected by IMAP, answers go out by SMTP.

A request is answered by the register: the same one always gets the same certificate,
however often it comes.  A message counts as done only when the answer was taken by the
mail server; if that is cut off, it is answered again.  First certificates are not
issued here.

A message that names a request and holds none gets words and no refusal: anybody may
name any request, and what the authority signs would count as its decision.

Sources: RFC 3834 2 (whom never to answer).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from gostkey.errors import (
    CampaignError,
    EncodingError,
    GeneratorFailure,
    GostKeyError,
    RequestRefused,
    TransportError,
)
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.certificates import Certificate

from ..patience import Patience
from ..transport import request_ids_of
from . import identifiers
from .entities import Entity, read_entity
from .mailbox import DONE, Criteria, Found, Mailbox, Place, either
from .messages import (
    Asked,
    Writer,
    write_certificate,
    write_no_request,
    write_refusal,
)
from .sending import Letter, Sender
from .settings import MailSettings, is_address

log = logging.getLogger("gostkey.renewal")

_AT_ONCE = 200
"""Requests that are issued in one transaction, and answered in one session."""
_NOWHERE = "0" * 16
_NO_REQUEST = (
    "the message holds no renewal request (a file ID.p7m: PKCS #10 in CMS, signed with "
    "the key that is to be replaced)"
)


@dataclass(frozen=True)
class Served:
    """What became of one request."""

    request_id: str
    sender: str
    certificate: Certificate | None = None
    fault: GostKeyError | None = None
    """RequestRefused if the authority said no or no request was there, else why no
    answer went out."""


@dataclass(frozen=True)
class _Question:
    """A request in a message, or a message without one."""

    found: Place
    asked: Asked
    request_id: str
    request: bytes | None


class RequestDesk:
    """Answers the renewal requests in a mailbox."""

    def __init__(
        self,
        settings: MailSettings,
        authority: CertificateAuthority,
        patience: Patience | None = None,
    ) -> None:
        """Take the settings and an open authority."""
        self._settings = settings
        self._authority = authority
        self._sender = Sender(settings.smtp, settings.file, patience)
        self._mailbox = Mailbox(settings, patience)
        self._left: list[Place] = []
        """Found, and not answered yet."""

    def close(self) -> None:
        """Leave the mail servers."""
        self._mailbox.close()

    def serve(self, at: datetime, crl: bytes | None = None) -> list[Served]:
        """Answer what has come.

        Args:
            at: the present moment.
            crl: the authority's current one, to be sent with certificates.

        Returns:
            What became of each request, in the order of the mailbox.

        Raises:
            LoginRefused, TransportError: if the mailbox cannot be read.
            GeneratorFailure, CertificateError, MediumError: of the authority.
        """
        try:
            return self._serve(at, crl)
        except CampaignError as error:
            # A password file, say; it may be there at the next look.
            raise TransportError(str(error)) from error

    def _serve(self, at: datetime, crl: bytes | None) -> list[Served]:
        served: list[Served] = []
        for one in self._mailbox.new(_CRITERIA):
            if self._is_for_us(one):
                self._left.append(one.place)
        waiting, self._left = self._left, []
        for start in range(0, len(waiting), _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            # After a fault they are looked at again.
            failed, self._left = self._left, self._left + waiting[start:]
            questions = [
                question
                for found, raw in self._mailbox.messages(some)
                for question in self._questions(found, raw)
            ]
            done, left = self._answer(questions, at, crl)
            served += done
            self._left = failed + left
        return served

    def _is_for_us(self, one: Found) -> bool:
        """Say whether a message may be a request that is to be answered."""
        header = one.header
        for named in identifiers.named_in(header.field("Message-ID")):
            if named.kind == identifiers.ANSWER:
                return False
        if _submitted(header) == "auto-replied":
            return False
        if header.field("Precedence").lower() in ("bulk", "junk", "list"):
            return False
        if header.field("List-Id") or header.field("Return-Path") == "<>":
            return False
        sender, author = _sender(header), parseaddr(header.field("From"))[1]
        clients = self._settings.clients
        # Who may ask at all may not have the answer sent to somebody else.
        return bool(sender) and (
            not clients or {sender.lower(), author.lower()} <= set(clients)
        )

    def _questions(self, found: Place, raw: bytes) -> list[_Question]:
        try:
            message = read_entity(raw)
        except EncodingError:
            return []
        requests = [
            part.data
            for part in message.walk()
            if not part.parts
            and (
                part.content_type in ("application/pkcs7-mime", _OTHER_NAME)
                or part.file_name.lower().endswith(".p7m")
            )
        ]
        sender = _sender(message)
        named = identifiers.named_in(message.field("Message-ID"))
        asked = Asked(
            sender=sender,
            message_id=_one_id(message.field("Message-ID")),
            references=_ids(message.field("References")),
            subject=message.field("Subject"),
            campaign=named[0].campaign if named else _NOWHERE,
        )
        if requests:
            ids = request_ids_of(requests)
            return [
                _Question(found, asked, request_id, request)
                for request_id, request in zip(ids, requests, strict=True)
            ]
        stated = named[0].request_id if named else None
        stated = stated or identifiers.id_in_subject(asked.subject)
        if stated is None:
            return []
        if _submitted(message) not in ("", "no"):
            log.warning(
                "message from %r names request %s and holds none, and no person sent "
                "it; it stays in the mailbox, read it",
                found.sender,
                stated,
            )
            return []
        return [_Question(found, asked, stated, None)]

    def _answer(
        self, questions: Sequence[_Question], at: datetime, crl: bytes | None
    ) -> tuple[list[Served], list[Place]]:
        """Answer; return what became of each, and the messages to be tried again."""
        requests = [one.request for one in questions if one.request is not None]
        issued = iter(self._authority.issue_renewals(requests, at) if requests else [])
        answers = [
            RequestRefused(_NO_REQUEST) if one.request is None else next(issued)
            for one in questions
        ]
        writer = self._writer()
        letters = [
            Letter(
                self._settings.sender,
                one.asked.sender,
                _written(writer, one, answer, at, crl),
            )
            for one, answer in zip(questions, answers, strict=True)
        ]
        outcomes = self._sender.send(letters)
        served: list[Served] = []
        done: dict[int, Place] = {}
        left: dict[int, Place] = {}
        for one, answer, fault in zip(questions, answers, outcomes, strict=True):
            if fault is not None:
                left[one.found.uid] = one.found
                served.append(Served(one.request_id, one.asked.sender, fault=fault))
                continue
            done[one.found.uid] = one.found
            if isinstance(answer, RequestRefused):
                served.append(Served(one.request_id, one.asked.sender, fault=answer))
            else:
                served.append(Served(one.request_id, one.asked.sender, answer))
        try:
            self._mailbox.done([done[uid] for uid in done.keys() - left.keys()])
        except GeneratorFailure:
            raise
        except GostKeyError:
            # They were answered; if they are found again, they are once more.
            pass
        return served, list(left.values())

    def _writer(self) -> Writer:
        authority = self._authority
        size = authority.certificate.public_key.curve.size
        return Writer(self._settings.sender, authority.sign_message, size)


_OTHER_NAME = "application/x-pkcs7-mime"
_CRITERIA: Criteria = [
    "UNKEYWORD",
    DONE,
    *either(
        [
            ["SUBJECT", identifiers.MARK],
            ["HEADER", identifiers.HEADER, ""],
            ["HEADER", "Message-ID", f"gostkey.{identifiers.REQUEST}."],
        ]
    ),
]


def _submitted(header: Entity) -> str:
    """Say how a message came about (RFC 3834 5); "" if it does not say."""
    return header.field("Auto-Submitted").lower().partition(";")[0].strip()


def _sender(header: Entity) -> str:
    """Give the address to answer to; "" if there is none that can be written to."""
    for name in ("Reply-To", "From"):
        text = header.field(name)
        if text:
            found = parseaddr(text)[1]
            return found if is_address(found) else ""
    return ""


def _one_id(text: str) -> str:
    """Give a Message-ID as it may be repeated in a header; "" if it is odd."""
    found = _ids(text).split()
    return found[0] if found else ""


def _ids(text: str) -> str:
    """Give the last Message-IDs of a field, those that may be repeated."""
    ids = [
        one
        for one in text.split()
        if one.isascii() and one.isprintable() and len(one) < 400 and one[0] == "<"
    ]
    return " ".join(ids[-5:])


def _written(
    writer: Writer,
    one: _Question,
    answer: Certificate | RequestRefused,
    at: datetime,
    crl: bytes | None,
) -> bytes:
    if one.request is None:
        return write_no_request(writer, one.asked, one.request_id, _NO_REQUEST, at)
    if isinstance(answer, RequestRefused):
        return write_refusal(writer, one.asked, one.request_id, str(answer), at)
    owner = " ".join(answer.subject.owner.split())
    return write_certificate(
        writer, one.asked, one.request_id, answer.der, owner, at, crl
    )
