"""hivex, which merges .reg files into hives of Windows, reads what we write.

It wants UTF-8, plain line ends and the parent keys (Windows makes them), so the
test gives it those; key, values and continued lines are ours.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import samples

from gostkey.media import RegistryFile

PREFIX = r"HKEY_LOCAL_MACHINE\SOFTWARE"
SID = "S-1-5-21-1-2-3-1001"
NAME = "проба-0001"

pytestmark = pytest.mark.skipif(
    shutil.which("hivexregedit") is None,
    reason="no hivexregedit: apt-get install libwin-hivex-perl makes this test run",
)


def cell(body: bytes) -> bytes:
    size = -(-(len(body) + 4) // 8) * 8
    return struct.pack("<i", -size) + body.ljust(size - 4, b"\0")


def empty_hive() -> bytes:
    """Return a hive with a root key and nothing in it."""
    name = b"ROOT"
    security_at = 0x20 + len(cell(bytes(0x4C) + name))
    none = -1
    root = struct.pack("<2sHQIIII", b"nk", 0x2C, 0, 0, 0, 0, 0)
    root += struct.pack("<iiIiIi", none, none, 0, none, security_at, none)
    root += bytes(20) + struct.pack("<HH", len(name), 0) + name
    descriptor = b"\x01\x00\x04\x80" + bytes(16)
    security = struct.pack(
        "<2sHIIII", b"sk", 0, security_at, security_at, 1, len(descriptor)
    )
    cells = cell(root) + cell(security + descriptor)
    free = 0x1000 - 0x20 - len(cells)
    page = struct.pack("<4sIIQQI", b"hbin", 0, 0x1000, 0, 0, 0) + cells
    page += struct.pack("<i", free) + bytes(free - 4)
    head = struct.pack("<4sIIQ", b"regf", 1, 1, 0)
    head += struct.pack("<IIIIIII", 1, 3, 0, 1, 0x20, 0x1000, 1)
    head = head.ljust(0x1FC, b"\0")
    checksum = 0
    for (word,) in struct.iter_unpack("<I", head):
        checksum ^= word
    return (head + struct.pack("<I", checksum)).ljust(0x1000, b"\0") + page


def hivex(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["hivexregedit", *map(str, arguments)], capture_output=True, check=True
    )
    return done.stdout.decode()


@pytest.mark.parametrize("wow", [True, False])
def test_hivex_takes_over_the_container_and_we_read_its_export(
    tmp_path: Path, wow: bool
) -> None:
    sample = samples.container(NAME)
    export = tmp_path / "ours.reg"
    RegistryFile(export, sid=SID, wow=wow).write(NAME, sample.files)
    text = export.read_bytes().decode("utf-16").replace("\r\n", "\n")
    key = text[text.index("[") + 1 : text.index("]")]
    words = key.removeprefix(PREFIX + "\\").split("\\")[:-1]
    parents = ["\\".join([PREFIX, *words[:n]]) for n in range(1, len(words) + 1)]
    hive = tmp_path / "hive"
    hive.write_bytes(empty_hive())
    head, ours = text.split("\n\n", 1)
    file = tmp_path / "ours.txt"
    file.write_text(
        "\n\n".join([head, *(f"[{parent}]" for parent in parents), ours]),
        encoding="utf-8",
    )
    hivex("--merge", "--prefix", PREFIX, hive, file)

    back = hivex("--export", "--prefix", PREFIX, hive, "\\" + words[0])
    values: dict[str, bytes] = {}
    for line in back.split(f"[{key}]\n")[1].strip().splitlines():
        name, value = line.split("=hex(3):")
        values[name.strip('"')] = bytes.fromhex(value.replace(",", ""))
    assert values == sample.files

    theirs = tmp_path / "theirs.reg"
    theirs.write_text(back, encoding="utf-8")
    (place,) = RegistryFile(theirs).find()
    assert place == theirs / NAME
    assert RegistryFile(theirs).read(place) == sample.files
