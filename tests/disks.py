"""A real removable disk for tests: FAT or exFAT on an image file, mounted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTES = 8

WANTED = (
    "a FAT disk cannot be mounted here ({why}); run the tests as root on Linux, with "
    "vfat in the kernel or apt-get install exfat-fuse exfatprogs"
)


def _run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False
    )


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """Make and mount a disk that knows no case, no links and no owners, or skip."""
    if not sys.platform.startswith("linux") or not shutil.which("losetup"):
        pytest.skip(WANTED.format(why="no loop devices"))
    image = folder / "disk"
    with open(image, "wb") as file:
        file.truncate(MEGABYTES << 20)
    loop = _run("losetup", "-f", "--show", image)
    if loop.returncode:
        pytest.skip(WANTED.format(why=loop.stderr.strip()))
    device = loop.stdout.strip()
    root = folder / "usb"
    root.mkdir()
    try:
        why = _mount(device, root)
        if why:
            pytest.skip(WANTED.format(why=why))
        try:
            yield root
        finally:
            # Another process may look into it in this moment.
            if _run("umount", root).returncode:
                _run("umount", "-l", root)
    finally:
        _run("losetup", "-d", device)


def _mount(device: str, root: Path) -> str:
    """Mount FAT, or else exFAT through FUSE; return why not, "" if it is done."""
    why = "no mkfs.fat"
    if shutil.which("mkfs.fat"):
        _run("mkfs.fat", device)
        done = _run("mount", "-t", "vfat", "-o", "utf8", device, root)
        why = done.stderr.strip()
        if done.returncode == 0:
            return ""
    if shutil.which("mount.exfat-fuse") and shutil.which("mkfs.exfat"):
        _run("mkfs.exfat", device)
        done = _run("mount.exfat-fuse", device, root)
        why = done.stderr.strip() or why
        if done.returncode == 0 and root.is_mount():
            return ""
    return why


def remounted_read_only(root: Path) -> bool:
    """Release the disk's write protection the other way round."""
    return _run("mount", "-o", "remount,ro", root).returncode == 0
