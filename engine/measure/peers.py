"""Whom we are compared with, how they are found, and what would install them.

C libraries are called by small programs whose source is in programs/; they are
compiled when they are asked for, into a folder that is gone afterwards, with
the machine's C compiler.  Where there is none, OpenSSL's own `openssl speed`
answers for P-256 and Ed25519.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from gostkey.errors import MeasureError

from .pairs import Process
from .rows import Task

__all__ = ["PEERS", "Found", "Peer", "Workshop"]

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Peer:
    """Another implementation."""

    name: str
    install: str
    """The command that would bring it, on Debian."""
    probe: str
    """Something that it can do, whatever its version."""
    program: str = ""
    """Source in programs/; empty for one that is called from Python."""
    flags: tuple[tuple[str, ...], ...] = ((),)
    """What the compiler is given; the first that works counts."""


PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            "openssl",
            "apt-get install gcc libc6-dev libssl-dev",
            "sign:p256",
            "openssl.c",
            (("-lcrypto",),),
        ),
        Peer(
            "gost-engine",
            "apt-get install gcc libc6-dev libssl-dev libengine-gost-openssl",
            "hash:256:63",
            "openssl.c",
            (("-lcrypto",),),
        ),
        Peer(
            "nettle",
            "apt-get install gcc libc6-dev nettle-dev libgmp-dev",
            "hash:256:63",
            "nettle.c",
            (("-lhogweed", "-lnettle", "-lgmp"),),
        ),
        Peer(
            "libgcrypt",
            "apt-get install gcc libc6-dev libgcrypt20-dev",
            "hash:256:63",
            "gcrypt.c",
            (("-lgcrypt",),),
        ),
        Peer(
            "botan",
            "apt-get install gcc libc6-dev libbotan-2-dev",
            "hash:256:63",
            "botan.c",
            (
                ("-I/usr/include/botan-3", "-lbotan-3"),
                ("-I/usr/include/botan-2", "-lbotan-2"),
            ),
        ),
        Peer("gostcrypto", "pip install gostcrypto", "hash:256:63"),
        Peer("pyca", "pip install cryptography", "sign:p256"),
    )
}
"""By name."""


@dataclass(frozen=True)
class Found:
    """What became of the search for a peer."""

    name: str
    version: str = ""
    """Of the library that is here; empty if it is missing."""
    reason: str = ""
    """Why it cannot be measured; empty if it can."""
    install: str = ""
    """The command that would bring it; empty if it is here."""

    def record(self) -> dict[str, object]:
        """Return the JSON object of the peer."""
        return {
            "item": self.name,
            "status": "missing" if self.reason else "found",
            "version": self.version,
            "reason": self.reason,
            "install": self.install,
        }


class Workshop:
    """Starts the processes of both sides; a context manager.

    Holds the compiled programs for as long as it is open.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gostkey-bench-")
        self._built: dict[str, Path | str] = {}
        self._found: dict[str, Found] = {}

    def __enter__(self) -> Workshop:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def find(self, name: str) -> Found:
        """Look for a peer by letting it do something small; once for each."""
        if name not in self._found:
            self._found[name] = self._find(PEERS[name])
        return self._found[name]

    def _find(self, peer: Peer) -> Found:
        try:
            side = self.start(Task(peer.name, peer.probe))
        except MeasureError as error:
            return Found(peer.name, reason=str(error))
        if isinstance(side, str):
            return Found(peer.name, reason=side, install=peer.install)
        with side:
            return Found(peer.name, version=side.version)

    def start(self, task: Task, cpus: int = 1) -> Process | str:
        """Start a process that is ready to do a task, or say why it cannot.

        Args:
            task: what it is to do.
            cpus: how many CPUs it may use; with more than one, wall time counts.

        Raises:
            MeasureError: if it fails.
        """
        clock = "cpu" if cpus == 1 else "wall"
        peer = PEERS.get(task.runner)
        if peer is None or not peer.program:
            command = python_command(task.runner, task.what, clock)
        else:
            program = self._build(peer)
            if isinstance(program, Path):
                command = [str(program), task.what, clock]
            elif peer.name == "openssl" and shutil.which("openssl"):
                command = python_command("openssl-speed", task.what, clock)
            else:
                return program
        process = Process(str(task), command, environment(task), cpus)
        if process.reason:
            process.close()
            return process.reason
        return process

    def _build(self, peer: Peer) -> Path | str:
        """Return the peer's program, or why there is none."""
        if peer.program not in self._built:
            self._built[peer.program] = self._compile(peer)
        return self._built[peer.program]

    def _compile(self, peer: Peer) -> Path | str:
        names = [os.environ.get("CC", ""), "cc", "gcc", "clang"]
        compiler = next((found for name in names if (found := _which(name))), None)
        if compiler is None:
            return "there is no C compiler to build its program with"
        out = Path(self._folder.name) / peer.program.removesuffix(".c")
        said = ""
        for flags in peer.flags:
            command = [compiler, "-std=c11", "-O2", str(PROGRAMS / peer.program)]
            done = subprocess.run(
                [*command, "-o", str(out), *flags],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            if done.returncode == 0:
                return out
            said = said or _first_error(done.stderr)
        return f"its headers or its library are not here ({said})"


# Makes glibc give freed memory back, so that none is taken again unseen.
_GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}


def environment(task: Task) -> dict[str, str]:
    """Return the environment of a process for a task: kernels, and glibc's ways."""
    variables = dict(os.environ)
    if task.kernels:
        for name in ("GOSTKEY_BACKEND", "GOSTKEY_KERNELS"):
            variables.pop(name, None)
        if task.kernels == "pure":
            variables["GOSTKEY_BACKEND"] = "pure"
        else:
            variables["GOSTKEY_KERNELS"] = task.kernels
    if task.what.startswith("memory:"):
        variables.update(_GIVE_BACK)
    return variables


# The package is found where this one was, whether it is installed or not, and
# never in the current folder.
_BOOTSTRAP = """
import importlib.util, sys
runner, what, clock, *places = sys.argv[1:]
sys.path[:] = [place for place in sys.path if place]
spec = importlib.util.spec_from_file_location(
    "gostkey", places[0] + "/__init__.py", submodule_search_locations=places)
module = importlib.util.module_from_spec(spec)
sys.modules["gostkey"] = module
try:
    spec.loader.exec_module(module)
except ImportError as error:
    print("none", error)
    sys.exit()
from gostkey.measure.worker import main
main(runner, what, clock)
"""


def python_command(runner: str, what: str, clock: str) -> list[str]:
    """Return the command of a worker in Python."""
    places = sys.modules["gostkey"].__path__
    return [sys.executable, "-c", _BOOTSTRAP, runner, what, clock, *places]


def _which(name: str) -> str | None:
    return shutil.which(name) if name else None


def _first_error(text: str) -> str:
    lines = [line for line in text.splitlines() if "error" in line or "cannot" in line]
    return lines[0].rpartition("error: ")[2].strip() if lines else "cc fails"
