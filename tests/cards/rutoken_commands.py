"""What a Rutoken does besides files: PINs, what it tells of itself, formatting."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from cards.commands import (
    LOGGED_IN_ALREADY,
    NO_CONDITIONS,
    NO_SUCH_COMMAND,
    NO_SUCH_REFERENCE,
    PIN_BLOCKED,
    WRONG_DATA,
    WRONG_LENGTH,
    WRONG_PARAMETERS,
    Command,
    field,
    fields,
    need,
)
from cards.files import ACTIVE
from cards.pins import Pin
from cards.rutoken_files import CHANGE, UNBLOCK, FileCommands


class RutokenCommands(FileCommands):
    """All commands of a Rutoken; its families say how they are spelled."""

    INFO: ClassVar[bytes]
    HAS_RANDOM: ClassVar[bool] = False
    FORMAT_END: ClassVar[tuple[int, int]] = (0x8084, 0x4E19)

    serial: int
    given: bytearray
    answers_free: bool
    tells_tries: bool

    # -- commands ----------

    def run(self, command: Command) -> bytes:
        commands = {
            0x00A4: self._select_file,
            0x00B0: self._read,
            0x00D6: self._update,
            0x00E0: self._create,
            0x00E4: self._delete,
            0x0020: self._verify,
            0x0024: self._change_pin,
            0x002C: self._unblock,
            0x00CA: self._get_data,
            0x8040: self._logout,
            0x808A: self._begin_format,
            self.FORMAT_END[0]: self._end_format,
        }
        if self.HAS_RANDOM:
            commands[0x0084] = self._random
        run = commands.get(command.head)
        need(run is not None, NO_SUCH_COMMAND)
        assert run is not None
        return run(command)

    # -- PINs ----------

    def _pin(self, reference: int) -> Pin:
        need(reference in self.pins, NO_SUCH_REFERENCE)
        return self.pins[reference]

    def _verify(self, command: Command) -> bytes:
        need(command.p1 == 0, WRONG_PARAMETERS)
        pin = self._pin(command.p2)
        if not command.data:
            # In T=0 a fifth byte of zero may be no more than that.
            bare = command.expected is None or self.t0 or self.GIVES_UNASKED
            need(bare, WRONG_LENGTH)
            need(pin.left > 0, PIN_BLOCKED)
            need(self.logged_in == command.p2, 0x63C0 | pin.left)
            return b""
        need(self.logged_in is None, LOGGED_IN_ALREADY)
        need(len(command.data) <= pin.maximum, WRONG_LENGTH)
        self.changed = True
        pin.check(command.data, self.tells_tries)
        self.logged_in = command.p2
        return b""

    def _logout(self, command: Command) -> bytes:
        need(command.parameters == 0 and not command.data, WRONG_PARAMETERS)
        self.logged_in = None
        return b""

    def _change_pin(self, command: Command) -> bytes:
        need(command.p1 == 1, WRONG_PARAMETERS)
        pin = self._pin(command.p2)
        new = self._new_pin(command.data)
        need(pin.minimum <= len(new) <= pin.maximum, WRONG_DATA)
        # One that was just made has no value that anybody could log in with.
        if pin.value is not None:
            self._need_right(pin.rule, CHANGE)
        pin.value, pin.left = new.decode("latin-1"), pin.tries
        self.changed = True
        return b""

    def _new_pin(self, data: bytes) -> bytes:
        parts = list(fields(data))
        need([tag for tag, _ in parts] == [0x80, 0xA5], WRONG_DATA)
        (_, length), (_, new) = parts
        need(len(length) == 2 and self.value(length) == len(new), WRONG_DATA)
        return new

    def _unblock(self, command: Command) -> bytes:
        need(command.p1 == 3 and not command.data, WRONG_PARAMETERS)
        pin = self._pin(command.p2)
        self._need_right(pin.rule, UNBLOCK)
        pin.left = pin.tries
        self.changed = True
        return b""

    # -- what the card tells of itself ----------

    def _get_data(self, command: Command) -> bytes:
        need(command.p1 == 1 and not command.data, WRONG_PARAMETERS)
        return self.told(command.p2)

    def told(self, item: int) -> bytes:
        """GET DATA 01 *item*."""
        if item == 0x81:
            return self.serial.to_bytes(8, "big")
        if item == 0x89:
            return self.INFO
        if item == 0x8A and self.answers_free:
            return self.free.to_bytes(4, "big")
        need(item in self.pins, NO_SUCH_REFERENCE)
        pin = self.pins[item]
        return field(
            0x62,
            field(0x85, pin.properties)
            + field(0x86, pin.rule)
            + field(0x82, b"\x10\0")
            + field(0x83, self.number(pin.reference))
            + field(0x8A, bytes([ACTIVE])),
        )

    def _random(self, command: Command) -> bytes:
        need(command.parameters == 0 and not command.data, WRONG_PARAMETERS)
        need(command.expected is not None, WRONG_LENGTH)
        data = b""
        while len(data) < (command.expected or 0):
            number = self.instructions[0x0084]
            data += hashlib.sha256(b"card %d %d" % (number, len(data))).digest()
        data = data[: command.expected]
        self.given += data
        return data

    # -- format ----------

    def _begin_format(self, command: Command) -> bytes:
        need(command.parameters == 0, WRONG_PARAMETERS)
        self.root, self.pins, self.formatting = None, {}, True
        self.forget_session()
        self.changed = True
        return b""

    def _end_format(self, command: Command) -> bytes:
        need(command.parameters == self.FORMAT_END[1], WRONG_PARAMETERS)
        need(self.formatting, NO_CONDITIONS)
        self.formatting = False
        self.changed = True
        return b""
