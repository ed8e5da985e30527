"""A pcscd with a virtual reader, and a card in it; run inside `unshare -Urm`.

    unshare -Urm python pcsc_bench.py good | pulled | empty | stopped

Prints one JSON object.  The reader's driver (vpcd) is a TCP server, the card its
client: messages of a two-byte length and a body; a body of one byte is 0 power
off, 1 power on, 2 reset, 4 "your ATR?"; others are commands for the card.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

# A bare checkout is made importable by the tests' own way.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import conftest  # noqa: E402, F401

from gostkey.errors import GostKeyError, MediumError  # noqa: E402
from gostkey.random import tokens  # noqa: E402

ATR = bytes.fromhex("3B8B015275746F6B656E20445320C1")
CHALLENGE = bytes.fromhex("00840000")


def free_port() -> int:
    """Find a port that is free and has a free neighbour: vpcd has two slots."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            with contextlib.suppress(OSError):
                other.bind(("127.0.0.1", port + 1))
                return port


class VirtualCard(threading.Thread):
    """A card that knows GET CHALLENGE; it leaves after so many of them."""

    def __init__(self, port: int, leaves_after: int = -1) -> None:
        super().__init__(daemon=True)
        self.given = bytearray()
        self.power_offs = 0
        self._leaves_after = leaves_after
        deadline = time.monotonic() + 10
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            # Not kept by the system: without it each command costs 40 ms.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise OSError("the reader is gone")
            data += piece
        return data

    def run(self) -> None:
        challenges = 0
        with contextlib.suppress(OSError), self._socket:
            while True:
                body = self._receive(int.from_bytes(self._receive(2), "big"))
                if body == b"\x04":
                    answer = ATR
                elif len(body) == 1:
                    self.power_offs += body == b"\0"
                    continue
                elif body[:4] == CHALLENGE and len(body) == 5:
                    challenges += 1
                    if challenges == self._leaves_after:
                        return
                    number = hashlib.sha256(b"virtual %d" % challenges).digest()
                    data = number[: body[4]]
                    self.given += data
                    answer = data + b"\x90\x00"
                else:
                    answer = b"\x6d\x00"
                self._socket.sendall(len(answer).to_bytes(2, "big") + answer)


@contextlib.contextmanager
def service(port: int) -> Iterator[None]:
    """Run pcscd with one virtual reader."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "vpcd").write_text(
            'FRIENDLYNAME "Virtual PCD"\n'
            f"DEVICENAME /dev/null:{port:#x}\n"
            "LIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so\n"
            f"CHANNELID {port:#x}\n"
        )
        program = shutil.which("pcscd", path="/usr/sbin:/usr/bin") or "pcscd"
        usage = subprocess.run(
            [program, "--help"], capture_output=True, check=False
        ).stdout
        polkit = ["--disable-polkit"] if b"disable-polkit" in usage else []
        log = Path(folder, "log")
        with log.open("wb") as stream:
            daemon = subprocess.Popen(
                [program, "--foreground", "-c", folder, *polkit],
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + 10
            while not Path("/run/pcscd/pcscd.comm").exists():
                if daemon.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"pcscd did not start: {log.read_text()}")
                time.sleep(0.02)
            yield
        finally:
            daemon.terminate()
            daemon.wait()


def sources() -> list[tokens.TokenSource]:
    """List the cards, when the reader has had time to see one."""
    found = tokens.list_token_sources()
    if found.problems:
        raise SystemExit(str(found.problems))
    return list(found.sources)


def wait_for_card() -> tokens.TokenSource:
    deadline = time.monotonic() + 10
    while not (found := sources()):
        if time.monotonic() > deadline:
            raise SystemExit("the card was not seen")
        time.sleep(0.05)
    return found[0]


def good(port: int) -> dict[str, object]:
    card = VirtualCard(port)
    card.start()
    source = wait_for_card()
    offs = card.power_offs
    data = tokens.read(source, 512)
    same = data == card.given
    reading = tokens.mix_in(source).record()
    return {
        "reader": source.name,
        "sources": [[one.kind, one.name] for one in sources()],
        "same_as_the_card_gave": same,
        "reading": reading,
        "power_off_after_use": card.power_offs != offs,
    }


def pulled(port: int) -> dict[str, object]:
    VirtualCard(port, leaves_after=3).start()
    source = wait_for_card()
    try:
        tokens.read(source, 512)
    except MediumError as error:
        return {"error": str(error)}
    return {"error": ""}


def empty(port: int) -> dict[str, object]:
    import smartcard.System

    reader = smartcard.System.readers()[0]
    try:
        tokens.read(tokens.TokenSource("pcsc", str(reader)), 8)
    except GostKeyError as error:
        return {"sources": sources(), "error": str(error)}
    return {"sources": sources(), "error": ""}


def main() -> None:
    # A /run of our own: the service of this machine, if any, is left alone.
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    os.mkdir("/run/pcscd")
    if sys.argv[1] == "stopped":
        print(json.dumps({"problems": tokens.list_token_sources().problems}))
        return
    port = free_port()
    scenario = {"good": good, "pulled": pulled, "empty": empty}[sys.argv[1]]
    with service(port):
        print(json.dumps(scenario(port)))


if __name__ == "__main__":
    main()
