"""How many faults the tests have injected, and how many were survived.

A test says what it does to the program and leaves when everything is as it should be:

    with tally("kill -9 of a worker at random"):
        ...

After the last test the counts are printed, those of all processes of pytest-xdist
together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

Tally = Callable[[str], AbstractContextManager[None]]

_counts: dict[str, list[int]] = {}
"""Kind of a fault -> injected, survived."""


@contextmanager
def fault(kind: str) -> Iterator[None]:
    """Count a fault: injected at once, survived when the block ends well."""
    counts = _counts.setdefault(kind, [0, 0])
    counts[0] += 1
    yield
    counts[1] += 1


class Plugin:
    """Brings the counts of all processes together and prints them."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand the counts of a process of pytest-xdist over."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["tally"] = _counts

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take the counts of a process of pytest-xdist."""
        for kind, (injected, survived) in (
            getattr(node, "workeroutput", {}).get("tally", {}).items()
        ):
            counts = _counts.setdefault(kind, [0, 0])
            counts[0] += injected
            counts[1] += survived

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table, if there is anything in it."""
        if not _counts:
            return
        terminalreporter.section("faults injected into renewals")
        width = max(map(len, _counts))
        terminalreporter.line(f"{'':{width}}  injected  survived  lost")
        rows = [*sorted(_counts.items())]
        total = [sum(column) for column in zip(*_counts.values(), strict=True)]
        for kind, (injected, survived) in [*rows, ("together", total)]:
            lost = injected - survived
            terminalreporter.line(f"{kind:{width}}{injected:10}{survived:10}{lost:6}")
