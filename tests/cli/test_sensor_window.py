"""`gostkey entropy collect --window` and `--device`, as a person uses them.

    GOSTKEY_PICTURES=docs/pictures pytest tests/cli/test_sensor_window.py -k picture

makes the picture of the window that is in the documentation.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from screens import Screen, letters, motion, new_screen, trace, typing

from .conftest import Run, command, environment

if sys.platform == "win32":
    pytest.skip(
        "Windows has no X server and no input devices; run this test elsewhere",
        allow_module_level=True,
    )

from .driven import Terminal

HERE = {"CI": "", "SSH_CONNECTION": "", "SSH_TTY": "", "SSH_CLIENT": ""}


@pytest.fixture
def screen() -> Iterator[Screen]:
    with new_screen() as one:
        yield one


def start(screen: Screen, *more: object, **env: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command("entropy", "collect", "--window", "--bits", 128, *more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(DISPLAY=screen.display, **{**HERE, **env}),
    )


def test_the_mouse_in_the_window_meets_the_target(screen: Screen) -> None:
    with start(screen, "--json") as process:
        corner = screen.wait()
        screen.follow(
            motion("mouse_shake", corner), while_=lambda: bool(screen.windows())
        )
        out, err = process.communicate(timeout=30)
    record = json.loads(out)
    assert process.returncode == 0, err
    assert record["status"] == "done"
    assert record["credited_bits"] >= record["target_bits"] == 128
    assert (record["surface"], record["remote"]) == ("pixels", False)
    assert record["sources"]["mouse"]["health"] == "passed"


@pytest.mark.slow
def test_through_ssh_the_window_counts_half(screen: Screen) -> None:
    with start(screen, "--json", SSH_CONNECTION="10.1.1.1 2 10.1.1.2 22") as process:
        screen.wait()
        screen.follow(
            typing("keys_4"),
            while_=lambda: bool(screen.windows()),
        )
        out, _ = process.communicate(timeout=30)
    record = json.loads(out)
    keys = record["sources"]["keys"]
    assert record["remote"] is True
    assert keys["credited_bits"] == keys["accepted"] // 2


def test_escape_in_the_window_ends_with_130_and_one_message(screen: Screen) -> None:
    with start(screen) as process:
        screen.wait()
        screen.tool("key", "Escape")
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert err.decode().count("cancelled") == 1
    assert b"Traceback" not in err


def test_a_script_that_types_gets_exit_code_4(screen: Screen) -> None:
    with start(screen, "--json") as process:
        screen.wait()
        screen.tool("type", "--delay", 60, letters("keys_5")[:60])
        out, _ = process.communicate(timeout=30)
    record = json.loads(out)
    assert process.returncode == 4
    assert record["error"]["code"] == "entropy_needed"
    assert record["credited_bits"] == 0 and record["suspicion"]


def test_a_picture_of_the_window_can_be_taken(screen: Screen, tmp_path: Path) -> None:
    file = Path(os.environ.get("GOSTKEY_PICTURES", tmp_path)) / "sensor-window.png"
    with start(screen, "--bits", 256) as process:
        corner = screen.wait()
        began = time.monotonic()
        screen.follow(
            motion("mouse_wander", corner),
            while_=lambda: time.monotonic() < began + 3.5,
        )
        screen.follow(typing("keys_5", 2), while_=lambda: time.monotonic() < began + 5)
        time.sleep(0.3)
        screen.picture(file)
        screen.tool("key", "Escape")
        process.communicate(timeout=30)
    picture = file.read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert 5_000 < len(picture) < 150_000


def test_without_a_display_it_is_told(shell: Run) -> None:
    pytest.importorskip(
        "tkinter", reason="needs tkinter for this Python: apt-get install python3-tk"
    )
    done = shell(
        "entropy", "collect", "--window", "--json", env={**HERE, "DISPLAY": ""}
    )
    assert done.code == 4
    assert done.error["code"] == "entropy_needed"
    assert "no window can be opened" in done.error["message"]


@pytest.mark.parametrize("ways", [(("--no-input",), ""), ((), "true")])
def test_where_nobody_may_be_asked_no_window_opens(
    shell: Run, ways: tuple[tuple[str, ...], str]
) -> None:
    options, ci = ways
    done = shell(
        "entropy", "collect", "--window", "--json", *options, env={**HERE, "CI": ci}
    )
    assert done.code == 4
    assert done.error["code"] == "entropy_needed"
    assert ("--no-input" if options else "CI is set") in done.error["message"]


def test_window_and_device_exclude_each_other(run: Run) -> None:
    done = run("entropy", "collect", "--window", "--device", "auto")
    assert done.code == 1
    assert "exclude each other" in done.stderr


# -- raw input devices ---------------------------------------------------------


@contextmanager
def device(folder: Path) -> Iterator[tuple[Path, int]]:
    """A pipe that stands for a device: it carries the kernel's records."""
    path = folder / "event0"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    yield path, writer
    os.close(writer)


def moved(dx: int, dy: int) -> bytes:
    at = divmod(time.time_ns() // 1000, 1_000_000)
    return b"".join(
        struct.pack("@llHHi", *at, *record)
        for record in ((2, 0, dx), (2, 1, dy), (0, 0, 0))
    )


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the devices of Linux; run it there"
)
def test_a_device_is_counted_and_the_terminal_s_keys_are_not(tmp_path: Path) -> None:
    with (
        device(tmp_path) as (path, writer),
        Terminal(
            "entropy", "collect", "--bits", 128, "--device", path, "--json"
        ) as terminal,
    ):
        terminal.wait_for("Esc stops")
        # Raw devices bring the mouse: the terminal is not asked for it.
        assert "\x1b[?1003h" not in terminal.shown
        terminal.send(b"some keys of the terminal")
        before = [0, 400, 240]
        began = time.monotonic()
        for us, x, y in trace("mouse_shake"):
            time.sleep(max(0.0, began + us / 1e6 - time.monotonic()))
            os.write(writer, moved(x - before[1], y - before[2]))
            before = [us, x, y]
            terminal.look()
            if terminal.process.poll() is not None:
                break
        assert terminal.end() == 0
        record = terminal.record
        assert record["sources"]["mouse"]["credited_bits"] >= 128
        assert record["sources"]["keys"]["events"] == 0
        assert record["surface"] == "pixels"
        terminal.assert_restored(mouse=False)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the devices of Linux; run it there"
)
def test_escape_stops_reading_a_device(tmp_path: Path) -> None:
    with (
        device(tmp_path) as (path, writer),
        Terminal("entropy", "collect", "--device", path) as terminal,
    ):
        terminal.wait_for("Esc stops")
        os.write(writer, moved(3, 4))
        terminal.send(b"\x1b")
        assert terminal.end() == 130
        terminal.assert_restored(mouse=False)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the devices of Linux; run it there"
)
def test_a_device_that_is_not_there_is_told(tmp_path: Path) -> None:
    with Terminal(
        "entropy", "collect", "--device", tmp_path / "event9", "--json"
    ) as terminal:
        assert terminal.end() == 4
        error = terminal.record["error"]
        assert error["code"] == "entropy_needed"
        assert "event9" in error["message"]
