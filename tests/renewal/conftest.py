"""An office for each test, and readers for virtual cards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cards.card import VirtualCard
from cards.readers import VirtualReaders
from renewal.offices import Office, new_office
from renewal.scenes import SUBSCRIBERS, Template, new_template
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


@pytest.fixture
def in_readers() -> Iterator[Put]:
    """Put cards into readers that the whole package sees: in_readers(card, None)."""
    with ExitStack() as stack:

        def put(*cards: VirtualCard | None) -> VirtualReaders:
            readers = VirtualReaders(*cards)
            stack.enter_context(pcsc.using(readers))
            return readers

        yield put
