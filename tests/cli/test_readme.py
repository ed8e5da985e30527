"""What README.md shows is what happens: its commands and its Python run.

A ``console`` block is a tour: the lines after ``$ `` are run in their order in
one empty folder on a terminal, and their output is compared with what is shown.
What differs from run to run (dates, keys, times) counts as equal; `make` is not
run from here.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from cards import bench as benches
from cards import run as token_bench

from .conftest import LAUNCHER, environment

README = Path(__file__).resolve().parents[2] / "README.md"

VARYING = (
    (r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?Z?", "DATE"),
    (r"\b[0-9a-f]{12,}\b", "HEX"),
    (r"\b\d+(\.\d+)? (s|keys/s)\b", "TIME"),
    (r"-\d{8}-HEX", "-DAY-HEX"),
    (r"(\d+) days?", "DAYS"),
    (r"\b\d+ (GB|MB|kB)\b", "SIZE"),
)
DAYS_LEFT = re.compile(r"(\d{4}-\d\d-\d\d +)(\d{4}-\d\d-\d\d)( +)(\d+)(?= )")
"""From, until and the days left, as a list of containers shows them."""


NOT_SEEN = README.parent / "docs" / "not-seen.md"


def blocks(kind: str, text: str | None = None) -> list[str]:
    if text is None:
        text = README.read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def steps() -> list[tuple[str, str]]:
    """The commands of the tour, each with the output that is shown."""
    return steps_in(README.read_text(encoding="utf-8"))


def steps_in(text: str) -> list[tuple[str, str]]:
    found = []
    for block in blocks("console", text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            if not line.startswith("make "):
                found.append((line, output))
    return found


def on_terminal(line: str, folder: Path) -> str:
    """Run a line of shell on a terminal; return what stays on it."""
    import pty

    child, master = pty.fork()
    if child == 0:
        os.chdir(folder)
        variables = environment(
            PATH=f"{folder / '.bin'}:{os.environ['PATH']}", COLUMNS="110"
        )
        os.execve("/bin/sh", ["sh", "-c", line], variables)
    shown = b""
    deadline = time.monotonic() + 300
    while True:
        assert time.monotonic() < deadline, shown
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    os.waitpid(child, 0)
    return visible(shown.decode())


def visible(text: str) -> str:
    """Take out colours, and what a progress bar wrote and wiped again."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        # A wiped line ends with "erase"; what comes after it is what stays.
        line = re.split(r"\x1b\[2K", line)[-1]
        line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).split("\r")[-1]
        if "━" not in line:
            lines.append(line.rstrip())
    return "\n".join(lines).strip("\n")


def tour_folder(base: Path) -> Path:
    """Make an empty folder with `gostkey` on the path of its shell."""
    folder = base / "tour"
    (folder / ".bin").mkdir(parents=True)
    command = folder / ".bin" / "gostkey"
    python, launcher = shlex.quote(sys.executable), shlex.quote(str(LAUNCHER))
    command.write_text(f'#!/bin/sh\nexec {python} {launcher} "$@"\n')
    command.chmod(0o755)
    return folder


def without_days_left(text: str) -> str:
    """Take out the days left, once they are seen to be those from one day to each end.

    How many they are depends on the hour: what ends in 25 hours may do so tomorrow, or
    the day after.
    """
    days = {
        date.fromisoformat(row[2]) - timedelta(int(row[4]))
        for row in DAYS_LEFT.finditer(text)
    }
    assert len(days) <= 1, text
    return DAYS_LEFT.sub(r"\1\2\3LEFT", text)


def constant(text: str) -> list[str]:
    text = without_days_left(text)
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return [re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines()]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell and terminal")
def test_the_tour_of_the_readme_is_what_happens(tmp_path: Path) -> None:
    folder = tour_folder(tmp_path)
    assert len(steps()) > 10
    for line, shown in steps():
        assert constant(on_terminal(line, folder)) == constant(shown), line


def tokens_of(page: Path) -> list[tuple[list[str], list[tuple[str, str]]]]:
    """The parts of a page by `make token-bench`: its arguments, and the steps."""
    parts = re.split(
        r'^make token-bench ARGS="(.*)"$', page.read_text("utf-8"), flags=re.MULTILINE
    )
    arguments = ["", *parts[1::2]]
    return [
        (shlex.split(words), steps_in(text))
        for words, text in zip(arguments, parts[::2], strict=True)
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell and terminal")
def test_the_page_for_the_counter_is_what_happens(tmp_path: Path) -> None:
    _, lines = tokens_of(NOT_SEEN)[0]
    assert len(lines) > 10
    follow(lines, tour_folder(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell and terminal")
def test_the_page_for_the_counter_is_what_happens_with_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if benches.missing() or benches.missing_pyscard():
        pytest.skip(benches.missing() or benches.missing_pyscard())
    folder = tour_folder(tmp_path)
    monkeypatch.chdir(folder)
    parts = tokens_of(NOT_SEEN)[1:]
    assert len(parts) == 3
    for arguments, lines in parts:
        cards = token_bench.taken(token_bench.options(arguments))
        with benches.Bench(readers=len(cards)) as bench:
            for number, card in enumerate(cards):
                bench.insert(card, number)
            bench.wait_for()
            for name, value in bench.environment().items():
                monkeypatch.setenv(name, value)
            follow(lines, folder)


def follow(lines: list[tuple[str, str]], folder: Path) -> None:
    """Give the commands, and compare what is shown."""
    for line, shown in lines:
        assert constant(on_terminal(line, folder)) == constant(shown), line


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    (program,) = blocks("python")
    source = LAUNCHER.read_text(encoding="utf-8")
    bootstrap = source.partition("from gostkey.cli import main")[0]
    script = tmp_path / "example.py"
    script.write_text(
        bootstrap.replace("__file__", repr(str(LAUNCHER))) + program, encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        cwd=tmp_path,
        env=environment(),
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "changed"
    assert done.stdout.splitlines()[-1] == "1000 of 1000 are good"


def test_the_readme_names_every_command_and_exit_code() -> None:
    from gostkey.cli import COMMANDS
    from gostkey.cli.texts import EXIT_TEXTS

    text = README.read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"`gostkey {name}" in text
    for code, words in EXIT_TEXTS.items():
        assert f"| {code} | {words} |" in text


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/renewal.md",
        "docs/http.md",
        "docs/entropy.md",
        "docs/doctor.md",
        "docs/not-seen.md",
        "docs/stations.md",
    ],
)
def test_links_lead_somewhere(name: str) -> None:
    file = README.parent / name
    for link in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
        assert (file.parent / link).exists(), link


def test_the_page_on_renewal_tells_every_reason_and_column() -> None:
    from gostkey.renewal.planning.form import FIELDS
    from gostkey.renewal.reasons import Reason

    text = (README.parent / "docs" / "renewal.md").read_text(encoding="utf-8")
    for code in (one.value for one in Reason):
        assert f"`{code}`" in text, code
    for column in FIELDS:
        assert f"`{column}`" in text, column


def test_every_vector_file_has_its_origin_told() -> None:
    root = README.parent
    text = (root / "docs" / "test-vectors.md").read_text(encoding="utf-8")
    for file in (root / "tests" / "vectors").glob("*.json"):
        assert f"`{file.name}`" in text, file.name
