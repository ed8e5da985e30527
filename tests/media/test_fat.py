"""Our FAT reader against mkfs.fat and mtools, and against damage."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import floppies
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gostkey.errors import MediumError
from gostkey.media.fat import Entry, FatDisk

FILES = {
    "header.key": random.Random(1).randbytes(3000),
    "primary.key": b"short",
    "empty.txt": b"",
    "LARGE.BIN": random.Random(2).randbytes(40_000),
    "тестовое имя.txt": b"long and Cyrillic",
    "a name that is as long as a name of Windows can be " + "x" * 190: b"long",
}


def tree(disk: FatDisk, folder: Entry | None = None) -> dict[str, bytes | dict]:  # type: ignore[type-arg]
    return {
        one.name: tree(disk, one) if one.is_folder else disk.read(one)
        for one in disk.entries(folder)
    }


@pytest.mark.parametrize("kind", floppies.FORMATS)
def test_files_of_mtools_are_read(tmp_path: Path, kind: str) -> None:
    image = floppies.make(tmp_path / "disk.img", kind)
    floppies.put(image, "ivanov.000", FILES, tmp_path)
    floppies.run("mlabel", "-i", image, "::KEYS")
    disk = FatDisk(image.read_bytes())
    assert tree(disk) == {"ivanov.000": FILES}


def test_sectors_of_another_size(tmp_path: Path) -> None:
    image = floppies.make(tmp_path / "disk.img", "floppy-720", sector=1024)
    floppies.put(image, "a.000", FILES, tmp_path)
    assert tree(FatDisk(image.read_bytes())) == {"a.000": FILES}


def test_fragments_and_deleted_files(tmp_path: Path) -> None:
    image = floppies.make(tmp_path / "disk.img")
    source = tmp_path / "one"
    source.write_bytes(bytes(5000))
    for number in range(40):
        floppies.run("mcopy", "-i", image, source, f"::SMALL{number}")
    for number in range(0, 40, 2):
        floppies.run("mdel", "-i", image, f"::SMALL{number}")
    # It fills the gaps.
    source.write_bytes(FILES["LARGE.BIN"])
    floppies.run("mcopy", "-i", image, source, "::large one.bin")
    found = tree(FatDisk(image.read_bytes()))
    assert found["large one.bin"] == FILES["LARGE.BIN"]
    assert len(found) == 21 and "SMALL0" not in found


def test_short_names_in_the_code_page_of_dos(tmp_path: Path) -> None:
    """866, as Russian DOS wrote it: no long name beside."""
    image = floppies.make(tmp_path / "disk.img")
    source = tmp_path / "one"
    source.write_bytes(b"content")
    floppies.run("mcopy", "-i", image, source, "::AAAAAA.BBB")
    data = bytearray(image.read_bytes())
    place = data.index(b"AAAAAA  BBB")
    data[place : place + 11] = "КЛЮЧИ   НОВ".encode("cp866")
    (found,) = FatDisk(bytes(data)).entries()
    assert found.name == found.short == "КЛЮЧИ.НОВ"
    # 0xE5 marks what is deleted; a name that begins with it has 5 in its place.
    data[place : place + 11] = b"\x05" + "ОТ     КЕУ".encode("cp866")
    (found,) = FatDisk(bytes(data)).entries()
    assert found.name == "хОТ.КЕУ"
    # Windows NT notes small letters of a short name in two bits.
    data[place : place + 11] = b"HEADER  KEY"
    for flags, name in ((0x18, "header.key"), (0x08, "header.KEY"), (0, "HEADER.KEY")):
        data[place + 12] = flags
        (found,) = FatDisk(bytes(data)).entries()
        assert found.name == name


def test_a_long_name_of_another_file_is_not_taken(tmp_path: Path) -> None:
    image = floppies.make(tmp_path / "disk.img")
    source = tmp_path / "one"
    source.write_bytes(b"content")
    floppies.run("mcopy", "-i", image, source, "::a long name.txt")
    data = bytearray(image.read_bytes())
    place = data.index(b"ALONGN~1TXT")
    # DOS renamed it and knew nothing of the long name.
    data[place : place + 11] = b"RENAMED TXT"
    (found,) = FatDisk(bytes(data)).entries()
    assert found.name == "RENAMED.TXT"


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    image = floppies.make(tmp_path / "disk.img")
    floppies.put(image, "ivanov.000", FILES, tmp_path)
    return image.read_bytes()


def geometry(image: bytes) -> tuple[int, int]:
    """Where the first FAT begins, and its length, for sectors of 512."""
    reserved, _, _, _, _, length = struct.unpack_from("<HBHHBH", image, 14)
    return reserved * 512, length * 512


def test_the_second_fat_helps_where_the_first_is_broken(whole: bytes) -> None:
    start, length = geometry(whole)
    broken = bytearray(whole)
    broken[start + 3 : start + length] = bytes(length - 3)
    assert tree(FatDisk(bytes(broken))) == {"ivanov.000": FILES}
    broken[start + length + 3 : start + 2 * length] = bytes(length - 3)
    with pytest.raises(MediumError, match="do not hang together"):
        tree(FatDisk(bytes(broken)))


def test_a_chain_that_goes_round_ends(whole: bytes) -> None:
    start, length = geometry(whole)
    broken = bytearray(whole)
    # Every cluster is followed by cluster 3.
    table = (b"\xf0\xff\xff" + b"\x03\x30\x00" * length)[:length]
    for copy in range(2):
        broken[start + copy * length : start + (copy + 1) * length] = table
    disk = FatDisk(bytes(broken))
    with pytest.raises(MediumError, match="do not hang together"):
        disk.entries(disk.entries()[0])


def test_an_image_that_is_cut_short(whole: bytes) -> None:
    names = [one.name for one in FatDisk(whole).entries()]
    disk = FatDisk(whole[: 40 * 512])
    assert [one.name for one in disk.entries()] == names
    with pytest.raises(MediumError, match="image is damaged"):
        tree(disk)
    with pytest.raises(MediumError, match="ends before its files begin"):
        FatDisk(whole[:1024])


def test_other_file_systems_are_named(tmp_path: Path, whole: bytes) -> None:
    floppies.run("mkfs.fat", "-C", "-F", "32", tmp_path / "32.img", 65536)
    with pytest.raises(MediumError, match="FAT32"):
        FatDisk((tmp_path / "32.img").read_bytes())
    for begin, words in (
        (b"\xeb\x52\x90NTFS    " + bytes(501), "NTFS"),
        (b"\xeb\x76\x90EXFAT   " + bytes(501), "EXFAT"),
        (bytes(510) + b"\x55\xaa", "partitions"),
        (bytes(512), "no FAT file system"),
        (b"", "0 bytes"),
    ):
        with pytest.raises(MediumError, match=words):
            FatDisk(begin)


# -- any bytes ---------------------------------------------------------------


def explore(data: bytes) -> None:
    """Read all of it; nothing but our error may come of it."""
    try:
        disk = FatDisk(data)
        folders: list[Entry | None] = [None]
        while folders and len(folders) < 20:
            for one in disk.entries(folders.pop())[:20]:
                if one.is_folder:
                    folders.append(one)
                elif one.size <= 1 << 16:
                    assert len(disk.read(one)) == one.size
    except MediumError:
        pass


@given(st.binary(max_size=4096))
def test_any_bytes(data: bytes) -> None:
    explore(data)


HEAD = struct.Struct("<3s8sHBHBHHBH8xI")


@given(
    sector=st.sampled_from([512, 1024, 0, 7]),
    numbers=st.tuples(*[st.integers(0, 255)] * 3),
    words=st.tuples(*[st.integers(0, 65535)] * 3),
    rest=st.binary(max_size=6000),
    large=st.integers(0, 1 << 32),
)
def test_any_boot_sector(
    sector: int,
    numbers: tuple[int, int, int],
    words: tuple[int, int, int],
    rest: bytes,
    large: int,
) -> None:
    head = HEAD.pack(
        b"\xeb\x3c\x90",
        b"MSDOS5.0",
        sector,
        1 << (numbers[0] % 8),
        numbers[1] % 4,
        numbers[2] % 5,
        words[0] % 512,
        words[1],
        0xF0,
        words[2] % 16,
        large % (1 << 32),
    )
    explore(head.ljust(512, b"\0") + rest)


@given(data=st.data())
def test_a_damaged_image(data: st.DataObject) -> None:
    image = bytearray(_small_image())
    for _ in range(data.draw(st.integers(1, 20))):
        # Head, tables and folders; what is in files is anything anyhow.
        place = data.draw(st.integers(0, 40 * 512))
        image[place] = data.draw(st.integers(0, 255))
    explore(bytes(image))


_MADE: list[bytes] = []


def _small_image() -> bytes:
    if not _MADE:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            image = floppies.make(Path(folder) / "disk.img")
            floppies.put(image, "ivanov.000", FILES, Path(folder))
            _MADE.append(image.read_bytes()[: 200 * 512])
    return _MADE[0]
