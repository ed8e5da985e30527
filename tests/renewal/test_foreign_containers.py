"""A container of another campaign is not taken for one of ours, whatever its place."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from crashes import forks, in_child
from renewal.offices import Office, snapshot
from renewal.scenes import kill_at

from gostkey.renewal import Campaign, FolderTransport
from gostkey.renewal.local_claims import VARIABLE
from gostkey.renewal.storage.store import STORE_NAME, Change, Store


def begin(office: Office, name: str) -> Campaign:
    """Begin a campaign; those of all names choose the same new places."""
    base = office.folder
    (base / "new").mkdir(exist_ok=True)
    for index in range(len(office.subscribers)):
        office.change(index, destination=base / "new")
    transport = FolderTransport(base / "out", base / "in", base / "trust")
    return Campaign.begin(base / name, office.plan(), transport, clock=office.clock)


def run_elsewhere(office: Office, campaign: Campaign) -> None:
    """Run a campaign as another machine would, which shares no claims with this one."""

    def work() -> None:
        os.environ[VARIABLE] = str(office.folder / "elsewhere")
        assert {row["group"] for row in campaign.run().rows} == {"waiting"}

    assert in_child(work) == 0


def killed(campaign: Campaign, record: int, when: str) -> None:
    """Run a campaign until it is killed."""

    def work() -> None:
        kill_at(record, when)()
        campaign.run()

    assert in_child(work) == -signal.SIGKILL


def check_left_alone(
    office: Office, campaign: Campaign, after: dict[str, bytes]
) -> None:
    """Check that the other campaign's containers and requests are all there is."""
    rows = campaign.report().rows
    assert [row["reason"] for row in rows] == len(rows) * ["name-taken"]
    assert snapshot(office.folder / "new") == after
    assert len(list((office.folder / "new").iterdir())) == len(rows)
    assert len(list((office.folder / "out").iterdir())) == len(rows)


@forks
@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_written_after_a_kill_is_left_alone(
    office: Office, workers: int
) -> None:
    for _ in range(3):
        office.add()
    first, second = begin(office, "first"), begin(office, "second")
    killed(first, 1, "after")
    assert list((office.folder / "new").iterdir()) == []
    run_elsewhere(office, second)
    after = snapshot(office.folder / "new")
    for _ in range(2):
        first.resume(workers=workers)
        check_left_alone(office, first, after)


@forks
def test_what_was_written_a_moment_before_is_left_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        office.add()
    first, second = begin(office, "first"), begin(office, "second")
    original: Callable[[Store, Sequence[Change], datetime], None] = Store.record

    def overtaken(self: Store, changes: Sequence[Change], at: datetime) -> None:
        original(self, changes, at)
        monkeypatch.setattr(Store, "record", original)
        run_elsewhere(office, second)

    monkeypatch.setattr(Store, "record", overtaken)
    first.run()
    check_left_alone(office, first, snapshot(office.folder / "new"))


@forks
@pytest.mark.parametrize("earlier", [False, True])
def test_our_own_is_taken_over_and_so_is_that_of_an_earlier_version(
    office: Office, earlier: bool
) -> None:
    office.add()
    first = begin(office, "first")
    killed(first, 2, "before")
    after = snapshot(office.folder / "new")
    assert after
    if earlier:
        forget_fingerprints(office.folder / "first" / STORE_NAME)
    first.resume()
    assert [row["group"] for row in first.report().rows] == ["waiting"]
    assert snapshot(office.folder / "new") == after
    keyed = [row for row in first.history(1) if row["step"] == "keyed"]
    assert keyed[-1]["detail"]["adopted"] is True
    begins = keyed[-1]["detail"]["public_key"][:16]
    assert earlier or keyed[0]["detail"]["fingerprint"] == begins


def forget_fingerprints(store: Path) -> None:
    """Make the journal one of a version that did not note them."""
    with closing(sqlite3.connect(store)) as database, database:
        begun = "SELECT id, detail FROM journal WHERE step = 'keyed'"
        for number, text in database.execute(begun).fetchall():
            detail = json.loads(text)
            assert len(detail.pop("fingerprint")) == 16
            database.execute(
                "UPDATE journal SET detail = ? WHERE id = ?",
                (json.dumps(detail), number),
            )
