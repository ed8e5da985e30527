"""The lock between two runs, and the campaign's store."""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from gostkey.errors import CampaignError, CampaignLocked, MediumError
from gostkey.renewal.lock import CampaignLock, locked
from gostkey.renewal.planning.subscribers import RowError
from gostkey.renewal.reasons import Reason
from gostkey.renewal.storage import databases
from gostkey.renewal.storage.schema import item, metadata
from gostkey.renewal.storage.store import (
    ITEM_FIELDS,
    PART_NAME,
    STORE_NAME,
    Change,
    Item,
    Store,
)

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=timezone.utc)
LOCK_FILE = Path(__file__).parents[2] / "engine" / "renewal" / "lock.py"

# Takes the lock in a process of its own, without importing the package.
HOLDER = """
import importlib.util, pathlib, sys, types
errors = types.ModuleType("gostkey.errors")
errors.CampaignLocked = type("CampaignLocked", (Exception,), {})
errors.MediumError = type("MediumError", (Exception,), {})
sys.modules["gostkey"] = types.ModuleType("gostkey")
sys.modules["gostkey.errors"] = errors
media = types.ModuleType("gostkey.media")
media.explain = None
sys.modules["gostkey.media"] = media
spec = importlib.util.spec_from_file_location("lock", sys.argv[1])
lock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lock)
lock.CampaignLock(pathlib.Path(sys.argv[2])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_lock_is_refused_and_names_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "campaign.lock"
    with CampaignLock(path):
        with pytest.raises(CampaignLocked, match=f"process {os.getpid()}"):
            CampaignLock(path).acquire()
    with CampaignLock(path):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "campaign.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(LOCK_FILE), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(CampaignLocked, match=f"process {holder.pid}"):
        CampaignLock(path).acquire()
    holder.kill()
    holder.communicate()
    with CampaignLock(path):
        pass


def test_a_lock_in_a_folder_that_is_not_there_is_a_medium_error(tmp_path: Path) -> None:
    with pytest.raises(MediumError, match="lock file cannot be made"):
        CampaignLock(tmp_path / "no" / "campaign.lock").acquire()


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MediumError, match="is a file; name a folder"):
        locked(tmp_path / "file")


# -- the store ---------------------------------------------------------------


def new_item(number: int, **values: object) -> Item:
    empty: dict[str, object] = dict.fromkeys(ITEM_FIELDS)
    empty |= {
        "id": number,
        "source": "line 2 of list.csv",
        "container": f"/keys/{number}.000",
        "container_name": f"key {number}",
        "slot": "primary",
        "owner": "Иванов Иван Иванович",
        "inn": "500100732259",
        "state": "planned",
    }
    return Item(**{**empty, **values})  # type: ignore[arg-type]


def test_items_have_the_columns_of_their_table() -> None:
    assert ITEM_FIELDS == tuple(column.name for column in item.columns)


def test_what_is_stored_is_read_back(tmp_path: Path, kept_in: str | None) -> None:
    items = [
        new_item(1, old_certificate=b"\x30\x00", exportable=True, curve="1.2.3"),
        new_item(2, state="due", reason="expired", text="expired", cure="office"),
    ]
    errors = [RowError(7, "broken", "mend it")]
    with Store.create(tmp_path, {"zone_minutes": 180}, NOW, items, errors, url=kept_in):
        pass
    with Store.open(tmp_path) as store:
        assert store.items() == items
        assert store.items([2]) == items[1:]
        assert store.row_errors() == errors
        assert store.settings() == {"zone_minutes": 180}
        assert store.created_at() == NOW
        assert store.phase() == "planned"
        assert store.open_ids() == [1]
        assert store.items()[1].verdict.reason is Reason.EXPIRED  # type: ignore[union-attr]


def test_a_store_whose_columns_stand_otherwise_is_read(tmp_path: Path) -> None:
    """As earlier versions of gostkey made it."""
    items = [new_item(1, old_certificate=b"\x30\x00"), new_item(2, note="a note")]
    Store.create(tmp_path, {}, NOW, items).close()
    with closing(sqlite3.connect(tmp_path / STORE_NAME, isolation_level=None)) as file:
        now = [row[1] for row in file.execute("pragma table_info(item)")]
        (made,) = file.execute("select sql from sqlite_master where name = 'item'")
        ahead = [*now[:1], *reversed(now[1:])]
        lines = {
            line.split()[0]: line.strip(", ") for line in made[0].splitlines()[1:-1]
        }
        columns = ", ".join(lines[name].strip(", ") for name in ahead)
        file.execute(f"create table other ({columns}, primary key (id))")
        names = ", ".join(now)
        file.execute(f"insert into other ({names}) select {names} from item")
        file.execute("pragma foreign_keys = off")
        file.execute("drop table item")
        file.execute("alter table other rename to item")
        # Earlier versions had an index of the journal, too.
        file.execute("create index journal_item on journal (item_id)")
    with Store.open(tmp_path) as store:
        assert store.items() == items
        store.record([Change(1, "keyed", "before", {"new_folder": "/n/1"}, {})], NOW)
        (one,) = store.items([1])
        assert (one.new_folder, one.old_certificate) == ("/n/1", b"\x30\x00")
        assert [line["step"] for line in store.history(1)] == ["planned", "keyed"]
        assert store.interrupted() == {1: "keyed"}


def test_a_store_is_private_to_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    with Store.create(folder, {}, NOW, [new_item(1)]):
        if os.name == "posix":
            assert folder.stat().st_mode & 0o777 == 0o700
            for path in folder.iterdir():
                assert path.stat().st_mode & 0o077 == 0, path


def test_a_second_campaign_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    Store.create(tmp_path, {}, NOW, []).close()
    with pytest.raises(CampaignError, match="there is a campaign already"):
        Store.create(tmp_path, {}, NOW, [])


def test_no_campaign_is_an_error_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="gostkey renew run"):
        Store.open(tmp_path)


def test_an_empty_file_of_a_run_killed_at_once_is_no_campaign(tmp_path: Path) -> None:
    (tmp_path / STORE_NAME).touch()
    assert not Store.exists(tmp_path)
    Store.create(tmp_path, {}, NOW, [new_item(1)]).close()
    assert Store.exists(tmp_path)


def test_what_a_killed_run_had_made_of_a_store_is_made_anew(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)

        def items() -> Iterator[Item]:
            for number in range(1, 5000):
                yield new_item(number, old_certificate=bytes(4000))
            os.write(writing, b"x")
            os.kill(os.getpid(), signal.SIGKILL)

        Store.create(tmp_path, {}, NOW, items())
    os.close(writing)
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert (tmp_path / PART_NAME).stat().st_size > 1_000_000
    assert not Store.exists(tmp_path)
    with Store.create(tmp_path, {}, NOW, [new_item(1)]) as store:
        assert [one.id for one in store.items()] == [1]
    assert [one.name for one in tmp_path.iterdir()] == [STORE_NAME]


def test_the_log_of_another_store_is_not_taken_over(tmp_path: Path) -> None:
    with Store.create(tmp_path / "other", {}, NOW, [new_item(7)]) as other:
        other.record([Change(7, "keyed", "before", {}, {})], NOW)
        log = (tmp_path / "other" / f"{STORE_NAME}-wal").read_bytes()
    assert len(log) > 4096
    # Somebody has removed the store itself, and nothing more.
    (tmp_path / f"{STORE_NAME}-wal").write_bytes(log)
    with Store.create(tmp_path, {}, NOW, [new_item(1)]) as store:
        assert [one.id for one in store.items()] == [1]
        assert [one["step"] for one in store.history()] == ["planned"]


def test_a_store_that_cannot_be_filled_is_not_there(tmp_path: Path) -> None:
    def items() -> Iterator[Item]:
        yield new_item(1)
        raise RuntimeError("the plan is lost")

    with pytest.raises(RuntimeError, match="the plan is lost"):
        Store.create(tmp_path, {}, NOW, items())
    assert not Store.exists(tmp_path)
    assert not (tmp_path / PART_NAME).exists()
    Store.create(tmp_path, {}, NOW, [new_item(1)]).close()
    assert Store.exists(tmp_path)


def test_a_store_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def noted(name: str) -> None:
        original = getattr(databases, name, None) or getattr(os, name)
        where = databases if hasattr(databases, name) else os

        def note(*paths: object) -> None:
            done.append((name, *(Path(str(one)).name for one in paths)))
            original(*paths)

        monkeypatch.setattr(where, name, note)

    for name in ("flush_file", "replace", "flush_folder"):
        noted(name)
    with Store.create(tmp_path, {}, NOW, [new_item(1)]):
        assert done == [
            ("flush_file", PART_NAME),
            ("replace", PART_NAME, STORE_NAME),
            ("flush_folder", tmp_path.name),
        ]


def test_a_disk_that_is_full_leaves_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(databases, "flush_file", full)
        with pytest.raises(MediumError, match="the disk is full"):
            Store.create(tmp_path, {}, NOW, [new_item(1)])
    assert not Store.exists(tmp_path)
    assert not (tmp_path / PART_NAME).exists()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / STORE_NAME).write_bytes(b"not a database, but long enough" * 50)
    with pytest.raises(CampaignError, match="is not a campaign's store"):
        Store.open(tmp_path)


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    Store.create(tmp_path, {}, NOW, []).close()
    engine = create_engine(f"sqlite:///{tmp_path / STORE_NAME}")
    with engine.begin() as connection:
        connection.execute(text("update campaign set schema_version = 99"))
    engine.dispose()
    with pytest.raises(CampaignError, match="version is 99"):
        Store.open(tmp_path)


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    with Store.create(tmp_path, {}, NOW, []) as store:
        with store._reading() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            sync = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    assert (mode, sync) == ("wal", 2)  # 2: FULL


def test_changes_and_journal_are_one_transaction(
    tmp_path: Path, kept_in: str | None
) -> None:
    with Store.create(
        tmp_path, {}, NOW, [new_item(1), new_item(2)], url=kept_in
    ) as store:
        good = Change(1, "keyed", "after", {"state": "keyed"}, {"a": "б"})
        bad = Change(99, "keyed", "after", {"state": "keyed"}, {})
        with pytest.raises(Exception, match="(?i)foreign key"):
            store.record([good, bad], NOW)
        assert store.items()[0].state == "planned"
        store.record([good], NOW)
        one = store.items()[0]
        assert (one.state, store.items()[1].state) == ("keyed", "planned")
        last = store.history(1)[-1]
        assert (last["step"], last["phase"], last["detail"]) == (
            "keyed",
            "after",
            {"a": "б"},
        )


def test_changes_of_one_item_count_in_their_order(
    tmp_path: Path, kept_in: str | None
) -> None:
    with Store.create(
        tmp_path, {}, NOW, [new_item(1), new_item(2)], url=kept_in
    ) as store:
        why = {"reason": "medium", "text": "full", "cure": "free"}
        store.record(
            [
                # The first one's failure has columns that the second one's has, too.
                Change(1, "keyed", "failed", why, {}),
                Change(2, "keyed", "after", {"state": "keyed", "reason": None}, {}),
                Change(1, "keyed", "after", {"state": "keyed", "reason": None}, {}),
                Change(2, "requested", "before", {}, {}),
                Change(2, "requested", "failed", why, {}),
            ],
            NOW,
        )
        first, second = store.items()
        assert (first.state, first.reason, first.text) == ("keyed", None, "full")
        assert (second.state, second.reason) == ("keyed", "medium")
        told = [(one["step"], one["phase"]) for one in store.history(2)]
        assert told[-3:] == [
            ("keyed", "after"),
            ("requested", "before"),
            ("requested", "failed"),
        ]


def test_interrupted_steps_are_found(tmp_path: Path, kept_in: str | None) -> None:
    with Store.create(
        tmp_path, {}, NOW, [new_item(n) for n in (1, 2, 3)], url=kept_in
    ) as store:
        before = [Change(n, "keyed", "before", {}, {}) for n in (1, 2)]
        store.record(before, NOW)
        store.record([Change(2, "keyed", "after", {"state": "keyed"}, {})], NOW)
        assert store.interrupted() == {1: "keyed"}
        assert store.begun("keyed") == {1, 2}


def test_the_place_of_a_container_that_was_begun_is_in_the_journal(
    tmp_path: Path,
) -> None:
    def begun(number: int, folder: str) -> Change:
        return Change(number, "keyed", "before", {}, {"folder": folder})

    items = [new_item(n) for n in (1, 2, 3)]
    with Store.create(tmp_path, {}, NOW, items) as store:
        store.record([begun(1, "/new/a.000"), begun(2, "/new/b.000")], NOW)
        store.record([begun(1, "/new/a.001")], NOW)
        made = {"state": "keyed", "new_folder": "/moved/b.000"}
        store.record([Change(2, "keyed", "after", made, {})], NOW)
        store.settle_places()
        places = [one.new_folder for one in store.items()]
        assert places == ["/new/a.001", "/moved/b.000", None]


def test_only_failures_are_opened_again(tmp_path: Path, kept_in: str | None) -> None:
    items = [
        new_item(1, reason="medium", text="full", cure="free"),
        new_item(2, state="keyed", reason="last-day", text="late", cure="office"),
        new_item(3, state="due", reason="medium", text="unreadable", cure="plan"),
    ]
    with Store.create(tmp_path, {}, NOW, items, url=kept_in) as store:
        assert store.open_ids() == []
        assert store.reopen({Reason.MEDIUM}) == 1
        assert store.open_ids() == [1]


def test_no_table_has_a_place_for_a_secret() -> None:
    columns = {column.name for table in metadata.tables.values() for column in table.c}
    suspicious = {
        name
        for name in columns
        if ("private" in name or "secret" in name or "pin" in name)
        and name not in ("pin_file", "new_pin_file")
    }
    assert not suspicious
    assert {name for name in columns if "password" in name} == {
        "password_file",
        "new_password_file",
    }


def test_items_are_plain_records() -> None:
    assert dataclasses.is_dataclass(Item)
