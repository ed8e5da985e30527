"""A long JSON object read piece by piece, with no more of it in memory than a piece.

The JSON itself is read by `json.JSONDecoder`, one value at a time; here is only what
stands between the values of the object and of those of its members that are lists.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple, NoReturn

__all__ = ["NotAnObject", "Piece", "members", "texts"]

AT_ONCE = 1 << 18
"""Bytes that are read together."""
LARGEST = 1 << 22
"""Characters that a value may have, if it is not one of the lists."""

_BLANKS = re.compile(r"[ \t\n\r]*")
_MAY_GO_ON = re.compile(r"[-+.eE0-9]*\Z")
"""The end of a text, behind a number that may have more digits still to come."""
_decoder = json.JSONDecoder()


class NotAnObject(ValueError):
    """It is JSON, and something else than an object."""


class Piece(NamedTuple):
    """A member of the object, or an element of a member that is a list."""

    key: str
    place: int | None
    """Of the element in its list; None: the member itself."""
    value: Any
    """Of a list that comes in pieces: an empty one, before its elements."""


def texts(stream: BinaryIO) -> Iterator[str]:
    """Decode a file of JSON: UTF-8, 16 or 32, as `json.loads` tells them apart.

    Raises:
        UnicodeDecodeError: if it is not text.
    """
    some = stream.read(AT_ONCE)
    decoder = codecs.getincrementaldecoder(json.detect_encoding(some))("surrogatepass")
    while some:
        yield decoder.decode(some)
        some = stream.read(AT_ONCE)
    yield decoder.decode(b"", final=True)


def members(chunks: Iterable[str], lists: Collection[str]) -> Iterator[Piece]:
    """Read the members of a JSON object, in the order in which they stand there.

    Args:
        chunks: the text, cut anywhere.
        lists: names of the members that come element by element if they are lists.

    Raises:
        NotAnObject: if it is another value.
        ValueError: if it is not JSON, or a value is too long; with the line.
        RecursionError: if it is nested too deeply.
    """
    text = _Text(chunks)
    if text.next() != "{":
        text.value()
        text.end()
        raise NotAnObject
    for key in _keys(text):
        text.take(":")
        if key in lists and text.next() == "[":
            yield Piece(key, None, [])
            for place, value in enumerate(_elements(text)):
                yield Piece(key, place, value)
        else:
            yield Piece(key, None, text.value())
    text.end()


def _keys(text: _Text) -> Iterator[str]:
    """Yield the keys; the value of each is taken before the next one is asked for."""
    text.take("{")
    if text.next() == "}":
        text.take("}")
        return
    while True:
        if text.next() != '"':
            text.refuse("a name in double quotes")
        yield text.value()
        if text.take(",}") == "}":
            return


def _elements(text: _Text) -> Iterator[Any]:
    text.take("[")
    if text.next() == "]":
        text.take("]")
        return
    while True:
        yield text.value()
        if text.take(",]") == "]":
            return


class _Text:
    """The text from where it was read to, and as much of it as has come."""

    def __init__(self, chunks: Iterable[str]) -> None:
        self._chunks = iter(chunks)
        self._text = ""
        self._at = 0
        self._lines = 1
        """Number of the line with which the text here begins."""

    def next(self) -> str:
        """Return the next character that is no blank, or "" at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            assert blanks is not None
            self._at = blanks.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> str:
        """Take a character that must be one of some."""
        found = self.next()
        if not found or found not in wanted:
            self.refuse(" or ".join(map(repr, wanted)))
        self._at += 1
        return found

    def value(self) -> Any:
        """Take a value, all of it."""
        self.next()
        while True:
            try:
                value, end = _decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._may_be_longer() and self._more():
                    continue
                line = self._lines + error.lineno - 1
                raise ValueError(f"{error.msg}, line {line}") from None
            if (
                _MAY_GO_ON.match(self._text, end)
                and self._may_be_longer()
                and self._more()
            ):
                continue
            self._at = end
            return value

    def end(self) -> None:
        """Refuse anything that comes behind."""
        if self.next():
            self.refuse("the end")

    def refuse(self, wanted: str) -> NoReturn:
        line = self._lines + self._text.count("\n", 0, self._at)
        raise ValueError(f"expected {wanted}, line {line}")

    def _may_be_longer(self) -> bool:
        return len(self._text) - self._at < LARGEST

    def _more(self) -> bool:
        """Get more of the text; forget what was taken."""
        for chunk in self._chunks:
            if chunk:
                self._lines += self._text.count("\n", 0, self._at)
                self._text = self._text[self._at :] + chunk
                self._at = 0
                return True
        return False
