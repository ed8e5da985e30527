"""`gostkey container` takes a Windows registry export wherever it takes a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import samples

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


# -- what writes exports -----------------------------------------------------


@pytest.fixture
def exports(run: Run, office: Office, tmp_path: Path) -> Path:
    """An export with three containers, of the office's folders."""
    archive = tmp_path / "office.zip"
    assert run("container", "backup", office.tree, "--out", archive).code == 0
    file = tmp_path / "office.reg"
    ran = run("container", "backup", "restore", archive, file, "--sid", SID)
    assert ran.code == 0, ran.stderr
    return file


def names(run: Run, place: Path) -> dict[str, str]:
    """Container name to place."""
    records = run("container", "list", "--json", place).records
    return {one["name"]: one["item"] for one in records}


def test_an_archive_goes_into_an_export_and_back(
    run: Run, office: Office, exports: Path, tmp_path: Path
) -> None:
    folders = names(run, office.tree)
    assert names(run, exports).keys() == folders.keys()
    archive = tmp_path / "again.zip"
    assert run("container", "backup", exports, "--out", archive).code == 0
    record = run("container", "backup", "verify", "--json", archive).record
    assert sorted(one["name"] for one in record["folders"]) == sorted(folders)
    (tmp_path / "back").mkdir()
    assert run("container", "backup", "restore", archive, tmp_path / "back").code == 0
    back = names(run, tmp_path / "back")
    for name, folder in folders.items():
        assert samples.read(Path(back[name])) == samples.read(Path(folder))
        assert Path(back[name]).name.endswith(".000")


def test_restoring_overwrites_an_export_only_with_force(
    run: Run, exports: Path, tmp_path: Path
) -> None:
    before = exports.read_bytes()
    restore = ("container", "backup", "restore", tmp_path / "office.zip", exports)
    ran = run(*restore)
    assert ran.code == 1 and "--sid" in ran.stderr
    ran = run(*restore, "--sid", SID)
    assert ran.code == 4 and "--force" in ran.stderr
    assert exports.read_bytes() == before
    assert run(*restore, "--sid", SID, "--windows", "32", "--force").code == 0
    assert b"W\0o\0w\0" not in exports.read_bytes()


def test_two_of_one_name_do_not_go_into_one_export(
    run: Run, office: Office, tmp_path: Path
) -> None:
    (tmp_path / "both").mkdir()
    for _ in range(2):
        run("container", "copy", office.container(2), tmp_path / "both")
    archive = tmp_path / "both.zip"
    run("container", "backup", tmp_path / "both", "--out", archive)
    ran = run(
        *("container", "backup", "restore", "--json", archive, tmp_path / "both.reg"),
        *("--sid", SID),
    )
    assert ran.code == 2
    good, bad = sorted(ran.records, key=lambda one: one["status"])
    assert (good["status"], bad["status"]) == ("done", "failed")
    assert "another one of that name" in bad["error"]["message"]
    assert len(names(run, tmp_path / "both.reg")) == 1


def test_a_damaged_container_of_an_export_is_backed_up_as_it_is(
    run: Run, export: Path, tmp_path: Path
) -> None:
    text = export.read_bytes().decode("utf-16")
    export.write_text(text.replace('"masks.key"=hex:', '"masks.key"=hex:q'))
    archive = tmp_path / "keys.zip"
    ran = run("container", "backup", export, "--out", archive)
    assert ran.code == 0 and "value masks.key" in ran.stderr
    (tmp_path / "back").mkdir()
    ran = run("container", "backup", "restore", archive, tmp_path / "back")
    assert ran.code == 0
    (folder,) = (tmp_path / "back").iterdir()
    assert len(list(folder.iterdir())) == 5


@pytest.fixture
def bare(run: Run, office: Office, tmp_path: Path) -> tuple[Path, Path]:
    """An export of a container without its certificate, and the certificate."""
    sample = samples.container("Петров", with_certificate=False)
    sample.write(tmp_path / "bare.000")
    file = tmp_path / "bare.reg"
    run("container", "copy", tmp_path / "bare.000", file, "--sid", SID)
    certificate = tmp_path / "petrov.cer"
    certificate.write_bytes(samples.certificate_of(sample.key))
    return file, certificate


def test_install_writes_an_export_beside(
    run: Run, bare: tuple[Path, Path], tmp_path: Path
) -> None:
    file, certificate = bare
    before = file.read_bytes()
    out = tmp_path / "with.reg"
    for where in (("--in", file), ("--container", file / "петров")):
        command = ("container", "install", "--json", certificate, *where)
        ran = run(*command)
        assert ran.code == 4 and "--out" in ran.error["message"]
        assert run(*command, "--out", file).code == 4  # is what is read
        assert not out.exists()
        ran = run(*command, "--out", out)
        assert ran.code == 0 and ran.record["changed"], ran.stdout
        assert ran.record["compared"] == "key"
        assert run(*command, "--out", out).code == 4  # is there already
        assert run(*command, "--out", out, "--force").code == 0
        (shown,) = run("container", "show", "--json", out).records
        assert shown["keys"][0]["certificate"]["owner"].startswith("Иванов")
        keys = [one.read_bytes().decode("utf-16").split("\r\n")[2] for one in bare[:1]]
        assert keys[0] in out.read_bytes().decode("utf-16")
        out.unlink()
    assert file.read_bytes() == before


def test_install_takes_out_only_for_exports(
    run: Run, office: Office, bare: tuple[Path, Path], tmp_path: Path
) -> None:
    _, certificate = bare
    folder = tmp_path / "bare.000"
    command = ("container", "install", certificate, "--container", folder)
    ran = run(*command, "--out", tmp_path / "a.reg")
    assert ran.code == 4 and "leave out --out" in ran.stderr
    assert run(*command, "--force").code == 1
    assert run(*command).code == 0


def test_a_key_is_imported_into_an_export(
    run: Run, office: Office, tmp_path: Path
) -> None:
    sample = samples.container()
    key = tmp_path / "key.der"
    key.write_bytes(sample.key.to_pkcs8())
    file = tmp_path / "imported.reg"
    command = ("container", "import", "--json", key, file, "--no-password")
    ran = run(*command, "--name", "ivanov")
    assert ran.code == 1 and "--sid" in ran.error["message"]
    ran = run(*command, "--name", "ivanov", "--sid", SID)
    assert ran.code == 0, ran.stdout
    assert ran.record["container"] == str(file / "ivanov")
    found = run("key", "inspect", "--json", file / "ivanov").record
    assert found["key_id"] == sample.key.verifying_key.fingerprint
    assert run(*command, "--sid", SID).code == 4


def test_a_container_of_an_export_gets_a_password_in_another_export(
    run: Run, office: Office, export: Path, tmp_path: Path
) -> None:
    before = export.read_bytes()
    new = tmp_path / "new.txt"
    new.write_text("Office-2027\n")
    target = tmp_path / "new.reg"
    command = ("container", "password", export, "--new-password-file", new)
    ran = run(*command, "--json")
    assert ran.code == 4 and "--out FILE.reg" in ran.error["message"]
    record = run(*command, "--out", target, "--json").record
    assert record["has_password"] and record["container"].startswith(f"{target}/")
    assert export.read_bytes() == before
    check = ("container", "check", "--json", target)
    assert run(*check, "--password-file", new).code == 0
    assert run(*check, "--no-password").record["findings"]
    # The same registry key: Windows puts it in place of the old one.
    old_lines = export.read_text("utf-16").splitlines()
    new_lines = target.read_text("utf-16").splitlines()
    old_keys = [line for line in old_lines if line.startswith("[")]
    assert [line for line in new_lines if line.startswith("[")] == old_keys
    ran = run(*command, "--out", target)
    assert ran.code == 3 and "--force" in ran.stderr
    assert run(*command, "--out", target, "--force").code == 0
    # And back again: the key is the one that it was.
    bare = tmp_path / "bare.reg"
    back = ("container", "password", target, "--password-file", new)
    assert run(*back, "--no-new-password", "--out", bare).code == 0
    spare = tmp_path / "spare"
    spare.mkdir()
    assert run("container", "copy", bare, spare).code == 0
    (copied,) = spare.iterdir()
    told = run("key", "public", copied).stdout
    assert told == run("key", "public", office.container(2)).stdout


def test_the_new_export_is_not_the_old_one(
    run: Run, office: Office, export: Path, tmp_path: Path
) -> None:
    before = export.read_bytes()
    command = ("container", "password", export, "--no-new-password")
    ran = run(*command, "--out", export, "--force")
    assert ran.code == 4 and "name another file" in ran.stderr
    assert export.read_bytes() == before
    for wrong in ("new.txt", "keys"):
        assert run(*command, "--out", tmp_path / wrong).code == 1
    assert run(*command, "--force").code == 1
    ran = run(
        "container", "password", office.container(2), "--out", tmp_path / "other.reg"
    )
    assert ran.code == 1 and "changed in place" in ran.stderr
