"""The drive: is it there, can it be read, is there room, and what is on it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import floppies
import pytest
import samples

from gostkey.doctor import Doctor, Severity, Surroundings
from gostkey.media import FolderStore

from .conftest import Look


def test_a_sound_drive_has_nothing_but_right_findings(look: Look, box: Path) -> None:
    assert look(box) == {}
    assert look(box.parent) == {}


def test_the_order_is_that_in_which_an_office_would_look(
    box: Path, around: Surroundings
) -> None:
    (one,) = Doctor(at=samples.MADE, around=around).examine(box)
    assert [finding.check for finding in one.findings] == (
        "drive space folder files header-mac password pair reserve certificate "
        "certificate-dates key-dates chain renewal"
    ).split()


def test_a_drive_that_is_not_plugged_in(look: Look, drive: Path) -> None:
    told = look(drive.parent / "gone")
    assert list(told) == ["drive-absent"]
    assert told["drive-absent"].severity is Severity.ERROR


def test_a_file_in_place_of_a_folder(look: Look, box: Path) -> None:
    told = look(box / "header.key")
    assert list(told) == ["drive-is-file"]


def plug_in(
    around: Surroundings, name: str, size: str = "2048", usb: bool = True
) -> None:
    """Make a block device as /sys shows it, with one partition."""
    real = around.sys / "devices" / ("usb2" if usb else "pci0") / "block" / name
    (real / f"{name}1").mkdir(parents=True)
    (real / f"{name}1" / "partition").write_text("1\n")
    (real / "removable").write_text("0\n")
    (real / "size").write_text(f"{size}\n")
    (around.sys / "block" / name).symlink_to(real)


def test_a_disk_that_is_plugged_in_and_not_mounted(
    look: Look, drive: Path, around: Surroundings
) -> None:
    plug_in(around, "sda", usb=False)
    plug_in(around, "sdb")  # mounted as the drive
    plug_in(around, "sdc")
    plug_in(around, "sdd", size="0")  # a card reader without a card
    plug_in(around, "sr0")
    told = look(drive.parent / "gone")
    assert list(told) == ["drive-not-mounted"]
    assert "(/dev/sdc1)" in told["drive-not-mounted"].cause


def test_a_machine_without_sysfs_knows_of_no_disks(tmp_path: Path) -> None:
    assert Surroundings(sys=tmp_path / "absent").unmounted_disks() == []


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.EACCES, "drive-denied"),
        (errno.EIO, "drive-failing"),
        (errno.ENODEV, "drive-failing"),
        (errno.ENAMETOOLONG, "drive-unreadable"),
    ],
)
def test_a_drive_that_does_not_let_itself_be_read(
    look: Look,
    drive: Path,
    box: Path,
    number: int,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listdir = os.listdir

    def refuse(path: Path) -> list[str]:
        if Path(path) in (drive, box):
            raise OSError(number, os.strerror(number), str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert list(look(drive)) == [fault]
    assert list(look(box)) == [fault]


def test_a_file_that_cannot_be_read_stops_only_its_container(
    look: Look, drive: Path, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples.container("petrov").write(drive / "petrov.000")
    read = FolderStore.read

    def fail(self: FolderStore, place: Path) -> dict[str, bytes]:
        if place == box:
            raise OSError(errno.EIO, "Input/output error", str(place / "masks.key"))
        return read(self, place)

    monkeypatch.setattr(FolderStore, "read", fail)
    assert list(look(drive)) == ["drive-failing"]


def test_a_folder_inside_that_cannot_be_looked_into(
    look: Look, drive: Path, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = drive / "locked"
    locked.mkdir()
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path) == locked:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    told = look(drive)
    assert list(told) == ["drive-denied"] and str(locked) in told["drive-denied"].text


def test_a_drive_without_containers(look: Look, drive: Path) -> None:
    (drive / "letter.txt").write_text("Dear colleagues")
    assert list(look(drive)) == ["drive-empty"]


def test_containers_packed_in_an_archive(look: Look, drive: Path) -> None:
    (drive / "keys").mkdir()
    (drive / "keys" / "Ключи.ZIP").write_bytes(b"PK")
    told = look(drive)
    assert list(told) == ["drive-empty", "drive-archive"]
    assert "Ключи.ZIP" in told["drive-archive"].text


def test_containers_that_lie_deeper_than_anything_looks(
    look: Look, drive: Path, box: Path
) -> None:
    deep = drive.joinpath(*"abcdefg")
    deep.mkdir(parents=True)
    box.rename(deep / box.name)
    told = look(drive)
    assert list(told) == ["folder-too-deep"]
    assert "a/b/c/d/e/f/g/ivanov-2.000" in told["folder-too-deep"].text


def test_a_full_drive(look: Look, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FolderStore, "free_space", lambda self: 4096)
    told = look(box)
    assert list(told) == ["drive-full"]
    block = os.statvfs(box).f_frsize
    assert f"needs {8 * block // 1000} kB" in told["drive-full"].cause
    assert "4096 bytes are free" in told["drive-full"].text


def test_a_drive_that_is_read_only(
    look: Look, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    told = look(box)
    assert list(told) == ["drive-read-only"]
    assert told["drive-read-only"].severity is Severity.NOTE


def test_a_registry_export(look: Look, drive: Path, box: Path) -> None:
    from gostkey.containers import Container
    from gostkey.media import RegistryFile

    files = samples.read(box)
    export = drive / "keys.reg"
    sid = "S-1-5-21-1-2-3-1001"
    RegistryFile(export, sid=sid).write(Container.parse(files).name, files)
    assert look(export) == {}
    assert list(look(export / "another")) == ["drive-empty"]
    export.write_bytes(b"no export at all")
    assert list(look(export)) == ["export-unreadable"]
    assert list(look(drive / "absent.reg")) == ["drive-absent"]
    export.write_text("Windows Registry Editor Version 5.00\n", encoding="utf-16")
    assert list(look(export)) == ["drive-empty"]


def test_a_floppy_image(look: Look, drive: Path, tmp_path: Path) -> None:
    image = floppies.make(drive / "old.img")
    assert list(look(image)) == ["drive-empty"]
    floppies.put(image, "IVANOV.000", samples.container("ivanov").files, tmp_path)
    assert look(image) == {}
    data = bytearray(image.read_bytes())
    place = data.index(b"IVANOV  000")
    data[place + 26 : place + 28] = b"\xf0\x0a"  # a free cluster
    image.write_bytes(data)
    assert list(look(image)) == ["image-unreadable"]
    image.write_bytes(b"no image at all")
    assert list(look(image)) == ["image-unreadable"]
