"""A pair that is used up: opened, counted, taken from; and looked at.

The order of a consumption, each step on the medium before the next begins:

1. the last records are read from every copy into memory, and compared;
2. the journal says that they are being taken (``taking``);
3. in each copy they are overwritten with zeros, then cut off;
4. the journal says that this is done (``taken``);
5. the caller gets them.

A crash before 2 changes nothing.  After 2 the records are lost, whatever state
the copies are in: the next opening finds the journal's line without its end and
completes step 3.  After 4 they are gone from the disk.  So no record can be
handed out twice, and no more than those of one call can be lost.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from gostkey.backend import active
from gostkey.errors import (
    GammaError,
    GammaExhausted,
    GammaLocked,
    LengthError,
)

from .copies import Copy, Place, open_copies, place_of
from .disk import DISK, Disk, destroy_tail, explained, read_at
from .examine import Found, examine
from .journal import Journal, Summary
from .records import DATA, RECORD, decode, sound

LOW = 5
"""A warning comes when a fifth (20 %) of the first count is left."""


def needed(keys: int) -> int:
    """Return the records that must be there for a batch: one a key and 10 %."""
    return keys + -(-keys // 10)


def keys_possible(records: int) -> int:
    """Return the largest batch that so many records are enough for."""
    return records * 10 // 11


@dataclass(frozen=True, slots=True)
class Taken:
    """Records that exist in memory only; the caller wipes them."""

    data: bytearray = field(repr=False)
    """32 bytes for each record, in the order of the file."""
    before: int
    """Records that there were."""
    after: int
    """Records that are left."""
    salted_hashes: list[str]
    """SHA-256(salt of the journal | record) of each, as hex."""

    def wipe(self) -> None:
        """Overwrite the records."""
        active.generators.wipe(self.data)

    def __reduce__(self) -> str:
        raise TypeError("taken records cannot be pickled: they are secret")


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of a pair; holds no secret."""

    place: Path
    copies: tuple[Path, ...]
    records: int
    start: int
    """Records at first, as far as the journal remembers."""
    in_use: bool
    warnings: tuple[str, ...]
    journal: Summary

    @property
    def keys(self) -> int:
        """The largest batch that the records are enough for."""
        return keys_possible(self.records)

    def record(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "copies": [str(path) for path in self.copies],
            "records": self.records,
            "start": self.start,
            "keys": self.keys,
            "in_use": self.in_use,
            "warnings": list(self.warnings),
            "journal": self.journal.record(),
        }


class GammaPair:
    """An open pair, locked until it is closed; a context manager.

    One process may take from it: a forked child may not, because it would
    not see what its parent takes.  Threads may.
    """

    def __init__(
        self,
        place: Place,
        copies: Sequence[Copy],
        journal: Journal,
        disk: Disk,
    ) -> None:
        """Use `open`."""
        self.place = place
        self._copies = list(copies)
        self._journal = journal
        self._disk = disk
        self._hashes: list[bytes] = []
        self._warnings: list[str] = []
        self._start = 0
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._closed = False
        self._broken = False

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, disk: Disk = DISK) -> GammaPair:
        """Lock and check a pair, and end what a crash had cut off.

        Args:
            path: the folder that holds ``db1/kis_1`` and ``db2/kis_1``, one of
                the two, or a single file that is no pair.
            disk: for tests.

        Raises:
            GammaError: if it cannot be used: naming file, record and cure.
            GammaLocked: at once, if another run uses it.
            MediumError: if it cannot be read or written.
        """
        place = place_of(path)
        copies, warnings = open_copies(place, writable=True)
        pair = cls(place, copies, Journal(place.journal, b""), disk)
        try:
            pair._journal = Journal.load(place.journal)
            # Now if it is there: so that no other can take it for a pair of its own.
            pair._journal.open(disk, create=False)
            found = examine(copies, pair._journal)
            pair._heal(found)
            pair._hashes = found.hashes
            pair._warnings = warnings + found.warnings
            pair._start = pair._journal.start_of(len(found.hashes))
        except BaseException:
            pair.close()
            raise
        return pair

    def __enter__(self) -> GammaPair:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<gamma {self.place.root}, {self.remaining} records>"

    def __reduce__(self) -> str:
        raise TypeError("an open gamma cannot be pickled: it holds a lock")

    @property
    def remaining(self) -> int:
        """Records that are left."""
        return len(self._hashes)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What somebody should know; few records among it."""
        few = _few(self.place, self.remaining, self._start)
        return (*self._warnings, *few)

    def require(self, keys: int) -> None:
        """Make sure that a batch can be made: one record a key and 10 %.

        Raises:
            GammaExhausted: if there are fewer.
        """
        wanted = needed(keys)
        if self.remaining < wanted:
            raise GammaExhausted(
                f"{self.place.root}: {self.remaining} records are left and {keys} keys "
                f"need {wanted} (one each and a tenth more); use a new pair, or make "
                f"no more than {keys_possible(self.remaining)} keys at once"
            )

    def take(self, count: int) -> Taken:
        """Destroy the last records on the disk, then hand them out.

        After an error the pair takes no more until it is opened again; the
        records of the call are lost, or still there if none was touched.

        Args:
            count: records, at least 1.

        Raises:
            GammaExhausted: if there are fewer; none is lost then.
            GammaError: if the files are not as they were left, or not there.
            MediumError: if the medium fails, is full or read-only.
        """
        if count < 1:
            raise LengthError(f"count: {count} records; 1 or more must be taken")
        with self._lock:
            self._check_usable()
            before = self.remaining
            after = before - count
            if after < 0:
                raise GammaExhausted(
                    f"{self.place.root}: {before} records are left and {count} are "
                    "needed; use a new pair"
                )
            self._broken = True  # until all has gone well
            raws: list[bytearray] = []
            data = bytearray(count * DATA)
            try:
                self._check_in_place(before)
                for copy in self._copies:
                    with explained(copy.path):
                        raws.append(read_at(copy.file, count * RECORD, after * RECORD))
                self._compare(raws, after)
                hashes = [hashed.hex() for hashed in self._hashes[after:]]
                self._journal.add(
                    self._disk, "taking", before=before, after=after, hashes=hashes
                )
                for copy in self._copies:
                    self._cut(copy, after)
                del self._hashes[after:]
                self._check_in_place(after)
                decode(raws[0], data)
                self._journal.add(self._disk, "taken", before=before, after=after)
            except BaseException:
                active.generators.wipe(data)
                raise
            finally:
                for raw in raws:
                    active.generators.wipe(raw)
            self._broken = False
            return Taken(data, before, after, hashes)

    def close(self) -> None:
        """Close the files, which drops the locks; it may be called twice."""
        self._closed = True
        self._journal.close()
        for copy in self._copies:
            copy.close()

    def _heal(self, found: Found) -> None:
        for copy, count in found.cuts:
            self._cut(copy, count)
        pending = self._journal.pending
        if pending is not None:
            self._journal.add(
                self._disk, "healed", before=pending.before, after=pending.after
            )
        excess = found.excess
        if excess is not None:
            # Announced as well, or a crash in the middle would leave records that
            # look damaged.
            counts = {"before": excess.before, "after": excess.after}
            hashes = [hashed.hex() for hashed in excess.hashes]
            self._journal.add(self._disk, "cutting", **counts, hashes=hashes)
            self._cut(excess.copy, excess.after)
            self._journal.add(self._disk, "healed", **counts)

    def _cut(self, copy: Copy, count: int) -> None:
        with explained(copy.path):
            destroy_tail(self._disk, copy.file, copy.path.parent, count * RECORD)

    def _compare(self, raws: Sequence[bytearray], after: int) -> None:
        """Make sure that the records are still those that were checked."""
        hasher = self._journal.hasher
        for copy, raw in zip(self._copies, raws, strict=True):
            view = memoryview(raw)
            for index, hashed in enumerate(self._hashes[after:]):
                record = view[index * RECORD : (index + 1) * RECORD]
                whole = len(record) == RECORD and sound(record)
                if not whole or hasher.of(record[:DATA]) != hashed:
                    raise self._changed(copy)

    def _check_in_place(self, count: int) -> None:
        for copy in self._copies:
            if not copy.is_in_place():
                raise GammaError(
                    f"{copy.path}: the file vanished or was replaced while it was in "
                    "use; put it back where it was, then run the command again"
                )
            if copy.size != count * RECORD:
                raise self._changed(copy)
        self._journal.check_in_place()

    def _changed(self, copy: Copy) -> GammaError:
        return GammaError(
            f"{copy.path}: another program changed the file while it was in use; stop "
            "that program, then run the command again"
        )

    def _check_usable(self) -> None:
        if self._closed:
            raise GammaError(f"{self.place.root}: the gamma is closed; open it again")
        if self._pid != os.getpid():
            raise GammaError(
                f"{self.place.root}: opened by process {self._pid}; only that one may "
                "take from it and give to its workers"
            )
        if self._broken:
            raise GammaError(
                f"{self.place.root}: an earlier error stopped it; open it again, which "
                "puts it in order"
            )


def check(path: str | os.PathLike[str]) -> Report:
    """Check a pair as `GammaPair.open` does, and change nothing.

    Raises:
        GammaError: if it cannot be used: naming file, record and cure.
        GammaLocked: at once, if another run uses it.
        MediumError: if it cannot be read.
    """
    place = place_of(path)
    copies, warnings = open_copies(place, writable=False)
    try:
        journal = Journal.load(place.journal)
        found = examine(copies, journal)
        return _report(
            place,
            [copy.path for copy in copies],
            len(found.hashes),
            journal,
            warnings + found.warnings,
        )
    finally:
        for copy in copies:
            copy.close()


def status(path: str | os.PathLike[str]) -> Report:
    """Count records by the length of the files, while another run uses them too.

    Raises:
        GammaError: if there is no pair, it is open to others, or its journal is
            damaged.
        MediumError: if it cannot be read.
    """
    place = place_of(path)
    in_use = False
    warnings: list[str] = []
    try:
        copies, warnings = open_copies(place, writable=False)
    except GammaLocked:
        in_use = True
    else:
        for copy in copies:
            copy.close()
    paths = [one for one in place.copies if one.exists()]
    sizes: list[int] = []
    for one in paths:
        with explained(one):
            sizes.append(one.stat().st_size)
    journal = Journal.load(place.journal)
    records = min(sizes, default=0) // RECORD
    return _report(place, paths, records, journal, warnings, in_use=in_use)


def _report(
    place: Place,
    copies: Sequence[Path],
    records: int,
    journal: Journal,
    warnings: Sequence[str],
    *,
    in_use: bool = False,
) -> Report:
    start = journal.start_of(records)
    return Report(
        place.root if len(place.copies) > 1 else place.copies[0],
        tuple(copies),
        records,
        start,
        in_use,
        (*warnings, *_few(place, records, start)),
        journal.summary(),
    )


def _few(place: Place, records: int, start: int) -> list[str]:
    if not records:
        return [f"{place.root}: no records are left; use a new pair"]
    if records * LOW <= start:
        return [
            f"{place.root}: {records} of {start} records are left "
            f"({100 * records // start} %); get a new pair soon"
        ]
    return []
