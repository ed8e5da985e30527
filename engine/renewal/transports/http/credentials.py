"""What an office and a server know each other by: passwords, tokens, fingerprints."""

from __future__ import annotations

import base64

from gostkey.errors import TransportError

from ..words import plain


def authorization(secret: str) -> str:
    """Make the header Authorization of NAME:PASSWORD, or of a token.

    Raises:
        TransportError: if a token has characters that a header cannot have.
    """
    if ":" in secret:
        return "Basic " + base64.b64encode(secret.encode("utf-8")).decode("ascii")
    token = secret.strip()
    if not token.isascii() or not token.isprintable() or not token:
        raise TransportError(
            "the token for the authority: must be printable ASCII on the first line"
        )
    return f"Bearer {token}"


def read_pin(text: str) -> str:
    """Read a fingerprint: 64 hex digits, colons and spaces between them or not."""
    pin = text.replace(":", "").replace(" ", "").lower()
    if len(pin) != 64 or not all(one in "0123456789abcdef" for one in pin):
        raise TransportError(
            f"fingerprint {plain(text)!r}: must be 64 hex digits, "
            "Streebog-256 or SHA-256 of the root certificate"
        )
    return pin
