"""What a person does, one event at a time, and which events may earn credit.

An event is recorded whole and goes into the pool whether it is accepted or not
(`session`); the two filters here only say which ones count, and give the symbol
that the tests of randomness look at.

Source of the rules: the package's design (acceptance of mouse and keys); the
second-difference filter for the mouse is that of the old OpenSSL collector.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

__all__ = ["EVENT_SIZE", "Event", "KeyFilter", "MotionFilter"]

_RECORD = struct.Struct(">QQBiiIHHB")

EVENT_SIZE = _RECORD.size
"""Bytes of an encoded event."""

_KINDS = {"motion": 1, "button": 2, "press": 3, "release": 4}

SHORTEST_MOTION_NS = 4_000_000
"""Moves nearer than that to the last accepted one are a burst."""

SHORTEST_KEY_NS = 15_000_000
"""Nobody presses keys nearer to each other than that; programs do."""


@dataclass(frozen=True, slots=True)
class Event:
    """One motion, button or key, as it came in."""

    time_ns: int
    """time.perf_counter_ns() at the moment the read returned."""
    kind: str
    """"motion", "button", "press" or "release"."""
    x: int = 0
    """Column or pixel from the left; motion and button only."""
    y: int = 0
    """Row or pixel from the top; motion and button only."""
    code: int = 0
    """Which key or button; 0 if it is not known."""
    buttons: int = 0
    """Bit mask of the buttons that are held."""
    device_time_ns: int = 0
    """The device's own time stamp; 0 if it gives none."""
    together: int = 1
    """How many events the read returned in all."""
    pasted: bool = False
    """Whether it came inside a bracketed paste."""
    inside: bool = True
    """Whether the pointer was over our own surface."""

    @property
    def source(self) -> str:
        """The source that it belongs to: "mouse" or "keys"."""
        return "mouse" if self.kind in ("motion", "button") else "keys"

    def encode(self) -> bytes:
        """Return the event as EVENT_SIZE bytes, for the pool.

        time u64 | device time u64 | kind u8 | x i32 | y i32 | code u32 |
        buttons u16 | together u16 | flags u8, all big-endian; what does not
        fit loses its upper bits.
        """
        return _RECORD.pack(
            self.time_ns & 0xFFFF_FFFF_FFFF_FFFF,
            self.device_time_ns & 0xFFFF_FFFF_FFFF_FFFF,
            _KINDS[self.kind],
            _signed(self.x),
            _signed(self.y),
            self.code & 0xFFFF_FFFF,
            self.buttons & 0xFFFF,
            min(self.together, 0xFFFF),
            self.pasted | self.inside << 1,
        )

    def __repr__(self) -> str:
        # Times, places and keys are what a seed is made of.
        return f"<gostkey random event: {self.kind}>"


def _signed(value: int) -> int:
    return (value + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000


class MotionFilter:
    """Which pointer motions count.

    With dx, dy the step from the event before and ddx, ddy the difference of
    two steps, a motion counts if none of the four is zero, at least 4 ms went
    by since the last one that counted, its symbol differs from the two counted
    before it, and the pointer is inside.  The symbol is
    ``(clip(ddx, -8, 7) + 8) << 4 | (clip(ddy, -8, 7) + 8)``.

    Where places are character cells a report comes with nearly every single
    step along one axis, so that dx or dy is zero and next to nothing would
    count, however hard the hand works.  There the steps are taken between
    reports that differ in column and in row, those between are passed over, and
    one of ddx and ddy may be zero.
    """

    def __init__(self, *, cells: bool = False) -> None:
        self._cells = cells
        self._place: tuple[int, int] | None = None
        self._step: tuple[int, int] | None = None
        self._accepted_ns: int | None = None
        self._last: deque[int] = deque(maxlen=2)

    def symbol(self, event: Event) -> int | None:
        """Return the symbol of a motion that counts, else None."""
        if not event.inside or event.pasted:
            # The pointer comes back elsewhere: that step is none of the hand's.
            self._place = self._step = None
            return None
        if self._place is None:
            self._place = event.x, event.y
            return None
        dx, dy = event.x - self._place[0], event.y - self._place[1]
        if self._cells and not (dx and dy):
            return None
        self._place = event.x, event.y
        step, self._step = self._step, (dx, dy)
        if step is None:
            return None
        ddx, ddy = dx - step[0], dy - step[1]
        if self._cells:
            changed = bool(ddx or ddy)
        else:
            changed = bool(dx and dy and ddx and ddy)
        if not changed:
            return None
        if (
            self._accepted_ns is not None
            and event.time_ns - self._accepted_ns < SHORTEST_MOTION_NS
        ):
            return None
        symbol = _nibble(ddx) << 4 | _nibble(ddy)
        if symbol in self._last:
            return None
        self._last.append(symbol)
        self._accepted_ns = event.time_ns
        return symbol


def _nibble(difference: int) -> int:
    return max(-8, min(7, difference)) + 8


class KeyFilter:
    """Which key presses (and on raw devices releases) count.

    One does not if the same key came twice just before it, if less than 15 ms
    went by since the key before, or if it was pasted.  Only the time earns
    credit, not which key it was; the symbol is ``min(255, gap in ms // 2)``, so
    the first key, which has no gap, does not count either.
    """

    def __init__(self) -> None:
        self._before: Event | None = None
        # A press and its release are the same key; each is compared with its kind.
        self._codes: dict[str, deque[int]] = {
            "press": deque(maxlen=2),
            "release": deque(maxlen=2),
        }

    def symbol(self, event: Event) -> int | None:
        """Return the symbol of a key event that counts, else None."""
        before, self._before = self._before, event
        codes = self._codes[event.kind]
        # Unknown keys are all 0, thus all the same: nobody can say they differ.
        held = codes.count(event.code) == 2
        codes.append(event.code)
        if before is None or held or event.pasted:
            return None
        gap = event.time_ns - before.time_ns
        if event.device_time_ns and before.device_time_ns:
            gap = event.device_time_ns - before.device_time_ns
        if gap < SHORTEST_KEY_NS:
            return None
        return min(255, gap // 2_000_000)
