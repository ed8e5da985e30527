"""The form of a gamma file, and what its records must be like.

A file is nothing but records of 36 bytes: 32 random bytes, then their CRC-32
(the one of zlib), little-endian.

Source: the format as it was found in files of two origins; no standard.
Records are counted from 1 in messages and from 0 in the code.
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from gostkey.errors import GammaError, GeneratorFailure
from gostkey.primitives import Readable, Writable
from gostkey.random import health

DATA = 32
"""Random bytes of a record."""

RECORD = DATA + 4
"""Bytes of a record in a file."""

MOST_RECORDS = 1_000_000
"""More are not read: such a file is something else, or a script's."""

SALT = 32
"""Bytes of the salt of a journal."""

# Windows of the health test: 512 bytes each.
_IN_WINDOW = health.PROPORTION_WINDOW // DATA

# A good window fails once in 2^23, so one in a long file may be chance; in a
# short file it is not, nor are two in any file that may be read (less than 1
# in 10^4 for the longest, 1 in 10^8 for ten thousand records).
_MANY_WINDOWS = 1024

_CONSTANT = tuple(bytes([value]) * DATA for value in range(256))


def crc_of(data: Readable) -> bytes:
    """Return the four CRC bytes that follow 32 random ones in a file."""
    return zlib.crc32(data).to_bytes(4, "little")


def encode(data: Readable) -> bytearray:
    """Turn random bytes into records.

    Args:
        data: 32 bytes for each record.
    """
    view = memoryview(data)
    count = len(view) // DATA
    raw = bytearray(count * RECORD)
    for index in range(count):
        place = index * RECORD
        part = view[index * DATA : (index + 1) * DATA]
        raw[place : place + DATA] = part
        raw[place + DATA : place + RECORD] = crc_of(part)
    return raw


def decode(raw: Readable, out: Writable) -> None:
    """Copy the random bytes of records that were verified.

    Args:
        raw: whole records.
        out: takes 32 bytes for each.
    """
    view, target = memoryview(raw), memoryview(out)
    for index in range(len(view) // RECORD):
        place = index * RECORD
        target[index * DATA : (index + 1) * DATA] = view[place : place + DATA]


class Hasher:
    """Salted hashes, by which a record is known again without being kept.

    SHA-256(salt | 32 bytes of the record).  Not Streebog, because every record
    of a file is hashed whenever it is opened, in plain Python too, where that
    would take minutes; no key and no signature depends on it.
    """

    def __init__(self, salt: bytes) -> None:
        self._salted = hashlib.sha256(salt)

    def of(self, data: Readable) -> bytes:
        """Return the hash of the 32 bytes of a record."""
        running = self._salted.copy()
        running.update(data)
        return running.digest()


def sound(record: memoryview) -> bool:
    """Say whether the CRC of one record is right and its bytes are not all equal."""
    data = record[:DATA]
    return record[DATA:] == crc_of(data) and data != _CONSTANT[data[0]]


def verify(raw: Readable, path: Path, hasher: Hasher) -> list[bytes]:
    """Check everything that can be seen in one copy; return the salted hashes.

    Args:
        raw: the content of the file.
        path: its name, for messages.
        hasher: the hash of the journal that belongs to it.

    Raises:
        GammaError: naming the file, the record, and what to do.
    """
    count, rest = divmod(len(raw), RECORD)
    if rest:
        raise GammaError(
            f"{path}: {len(raw)} bytes, which is not a multiple of {RECORD}: "
            f"record {count + 1} has only {rest} bytes; take this copy away if the "
            "other one is whole, or get the pair from its maker again"
        )
    if count > MOST_RECORDS:
        raise GammaError(
            f"{path}: {count} records; {MOST_RECORDS} are possible, so make several "
            "smaller pairs"
        )
    view = memoryview(raw)
    hashes: list[bytes] = []
    seen: dict[bytes, int] = {}
    for index in range(count):
        place = index * RECORD
        data = view[place : place + DATA]
        if data == _CONSTANT[data[0]]:
            raise GammaError(
                f"{path}: record {index + 1} of {count} is one byte over and over; "
                "it was destroyed, or is not random: take this copy away if the "
                "other one is whole, or use another gamma file"
            )
        if view[place + DATA : place + RECORD] != crc_of(data):
            raise GammaError(
                f"{path}: record {index + 1} of {count} does not match its CRC; "
                "take this copy away if the other one is whole, or get the pair "
                "from its maker again"
            )
        hashed = hasher.of(data)
        earlier = seen.setdefault(hashed, index)
        if earlier != index:
            raise GammaError(
                f"{path}: records {earlier + 1} and {index + 1} of {count} are equal; "
                "such a file is not random: use another one"
            )
        hashes.append(hashed)
    return hashes


def check_health(raw: Readable, path: Path) -> None:
    """Look for stuck and much repeated bytes, sixteen records at a time.

    Raises:
        GammaError: naming the first record of the first window that failed.
    """
    view = memoryview(raw)
    count = len(view) // RECORD
    failed: list[tuple[int, str]] = []
    windows = range(0, count, _IN_WINDOW)
    window = bytearray(_IN_WINDOW * DATA)
    for first in windows:
        length = min(_IN_WINDOW, count - first)
        decode(view[first * RECORD : (first + length) * RECORD], window)
        try:
            health.check(memoryview(window)[: length * DATA], "gamma")
        except GeneratorFailure as error:
            failed.append((first, str(error)))
    window[:] = bytes(len(window))
    if failed and (len(failed) > 1 or len(windows) < _MANY_WINDOWS):
        first, text = failed[0]
        last = min(first + _IN_WINDOW, count)
        raise GammaError(
            f"{path}: records {first + 1} to {last} of {count}: {text}; "
            "use another gamma file"
        )
