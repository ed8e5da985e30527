"""FAT12 and FAT16, as on floppy disks: what is in an image, without mounting it.

Only reading, and from bytes of anybody: every number is checked, no chain is
followed in a circle, nothing is believed of a length.  What else there is on disks
(FAT32, exFAT, NTFS, partitions) is refused by name.

Written here because no library fits: of those for Python one is under a licence
that would bind this package, one stands on a library that no longer loads, and one
is C that would be handed bytes of anybody.

Sources: Microsoft, FAT32 File System Specification 1.03 (which describes all
three); the code page of MS-DOS in Russia, 866.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from gostkey.errors import MediumError

ENTRY = 32
LARGEST_FOLDER = 65536 * ENTRY
"""Bytes; no DOS makes a larger one."""

_CODE_PAGE = "cp866"
_SECTORS = (512, 1024, 2048, 4096)
_FAT12_CLUSTERS, _FAT16_CLUSTERS = 4085, 65525

_LABEL, _FOLDER, _LONG = 0x08, 0x10, 0x0F
_SMALL_STEM, _SMALL_ENDING = 0x08, 0x10
_LAST_PIECE = 0x40
_END, _DELETED, _KANJI = 0x00, 0xE5, 0x05

_DAMAGED = "the image is damaged: "


@dataclass(frozen=True)
class Entry:
    """A file or folder of the image."""

    name: str
    """The long name, or else the short one."""
    short: str
    """NAME.EXT as DOS shows it."""
    is_folder: bool
    size: int
    """Bytes of a file, as its folder says."""
    first: int
    """Number of its first cluster."""


class FatDisk:
    """The file system in an image.

    Args:
        image: all sectors, from the boot sector on.

    Raises:
        MediumError: if it is no FAT12 or FAT16, or its head is damaged.
    """

    def __init__(self, image: bytes) -> None:
        self._image = image
        if len(image) < 512:
            raise MediumError(f"no floppy image: {len(image)} bytes; a disk has more")
        (
            sector,
            per_cluster,
            reserved,
            tables,
            in_root,
            small_total,
            _,
            of_table,
        ) = struct.unpack_from("<HBHBHHBH", image, 11)
        (large_total,) = struct.unpack_from("<I", image, 32)
        total = small_total or large_total
        if (
            image[0] not in (0xEB, 0xE9)
            or sector not in _SECTORS
            or per_cluster not in (1, 2, 4, 8, 16, 32, 64, 128)
            or not reserved
            or not 1 <= tables <= 4
            or not total
        ):
            raise MediumError(_what_else(image))
        if not of_table or not in_root:
            raise MediumError(f"a disk with FAT32; {_OPEN_IT}")
        root_sectors = -(-in_root * ENTRY // sector)
        root = reserved + tables * of_table
        self._data = (root + root_sectors) * sector
        self._cluster = per_cluster * sector
        clusters = (total - root - root_sectors) // per_cluster
        if clusters < 1:
            raise MediumError(_DAMAGED + "by its boot sector it has no room for files")
        if clusters >= _FAT16_CLUSTERS:
            raise MediumError(f"a disk with FAT32; {_OPEN_IT}")
        self._wide = clusters >= _FAT12_CLUSTERS
        octets = of_table * sector
        self._tables = [
            image[(reserved + n * of_table) * sector :][:octets] for n in range(tables)
        ]
        if len(self._tables[0]) < octets:
            raise MediumError(_DAMAGED + "it ends before its files begin")
        room = octets // 2 if self._wide else octets * 2 // 3
        self._end = min(clusters + 2, room)
        self._root = image[root * sector :][: in_root * ENTRY]

    def entries(self, folder: Entry | None = None) -> list[Entry]:
        """List a folder; None is the root.  "." and ".." are left out.

        Raises:
            MediumError: if its clusters do not hang together.
        """
        if folder is None:
            return list(_entries(self._root))
        most = LARGEST_FOLDER // self._cluster + 1
        clusters = self._chain(folder.first, most, f"folder {folder.name!r}")
        return list(_entries(b"".join(map(self._content, clusters))))

    def read(self, entry: Entry) -> bytes:
        """Read a file.

        Raises:
            MediumError: if its clusters do not hang together.
        """
        wanted = -(-entry.size // self._cluster)
        what = f"file {entry.name!r}"
        clusters = self._chain(entry.first, wanted, what) if wanted else []
        data = b"".join(map(self._content, clusters))[: entry.size]
        if len(data) < entry.size:
            raise MediumError(
                f"{_DAMAGED}{what} has {entry.size} bytes, of which {len(data)} are "
                "there"
            )
        return data

    # -- inside ----------------------------------------------------------

    def _content(self, cluster: int) -> bytes:
        start = self._data + (cluster - 2) * self._cluster
        return self._image[start : start + self._cluster]

    def _chain(self, first: int, most: int, what: str) -> list[int]:
        """Follow the clusters by the first table, or by a copy if that is broken."""
        for table in self._tables:
            clusters = self._follow(table, first, most)
            if clusters is not None:
                return clusters
        raise MediumError(f"{_DAMAGED}the clusters of {what} do not hang together")

    def _follow(self, table: bytes, first: int, most: int) -> list[int] | None:
        """Follow a chain to its end or to *most* clusters; None if it is broken."""
        clusters: list[int] = []
        cluster = first
        while 2 <= cluster < self._end and len(clusters) < most:
            clusters.append(cluster)
            cluster = self._next(table, cluster)
        ended = cluster >= (0xFFF8 if self._wide else 0xFF8)
        full = len(clusters) == most and len(set(clusters)) == most
        return clusters if clusters and (ended or full) else None

    def _next(self, table: bytes, cluster: int) -> int:
        place = 2 * cluster if self._wide else cluster + cluster // 2
        if place + 2 > len(table):
            return 0
        (value,) = struct.unpack_from("<H", table, place)
        if self._wide:
            return int(value)
        return int(value >> 4 if cluster & 1 else value & 0xFFF)


_OPEN_IT = (
    "read here are floppy images (FAT12, FAT16): let the system mount it and name "
    "the folder"
)


def _what_else(image: bytes) -> str:
    """Say what an image is that has no FAT at its beginning."""
    if image[3:11] in (b"NTFS    ", b"EXFAT   "):
        return f"a disk with {image[3:11].decode().strip()}; {_OPEN_IT}"
    if image[510:512] == b"\x55\xaa":
        return f"a disk with partitions; {_OPEN_IT}"
    return "no floppy image: no FAT file system is at its beginning"


def _entries(data: bytes) -> Iterator[Entry]:
    pieces: list[bytes] = []
    for start in range(0, len(data) - ENTRY + 1, ENTRY):
        one = data[start : start + ENTRY]
        if one[0] == _END:
            return
        if one[0] == _DELETED:
            pieces = []
            continue
        attributes = one[11]
        if attributes & 0x3F == _LONG:
            pieces.append(one)
            continue
        long, pieces = _long_name(pieces, one), []
        if attributes & _LABEL:
            continue
        short = _short_name(one)
        if short in (".", ".."):
            continue
        first, size = struct.unpack_from("<HI", one, 26)
        yield Entry(long or short, short, bool(attributes & _FOLDER), size, first)


def _short_name(one: bytes) -> str:
    stem = one[:8]
    if stem[0] == _KANJI:
        stem = b"\xe5" + stem[1:]
    words = [part.decode(_CODE_PAGE).rstrip(" ") for part in (stem, one[8:11])]
    for index, flag in enumerate((_SMALL_STEM, _SMALL_ENDING)):
        if one[12] & flag:
            words[index] = words[index].lower()
    return ".".join(word for word in words if word)


def _long_name(pieces: list[bytes], short: bytes) -> str:
    """Put the pieces before a short entry together; "" if they are not its own."""
    if not pieces or not pieces[0][0] & _LAST_PIECE:
        return ""
    numbers = [piece[0] & 0x3F for piece in pieces]
    check = 0
    for octet in short[:11]:
        check = ((check >> 1 | check << 7) + octet) & 0xFF
    if numbers != list(range(len(pieces), 0, -1)) or any(
        piece[13] != check for piece in pieces
    ):
        return ""
    units = b"".join(
        piece[1:11] + piece[14:26] + piece[28:32] for piece in reversed(pieces)
    )
    text = units.decode("utf-16-le", errors="replace")
    return text.partition("\0")[0]
