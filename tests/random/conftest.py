"""The data that the tests of entropy estimators share."""

from __future__ import annotations

import hashlib

import pytest
from cards.fixtures import bench
from entropy_data import BEGINNINGS, data_of

__all__ = ["bench", "check_data"]


@pytest.fixture(scope="session")
def check_data() -> dict[str, bytes]:
    """V1 to V4, one symbol a byte; 8, 4, 1 and 3 bits wide."""
    data = {name: data_of(name) for name in BEGINNINGS}
    for name, beginning in BEGINNINGS.items():
        assert hashlib.sha256(data[name]).hexdigest().startswith(beginning)
    return data
