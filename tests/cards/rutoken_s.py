"""Rutoken S: the commands of Rutoken Lite, spelled little-endian, rules of 40 bytes.

Its PINs are no files; they are made here as OpenSC does it, and the commands that
delete or describe them, which nothing is told about, are "not supported".  Where the
token keeps its label (a file 1000) is not told either; here it lies in the root.

Its ATR says T=0, but nothing waits for GET RESPONSE: OpenSC's driver for it does not
even know that command, so the reader's driver must see to it.  With t0=True it waits
all the same.
"""

from __future__ import annotations

from typing import Any, ClassVar

from cards.commands import (
    EXISTS,
    NO_RIGHT,
    NO_SUCH_REFERENCE,
    NOT_SUPPORTED,
    WRONG_DATA,
    Command,
    fields,
    need,
)
from cards.files import ROOT, Kind, Node
from cards.pins import ADMIN, USER, Pin
from cards.rutoken import RutokenLite
from cards.rutoken_files import CHANGE

LABEL = 0x1000
_BY_PIN = 0x01
_NEVER = 0xFF


class RutokenS(RutokenLite):
    """Rutoken S as it leaves the factory, 32 KB, firmware 36.0.

    Args:
        label: what its owner calls it.
        options: as of `RutokenLite`.
    """

    KIND = "rutoken-s"
    ATR = bytes.fromhex("3B6F00FF00567275546F6B6E73302000009000")
    MEMORY = 32 * 1024
    INFO = bytes.fromhex("0020040214000000")
    GIVES_UNASKED = True
    RULE_LENGTH = 40
    TEMPLATE = 0x62
    ENDIAN: ClassVar[Any] = "little"
    LONGEST_PIN = 16
    FORMAT_END = (0x807B, 0x0000)
    CONTAINERS = (0x0000, 0x0000, 0x0002)

    def __init__(self, *, label: str = "", **options: Any) -> None:
        options.setdefault("serial", 0x1A2B3C4D)
        options.setdefault("tells_tries", False)
        self._label = label
        super().__init__(**options)

    @classmethod
    def rule(cls, mask: int, *conditions: int) -> bytes:
        """A rule of 40 bytes; conditions as of Rutoken Lite, but no "either"."""
        signed, references = b"", b""
        for condition in (*conditions, *(0,) * (7 - len(conditions))):
            by_pin = condition in (ADMIN, USER)
            signed += bytes([_BY_PIN if by_pin else condition])
            references += (condition if by_pin else 0).to_bytes(4, "little")
        return bytes([mask]) + signed + references + bytes(4)

    @classmethod
    def pin_rule(cls, reference: int) -> bytes:
        return cls.rule(0x43, ADMIN if reference == USER else _NEVER, reference)

    def allows(self, rule: bytes, operation: int) -> bool:
        if not rule[0] >> operation & 1:
            return False
        condition = rule[1 + operation]
        reference = int.from_bytes(rule[8 + 4 * operation :][:4], "little")
        if condition == _BY_PIN:
            return self.logged_in == reference
        return condition == 0

    def factory_tree(self) -> Node:
        root = Node(ROOT, Kind.FOLDER, self.user_folder())
        outer = root.folder(0x0000, self.user_folder())
        inner = outer.folder(0x0000, self.user_folder())
        inner.folder(0x0001, self.user_folder())
        inner.folder(0x0002, self.user_folder())
        outer.folder(0x0001, self.user_folder())
        if self._label:
            text = self._label.encode("cp1251")
            content = b"TN\x03\x00" + bytes([len(text)]) + text
            root.file(LABEL, self.user_file(readable=True), content)
        return root

    def run(self, command: Command) -> bytes:
        if (command.head, command.parameters) == (0x00DA, 0x0162):
            return self._make_pin(command)
        need(command.head not in (0x00DA, 0x8030), NOT_SUPPORTED)
        return super().run(command)

    def _make_pin(self, command: Command) -> bytes:
        """As OpenSC makes one while it formats: its value comes with it (A5)."""
        template = dict(fields(command.data))
        need(set(template) == {0x80, 0x83, 0x85, 0x86, 0xA5}, WRONG_DATA)
        need(self.formatting, NO_RIGHT)
        # 01: a PIN, and not a key; then its reference.
        need(template[0x83][:1] == b"\x01" and len(template[0x83]) == 2, WRONG_DATA)
        need(len(template[0x86]) == self.RULE_LENGTH, WRONG_DATA)
        need(self.value(template[0x80]) == len(template[0xA5]), WRONG_DATA)
        reference = template[0x83][1]
        need(reference not in self.pins, EXISTS)
        value = template[0xA5].decode("latin-1")
        self.pins[reference] = Pin(
            reference, value, template[0x86], maximum=self.LONGEST_PIN
        )
        self.changed = True
        return b""

    def _check_template(self, tags: list[int]) -> None:
        # The reader's driver makes a header of fixed places of it.
        need(tags == [0x80, 0x82, 0x83, 0x86], WRONG_DATA)

    def _new_pin(self, data: bytes) -> bytes:
        return data

    def _need_right(self, rule: bytes, operation: int) -> None:
        # The administrator may change the user's PIN too, which one rule of this
        # form cannot say.
        if rule == self.pin_rule(USER) and operation == CHANGE:
            if self.logged_in == ADMIN:
                return
        super()._need_right(rule, operation)

    def told(self, item: int) -> bytes:
        if item == 0x81:
            return self.serial.to_bytes(4, "little")
        need(item in (0x89, 0x8A), NO_SUCH_REFERENCE)
        return super().told(item)
