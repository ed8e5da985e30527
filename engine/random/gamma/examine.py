"""What the copies of a pair and its journal say together.

Nothing is changed here: what must be cut off is only named, and `pair` does it
if it may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gostkey.backend import active
from gostkey.errors import GammaError

from .copies import Copy
from .disk import explained, read_at
from .journal import Journal, Pending
from .records import DATA, MOST_RECORDS, RECORD, Hasher, check_health, sound, verify


@dataclass(frozen=True, slots=True)
class Excess:
    """Used records at the end of an old copy that was put back."""

    copy: Copy
    before: int
    after: int
    hashes: tuple[bytes, ...]


@dataclass
class Found:
    """A pair that can be used, if need be after some cuts."""

    hashes: list[bytes] = field(default_factory=list)
    """Of the records that are left, in the order of the file."""
    cuts: list[tuple[Copy, int]] = field(default_factory=list)
    """Copies that a crash left too long, with the number of records to keep."""
    excess: Excess | None = None
    """What one copy has besides, to be cut off after that."""
    warnings: list[str] = field(default_factory=list)


def examine(copies: Sequence[Copy], journal: Journal) -> Found:
    """Check one or two copies against the journal and against each other.

    Records that a crash of ours left behind are cut, and so are records of one
    copy that the journal says are used: in neither case did the other copy
    keep them.  Whatever else differs is an error, because nobody knows which
    copy is right.

    Raises:
        GammaError: naming file, record and cure.
        MediumError: if a copy cannot be read.
    """
    found = Found()
    buffers: list[bytearray] = []
    try:
        for copy in copies:
            buffers.append(_content(copy))
        kept = [
            _kept(copy, buffer, journal, found)
            for copy, buffer in zip(copies, buffers, strict=True)
        ]
        found.hashes = verify(kept[0], copies[0].path, journal.hasher)
        if len(copies) == 2 and kept[0] != kept[1]:
            _agree(
                copies, found, verify(kept[1], copies[1].path, journal.hasher), journal
            )
        _refuse_used(copies[0], found.hashes, journal)
        # Either copy has what is kept of both.
        check_health(kept[0][: len(found.hashes) * RECORD], copies[0].path)
        for view in kept:
            view.release()
    finally:
        for buffer in buffers:
            active.generators.wipe(buffer)
    return found


def _content(copy: Copy) -> bytearray:
    size = copy.size
    if size > MOST_RECORDS * RECORD:
        raise GammaError(
            f"{copy.path}: {size} bytes; a gamma file has {MOST_RECORDS} records of "
            f"{RECORD} bytes at most, so make several smaller pairs"
        )
    with explained(copy.path):
        return read_at(copy.file, size, 0)


def _kept(copy: Copy, buffer: bytearray, journal: Journal, found: Found) -> memoryview:
    """Return what is kept of a copy after a consumption that was cut off."""
    view = memoryview(buffer)
    pending = journal.pending
    if pending is None or not _in_flight(view, pending, journal.hasher):
        return view
    found.cuts.append((copy, pending.after))
    found.warnings.append(
        f"{copy.path}: a run was cut off while it took records {pending.after + 1} "
        f"to {pending.before}; nobody got them, and nobody will"
    )
    return view[: pending.after * RECORD]


def _in_flight(view: memoryview, pending: Pending, hasher: Hasher) -> bool:
    """Say whether a copy ends with what a pending consumption was to destroy.

    Each of these records is as it was, or destroyed in part or whole; any
    other sound record means that this is another file.
    """
    if len(view) != pending.before * RECORD:
        return False
    for index, hashed in enumerate(pending.hashes, pending.after):
        record = view[index * RECORD : (index + 1) * RECORD]
        if sound(record) and hasher.of(record[:DATA]) != hashed:
            return False
    return True


def _agree(
    copies: Sequence[Copy], found: Found, other: list[bytes], journal: Journal
) -> None:
    """Settle what differs between two copies that are sound, or refuse."""
    first, second = found.hashes, other
    common = min(len(first), len(second))
    for index in range(common):
        if first[index] != second[index]:
            raise GammaError(
                f"{copies[0].path} and {copies[1].path}: the copies differ from "
                f"record {index + 1} on; take away the one that does not belong "
                "here, or use a new pair"
            )
    longer = 0 if len(first) > len(second) else 1
    excess = (first if longer == 0 else second)[common:]
    for index, hashed in enumerate(excess, common):
        if hashed not in journal.used:
            raise GammaError(
                f"{copies[longer].path}: record {index + 1} is not in "
                f"{copies[1 - longer].path}, which has {common}; another program may "
                "have used it: copy the shorter file over the longer one, never the "
                "other way round"
            )
    found.hashes = first[:common]
    found.excess = Excess(copies[longer], common + len(excess), common, tuple(excess))
    found.warnings.append(
        f"{copies[longer].path}: an older copy was put back; its records from "
        f"{common + 1} on were used before and are left out"
    )


def _refuse_used(copy: Copy, hashes: list[bytes], journal: Journal) -> None:
    for index, hashed in enumerate(hashes):
        if hashed in journal.used:
            raise GammaError(
                f"{copy.path}: record {index + 1} of {len(hashes)} was used before, "
                f"says {journal.path}: an older copy was put back; destroy it and use "
                "a new pair"
            )
