"""Gamma files for tests, written without the code under test."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

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
    """Return the lines of a journal; each must have its CRC in front."""
    found = []
    for line in journal(root).read_text("ascii").splitlines():
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
