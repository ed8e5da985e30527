"""Containers on floppy images: found, read, never written."""

from __future__ import annotations

from pathlib import Path

import floppies
import pytest
import samples

from gostkey.errors import ContainerError, MediumError
from gostkey.media import FloppyImage, copy_container, open_destination, open_medium

SAMPLE = samples.container("ivanov", with_certificate=False)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    image = floppies.make(tmp_path / "disk.IMG")
    upper = {name.upper(): data for name, data in SAMPLE.files.items()}
    floppies.put(image, "IVANOV.000", upper, tmp_path)
    floppies.put(image, "Петров И. И", SAMPLE.files, tmp_path)
    floppies.put(image, "letters", {"letter.txt": b"Dear"}, tmp_path)
    floppies.run("mmd", "-i", image, "::lost.000")
    return image


def test_an_image_is_a_medium(image: Path) -> None:
    medium = open_medium(image)
    assert isinstance(medium, FloppyImage) and medium.identity == str(image)
    names = [place.name for place in medium.find()]
    assert names == ["IVANOV.000", "lost.000", "Петров И. И"]
    assert medium.read(image / "ivanov.000") == SAMPLE.files
    assert medium.read_own(image / "петров И. И") == SAMPLE.files
    assert medium.read(image / "lost.000") == {}
    assert medium.free_space() == 0


def test_a_copy_from_an_image_has_the_same_keys(image: Path, tmp_path: Path) -> None:
    (tmp_path / "spare").mkdir()
    before = image.read_bytes()
    copied = copy_container(image / "IVANOV.000", tmp_path / "spare")
    assert samples.read(copied.place) == SAMPLE.files and copied.compared == "keys"
    assert image.read_bytes() == before


def test_nothing_is_written_to_an_image(image: Path) -> None:
    for attempt in (
        lambda: open_destination(image),
        lambda: FloppyImage(image).write("a", SAMPLE.files),
        lambda: FloppyImage(image).remove(image / "IVANOV.000", whole=True),
    ):
        with pytest.raises(MediumError, match="only read"):
            attempt()


def test_what_is_not_on_it(image: Path, tmp_path: Path) -> None:
    medium = FloppyImage(image)
    with pytest.raises(ContainerError, match="no such container; there are: .*IVANOV"):
        medium.read(image / "sidorov.000")
    with pytest.raises(ContainerError, match="3 containers; name one"):
        medium.read(image)
    empty = floppies.make(tmp_path / "empty.ima")
    assert list(open_medium(empty).find()) == []
    with pytest.raises(ContainerError, match="no key containers"):
        FloppyImage(empty).read(empty)


def test_a_container_in_the_root(tmp_path: Path) -> None:
    image = floppies.make(tmp_path / "disk.img", "floppy-720")
    for name, data in SAMPLE.files.items():
        (tmp_path / name).write_bytes(data)
        floppies.run("mcopy", "-i", image, tmp_path / name, f"::{name}")
    medium = FloppyImage(image)
    assert list(medium.find()) == [image] and medium.read(image) == SAMPLE.files


def test_odd_names_and_a_file_that_is_there_twice(image: Path) -> None:
    data = bytearray(image.read_bytes())
    place = data.index(b"HEADER  KEY")
    other = data.index(b"PRIMARY KEY")
    data[other : other + 11] = data[place : place + 11]
    folder = data.index(b"LOST    000")
    data[folder : folder + 11] = b"../../A 000"
    image.write_bytes(data)
    medium = FloppyImage(image)
    places = list(medium.find())
    assert all(place.parent == image for place in places)
    with pytest.raises(MediumError, match="header.key is there twice"):
        medium.read_own(image / "ivanov.000")


def test_a_damaged_folder_does_not_hide_the_others(image: Path) -> None:
    data = bytearray(image.read_bytes())
    place = data.index(b"IVANOV  000")
    data[place + 26 : place + 28] = b"\xf0\x0a"  # a free cluster
    image.write_bytes(data)
    faults: list[MediumError] = []
    names = [one.name for one in FloppyImage(image).find(faults)]
    assert names == ["lost.000", "Петров И. И"]
    (fault,) = faults
    assert str(image / "IVANOV.000") in str(fault)


def test_a_file_of_any_length_is_not_read(image: Path) -> None:
    data = bytearray(image.read_bytes())
    place = data.index(b"HEADER  KEY")
    data[place + 28 : place + 32] = (1 << 20).to_bytes(4, "little")
    image.write_bytes(data)
    with pytest.raises(MediumError, match="at most 65536"):
        FloppyImage(image).read(image / "ivanov.000")


def test_a_folder_named_like_an_image_is_a_folder(tmp_path: Path) -> None:
    SAMPLE.write(tmp_path / "disk.img" / "ivanov.000")
    (place,) = open_medium(tmp_path / "disk.img").find()
    assert place.name == "ivanov.000"


def test_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "photo.img").write_bytes(b"JFIF" * 1000)
    with pytest.raises(MediumError, match=r"photo\.img: no floppy image"):
        list(open_medium(tmp_path / "photo.img").find())
    (tmp_path / "large.img").touch()
    with open(tmp_path / "large.img", "r+b") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(MediumError, match="at most"):
        list(open_medium(tmp_path / "large.img").find())
