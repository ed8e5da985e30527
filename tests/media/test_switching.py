"""A container is replaced whole: after a crash the old or the new one is there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import samples
from crashes import every_step, forks

from gostkey.containers import Container, with_password
from gostkey.errors import MediumError
from gostkey.media import FolderStore, durable, rewrite_container, settle_switch
from gostkey.media.switching import SET_ASIDE

SAMPLE = samples.container("switched")
OLD = SAMPLE.files
NEW = with_password(OLD, None, "new")


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def fail(monkeypatch: pytest.MonkeyPatch, call: str, when: Callable[..., bool]) -> None:
    original = getattr(os, call)

    def failing(*arguments: Any, **options: Any) -> Any:
        if when(*arguments):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))
        return original(*arguments, **options)

    monkeypatch.setattr(os, call, failing)


def test_the_new_files_are_there_and_the_others_stay(tmp_path: Path) -> None:
    place = SAMPLE.write(tmp_path / "a.000")
    (place / "note.txt").write_text("Иванов, до мая")
    (place / "scans").mkdir()
    (place / "scans" / "1.jpg").write_bytes(b"jpg")
    assert rewrite_container(place, OLD, NEW) == place
    assert FolderStore(tmp_path).read(place) == NEW
    assert names(tmp_path) == ["a.000"]
    assert (place / "note.txt").read_text() == "Иванов, до мая"
    assert (place / "scans" / "1.jpg").read_bytes() == b"jpg"
    assert {oct(file.stat().st_mode & 0o777) for file in place.glob("*.key")} == {
        "0o600"
    }


def test_capital_names_of_a_fat_disk_are_replaced_too(tmp_path: Path) -> None:
    place = tmp_path / "A.000"
    samples.write(place, {name.upper(): data for name, data in OLD.items()})
    rewrite_container(place, OLD, NEW)
    assert names(place) == sorted(NEW)


def test_a_link_to_the_folder_is_followed(tmp_path: Path) -> None:
    place = SAMPLE.write(tmp_path / "disk" / "a.000")
    link = tmp_path / "link"
    link.symlink_to(place)
    assert rewrite_container(link, OLD, NEW) == place
    assert link.is_symlink() and FolderStore(tmp_path).read(link) == NEW


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="needs the right to give files away: run as root",
)
def test_the_superuser_leaves_a_container_to_its_owner(tmp_path: Path) -> None:
    place = SAMPLE.write(tmp_path / "a.000")
    for path in (place, *place.iterdir()):
        os.chown(path, 12345, 54321)
    rewrite_container(place, OLD, NEW)
    owners = {(one.stat().st_uid, one.stat().st_gid) for one in place.iterdir()}
    assert owners == {(12345, 54321)} == {(place.stat().st_uid, place.stat().st_gid)}


def test_old_key_files_are_overwritten_before_they_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = SAMPLE.write(tmp_path / "a.000")
    left: dict[str, bytes] = {}
    original = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        left[path.name] = path.read_bytes()
        original(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    rewrite_container(place, OLD, NEW)
    assert left == {name: bytes(len(data)) for name, data in OLD.items()}
    # What tells whose keys they were goes last.
    assert set(list(left)[-2:]) == {"name.key", "header.key"}


@pytest.mark.parametrize("call", ["open", "write", "fsync", "mkdir"])
def test_a_full_disk_leaves_the_old_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    place = SAMPLE.write(tmp_path / "a.000")
    seen = 0

    def fifth(*_: object) -> bool:
        nonlocal seen
        seen += 1
        return seen >= (1 if call == "mkdir" else 5)

    with monkeypatch.context() as patch:
        fail(patch, call, fifth)
        with pytest.raises(MediumError, match="full"):
            rewrite_container(place, OLD, NEW)
    FolderStore(tmp_path).clean_leftovers(0)
    assert FolderStore(tmp_path).read(place) == OLD
    assert names(tmp_path) == ["a.000"]


@pytest.mark.parametrize("which", [1, 2])
def test_a_failing_rename_puts_the_old_container_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    place = SAMPLE.write(tmp_path / "a.000")
    seen = 0

    def one(*_: object) -> bool:
        nonlocal seen
        seen += 1
        return seen == which

    with monkeypatch.context() as patch:
        fail(patch, "rename", one)
        with pytest.raises(MediumError, match="full"):
            rewrite_container(place, OLD, NEW)
    assert FolderStore(tmp_path).read(place) == OLD
    assert names(tmp_path) == ["a.000"]


def test_a_medium_that_lies_gets_the_old_container_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = SAMPLE.write(tmp_path / "a.000")
    original = durable.read_back
    monkeypatch.setattr(durable, "read_back", lambda *a: original(*a)[:-1] + b"?")
    with pytest.raises(MediumError, match="failing"):
        rewrite_container(place, OLD, NEW)
    assert FolderStore(tmp_path).read(place) == OLD
    assert names(tmp_path) == ["a.000"]


def test_a_swapped_medium_is_noticed(tmp_path: Path) -> None:
    other = samples.container("another")
    place = other.write(tmp_path / "a.000")
    with pytest.raises(MediumError, match="swapped"):
        rewrite_container(place, OLD, NEW)
    assert FolderStore(tmp_path).read(place) == other.files


def test_a_second_run_does_not_come_between(tmp_path: Path) -> None:
    place = SAMPLE.write(tmp_path / "a.000")
    (tmp_path / f"{SET_ASIDE}a.000").mkdir()
    with pytest.raises(MediumError, match="another run"):
        rewrite_container(place, OLD, NEW)
    assert FolderStore(tmp_path).read(place) == OLD


def test_a_container_in_the_root_of_a_medium_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = SAMPLE.write(tmp_path / "usb")
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == str(place))
    with pytest.raises(MediumError, match="container copy"):
        rewrite_container(place, OLD, NEW)
    assert samples.read(place) == OLD and names(tmp_path) == ["usb"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="needs a user whom file permissions bind: run as another user than root",
)
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    place = SAMPLE.write(tmp_path / "disk" / "a.000")
    place.parent.chmod(0o500)
    with pytest.raises(MediumError, match="denied"):
        rewrite_container(place, OLD, NEW)
    place.parent.chmod(0o700)
    assert FolderStore(tmp_path).read(place) == OLD


def test_a_read_only_medium_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = SAMPLE.write(tmp_path / "a.000")

    def mkdir(path: Any, *_: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "mkdir", mkdir)
        with pytest.raises(MediumError, match="read-only"):
            rewrite_container(place, OLD, NEW)
    assert names(tmp_path) == ["a.000"]


# -- crashes -----------------------------------------------------------------


@forks
@pytest.mark.parametrize("how", ["settle", "clean"])
def test_a_kill_at_every_step_leaves_the_old_or_the_new(
    tmp_path: Path, how: str
) -> None:
    seen = set()

    def prepare(step: int) -> Callable[[], object]:
        place = SAMPLE.write(tmp_path / str(step) / "a.000")
        (place / "note.txt").write_text("keep me")
        return lambda: rewrite_container(place, OLD, NEW)

    for step in every_step(prepare):
        disk = tmp_path / str(step)
        store = FolderStore(disk)
        # As it lies there: one container, whole, and nothing else is taken for one.
        (found,) = store.find()
        left = store.read(found)
        assert left in (OLD, NEW)
        seen.add((found.name, left == NEW))
        Container.parse(left).open("new" if left == NEW else None).close()
        if how == "settle":
            settle_switch(disk / "a.000")
        store.clean_leftovers(0)
        assert names(disk) == ["a.000"]
        assert store.read(disk / "a.000") == left
        assert (disk / "a.000" / "note.txt").read_text() == "keep me"
    # Both ends and the moment between the renames have been there.
    assert seen == {("a.000", False), (f"{SET_ASIDE}a.000", False), ("a.000", True)}


@forks
@pytest.mark.parametrize("new_is_there", [False, True])
def test_a_kill_while_ending_a_switch_is_ended_by_the_next(
    tmp_path: Path, new_is_there: bool
) -> None:
    def prepare(step: int) -> Callable[[], object]:
        place = tmp_path / str(step) / "a.000"
        aside = SAMPLE.write(place.with_name(f"{SET_ASIDE}a.000"))
        (aside / "note.txt").write_text("keep me")
        if new_is_there:
            samples.write(place, NEW)
        return lambda: settle_switch(place)

    for step in every_step(prepare, least=3):
        place = tmp_path / str(step) / "a.000"
        settle_switch(place)
        assert names(place.parent) == ["a.000"]
        assert FolderStore(place.parent).read(place) == (NEW if new_is_there else OLD)
        assert (place / "note.txt").read_text() == "keep me"


def test_an_old_container_of_other_keys_is_not_wiped(tmp_path: Path) -> None:
    other = samples.container("switched")
    aside = other.write(tmp_path / f"{SET_ASIDE}a.000")
    SAMPLE.write(tmp_path / "a.000")
    with pytest.raises(MediumError, match="same keys"):
        settle_switch(tmp_path / "a.000")
    # Nor does a campaign stumble over it.
    assert FolderStore(tmp_path).clean_leftovers(0) == []
    assert samples.read(aside) == other.files


def test_an_old_container_is_not_wiped_for_a_damaged_one(tmp_path: Path) -> None:
    aside = SAMPLE.write(tmp_path / f"{SET_ASIDE}a.000")
    samples.write(tmp_path / "a.000", OLD | {"masks.key": b"\x30\x00"})
    with pytest.raises(MediumError):
        settle_switch(tmp_path / "a.000")
    assert samples.read(aside) == OLD


def test_a_link_under_the_name_of_an_old_folder_is_left_alone(tmp_path: Path) -> None:
    victim = SAMPLE.write(tmp_path / "elsewhere" / "victim.000")
    place = SAMPLE.write(tmp_path / "a.000")
    (tmp_path / f"{SET_ASIDE}a.000").symlink_to(victim)
    settle_switch(place)
    assert samples.read(victim) == OLD
