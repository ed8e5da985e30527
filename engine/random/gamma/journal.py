"""The journal beside a pair: what was used, in salted hashes, never a byte.

Text, one line an event, only ever added to:

    CRC-32 of the rest, 8 hex digits | blank | a JSON object

- ``journal``: the first line; ``salt``, 32 bytes as hex.
- ``made``: a pair was made by us; ``count``, ``set``, ``replaced``.
- ``taking``: these records are about to be destroyed and used; ``before`` and
  ``after`` (counts), ``hashes`` in the order of the file.
- ``taken``: they are destroyed, and only now are they handed out.
- ``cutting``: as ``taking``, for records of one copy that were used before: an
  old copy was put back beside a current one.
- ``healed``: a ``cutting``, or a ``taking`` that a crash had cut off, was ended;
  nobody got the records.

A ``taking`` or ``cutting`` without its end is pending: the copies may be in any state
between before and after, and the records in between must not be used.  A line
that is damaged can only be the last one, cut off while it was written: what it
announces was never begun, or is pending still.
"""

from __future__ import annotations

import errno
import io
import json
import os
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gostkey.errors import GammaError, GammaLocked, MediumError
from gostkey.random import token

from .copies import check_private, in_place, lock
from .disk import Disk, explain, explained, open_file, read_at
from .records import SALT, Hasher

VERSION = 1

# Some three million records' hashes.
LONGEST = 1 << 28

_CURE = (
    "it cannot be told any more which records were used: take the journal and both "
    "copies away and use a new pair"
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A consumption that has not ended."""

    before: int
    after: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a journal tells; holds no secret."""

    path: Path
    exists: bool
    takes: int = 0
    used: int = 0
    """Records used, or lost by a crash while they were being taken."""
    last_taken: str = ""
    """When records were last taken: ISO 8601, UTC."""
    made: str = ""
    """When the pair was made, if `make` made it."""
    set_number: str = ""
    pending: bool = False

    def record(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "file": str(self.path),
            "exists": self.exists,
            "takes": self.takes,
            "used": self.used,
            "last_taken": self.last_taken or None,
            "made": self.made or None,
            "set": self.set_number or None,
            "pending": self.pending,
        }


@dataclass
class Journal:
    """A journal as it was read, and the way to add to it."""

    path: Path
    salt: bytes
    used: set[bytes] = field(default_factory=set)
    """Hashes of all records that were ever taken."""
    pending: Pending | None = None
    start: int = 0
    """Records that the present pair had when it was new to this journal."""
    after: int | None = None
    """Records that were left after the last event."""
    _takes: int = 0
    _last_taken: str = ""
    _made: str = ""
    _set: str = ""
    _size: int = 0
    _on_disk: int = 0
    _file: io.FileIO | None = None

    # -- reading ------------------------------------------------------------

    @classmethod
    def load(cls, path: Path) -> Journal:
        """Read a journal; an absent one is empty and gets a salt.

        Raises:
            GammaError: if it is damaged, or open to others.
            MediumError: if it cannot be read.
        """
        try:
            with explained(path):
                # Looked at first: to open a pipe or a device may have effects.
                check_private(os.stat(path), path)
                with open_file(path, writable=False) as file:
                    status = os.fstat(file.fileno())
                    check_private(status, path)
                    if status.st_size > LONGEST:
                        raise GammaError(
                            f"{path}: {status.st_size} bytes; a journal has {LONGEST} "
                            "at most: keep new gamma in another folder"
                        )
                    data = bytes(read_at(file, status.st_size, 0))
        except MediumError as error:
            # Anything else is no proof that there is none, and without it old
            # records would pass for new ones.
            if error.errno != errno.ENOENT:
                raise
            data = b""
        journal = cls(path, b"")
        journal._on_disk = len(data)
        journal._parse(data)
        if not journal.salt:
            # Nothing but what was cut off while the first line was written.
            journal.salt = token(SALT)
        return journal

    @property
    def hasher(self) -> Hasher:
        """The hash of records with this journal's salt."""
        return Hasher(self.salt)

    @property
    def exists(self) -> bool:
        """Whether it has begun, on the disk."""
        return self._size > 0

    def start_of(self, count: int) -> int:
        """Return how many records a pair of now *count* had at first."""
        # More than we left there: another pair has come.
        return count if self.after is None or count > self.after else self.start

    def summary(self) -> Summary:
        """Say what it tells."""
        return Summary(
            self.path,
            self.exists,
            takes=self._takes,
            used=len(self.used),
            last_taken=self._last_taken,
            made=self._made,
            set_number=self._set,
            pending=self.pending is not None,
        )

    def _parse(self, data: bytes) -> None:
        place = number = 0
        while place < len(data):
            number += 1
            end = data.find(b"\n", place)
            line = data[place : end if end >= 0 else len(data)]
            event = _event_of(line) if end >= 0 else None
            if event is None:
                if 0 <= end < len(data) - 1:
                    raise GammaError(f"{self.path}: line {number} is damaged; {_CURE}")
                return
            try:
                self._apply(event)
            except (KeyError, TypeError, ValueError):
                raise GammaError(
                    f"{self.path}: line {number} does not follow from the lines "
                    f"before it; {_CURE}"
                ) from None
            place = end + 1
            self._size = place

    def _apply(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if (kind == "journal") != (not self.salt):
            raise ValueError
        if kind == "journal":
            salt = bytes.fromhex(event["salt"])
            if event["version"] != VERSION or len(salt) != SALT:
                raise ValueError
            self.salt = salt
        elif kind == "made":
            self.start = self.after = _count(event["count"])
            self._made, self._set = str(event["at"]), str(event["set"])
        elif kind in ("taking", "cutting"):
            before, after = _count(event["before"]), _count(event["after"])
            hashes = tuple(bytes.fromhex(text) for text in event["hashes"])
            whole = all(len(hashed) == 32 for hashed in hashes)
            if self.pending or not whole or before - after != len(hashes):
                raise ValueError
            if kind == "taking":
                self.start = self.start_of(before)
            self.after = after
            self.pending = Pending(before, after, hashes)
            self.used.update(hashes)
        elif kind in ("taken", "healed"):
            if self.pending is None or event["after"] != self.pending.after:
                raise ValueError
            self.pending = None
            if kind == "taken":
                self._takes += 1
                self._last_taken = str(event["at"])
        else:
            raise ValueError

    # -- adding -------------------------------------------------------------

    def open(self, disk: Disk, *, create: bool) -> None:
        """Open and lock it for adding; with *create* begin one if there is none.

        Raises:
            GammaLocked: if another run has it.
            MediumError: if it cannot be written.
        """
        if self._file is not None:
            return
        with explained(self.path):
            try:
                file = open_file(self.path, writable=True)
            except FileNotFoundError:
                if not create:
                    return
                file = disk.create(self.path)
        try:
            with explained(self.path):
                check_private(os.fstat(file.fileno()), self.path)
                lock(file, self.path)
                if not in_place(file, self.path):
                    raise self._gone()
                if os.fstat(file.fileno()).st_size != self._on_disk:
                    raise GammaLocked(
                        f"{self.path}: another run has just added to it; run the "
                        "command again"
                    )
        except BaseException:
            file.close()
            raise
        self._file = file

    def add(self, disk: Disk, event: str, **facts: object) -> None:
        """Add a line; it is on the medium when this returns.

        Raises:
            GammaError: if the journal is not there any more.
            MediumError: if it cannot be written: it is then as before, or ends
                with a damaged line.
        """
        self.open(disk, create=True)
        self.check_in_place()
        if not self._size:
            self._write(disk, _line("journal", version=VERSION, salt=self.salt.hex()))
            try:
                disk.sync_folder(self.path.parent)
            except OSError as error:
                raise explain(error, self.path.parent) from error
        line = _line(event, **facts)
        self._write(disk, line)
        parsed = _event_of(line[:-1])
        assert parsed is not None
        self._apply(parsed)

    def check_in_place(self) -> None:
        """Make sure that the name still belongs to the open journal.

        Raises:
            GammaError: if it was taken away or replaced.
        """
        if self._file is not None and not in_place(self._file, self.path):
            raise self._gone()

    def close(self) -> None:
        """Close it, which drops the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _gone(self) -> GammaError:
        return GammaError(
            f"{self.path}: the journal was taken away or replaced while it was in "
            "use; put it back, then run the command again"
        )

    def _write(self, disk: Disk, line: bytes) -> None:
        file = self._file
        assert file is not None
        try:
            if os.fstat(file.fileno()).st_size != self._size:
                # What was left of a line that a crash had cut off.
                disk.truncate(file, self._size)
            disk.write(file, line, self._size)
            disk.sync(file)
        except OSError as error:
            try:
                disk.truncate(file, self._size)
            except OSError:
                pass  # then it ends with a damaged line, which reading leaves out
            raise explain(error, self.path) from error
        self._size += len(line)


def _line(event: str, **facts: object) -> bytes:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    record = {"event": event, "at": now.replace("+00:00", "Z"), **facts}
    text = json.dumps(record).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _event_of(line: bytes) -> dict[str, Any] | None:
    """Return the object in a line; None if the line is damaged."""
    crc, _, text = line.partition(b" ")
    if crc != b"%08x" % zlib.crc32(text):
        return None
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError
    return value
