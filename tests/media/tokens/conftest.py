"""Virtual tokens for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cards.fixtures import bench, in_readers

from gostkey.media.tokens import pins

__all__ = ["bench", "in_readers"]


@pytest.fixture(autouse=True)
def no_refusals() -> Iterator[None]:
    """Every test's tokens are new ones, although they have the same numbers."""
    pins._sent_in_vain.clear()
    yield
    pins._sent_in_vain.clear()
