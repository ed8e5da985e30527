"""`gostkey container backup`: make, verify, restore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Office, Run


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def spare(tmp_path: Path) -> Path:
    (tmp_path / "spare").mkdir()
    return tmp_path / "spare"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "backup.txt"
    file.write_text("Archive-Password\n")
    return file


def test_backup_verify_and_restore(
    run: Run, office: Office, spare: Path, tmp_path: Path
) -> None:
    before = contents(office.tree)
    file = tmp_path / "keys.zip"
    ran = run("container", "backup", "--json", office.tree, "--out", file)
    assert ran.code == 0 and ran.record["containers"] == 4
    assert not ran.record["encrypted"]
    # What `gostkey hash` says of the file, to be written down beside it.
    assert ran.record["streebog256"] in run("hash", file).stdout
    ran = run("container", "backup", "verify", "--json", file)
    assert ran.code == 0
    assert [one["folder"] for one in ran.record["folders"]] == [
        f"le{number:06d}.000" for number in range(4)
    ]
    ran = run("container", "backup", "restore", "--json", file, spare)
    assert ran.code == 0
    assert contents(spare) == before == contents(office.tree)
    again = run("container", "backup", "restore", "--json", file, spare)
    assert [one["was_there"] for one in again.records] == [True] * 4


def test_a_folder_gets_an_archive_with_the_date(
    run: Run, office: Office, spare: Path
) -> None:
    moment = "2026-11-26T23:15:07Z"
    ran = run(
        "container", "backup", office.tree, "--out", spare, "--at", moment, "--json"
    )
    assert ran.record["item"] == str(spare / "gostkey-backup-20261126-231507.zip")
    assert ran.record["made"] == moment
    ran = run("container", "backup", office.tree, "--out", spare, "--at", moment)
    assert ran.code == 4 and "never overwritten" in ran.stderr


def test_a_folder_that_is_not_there_becomes_no_file(
    run: Run, office: Office, tmp_path: Path
) -> None:
    target = tmp_path / "backups"
    ran = run("container", "backup", office.tree, "--out", target)
    assert ran.code == 1 and f"{target}.zip" in ran.stderr
    assert not target.exists()


def test_an_encrypted_archive_needs_its_password(
    run: Run, office: Office, spare: Path, secret: Path, tmp_path: Path
) -> None:
    file = tmp_path / "keys.zip.enc"
    ran = run(
        "container",
        "backup",
        office.tree,
        "--out",
        file,
        "--password-file",
        secret,
        "--json",
    )
    assert ran.record["encrypted"] and "Archive-Password" not in ran.stdout
    none = run("container", "backup", "verify", "--json", file)
    assert (none.code, none.error["code"]) == (4, "password_required")
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("wrong")
    ran = run(
        "container",
        "backup",
        "restore",
        file,
        spare,
        "--password-file",
        wrong,
        "--json",
    )
    assert (ran.code, ran.error["code"]) == (4, "wrong_password")
    assert str(file) in ran.error["message"]
    assert list(spare.iterdir()) == []
    ran = run("container", "backup", "restore", file, spare, "--password-file", secret)
    assert ran.code == 0 and contents(spare) == contents(office.tree)


def test_on_a_terminal_the_password_is_asked_for(
    terminal: Callable[..., tuple[int, str]], run: Run, office: Office, tmp_path: Path
) -> None:
    file = tmp_path / "keys.zip.enc"
    code, shown = terminal(
        "container",
        "backup",
        office.tree,
        "--out",
        file,
        "--encrypt",
        answers=[("new password", "open sesame"), ("again", "open sesame")],
    )
    assert code == 0 and "sesame" not in shown
    code, shown = terminal(
        "container", "backup", "verify", file, answers=[("password of", "open sesame")]
    )
    assert code == 0 and "le000003.000" in shown


def test_an_archive_with_a_bad_hash_restores_nothing(
    run: Run, office: Office, spare: Path, tmp_path: Path
) -> None:
    file = tmp_path / "keys.zip"
    run("container", "backup", office.tree, "--out", file)
    data = bytearray(file.read_bytes())
    masks = (office.container(3) / "masks.key").read_bytes()
    data[data.index(masks) + 7] ^= 1
    file.write_bytes(data)
    for words in (("verify", file), ("restore", file, spare)):
        ran = run("container", "backup", words[0], "--json", *words[1:])
        assert (ran.code, ran.error["code"]) == (3, "backup_error")
        assert str(file) in ran.error["message"]
    assert list(spare.iterdir()) == []


def test_damaged_and_unreadable_containers_are_told(
    run: Run, office: Office, tmp_path: Path
) -> None:
    (office.container(1) / "header.key").write_bytes(b"0")
    (office.container(2) / "name.key").unlink()
    (office.container(2) / "name.key").symlink_to(office.container(3) / "name.key")
    file = tmp_path / "keys.zip"
    ran = run("container", "backup", "--json", office.tree, "--out", file)
    assert ran.code == 2
    assert [one["status"] for one in ran.records] == ["failed", "done"]
    assert "name.key: a link" in ran.records[0]["error"]["message"]
    assert ran.records[1]["containers"] == 3
    assert "le000001.000: was damaged" in ran.stderr
    told = run("container", "backup", "verify", file)
    assert told.code == 0
    assert "le000002.000: is not in the archive" in told.stderr


def test_nothing_to_back_up_writes_no_archive(run: Run, spare: Path) -> None:
    ran = run("container", "backup", spare, "--out", spare / "keys.zip")
    assert ran.code == 3 and "nothing to back up" in ran.stderr
    assert list(spare.iterdir()) == []


def test_an_empty_password_is_no_encryption(
    run: Run, office: Office, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    ran = run(
        "container",
        "backup",
        office.tree,
        "--out",
        tmp_path / "keys.zip",
        "--password-file",
        tmp_path / "empty.txt",
    )
    assert ran.code == 3 and "empty" in ran.stderr
    assert not (tmp_path / "keys.zip").exists()
