"""The sensor in a real xterm on a virtual screen, with the real pointer and keys.

With GOSTKEY_PICTURES=DIR it leaves sensor-terminal.png there, the picture of the
documentation.
"""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import command, environment
from .driven import trace

if sys.platform == "win32":
    pytest.skip(
        "Windows has no xterm; run this test elsewhere", allow_module_level=True
    )

NEEDED = {
    "Xvfb": "xvfb",
    "xterm": "xterm",
    "xdotool": "xdotool",
    "import": "imagemagick",
}
MISSING = [package for word, package in NEEDED.items() if shutil.which(word) is None]
if MISSING:
    pytest.skip(
        f"`apt-get install {' '.join(MISSING)}` makes this test run",
        allow_module_level=True,
    )

WIDTH, HEIGHT = 920, 560


@pytest.fixture
def display() -> Iterator[str]:
    """A virtual screen; its name for DISPLAY."""
    read, write = os.pipe()
    screen = f"{WIDTH}x{HEIGHT}x24"
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", screen, "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        assert select.select([read], [], [], 20)[0], "Xvfb does not start"
        yield ":" + os.read(read, 20).decode().strip()
    finally:
        os.close(read)
        server.terminate()
        server.wait()


def test_a_hand_on_the_real_pointer(display: str, tmp_path: Path) -> None:
    result = tmp_path / "result"
    line = shlex.join(command("entropy", "collect", "--json"))
    quoted = shlex.quote(str(result))
    env = environment(
        CI="", DISPLAY=display, SSH_CONNECTION="", SSH_TTY="", SSH_CLIENT="",
        LC_ALL="C.UTF-8",
    )  # fmt: skip
    xterm = subprocess.Popen(
        ["xterm", "-fa", "DejaVu Sans Mono", "-fs", "11", "-b", "8", "-bw", "0",
         "-geometry", "100x29+0+0", "-xrm", "XTerm*metaSendsEscape: true",
         "-e", "sh", "-c",
         f"{line} >{quoted}.json; echo $? >{quoted}.code; stty -a >{quoted}.stty;"
         " sleep 30"],
        env={**env, "TERM": "xterm-256color"},
    )  # fmt: skip
    hand = subprocess.Popen(
        ["xdotool", "-"], env=env, stdin=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert hand.stdin is not None
        _wait_for_the_picture(env, tmp_path)
        hand.stdin.write(f"mousemove {WIDTH // 2} {HEIGHT // 2}\n")
        shot = tmp_path / "sensor-terminal.png"
        taken: subprocess.Popen[bytes] | None = None
        began = time.monotonic()
        for n, (us, x, y) in enumerate(trace("mouse_shake")):
            time.sleep(max(0.0, began + us / 1e6 - time.monotonic()))
            hand.stdin.write(f"mousemove {40 + x} {20 + y}\n")
            if n % 23 == 7:
                hand.stdin.write(f"key {'qwertyuiopasdfghjkl'[n // 23 % 19]}\n")
            if us > 3_000_000 and taken is None:
                taken = subprocess.Popen(_shot(shot), env=env)
            if result.with_suffix(".stty").exists():
                break
        assert taken is not None and taken.wait(20) == 0
        _wait_for_file(result.with_suffix(".stty"))
    finally:
        hand.kill()
        xterm.terminate()
        hand.wait()
        xterm.wait()

    assert result.with_suffix(".code").read_text() == "0\n"
    record = json.loads(result.with_suffix(".json").read_text())
    # xterm knows motion by pixels and says so.
    assert record["surface"] == "pixels" and record["suspicion"] == ""
    mouse, keys = record["sources"]["mouse"], record["sources"]["keys"]
    assert mouse["accepted"] > 100 and keys["accepted"] > 2
    assert mouse["credited_bits"] + keys["credited_bits"] >= 256
    settings = result.with_suffix(".stty").read_text().split()
    assert {"icanon", "echo", "icrnl", "isig"} <= set(settings)

    # The bar is xterm's green, the lines where the pointer has been are blue.
    assert _near(shot, (0x00, 0xCD, 0x00)) > 2000
    assert _near(shot, (0x00, 0x87, 0xFF)) > 200
    assert shot.stat().st_size < 150_000
    if kept := os.environ.get("GOSTKEY_PICTURES"):
        shutil.copy(shot, Path(kept) / shot.name)


def _shot(file: Path) -> list[str]:
    few = ["+dither", "-colors", "64", "-depth", "8"]
    return ["import", "-window", "root", "-strip", *few, f"PNG8:{file}"]


def _colours(file: Path) -> dict[str, int]:
    """Return how many pixels there are of each colour."""
    done = subprocess.run(
        ["convert", str(file), "-format", "%c", "histogram:info:-"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        colour: int(count)
        for count, colour in re.findall(r"(\d+): .*?#([0-9A-F]{6})", done.stdout)
    }


def _near(file: Path, wanted: tuple[int, int, int]) -> int:
    """Return how many pixels have about this colour."""
    return sum(
        count
        for colour, count in _colours(file).items()
        if all(
            abs(value - other) < 40
            for value, other in zip(bytes.fromhex(colour), wanted, strict=True)
        )
    )


def _wait_for_the_picture(env: dict[str, str], folder: Path) -> None:
    """Wait until the screen shows more than a blank window."""
    shot = folder / "waiting.png"
    end = time.monotonic() + 30
    while time.monotonic() < end:
        subprocess.run(_shot(shot), env=env, check=True)
        # Text of some lines and the box.
        if _colours(shot).get("000000", 0) > 3000 and len(_colours(shot)) > 10:
            time.sleep(0.5)
            return
        time.sleep(0.2)
    raise AssertionError("the sensor's screen does not show")


def _wait_for_file(file: Path) -> None:
    end = time.monotonic() + 15
    while not file.exists() or not file.read_text():
        assert time.monotonic() < end, file
        time.sleep(0.05)
