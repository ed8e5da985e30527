"""Fixtures with virtual cards, for the conftest.py of every folder that wants them.

from cards.fixtures import bench, in_readers
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from cards import bench as benches
from cards.card import VirtualCard
from cards.readers import VirtualReaders

from gostkey import pcsc

__all__ = ["bench", "in_readers"]

InReaders = Callable[..., VirtualReaders]


@pytest.fixture
def in_readers() -> Iterator[InReaders]:
    """Put cards into readers that the whole package sees: in_readers(card, None)."""
    with ExitStack() as stack:

        def put(*cards: VirtualCard | None) -> VirtualReaders:
            readers = VirtualReaders(*cards)
            stack.enter_context(pcsc.using(readers))
            return readers

        yield put


@functools.cache
def _missing() -> str:
    return benches.missing() or benches.missing_pyscard()


@pytest.fixture
def bench() -> Iterator[benches.Bench]:
    """A pcscd with two virtual readers, empty at the beginning; see `cards.bench`.

    Each test has its own: it is there in less time than it takes the daemon to notice
    that a card was taken out.  Without pcscd, a virtual reader, pyscard or the right
    to make namespaces the test is skipped, and says what would make it run.
    """
    if _missing():
        pytest.skip(_missing())
    with benches.Bench() as running:
        yield running
