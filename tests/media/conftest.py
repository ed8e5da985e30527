"""What tests of media share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mock_tokens import MockToken, mock_token


@pytest.fixture
def token(tmp_path: Path) -> Iterator[MockToken]:
    """A PKCS #11 library with one empty GOST token; see mock_tokens."""
    made = mock_token(tmp_path)
    yield made
    made.restart()
