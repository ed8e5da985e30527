"""The sensor inside tmux, which has terminals of its own in between."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import command, environment

if sys.platform == "win32":
    pytest.skip("Windows has no tmux; run this test elsewhere", allow_module_level=True)
if shutil.which("tmux") is None:
    pytest.skip(
        "no tmux; `apt-get install tmux` makes these tests run", allow_module_level=True
    )

from .driven import Terminal


class Tmux:
    """A tmux server of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "tmux"
        self.settings = folder / "tmux.conf"
        self.settings.write_text(
            "set -g mouse on\nset -g default-terminal screen-256color\n"
            "set -g escape-time 20\n",
            encoding="utf-8",
        )
        self.result = folder / "result"

    @property
    def words(self) -> list[str]:
        return ["tmux", "-S", str(self.socket), "-f", str(self.settings)]

    def script(self, *arguments: object) -> str:
        """A shell line that runs the command and then notes how it ended."""
        line = shlex.join(command("entropy", "collect", *arguments))
        record = shlex.quote(str(self.result))
        return f"{line} >{record}.json; echo $? >{record}.code; stty -a >{record}.stty"

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            [*self.words, *words], capture_output=True, text=True, check=False
        )
        return done.stdout

    def ended(self, seconds: float = 20) -> int:
        """Return the exit code, after the shell line is through."""
        end = time.monotonic() + seconds
        stty = self.result.with_suffix(".stty")
        while not stty.exists() or not stty.read_text(encoding="utf-8"):
            assert time.monotonic() < end, self("capture-pane", "-p")
            time.sleep(0.05)
        words = stty.read_text(encoding="utf-8").split()
        for word in ("icanon", "echo", "icrnl"):
            assert word in words and f"-{word}" not in words
        return int(self.result.with_suffix(".code").read_text(encoding="utf-8"))


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    server = Tmux(tmp_path)
    yield server
    server("kill-server")


def test_the_mouse_of_the_outer_terminal_reaches_the_sensor(tmux: Tmux) -> None:
    words = [*tmux.words, "new-session", tmux.script("--bits", 128, "--json")]
    with Terminal(words=words, pixels=False, columns=100, rows=32) as terminal:
        terminal.wait_for("Esc stops")
        for _ in terminal.both(faster=1.5):
            if tmux.result.with_suffix(".code").exists():
                break
        assert tmux.ended() == 0
        record = json.loads(tmux.result.with_suffix(".json").read_text())
        # tmux tells places by cells, whatever the terminal outside does.
        assert record["surface"] == "cells"
        assert record["sources"]["mouse"]["credited_bits"] > 20
        assert record["credited_bits"] >= 128


def test_keys_sent_by_tmux_and_esc(tmux: Tmux) -> None:
    subprocess.run(
        [*tmux.words, "new-session", "-d", "-x", "90", "-y", "20",
         tmux.script("--json")],
        env=environment(CI="", TERM="xterm-256color", SSH_CONNECTION="", SSH_TTY="",
                        SSH_CLIENT=""),
        check=True,
    )  # fmt: skip
    end = time.monotonic() + 20
    while "Esc stops" not in (shown := tmux("capture-pane", "-p")):
        assert time.monotonic() < end, shown
        time.sleep(0.05)
    draw = random.Random(6)
    for n in range(30):
        keys = ["Up", "F5", "я", "M-x", "C-a", "Enter"]
        key = draw.choice(keys) if n % 3 == 0 else draw.choice("abcdefghij")
        tmux("send-keys", key)
        time.sleep(draw.lognormvariate(-3.2, 0.5))
    time.sleep(0.2)
    shown = tmux("capture-pane", "-p")
    assert " of 30 presses count" in shown, shown
    assert "no motion so far" in shown
    tmux("send-keys", "Escape")
    assert tmux.ended() == 130
    record = json.loads(tmux.result.with_suffix(".json").read_text())
    assert record["error"]["code"] == "entropy_cancelled"
    assert os.path.exists(tmux.socket)
