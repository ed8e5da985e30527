"""Messages taken apart: MIME from anybody, bounded, the octets kept as they came.

A signature covers the octets of a part as they were sent (RFC 1847), so the parts of a
message are cut out and not rebuilt.  The headers are read by the standard library;
the cutting at boundaries is here, because it has to stop: a message may be small and
have thousands of parts in each other.

Sources: RFC 2046 5.1.1; RFC 1847 2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from functools import cached_property
from typing import Any

from gostkey.errors import EncodingError

LARGEST_MESSAGE = 1 << 20
"""Bytes; requests and answers have some ten thousand."""
DEEPEST, MOST_PARTS, LARGEST_HEADER = 8, 64, 1 << 16

_PARSER: BytesHeaderParser[Message[str, str]] = BytesHeaderParser(policy=compat32)
_END_OF_LINE = re.compile(rb"\r?\n")
# What the standard library may raise for a header that nobody would write.
_ODD = (ValueError, LookupError, TypeError, AttributeError, MessageError)


@dataclass(frozen=True)
class Entity:
    """A message or a part of one."""

    raw: bytes
    """Header, empty line and body, lines ended by CRLF."""
    header: Message[str, str]
    parts: tuple[Entity, ...] = ()

    @cached_property
    def content_type(self) -> str:
        """Type and subtype, in small letters."""
        try:
            return self.header.get_content_type()
        except _ODD:
            return "application/octet-stream"

    @property
    def file_name(self) -> str:
        """The name that the sender gave the part; "" if none.  Not for a disk."""
        try:
            return decoded(self.header.get_filename("") or "")
        except _ODD:
            return ""

    @cached_property
    def data(self) -> bytes:
        """The body without its transfer encoding; b"" if that is broken."""
        try:
            found = self.header.get_payload(decode=True)
        except _ODD:
            return b""
        return found if isinstance(found, bytes) else b""

    @cached_property
    def text(self) -> str:
        """The body as text; what does not fit its character set is replaced."""
        try:
            charset = str(self.header.get_content_charset("utf-8"))
            return self.data.decode(charset, "replace")
        except _ODD:
            return self.data.decode("utf-8", "replace")

    def parameter(self, name: str) -> str:
        """Give a parameter of Content-Type; "" if there is none."""
        try:
            found: Any = self.header.get_param(name)
        except _ODD:
            return ""
        return found if isinstance(found, str) else ""

    def field(self, name: str) -> str:
        """Give a header field, decoded, on one line; "" if there is none."""
        try:
            found = self.header.get(name, "")
        except _ODD:
            return ""
        return decoded(str(found))

    def walk(self) -> Iterator[Entity]:
        """Give the entity and all its parts."""
        yield self
        for part in self.parts:
            yield from part.walk()


def decoded(text: str) -> str:
    """Decode the words of RFC 2047 in a field, and put it on one line."""
    try:
        text = str(make_header(decode_header(text)))
    except _ODD:
        pass
    return " ".join(text.split())


def read_entity(raw: bytes) -> Entity:
    """Take a message apart.

    Args:
        raw: as it was received; line ends of other kinds become CRLF.

    Raises:
        EncodingError: if it is too large, or has too many parts or too many in
            each other.
    """
    if len(raw) > LARGEST_MESSAGE:
        raise EncodingError(
            f"message: {len(raw)} bytes; more than {LARGEST_MESSAGE} are not read"
        )
    left = [MOST_PARTS]
    return _read(_END_OF_LINE.sub(b"\r\n", raw), 0, left)


def _read(raw: bytes, depth: int, left: list[int]) -> Entity:
    left[0] -= 1
    if left[0] < 0 or depth > DEEPEST:
        raise EncodingError(
            f"message: more than {MOST_PARTS} parts, or more than {DEEPEST} in "
            "each other"
        )
    if raw.startswith(b"\r\n"):
        head, body = b"", raw[2:]
    else:
        head, _, body = raw.partition(b"\r\n\r\n")
    if len(head) > LARGEST_HEADER:
        raise EncodingError(f"message: a header of more than {LARGEST_HEADER} bytes")
    try:
        header = _PARSER.parsebytes(head + b"\r\n\r\n")
        header.set_payload(body.decode("ascii", "surrogateescape"))
        boundary = header.get_boundary()
        several = header.get_content_maintype() == "multipart"
    except _ODD as error:
        raise EncodingError(f"message: its header cannot be read ({error})") from None
    parts: list[Entity] = []
    if several and boundary:
        parts = [_read(one, depth + 1, left) for one in _cut(body, boundary, left[0])]
    return Entity(raw, header, tuple(parts))


def _cut(body: bytes, boundary: str, most: int) -> list[bytes]:
    """Cut a body at its boundary; the line end before a boundary belongs to it."""
    try:
        name = boundary.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return []
    line = re.compile(rb"(?:^|\r\n)--" + re.escape(name) + rb"(--)?[ \t]*(?=\r\n|$)")
    found: list[bytes] = []
    begin: int | None = None
    at = 0
    while len(found) <= most:
        match = line.search(body, at)
        if begin is not None:
            end = len(body) if match is None else max(match.start(), begin)
            found.append(body[begin:end])
        if match is None or match[1]:
            break
        begin = min(match.end() + 2, len(body))
        # The end of this line may be the beginning of the next boundary.
        at = match.end()
    return found
