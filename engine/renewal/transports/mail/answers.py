"""What an answer says: a certificate, a refusal, a request that came back, or nothing.

Sources: RFC 2585; RFC 3464 (returned messages); RFC 3834.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gostkey.errors import EncodingError, GeneratorFailure, GostKeyError
from gostkey.pki.certificates import Certificate

from . import identifiers
from .attached import certificates_in
from .connecting import short
from .entities import Entity, read_entity
from .messages import REFUSAL_SUFFIX
from .smime import signed_parts

_CERTIFICATE_TYPES = (
    "application/pkix-cert",
    "application/x-x509-user-cert",
    "application/x-x509-ca-cert",
    "application/x-pem-file",
)
_CERTIFICATE_SUFFIXES = (".cer", ".crt", ".pem", ".der")
_BUNDLE_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-certificates")
_BUNDLE_SUFFIXES = (".p7b", ".p7c")
_CRL_TYPES = ("application/pkix-crl", "application/x-pkcs7-crl")


class Kind(enum.Enum):
    """What an answer is."""

    CERTIFICATE = "certificate"
    """There may be refusals beside it."""
    REFUSAL = "refusal"
    RETURNED = "returned"
    UNREADABLE = "unreadable"
    """Something is attached as a certificate and is none."""
    NOTHING = "nothing"
    """An automatic reply, or words for a person."""
    NOT_READ = "not-read"
    """More than is taken apart."""
    FORGED = "forged"
    """Not signed by the authority, though it must be; nothing in it counts."""


@dataclass(frozen=True)
class Answer:
    """An answer, as far as it counts."""

    kind: Kind
    request_id: str | None = None
    """The request that the message names."""
    certificates: tuple[Certificate, ...] = ()
    """For any requests."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Request to the reason: those that the refusals themselves state."""
    text: str = ""
    """Why the request came back; what is wrong with the message."""
    crls: tuple[bytes, ...] = ()


def read_answer(
    raw: bytes, known: Sequence[Certificate], *, require_signed: bool
) -> Answer:
    """Read an answer; never fails on what is in a message.

    Args:
        raw: the message.
        known: the authority's certificates: whose signature counts.
        require_signed: whether it must be signed.
    """
    try:
        message = read_entity(raw)
    except EncodingError as error:
        return Answer(Kind.NOT_READ, text=str(error))
    request_id = _request_id(message)
    returned = _returned(message)
    if returned is not None:
        return Answer(Kind.RETURNED, _returned_id(message) or request_id, text=returned)
    signed = signed_parts(message)
    believed = [one.content for one in signed if one.signers(known)]
    if not believed:
        believed = [message, *(one.content for one in signed if one.is_inside)]
        if require_signed:
            parts = [part for one in believed for part in one.walk()]
            if not _has_content(parts):
                return Answer(Kind.NOTHING, request_id, text="holds no certificate")
            why = (
                "its signature is not one of the authority's, or does not verify"
                if signed
                else "is not signed"
            )
            return Answer(Kind.FORGED, _named(parts, request_id), text=why)
    return _read_parts([part for one in believed for part in one.walk()], request_id)


def _read_parts(parts: Sequence[Entity], request_id: str | None) -> Answer:
    certificates: list[Certificate] = []
    crls: list[bytes] = []
    refusals: dict[str, str] = {}
    broken = ""
    for part in parts:
        if part.parts:
            continue
        kind, name = part.content_type, part.file_name.lower()
        if kind in _CRL_TYPES or name.endswith(".crl"):
            crls.append(part.data)
        elif name.endswith(REFUSAL_SUFFIX):
            stated = _refusal(part.text)
            if stated is not None:
                refusals[stated[0]] = stated[1]
        elif _may_be_certificate(kind, name):
            try:
                certificates += certificates_in(part.data)
            except GeneratorFailure:
                raise
            except GostKeyError as error:
                broken = broken or f"{short(part.file_name, 80)}: {short(str(error))}"
    request_id = _named(parts, request_id)
    if certificates or refusals:
        return Answer(
            Kind.CERTIFICATE if certificates else Kind.REFUSAL,
            request_id,
            tuple(certificates),
            refusals,
            crls=tuple(crls),
        )
    if broken:
        return Answer(Kind.UNREADABLE, request_id, text=broken)
    return Answer(Kind.NOTHING, request_id, text="holds no certificate")


def _may_be_certificate(kind: str, name: str) -> bool:
    # The request itself, sent back with the answer, has the old certificate in it.
    return not name.endswith(".p7m") and (
        kind in _CERTIFICATE_TYPES
        or kind in _BUNDLE_TYPES
        or name.endswith(_CERTIFICATE_SUFFIXES + _BUNDLE_SUFFIXES)
    )


def _has_content(parts: Sequence[Entity]) -> bool:
    """Say whether a message has anything that would count if it were signed."""
    return any(
        _may_be_certificate(part.content_type, part.file_name.lower())
        or part.file_name.lower().endswith(REFUSAL_SUFFIX)
        for part in parts
    )


def _refusal(text: str) -> tuple[str, str] | None:
    """Read the text that `messages.write_refusal` makes."""
    fields: dict[str, str] = {}
    for line in text.splitlines()[:50]:
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    ids = identifiers.ids_in(fields.get("request", "").lower())
    if fields.get("status", "").lower() != "refused" or len(ids) != 1:
        return None
    return ids[0], short(fields.get("reason", ""), 2000) or "no reason is given"


def _request_id(message: Entity) -> str | None:
    """Find the request in the message's own header."""
    return request_named(message)[0]


def request_named(header: Entity) -> tuple[str | None, str | None]:
    """Find request and campaign that the header of an answer names.

    In-Reply-To says it best; References begins with the first message of a thread.
    """
    named = identifiers.named_in(
        header.field("In-Reply-To"),
        header.field("References"),
        header.field("Message-ID"),
    )
    if named:
        return named[0].request_id, named[0].campaign
    stated = identifiers.ids_in(header.field(identifiers.HEADER).lower())
    if stated:
        return stated[0], None
    return identifiers.id_in_subject(header.field("Subject")), None


def _named(parts: Sequence[Entity], request_id: str | None) -> str | None:
    """Find the request that a message names, where its header names none."""
    names = identifiers.id_in_names(part.file_name for part in parts)
    return request_id or names or _id_in_text(parts)


def _id_in_text(parts: Sequence[Entity]) -> str | None:
    """Find the one request that the words of a message are about."""
    ids: set[str] = set()
    for part in parts:
        if part.content_type.startswith("text/") and not part.parts:
            ids |= set(identifiers.ids_in(part.text.lower()))
    return ids.pop() if len(ids) == 1 else None


def _returned(message: Entity) -> str | None:
    """Say why a request came back; None if the message does not say so."""
    if (
        message.content_type != "multipart/report"
        or message.parameter("report-type").lower() != "delivery-status"
    ):
        return None
    for part in message.walk():
        if part.content_type != "message/delivery-status":
            continue
        text = part.data.decode("utf-8", "replace")
        if not re.search(r"(?im)^action:\s*failed\s*$", text):
            continue
        said = []
        for name in ("final-recipient", "diagnostic-code", "status"):
            found = re.search(rf"(?im)^{name}:[ \t]*(.*)$", text)
            if found:
                said.append(found[1].rpartition(";")[2].strip())
        return short("; ".join(said)) or "no reason is given"
    return None


def _returned_id(message: Entity) -> str | None:
    """Find the request in the message that came back, or in its headers."""
    for part in message.walk():
        if part.content_type in ("message/rfc822", "text/rfc822-headers"):
            found = identifiers.named_in(part.data.decode("utf-8", "replace"))
            if found:
                return found[0].request_id
    return None
