"""The sensor on a real pseudo-terminal: a person, accidents, and the way back."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import LAUNCHER, Run, command, environment

if sys.platform == "win32":
    pytest.skip(
        "Windows has no pseudo-terminals; run this test elsewhere",
        allow_module_level=True,
    )

from .driven import MODES_OFF, Terminal

COLLECT = ("entropy", "collect", "--bits", 128)
READY = "Esc stops"


def test_a_person_with_a_mouse_reaches_the_target() -> None:
    with Terminal(*COLLECT, "--json") as terminal:
        terminal.wait_for(READY)
        seen = [terminal.bits for _ in terminal.move()]
        assert terminal.end() == 0
        record = terminal.record
        assert record["status"] == "done"
        assert record["credited_bits"] >= record["target_bits"] == 128
        assert record["surface"] == "pixels" and not record["remote"]
        mouse = record["sources"]["mouse"]
        assert mouse["health"] == "passed"
        assert mouse["events"] > mouse["accepted"] >= 128
        assert record["sources"]["keys"]["events"] == 0
        # The bar fills; only among the first few events, whose commonest value
        # says little, can one more of it take a bit or two back.
        assert all(
            later >= sooner - 3 for sooner, later in zip(seen, seen[1:], strict=False)
        )
        assert seen[40:] == sorted(seen[40:])
        assert 0 < seen[len(seen) // 2] <= 128
        terminal.assert_restored()


def test_a_terminal_without_pixels_counts_cells_half() -> None:
    with Terminal(*COLLECT, "--json", pixels=False) as terminal:
        terminal.wait_for(READY)
        assert "\x1b[?1016h" not in terminal.shown
        for _ in terminal.both(faster=1.5):
            pass
        assert terminal.end() == 0
        record = terminal.record
        assert record["surface"] == "cells"
        mouse = record["sources"]["mouse"]
        assert mouse["credited_bits"] == mouse["accepted"] // 2 > 0
        terminal.assert_restored()


def test_over_ssh_all_counts_half_and_the_screen_says_so() -> None:
    with Terminal(*COLLECT, "--json", SSH_CONNECTION="10.1.1.1 2 10.1.1.2 22") as one:
        one.wait_for("over a network")
        for _ in one.move():
            pass
        assert one.end() == 0
        mouse = one.record["sources"]["mouse"]
        assert one.record["remote"] is True
        assert mouse["credited_bits"] == mouse["accepted"] // 2
        one.assert_restored()


@pytest.mark.slow
def test_keys_alone_suffice() -> None:
    with Terminal("entropy", "collect", "--keyboard") as terminal:
        terminal.wait_for(READY)
        for _ in terminal.type(faster=2):
            pass
        assert terminal.end() == 0
        assert "\x1b[?1003h" not in terminal.shown
        assert "collected 128 of 128 bits" in terminal.shown
        terminal.assert_restored(mouse=False)


# -- stopping ---------------------------------------------------------------


@pytest.mark.parametrize("stop", [b"\x1b", b"\x03"], ids=["Esc", "Ctrl-C"])
def test_esc_and_ctrl_c_stop_it(stop: bytes) -> None:
    with Terminal(*COLLECT, "--json") as terminal:
        terminal.wait_for(READY)
        for n, _ in enumerate(terminal.move()):
            if n == 40:
                break
        terminal.send(stop)
        assert terminal.end() == 130
        assert terminal.record["error"]["code"] == "entropy_cancelled"
        terminal.assert_restored()


def test_esc_while_the_mouse_moves_stops_it() -> None:
    """Reports follow at once, so Esc is never alone."""
    with Terminal(*COLLECT) as terminal:
        terminal.wait_for(READY)
        for n, _ in enumerate(terminal.move()):
            if n == 40:
                terminal.send(b"\x1b")
        assert terminal.end() == 130
        terminal.assert_restored()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT]
)
def test_a_signal_restores_the_terminal_first(number: int) -> None:
    with Terminal(*COLLECT) as terminal:
        terminal.wait_for(READY)
        for n, _ in enumerate(terminal.move()):
            if n == 20:
                break
        terminal.process.send_signal(number)
        assert terminal.end() == (130 if number == signal.SIGINT else -number)
        terminal.assert_restored()


def test_nobody_there_ends_in_a_clear_error() -> None:
    began = time.monotonic()
    with Terminal(*COLLECT, "--timeout", 1, "--json") as terminal:
        assert terminal.end() == 4
        assert terminal.record["error"]["code"] == "entropy_needed"
        assert "none came for 1 s" in terminal.record["error"]["message"]
        terminal.assert_restored()
    assert time.monotonic() - began < 15


def test_a_terminal_that_goes_away_ends_it() -> None:
    terminal = Terminal(*COLLECT)
    with terminal:
        terminal.wait_for(READY)
        os.close(terminal.slave)
        os.close(terminal.master)
        assert terminal.process.wait(timeout=10) in (-signal.SIGHUP, 4)


def test_a_terminal_that_goes_away_unheard_ends_it_too(tmp_path: Path) -> None:
    """With nohup there is no signal: only reading and writing fail."""
    line = shlex.join(command(*COLLECT))
    code = tmp_path / "code"
    words = ["bash", "-c", f"trap '' HUP; {line}; echo $? > {shlex.quote(str(code))}"]
    with Terminal(words=words) as terminal:
        terminal.wait_for(READY)
        os.close(terminal.slave)
        os.close(terminal.master)
        terminal.process.wait(timeout=10)
    assert code.read_text() == "4\n"


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again() -> None:
    words = " ".join(f"'{word}'" for word in command(*COLLECT, "--json"))
    script = f"set -m; {words}; echo stopped=$?; stty -a; read line; fg; echo code=$?"
    with Terminal(words=["bash", "-c", script]) as terminal:
        terminal.wait_for(READY)
        for n, _ in enumerate(terminal.move()):
            if n == 60:
                break
        terminal.send(b"\x1a")
        shown = terminal.wait_for("stopped=148")
        shown = terminal.wait_for("-iutf8" if "-iutf8" in shown else "echoke")
        # What the shell finds: the settings of before, and the modes off.
        assert re.search(r"(?<!-)icanon", shown) and re.search(r"(?<!-)echo\b", shown)
        for mode in MODES_OFF:
            assert shown.rindex(mode) > shown.rindex(mode[:-1] + "h")
        terminal.send(b"\n")
        # The frame after fg is drawn anew, and what was collected is still there.
        end = time.monotonic() + 10
        while terminal.shown.count("\x1b[?1003h") < 2:
            assert time.monotonic() < end
            terminal.look(0.05)
        for _ in terminal.move("mouse_circles"):
            if "code=" in terminal.shown:
                break
        terminal.wait_for("code=0")
        terminal.assert_restored()


# -- accidents --------------------------------------------------------------


def test_a_paste_of_10_kb_counts_nothing() -> None:
    text = b"The quick brown fox jumps over the lazy dog. " * 230
    with Terminal(*COLLECT, "--json") as terminal:
        terminal.wait_for(READY)
        terminal.send(b"\x1b[200~" + text + b"\x1b[201~")
        terminal.look(0.5)
        assert terminal.bits == 0
        # It was a person after all: the mouse goes on counting.
        for _ in terminal.move():
            pass
        # All of its events came in bursts: that is a sign.
        assert terminal.end() == 4
        assert terminal.record["suspicion"] == "bursts"
        assert terminal.record["credited_bits"] == 0
        terminal.assert_restored()


def test_a_held_key_counts_nothing() -> None:
    with Terminal(*COLLECT, "--json") as terminal:
        terminal.wait_for(READY)
        for _ in range(60):
            terminal.send(b"a")
            terminal.look(0.03)
        assert terminal.bits == 0
        terminal.send(b"\x1b")
        assert terminal.end() == 130
        terminal.assert_restored()


def test_letters_from_a_script_are_refused_by_name() -> None:
    with Terminal(*COLLECT, "--json") as terminal:
        terminal.wait_for(READY)
        for n in range(400):
            terminal.send(bytes([97 + n * n % 26]))
            terminal.look(0.025)
            if MODES_OFF[-1] in terminal.shown:
                break
        assert terminal.end() == 4
        assert terminal.record["suspicion"] in ("fixed-pace", "few-values", "repeats")
        assert terminal.record["error"]["code"] == "entropy_needed"
        assert "does not look like one" in terminal.record["error"]["message"]
        terminal.assert_restored()


def test_a_resize_draws_anew_for_the_new_size() -> None:
    with Terminal(*COLLECT) as terminal:
        terminal.wait_for("where the pointer has been")
        for columns, rows in ((40, 10), (200, 1), (20, 5), (120, 40)):
            seen = len(terminal.shown)
            terminal.resize(columns, rows)
            deadline = time.monotonic() + 20
            while "\x1b[2J" not in terminal.look(0.05)[seen:]:
                assert time.monotonic() < deadline, "it was not drawn anew"
            terminal.look(0.5)
            # What came before is the end of a frame for the old size.
            new = terminal.shown[seen:].rpartition("\x1b[2J")[2]
            moved = [int(row) for row in re.findall(r"\x1b\[(\d+);1H", new)]
            assert moved and max(moved) <= rows
            assert all(len(line) < columns for line in terminal.screen)
            assert re.search(r"0(?: of |/)128", "\n".join(terminal.screen))
        terminal.send(b"\x1b")
        assert terminal.end() == 130
        terminal.assert_restored()


@pytest.mark.parametrize(("columns", "rows"), [(200, 1), (20, 5), (1, 1), (30, 2)])
def test_any_size_will_do(columns: int, rows: int) -> None:
    with Terminal(*COLLECT, "--json", columns=columns, rows=rows) as terminal:
        terminal.look(1.5)
        terminal.wait_for("\x1b[?1003h")
        # Pixels are reported as on a screen of a common size.
        for _ in terminal.move():
            assert all(len(line) <= max(1, columns - 1) for line in terminal.screen)
        assert terminal.end() == 0
        terminal.assert_restored()


def test_without_colour_there_is_none() -> None:
    with Terminal(*COLLECT, NO_COLOR="1") as terminal:
        terminal.wait_for("where the pointer has been")
        for n, _ in enumerate(terminal.move()):
            if n == 100:
                break
        terminal.send(b"\x1b")
        terminal.end()
        parameters = set(re.findall(r"\x1b\[([\d;]*)m", terminal.shown))
        assert parameters <= {"", "0", "1"}


def test_a_dumb_terminal_gets_no_control_sequence() -> None:
    with Terminal(*COLLECT, "--timeout", 2, TERM="dumb") as terminal:
        terminal.wait_for("Press keys")
        terminal.send(b"k")
        assert terminal.end() == 4
        assert "\x1b" not in terminal.shown
        import termios

        assert termios.tcgetattr(terminal.slave) == terminal.before


# -- no terminal ------------------------------------------------------------


def test_without_a_terminal_it_fails_at_once(shell: Run) -> None:
    ran = shell("entropy", "collect", "--json", env={"CI": ""})
    assert ran.code == 4
    assert ran.error["code"] == "entropy_needed"
    assert "not a terminal" in ran.error["message"]
    assert "\x1b" not in ran.stdout + ran.stderr


def test_a_closed_standard_input_is_no_terminal() -> None:
    words = " ".join(f"'{word}'" for word in command(*COLLECT))
    done = subprocess.run(
        ["bash", "-c", f"{words} <&-"],
        capture_output=True,
        env=environment(CI=""),
        timeout=60,
        check=False,
    )
    assert done.returncode == 4
    assert b"not a terminal" in done.stderr and b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "env", "why"),
    [
        (["--no-input"], {}, "--no-input forbids"),
        ([], {"CI": "true"}, "variable CI is set"),
    ],
)
def test_nobody_is_asked_where_nobody_may_be(
    arguments: list[str], env: dict[str, str], why: str
) -> None:
    with Terminal(*COLLECT, *arguments, "--json", **env) as terminal:
        assert terminal.end() == 4
        assert why in terminal.record["error"]["message"]
        assert "\x1b" not in terminal.shown


def test_the_number_of_bits_has_its_bounds(run: Run) -> None:
    for bits in (127, 1025):
        assert run("entropy", "collect", "--bits", bits).code == 1


# -- what follows -----------------------------------------------------------


def test_mashed_keys_do_not_reach_the_password_prompt_that_follows() -> None:
    program = LAUNCHER.read_text(encoding="utf-8").partition("from gostkey.cli")[0]
    program = program.replace("__file__", repr(str(LAUNCHER))) + (
        "import getpass\n"
        "from gostkey.cli.output import Output\n"
        "from gostkey.cli.sensor_screen import collect_on_terminal\n"
        "collect_on_terminal(Output(), target_bits=128)\n"
        "print('password is', repr(getpass.getpass('password: ')))\n"
    )
    with Terminal(words=[sys.executable, "-c", program]) as terminal:
        terminal.wait_for(READY)
        for _ in terminal.both():
            if "Done." in terminal.shown:
                break
        # Hands do not stop at once.
        for n in range(30):
            terminal.send(b"abcdefghij\x1b[<35;10;10M"[n % 10 :])
            terminal.look(0.01)
            assert "password: " not in terminal.shown
        terminal.wait_for("password: ")
        time.sleep(0.1)
        terminal.send(b"secret\n")
        assert terminal.end() == 0
        assert "password is 'secret'" in terminal.shown
        terminal.assert_restored()


def test_a_reader_that_went_away_does_not_spoil_the_terminal(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        with Terminal(*COLLECT, "--json", stdout=write) as terminal:
            terminal.wait_for(READY)
            for _ in terminal.move():
                pass
            assert terminal.end() == 141
            terminal.assert_restored()
    finally:
        os.close(write)
