"""Backups: what goes in comes out, and restoring overwrites nothing."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
import samples
from crashes import every_step, forks
from oracles import container_reader
from real_containers import PASSWORDS, read_real

from gostkey.containers import Container
from gostkey.errors import (
    ContainerError,
    MediumError,
    PasswordRequired,
    WrongPassword,
)
from gostkey.media import (
    FolderStore,
    collect,
    durable,
    is_encrypted,
    pack,
    read_archive,
    restore,
    unpack,
    write_archive,
)

MADE = datetime(2026, 11, 26, 23, 15, 7, tzinfo=timezone.utc)
ONE = samples.container("one")
TWO = samples.container("two", password="secret")


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    root = tmp_path / "medium"
    ONE.write(root / "one.000")
    TWO.write(root / "Отдел кадров" / "two.000")
    return root


@pytest.fixture
def spare(tmp_path: Path) -> Path:
    (tmp_path / "spare").mkdir()
    return tmp_path / "spare"


# -- there and back ----------------------------------------------------------


@pytest.mark.parametrize("password", [None, "пароль архива"])
def test_what_was_backed_up_comes_back(
    medium: Path, spare: Path, password: str | None
) -> None:
    before = contents(medium)
    data = pack(collect(medium, MADE), password)
    assert is_encrypted(data) == (password is not None)
    backup = unpack(data, password)
    assert (backup.made, backup.medium) == (MADE, str(medium))
    assert not backup.missing
    assert [(one.folder, one.name, one.damage) for one in backup.containers] == [
        ("one.000", "one", ""),
        ("Отдел кадров/two.000", "two", ""),
    ]
    results = restore(backup, spare)
    assert [one.place for one in results] == [
        spare / "one.000",
        spare / "Отдел кадров" / "two.000",
    ]
    assert contents(spare) == before == contents(medium)


def test_real_containers_come_back(fixtures: Path, spare: Path) -> None:
    backup = unpack(pack(collect(fixtures / "containers", MADE)))
    assert {one.folder for one in backup.containers} == set(PASSWORDS)
    assert not any(one.damage for one in backup.containers)
    for one in restore(backup, spare):
        real = read_real(fixtures, one.stored.folder)
        assert one.place is not None
        with Container.parse(samples.read(one.place)).open(real.password) as opened:
            for slot, (private, _) in real.expected.items():
                assert opened.keys[slot].to_bytes() == private


def test_another_program_unpacks_it_and_finds_the_hashes_right(medium: Path) -> None:
    data = pack(collect(medium, MADE))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["made"] == "2026-11-26T23:15:07Z"
        for one in manifest["containers"]:
            for name, facts in one["files"].items():
                entry = archive.getinfo(f"{one['folder']}/{name}")
                content = archive.read(entry)
                assert stat.filemode(entry.external_attr >> 16) == "-rw-------"
                assert facts["size"] == len(content)
                expected = container_reader.hash256(content).hex()
                assert facts["streebog256"] == expected


def test_an_encrypted_archive_shows_nothing(medium: Path) -> None:
    data = pack(collect(medium, MADE), "secret")
    for shown in (b"one.000", b"manifest", ONE.files["masks.key"], b"PK\3\4"):
        assert shown not in data
    # PBES2, PBKDF2 and Kuznyechik in CTR-ACPKM with OMAC (RFC 9337 7.3).
    for oid in ("2a864886f70d01050d", "2a864886f70d01050c", "2a85030701010502 02"):
        assert bytes.fromhex(oid) in data[:200]
    with pytest.raises(PasswordRequired):
        unpack(data)
    with pytest.raises(WrongPassword):
        unpack(data, "Secret")
    with pytest.raises(WrongPassword):
        unpack(data[:-1] + bytes([data[-1] ^ 1]), "secret")


# -- making ------------------------------------------------------------------


def test_a_damaged_container_is_kept_as_it_is(medium: Path, spare: Path) -> None:
    (medium / "one.000" / "header.key").write_bytes(b"\x30\x00")
    (medium / "Отдел кадров" / "two.000" / "masks.key").unlink()
    before = contents(medium)
    backup = unpack(pack(collect(medium, MADE)))
    assert ["header.key" in one.damage for one in backup.containers] == [True, False]
    assert "masks.key" in backup.containers[1].damage
    restore(backup, spare)
    assert contents(spare) == before


def test_what_cannot_be_read_is_told_and_the_rest_goes_in(
    medium: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "shadow"
    secret.write_bytes(b"root:x")
    samples.write(medium / "linked.000", {"header.key": b""})
    (medium / "linked.000" / "name.key").symlink_to(secret)
    elsewhere = samples.container("elsewhere").write(tmp_path / "other" / "e.000")
    (medium / "outside.000").symlink_to(elsewhere)
    (medium / "empty.000").mkdir()
    samples.write(medium / "large.000", {"header.key": bytes(70_000)})
    backup = collect(medium, MADE)
    assert [one.folder for one in backup.containers] == [
        "one.000",
        "Отдел кадров/two.000",
    ]
    assert sorted(Path(folder).name for folder, _ in backup.missing) == [
        "empty.000",
        "large.000",
        "linked.000",
        "outside.000",
    ]
    data = pack(backup)
    assert b"root:x" not in data
    assert unpack(data).missing == backup.missing


def test_folders_that_a_fat_disk_cannot_tell_apart_get_numbers(tmp_path: Path) -> None:
    ONE.write(tmp_path / "m" / "a.000")
    try:
        TWO.write(tmp_path / "m" / "A.000")
    except FileExistsError:
        pytest.skip("needs a disk that tells capitals apart: run it on Linux")
    backup = collect(tmp_path / "m", MADE)
    assert sorted(one.folder for one in backup.containers) == ["A.000", "a.001"]


def test_a_folder_with_a_name_no_other_system_has_gets_another(tmp_path: Path) -> None:
    ONE.write(tmp_path / "m" / "a:b?.000")
    ONE.write(tmp_path / "m" / ".gostkey-old-c.000")
    assert sorted(one.folder for one in collect(tmp_path / "m", MADE).containers) == [
        "c.000",
        "one.000",
    ]


def test_a_container_named_itself_is_backed_up(medium: Path) -> None:
    (stored,) = collect(medium / "one.000", MADE).containers
    assert stored.folder == "one.000"


def test_a_place_without_containers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContainerError, match="nothing to back up"):
        collect(tmp_path, MADE)
    with pytest.raises(MediumError, match="inserted"):
        collect(tmp_path / "usb", MADE)


# -- the archive's file ------------------------------------------------------


def test_an_archive_is_private_and_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    write_archive(file, b"first")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(MediumError, match="never overwritten"):
        write_archive(file, b"second")
    (tmp_path / "c.zip").symlink_to(tmp_path / "nowhere")
    with pytest.raises(MediumError, match="never overwritten"):
        write_archive(tmp_path / "c.zip", b"second")
    assert contents(tmp_path) == {"b.zip": b"first"}


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "free 4 bytes"), (errno.EROFS, "read-only")]
)
def test_a_full_or_read_only_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def write(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(MediumError, match=words):
            write_archive(tmp_path / "b.zip", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_lies_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "flush_and_compare", lambda *_: False)
    with pytest.raises(MediumError, match="failing"):
        write_archive(tmp_path / "b.zip", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_file_larger_than_any_archive_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "b.zip").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(MediumError, match="at most"):
        read_archive(tmp_path / "b.zip")


# -- restoring ---------------------------------------------------------------


def test_restoring_overwrites_nothing(medium: Path, spare: Path) -> None:
    other = samples.container("other")
    other.write(spare / "ONE.000")
    backup = collect(medium, MADE)
    first = restore(backup, spare)
    assert [one.was_there for one in first] == [False, False]
    assert first[0].place == spare / "one.001"
    assert samples.read(spare / "ONE.000") == other.files
    before = contents(spare)
    again = restore(backup, spare)
    assert [one.was_there for one in again] == [True, True]
    assert [one.place for one in again] == [one.place for one in first]
    assert contents(spare) == before


def test_a_link_in_the_destination_is_not_followed(
    medium: Path, spare: Path, tmp_path: Path
) -> None:
    (tmp_path / "etc").mkdir()
    (spare / "Отдел кадров").symlink_to(tmp_path / "etc")
    (spare / "one.000").symlink_to(tmp_path / "etc")
    one, two = restore(collect(medium, MADE), spare)
    assert one.place == spare / "one.001"
    assert two.error is not None and "a link" in str(two.error)
    assert list((tmp_path / "etc").iterdir()) == []


def test_a_destination_must_be_there_and_no_container(
    medium: Path, tmp_path: Path
) -> None:
    backup = collect(medium, MADE)
    with pytest.raises(MediumError, match="inserted"):
        restore(backup, tmp_path / "usb")
    with pytest.raises(MediumError, match="is a container itself"):
        restore(backup, medium / "one.000")
    assert not (tmp_path / "usb").exists()


def test_a_full_disk_stops_some_and_leaves_no_half(
    medium: Path, spare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = durable.write_file

    def write_file(path: str, data: bytes) -> None:
        if "кадров" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        original(path, data)

    monkeypatch.setattr(durable, "write_file", write_file)
    one, two = restore(collect(medium, MADE), spare)
    assert one.place == spare / "one.000" and one.error is None
    assert two.error is not None and "full" in str(two.error)
    assert list((spare / "Отдел кадров").iterdir()) == []


@forks
def test_a_kill_while_restoring_leaves_whole_containers_and_is_resumed(
    medium: Path, tmp_path: Path
) -> None:
    backup = collect(medium, MADE)
    wanted = contents(medium)

    def prepare(step: int) -> Callable[[], object]:
        (tmp_path / str(step)).mkdir()
        return lambda: restore(backup, tmp_path / str(step))

    for step in every_step(prepare):
        store = FolderStore(tmp_path / str(step))
        for place in store.find():
            assert store.read(place) in (ONE.files, TWO.files)
        store.clean_leftovers(0)
        restore(backup, store.root)
        assert contents(store.root) == wanted


@forks
def test_a_kill_while_writing_leaves_the_whole_archive_or_none(
    medium: Path, tmp_path: Path
) -> None:
    data = pack(collect(medium, MADE))

    def prepare(step: int) -> Callable[[], object]:
        (tmp_path / str(step)).mkdir()
        return lambda: write_archive(tmp_path / str(step) / "b.zip", data)

    seen = set()
    for step in every_step(prepare):
        file = tmp_path / str(step) / "b.zip"
        seen.add(file.exists())
        FolderStore(file.parent).clean_leftovers(0)
        assert contents(file.parent) == ({"b.zip": data} if file.exists() else {})
    assert seen == {False, True}
