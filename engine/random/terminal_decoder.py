"""What a terminal sends, byte by byte, as events.

It knows mouse reports (SGR and the old three-byte form), keys with their escape
sequences, each one key, UTF-8, Alt, bracketed paste, and the answers to the few
questions that `terminal` asks.  It reads no file and knows no clock, so any
bytes can be tried on it; where they are cut makes no difference.

Sources: ECMA-48 5.4 (control sequences), xterm's "Control Sequences" (mouse
tracking, DECRQM, bracketed paste).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from gostkey.primitives import Readable

from .events import Event

__all__ = [
    "AreaPixels",
    "Attributes",
    "Cancel",
    "Decoder",
    "Gone",
    "Input",
    "ModeReport",
    "Resize",
]


@dataclass(frozen=True)
class Cancel:
    """The person wants to stop: Esc alone, Ctrl-C, or a signal."""

    why: str = "escape"


@dataclass(frozen=True)
class Resize:
    """The terminal has another size now."""


@dataclass(frozen=True)
class Gone:
    """The terminal is no more: end of file or hang-up."""


@dataclass(frozen=True)
class ModeReport:
    """Answer to DECRQM: 0 not known, 1 set, 2 reset, 3 and 4 set or reset for good."""

    mode: int
    state: int


@dataclass(frozen=True)
class AreaPixels:
    """Answer to CSI 14 t: size of the text area."""

    width: int
    height: int


@dataclass(frozen=True)
class Attributes:
    """Answer to DA1; every terminal gives it, after those of what was asked before."""


Input: TypeAlias = Event | Cancel | Resize | Gone | ModeReport | AreaPixels | Attributes

_ESC = 0x1B
_INTERRUPT = 0x03

_LONGEST_SEQUENCE = 64
"""Longer ones are nobody's key: given up, so that nothing is swallowed for long."""

_LONGEST_PASTE_NS = 1_000_000_000
"""A paste is over after so long without a byte, whether its end was seen or not."""

_FARTHEST = 100_000

# Codes of keys: characters as they are, the others beside them.
_ALT = 1 << 24
_STRAY = 1 << 25
_SEQUENCE = 1 << 31

_NUMBERS = re.compile(rb"<(\d{1,6});(\d{1,6});(\d{1,6})")
_MODE = re.compile(rb"\?(\d{1,6});(\d)\$")
_AREA = re.compile(rb"4;(\d{1,6});(\d{1,6})")

_WHEEL_OR_MORE = 64 | 128


class Decoder:
    """Turns bytes into events, whatever the bytes are and wherever they are cut."""

    def __init__(self) -> None:
        self._state: Callable[[int], None] = self._ground
        self._bytes = bytearray()
        self._needed = 0
        self._escapes = 0
        self._alt = False
        self._pasting = False
        self._time_ns = 0
        self._out: list[Input] = []

    @property
    def waiting(self) -> bool:
        """Whether the last bytes may be the beginning of something longer."""
        return self._state != self._ground

    def feed(self, data: Readable, time_ns: int) -> list[Input]:
        """Return what is complete with these bytes, read together at *time_ns*."""
        if self._pasting and time_ns - self._time_ns > _LONGEST_PASTE_NS:
            self._pasting = False
        self._time_ns = time_ns
        for byte in data:
            self._state(byte)
        return self._take()

    def flush(self, time_ns: int) -> list[Input]:
        """Return what the last bytes are if nothing is to follow them.

        To be called when `waiting` and nothing came for a short while: Esc
        alone is `Cancel`, half a sequence is a key.
        """
        self._time_ns = time_ns
        if self._state == self._escape:
            self._reset()
            if self._pasting:
                self._key(_ESC)
            else:
                self._out.append(Cancel())
        elif self._state == self._character:
            self._reset()
            self._key(_STRAY)
        elif self._state != self._ground:
            self._broken()
        return self._take()

    def _take(self) -> list[Input]:
        out, self._out = self._out, []
        together = sum(isinstance(one, Event) for one in out)
        if together < 2:
            return out
        return [
            replace(one, together=together) if isinstance(one, Event) else one
            for one in out
        ]

    def _reset(self) -> None:
        self._state = self._ground
        self._escapes = 0
        self._bytes.clear()

    def _key(self, code: int) -> None:
        if self._alt:
            code |= _ALT
        self._alt = False
        self._out.append(Event(self._time_ns, "press", code=code, pasted=self._pasting))

    # -- states, each takes one byte ----------------------------------------

    def _ground(self, byte: int) -> None:
        if byte == _ESC:
            self._alt = False
            self._escapes = 1
            self._state = self._escape
        elif byte == _INTERRUPT and not self._pasting:
            self._alt = False
            self._out.append(Cancel("interrupt"))
        elif byte < 0x80:
            self._key(byte)
        elif 0xC2 <= byte <= 0xF4:
            self._bytes[:] = bytes([byte])
            self._needed = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            self._state = self._character
        else:
            self._key(_STRAY | byte)

    def _character(self, byte: int) -> None:
        """Inside a UTF-8 character of several bytes."""
        if not 0x80 <= byte < 0xC0:
            self._reset()
            self._key(_STRAY)
            self._ground(byte)
            return
        self._bytes.append(byte)
        if len(self._bytes) == self._needed:
            try:
                code = ord(self._bytes.decode())
            except UnicodeDecodeError:
                code = _STRAY
            self._reset()
            self._key(code)

    def _escape(self, byte: int) -> None:
        if byte == _ESC:
            self._escapes += 1
        elif byte == ord("["):
            self._state = self._sequence
        elif byte == ord("O"):
            self._state = self._function
        else:
            self._reset()
            self._alt = True
            self._ground(byte)

    def _function(self, byte: int) -> None:
        """After ESC O: the one byte that says which key."""
        if 0x20 <= byte < 0x7F:
            self._named((bytes(self._bytes) or b"O") + bytes([byte]))
        else:
            self._broken()
            self._ground(byte)

    def _sequence(self, byte: int) -> None:
        """Inside a control sequence, after ESC [."""
        if byte == ord("[") and not self._bytes:
            # The Linux console's F1 to F5 are ESC [ [ A to E.
            self._bytes.append(byte)
            self._state = self._function
        elif 0x20 <= byte < 0x40:
            self._bytes.append(byte)
            if len(self._bytes) > _LONGEST_SEQUENCE:
                self._broken()
        elif 0x40 <= byte < 0x7F:
            self._end(byte)
        else:
            self._broken()
            self._ground(byte)

    def _old_mouse(self, byte: int) -> None:
        """Inside a report of the old form: button, column, row, each plus 32."""
        self._bytes.append(byte)
        if len(self._bytes) == 3:
            button, x, y = (value - 32 for value in self._bytes)
            released = not button & (32 | _WHEEL_OR_MORE) and button & 3 == 3
            self._mouse(button, x, y, released=released)

    # -- ends of sequences --------------------------------------------------

    def _end(self, final: int) -> None:
        values = bytes(self._bytes)
        if values.startswith(b"<"):
            match = _NUMBERS.fullmatch(values)
            if match is not None and final in b"Mm":
                button, x, y = (int(number) for number in match.groups())
                self._mouse(button, x, y, released=final == ord("m"))
            else:
                # Not what a mouse sends, and no key sends it either.
                self._reset()
        elif final == ord("M") and not values:
            self._state = self._old_mouse
        elif final == ord("~") and values in (b"200", b"201"):
            self._reset()
            self._pasting = values == b"200"
        elif final == ord("y") and (match := _MODE.fullmatch(values)):
            self._reset()
            self._out.append(ModeReport(int(match[1]), int(match[2])))
        elif final == ord("t") and (match := _AREA.fullmatch(values)):
            self._reset()
            self._out.append(AreaPixels(int(match[2]), int(match[1])))
        elif final == ord("c") and values.startswith(b"?"):
            self._reset()
            self._out.append(Attributes())
        else:
            self._named(values + bytes([final]))

    def _named(self, name: bytes) -> None:
        """A key that sends a sequence."""
        self._alt = self._escapes > 1
        self._reset()
        self._key(_SEQUENCE | zlib.crc32(name) >> 8)

    def _broken(self) -> None:
        """A sequence that ends in the middle, as Alt and [ or O do."""
        if self._bytes.startswith(b"<") or self._state == self._old_mouse:
            self._reset()
        else:
            self._named(bytes(self._bytes))

    def _mouse(self, button: int, x: int, y: int, *, released: bool) -> None:
        """One report; column and row begin at 1."""
        if self._escapes > 1 and not self._pasting:
            # Esc was pressed while the mouse moved: reports follow it at once.
            self._out.append(Cancel())
        self._reset()
        x, y = x - 1, y - 1
        if not (0 <= x < _FARTHEST and 0 <= y < _FARTHEST and button >= 0):
            return
        which = button & 3
        if button & 32:
            self._out.append(
                Event(
                    self._time_ns,
                    "motion",
                    x,
                    y,
                    buttons=0 if which == 3 else 1 << which,
                    pasted=self._pasting,
                )
            )
            return
        code = 1 + which + (button & _WHEEL_OR_MORE) // 16
        self._out.append(
            Event(
                self._time_ns,
                "button",
                x,
                y,
                code=code,
                buttons=0 if released or button & _WHEEL_OR_MORE else 1 << which,
                pasted=self._pasting,
            )
        )
