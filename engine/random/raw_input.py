"""Mouse and keyboard of a Linux machine, read from the kernel's event devices.

For a console without a mouse, and for Wayland.  The kernel gives every event of
the device, whichever program it was meant for; so this is used only where it
was asked for by name, and only the moment of an event earns credit.

The interface is the kernel's own ("evdev": Documentation/input in its source,
struct input_event of <linux/input.h>), unchanged for twenty years: whole
records of time, type, code and value.  What a device is stands in
/sys/class/input as text.  Nothing has to be installed or compiled for it.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gostkey.backend import active
from gostkey.errors import EntropyNeeded
from gostkey.primitives import Readable

from .events import Event

__all__ = ["Decoder", "RawDevice", "RawInput", "find_devices"]

RECORD = struct.Struct("@llHHi")
"""struct input_event: seconds, microseconds, type, code, value, all native."""

# <linux/input-event-codes.h>
_EV_SYN, _EV_KEY, _EV_REL, _EV_ABS = 0, 1, 2, 3
_SYN_REPORT, _SYN_DROPPED = 0, 3
_X, _Y = 0, 1
_BUTTONS = range(0x100, 0x160)
"""Codes of EV_KEY that are buttons of mice, pads and tablets, not keys."""
_KEY_A, _KEY_SPACE, _BTN_LEFT = 30, 57, 0x110
_RELEASE, _PRESS = 0, 1  # and 2, the kernel's auto-repeat
_BUS_VIRTUAL = 0x06
_INPUT_MAJOR = 13

_READ = 64 * RECORD.size
_DEVICES = Path("/dev/input")
_SYSTEM = Path("/sys/class/input")

_NOT_LINUX = (
    "raw input devices can be read on Linux only; use the terminal or the window"
)


@dataclass(frozen=True)
class RawDevice:
    """A device that gives events."""

    path: Path
    """Where to open it, for example /dev/input/event3."""
    name: str
    """What its maker calls it; the path if that is not known."""
    mouse: bool = False
    """Whether it moves a pointer."""
    keys: bool = False
    """Whether it has the keys of a keyboard."""


def find_devices(
    system: Path = _SYSTEM, devices: Path = _DEVICES
) -> tuple[RawDevice, ...]:
    """List mice and keyboards that are of metal, not made by a program.

    Args:
        system: the folder where the kernel describes them.
        devices: the folder with their files.
    """
    found = []
    for described in sorted(system.glob("event*/device"), key=_number):
        if _hex(described / "id" / "bustype") == _BUS_VIRTUAL:
            # Made by a program (uinput), which could as well type the keys.
            continue
        keys = _bits(described / "capabilities" / "key")
        moves = _bits(described / "capabilities" / "rel")
        places = _bits(described / "capabilities" / "abs")
        pointer = {_X, _Y} <= moves or {_X, _Y} <= places
        device = RawDevice(
            path=devices / described.parent.name,
            name=_text(described / "name") or str(devices / described.parent.name),
            mouse=pointer and _BTN_LEFT in keys,
            keys={_KEY_A, _KEY_SPACE} <= keys,
        )
        if device.mouse or device.keys:
            found.append(device)
    return tuple(found)


class Decoder:
    """Turns records of one device into events.

    Motion is told once for each report of the device, as the place that all
    movements so far add up to.  Presses and releases count, the kernel's
    auto-repeat does not.  After an overflow of the kernel's buffer everything
    up to the next report is left out, as the kernel's documentation asks.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._x = self._y = 0
        self._moved = False
        self._dropping = False
        self._buttons = 0

    def decode(self, data: Readable, time_ns: int) -> list[Event]:
        """Return the events in what one read gave.

        Args:
            data: records; one that is cut off waits for the next call.
            time_ns: when the read returned, on `time.perf_counter_ns`.
        """
        kept = len(self._rest)
        joined = bytearray(kept + len(data))
        joined[:kept], joined[kept:] = self._rest, data
        whole = len(joined) - len(joined) % RECORD.size
        self._rest = bytes(joined[whole:])
        records = RECORD.iter_unpack(memoryview(joined)[:whole])
        events = []
        for seconds, micros, kind, code, value in records:
            event = self._one(kind, code, value)
            if event is not None:
                stamp = seconds * 1_000_000_000 + micros * 1000
                events.append(replace(event, time_ns=time_ns, device_time_ns=stamp))
        active.generators.wipe(joined)
        return [replace(event, together=len(events)) for event in events]

    def _one(self, kind: int, code: int, value: int) -> Event | None:
        if kind == _EV_SYN:
            moved, self._moved = self._moved, False
            if code == _SYN_DROPPED:
                self._dropping = True
            elif code == _SYN_REPORT:
                if self._dropping:
                    self._dropping = False
                elif moved:
                    return self._event("motion")
        elif self._dropping:
            pass
        elif kind == _EV_REL and code in (_X, _Y):
            self._move(code, value, from_here=True)
        elif kind == _EV_ABS and code in (_X, _Y):
            self._move(code, value, from_here=False)
        elif kind == _EV_KEY and value in (_PRESS, _RELEASE):
            if code in _BUTTONS:
                bit = 1 << (code - _BTN_LEFT) if 0 <= code - _BTN_LEFT < 8 else 0
                self._buttons = self._buttons | bit if value else self._buttons & ~bit
                return self._event("button", code)
            return self._event("press" if value == _PRESS else "release", code)
        return None

    def _move(self, axis: int, value: int, *, from_here: bool) -> None:
        if axis == _X:
            self._x = self._x + value if from_here else value
        else:
            self._y = self._y + value if from_here else value
        self._moved = True

    def _event(self, kind: str, code: int = 0) -> Event:
        if kind in ("motion", "button"):
            return Event(
                0, kind, x=self._x, y=self._y, code=code, buttons=self._buttons
            )
        return Event(0, kind, code=code, buttons=self._buttons)


class RawInput:
    """Open devices, to be read together; a context manager."""

    def __init__(self, devices: Sequence[RawDevice]) -> None:
        """Open all of them; if one cannot be opened, none stays open.

        Raises:
            EntropyNeeded: if a device is absent, is no input device, or may
                not be read; or if there is none.
        """
        self._open: dict[int, tuple[RawDevice, Decoder]] = {}
        self._buffer = bytearray(_READ)
        self.lost: list[RawDevice] = []
        """Devices that were unplugged since."""
        if not devices:
            raise EntropyNeeded("raw input: no device was named")
        try:
            for device in devices:
                self._open[_open(device)] = (device, Decoder())
        except BaseException:
            self.close()
            raise

    @classmethod
    def choose(cls, names: Sequence[str]) -> RawInput:
        """Open devices by their paths, or with "auto" all mice and keyboards.

        Raises:
            EntropyNeeded: as the constructor; or if "auto" finds none.
        """
        if not sys.platform.startswith("linux"):
            raise EntropyNeeded(_NOT_LINUX)
        known = find_devices()
        chosen = {Path(name): named(Path(name), known) for name in names}
        if Path("auto") in chosen:
            del chosen[Path("auto")]
            chosen.update((device.path, device) for device in known)
            if not chosen:
                raise EntropyNeeded(
                    f"raw input: no mouse and no keyboard in {_DEVICES}; connect "
                    "one, or use the terminal or the window"
                )
        return cls(tuple(chosen.values()))

    @property
    def devices(self) -> tuple[RawDevice, ...]:
        """Those that are being read."""
        return tuple(device for device, _ in self._open.values())

    def read(self, timeout: float) -> list[Event]:
        """Wait for events.

        Args:
            timeout: seconds; after them the list may be empty.

        Raises:
            EntropyNeeded: if the last device is gone.
        """
        ready, _, _ = select.select(list(self._open), [], [], timeout)
        events: list[Event] = []
        for descriptor in ready:
            device, decoder = self._open[descriptor]
            try:
                count = os.readv(descriptor, [self._buffer])
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno not in (errno.ENODEV, errno.EIO):
                    raise
                count = 0
            now = time.perf_counter_ns()
            if not count:
                self._lose(descriptor, device)
                continue
            events += decoder.decode(memoryview(self._buffer)[:count], now)
            # The keys of all programs are in it: passwords too.
            active.generators.wipe(self._buffer)
        if not self._open:
            raise EntropyNeeded(
                f"raw input: {self.lost[-1].name} was unplugged and no other device "
                "is left; connect it and start again"
            )
        return events

    def _lose(self, descriptor: int, device: RawDevice) -> None:
        del self._open[descriptor]
        os.close(descriptor)
        self.lost.append(device)

    def close(self) -> None:
        """Close all devices."""
        for descriptor in self._open:
            os.close(descriptor)
        self._open.clear()

    def __enter__(self) -> RawInput:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def named(path: Path, known: Sequence[RawDevice]) -> RawDevice:
    """Return what is known of the device with that path (links are followed)."""
    real = path.resolve()
    for device in known:
        if device.path == real:
            return replace(device, path=path)
    return RawDevice(path, str(path))


def _open(device: RawDevice) -> int:
    path = device.path
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError as error:
        name = "" if device.name == str(path) else f" ({device.name})"
        raise EntropyNeeded(
            f"raw input: {path}{name} may not be read by this user; run as root, or "
            "let the administrator add the user to the group `input` and log in again"
        ) from error
    except OSError as error:
        raise EntropyNeeded(
            f"raw input: {path}: {error.strerror}; a device such as "
            "/dev/input/event0, or `auto`, is needed"
        ) from error
    about = os.fstat(descriptor)
    # Pipes are let through: something else may hand events on in this form.
    if not stat.S_ISFIFO(about.st_mode) and not (
        stat.S_ISCHR(about.st_mode) and os.major(about.st_rdev) == _INPUT_MAJOR
    ):
        os.close(descriptor)
        raise EntropyNeeded(
            f"raw input: {path} is not an input device; /dev/input/event0 and the "
            "like are, and `auto` finds them"
        )
    return descriptor


def _number(described: Path) -> int:
    digits = described.parent.name.removeprefix("event")
    return int(digits) if digits.isdigit() else -1


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _hex(file: Path) -> int:
    try:
        return int(_text(file), 16)
    except ValueError:
        return -1


def _bits(file: Path) -> set[int]:
    """Return which bits are set in a bitmap of the kernel.

    It is words of the kernel's long, in hexadecimal, the most significant first.
    """
    word_size = struct.calcsize("l") * 8
    found = set()
    for index, word in enumerate(reversed(_text(file).split())):
        value = int(word, 16)
        found |= {
            index * word_size + bit for bit in range(word_size) if value >> bit & 1
        }
    return found
