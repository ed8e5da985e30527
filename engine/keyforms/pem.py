"""PEM, the text form of DER (RFC 7468).

Text before, between and after the blocks is left alone, as tools write notes
there; inside a block only base64 is allowed, no headers.
"""

from __future__ import annotations

import base64
import binascii
import re

from gostkey.errors import EncodingError

__all__ = ["pem", "unpem"]

_BLOCK = re.compile(
    rb"^-----BEGIN ([A-Z0-9 ]{1,64})-----[ \t]*\r?\n"
    rb"([A-Za-z0-9+/= \t\r\n]*)"
    rb"^-----END ([A-Z0-9 ]{1,64})-----[ \t]*\r?$",
    re.MULTILINE,
)
_DER_SEQUENCE = b"\x30"


def pem(der: bytes, label: str) -> str:
    """Return *der* as one PEM block, such as label "PUBLIC KEY"."""
    text = base64.b64encode(der).decode("ascii")
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def unpem(data: bytes | bytearray | str, *labels: str) -> bytes:
    """Return the DER in *data*: DER as it is, or the first PEM block wanted.

    Args:
        data: DER, or text with PEM blocks.
        labels: labels that will do; others are passed over.

    Raises:
        EncodingError: if it is neither, or has no such block.
    """
    octets = data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data)
    wanted = " or ".join(labels)
    if b"-----BEGIN " not in octets:
        if octets.startswith(_DER_SEQUENCE) and not isinstance(data, str):
            return octets
        raise EncodingError(f"input is neither DER nor PEM; it should be {wanted}")
    found = []
    for begin, body, end in _BLOCK.findall(octets):
        label = begin.decode("ascii")
        found.append(label)
        if label not in labels:
            continue
        if begin != end:
            raise EncodingError(
                f"PEM block {label}: it ends with {end.decode('ascii')}"
            )
        try:
            return base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error:
            raise EncodingError(f"PEM block {label}: its base64 is broken") from None
    raise EncodingError(
        f"PEM input has {', '.join(found) or 'no whole block'}; it should have {wanted}"
    )
