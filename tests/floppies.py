"""Images of floppy disks, made by mkfs.fat and mtools."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

FORMATS = {
    "floppy-1440": (1440, 12, 1),
    "floppy-720": (720, 12, 2),
    "stick-16m": (16384, 16, 4),
}
"""Kibibytes, bits of the FAT, sectors a cluster."""


# Only the superuser's path has the folders of tools for disks.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def needed() -> None:
    """Skip the test where the tools are not."""
    for tool, package in (("mkfs.fat", "dosfstools"), ("mcopy", "mtools")):
        if shutil.which(tool, path=PATH) is None:
            pytest.skip(f"{tool} is not here: apt-get install {package}")


def run(*arguments: object) -> str:
    # Names on the command line and in the image: UTF-8, and the code page of DOS.
    environment = {
        **os.environ,
        "LC_ALL": "C.UTF-8",
        "PATH": PATH,
        "MTOOLSRC": "/dev/null",
        "MTOOLS_SKIP_CHECK": "1",
    }
    command, *rest = map(str, arguments)
    done = subprocess.run(
        [shutil.which(command, path=PATH) or command, *rest],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def make(image: Path, kind: str = "floppy-1440", sector: int = 512) -> Path:
    """Make an empty image."""
    needed()
    size, bits, per_cluster = FORMATS[kind]
    # 128 entries in the root fill whole sectors of any size.
    layout = ("-F", bits, "-s", per_cluster, "-S", sector, "-r", 128)
    run("mkfs.fat", "-C", *layout, image, size)
    return image


def put(image: Path, folder: str, files: Mapping[str, bytes], beside: Path) -> None:
    """Make a folder in the root of an image and copy files into it."""
    run("mmd", "-i", image, f"::{folder}")
    source = beside / "put"
    source.mkdir()
    for name, data in files.items():
        (source / name).write_bytes(data)
        run("mcopy", "-i", image, source / name, f"::{folder}/{name}")
    shutil.rmtree(source)
