"""Builds what csrc/Makefile can build, for tests that run or read it."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"
OUT = ROOT / "build" / "csrc"

# One compiler for each CPU, counting those that other tests have started.
_CPUS = os.cpu_count() or 1
SIDE_BY_SIDE = [f"-j{_CPUS}", f"-l{_CPUS + 0.5}"]

PACKAGES = {"make": "make", "objdump": "binutils", "gcc": "gcc", "clang": "clang"}
"""Program -> the Debian package that brings it."""


def need(*programs: str) -> None:
    """Skip the test, naming the packages that would make it run."""
    missing = {PACKAGES[name] for name in ("make", *programs) if not which(name)}
    if missing:
        pytest.skip(f"to run it: apt-get install {' '.join(sorted(missing))}")


SHARES = {"bounds": "gcc"}
"""Configuration -> the one whose objects it has, but for a few."""


def build(target: str) -> Path:
    """Make a target, one process at a time; return the folder of what it makes."""
    configuration = re.sub(r"^(build-)?(memcheck-|code-|tables-|timing-)?", "", target)
    if configuration in SHARES:
        build(f"build-{SHARES[configuration]}")
    OUT.mkdir(parents=True, exist_ok=True)
    # Who wants the same objects waits for them.
    with open(OUT / f"{configuration}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            ["make", *SIDE_BY_SIDE, "-C", CSRC, f"OUT={OUT}", target],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=3600,
            check=False,
        )
    assert done.returncode == 0, done.stdout
    return OUT / target
