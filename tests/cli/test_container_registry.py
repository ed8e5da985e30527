"""`gostkey container` takes a Windows registry export wherever it takes a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Office, Run

SID = "S-1-5-21-1-2-3-1001"


@pytest.fixture
def export(run: Run, office: Office, tmp_path: Path) -> Path:
    file = tmp_path / "keys.reg"
    ran = run("container", "copy", office.container(2), file, "--sid", SID)
    assert ran.code == 0, ran.stderr
    return file


def test_list_and_show_tell_of_an_export_what_they_tell_of_the_folder(
    run: Run, office: Office, export: Path
) -> None:
    folder = run("container", "show", "--json", office.container(2)).record
    name = folder["name"]
    for command in ("list", "show"):
        record = run("container", command, "--json", export).record
        assert record == {**folder, "item": str(export / name)}
        words = run("container", command, export).stdout
        assert str(export / name) in words
    record = run("container", "show", "--json", export / name).record
    assert record["item"] == str(export / name)


def test_check_opens_the_keys_in_an_export(
    run: Run, office: Office, export: Path, tmp_path: Path
) -> None:
    record = run("container", "check", "--json", export).record
    states = {one["code"]: one["state"] for one in record["findings"]}
    assert states["pair"] == states["reserve"] == "good"
    locked = tmp_path / "locked.reg"
    run("container", "copy", office.container(0), locked, "--sid", SID)
    password = ("--password-file", office.password_file(0))
    assert run("container", "check", locked, *password).code == 0
    password = ("--password-file", office.password_file(1))
    ran = run("container", "check", "--json", locked, *password)
    assert (ran.code, ran.error["code"]) == (4, "wrong_password")


def test_a_copy_from_an_export_has_the_same_key(
    run: Run, office: Office, export: Path, tmp_path: Path
) -> None:
    (tmp_path / "spare").mkdir()
    before = export.read_bytes()
    record = run("container", "copy", "--json", export, tmp_path / "spare").record
    assert record["compared"] == "keys"
    for name in ("primary.key", "name.key", "header.key"):
        original = (office.container(2) / name).read_bytes()
        assert (Path(record["copy"]) / name).read_bytes() == original
    keys = [
        run("key", "inspect", "--json", place).record["key_id"]
        for place in (export, office.container(2))
    ]
    assert keys[0] == keys[1]
    assert export.read_bytes() == before


def test_copy_overwrites_an_export_only_with_force(
    run: Run, office: Office, export: Path
) -> None:
    before = export.read_bytes()
    copy = ("container", "copy", "--json", office.container(3), export, "--sid", SID)
    ran = run(*copy)
    assert ran.code == 4 and "--force" in ran.error["message"]
    assert export.read_bytes() == before
    assert run(*copy, "--force").code == 0
    (record,) = run("container", "list", "--json", export).records
    assert (
        record["name"]
        == run("container", "show", "--json", office.container(3)).record["name"]
    )


def test_the_key_of_another_windows(run: Run, office: Office, tmp_path: Path) -> None:
    copy = ("container", "copy", office.container(2))
    assert run(*copy, tmp_path / "64.reg", "--sid", SID).code == 0
    old = run(*copy, tmp_path / "32.reg", "--sid", SID, "--windows", "32")
    assert old.code == 0
    texts = [(tmp_path / f"{n}.reg").read_bytes().decode("utf-16") for n in (64, 32)]
    assert [r"\SOFTWARE\Wow6432Node\Crypto Pro" in text for text in texts] == [
        True,
        False,
    ]
    assert texts[0].replace("Wow6432Node\\", "") == texts[1]


def test_options_for_exports_are_refused_where_there_is_none(
    run: Run, office: Office, tmp_path: Path
) -> None:
    copy = ("container", "copy", office.container(2))
    ran = run(*copy, tmp_path / "a.reg")
    assert ran.code == 1 and "--sid" in ran.stderr
    ran = run(*copy, tmp_path, "--force")
    assert ran.code == 1 and "--force" in ran.stderr
    ran = run(*copy, tmp_path / "a.reg", "--sid", "ivanov")
    assert ran.code == 4 and "whoami" in ran.stderr
    assert not (tmp_path / "a.reg").exists()


def test_broken_hex_is_told_and_the_others_go_on(
    run: Run, office: Office, export: Path
) -> None:
    text = export.read_bytes().decode("utf-16")
    export.write_text(text.replace('"masks.key"=hex:', '"masks.key"=hex:q'))
    ran = run("container", "list", "--json", export, office.container(3))
    assert ran.code == 2
    bad, good = ran.records
    assert (bad["status"], good["status"]) == ("failed", "done")
    assert bad["error"]["code"] == "container_damaged"
    for word in (str(export), SID, "value masks.key", "byte 1"):
        assert word in bad["error"]["message"]


def test_what_is_no_export_or_is_not_in_it(
    run: Run, export: Path, tmp_path: Path
) -> None:
    (tmp_path / "letter.reg").write_text("Dear colleagues")
    (tmp_path / "empty.reg").write_text("REGEDIT4\n")
    for command in ("list", "show", "check"):
        ran = run("container", command, "--json", tmp_path / "letter.reg")
        assert (ran.code, ran.error["code"]) == (4, "medium_error")
        assert "not a registry export" in ran.error["message"]
    assert run("container", "list", tmp_path / "empty.reg").code == 0
    ran = run("container", "show", tmp_path / "empty.reg", export / "nobody")
    assert ran.code == 3
    assert "no key containers in it" in ran.stderr
    assert "no such container" in ran.stderr


def test_what_changes_a_container_in_place_refuses_an_export(
    run: Run, export: Path
) -> None:
    before = export.read_bytes()
    ran = run("container", "password", export, "--no-new-password")
    assert ran.code == 4
    assert "copy" in ran.stderr and "folder" in ran.stderr
    assert export.read_bytes() == before
