"""How many commands a copy of a container to a token takes, and how many it must.

    .venv/bin/python bench/token_commands.py [--verbose]

The tokens are virtual ones (tests/cards), the copy is that of `gostkey container copy`,
from a folder, with one container on the token already.  What must be:

    the folder        select its parent, make it, select it (whether making it does that
                      is not known of real tokens)
    each file         make it, write it in pieces of 255 bytes, select it and read its
                      data back in pieces of 256
    the session       log in, and out

A file is as large as its data, or the least that CryptoPro CSP gives it, and is written
to its end: nobody knows what is in a new one.  The goal is at most 1.3 times that; the
exit code is 1 where it is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import samples  # noqa: E402
from cards.readers import VirtualReaders  # noqa: E402
from cards.rutoken import FILES, RutokenEcp, RutokenLite  # noqa: E402
from cards.rutoken_s import RutokenS  # noqa: E402

from gostkey import pcsc  # noqa: E402
from gostkey.media.copying import copy_container  # noqa: E402
from gostkey.media.tokens import open_token  # noqa: E402

GOAL = 1.3
PIN = "12345678"
NAMES = {
    0xA4: "select",
    0xB0: "read",
    0xD6: "write",
    0xE0: "make",
    0xE4: "delete",
    0x20: "log in",
    0x40: "log out",
    0xCA: "ask",
}


def least(files: Mapping[str, bytes]) -> int:
    """The commands without which no copy can be, and be read back."""
    count = 3 + 2
    for name, data in files.items():
        size = max(len(data), FILES[name][1])
        count += 1 + -(-size // 255) + 1 + -(-len(data) // 256)
    return count


def copy(kind: type[RutokenLite], sample: samples.Sample) -> RutokenLite:
    card = kind()
    card.add_container(0x0A00, samples.container("there already").files)
    with tempfile.TemporaryDirectory() as folder:
        source = sample.write(Path(folder, "sample.000"))
        with pcsc.using(VirtualReaders(card)):
            token = open_token("token:", pin=lambda info: PIN, experimental=True)
            copied = copy_container(source, token)
    assert str(copied.place).endswith("0B00"), copied
    return card


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--verbose", action="store_true", help="each command")
    verbose = parser.parse_args().verbose
    kinds = {
        "256 bits": samples.container(with_certificate=False),
        "256 bits, certificate": samples.container(),
        "512 bits, certificate": samples.container(curve="tc26-512-a"),
    }
    print(
        f"{'token':13} {'container':22} {'sent':>5} {'least':>5} {'ratio':>5}  by kind"
    )
    missed = False
    for kind in (RutokenLite, RutokenEcp, RutokenS):
        for name, sample in kinds.items():
            card = copy(kind, sample)
            needed = least(sample.files)
            ratio = card.count / needed
            missed |= ratio > GOAL
            told = ", ".join(
                f"{NAMES.get(head & 0xFF, f'{head:04X}')} {count}"
                for head, count in card.instructions.most_common()
            )
            counts = f"{card.count:5} {needed:5} {ratio:5.2f}"
            print(f"{kind.KIND:13} {name:22} {counts}  {told}")
            if verbose:
                print(*(f"    {one}" for one in card.log), sep="\n")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
