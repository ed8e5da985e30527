"""What a look at the source leaves alone: rows and keys that a person must see to.

Each is told once, and again when something else is wrong with it; a watch that is begun
anew, as a timer does, tells all of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ..planning.plan import PlanItem
from ..planning.subscribers import RowError
from ..reasons import Reason

MOST_TOLD = 100
"""Rows and keys that one look tells one by one: a folder of keys that have all expired
would bury everything else.  The rest is counted, and `gostkey renew plan` shows it."""


@dataclass(frozen=True)
class Left:
    """A row or a key that is left alone, although it should be renewed."""

    where: str
    """The line of the list, the container, or both."""
    code: str
    text: str
    cure: str


class LeftAlone:
    """Gathers what each look leaves alone, and tells what is new of it."""

    def __init__(self, tell: Callable[[Left], None]) -> None:
        """Begin with nothing told; *tell* is told."""
        self._tell = tell
        self._before: set[bytes] = set()
        self._now: set[bytes] = set()
        self.begin()

    def begin(self) -> None:
        """Begin a look."""
        # If the one before failed halfway, what it told is told, and what it did not
        # come to is not new.
        self._before |= self._now
        self._now = set()
        self._counts: Counter[str] = Counter()
        self._told = 0
        self._has_good = False

    def good(self) -> None:
        """Note a key with which all is well."""
        self._has_good = True

    def key(self, one: PlanItem) -> None:
        """Take in a key with which no campaign is begun."""
        why, who = one.verdict, one.holding.subscriber
        if why is None or why.kind == "skipped":
            self.good()
            return
        where = str(who.container)
        if who.source.startswith("line "):
            where = f"{who.source}: {where}"
        self._leave(Left(where, why.reason.value, why.text, why.cure))

    def row(self, one: RowError) -> None:
        """Take in a row that cannot be used."""
        code = Reason.LIST_ROW.value
        self._leave(Left(f"line {one.line} of the list", code, one.text, one.cure))

    def end(self) -> str:
        """End a look; give a sentence with the counts, or nothing."""
        self._before = self._now
        if not self._counts:
            return ""
        counted = ", ".join(f"{code} ({n})" for code, n in sorted(self._counts.items()))
        return f"left alone: {counted}; gostkey renew plan shows which and what to do"

    @property
    def code(self) -> int:
        """Give the exit code: 0, 2 if something is left alone, 3 if everything is."""
        if not self._counts:
            return 0
        return 2 if self._has_good else 3

    def _leave(self, one: Left) -> None:
        self._counts[one.code] += 1
        # Only little of it is kept: there may be a hundred thousand.
        what = f"{one.where}\0{one.text}".encode("utf-8", "backslashreplace")
        mark = hashlib.sha256(what).digest()[:12]
        self._now.add(mark)
        if mark not in self._before and self._told < MOST_TOLD:
            self._told += 1
            self._tell(one)
