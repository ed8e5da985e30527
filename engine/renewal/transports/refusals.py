"""Refusals in a folder: ``ID.refused.txt`` in place of a certificate.

    Request: 5f2c...
    Status: refused
    Reason: why, on one line

As by mail; but nobody signs it, so whoever can write there can put one.
"""

from __future__ import annotations

from .words import plain

REFUSAL_SUFFIX = ".refused.txt"


def refusal_text(request_id: str, reason: str) -> bytes:
    """Write the refusal of the request whose bytes have this digest."""
    reason = " ".join(reason.split())
    text = f"Request: {request_id}\nStatus: refused\nReason: {reason}\n"
    # The name of the request's file may be in it, and need not be UTF-8.
    return text.encode("utf-8", "backslashreplace")


def reason_in(data: bytes, request_id: str) -> str | None:
    """Read why a request is refused; None if the text refuses none, or another one.

    Another one is, for example, a copy that was not finished when it was looked at.
    """
    fields: dict[str, str] = {}
    for line in data.decode("utf-8-sig", "replace").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    if fields.get("status", "").lower() != "refused":
        return None
    if fields.get("request", "").lower() != request_id:
        return None
    return plain(fields.get("reason", "")) or "no reason is given"
