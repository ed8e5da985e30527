"""An office for each test, and readers for virtual cards."""

from __future__ import annotations

from pathlib import Path

import pytest
from cards.fixtures import in_readers
from renewal.offices import Office, new_office

__all__ = ["in_readers", "office", "trio"]


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
