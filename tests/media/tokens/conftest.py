"""Virtual tokens for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from cards.card import VirtualCard
from cards.readers import VirtualReaders

from gostkey import pcsc
from gostkey.media.tokens import pins


@pytest.fixture
def in_readers() -> Iterator[Callable[..., VirtualReaders]]:
    """Put cards into readers that the whole package sees: in_readers(card, None)."""
    with ExitStack() as stack:

        def put(*cards: VirtualCard | None) -> VirtualReaders:
            readers = VirtualReaders(*cards)
            stack.enter_context(pcsc.using(readers))
            return readers

        yield put


@pytest.fixture(autouse=True)
def no_refusals() -> Iterator[None]:
    """Every test's tokens are new ones, although they have the same numbers."""
    pins._sent_in_vain.clear()
    yield
    pins._sent_in_vain.clear()
