"""Raw input devices: records of the kernel, as bytes through a pipe.

No test makes a real device: that takes /dev/uinput, which containers lack.  The
records are built as <linux/input.h> describes them.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gostkey.errors import EntropyNeeded
from gostkey.random.events import Event
from gostkey.random.raw_input import Decoder, RawDevice, RawInput, find_devices

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the devices of Linux; run it there"
)

SYN, KEY, REL, ABS, MSC = 0, 1, 2, 3, 4
REPORT = (SYN, 0, 0)
DROPPED = (SYN, 3, 0)
KEY_A, KEY_B, BTN_LEFT, BTN_RIGHT = 30, 48, 0x110, 0x111


def records(*items: tuple[int, int, int], at: tuple[int, int] = (5, 250)) -> bytes:
    """struct input_event: two longs of time, u16 type, u16 code, s32 value."""
    return b"".join(
        struct.pack("@ll", *at) + struct.pack("=HHi", *item) for item in items
    )


def decoded(*items: tuple[int, int, int]) -> list[Event]:
    return Decoder().decode(records(*items), 77)


def test_a_record_is_as_long_as_the_kernel_makes_it() -> None:
    assert len(records(REPORT)) == (24 if sys.maxsize > 2**32 else 16)


def test_motion_adds_up_and_is_told_once_a_report() -> None:
    events = decoded(
        (REL, 0, 3), (REL, 1, -2), REPORT, (REL, 0, 4), REPORT, (REL, 8, 1), REPORT
    )
    assert [(e.kind, e.x, e.y) for e in events] == [
        ("motion", 3, -2),
        ("motion", 7, -2),
    ]
    assert {e.device_time_ns for e in events} == {5_000_250_000}
    assert {e.time_ns for e in events} == {77}
    assert {e.together for e in events} == {2}


def test_places_of_a_tablet_are_taken_as_they_are() -> None:
    events = decoded(
        (ABS, 0, 900), (ABS, 1, 40), REPORT, (ABS, 1, 41), (ABS, 24, 7), REPORT
    )
    assert [(e.x, e.y) for e in events] == [(900, 40), (900, 41)]


def test_press_and_release_count_and_auto_repeat_does_not() -> None:
    events = decoded(
        (MSC, 4, 30),
        (KEY, KEY_A, 1),
        REPORT,
        (KEY, KEY_A, 2),
        REPORT,
        (KEY, KEY_A, 2),
        REPORT,
        (KEY, KEY_A, 0),
        (KEY, KEY_B, 1),
        REPORT,
    )
    assert [(e.kind, e.code) for e in events] == [
        ("press", KEY_A),
        ("release", KEY_A),
        ("press", KEY_B),
    ]


def test_buttons_are_buttons_and_held_ones_are_told() -> None:
    events = decoded(
        (KEY, BTN_LEFT, 1),
        REPORT,
        (KEY, BTN_RIGHT, 1),
        (REL, 0, 1),
        REPORT,
        (KEY, BTN_LEFT, 0),
        REPORT,
    )
    assert [(e.kind, e.code, e.buttons) for e in events] == [
        ("button", BTN_LEFT, 1),
        ("button", BTN_RIGHT, 3),
        ("motion", 0, 3),
        ("button", BTN_LEFT, 2),
    ]


def test_after_an_overflow_all_is_left_out_up_to_the_next_report() -> None:
    events = decoded(
        (REL, 0, 1),
        DROPPED,
        (KEY, KEY_A, 1),
        (REL, 0, 500),
        REPORT,
        (KEY, KEY_B, 1),
        (REL, 0, 2),
        REPORT,
    )
    assert [(e.kind, e.code, e.x) for e in events] == [
        ("press", KEY_B, 0),
        ("motion", 0, 3),
    ]


def test_records_may_be_cut_anywhere() -> None:
    data = records((REL, 0, 3), (REL, 1, 1), REPORT, (KEY, KEY_A, 1), REPORT)
    whole = Decoder().decode(data, 1)
    decoder = Decoder()
    pieces = [e for byte in data for e in decoder.decode(bytes([byte]), 1)]
    assert [(e.kind, e.x, e.y, e.code) for e in pieces] == [
        (e.kind, e.x, e.y, e.code) for e in whole
    ]
    assert len(pieces) == 2


def test_any_bytes_decode() -> None:
    Decoder().decode(os.urandom(24 * 400), 1)
    Decoder().decode(b"\xff" * 24 * 10, 1)


@contextmanager
def pipe_device(folder: Path, name: str) -> Iterator[tuple[RawDevice, int]]:
    path = folder / name
    os.mkfifo(path)
    # Opened both ways, so that opening does not wait for the reader.
    writer = os.open(path, os.O_RDWR)
    try:
        yield RawDevice(path, name), writer
    finally:
        if writer >= 0:
            os.close(writer)


def test_devices_are_read_together(tmp_path: Path) -> None:
    with (
        pipe_device(tmp_path, "mouse") as (mouse, to_mouse),
        pipe_device(tmp_path, "keyboard") as (keyboard, to_keyboard),
        RawInput([mouse, keyboard]) as raw,
    ):
        assert raw.read(0) == []
        os.write(to_mouse, records((REL, 0, 1), REPORT, (REL, 1, 1), REPORT))
        os.write(to_keyboard, records((KEY, KEY_A, 1), REPORT))
        events = raw.read(5)
        # Each read tells how many events it gave.
        assert sorted((e.kind, e.together) for e in events) == [
            ("motion", 2),
            ("motion", 2),
            ("press", 1),
        ]
        # Whoever types a password elsewhere types it into this buffer.
        assert not any(raw._buffer)
        assert raw.read(0) == []


def test_an_unplugged_device_is_left_out_and_the_last_one_is_told(
    tmp_path: Path,
) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        os.mkfifo(path)
    raw = RawInput([RawDevice(path, path.name) for path in paths])
    # The other end of a pipe that is closed looks like a device that is gone.
    writers = [os.open(path, os.O_WRONLY) for path in paths]
    os.write(writers[1], records((KEY, KEY_A, 1), REPORT))
    os.close(writers[0])
    kinds = []
    while not raw.lost:
        kinds += [e.kind for e in raw.read(5)]
    kinds += [e.kind for e in raw.read(0)]
    assert kinds == ["press"]
    assert [d.name for d in raw.lost] == ["one"]
    assert [d.name for d in raw.devices] == ["two"]
    os.close(writers[1])
    with pytest.raises(EntropyNeeded, match="two was unplugged"):
        raw.read(5)
    raw.close()


def test_what_is_no_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EntropyNeeded, match="nothing-here.*No such file"):
        RawInput.choose([str(tmp_path / "nothing-here")])
    text = tmp_path / "text"
    text.write_text("x")
    for path in (text, Path("/dev/null")):
        with pytest.raises(EntropyNeeded, match="not an input device"):
            RawInput.choose([str(path)])
    with pytest.raises(EntropyNeeded, match="no device was named"):
        RawInput([])


def test_if_one_cannot_be_opened_none_stays_open(tmp_path: Path) -> None:
    with pipe_device(tmp_path, "mouse") as (mouse, _):
        before = os.listdir("/proc/self/fd")
        with pytest.raises(EntropyNeeded):
            RawInput([mouse, RawDevice(tmp_path / "absent", "absent")])
        assert os.listdir("/proc/self/fd") == before


def test_without_the_right_to_read_it_says_who_has_it(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become a user without rights")
    path = tmp_path / "event0"
    os.mkfifo(path, 0o600)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # The folders above may be closed to others; the file itself is meant.
            os.chdir(tmp_path)
            os.setuid(65534)
            RawInput([RawDevice(Path("event0"), "Office Mouse")])
        except EntropyNeeded as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    said = os.read(read, 4096).decode()
    os.close(read)
    os.waitpid(child, 0)
    assert "event0 (Office Mouse) may not be read" in said
    assert "group `input`" in said


def describe(
    system: Path, number: int, name: str, *, bus: str = "0003", **bitmaps: str
) -> None:
    """Describe a device as the kernel does in /sys/class/input."""
    device = system / f"event{number}" / "device"
    (device / "id").mkdir(parents=True)
    (device / "capabilities").mkdir()
    (device / "name").write_text(name + "\n")
    (device / "id" / "bustype").write_text(bus + "\n")
    for kind in ("key", "rel", "abs"):
        (device / "capabilities" / kind).write_text(bitmaps.get(kind, "0") + "\n")


# Taken from the /sys of common machines.
MOUSE = {"key": "1f0000 0 0 0 0", "rel": "903"}
KEYBOARD = {"key": "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe"}
TABLET = {"key": "70000 0 0 0 0", "rel": "100", "abs": "3"}
POWER_BUTTON = {"key": "10000000000000 0"}


@pytest.mark.skipif(sys.maxsize < 2**32, reason="the bitmaps are of a 64-bit kernel")
def test_auto_finds_mice_and_keyboards_and_nothing_made_by_programs(
    tmp_path: Path,
) -> None:
    describe(tmp_path, 0, "Power Button", bus="0019", **POWER_BUTTON)
    describe(tmp_path, 10, "QEMU USB Tablet", **TABLET)
    describe(tmp_path, 2, "AT Translated Set 2 keyboard", bus="0011", **KEYBOARD)
    describe(tmp_path, 3, "Optical Mouse", **MOUSE)
    describe(tmp_path, 4, "ydotoold virtual device", bus="0006", **KEYBOARD)
    found = find_devices(tmp_path, Path("/dev/input"))
    assert [(d.path.name, d.name, d.mouse, d.keys) for d in found] == [
        ("event2", "AT Translated Set 2 keyboard", False, True),
        ("event3", "Optical Mouse", True, False),
        ("event10", "QEMU USB Tablet", True, False),
    ]
    assert found[0].path == Path("/dev/input/event2")


def test_auto_without_a_device_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gostkey.random.raw_input.find_devices", lambda: ())
    with pytest.raises(EntropyNeeded, match="no mouse and no keyboard"):
        RawInput.choose(["auto"])


def test_other_systems_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(EntropyNeeded, match="on Linux only"):
        RawInput.choose(["auto"])
