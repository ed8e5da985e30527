"""`gostkey container` finds, shows and checks; it never changes anything."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from gostkey.cli import container
from gostkey.media import FolderStore

from .conftest import AT, Office, Run, environment


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def flip(file: Path, position: int = -1) -> None:
    data = bytearray(file.read_bytes())
    data[position] ^= 1
    file.write_bytes(data)


def test_list_shows_every_container_without_a_password(
    run: Run, office: Office
) -> None:
    before = contents(office.tree)
    ran = run("container", "list", "--json", office.tree)
    assert (ran.code, ran.stderr) == (0, "")
    assert [one["has_password"] for one in ran.records] == [True, True, False, False]
    first = ran.records[0]
    assert first["item"] == str(office.container(0))
    key = first["keys"][0]
    assert key["curve"] == "tc26-256-b" and key["usage"] == "exchange"
    assert key["certificate"]["owner"] in first["name"]
    table = run("container", "list", office.tree).stdout.splitlines()
    assert len(table) == 5
    assert first["name"] in table[1] and key["certificate"]["owner"] in table[1]
    assert contents(office.tree) == before


def test_list_tells_owner_inn_dates_and_days_left(run: Run, office: Office) -> None:
    key = run("container", "list", "--json", office.tree).records[0]["keys"][0]
    until = date.fromisoformat(key["certificate"]["not_after"][:10])
    at = str(until - timedelta(days=12))
    list_ = ("container", "list", office.container(0), office.tree / "absent")
    ran = run(*list_, "--at", at)
    assert ran.code == 2
    head, row = ran.stdout.splitlines()
    assert (
        head.split()
        == (
            "owner INN valid from valid until days left container key where readable"
        ).split()
    )
    subject = key["certificate"]["subject"]
    assert f"INNLE={key['certificate']['inn']}" in subject
    for word in (key["certificate"]["owner"], key["certificate"]["inn"], f"{until}  "):
        assert f"{word}" in row
    assert re.search(rf"{until} +12  ", row)
    assert str(office.container(0)) in row and row.endswith("yes, with its password")
    record = run("container", "list", "--json", office.container(0), "--at", at).record
    assert record["keys"][0]["days_left"] == 12
    at = str(until + timedelta(days=3))
    record = run("container", "list", "--json", office.container(0), "--at", at).record
    assert record["keys"][0]["days_left"] == -3


def test_list_has_a_row_that_tells_why_one_is_not_readable(
    run: Run, office: Office
) -> None:
    (office.container(1) / "name.key").unlink()
    ran = run("container", "list", office.tree)
    assert ran.code == 2
    (row,) = (line for line in ran.stdout.splitlines() if "name.key" in line)
    assert str(office.container(1)) in row and " no: " in row


def test_list_without_places_looks_in_the_usual_ones(
    run: Run, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "usual_media", lambda: [FolderStore(office.tree)])
    assert len(run("container", "list", "--json").records) == 4
    monkeypatch.setattr(container, "usual_media", lambda: [FolderStore(tmp_path / "a")])
    assert run("container", "list").code == 4
    monkeypatch.setattr(container, "usual_media", list)
    ran = run("container", "list")
    assert ran.code == 0 and "no usual place is there" in ran.stderr


def test_a_folder_without_containers_is_no_failure(run: Run, tmp_path: Path) -> None:
    ran = run("container", "list", tmp_path)
    assert (ran.code, ran.stdout) == (0, "")
    assert "no key containers found" in ran.stderr


def test_a_missing_folder_is_told_with_its_name(run: Run, tmp_path: Path) -> None:
    ran = run("container", "list", "--json", tmp_path / "absent")
    assert ran.code == 4
    assert str(tmp_path / "absent") in ran.error["message"]


def test_a_damaged_container_does_not_hide_the_others(run: Run, office: Office) -> None:
    header = office.container(1) / "header.key"
    header.write_bytes(header.read_bytes()[:40])
    (office.container(2) / "name.key").unlink()
    ran = run("container", "list", "--json", office.tree)
    assert ran.code == 2
    failed = [one for one in ran.records if one["status"] == "failed"]
    assert [one["item"] for one in failed] == [
        str(office.container(1)),
        str(office.container(2)),
    ]
    assert {one["error"]["code"] for one in failed} == {"container_damaged"}
    assert all("backup" in one["error"]["hint"] for one in failed)
    assert sum(one["status"] == "done" for one in ran.records) == 2


def test_show_tells_names_dates_and_certificate(run: Run, office: Office) -> None:
    folder = office.container(0)
    record = run("container", "show", "--json", folder).record
    words = run("container", "show", folder).stdout
    certificate = record["keys"][0]["certificate"]
    for text in (record["name"], certificate["subject"], certificate["issuer"]):
        assert text in words
    assert "INN=" in certificate["subject"]


def test_show_refuses_a_foreign_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleagues")
    ran = run("container", "show", "--json", tmp_path)
    assert (ran.code, ran.error["code"]) == (3, "container_error")
    assert str(tmp_path) in ran.error["message"]


def test_check_opens_a_container_with_its_password(run: Run, office: Office) -> None:
    ran = run(
        "container",
        "check",
        "--json",
        office.container(0),
        "--password-file",
        office.password_file(0),
        "--at",
        AT.isoformat(),
    )
    assert ran.code == 0, ran.stdout + ran.stderr
    states = {one["code"]: one["state"] for one in ran.record["findings"]}
    for code in ("header-mac", "password", "pair", "reserve", "certificate"):
        assert states[code] == "good"


def test_check_without_password_needs_a_person_or_no_password(
    shell: Run, office: Office
) -> None:
    ran = shell("container", "check", "--json", office.container(0))
    assert (ran.code, ran.error["code"]) == (4, "password_required")
    ran = shell("container", "check", "--json", office.container(0), "--no-password")
    assert ran.code == 0
    states = {one["code"]: one["state"] for one in ran.record["findings"]}
    assert states["password"] == "unchecked"


def test_check_tells_a_wrong_password(run: Run, office: Office) -> None:
    ran = run(
        "container",
        "check",
        "--json",
        office.container(0),
        "--password-file",
        office.password_file(1),
    )
    assert ran.code == 4
    assert ran.error["code"] == "wrong_password"


def test_check_finds_a_flipped_bit_and_the_others_go_on(
    run: Run, office: Office
) -> None:
    flip(office.container(2) / "primary.key")
    ran = run("container", "check", "--json", office.container(2), office.container(3))
    assert ran.code == 2
    bad, good = ran.records
    assert (bad["status"], good["status"]) == ("failed", "done")
    assert bad["error"]["code"] == "container_pair"
    assert "primary.key" in bad["error"]["message"]
    words = run("container", "check", office.container(2)).stdout
    assert words.startswith(f"{office.container(2)}: BAD\n")


def test_a_key_is_taken_from_the_reserve_pair_and_it_is_said(
    run: Run, office: Office
) -> None:
    good = run("key", "inspect", "--json", office.container(2)).record
    flip(office.container(2) / "primary.key")
    ran = run("key", "inspect", "--json", office.container(2))
    assert ran.code == 0
    assert ran.record == good
    assert "primary.key" in ran.stderr and "other pair" in ran.stderr


def test_real_containers_are_listed_with_their_owners(run: Run, fixtures: Path) -> None:
    ran = run("container", "list", "--json", fixtures / "containers")
    assert ran.code == 0, ran.stderr
    names = {Path(one["item"]).name: one for one in ran.records}
    assert names["dbfun-cyrillic"]["name"] == "тестовое название контейнера"
    assert len(names["the4ups-two-keys"]["keys"]) == 2
    assert names["selenoid-2001"]["keys"][0]["scheme"] == "2001"
    assert names["pysig-test"]["has_password"] is True
    assert (
        names["pysig-test"]["keys"][0]["certificate"]["sha1"]
        == "f156bacd03e0bba2d66a79ce2a148666a5c78b8d"
    )


def test_a_container_with_two_keys_wants_a_slot(run: Run, fixtures: Path) -> None:
    folder = fixtures / "containers" / "the4ups-two-keys"
    ran = run("key", "inspect", folder)
    assert ran.code == 1 and "--slot" in ran.stderr
    ran = run("key", "inspect", "--json", folder, "--slot", "secondary")
    assert ran.record["public_key"].startswith("7dcc768d2e82fe8b559aff28")


def test_a_list_does_not_wait_for_what_it_does_not_use() -> None:
    """Databases and arrays take longer to load than some containers to list."""
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; import gostkey.cli.container; "
            "print(*{'numpy', 'sqlalchemy', 'rich'} & set(sys.modules))",
        ],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    assert said.stdout.strip() == ""
