"""Checking an audit log: chain, signatures, the journal, and the items.

Every line is read once, beside the journal; memory does not grow with the lines.  A
problem names its line, counted from 1 as an editor shows it; 0 is the log as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gostkey.errors import GostKeyError
from gostkey.media import explain
from gostkey.signing import VerifyingKey

from ..storage.schema import audit_seal
from ..storage.store import Store
from ..storage.storing import hex_digests
from .items import Outcomes, bad_rows
from .lines import (
    CMS_NAME,
    LOG_NAME,
    MOST,
    NOTHING,
    line_of,
    outcomes,
    parse,
    step,
)
from .seals import LastSeal
from .signed import CmsSignature, SignatureCheck
from .tail import last_line

MOST_PROBLEMS = 100
"""Problems that are told one by one."""
_LINES_AT_ONCE = 1024
_BYTES_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Problem:
    """Something in a log that is not as it was written."""

    line: int
    """From 1; 0 if it is about no line."""
    text: str


@dataclass(frozen=True)
class Seal:
    """A signature in a log that is right."""

    line: int
    at: str
    who: str
    key: str
    """Fingerprint of the public key: `VerifyingKey.fingerprint`."""
    public_key: str
    """SubjectPublicKeyInfo in hex."""
    certificate: str = ""
    """Fingerprint of the certificate of a CMS signature; "" without one."""


@dataclass
class Verification:
    """What was found in a log."""

    path: Path
    lines: int = 0
    steps: int = 0
    runs: int = 0
    repairs: int = 0
    signed_lines: int = 0
    """Lines up to the last signature that is right."""
    seals: list[Seal] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0
    """Problems that were counted only."""
    cms: CmsSignature | None = None
    """The signature as a CMS message, if there is one and it is right."""
    other_logs: int = 0
    """Logs that signatures in the store belong to, besides this one."""
    copied_lines: int = 0
    """Lines up to the end of a copy that was kept elsewhere, if they are the same."""

    @property
    def good(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.problems

    def tell(self, line: int, text: str) -> None:
        """Add a problem."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(line, text))
        else:
            self.more_problems += 1


def verify(
    folder: Path,
    store: Store,
    public_key: VerifyingKey | None = None,
    copy: Path | None = None,
) -> Verification:
    """Check the log of a campaign.

    Args:
        folder: of the campaign.
        store: of the campaign, open.
        public_key: that must have signed; any key will do if it is left out.
        copy: of the log, or of its last line alone, that was kept elsewhere: the log
            must go on from it.

    Raises:
        MediumError: if the log or its copy cannot be read.
        CampaignError: if the store cannot be, or the copy is none.
    """
    path = folder / LOG_NAME
    kept = (0, b"") if copy is None else last_line(copy)
    found = Verification(path)
    try:
        with path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                found.tell(0, "the log is empty")
                return found
            lines = iter(lambda: file.readline(MOST), b"")
            beside = SignatureCheck(folder)
            _Check(found, store, public_key, beside, kept).all(lines)
    except FileNotFoundError:
        found.tell(0, "there is no log; nothing was run yet, or it was removed")
    except OSError as error:
        raise explain(error, path) from error
    return found


def _blocks(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Part lines into blocks that are bounded in number and in bytes."""
    block: list[bytes] = []
    size = 0
    for line in lines:
        block.append(line)
        size += len(line)
        if len(block) == _LINES_AT_ONCE or size > _BYTES_AT_ONCE:
            yield block
            block, size = [], 0
    if block:
        yield block


class _Check:
    """One walk along a log and the journal."""

    def __init__(
        self,
        found: Verification,
        store: Store,
        public_key: VerifyingKey | None,
        beside: SignatureCheck,
        kept: tuple[int, bytes],
    ) -> None:
        self._found = found
        self._beside = beside
        self._store = store
        self._wanted = public_key
        self._kept_number, self._kept = kept
        self._journal = store.rows(outcomes(0))
        self._row = next(self._journal, None)
        self._last = 0
        self._outcomes = Outcomes()
        self._name = ""
        self._texts: dict[int, bytes] = {}
        """Seals by their line's number, counted from 0."""
        self._lost: set[str] = set()
        """Logs of which this one tells that they were gone."""

    def all(self, lines: Iterator[bytes]) -> None:
        """Check everything."""
        found = self._found
        prev, number = NOTHING, 0
        for some in _blocks(lines):
            bare = [text.removesuffix(b"\n") for text in some]
            for text, line, digest in zip(some, bare, hex_digests(bare), strict=True):
                number += 1
                if len(line) == len(text):
                    self._tell(number, "is cut off: it does not end as a line does")
                self._beside.add(text)
                if not self._is_next_step(number, line, prev):
                    self._line(number, line, prev)
                if number == self._kept_number:
                    self._compare_with_copy(number, line)
                prev = digest
        found.lines = number
        self._ends_early(number)
        if number < self._kept_number:
            self._tell(
                number + 1,
                f"the log ends, and its copy goes on to line {self._kept_number}: the "
                "end was cut off, or the log was begun anew",
            )
        if found.signed_lines < found.lines:
            since = "nothing is signed"
            if found.signed_lines:
                since = f"lines after {found.signed_lines} are not signed"
            self._tell(
                found.lines,
                f"{since}: a run goes on, or was interrupted (resume signs), or the "
                "signature was removed",
            )
        self._seals_of_the_store()
        self._cms()
        for wrong in self._outcomes.disagreements(self._store):
            self._tell(0, wrong)

    def _tell(self, number: int, text: str) -> None:
        self._found.tell(number, text)

    def _compare_with_copy(self, number: int, line: bytes) -> None:
        if line == self._kept:
            # Each line has the digest of the one before it, so all are the same.
            self._found.copied_lines = number
            return
        self._tell(
            number,
            "is not the line that was kept: the log was written anew since, or the "
            "copy is of another one",
        )

    def _is_next_step(self, number: int, line: bytes, prev: str) -> bool:
        """Take a line that tells what the journal has next, as nearly all do.

        Returns:
            Whether it is such a line, so that nothing else is to be looked at.
        """
        row = self._row
        if row is None or number == 1 or line != line_of(number - 1, prev, step(row)):
            return False
        self._found.steps += 1
        self._last = row.id
        self._next()
        return True

    def _line(self, number: int, line: bytes, prev: str) -> None:
        said = parse(line)
        if said is None:
            self._tell(number, "is no line of an audit log")
            return
        if said["n"] != number - 1:
            self._tell(
                number, f"is numbered {said['n']}, and {number - 1} is its number"
            )
        if said["prev"] != prev:
            self._tell(
                number,
                "does not follow on the line before: that one was changed, or lines "
                "were removed, added or moved",
            )
        kind = said["kind"]
        if (kind == "log") != (number == 1):
            self._tell(number, "begins a log, and only the first line does")
        if kind == "step":
            self._step(number, line, said)
            return
        if said["journal"] != self._last:
            self._tell(
                number,
                f"says that the journal was at {said['journal']}, and it was at "
                f"{self._last}",
            )
        if kind == "log":
            self._name = str(said.get("log"))
            begun = str(said.get("campaign"))
            if begun != self._store.created_at().isoformat():
                self._tell(number, f"is of another campaign, begun at {begun}")
            # A log of an earlier version tells of no rows.
            told = said.get("bad_rows")
            if told is not None and told != bad_rows(self._store):
                self._tell(
                    number,
                    "tells of other rows of the list that could not be used than the "
                    "store has",
                )
        elif kind == "run":
            self._found.runs += 1
        elif kind == "repair":
            self._found.repairs += 1
        elif kind == "lost":
            self._gone(number, said)
        elif kind == "seal":
            self._seal(number, line, said)
        else:
            self._tell(number, "is of no kind that is known")

    def _gone(self, number: int, said: dict[str, Any]) -> None:
        name, line = str(said.get("log")), said.get("line")
        self._lost.add(name)
        until = line + 1 if isinstance(line, int) else line
        if name == self._name:
            what = f"this log had been signed up to line {until}, and ended before it"
        else:
            what = f"an earlier log, signed up to line {until}, was gone"
        self._tell(
            number,
            f"tells that {what}: what it told was taken from the journal once more, "
            "and may have been changed in between",
        )

    # -- the journal ---------------------------------------------------------

    def _step(self, number: int, line: bytes, said: dict[str, Any]) -> None:
        self._found.steps += 1
        told = said["journal"]
        if told <= self._last:
            self._tell(
                number, f"tells of outcome {told} of the journal again, or too late"
            )
            return
        while self._row is not None and self._row.id < told:
            self._missing(number)
        row = self._row
        self._last = told
        if row is None or row.id != told:
            self._tell(
                number, f"tells of outcome {told}, which the journal does not have"
            )
            return
        if line != line_of(said["n"], said["prev"], step(row)):
            self._tell(
                number,
                f"differs from outcome {told} of the journal "
                f"(item {row.item_id}, {row.step}: {row.phase})",
            )
        self._next()

    def _missing(self, number: int) -> None:
        row = self._row
        assert row is not None
        self._tell(
            number,
            f"outcome {row.id} of the journal (item {row.item_id}, {row.step}: "
            f"{row.phase}) should be told before it, and is not",
        )
        self._next()

    def _ends_early(self, number: int) -> None:
        first, count = self._row, 0
        while self._row is not None:
            count += 1
            self._next()
        if first is not None:
            self._tell(
                number + 1,
                f"the log ends, and the journal goes on with outcome {first.id} "
                f"({count} are missing): a run goes on or was interrupted (resume "
                "writes them), or the end was cut off",
            )

    def _next(self) -> None:
        row = self._row
        assert row is not None
        self._outcomes.add(row)
        self._row = next(self._journal, None)

    # -- signatures ----------------------------------------------------------

    def _seal(self, number: int, line: bytes, said: dict[str, Any]) -> None:
        self._texts[number - 1] = line
        signature, public = said.get("signature"), said.get("public_key")
        end = f',"signature":"{signature}"}}'.encode()
        try:
            if not line.endswith(end):
                raise ValueError
            key = VerifyingKey.from_spki(bytes.fromhex(str(public)))
            key.verify(bytes.fromhex(str(signature)), line[: -len(end)] + b"}")
        except (GostKeyError, ValueError):
            self._tell(number, "holds a signature that does not verify")
            return
        if self._wanted is not None and key != self._wanted:
            self._tell(
                number,
                f"is signed by the key {key.fingerprint}, and not by "
                f"{self._wanted.fingerprint}",
            )
            return
        self._found.seals.append(
            Seal(
                number,
                str(said.get("at")),
                str(said.get("who")),
                key.fingerprint,
                str(public),
                str(said.get("certificate", "")),
            )
        )
        self._beside.seal(number)
        self._found.signed_lines = number

    def _cms(self) -> None:
        """Compare the CMS signature beside the log with the last seal that names it."""
        named = [one for one in self._found.seals if one.certificate]
        if not named and not self._beside.is_there:
            return
        line, fingerprint = 0, ""
        if named:
            line, fingerprint = named[-1].line, named[-1].certificate
        found = self._beside.result(line, fingerprint, self._wanted)
        if isinstance(found, str):
            self._tell(0, f"{CMS_NAME}: {found}")
        else:
            self._found.cms = found

    def _seals_of_the_store(self) -> None:
        """Compare with what the store knows; it may be that of several logs."""
        others: dict[str, LastSeal] = {}
        query = sa.select(audit_seal).order_by(audit_seal.c.id)
        for row in self._store.rows(query):
            if row.log != self._name:
                others[row.log] = LastSeal(row.log, row.line, row.text)
                continue
            there = self._texts.pop(row.line, None)
            if there is None:
                self._tell(
                    row.line + 1,
                    "should be a signature, which the store remembers, and is not",
                )
            elif there != row.text.encode("utf-8"):
                self._tell(
                    row.line + 1, "is another signature than the store remembers"
                )
        for number in self._texts:
            self._tell(number + 1, "is a signature that the store does not remember")
        self._found.other_logs = len(others)
        if not self._store.database.is_shared:
            self._of_no_station(others.values())

    def _of_no_station(self, others: Iterable[LastSeal]) -> None:
        """Tell of other logs, which can only have been in this very folder."""
        for one in others:
            if one.log not in self._lost:
                self._tell(
                    0,
                    "the store remembers another log that was here, signed up to line "
                    f"{one.line + 1} ({str(one.said.get('at'))[:19]} UTC, "
                    f"{one.said.get('who')}): it was removed or replaced",
                )
