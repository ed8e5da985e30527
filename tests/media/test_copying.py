"""Copies: under which name, compared how, and what they never do to the source."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from crashes import every_step, forks
from real_containers import PASSWORDS, read_real

from gostkey.containers import Container
from gostkey.errors import (
    ContainerDamaged,
    ContainerError,
    MediumError,
    WrongPassword,
)
from gostkey.media import FolderStore, copy_container, durable, groups

SAMPLE = samples.container("sample-0001")


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return SAMPLE.write(tmp_path / "from" / "sample-0.000")


@pytest.fixture
def spare(tmp_path: Path) -> Path:
    (tmp_path / "spare").mkdir()
    return tmp_path / "spare"


def test_a_copy_is_the_same_and_the_source_untouched(source: Path, spare: Path) -> None:
    before = state(source)
    copied = copy_container(source, spare)
    assert (copied.place, copied.name) == (spare / "sample-0.000", "sample-0001")
    assert copied.compared == "keys" and not copied.notes
    assert samples.read(copied.place) == SAMPLE.files
    assert state(source) == before


@pytest.mark.parametrize("label", PASSWORDS)
def test_a_real_container_is_copied_under_another_name(
    fixtures: Path, spare: Path, label: str
) -> None:
    real = read_real(fixtures, label)
    copied = copy_container(
        fixtures / "containers" / label,
        spare,
        name="тестовое название",
        password=real.password,
    )
    # The name of the folder is that of a real one whose name begins so.
    assert copied.place == spare / "obnokykb.000"
    assert copied.compared == "keys"
    container = Container.parse(samples.read(copied.place))
    assert container.name == "тестовое название"
    with container.open(real.password) as opened:
        for slot, (private, _) in real.expected.items():
            assert opened.keys[slot].to_bytes() == private


def test_taken_names_get_a_number_also_in_other_case(source: Path, spare: Path) -> None:
    (spare / "SAMPLE-0.000").mkdir()
    places = [copy_container(source, spare).place.name for _ in range(2)]
    assert places == ["sample-0.001", "sample-0.002"]
    named = copy_container(source, spare, name="Sample-0x").place.name
    assert named == "Sample-0.003"


def test_without_a_password_the_files_are_compared(spare: Path, tmp_path: Path) -> None:
    sample = samples.container(password="secret")
    source = sample.write(tmp_path / "a.000")
    assert copy_container(source, spare).compared == "files"
    assert copy_container(source, spare, password="secret").compared == "keys"
    with pytest.raises(WrongPassword):
        copy_container(source, spare, password="guess")
    assert len(list(spare.iterdir())) == 2


@pytest.mark.parametrize("name", ["", "x" * 261, "漢字", "a\0b"])
def test_a_name_that_cannot_be_used_writes_nothing(
    source: Path, spare: Path, name: str
) -> None:
    with pytest.raises(ContainerError, match="name"):
        copy_container(source, spare, name=name)
    assert list(spare.iterdir()) == []


def test_the_longest_cyrillic_name_is_used(source: Path, spare: Path) -> None:
    copied = copy_container(source, spare, name="Ы" * 260)
    assert Container.parse(samples.read(copied.place)).name == "Ы" * 260
    assert len(copied.place.name) == 12


# -- sources -----------------------------------------------------------------


def test_one_faulty_pair_is_told_and_copied(source: Path, spare: Path) -> None:
    (source / "masks2.key").write_bytes(b"\x30\x00")
    copied = copy_container(source, spare)
    assert [note.split(":")[0] for note in copied.notes] == ["masks2.key"]
    assert samples.read(copied.place) == samples.read(source)


def test_a_container_without_a_key_is_not_copied(source: Path, spare: Path) -> None:
    for name in ("primary.key", "masks2.key"):
        (source / name).unlink()
    with pytest.raises(ContainerDamaged, match=r"primary\.key.*masks2\.key"):
        copy_container(source, spare)
    assert list(spare.iterdir()) == []


def test_links_are_not_followed_out_of_the_medium(
    source: Path, spare: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "shadow"
    secret.write_bytes(b"root:x")
    (source / "primary2.key").unlink()
    (source / "primary2.key").symlink_to(secret)
    with pytest.raises(MediumError, match=r"primary2\.key: a link"):
        copy_container(source, spare)
    assert list(spare.iterdir()) == []


def test_a_file_in_capitals_and_not_is_refused(source: Path, spare: Path) -> None:
    (source / "HEADER.KEY").write_bytes(b"another")
    if len(list(source.iterdir())) == 6:
        pytest.skip("needs a disk that tells capitals apart: run it on Linux")
    with pytest.raises(MediumError, match=r"header\.key is there twice"):
        copy_container(source, spare)


def test_a_source_swapped_meanwhile_is_told(
    source: Path, spare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = samples.container("other")
    original = groups.Writing.rename

    def swap(writing: groups.Writing) -> None:
        original(writing)
        for name, data in other.files.items():
            (source / name).write_bytes(data)

    monkeypatch.setattr(groups.Writing, "rename", swap)
    with pytest.raises(MediumError, match="swapped"):
        copy_container(source, spare)


# -- destinations ------------------------------------------------------------


def test_an_absent_destination_is_not_made(source: Path, tmp_path: Path) -> None:
    with pytest.raises(MediumError, match="inserted"):
        copy_container(source, tmp_path / "usb")
    assert not (tmp_path / "usb").exists()


def test_a_copy_is_not_hidden_inside_a_container(source: Path) -> None:
    before = state(source)
    with pytest.raises(MediumError, match="is a container itself"):
        copy_container(source, source)
    assert state(source) == before


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "full"), (errno.EROFS, "read-only")]
)
def test_a_full_or_read_only_destination_leaves_nothing(
    source: Path, spare: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    original = durable.write_file
    calls = 0

    def write_file(path: str, data: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise OSError(code, os.strerror(code), path)
        original(path, data)

    monkeypatch.setattr(durable, "write_file", write_file)
    with pytest.raises(MediumError, match=words):
        copy_container(source, spare)
    assert list(spare.iterdir()) == []


def test_a_medium_that_lies_is_not_believed(
    source: Path, spare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = FolderStore.read

    def read(store: FolderStore, place: Path) -> dict[str, bytes]:
        return original(store, place) | {"masks.key": b"\x30\x00"}

    monkeypatch.setattr(FolderStore, "read", read)
    with pytest.raises(MediumError, match="same keys"):
        copy_container(source, spare)


@forks
def test_a_kill_at_every_step_leaves_a_whole_copy_or_none(tmp_path: Path) -> None:
    copies = set()
    source = SAMPLE.write(tmp_path / "from" / "a.000")
    before = state(source)

    def prepare(step: int) -> Callable[[], object]:
        (tmp_path / str(step)).mkdir()
        return lambda: copy_container(source, tmp_path / str(step))

    for step in every_step(prepare):
        store = FolderStore(tmp_path / str(step))
        found = list(store.find())
        copies.add(len(found))
        for place in found:
            assert store.read(place) == SAMPLE.files
        store.clean_leftovers(0)
        assert list(store.root.iterdir()) == found
        assert state(source) == before
    assert copies == {0, 1}
