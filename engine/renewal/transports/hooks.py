"""Other centres: two programs of the office send requests and fetch answers.

A program is started without a shell, with arguments from a template:

    /opt/centre/send {request} --id {id}

``{request}`` is a file with the request (CMS, DER), ``{answer}`` a file to be written
with the certificate, ``{id}`` the request's name in hex.  A template without
``{request}`` gets the request on its standard input.  How it ends says what came of it:

====  =====================================================================
0     done; for the fetching one: the certificate is in ``{answer}``
75    try later (EX_TEMPFAIL); for the fetching one: there is no answer yet
77    the authority says no (EX_NOPERM)
else  a fault of the program or its line: `resume` tries again
====  =====================================================================

The last line on its standard error is the reason that is shown.  A crash must not look
like a refusal, which is final; so that has a code that nothing ends with by accident.
The program sees neither passwords nor names in its arguments, and of the environment
only what a program needs to find its way.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gostkey.errors import GostKeyError, RequestRefused, TransportError

from .alone import alone, tell
from .choosing import certificate_from
from .patience import Line, Patience, describe_fault
from .transport import Pending, Trust
from .trusted import MAX_ANSWER_BYTES, load_trust, read_answer
from .words import plain

TRY_LATER = 75
REFUSED = 77
TIMEOUT = 300.0
"""Seconds that one call of a program may take."""
AT_ONCE = 4
"""Programs that run side by side."""
_TAIL = 4096
_PIPE = 1 << 16
"""Bytes that a pipe holds."""
_LOOK = 0.05
"""Seconds between two looks whether a program that says nothing has ended."""
_PLACES = ("request", "answer", "id")
_KEPT = frozenset(
    "PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR TEMP TMP SYSTEMROOT "
    "HTTPS_PROXY https_proxy NO_PROXY no_proxy SSL_CERT_FILE SSL_CERT_DIR".split()
)


@dataclass(frozen=True)
class Program:
    """A program and the template of its arguments."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, command: str | Sequence[str], *, answers: bool) -> Program:
        """Read a template: one text as it is typed, or a list of words.

        Args:
            command: quotes group words; no shell reads it, so nothing else counts.
            answers: whether it must name a file for the answer.

        Raises:
            TransportError: if it cannot be used, saying why.
        """
        try:
            words = _split(command) if isinstance(command, str) else list(command)
        except ValueError as error:
            raise TransportError(f"command {command!r}: {error}") from error
        if not words or not words[0]:
            raise TransportError("command for the centre: is empty; name a program")
        for name in re.findall(r"\{(\w*)\}", " ".join(words)):
            if name not in _PLACES:
                raise TransportError(
                    f"command {command!r}: {{{name}}} is unknown; there are "
                    "{request}, {answer} and {id}"
                )
        if answers and not any("{answer}" in word for word in words[1:]):
            raise TransportError(
                f"command {command!r}: must name the file for the answer, {{answer}}"
            )
        # As it is found now: another PATH later must not mean another program.
        found = shutil.which(words[0])
        if found is None:
            raise TransportError(
                f"command {command!r}: there is no program {words[0]} that may be run"
            )
        return cls((str(Path(found).absolute()), *words[1:]))

    @property
    def name(self) -> str:
        """The program's name, for messages."""
        return Path(self.words[0]).name

    @property
    def reads_file(self) -> bool:
        """Whether the request is given as a file and not on the standard input."""
        return any("{request}" in word for word in self.words)

    def arguments(self, values: Mapping[str, str]) -> list[str]:
        """Fill the template in; what is put in is not looked at again."""

        def fill(word: str) -> str:
            return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], word)

        return [self.words[0], *map(fill, self.words[1:])]


def _split(command: str) -> list[str]:
    if os.name != "nt":
        return shlex.split(command)
    # There a backslash is no escape, and this form keeps the quotes.
    return [word.strip('"') for word in shlex.split(command, posix=False)]


@dataclass
class CommandTransport:
    """A centre that is reached by the office's own programs."""

    submit_command: str | Sequence[str]
    fetch_command: str | Sequence[str]
    trusted: Path
    """Folder with the authority's certificates and CRLs."""
    timeout: float = TIMEOUT
    checks_requests: bool = field(default=False, init=False)
    together: int = field(default=AT_ONCE, init=False)
    """See `Slow`: each may take `TIMEOUT`."""
    _fetched: dict[str, bytes | GostKeyError | None] = field(
        default_factory=dict, init=False
    )
    _running: _Running = field(default_factory=lambda: _Running(), init=False)

    def __post_init__(self) -> None:
        """Read the templates.

        Raises:
            TransportError: if one cannot be used.
        """
        self._submit = Program.of(self.submit_command, answers=False)
        self._fetch = Program.of(self.fetch_command, answers=True)
        # A line for each, as one may hang and the other not.
        self._submitting = _line_to(self._submit)
        self._fetching = _line_to(self._fetch)

    # -- Transport ------------------------------------------------------------

    def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
        """Hand each request to the program; some run side by side."""
        outcomes = self._all(self._submitting, self._send, pendings)
        return [one if isinstance(one, GostKeyError) else None for one in outcomes]

    def expect(self, pendings: Sequence[Pending]) -> None:
        """Fetch the answers for several requests, some side by side."""
        outcomes = self._all(self._fetching, self._ask, pendings)
        for pending, outcome in zip(pendings, outcomes, strict=True):
            self._fetched[pending.request_id] = outcome

    def fetch(self, pending: Pending) -> bytes | None:
        """Give what the program fetched, or have it fetch now.

        Raises:
            TransportError: if the program failed.
            RequestRefused: if it says that the authority says no.
        """
        if pending.request_id not in self._fetched:
            self.expect([pending])
        outcome = self._fetched.pop(pending.request_id)
        if isinstance(outcome, GostKeyError):
            raise outcome
        return outcome

    def settle(self, request_ids: Iterable[str]) -> None:
        """Forget what was fetched for these requests."""
        for one in request_ids:
            self._fetched.pop(one, None)

    def close(self) -> None:
        """Do nothing: the programs have ended."""

    def refresh(self) -> None:
        """Look for answers anew."""
        self._fetched.clear()

    def trust(self) -> Trust:
        """Read the authority's certificates and CRLs from their folder.

        Raises:
            TransportError: if it holds no root certificate.
        """
        return load_trust(self.trusted)

    def settings(self) -> dict[str, Any]:
        """Describe the transport for the store."""
        return {
            "kind": "command",
            "submit": list(self._submit.words),
            "fetch": list(self._fetch.words),
            "trusted": str(self.trusted.absolute()),
            "timeout": self.timeout,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> CommandTransport:
        """Make the transport that `settings` described."""
        return cls(
            tuple(settings["submit"]),
            tuple(settings["fetch"]),
            Path(settings["trusted"]),
            float(settings.get("timeout", TIMEOUT)),
        )

    # -- parts ------------------------------------------------------------------

    def _all(
        self,
        line: Line,
        do: Callable[[Pending], bytes | None],
        pendings: Sequence[Pending],
    ) -> list[bytes | GostKeyError | None]:
        def guarded(pending: Pending) -> bytes | GostKeyError | None:
            try:
                return line.call(lambda: do(pending))
            except GostKeyError as error:
                return error
            except OSError as error:
                return line.failed(error)

        if not pendings:
            return []
        with ThreadPoolExecutor(min(AT_ONCE, len(pendings))) as threads:
            try:
                return list(threads.map(guarded, pendings))
            except BaseException:
                # Ctrl-C is for the programs too, which do not see it.
                self._running.kill()
                raise

    def _send(self, pending: Pending) -> None:
        code, why, _ = self._run(self._submit, pending)
        if code == TRY_LATER:
            # Said of one request, and soon said: the others are asked all the same.
            raise TransportError(
                f"{self._submit.name}: {why or 'gave no reason'} (to be tried later)"
            )
        self._judge(self._submit, code, why)

    def _ask(self, pending: Pending) -> bytes | None:
        code, why, answer = self._run(self._fetch, pending)
        if code == TRY_LATER:
            return None
        self._judge(self._fetch, code, why)
        if answer is None:
            raise TransportError(
                f"{self._fetch.name}: ended well without an answer; while there is "
                f"none it must end with {TRY_LATER}"
            )
        return certificate_from(answer, pending)

    def _judge(self, program: Program, code: int, why: str) -> None:
        if code == REFUSED:
            raise RequestRefused(why or f"{program.name} gave no reason")
        if code:
            how = f"ended with {code}" if code > 0 else f"was killed by signal {-code}"
            raise TransportError(
                f"{program.name}: {how}{f' ({why})' if why else ''}; see to it, "
                "then run resume"
            )

    def _run(self, program: Program, pending: Pending) -> tuple[int, str, bytes | None]:
        """Run a program; give its exit code, its last words and the answer's file."""
        with (
            alone(pending.request_id, program.name) as lock,
            tempfile.TemporaryDirectory(prefix="gostkey-hook-") as folder,
        ):
            request, answer = Path(folder, "request.p7m"), Path(folder, "answer.cer")
            given = None
            if program.reads_file:
                request.write_bytes(pending.request)
            else:
                given = pending.request
            arguments = program.arguments(
                {
                    "request": str(request),
                    "answer": str(answer),
                    "id": pending.request_id,
                }
            )
            code, why = self._running.call(arguments, given, folder, self.timeout, lock)
            there = code == 0 and answer.is_file() and not answer.is_symlink()
            if there and answer.stat().st_size > MAX_ANSWER_BYTES:
                raise TransportError(
                    f"{program.name}: its answer is longer than {MAX_ANSWER_BYTES} "
                    "bytes, so no certificate; see to it, then run resume"
                )
            return code, why, read_answer(answer) if there else None


def _line_to(program: Program) -> Line:
    # One try: the program knows best when to try again.
    return Line(program.name, Patience(tries=1), describe=_describe)


class _TooSlow(TimeoutError):
    """A program was not done in its time; the text says which time."""


def _describe(error: BaseException) -> str:
    return str(error) if isinstance(error, _TooSlow) else describe_fault(error)


class _Running:
    """The programs that run, in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: set[subprocess.Popen[bytes]] = set()
        self._over = False

    def kill(self) -> None:
        """Kill all, and let none begin."""
        with self._lock:
            self._over = True
            for one in self._all:
                _kill(one)

    def call(
        self,
        arguments: Sequence[str],
        given: bytes | None,
        folder: str,
        timeout: float,
        lock: int | None,
    ) -> tuple[int, str]:
        """Run a program to its end, or to the end of its time; it inherits *lock*.

        Returns:
            Its exit code, minus the signal that killed it; the last line of its stderr.

        Raises:
            TransportError: if it cannot be started.
            TimeoutError: if it was too slow; it and what it started are killed.
        """
        name = Path(arguments[0]).name
        with self._lock:
            if self._over:
                raise TransportError(f"{name}: was interrupted")
            try:
                process = subprocess.Popen(
                    list(arguments),
                    stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    cwd=folder,
                    env=_environment(),
                    start_new_session=True,
                    pass_fds=() if lock is None else (lock,),
                )
            except OSError as error:
                raise TransportError(
                    f"{name}: cannot be started: {error.strerror or error}; see to it, "
                    "then run resume"
                ) from error
            self._all.add(process)
        try:
            tell(lock, process.pid)
            return _follow(process, given, timeout)
        finally:
            with self._lock:
                self._all.discard(process)


def _follow(
    process: subprocess.Popen[bytes], given: bytes | None, timeout: float
) -> tuple[int, str]:
    tail = bytearray()
    over = threading.Event()

    def listen() -> None:
        assert process.stderr is not None
        source = process.stderr.fileno()
        while True:
            # What was said before the end is in the pipe, whoever else holds it open.
            is_last = over.is_set()
            if _says_more(source, 0.0 if is_last else _LOOK):
                more = os.read(source, _PIPE)
                if not more:
                    return
                # However much it says, only the end is kept.
                tail.extend(more)
                del tail[:-_TAIL]
            if is_last:
                return

    def feed() -> None:
        assert process.stdin is not None and given is not None
        # One that does not read its input is free not to.
        try:
            process.stdin.write(given)
            process.stdin.close()
        except OSError:
            pass

    helpers = [threading.Thread(target=listen, daemon=True)]
    if given is not None:
        helpers.append(threading.Thread(target=feed, daemon=True))
    for one in helpers:
        one.start()
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        _kill(process)
        process.wait()
        raise _TooSlow(f"was not done in {timeout:g} s and was killed") from None
    finally:
        # What it left running may hold its stderr open; it is not waited for.
        over.set()
        for one in helpers:
            one.join(1.0)
        if process.stderr is not None and not helpers[0].is_alive():
            process.stderr.close()
    lines = [line for line in bytes(tail).splitlines() if line.strip()]
    return code, plain(lines[-1].decode("utf-8", "replace")) if lines else ""


def _says_more(source: int, timeout: float) -> bool:
    """Wait so many seconds for more in a pipe, or its end; on Windows say yes."""
    if sys.platform == "win32":
        return True
    waiting = select.poll()
    waiting.register(source, select.POLLIN)
    return bool(waiting.poll(timeout * 1000))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that still runs, and what it has started."""
    if process.returncode is not None:
        return
    try:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass


def _environment() -> dict[str, str]:
    """Give what a program needs to find its way; variables may hold passwords."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith("LC_")
    }
