"""What a value of the configuration may be, and what must be there on the disk.

A kind takes the value as TOML gave it and returns what the command's option takes, or
raises ValueError with what would be right.  Relative paths begin at the file's folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from pathlib import Path

from ..chips import is_chip_address
from ..pacing import MostFailures, QuietHours, Rate
from ..tokens import is_token_address

_SPAN = re.compile(r"\s*(\d{1,9}(?:\.\d{1,3})?)\s*(s|sec|min|m|h|hours?|d|days?)\s*\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=366).total_seconds()
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)\Z")
_EASTERNMOST = 14
"""Hours of the zone that is farthest from UTC."""


@dataclass(frozen=True)
class Kind:
    """A sort of value."""

    wanted: str
    """For messages: "a whole number from 1 to 64"."""
    take: Callable[[object, Path], object]
    """Turns a value of TOML into one of the option; raises ValueError."""
    must_be: str = ""
    """What must be on the disk: "file", "secret" (a file with a password or PIN),
    "new" (a file that is written: its folder), "key" (a file or a container),
    "folder", "place" (a folder or a token's address), "writable" (a folder that is or
    can be made, and can be written to)."""


def _wrong(wanted: str) -> ValueError:
    return ValueError(f"must be {wanted}")


def text(wanted: str = "a text in quotation marks") -> Kind:
    """Give the kind of any text."""

    def take(value: object, base: Path) -> object:
        if not isinstance(value, str) or not value or not value.isprintable():
            raise _wrong(wanted)
        return value

    return Kind(wanted, take)


def texts() -> Kind:
    """Give the kind of lists of texts."""
    wanted = 'a list of texts, such as ["a", "b"]'
    one = text()

    def take(value: object, base: Path) -> object:
        if not isinstance(value, list):
            raise _wrong(wanted)
        return [one.take(each, base) for each in value]

    return Kind(wanted, take)


def truth() -> Kind:
    """Give the kind of yes and no."""
    wanted = "true or false, without quotation marks"

    def take(value: object, base: Path) -> object:
        if not isinstance(value, bool):
            raise _wrong(wanted)
        return value

    return Kind(wanted, take)


def whole(least: int, most: int) -> Kind:
    """Give the kind of whole numbers in a range."""
    wanted = f"a whole number from {least} to {most}, without quotation marks"

    def take(value: object, base: Path) -> object:
        # In Python true is a number, too.
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(wanted)
        if not least <= value <= most:
            raise _wrong(wanted)
        return value

    return Kind(wanted, take)


def choice(values: Sequence[str]) -> Kind:
    """Give the kind of one of several words."""
    wanted = "one of " + ", ".join(f'"{one}"' for one in values)

    def take(value: object, base: Path) -> object:
        if value not in values:
            raise _wrong(wanted)
        return value

    return Kind(wanted, take)


def path(must_be: str) -> Kind:
    """Give the kind of paths; see `Kind.must_be`."""
    wanted = "a path in quotation marks"
    if must_be == "place":
        wanted = 'a folder or a token such as "token:30DA6803", in quotation marks'

    def take(value: object, base: Path) -> object:
        if not isinstance(value, str) or not value or not value.isprintable():
            raise _wrong(wanted)
        if is_token_address(value) or is_chip_address(value):
            if must_be != "place":
                raise _wrong(wanted)
            return value
        return str(base / Path(value).expanduser())

    return Kind(wanted, take, must_be)


def paths(must_be: str) -> Kind:
    """Give the kind of lists of paths."""
    one = path(must_be)
    wanted = 'a list of paths, such as ["a", "b"]'

    def take(value: object, base: Path) -> object:
        if not isinstance(value, list):
            raise _wrong(wanted)
        return [one.take(each, base) for each in value]

    return Kind(wanted, take, must_be)


def span(least: float, most: float = _LONGEST) -> Kind:
    """Give the kind of spans of time; what the option gets is text."""
    wanted = f'a span such as "90s", "10min", "2h" or "1d", at least {least:g} seconds'

    def take(value: object, base: Path) -> object:
        if not isinstance(value, str):
            raise _wrong(wanted)
        try:
            seconds = read_span(value)
        except ValueError:
            raise _wrong(wanted) from None
        if not least <= seconds <= most:
            raise _wrong(wanted)
        return value

    return Kind(wanted, take)


def read_span(text: str) -> float:
    """Read a span of time such as "90s", "10min", "2h" or "1d".

    Returns:
        Seconds, at most those of a year.

    Raises:
        ValueError: if it is none.
    """
    match = _SPAN.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a span; write 90s, 10min, 2h or 1d")
    seconds = float(match[1]) * _UNITS[match[2][0]]
    if seconds > _LONGEST:
        raise ValueError(f"{text!r} is longer than a year")
    return seconds


def rate() -> Kind:
    """Give the kind of rates."""
    return _parsed('a rate such as "10/s", "300/min" or "5000/h"', Rate.parse)


def failures() -> Kind:
    """Give the kind of numbers or shares of failures."""
    return _parsed('a number such as "20" or a share such as "5%"', MostFailures.parse)


def offset() -> Kind:
    """Give the kind of time zones."""
    return _parsed('an offset such as "+03:00"', read_offset)


def read_offset(text: str) -> tzinfo:
    """Read a zone's offset from UTC such as "+03:00" or "+0300".

    Raises:
        ValueError: if it is none, or no zone has it.
    """
    match = _OFFSET.match(text)
    if match is None or int(match[2]) > _EASTERNMOST or int(match[3]) > 59:
        raise ValueError(f"{text!r} is not an offset; write +03:00")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)


def ranges() -> Kind:
    """Give the kind of lists of hours."""
    wanted = 'a list of hours such as ["08:00-12:00", "22:00-06:00"]'

    def take(value: object, base: Path) -> object:
        some = [value] if isinstance(value, str) else value
        if not isinstance(some, list) or not all(isinstance(x, str) for x in some):
            raise _wrong(wanted)
        try:
            QuietHours.parse(some)
        except ValueError as error:
            if "leave no time" in str(error):
                raise
            raise _wrong(wanted) from None
        return some

    return Kind(wanted, take)


def _parsed(wanted: str, parse: Callable[[str], object]) -> Kind:
    def take(value: object, base: Path) -> object:
        if not isinstance(value, str):
            raise _wrong(wanted)
        try:
            parse(value)
        except ValueError:
            raise _wrong(wanted) from None
        return value

    return Kind(wanted, take)
