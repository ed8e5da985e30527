"""Tokens and card readers on the USB bus, seen without any driver (Linux).

Source: the USB ids of the makers; class 0Bh of USB-IF's list is that of readers (CCID);
Documentation/ABI/testing/sysfs-bus-usb of the Linux kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CCID = "0b"

_RUTOKEN_S = "0a89:0020"

_KNOWN: dict[str, tuple[str, str]] = {
    _RUTOKEN_S: ("Rutoken S", r"rutoken\s*s\b"),
    "0a89:0025": ("Rutoken Lite", r"rutoken\s*lite"),
    "0a89:0030": ("Rutoken ECP", r"rutoken\s*ecp"),
    "24dc:0101": ("JaCarta", r"jacarta"),
    "24dc:0102": ("JaCarta LT", r"jacarta"),
    "0529:0620": ("eToken Java", r"token|jacarta|safenet"),
}
"""Name, and what the name of its reader has in it when a driver has taken it."""


@dataclass(frozen=True)
class UsbReader:
    """A token or reader that is plugged in."""

    ids: str
    """VENDOR:PRODUCT, hexadecimal."""
    name: str

    @property
    def is_rutoken_s(self) -> bool:
        """Whether it needs a driver of its own."""
        return self.ids == _RUTOKEN_S

    def is_among(self, readers: list[str]) -> bool:
        """Say whether the service has a reader for it."""
        pattern = _KNOWN.get(self.ids, ("", "."))[1]
        return any(re.search(pattern, one, re.IGNORECASE) for one in readers)


def plugged_in(sys: Path) -> list[UsbReader] | None:
    """Return tokens and readers on the bus; None if this system does not show it."""
    bus = sys / "bus" / "usb" / "devices"
    try:
        devices = sorted(bus.iterdir())
    except OSError:
        return None
    return [one for device in devices for one in _reader(device)]


def _reader(device: Path) -> Iterator[UsbReader]:
    vendor, product = _text(device / "idVendor"), _text(device / "idProduct")
    if not vendor:
        return  # an interface, not a device
    ids = f"{vendor}:{product}".lower()
    ccid = any(_text(one) == _CCID for one in sorted(device.glob("*/bInterfaceClass")))
    if ids in _KNOWN or ccid:
        told = _text(device / "product")
        yield UsbReader(ids, _KNOWN[ids][0] if ids in _KNOWN else told or "card reader")


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""
