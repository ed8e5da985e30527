"""Status words: what a card answers besides data.

Source: ISO/IEC 7816-4, 5.6; what Rutoken makes of them, OpenSC's card-rutoken.c and
card-rtecp.c.
"""

from __future__ import annotations

import enum

from gostkey.errors import MediumError, TokenFull, TokenRefused


class Status(enum.IntEnum):
    """The status words that a program does something about."""

    DONE = 0x9000
    END_OF_FILE = 0x6282
    WRONG_PIN = 0x6300
    MEMORY_FAILURE = 0x6581
    MEMORY_FAILURE_OLD = 0x6500
    WRONG_LENGTH = 0x6700
    NOT_ALLOWED = 0x6982
    PIN_BLOCKED = 0x6983
    CONDITIONS = 0x6985
    NO_FILE_SELECTED = 0x6986
    BAD_DATA = 0x6A80
    NO_SUCH_FUNCTION = 0x6A81
    NOT_FOUND = 0x6A82
    NO_ROOM = 0x6A84
    BAD_PARAMETERS = 0x6A86
    NO_SUCH_REFERENCE = 0x6A88
    EXISTS = 0x6A89
    PAST_THE_END = 0x6B00
    NO_SUCH_COMMAND = 0x6D00
    NO_SUCH_CLASS = 0x6E00
    TOO_MANY_FILES = 0x6F85
    LOGGED_IN_ALREADY = 0x6F86


_WORDS = {
    Status.WRONG_PIN: "wrong PIN",
    Status.MEMORY_FAILURE: "its memory fails: copy what is readable, take another one",
    Status.MEMORY_FAILURE_OLD: (
        "its memory fails: copy what is readable, take another one"
    ),
    Status.WRONG_LENGTH: "wrong length",
    Status.NOT_ALLOWED: "not allowed to who is logged in",
    Status.PIN_BLOCKED: "the PIN is blocked",
    Status.CONDITIONS: "not in this state of the token",
    Status.NO_FILE_SELECTED: "no file is selected",
    Status.BAD_DATA: "it does not like the data",
    Status.NO_SUCH_FUNCTION: "it cannot do that",
    Status.NOT_FOUND: "no such file",
    Status.NO_ROOM: "no room",
    Status.BAD_PARAMETERS: "wrong parameters",
    Status.NO_SUCH_REFERENCE: "no such PIN or object",
    Status.EXISTS: "the file exists already",
    Status.PAST_THE_END: "past the end of the file",
    Status.NO_SUCH_COMMAND: "it does not know the command",
    Status.NO_SUCH_CLASS: "it does not know the command",
    Status.TOO_MANY_FILES: "too many files in the folder",
    Status.LOGGED_IN_ALREADY: "somebody is logged in already",
}


def tries_in(status: int) -> int | None:
    """Return how many tries of a PIN a status word tells of (63Cx), or None."""
    return status & 0x0F if status & 0xFFF0 == 0x63C0 else None


def as_refused_pin(status: int) -> int:
    """Return the status of a login on a token whose words are not all known.

    Whatever is not a number of tries, or a blocked PIN, is taken for a wrong one: it
    is not sent again then.
    """
    known = status == Status.DONE or status == Status.PIN_BLOCKED
    if known or tries_in(status) is not None:
        return status
    return Status.WRONG_PIN if status >> 8 in (0x63, 0x69, 0x6A) else status


def words(status: int) -> str:
    """Return a status word as it stands in messages: number and meaning."""
    tries = tries_in(status)
    if tries is not None:
        return f"{status:04X}, wrong PIN, tries left: {tries}"
    try:
        return f"{status:04X}, {_WORDS[Status(status)]}"
    except (KeyError, ValueError):
        return f"{status:04X}"


def refused(title: str, what: str, status: int) -> MediumError | TokenFull:
    """Return the error for a command that was not carried out.

    Args:
        title: of the token.
        what: it was to do.
        status: what it answered.
    """
    if status in (Status.NO_ROOM, Status.TOO_MANY_FILES):
        return TokenFull(f"{title}: {what}: {words(status)}")
    return TokenRefused(f"{title}: {what} is refused ({words(status)})", status)
