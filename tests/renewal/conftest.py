"""An office for each test, and readers for virtual cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cards.fixtures import in_readers
from clusters import cluster, kept_in
from renewal.offices import Office, new_office
from renewal.scenes import SUBSCRIBERS, Template, new_template

__all__ = [
    "cluster",
    "kept_in",
    "in_readers",
    "office",
    "template",
    "trio",
    "undisturbed",
]


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


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Make scenes that are copies of one office: three due keys and a refusal."""
    return new_template(tmp_path_factory.mktemp("origin"))


@pytest.fixture(scope="session")
def undisturbed(
    template: Template, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[Any, ...]]:
    """The table of a campaign that nobody disturbed."""
    scene = template(tmp_path_factory.mktemp("undisturbed"))
    assert scene.run() == 0
    scene.check_one_of_each()
    table = scene.table()
    assert [row[0] for row in table] == ["renewed"] * SUBSCRIBERS + ["refused"]
    return table
