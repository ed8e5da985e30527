"""The folder and its files: named right, where CSP looks, whole, and themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import samples

from gostkey.doctor import Doctor, Severity, Surroundings
from gostkey.media.groups import OLD_HEADER

from .conftest import Look


@pytest.mark.parametrize(
    ("folder", "fault"),
    [
        ("ivanov-2", "folder-name"),
        ("ivanov-2.00", "folder-name"),
        ("ivanov-2.000 - copy", "folder-name"),
        ("ivanov-2026.000", "folder-long"),
        ("иванов.000", "folder-characters"),
        ("ivanov 2.000", "folder-characters"),
        ("petrov.000", "folder-other-name"),
    ],
)
def test_a_folder_that_was_renamed(
    look: Look, box: Path, folder: str, fault: str
) -> None:
    renamed = box.rename(box.with_name(folder))
    for place in (renamed, renamed.parent):
        told = look(place)
        assert list(told) == [fault]
        if fault != "folder-other-name":
            assert told[fault].cure == "rename the folder to ivanov-2.000"


def test_a_taken_name_is_not_proposed(look: Look, box: Path) -> None:
    samples.container("ivanov-2026").write(box.with_name("ivanov-2"))
    told = look(box.with_name("ivanov-2"))
    assert told["folder-name"].cure == "rename the folder to ivanov-2.001"


@pytest.mark.parametrize("folder", ["ivanov-2.000", "IVANOV-2.000", "ivanov-2.007"])
def test_a_name_that_is_right(look: Look, box: Path, folder: str) -> None:
    assert look(box.rename(box.with_name(folder))) == {}


def test_key_files_without_their_folder(
    look: Look, drive: Path, around: Surroundings
) -> None:
    sample = samples.container("ivanov-2026")
    for name, data in sample.files.items():
        (drive / name).write_bytes(data)
    told = look(drive)
    assert list(told) == ["folder-missing"]
    assert "the folder ivanov-2.000 in the root" in told["folder-missing"].cure
    (one,) = Doctor(around=around, at=samples.MADE).examine(drive)
    space = next(finding for finding in one.findings if finding.check == "space")
    assert space.subject == str(drive)  # not the disk that it is mounted on


def test_a_container_in_a_folder_inside_a_folder(
    look: Look, drive: Path, box: Path
) -> None:
    (drive / "Ключи").mkdir()
    deeper = box.rename(drive / "Ключи" / box.name)
    for place in (drive, deeper):
        told = look(place)
        assert list(told) == ["folder-too-deep"]
        assert told["folder-too-deep"].severity is Severity.WARNING
        assert str(drive) in told["folder-too-deep"].cure


def test_elsewhere_the_named_place_counts(look: Look, tmp_path: Path) -> None:
    office = tmp_path / "office"
    place = samples.container("abc").write(office / "may" / "abc.000")
    assert list(look(office)) == ["folder-too-deep"]
    assert look(office / "may") == {}
    assert look(place) == {}


def test_two_folders_that_differ_in_capitals(look: Look, box: Path) -> None:
    try:
        samples.container("ivanov-2026").write(box.with_name("IVANOV-2.000"))
    except FileExistsError:
        pytest.skip("this disk does not tell capitals; run it on one that does")
    told = look(box)
    assert list(told) == ["folder-twice"]
    assert told["folder-twice"].cure.endswith("ivanov-2.001")


def test_a_folder_that_is_a_link(look: Look, drive: Path, box: Path) -> None:
    elsewhere = box.rename(drive.parent / "elsewhere")
    box.symlink_to(elsewhere)
    assert "folder-link" in look(box)


def test_a_container_that_was_set_aside(look: Look, drive: Path, box: Path) -> None:
    box.rename(box.with_name(".gostkey-old-" + box.name))
    for place in (box, drive):
        told = look(place)
        assert list(told) == ["folder-set-aside"]
        assert f"container password {box}`" in told["folder-set-aside"].cure


def test_what_a_cut_off_change_has_left(look: Look, box: Path) -> None:
    (box / OLD_HEADER).write_bytes(b"0")
    assert list(look(box)) == ["folder-unfinished"]


# -- files ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["name.key", "header.key"])
def test_a_missing_name_or_header(look: Look, box: Path, name: str) -> None:
    (box / name).unlink()
    told = look(box)
    assert list(told) == ["file-missing"]
    finding = told["file-missing"]
    assert (finding.subject, finding.severity) == (name, Severity.ERROR)


def test_without_its_name_the_rest_is_checked(look: Look, box: Path) -> None:
    (box / "name.key").unlink()
    (box / "masks2.key").write_bytes((box / "masks.key").read_bytes())
    assert list(look(box)) == ["file-missing", "reserve-damaged"]


def test_an_empty_folder_with_the_name_of_a_container(look: Look, drive: Path) -> None:
    (drive / "ivanov-2.000").mkdir()
    for place in (drive, drive / "ivanov-2.000"):
        assert list(look(place)) == ["file-missing"]


@pytest.mark.parametrize("name", ["primary.key", "masks.key"])
def test_a_missing_file_of_the_first_pair(look: Look, box: Path, name: str) -> None:
    (box / name).unlink()
    told = look(box)
    assert list(told) == ["key-file-missing", "pair-missing"]
    assert told["key-file-missing"].subject == name
    assert told["key-file-missing"].severity is Severity.WARNING
    assert told["pair-missing"].severity is Severity.ERROR


@pytest.mark.parametrize("name", ["primary2.key", "masks2.key"])
def test_a_missing_file_of_the_reserve(look: Look, box: Path, name: str) -> None:
    (box / name).unlink()
    assert list(look(box)) == ["key-file-missing", "reserve-missing"]


@pytest.mark.parametrize("name", samples.container().files)
def test_a_file_whose_copy_was_cut_off(look: Look, box: Path, name: str) -> None:
    (box / name).write_bytes(b"")
    told = look(box)
    assert next(iter(told)) == "file-empty"
    assert told["file-empty"].subject == name


def test_a_file_that_is_none_of_a_container(look: Look, box: Path) -> None:
    (box / "masks.key").write_bytes(bytes(65537))
    assert list(look(box)) == ["file-too-large"]


def test_something_that_is_no_file(look: Look, box: Path) -> None:
    (box / "masks.key").unlink()
    (box / "masks.key").mkdir()
    assert list(look(box)) == ["file-other-kind"]
    if hasattr(os, "mkfifo"):
        (box / "masks.key").rmdir()
        os.mkfifo(box / "masks.key")
        assert list(look(box)) == ["file-other-kind"]


def test_a_file_in_capitals_and_not(look: Look, box: Path) -> None:
    (box / "HEADER.KEY").write_bytes(b"x")
    if len(list(box.iterdir())) == 6:
        pytest.skip("this disk does not tell capitals; run it on one that does")
    told = look(box)
    assert "file-twice" in told and told["file-twice"].subject == "header.key"


def test_names_in_capitals(look: Look, box: Path) -> None:
    for file in list(box.iterdir()):
        file.rename(file.with_name(file.name.upper()))
    told = look(box)
    assert list(told) == ["files-capitals"]
    assert told["files-capitals"].severity is Severity.NOTE


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("header (1).key", "header.key"),
        ("header.key.txt", "header.key"),
        ("Copy of masks2.key", "masks2.key"),
        ("primary2 — копия.key", "primary2.key"),
    ],
)
def test_a_file_that_was_renamed(look: Look, box: Path, name: str, right: str) -> None:
    (box / right).rename(box / name)
    told = look(box)
    assert f"rename the file to {right}" in told["file-renamed"].cure
    assert {"file-missing", "key-file-missing"} & set(told)


def test_a_shortcut_in_place_of_a_file(look: Look, box: Path) -> None:
    (box / "primary.key").rename(box / "primary.key.lnk")
    told = look(box)
    assert "primary.key itself" in told["file-shortcut"].cure


def test_links_among_the_files(look: Look, drive: Path, box: Path) -> None:
    outside = (box / "masks.key").rename(drive.parent / "masks.key")
    (box / "masks.key").symlink_to(outside)
    assert list(look(box)) == ["file-link"]
    outside.unlink()
    assert list(look(box)) == ["link-broken"]


def test_other_files_in_the_folder_are_nobody_s_business(look: Look, box: Path) -> None:
    for name in ("readme.txt", "desktop.ini", "ssh_host.key", "name.txt"):
        (box / name).write_bytes(b"x")
    assert look(box) == {}
