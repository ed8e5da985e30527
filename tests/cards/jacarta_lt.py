"""JaCarta LT, the Datastore applet: a table of objects, which can only be read.

How objects are written is not public; a test puts them there (`add_container`).
The table is asked for with the number of the first row that is wanted.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any, ClassVar

from cards.card import VirtualCard
from cards.commands import (
    NO_CONDITIONS,
    NO_RIGHT,
    NO_SUCH_COMMAND,
    NO_SUCH_REFERENCE,
    NOT_FOUND,
    PAST_THE_END,
    PIN_BLOCKED,
    WRONG_DATA,
    WRONG_LENGTH,
    WRONG_PARAMETERS,
    Command,
    Refused,
    need,
)

CODES = {
    "masks.key": 0xF1,
    "primary.key": 0xF2,
    "header.key": 0xF3,
    "masks2.key": 0xF4,
    "primary2.key": 0xF5,
    "name.key": 0xF6,
}
OPEN = (0xF3, 0xF6)
"""Codes of what is read without a PIN."""
LONGEST = 240


@dataclass
class Row:
    index: int
    type: int
    code: int
    content: bytes

    def __bytes__(self) -> bytes:
        return bytes([0, self.index, self.type, self.code, 0, 0, 0])


class JacartaLt(VirtualCard):
    """JaCarta LT.

    Args:
        user_pin: the PIN.
        tries: of the PIN.
        rows_at_once: how many rows of the table one answer has.
    """

    KIND: ClassVar[str] = "jacarta-lt"
    ATR: ClassVar[bytes] = bytes.fromhex("3BDC18FF8111FE8073C82113660106013080018D")
    APPLET: ClassVar[bytes] = bytes.fromhex("A000000448000301")

    def __init__(
        self,
        *,
        user_pin: str = "1234567890",
        tries: int = 10,
        rows_at_once: int = 34,
        t0: bool | None = None,
    ) -> None:
        super().__init__(t0=t0)
        self.user_pin = user_pin
        self.tries = self.left = tries
        self.rows_at_once = rows_at_once
        self.rows: list[Row] = []
        self.forget_session()

    def add(self, type: int, code: int, content: bytes) -> Row:
        """Add an object; its index is the next free one."""
        row = Row(
            max((row.index for row in self.rows), default=0) + 1, type, code, content
        )
        self.rows.append(row)
        self.changed = True
        return row

    def add_container(self, type: int, files: dict[str, bytes]) -> None:
        """Put a container there: the rows of one type."""
        assert all(row.type != type for row in self.rows)
        for name, content in files.items():
            self.add(type, CODES[name], content)

    def forget_session(self) -> None:
        self.selected = False
        self.logged_in: int | None = None

    def run(self, command: Command) -> bytes:
        if command.head == 0x00A4:
            need(command.parameters == 0x0400, WRONG_PARAMETERS)
            need(command.data == self.APPLET, NOT_FOUND)
            self.selected = True
            return b""
        run = {
            (0x8020, 0x6000): self._table,
            (0x8020, 0x3000): self._read,
            (0x8010, 0x1000): self._login,
        }.get((command.head, command.parameters))
        need(run is not None, NO_SUCH_COMMAND)
        need(self.selected, NO_CONDITIONS)
        assert run is not None
        return run(command)

    def _table(self, command: Command) -> bytes:
        need(len(command.data) == 2, WRONG_LENGTH)
        first = int.from_bytes(command.data, "big")
        rows = self.rows[first : first + self.rows_at_once]
        return b"".join(bytes(row) for row in rows)

    def _read(self, command: Command) -> bytes:
        data = command.data
        need(len(data) == 6, WRONG_LENGTH)
        need(data[0] == 0, WRONG_DATA)
        row = next((row for row in self.rows if row.index == data[1]), None)
        need(row is not None, NO_SUCH_REFERENCE)
        assert row is not None
        need(row.code in OPEN or self.logged_in is not None, NO_RIGHT)
        start, length = (int.from_bytes(data[at : at + 2], "big") for at in (2, 4))
        need(0 < length <= LONGEST, WRONG_LENGTH)
        need(start < len(row.content), PAST_THE_END)
        return row.content[start : start + length]

    def _login(self, command: Command) -> bytes:
        data = command.data
        need(len(data) > 2 and data[0] == 0 and data[1] == len(data) - 2, WRONG_DATA)
        need(self.left > 0, PIN_BLOCKED)
        self.changed = True
        if not hmac.compare_digest(data[2:], self.user_pin.encode()):
            self.left -= 1
            raise Refused(0x63C0 | self.left)
        self.left, self.logged_in = self.tries, 2
        return b""

    def state(self) -> dict[str, Any]:
        return {
            "user_pin": self.user_pin,
            "tries": self.tries,
            "left": self.left,
            "rows": [
                [row.index, row.type, row.code, row.content.hex()] for row in self.rows
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.user_pin = state["user_pin"]
        self.tries, self.left = state["tries"], state["left"]
        self.rows = [
            Row(index, type, code, bytes.fromhex(content))
            for index, type, code, content in state["rows"]
        ]
        self.forget_session()
