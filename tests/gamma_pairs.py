"""Gamma files for tests, written without the code under test."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from gostkey.primitives import Readable
from gostkey.random.gamma.disk import Disk

only_posix = pytest.mark.skipif(
    os.name != "posix",
    reason="Windows has no owners and modes of this kind: run it on Linux or macOS",
)
only_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only the administrator can give a file away: run it as root",
)


def datum(number: int, seed: int = 0) -> bytes:
    """Return the 32 bytes of a test record; other ones for each number and seed."""
    return hashlib.sha256(b"%d %d" % (seed, number)).digest()


def record(data: bytes) -> bytes:
    """Return a record: the bytes and their CRC, little-endian."""
    return data + struct.pack("<I", zlib.crc32(data))


def content(count: int, seed: int = 0) -> bytes:
    """Return a whole file."""
    return b"".join(record(datum(number, seed)) for number in range(count))


def write(path: Path, data: bytes) -> Path:
    """Write a file as its owner keeps it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def new_pair(root: Path, count: int, seed: int = 0) -> Path:
    """Make a pair as it comes from outside, without a journal."""
    for path in copies(root):
        write(path, content(count, seed))
    return root


def copies(root: Path) -> tuple[Path, Path]:
    return root / "db1" / "kis_1", root / "db2" / "kis_1"


def journal(root: Path) -> Path:
    return root / "kis_1.journal"


def events(root: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a journal; each must have its CRC in front.

    A crash may leave the beginning of one more, without its end.
    """
    found = []
    for line in journal(root).read_text("ascii").split("\n")[:-1]:
        crc, text = line.split(" ", 1)
        assert int(crc, 16) == zlib.crc32(text.encode())
        found.append(json.loads(text))
    return found


def salted(root: Path, data: bytes) -> str:
    """Return the hash of a record by which the journal of a pair knows it."""
    salt = bytes.fromhex(events(root)[0]["salt"])
    return hashlib.sha256(salt + data).hexdigest()


def pieces(data: bytes | bytearray) -> list[bytes]:
    """Part taken bytes into records."""
    assert len(data) % 32 == 0
    return [bytes(data[place : place + 32]) for place in range(0, len(data), 32)]


class Quick(Disk):
    """A disk that does not wait: for tests that are not about power loss."""

    def sync(self, file: io.FileIO) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


class Stepping(Quick):
    """Calls `at_step` before each step, in the middle of writes, and after each."""

    def at_step(self, name: str) -> None:
        raise NotImplementedError

    def write(self, file: io.FileIO, data: Readable, offset: int) -> None:
        self.at_step("before write")
        half = len(data) // 2
        super().write(file, memoryview(data)[:half], offset)
        self.at_step("within write")
        super().write(file, memoryview(data)[half:], offset + half)
        self.at_step("after write")

    def truncate(self, file: io.FileIO, size: int) -> None:
        self.at_step("before truncate")
        super().truncate(file, size)
        self.at_step("after truncate")

    def sync(self, file: io.FileIO) -> None:
        self.at_step("before sync")
        super().sync(file)
        self.at_step("after sync")

    def sync_folder(self, folder: Path) -> None:
        self.at_step("before sync_folder")
        super().sync_folder(folder)
        self.at_step("after sync_folder")

    def make_folder(self, folder: Path) -> None:
        self.at_step("before make_folder")
        super().make_folder(folder)
        self.at_step("after make_folder")

    def create(self, path: Path) -> io.FileIO:
        self.at_step("before create")
        file = super().create(path)
        self.at_step("after create")
        return file

    def put(self, beside: Path, path: Path, *, replace: bool) -> None:
        self.at_step("before put")
        super().put(beside, path, replace=replace)
        self.at_step("after put")
