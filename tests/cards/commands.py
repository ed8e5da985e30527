"""What goes to a card and comes back: commands, refusals, the record of both.

Source: ISO/IEC 7816-4, short commands; status words as the media's notes list them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

DONE = 0x9000
WRONG_PIN = 0x6300
MEMORY_FAILURE = 0x6581
WRONG_LENGTH = 0x6700
NO_RIGHT = 0x6982
PIN_BLOCKED = 0x6983
NO_CONDITIONS = 0x6985
NO_FILE_SELECTED = 0x6986
WRONG_DATA = 0x6A80
NOT_SUPPORTED = 0x6A81
NOT_FOUND = 0x6A82
FULL = 0x6A84
WRONG_PARAMETERS = 0x6A86
NO_SUCH_REFERENCE = 0x6A88
EXISTS = 0x6A89
PAST_THE_END = 0x6B00
NO_SUCH_COMMAND = 0x6D00
NO_SUCH_CLASS = 0x6E00
FOLDER_FULL = 0x6F85
LOGGED_IN_ALREADY = 0x6F86


class Refused(Exception):
    """The card answers with this status word and no data."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


def need(holds: bool, status: int) -> None:
    """Refuse the command with that status word, unless the condition holds."""
    if not holds:
        raise Refused(status)


@dataclass(frozen=True)
class Command:
    """A short command.  *expected* is None where none is given, 256 for a zero."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes
    expected: int | None

    @property
    def head(self) -> int:
        """Class and instruction as one number."""
        return self.cla << 8 | self.ins

    @property
    def parameters(self) -> int:
        """P1 and P2 as one number."""
        return self.p1 << 8 | self.p2


def parse(command: bytes) -> Command:
    """Take a command apart; what is not a short one is refused with 6700."""
    need(len(command) >= 4, WRONG_LENGTH)
    data, expected = b"", None
    if len(command) == 5:
        expected = command[4] or 256
    elif len(command) > 5:
        end = 5 + command[4]
        need(command[4] > 0 and len(command) in (end, end + 1), WRONG_LENGTH)
        data = command[5:end]
        if len(command) > end:
            expected = command[end] or 256
    return Command(command[0], command[1], command[2], command[3], data, expected)


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Go through fields of one-byte tag and length; 6A80 when they do not add up."""
    while data:
        need(len(data) >= 2 and len(data) >= 2 + data[1], WRONG_DATA)
        yield data[0], data[2 : 2 + data[1]]
        data = data[2 + data[1] :]


def field(tag: int, value: bytes) -> bytes:
    return bytes([tag, len(value)]) + value


def blanked(command: bytes) -> bytes:
    """The command as it may be kept: what follows Lc of a login is made of stars."""
    secret = command[:2] in (b"\x80\x10", b"\x80\x11") or (
        len(command) > 1 and command[1] in (0x20, 0x24, 0x2C, 0xDA) and command[0] == 0
    )
    return command[:5] + b"*" * len(command[5:]) if secret else command


@dataclass(frozen=True)
class Exchange:
    """One command of the card's record, without what is secret, and its answer."""

    command: bytes
    answered: int
    status: int | None
    """None: the card went away, and there was no answer."""

    def __str__(self) -> str:
        status = "gone" if self.status is None else f"{self.status:04X}"
        return f"{self.command.hex(' ').upper()} -> {self.answered} bytes, {status}"
