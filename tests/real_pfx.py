"""Other people's PFX files, and the keys that are published with them.

The files are not part of this project; see the `fixtures` fixture.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path

PASSWORDS = {
    "pycades-256-empty": "",
    "corefx-2001-empty": "",
    "corefx-512-empty": "",
    "loadtesting-pfx2-256": "1234567890",
}
"""CryptoPro PFX files and their passwords."""

_ROW = re.compile(r"\| ([\w-]+)\.pfx \| ([0-9a-f]{64,128}) \| ([0-9a-f]{128,256}) \|")
_SHA1_ROW = re.compile(r"\| ([\w-]+)\.pfx \|.*\| ([0-9a-f]{40}) \|")


@dataclass
class RealPfx:
    """A PFX of somebody else's, with what is published about it."""

    label: str
    data: bytes
    password: str
    private_le: bytes
    public_le: bytes | None
    certificate_sha1: str | None
    certificate: bytes | None


def read_real_pfx(fixtures: Path, label: str) -> RealPfx:
    """Read one CryptoPro PFX and its rows of the README's tables."""
    folder = fixtures / "pfx"
    text = (folder / "README.md").read_text(encoding="utf-8")
    rows = {name: (private, public) for name, private, public in _ROW.findall(text)}
    private, public = rows[label]
    return RealPfx(
        label,
        (folder / f"{label}.pfx").read_bytes(),
        PASSWORDS[label],
        bytes.fromhex(private),
        bytes.fromhex(public),
        dict(_SHA1_ROW.findall(text))[label],
        None,
    )


def read_published_pfx(fixtures: Path) -> list[RealPfx]:
    """Read the examples of R 50.1.112-2016 and RFC 9548."""
    examples = json.loads((fixtures / "pki_examples.json").read_text("utf-8"))
    return [
        RealPfx(
            one["name"],
            base64.b64decode(one["pfx"]),
            one["password"],
            bytes.fromhex(one["d"])[::-1],
            None,
            None,
            base64.b64decode(one["certificate"]),
        )
        for one in examples["examples"]
        if "pfx" in one
    ]
