"""The lines of a list as text: UTF-8 or Windows-1251, each line told by itself.

One line that somebody pasted in another encoding must not spoil the hundred thousand
others.  The names of the columns, if they are Russian, or else most lines with Russian
letters say which encoding the list is in; a line not in it is that line's fault.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from gostkey.errors import CampaignError

MAX_LIST_BYTES = 64 << 20
NAMES = {"utf-8": "UTF-8", "cp1251": "Windows-1251"}

_CURE = "save the list as CSV in UTF-8 or Windows-1251"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How files of table programs begin: XLSX and ODS, which are ZIP files, and XLS."""
_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\n|\r|\Z)")


class BadText(Exception):
    """A line that is not text in the list's encoding; its text says why."""


def read_lines(path: Path) -> Iterator[str | BadText]:
    """Yield the lines of a list, without their ends, or why one is no text.

    Raises:
        CampaignError: if the file as a whole cannot be used; before the first line.
    """
    data = _read(path)
    encoding = _encoding_of(data)
    if encoding == "utf-8":
        data = data.removeprefix(codecs.BOM_UTF8)
    return _lines(data, encoding)


def separator_in(line: str) -> str:
    """Give the separator that a first line "sep=;" names; "" if it is no such line."""
    found = _SEPARATOR.fullmatch(line)
    return found[1] if found else ""


def _lines(data: bytes, encoding: str) -> Iterator[str | BadText]:
    for line in _split(data):
        if b"\x00" in line:
            yield BadText("the line holds zero bytes, which no text does")
            continue
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError as error:
            yield BadText(
                f"byte {error.start + 1} of the line is not {NAMES[encoding]}, in "
                "which the list is"
            )


def _split(data: bytes) -> Iterator[bytes]:
    at = 0
    while at <= len(data):
        found = _LINE.match(data, at)
        assert found is not None
        yield found[1]
        if found.end() == found.end(1):
            return
        at = found.end()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LIST_BYTES + 1)
    except OSError as error:
        raise CampaignError(
            f"{path}: cannot be read: {error.strerror or error}"
        ) from error
    if len(data) > MAX_LIST_BYTES:
        raise CampaignError(
            f"{path}: longer than {MAX_LIST_BYTES >> 20} MiB; split the list"
        )
    if data.startswith(_WORKBOOKS):
        raise CampaignError(
            f"{path}: the list is a file of a table program; save it there as CSV with "
            "semicolons"
        )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise CampaignError(f"{path}: the list is in UTF-16; {_CURE}")
    # In text that is no text, or UTF-16 without a mark, they are everywhere.
    if data.count(b"\x00") * 10 > len(data) or b"\x00" in next(_split(data)):
        raise CampaignError(f"{path}: the list is not a text file; {_CURE}")
    return data


def _encoding_of(data: bytes) -> str:
    """Tell the encoding by the first line, or else by the others that are not ASCII."""
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8"
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        pass
    good = bad = 0
    lines = _split(data)
    # Before the names of the columns a line may say what separates them.
    first = next(lines)
    names = next(lines, b"") if separator_in(first.decode("latin-1")) else first
    for line in itertools.chain([names], lines):
        if line.isascii():
            continue
        # Russian words in Windows-1251 are hardly ever UTF-8 by chance.
        is_utf8 = _is_utf8(line)
        if line is names:
            # The names of the columns: in another encoding none of them is known.
            return "utf-8" if is_utf8 else "cp1251"
        good += is_utf8
        bad += not is_utf8
    return "utf-8" if good > bad else "cp1251"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
