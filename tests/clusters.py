"""A PostgreSQL server for tests, see `office.postgres_server`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from office.postgres_server import Cluster

__all__ = ["Cluster", "cluster", "kept_in", "new_cluster"]


def new_cluster(*, syncs: bool = False) -> Cluster:
    """Make a server and start it, or skip the test that wants it."""
    try:
        made = Cluster(durable=syncs)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    made.start()
    return made


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Give a server that runs; who stops it starts it again."""
    pytest.importorskip("psycopg", reason="pip install 'gostkey[office]'")
    made = new_cluster()
    yield made
    made.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def kept_in(request: pytest.FixtureRequest) -> str | None:
    """Give each kind of store in turn: None for a file, or an address."""
    if request.param == "sqlite":
        return None
    made: Cluster = request.getfixturevalue("cluster")
    return made.new_campaign()
