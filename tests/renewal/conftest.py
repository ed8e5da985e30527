"""An office for each test, and readers for virtual cards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cards.card import VirtualCard
from cards.readers import VirtualReaders
from renewal.offices import Office, new_office
from renewal.token_offices import Put

from gostkey import pcsc


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Give an office without subscribers."""
    return new_office(tmp_path)


@pytest.fixture
def trio(office: Office) -> Office:
    """Give an office of three, of whom the second one is to be spoiled."""
    for _ in range(3):
        office.add()
    return office


@pytest.fixture
def in_readers() -> Iterator[Put]:
    """Put cards into readers that the whole package sees: in_readers(card, None)."""
    with ExitStack() as stack:

        def put(*cards: VirtualCard | None) -> VirtualReaders:
            readers = VirtualReaders(*cards)
            stack.enter_context(pcsc.using(readers))
            return readers

        yield put
