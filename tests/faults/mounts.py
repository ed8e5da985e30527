"""Small disks that fill, go away and lock themselves, in memory.

Mounting wants root; others get a user namespace, where the system allows it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE = 4096
WANTED = (
    "no disk in memory can be mounted here ({why}); run the tests as root on Linux, "
    "in a container with the right to mount (CAP_SYS_ADMIN)"
)


def _mount(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["mount", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@contextmanager
def disk_in_memory(root: Path, megabytes: int) -> Iterator[Path]:
    """Mount a new, empty disk of some size at *root*, or skip the test."""
    if not sys.platform.startswith("linux") or not shutil.which("mount"):
        pytest.skip(WANTED.format(why="not Linux"))
    root.mkdir(parents=True, exist_ok=True)
    done = _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", root)
    if done.returncode:
        pytest.skip(WANTED.format(why=done.stderr.strip()))
    try:
        yield root
    finally:
        subprocess.run(["umount", "-l", root], check=False)


def free_pages(root: Path) -> int:
    """Count the pages that are still free on a disk."""
    found = os.statvfs(root)
    return found.f_bavail * found.f_frsize // PAGE


@contextmanager
def room_for(root: Path, pages: int) -> Iterator[None]:
    """Leave so many free pages on a disk; all others are taken meanwhile."""
    ballast = root / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, (free_pages(root) - pages) * PAGE)
    assert free_pages(root) == pages
    try:
        yield
    finally:
        ballast.unlink()


class Stick:
    """A medium that is pulled, plugged in again, and locked while it is in use."""

    def __init__(self, root: Path, content: Path) -> None:
        """Take where it is seen, and the folder that has what is on it."""
        self.root = root
        self._content = content

    def plug(self) -> None:
        """Mount it."""
        done = _mount("--bind", self._content, self.root)
        if done.returncode:
            pytest.skip(WANTED.format(why=done.stderr.strip()))

    def pull(self) -> None:
        """Pull it out, whatever is open on it."""
        subprocess.run(["umount", "-l", self.root], check=True)

    def lock(self, on: bool) -> None:
        """Make it read-only, or writable again."""
        how = "ro" if on else "rw"
        done = _mount("-o", f"remount,bind,{how}", self.root)
        assert done.returncode == 0, done.stderr
