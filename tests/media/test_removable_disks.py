"""Everything that is written, on a real disk that cannot tell A from a."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import disks
import pytest
import samples

from gostkey.containers import (
    Container,
    TransferKey,
    container_of,
    with_certificate,
    with_password,
)
from gostkey.errors import MediumError
from gostkey.media import (
    FolderStore,
    collect,
    copy_container,
    pack,
    restore,
    rewrite_container,
    unpack,
)

ONE = samples.container("sample-0001")
TWO = samples.container("SAMPLE-0001", with_certificate=False)

NAMES = [
    "Иванов Иван Иванович",
    "и" * 260,
    "../../evil",
    "..",
    "/etc/passwd",
    "C:\\Windows\\evil",
    "con",
    "NUL.txt",
    'a:b*c?"<>|',
    "ends with dot. ",
    " ",
]
"""Names of containers that a folder cannot have, or should not."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with disks.mounted(tmp_path) as root:
        yield root


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return ONE.write(tmp_path / "source" / "sample-0.000")


def test_the_disk_cannot_tell_capitals(disk: Path) -> None:
    (disk / "Header.KEY").write_bytes(b"x")
    assert (disk / "header.key").read_bytes() == b"x"
    assert os.listdir(disk) == ["Header.KEY"]
    with pytest.raises(OSError):
        os.symlink("Header.KEY", disk / "link")


def test_a_container_is_written_replaced_and_given_another_password(
    disk: Path, source: Path
) -> None:
    store = FolderStore(disk)
    place = store.write("sample-0001", TWO.files)
    assert samples.read(place) == TWO.files
    changed = with_certificate(TWO.files, samples.certificate_of(TWO.key))
    store.replace_header(place, changed["header.key"])
    assert samples.read(place) == changed
    locked = with_password(changed, None, "secret")
    rewrite_container(place, changed, locked)
    assert samples.read(place) == locked
    with Container.parse(samples.read(place)).open("secret") as opened:
        assert opened.keys["primary"] == TWO.key
    assert os.listdir(disk) == [place.name]


def test_capitals_of_dos_are_one_container(disk: Path) -> None:
    folder = disk / "SAMPLE-0.000"
    folder.mkdir()
    for name, data in ONE.files.items():
        (folder / name.upper()).write_bytes(data)
    store = FolderStore(disk)
    (place,) = store.find()
    assert store.read(place) == store.read_own(place) == ONE.files
    # The same folder under another name is not written over.
    with pytest.raises(MediumError, match="exists already"):
        store.write("sample-0001", ONE.files, disk / "sample-0.000")
    assert store.write("sample-0001", ONE.files).name == "sample-0.001"
    header = with_password(ONE.files, None, "secret")["header.key"]
    store.replace_header(place, header)
    assert store.read(place) == ONE.files | {"header.key": header}
    assert len(os.listdir(folder)) == 6


def test_names_of_the_same_beginning_are_numbered(disk: Path, source: Path) -> None:
    other = TWO.write(source.parent / "other.000")
    places = [
        copy_container(one, disk).place.name for one in (source, other, source, other)
    ]
    assert [name.lower() for name in places] == [
        f"sample-0.{number:03}" for number in range(4)
    ]
    assert len(set(map(str.lower, os.listdir(disk)))) == 4
    for place, sample in zip(places, (ONE, TWO) * 2, strict=True):
        assert samples.read(disk / place) == sample.files


@pytest.mark.parametrize("name", NAMES)
def test_any_name_stays_on_the_disk(
    disk: Path, source: Path, tmp_path: Path, name: str
) -> None:
    before = sorted(tmp_path.iterdir())
    copied = copy_container(source, disk, name=name)
    assert copied.place.parent == disk
    assert Container.parse(samples.read(copied.place)).name == name
    assert [copied.place] == list(disk.iterdir())
    assert sorted(tmp_path.iterdir()) == before


def test_the_name_in_a_file_from_elsewhere_stays_there_too(disk: Path) -> None:
    key = TransferKey(ONE.key, certificate=ONE.certificate, name="../../evil")
    name, files = container_of(key, name=None, password=None)
    place = FolderStore(disk).write(name, files)
    assert place.parent == disk and list(disk.iterdir()) == [place]


def test_an_archive_with_folders_that_differ_in_case(
    disk: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    ONE.write(tree / "a" / "IVANOV.000")
    TWO.write(tree / "A" / "ivanov.000")
    archive = pack(collect(tree, samples.MADE))
    results = restore(unpack(archive), disk)
    assert [one.error for one in results] == [None, None]
    found = {
        Container.parse(samples.read(one.place)).name for one in results if one.place
    }
    assert found == {ONE.name, TWO.name}
    # Once more: they are there.
    assert all(one.was_there for one in restore(unpack(archive), disk))


def test_a_full_disk_leaves_nothing_half(disk: Path, source: Path) -> None:
    ballast = FolderStore(disk).free_space() - 12_000
    (disk / "ballast").write_bytes(bytes(ballast))
    with pytest.raises(MediumError, match="disk is full: free") as caught:
        copy_container(source, disk)
    assert caught.value.errno == errno.ENOSPC
    assert os.listdir(disk) == ["ballast"]


def test_a_write_protected_disk_is_told(disk: Path, source: Path) -> None:
    place = FolderStore(disk).write("sample", ONE.files)
    if not disks.remounted_read_only(disk):
        pytest.skip("this file system cannot be remounted; test_faults.py has tmpfs")
    for attempt in (
        lambda: copy_container(source, disk),
        lambda: FolderStore(disk).replace_header(place, b"new"),
        lambda: rewrite_container(place, ONE.files, TWO.files),
        lambda: FolderStore(disk).remove(place, whole=True),
    ):
        with pytest.raises(MediumError, match="read-only"):
            attempt()
    assert samples.read(place) == ONE.files
