"""What both ends say over HTTPS: paths, media types, refusals, base64.

EST (RFC 7030) and where this is only EST-style:

* ``GET /.well-known/est/cacerts`` is EST's: the authority's certificate in a
  certs-only CMS.
* ``POST /.well-known/est/simplereenroll`` is EST's in its answers: 200 with the
  certificate in a certs-only CMS, 202 with Retry-After, 4xx with a reason.  In EST the
  request is a PKCS#10 and the old key is proved by the client's certificate in TLS.
  Python's ssl cannot use a GOST certificate, so the proof is in the request: the
  PKCS#10 inside a CMS signed with the old key, as application/pkcs7-mime.  A bare
  PKCS#10 is refused with the code ``proof-needed``.
* ``GET /crl`` is the CRL in DER, as in RFC 2585 3 (EST has no path for it).

Bodies are base64 whatever the header Content-Transfer-Encoding says (RFC 8951 3.1);
DER as it is is understood as well.  A refusal is an application/problem+json
(RFC 9457) with one of the codes below beside its text.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from enum import Enum

from gostkey.errors import EncodingError

from ..words import plain

CACERTS = "/.well-known/est/cacerts"
REENROLL = "/.well-known/est/simplereenroll"
CRL = "/crl"

CERTS_ONLY = "application/pkcs7-mime; smime-type=certs-only"
SIGNED_REQUEST = "application/pkcs7-mime; smime-type=signed-data"
CMS_TYPE = "application/pkcs7-mime"
PKCS10_TYPE = "application/pkcs10"
CRL_TYPE = "application/pkix-crl"
PROBLEM_TYPE = "application/problem+json"

LARGEST_REQUEST = 1 << 20
"""Bytes of a body; a request is a few kilobytes."""
LONGEST_RETRY = 86400.0
"""Seconds; a server that names a longer time is asked again after this one."""


class Code(str, Enum):
    """Why there is no certificate, for programs."""

    REFUSED = "refused"
    """The authority says no; the text says why."""
    PROOF_NEEDED = "proof-needed"
    """The request does not prove that the old key is the sender's."""
    UNREADABLE = "unreadable"
    """The body is not a renewal request."""
    UNAUTHORIZED = "unauthorized"
    TOO_LARGE = "too-large"
    LENGTH_NEEDED = "length-needed"
    WRONG_TYPE = "wrong-type"
    NOT_FOUND = "not-found"
    METHOD = "method"
    BAD_REQUEST = "bad-request"
    UNAVAILABLE = "unavailable"


def problem(status: int, code: Code, text: str) -> bytes:
    """Write a refusal (RFC 9457); *text* is one sentence."""
    told = {"type": "about:blank", "status": status, "code": code.value, "detail": text}
    return json.dumps(told, ensure_ascii=False).encode("utf-8") + b"\n"


def read_problem(body: bytes) -> tuple[str, str] | None:
    """Read code and text of a refusal; None if it is none of this form.

    The text is another's: it has no control characters and is short.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    code, text = told.get("code"), told.get("detail", told.get("title"))
    if not isinstance(text, str) or not plain(text):
        return None
    return (plain(code) if isinstance(code, str) else ""), plain(text)


def to_base64(der: bytes) -> bytes:
    """Write base64 in lines, as EST's bodies are."""
    return base64.encodebytes(der)


def from_base64(body: bytes) -> bytes:
    """Read DER that may be in base64, with or without line ends.

    Raises:
        EncodingError: if it is neither.
    """
    # The first octet of a DER SEQUENCE; base64 of one begins with "M".
    if body[:1] == b"\x30":
        return body
    try:
        der = base64.b64decode(b"".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        der = b""
    if not der:
        raise EncodingError("HTTP body: is neither base64 nor DER")
    return der


def media_type(header: str | None) -> str:
    """Give type/subtype of a Content-Type, in small letters; "" without one."""
    return (header or "").partition(";")[0].strip().lower()


def retry_after(header: str | None, now: datetime) -> float | None:
    """Read Retry-After: seconds from now, 0 to `LONGEST_RETRY`; None if unreadable.

    Args:
        header: its value, a number of seconds or a date.
        now: for a date; with a time zone.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), LONGEST_RETRY)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_RETRY)
