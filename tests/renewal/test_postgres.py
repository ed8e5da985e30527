"""A campaign in PostgreSQL: as in a file, and the server's faults besides."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from clusters import Cluster
from crashes import forks
from renewal.offices import NOW, Office
from renewal.scenes import RECORDS, Scene, kill_at
from renewal.test_lock_and_store import new_item

from gostkey.errors import CampaignError, CampaignLocked, StoreLost
from gostkey.renewal import Campaign
from gostkey.renewal.storage import advisory
from gostkey.renewal.storage.address import ADDRESS_NAME, Address, with_password_file
from gostkey.renewal.storage.postgres import PostgresDatabase
from gostkey.renewal.storage.store import STORE_NAME, Change, Store


@pytest.fixture
def url(cluster: Cluster) -> str:
    """Give the address of a campaign that nobody has."""
    return cluster.new_campaign()


def database(url: str) -> psycopg.Connection[Any]:
    """Connect as another program does."""
    address = Address.parse(url, Path("campaign"))
    return psycopg.connect(**address.for_libpq(), autocommit=True)  # type: ignore[arg-type]


# -- addresses ---------------------------------------------------------------


def test_an_address_is_read_and_written() -> None:
    folder = Path("/srv/весна-2026")
    one = Address.parse("postgresql://u@host:5433/office?sslmode=verify-full", folder)
    assert (one.user, one.host, one.port, one.database) == ("u", "host", 5433, "office")
    assert one.schema == "campaign_весна-2026"
    assert one.for_libpq() == {
        "user": "u",
        "host": "host",
        "port": 5433,
        "dbname": "office",
        "sslmode": "verify-full",
    }
    assert Address.parse(one.url(), Path("/elsewhere")) == one


@pytest.mark.parametrize(
    "url, words",
    [
        ("postgresql://u:hunter2@host/office", "has a password in it"),
        ("postgresql://u@host/office?password=hunter2", "has a password in it"),
        ("mysql://host/office", "no database that stations can share"),
        ("not an address", "cannot be read"),
        ("postgresql://host:many/office", "cannot be read"),
        ("postgresql://host/office?campaign=a/b", "campaign's name"),
        ("postgresql://host/office?campaign=" + "x" * 60, "campaign's name"),
        ("postgresql://host/office?sslmode=a&sslmode=b", "says sslmode twice"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, words: str) -> None:
    with pytest.raises(CampaignError, match=words) as caught:
        Address.parse(url, Path("campaign"))
    assert "hunter2" not in str(caught.value)


def test_a_password_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    url = with_password_file("postgresql://u@host/office", file)
    assert "hunter2" not in url
    one = Address.parse(url, tmp_path)
    assert one.for_libpq()["password"] == "hunter2"
    assert "hunter2" not in repr(one) + one.url() + one.where


# -- the store ---------------------------------------------------------------


def test_the_folder_remembers_where_its_campaign_is(tmp_path: Path, url: str) -> None:
    Store.create(tmp_path, {}, NOW, [new_item(1)], url=url).close()
    assert not (tmp_path / STORE_NAME).exists()
    if os.name == "posix":
        assert (tmp_path / ADDRESS_NAME).stat().st_mode & 0o777 == 0o600
    with Store.open(tmp_path) as store:
        assert [one.id for one in store.items()] == [1]
    with pytest.raises(CampaignError, match="there is a campaign already"):
        Store.create(tmp_path, {}, NOW, [], url=url)
    with pytest.raises(CampaignError, match="of this name already"):
        Store.create(tmp_path / "another", {}, NOW, [], url=url)


def test_campaigns_in_one_database_do_not_see_each_other(
    tmp_path: Path, cluster: Cluster
) -> None:
    database = cluster.new_database()
    one, other = cluster.url(database, "one"), cluster.url(database, "other")
    Store.create(tmp_path / "one", {}, NOW, [new_item(1)], url=one).close()
    assert not Store.exists(tmp_path / "other", other)
    with Store.create(tmp_path / "other", {}, NOW, [], url=other) as store:
        assert store.items() == []


def test_a_database_that_is_not_there_is_told_with_the_cure(tmp_path: Path) -> None:
    url = f"postgresql://gostkey@/postgres?host={tmp_path}"
    with pytest.raises(StoreLost, match="see that PostgreSQL runs"):
        Store.open(tmp_path, url)


def test_what_is_acknowledged_is_on_the_disk(tmp_path: Path, url: str) -> None:
    with database(url) as connection:
        connection.execute("alter role gostkey set synchronous_commit = off")
    try:
        with Store.create(tmp_path, {}, NOW, [], url=url) as store:
            with store._writing() as connection:
                mode = connection.exec_driver_sql("show synchronous_commit").scalar()
        assert mode == "on"
    finally:
        with database(url) as connection:
            connection.execute("alter role gostkey reset synchronous_commit")


def cut(url: str) -> None:
    """End every connection to the database, as its administrator may."""
    with database(url) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name like 'gostkey %'"
        )


def test_a_cut_connection_is_made_anew(tmp_path: Path, url: str) -> None:
    with Store.create(tmp_path, {}, NOW, [new_item(1)], url=url) as store:
        store.items()
        cut(url)
        assert len(store.items()) == 1
        cut(url)
        store.record([Change(1, "keyed", "after", {"state": "keyed"}, {})], NOW)
        assert store.items()[0].state == "keyed"
        assert len(store.history(1)) == 2


@pytest.mark.parametrize("heard", ["before", "after"])
def test_a_commit_whose_end_was_not_heard_is_done_once(
    tmp_path: Path, url: str, heard: str
) -> None:
    """The connection is cut right before the commit, or right after it."""
    with Store.create(tmp_path, {}, NOW, [new_item(1)], url=url) as store:
        engine = store.database._writer  # type: ignore[attr-defined]
        left = 1

        @sa.event.listens_for(engine, "commit")
        def spoil(connection: sa.Connection) -> None:
            nonlocal left
            if not left:
                return
            left -= 1
            raw: Any = connection.connection.driver_connection
            if heard == "after":
                raw.commit()
            cut(url)
            if heard == "after":
                # The commit that follows is not heard any more.
                raw.close()

        change = Change(1, "keyed", "after", {"state": "keyed"}, {"n": 1})
        store.record([change], NOW)
        assert not left
        assert [one["detail"] for one in store.history(1)][1:] == [{"n": 1}]


def test_a_server_that_died_is_waited_for(
    tmp_path: Path, cluster: Cluster, url: str
) -> None:
    with Store.create(tmp_path, {}, NOW, [new_item(1)], url=url) as store:
        store.items()
        cluster.stop("immediate")
        starter = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(0.5)"],
        )
        store.database.patience = 0.2  # type: ignore[attr-defined]
        with pytest.raises(StoreLost, match="see that PostgreSQL runs"):
            store.items()
        starter.wait()
        cluster.start()
        store.record([Change(1, "keyed", "after", {"state": "keyed"}, {})], NOW)
        assert store.items()[0].state == "keyed"


def test_ctrl_c_is_not_waited_out(tmp_path: Path, url: str) -> None:
    """It may leave a connection with an error of its own; see `after_interrupt`."""
    tried = 0

    def work() -> None:
        nonlocal tried
        tried += 1
        try:
            raise KeyboardInterrupt
        finally:
            raise StoreLost("another command is already in progress")

    with Store.create(tmp_path, {}, NOW, [new_item(1)], url=url) as store:
        store.database.patience = 0.2  # type: ignore[attr-defined]
        with pytest.raises(StoreLost):
            store.database.patiently(work)
    assert tried == 1


# -- locks -------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisory, "PATIENCE", 0.1)
    monkeypatch.setattr(advisory, "PATIENCE_AGAIN", 0.5)


def test_a_lock_is_had_by_one_and_names_the_holder(tmp_path: Path, url: str) -> None:
    Store.create(tmp_path, {}, NOW, [], url=url).close()
    one, two = (PostgresDatabase(tmp_path, url) for _ in range(2))
    one.hold(shared=True)
    two.hold(shared=True)
    with one.holding(7):
        with pytest.raises(CampaignLocked, match=f"chunk 7 .*{os.getpid()}"):
            with two.holding(7):
                pass
    with two.holding(7):
        pass
    two.close()
    with pytest.raises(CampaignLocked, match="another run works on it"):
        three = PostgresDatabase(tmp_path, url)
        three.hold()
    one.close()
    three.hold()
    three.close()


def test_nothing_is_written_without_the_lock(tmp_path: Path, url: str) -> None:
    """Another run had the lock while the connection was away."""
    with Store.create(tmp_path, {}, NOW, [new_item(1)], url=url) as store:
        store.database.hold()
        cut(url)
        with database(url) as thief:
            thief.execute(
                "select pg_advisory_lock(%s, 0)",
                [store.database._locks._class],  # type: ignore[attr-defined]
            )
            change = Change(1, "keyed", "after", {"state": "keyed"}, {})
            with pytest.raises(CampaignLocked):
                store.record([change], NOW)
        assert store.items()[0].state == "planned"


def test_nothing_is_written_after_another_run(tmp_path: Path, url: str) -> None:
    """Another run had the lock, and has ended, while the connection was away."""
    with Store.create(tmp_path, {}, NOW, [new_item(1)], url=url) as store:
        store.database.hold()
        cut(url)
        store.record([Change(1, "keyed", "before", {}, {})], NOW)
        cut(url)
        with Store.open(tmp_path / "elsewhere", url) as other:
            other.database.hold()
        change = Change(1, "keyed", "after", {"state": "keyed"}, {})
        with pytest.raises(CampaignLocked, match="another run has worked on it"):
            store.record([change], NOW)
        assert store.items()[0].state == "planned"


def test_a_chunk_whose_lock_was_lost_is_given_up(tmp_path: Path, url: str) -> None:
    """Another station may have done it meanwhile: what is known is of yesterday."""
    with Store.create(tmp_path, {}, NOW, [new_item(1)], url=url) as store:
        change = Change(1, "keyed", "after", {"state": "keyed"}, {})
        held: Any = store.database
        with pytest.raises(CampaignLocked, match="lock of chunk 7 was lost"):
            with held.holding(7):
                cut(url)
                store.record([change], NOW)
        assert store.items()[0].state == "planned"
        with held.holding(7):
            store.record([change], NOW)
        assert store.items()[0].state == "keyed"


# -- whole campaigns ---------------------------------------------------------


def test_a_campaign_runs_and_is_locked(office: Office, url: str) -> None:
    office.add()
    office.store = url
    with office.begin() as campaign:
        with pytest.raises(CampaignLocked, match="another run works on it"):
            Campaign.open(office.folder / "elsewhere", clock=office.clock, store=url)
        report = campaign.run(workers=2)
    assert report.counts["renewed"] == 1
    with office.open() as campaign:
        assert campaign.resume().counts["renewed"] == 1
    with pytest.raises(CampaignError, match="there is a campaign already"):
        office.begin()


@forks
@pytest.mark.parametrize("record", [2, 6, 13])
def test_a_kill_at_a_journal_write_changes_nothing_in_the_end(
    template: Callable[[Path], Scene],
    undisturbed: list[tuple[Any, ...]],
    tmp_path: Path,
    url: str,
    record: int,
) -> None:
    assert record < RECORDS
    scene = template(tmp_path)
    scene.office.store = url
    assert scene.run(kill_at(record, "after")) == -signal.SIGKILL
    assert scene.resume() == 0
    assert scene.table() == undisturbed
    scene.check_one_of_each()
