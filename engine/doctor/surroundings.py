"""What the machine tells of drives: where CryptoPro CSP looks, what is not mounted."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gostkey.media import usual_media
from gostkey.media.usual import MOUNTS

_NO_DISK = re.compile(r"(sr|loop|ram|zram|fd|md|dm-)[0-9]")
"""Block devices that are no drive of a person: optical, memory, put together."""


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

    def root_of(self, place: Path) -> Path | None:
        """Return the folder in which CSP looks that a place is in, if there is one."""
        whole = Path(os.path.realpath(place))
        return next(
            (
                root
                for root in self.roots()
                if Path(os.path.realpath(root)) in (whole, *whole.parents)
            ),
            None,
        )

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
