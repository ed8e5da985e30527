"""What the machine tells: where CryptoPro CSP looks, which disks are not mounted."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from gostkey.media import usual_media
from gostkey.media.usual import MOUNTS

_NO_DISK = re.compile(r"(sr|loop|ram|zram|fd|md|dm-)[0-9]")
"""Block devices that are no drive of a person: optical, memory, put together."""


_SYSTEM_PATHS = ("/usr/sbin", "/sbin", "/usr/local/sbin")
"""Where services are that a plain user's path does not have."""


def _installed(program: str) -> bool:
    paths = [os.environ.get("PATH", ""), *_SYSTEM_PATHS]
    return shutil.which(program, path=os.pathsep.join(paths)) is not None


def _usual_roots() -> list[Path]:
    return [medium.root for medium in usual_media()]


@dataclass(frozen=True)
class Surroundings:
    """Where to look at the machine; tests give folders of their own."""

    sys: Path = Path("/sys")
    mounts: Path = MOUNTS
    run: Path = Path("/run")
    roots: Callable[[], Sequence[Path]] = field(default=_usual_roots)
    """The folders in which CryptoPro CSP looks for containers."""
    installed: Callable[[str], bool] = _installed
    """Says whether a program is there."""

    def root_of(self, place: Path) -> Path | None:
        """Return the folder in which CSP looks that a place is in, if there is one."""
        whole = Path(os.path.realpath(place))
        above = {whole, *whole.parents}
        return next((root for root, real in self._real_roots if real in above), None)

    @cached_property
    def _real_roots(self) -> list[tuple[Path, Path]]:
        return [(root, Path(os.path.realpath(root))) for root in self.roots()]

    def unmounted_disks(self) -> list[str]:
        """Name removable disks that are plugged in and not mounted (Linux).

        Source: Documentation/ABI/stable/sysfs-block of the Linux kernel.
        """
        try:
            devices = sorted(os.listdir(self.sys / "block"))
            mounted = self.mounts.read_text(errors="surrogateescape")
        except OSError:
            return []
        busy = {line.split(" ", 1)[0] for line in mounted.splitlines()}
        found = []
        for device in devices:
            folder = self.sys / "block" / device
            removable = _text(folder / "removable") == "1"
            removable |= "usb" in os.path.realpath(folder)
            # Size 0: a card reader without a card.
            if not removable or _NO_DISK.match(device) or _text(folder / "size") == "0":
                continue
            parts = [one.parent.name for one in sorted(folder.glob("*/partition"))]
            names = [f"/dev/{name}" for name in parts or [device]]
            if not busy.intersection(names):
                found += names
        return found


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
