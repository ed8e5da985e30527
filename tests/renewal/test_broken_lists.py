"""A long list with broken rows: the good ones are done, each bad one is told."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest
from sqlalchemy import Integer

from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import Campaign, FolderTransport
from gostkey.renewal.planning.csv_list import read_list
from gostkey.renewal.planning.plan import make_plan
from gostkey.renewal.planning.spooled import SpooledPlan
from gostkey.renewal.report import read_report
from gostkey.renewal.storage.schema import item
from gostkey.renewal.storage.store import STORE_NAME, Store
from gostkey.renewal.trial import make_trial

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=timezone.utc)
HEADER = (
    "container;password_file;new_password_file;exchanges_finished;key_status;"
    "inn;snils;ogrn;medium"
)
BYTES_OF_A_SUBSCRIBER = 64 << 10


def row(container: str, medium: Path, **values: str) -> bytes:
    names = HEADER.split(";")
    cells = {"container": container, "exchanges_finished": "да", "medium": str(medium)}
    cells.update(values)
    return ";".join(cells.get(name, "") for name in names).encode()


Break = Callable[[str, Path], bytes]

# What is wrong with a row, how to write it, and what its error says.
BROKEN_ROWS: dict[str, tuple[Break, str]] = {
    "encoding": (
        lambda c, m: row(c, m) + "ООО Ромашка".encode("cp1251"),
        "of the line is not UTF-8",
    ),
    "zero bytes": (lambda c, m: row(c, m) + b"\x00", "zero bytes"),
    "open quotes": (lambda c, m: b'"' + row(c, m), "quotation marks"),
    "lone quotes": (
        lambda c, m: b'"' + c.encode() + b'"x;;;;;;;;',
        "quotation marks",
    ),
    "a field too many": (lambda c, m: row(c, m) + b";", "10 fields"),
    "a field too few": (lambda c, m: c.encode() + b";;", "3 fields"),
    "no container": (lambda c, m: row("", m), "container is not named"),
    "INN": (lambda c, m: row(c, m, inn="500100732250"), "INN 500100732250: the check"),
    "short INN": (lambda c, m: row(c, m, inn="50010073"), "must be 12 or 10 digits"),
    "SNILS": (lambda c, m: row(c, m, snils="112-233-445 96"), "SNILS 11223344596"),
    "OGRN": (lambda c, m: row(c, m, ogrn="1027700132196"), "OGRN 1027700132196"),
    "yes or no": (
        lambda c, m: row(c, m, exchanges_finished="perhaps"),
        "exchanges_finished is 'perhaps'",
    ),
    "status": (lambda c, m: row(c, m, key_status="stolen"), "key_status is 'stolen'"),
    "control character": (
        lambda c, m: row(c + "\x07", m),
        "unprintable characters",
    ),
}
# Rows that can be read, and whose keys cannot be renewed; the item's reason.
BROKEN_ITEMS: dict[str, tuple[Break, str]] = {
    "absent folder": (lambda c, m: row(c + "-absent", m), "not-a-container"),
    "a name too long": (lambda c, m: row(c + "a" * 256, m), "not-a-container"),
    "a path too long": (lambda c, m: row("a/" * 2500 + c, m), "not-a-container"),
    "links in a circle": (lambda c, m: row("../circle/" + c, m), "not-a-container"),
    "a medium's name too long": (lambda c, m: row(c, m / ("a" * 256)), "medium"),
    "a password file's name too long": (
        lambda c, m: row(c, m, password_file="a" * 256),
        "password-file",
    ),
    "absent password file": (
        lambda c, m: row(c, m, password_file="absent.txt"),
        "password-file",
    ),
    "compromised": (
        lambda c, m: row(c, m, key_status="compromised"),
        "key-compromised",
    ),
    "not confirmed": (
        lambda c, m: row(c, m, exchanges_finished=""),
        "exchanges-not-confirmed",
    ),
}


def check(folder: Path, rows: int, one_in: int) -> None:
    """Make a list in which one row in *one_in* is broken, and renew what is good."""
    trial = make_trial(folder / "trial", rows, at=NOW, passwords=0)
    trusted = folder / "trusted"
    trusted.mkdir()
    with CertificateAuthority.open(trial.authority) as authority:
        (trusted / "ca.cer").write_bytes(authority.certificate.der)
    medium = folder / "new"
    medium.mkdir()
    (folder / "circle").symlink_to(folder / "circle")
    containers = [
        line.partition(";")[0]
        for line in trial.list.read_text("utf-8-sig").splitlines()[1:]
    ]
    kinds = [*BROKEN_ROWS, *BROKEN_ITEMS, "again", "contradicted"]
    lines = [HEADER.encode()]
    in_errors: dict[int, str] = {}
    in_items: dict[int, str] = {}
    good = 0
    for number, container in enumerate(containers):
        if number % one_in:
            lines.append(row(container, medium))
            good += 1
            continue
        kind = kinds[number // one_in % len(kinds)]
        if kind in BROKEN_ROWS:
            make, text = BROKEN_ROWS[kind]
            lines.append(make(container, medium))
            in_errors[len(lines)] = text
        elif kind in BROKEN_ITEMS:
            make, text = BROKEN_ITEMS[kind]
            lines.append(make(container, medium))
            in_items[len(lines)] = text
        elif kind == "again":
            lines += [row(container, medium)] * 2
            in_errors[len(lines)] = f"on line {len(lines) - 1} already"
            good += 1
        else:
            lines += [row(container, medium), row(container, medium, key_status="lost")]
            in_errors[len(lines) - 1] = in_errors[len(lines)] = "with other statements"
    path = trial.list.with_name("broken.csv")
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines) + b"\r\n")
    transport = FolderTransport(folder / "out", folder / "in", trusted)
    listing = read_list(path)
    assert {one.line for one in listing.errors} == set(in_errors)
    for error in listing.errors:
        assert in_errors[error.line] in error.text and error.cure
    with (
        SpooledPlan.of(listing, NOW, workers=2) as plan,
        Campaign.begin(
            folder / "campaign", plan, transport, clock=lambda: NOW
        ) as campaign,
    ):
        later = ("password-file", "medium")
        assert plan.keys == good + sum(one in later for one in in_items.values())
        assert campaign.make_requests(workers=2) == {"requested": good}
    report = read_report(folder / "campaign", NOW)
    told = {}
    done = 0
    for one in report.rows:
        if one["reason"] is None:
            done += 1
            continue
        line = int(one["source"].removeprefix("line ").partition(" ")[0])
        told[line] = one["reason"]
    assert told == in_items
    assert done == good == len(list(medium.iterdir()))
    assert {one.line for one in report.row_errors} == set(in_errors)


def test_each_broken_row_is_told_and_all_others_are_done(tmp_path: Path) -> None:
    assert len(BROKEN_ROWS) + len(BROKEN_ITEMS) + 2 == 25
    check(tmp_path, 500, 10)


@pytest.mark.slow
def test_one_in_a_hundred_of_a_hundred_thousand(tmp_path: Path) -> None:
    rows = 100_000
    if shutil.disk_usage(tmp_path).free < rows * BYTES_OF_A_SUBSCRIBER * 3 // 2:
        pytest.skip("10 GB of free disk would make it run")
    check(tmp_path, rows, 100)


def test_a_plan_on_the_disk_is_the_plan(tmp_path: Path) -> None:
    trial = make_trial(tmp_path / "trial", 20, at=NOW, passwords=2)
    with trial.list.open("a", encoding="utf-8") as file:
        file.write("\nnowhere.000;;;no\n")
    listing = read_list(trial.list)
    plan = make_plan(listing, NOW)
    transport = FolderTransport(tmp_path / "out", tmp_path / "in", tmp_path)
    found = []
    with SpooledPlan.of(listing, NOW) as spooled:
        assert list(spooled.rows()) == list(spooled.rows())
        assert spooled.keys == len(plan.planned) == 20
        assert spooled.losing_password == 0
        for name, one in ("spooled", spooled), ("whole", plan):
            with Campaign.begin(
                tmp_path / name, one, transport, clock=lambda: NOW
            ) as campaign:
                lines = [{**one, "id": None, "at": None} for one in campaign.history()]
            with Store.open(tmp_path / name) as store:
                found.append((store.items(), lines))
    items, lines = found[0]
    assert items == found[1][0]
    assert sorted(lines, key=lambda one: int(one["item_id"])) == found[1][1]
    assert [one.id for one in items] == list(range(1, 22))
    assert [one.new_name for one in items] == [one.new_name for one in plan.items]
    assert items[-1].reason == "not-a-container"


def test_a_plan_on_the_disk_gives_a_store_in_the_order_of_the_work(
    tmp_path: Path,
) -> None:
    trial = make_trial(tmp_path / "trial", 60, at=NOW, passwords=2)
    transport = FolderTransport(tmp_path / "out", tmp_path / "in", tmp_path)
    with (
        SpooledPlan.of(read_list(trial.list), NOW) as plan,
        Campaign.begin(
            tmp_path / "campaign", plan, transport, clock=lambda: NOW
        ) as campaign,
    ):
        done = [one["item_id"] for one in campaign.history()]
    with Store.open(tmp_path / "campaign") as store:
        in_order = store.open_ids()
        file = tmp_path / "campaign" / STORE_NAME
    with closing(sqlite3.connect(file)) as connection:
        kept = [
            one for (one,) in connection.execute("select id from item order by rowid")
        ]
    assert kept == done == in_order
    assert sorted(kept) == list(range(1, 61)) != kept


def test_a_store_of_the_former_shape_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, a file's rows were in the order of their numbers."""
    trial = make_trial(tmp_path / "trial", 60, at=NOW, passwords=2)
    listing = read_list(trial.list)
    transport = FolderTransport(tmp_path / "out", tmp_path / "in", tmp_path)
    folder = tmp_path / "campaign"
    with monkeypatch.context() as before, SpooledPlan.of(listing, NOW) as plan:
        before.setattr(item.c.id, "type", Integer())
        Campaign.begin(folder, plan, transport, clock=lambda: NOW).close()
    with closing(sqlite3.connect(folder / STORE_NAME)) as connection:
        rows = connection.execute("select rowid, id from item order by rowid")
        assert [*rows] == [(one, one) for one in range(1, 61)]
    with Campaign.open(folder, transport=transport, clock=lambda: NOW) as campaign:
        assert campaign.make_requests(workers=2) == {"requested": 60}
    assert len(list((trial.folder / "containers").iterdir())) == 2 * 60
