"""Three ways to run the command: in this process, in its own, on a terminal."""

from __future__ import annotations

import inspect
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from cards.card import VirtualCard
from cards.fixtures import bench  # noqa: F401, a fixture of this folder, too
from cards.readers import VirtualReaders
from click.testing import CliRunner

from gostkey import pcsc
from gostkey.cli import application
from gostkey.media.tokens import pins
from gostkey.renewal.trial import make_trial

LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass
class Ran:
    """What a command did."""

    code: int
    stdout: str
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON objects on stdout; every line must be one."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def record(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        (record,) = self.records
        return record

    @property
    def error(self) -> dict[str, str]:
        """What stands under "error" in the one JSON object on stdout."""
        error: dict[str, str] = self.record["error"]
        return error


Run = Callable[..., Ran]


def in_this_process(*arguments: object, input: bytes | str | None = None) -> Ran:
    """Run the command in this process: run("hash", "file", input=b"...")."""
    # Before click 8.2 the two outputs were one unless this was said.
    apart = "mix_stderr" in inspect.signature(CliRunner).parameters
    runner = CliRunner(**({"mix_stderr": False} if apart else {}))
    result = runner.invoke(
        application, [str(argument) for argument in arguments], input=input
    )
    return Ran(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def run() -> Run:
    """Run the command as `in_this_process`."""
    return in_this_process


@pytest.fixture
def insert() -> Iterator[Callable[..., VirtualReaders]]:
    """Put virtual cards into readers of this process: insert(card, None)."""
    with ExitStack() as stack:

        def put(*cards: VirtualCard | None) -> VirtualReaders:
            readers = VirtualReaders(*cards)
            stack.enter_context(pcsc.using(readers))
            return readers

        # What was refused on one test's token is no matter of another's.
        pins._sent_in_vain.clear()
        yield put
        pins._sent_in_vain.clear()


@pytest.fixture(autouse=True)
def no_real_tokens() -> Iterator[None]:
    """Leave the tokens alone that are in this machine."""
    with pcsc.using(VirtualReaders()):
        yield


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(LAUNCHER), *map(str, arguments)]


def environment(**changes: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    }
    quiet = {"PYTHONWARNINGS": "ignore", "PYTHONIOENCODING": "utf-8", "TERM": "xterm"}
    return {**kept, **quiet, **changes}


@pytest.fixture
def shell() -> Run:
    """Run the command in a process of its own, without a terminal."""

    def call(
        *arguments: object,
        input: bytes = b"",
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> Ran:
        done = subprocess.run(
            command(*arguments),
            input=input,
            capture_output=True,
            env=environment(**(env or {})),
            cwd=cwd,
            pass_fds=pass_fds,
            timeout=300,
            start_new_session=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


@pytest.fixture
def terminal() -> Callable[..., tuple[int, str]]:
    """Run on a pseudo-terminal; type each answer when its question appears.

    terminal("key", "generate", ..., answers=[("password", "secret")]) returns
    the exit code and all that the terminal showed.
    """
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals; run this test elsewhere")
    import pty

    def call(
        *arguments: object,
        answers: list[tuple[str, str]] | None = None,
        env: dict[str, str] | None = None,
        stop_at: str | None = None,
    ) -> tuple[int, str]:
        waiting = list(answers or [])
        words = command(*arguments)
        child, master = pty.fork()
        if child == 0:
            os.execve(words[0], words, environment(**(env or {})))
        shown = b""
        seen = 0
        deadline = time.monotonic() + 300
        while True:
            assert time.monotonic() < deadline, shown
            ready, _, _ = select.select([master], [], [], 1)
            if not ready:
                continue
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
            text = shown[seen:].decode(errors="replace")
            if waiting and waiting[0][0] in text:
                seen = len(shown)
                # getpass switches the echo off just before it prints.
                time.sleep(0.1)
                os.write(master, waiting.pop(0)[1].encode() + b"\n")
            if stop_at is not None and stop_at in text:
                os.kill(child, signal.SIGINT)
                stop_at = None
        os.close(master)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), shown.decode(errors="replace")

    return call


AT = datetime(2026, 6, 1, 9, tzinfo=timezone.utc)
"""The day on which the keys of the office's subscribers are due."""


@dataclass(frozen=True)
class Office:
    """A trial authority and four subscribers; numbers 0 and 1 have passwords."""

    root: Path

    @property
    def authority(self) -> Path:
        return self.root / "trial" / "ca"

    @property
    def root_certificate(self) -> Path:
        return self.authority / "ca.crt"

    @property
    def list(self) -> Path:
        return self.root / "trial" / "subscribers.csv"

    @property
    def tree(self) -> Path:
        return self.root / "trial" / "containers"

    def container(self, number: int) -> Path:
        return self.tree / f"le{number:06d}.000"

    def password_file(self, number: int) -> Path:
        return self.root / "trial" / "passwords" / f"{number:04d}.txt"


@pytest.fixture(scope="session")
def made_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("office")
    make_trial(root / "trial", 4, at=AT, passwords=2)
    return root


@pytest.fixture
def office(made_office: Path, tmp_path: Path) -> Office:
    """An office of the test's own, which it may spoil."""
    shutil.copytree(made_office, tmp_path / "office")
    return Office(tmp_path / "office")
