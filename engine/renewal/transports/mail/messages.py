"""The messages themselves: a request, a certificate, a refusal.

Each of them has words for a person and an attachment for a program, so that an
authority where people read mail can answer too: with a certificate attached, however
it is called.  Where there is nothing for a program, there are words alone.

Sources: RFC 5322; RFC 8551 3.2 (application/pkcs7-mime); RFC 2585 (pkix-cert);
RFC 3834 (Auto-Submitted).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from . import identifiers
from .smime import Sign, signed_message

# Long enough for the names of files, which not all programs can read when folded.
SEVEN_BIT = SMTP.clone(cte_type="7bit", max_line_length=160)
REFUSAL_SUFFIX = ".refused.txt"
LONGEST_REASON = 2000


@dataclass(frozen=True)
class Writer:
    """Who writes: the address, and the key if messages are signed."""

    address: str
    sign: Sign | None = None
    digest_size: int = 32

    def write(
        self,
        headers: Sequence[tuple[str, str]],
        text: str,
        attachments: Sequence[tuple[str, str, bytes]],
        at: datetime,
    ) -> bytes:
        """Make a message.

        Args:
            headers: besides From and Date.
            text: for a person.
            attachments: media type with parameters, file name, content.
            at: the date of the message.

        Returns:
            The message, 7-bit, lines ended by CRLF.
        """
        outer = EmailMessage(policy=SEVEN_BIT)
        outer["From"] = self.address
        outer["Date"] = format_datetime(at.replace(microsecond=0))
        for name, value in headers:
            outer[name] = value
        inner = EmailMessage(policy=SEVEN_BIT)
        inner.set_content(text, cte="base64")
        inner.make_mixed()
        for kind, file_name, data in attachments:
            inner.attach(_attachment(kind, file_name, data))
        del inner["MIME-Version"]
        head = outer.as_bytes().rstrip(b"\r\n") + b"\r\n"
        entity = inner.as_bytes().removesuffix(b"\r\n")
        if self.sign is None:
            return head + b"MIME-Version: 1.0\r\n" + entity + b"\r\n"
        return signed_message(head, entity, self.sign, at, self.digest_size)


def _attachment(kind: str, file_name: str, data: bytes) -> EmailMessage:
    import base64

    part = EmailMessage(policy=SEVEN_BIT)
    part["Content-Type"] = f'{kind}; name="{file_name}"'
    part["Content-Transfer-Encoding"] = "base64"
    part["Content-Disposition"] = f'attachment; filename="{file_name}"'
    part.set_payload(base64.encodebytes(data).decode("ascii"))
    return part


def write_request(
    writer: Writer,
    to: str,
    request_id: str,
    campaign: str,
    request: bytes,
    owner: str,
    at: datetime,
) -> bytes:
    """Make the message with a request."""
    text = (
        "This message asks for a new certificate in place of one that ends soon.\n\n"
        f"Owner:    {owner}\n"
        f"Request:  {request_id}\n\n"
        "The request is attached: PKCS #10 in CMS, signed with the key that is to be\n"
        "replaced.\n\n"
        "To answer, reply to this message and attach the certificate (.cer, .crt,\n"
        f".pem or .p7b). To refuse, attach a text file ID{REFUSAL_SUFFIX} with these"
        " lines:\n\n"
        f"Request: {request_id}\n"
        "Status: refused\n"
        "Reason: (why, on one line)\n"
    )
    return writer.write(
        [
            ("To", to),
            (
                "Message-ID",
                identifiers.message_id(
                    identifiers.REQUEST, request_id, campaign, writer.address
                ),
            ),
            ("Subject", f"Certificate renewal {identifiers.marked(request_id)}"),
            *_ours(request_id, "auto-generated"),
        ],
        text,
        [
            (
                "application/pkcs7-mime; smime-type=signed-data",
                f"{request_id}.p7m",
                request,
            )
        ],
        at,
    )


@dataclass(frozen=True)
class Asked:
    """The message that is answered."""

    sender: str
    message_id: str
    references: str
    subject: str
    campaign: str


def write_certificate(
    writer: Writer,
    asked: Asked,
    request_id: str,
    certificate: bytes,
    owner: str,
    at: datetime,
    crl: bytes | None = None,
) -> bytes:
    """Make the answer with a certificate, and the authority's CRL if it is given."""
    text = (
        "The certificate that was asked for is attached.\n\n"
        f"Owner:    {owner}\n"
        f"Request:  {request_id}\n"
    )
    files = [("application/pkix-cert", f"{request_id}.cer", certificate)]
    if crl is not None:
        files.append(("application/pkix-crl", "authority.crl", crl))
    return writer.write(_answer(writer, asked, request_id), text, files, at)


def write_refusal(
    writer: Writer, asked: Asked, request_id: str, why: str, at: datetime
) -> bytes:
    """Make the answer that says no, in words and for a program."""
    reason = " ".join(why.split())[:LONGEST_REASON]
    text = (
        "The authority does not issue this certificate.\n\n"
        f"Request:  {request_id}\n"
        f"Reason:   {reason}\n"
    )
    stated = f"Request: {request_id}\nStatus: refused\nReason: {reason}\n"
    file = (
        "text/plain; charset=utf-8",
        f"{request_id}{REFUSAL_SUFFIX}",
        stated.encode("utf-8"),
    )
    return writer.write(_answer(writer, asked, request_id), text, [file], at)


def write_no_request(
    writer: Writer, asked: Asked, request_id: str, why: str, at: datetime
) -> bytes:
    """Make the answer to a message that names a request and holds none: words."""
    text = (
        f"Nothing was done: {why}.\n\n"
        f"Request:  {request_id}\n\n"
        "This decides nothing on the request. If it did not arrive, send it again.\n"
    )
    return writer.write(_answer(writer, asked, request_id), text, [], at)


def _answer(writer: Writer, asked: Asked, request_id: str) -> list[tuple[str, str]]:
    subject = " ".join(asked.subject.split())[:200]
    if identifiers.id_in_subject(subject) != request_id:
        subject = f"Certificate renewal {identifiers.marked(request_id)}"
    headers = [
        ("To", asked.sender),
        (
            "Message-ID",
            identifiers.message_id(
                identifiers.ANSWER, request_id, asked.campaign, writer.address
            ),
        ),
        ("Subject", subject if subject[:3].lower() == "re:" else f"Re: {subject}"),
    ]
    if asked.message_id:
        headers += [
            ("In-Reply-To", asked.message_id),
            ("References", f"{asked.references} {asked.message_id}".strip()),
        ]
    return headers + _ours(request_id, "auto-replied")


def _ours(request_id: str, submitted: str) -> list[tuple[str, str]]:
    return [
        (identifiers.HEADER, request_id),
        ("Auto-Submitted", submitted),
        # Exchange's way of asking for no automatic answers.
        ("X-Auto-Response-Suppress", "All"),
    ]
