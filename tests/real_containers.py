"""Other people's containers, and the keys that their README says are in them.

The files are not part of this project; see the `fixtures` fixture.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import samples

# Folder of the fixture and its password.
PASSWORDS = {
    "dbfun-cyrillic": None,
    "dbfun-no-pin": None,
    "dbfun-pin": "12345678",
    "pysig-49503a70": "1234567890",
    "pysig-test": "1234567890",
    "selenoid-2001": "password",
    "the4ups-two-keys": None,
}

_ROW = re.compile(
    r"\| ([\w-]+)(?:, (\w+) \(\w+\))? \| ([0-9a-f]{64}) \| ([0-9a-f]{128}) "
)


@dataclass
class Real:
    """A container of somebody else's, with what is published about it."""

    label: str
    files: dict[str, bytes]
    password: str | None
    expected: dict[str, tuple[bytes, bytes]]
    """Private and public key by slot, little-endian."""


def read_real(fixtures: Path, label: str) -> Real:
    """Read one real container and its rows of the table of expected keys."""
    folder = fixtures / "containers"
    table = (folder / "README.md").read_text(encoding="utf-8")
    expected = {
        slot or "primary": (bytes.fromhex(private), bytes.fromhex(public))
        for name, slot, private, public in _ROW.findall(table)
        if name == label
    }
    assert expected, f"{label} is not in the README's table of keys"
    files = samples.read(folder / label)
    return Real(label, files, PASSWORDS[label], expected)
