"""A pcscd of our own with virtual readers, for programs that ask the real one.

    with Bench() as bench:
        bench.insert(RutokenLite())
        bench.run(["opensc-tool", "-l"])

The daemon lives in a mount namespace, where it finds a /run of its own and no
drivers of real readers: the service of this machine, and tokens plugged into it, are
left alone.  Its socket is seen from outside, and programs are told of it by the
variable PCSCLITE_CSOCK_NAME (`Bench.environment`).  No root is needed where users may
make namespaces.  The library reads that variable once in a process, so a process
that has asked another pcscd before cannot ask this one.

The cards are objects of this process; see `cards.vpcd`.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import importlib.machinery
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from cards.card import VirtualCard
from cards.vpcd import EMPTY_SECONDS, Inserted

ROOT = Path(__file__).resolve().parent.parent.parent
DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"

# Given a folder of ours ($1), where the daemon (the rest) is to put its socket.
_INSIDE = """
set -e
mount -t tmpfs none /run
mkdir /run/pcscd
mount --bind "$1" /run/pcscd
mount -t tmpfs none /usr/lib/pcsc/drivers
shift
# It ends with the process that started it, however that ends.
if setpriv --help 2>/dev/null | grep -q pdeathsig; then
    exec setpriv --pdeathsig TERM "$@"
fi
exec "$@"
"""


@functools.cache
def namespace() -> tuple[str, ...]:
    """The command that gives a program mounts of its own; () if we may not."""
    for way in (("unshare", "-Urm"), ("unshare", "-m")):
        trial = [*way, "mount", "-t", "tmpfs", "none", "/run"]
        with contextlib.suppress(OSError):
            if not subprocess.run(trial, capture_output=True, check=False).returncode:
                return way
    return ()


def daemon() -> str | None:
    return shutil.which("pcscd", path="/usr/sbin:/usr/bin:/sbin:/bin")


def missing() -> str:
    """What a bench lacks on this machine, and what would bring it; "" if nothing."""
    if daemon() is None:
        return "needs pcscd: apt-get install pcscd"
    if not glob.glob(DRIVER):
        return "needs a virtual reader: apt-get install vsmartcard-vpcd"
    if not namespace():
        return "needs the right to make namespaces: run as root"
    return ""


def missing_pyscard() -> str:
    """What our own programs lack to ask a pcscd; "" if nothing."""
    if importlib.util.find_spec("smartcard") is None:
        return "needs pyscard: pip install 'gostkey[token]'"
    return ""


def free_ports(readers: int) -> int:
    """Find a port that is free, as are those after it: a driver has two readers."""
    while True:
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            if port + readers > 0xFFFF:
                continue
            with contextlib.suppress(OSError):
                for other in range(1, readers):
                    stack.enter_context(socket.socket()).bind(
                        ("127.0.0.1", port + other)
                    )
                return port


class Bench:
    """A pcscd with so many virtual readers (an even number), which are empty.

    Args:
        readers: how many.
    """

    def __init__(self, readers: int = 2) -> None:
        self._readers = max(2, readers + readers % 2)
        self._inserted: dict[int, Inserted] = {}
        self._emptied: dict[int, float] = {}
        self._stack = contextlib.ExitStack()
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Bench:
        # In /tmp: the name of a socket must not be long, and not be below /run.
        self.folder = Path(
            self._stack.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="gostkey-", dir="/tmp", ignore_cleanup_errors=True
                )
            )
        )
        try:
            for _ in range(5):
                if self._start():
                    return self
            raise RuntimeError(f"pcscd did not start: {self.log()}")
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for reader in list(self._inserted):
            self.pull(reader)
        self.stop()
        self._stack.close()

    def _start(self) -> bool:
        """Start the daemon; False if another program was faster at our ports."""
        settings = self.folder / "readers"
        shutil.rmtree(settings, ignore_errors=True)
        settings.mkdir()
        self.port = free_ports(self._readers)
        for number in range(0, self._readers, 2):
            name = "Virtual PCD" if number == 0 else f"Virtual PCD {number // 2}"
            port = self.port + number
            # Loaded twice from one file it would confuse its readers.
            driver = self.folder / f"driver{number}.so"
            shutil.copyfile(glob.glob(DRIVER)[0], driver)
            driver.chmod(0o755)
            (settings / f"vpcd{number}").write_text(
                f'FRIENDLYNAME "{name}"\nDEVICENAME /dev/null:{port:#x}\n'
                f"LIBPATH {driver}\nCHANNELID {port:#x}\n"
            )
        program = daemon()
        assert program is not None, missing()
        usage = subprocess.run([program, "--help"], capture_output=True, check=False)
        polkit = ["--disable-polkit"] if b"disable-polkit" in usage.stdout else []
        command = [program, "--foreground", "-c", str(settings), *polkit]
        with (self.folder / "log").open("wb") as log:
            self._daemon = subprocess.Popen(
                [*namespace(), "sh", "-c", _INSIDE, "sh", str(self.folder), *command],
                # An interrupt from the terminal is for the programs, not for it.
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self._daemon.poll() is not None:
                return False
            if (self.folder / "pcscd.comm").exists() and self._listens():
                return True
            time.sleep(0.02)
        self.stop()
        return False

    def _listens(self) -> bool:
        """Whether all ports are listened at by the daemon (they are not tried)."""
        assert self._daemon is not None
        ours = set()
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{self._daemon.pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    ours.add(os.readlink(link))
        listening = set()
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with contextlib.suppress(OSError):
                for line in Path(table).read_text().splitlines()[1:]:
                    part = line.split()
                    if part[3] == "0A" and f"socket:[{part[9]}]" in ours:
                        listening.add(int(part[1].rpartition(":")[2], 16))
        return listening >= {self.port + number for number in range(self._readers)}

    def stop(self) -> None:
        """Stop the daemon: from now on the service does not run."""
        if self._daemon is None:
            return
        self._daemon.terminate()
        try:
            self._daemon.wait(10)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()
        self._daemon = None

    # -- readers and cards ----------

    def log(self) -> str:
        """What the daemon has said."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def insert(self, card: VirtualCard, reader: int = 0) -> str:
        """Put a card into the reader of that number, in place of what is there.

        Returns:
            The name of the reader.
        """
        self.pull(reader)
        # Of a reader that is empty for less, the service would notice nothing.
        emptied = self._emptied.get(reader, -EMPTY_SECONDS)
        time.sleep(max(0, emptied + EMPTY_SECONDS - time.monotonic()))
        self._inserted[reader] = Inserted(card, self.port + reader)
        pair, slot = divmod(reader, 2)
        card.reader = f"Virtual PCD{f' {pair}' if pair else ''} 00 {slot:02}"
        return card.reader

    def pull(self, reader: int = 0) -> None:
        """Take out the card that is in there, if any."""
        inserted = self._inserted.pop(reader, None)
        if inserted is not None:
            inserted.pull()
            self._emptied[reader] = inserted.emptied

    def environment(self, **more: str) -> dict[str, str]:
        """Variables for a program that is to ask this pcscd."""
        return {
            **os.environ,
            "PCSCLITE_CSOCK_NAME": str(self.folder / "pcscd.comm"),
            **more,
        }

    def run(
        self, command: Sequence[str], **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a program that asks this pcscd; its output is text."""
        settings: dict[str, Any] = {
            "capture_output": True,
            "text": True,
            "check": False,
            "timeout": 60,
            "env": self.environment(),
        }
        return subprocess.run(list(command), **{**settings, **options})

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python with gostkey and the cards at hand, in a process of its own."""
        path = os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
        # A bare checkout is made importable by the tests' own way.
        installed = importlib.machinery.PathFinder.find_spec("gostkey")
        begin = "" if installed else "import conftest\n"
        return self.run(
            [sys.executable, "-c", begin + code, *arguments],
            env=self.environment(PYTHONPATH=path.rstrip(os.pathsep)),
        )

    def wait_for(self, *readers: int, patience: float = 10) -> None:
        """Wait until pcscd has seen the cards in the readers of those numbers."""
        wanted = [self._inserted[reader] for reader in readers or self._inserted]
        deadline = time.monotonic() + patience
        while not all(one.powered for one in wanted):
            if time.monotonic() > deadline:
                raise RuntimeError(f"a card was not seen: {self.log()}")
            time.sleep(0.01)
        # It tells its clients a moment later.
        time.sleep(0.05)
