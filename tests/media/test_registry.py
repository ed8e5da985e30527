"""A .reg file as a medium: found, read, written, never overwritten by itself."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from crashes import every_step, forks
from real_containers import PASSWORDS, read_real

from gostkey.containers import Container
from gostkey.errors import ContainerDamaged, ContainerError, MediumError
from gostkey.media import (
    FolderStore,
    Medium,
    RegistryFile,
    copy_container,
    locate_all,
    open_destination,
    open_medium,
)
from gostkey.media.registry_text import build, key_path

SID = "S-1-5-21-1-2-3-1001"
OTHER = "S-1-5-21-1-2-3-1002"
ONE = samples.container("sample-0001", with_certificate=False)
TWO = samples.container("sample-0002", with_certificate=False)


def export(file: Path, *keys: tuple[str, str, dict[str, bytes]]) -> Path:
    """Write an export of several containers: SID, name, files; 64-bit Windows."""
    texts = [
        build({key_path(name, sid, wow=True): files})[2:].decode("utf-16-le")
        for sid, name, files in keys
    ]
    head = texts[0].split("[")[0]
    text = head + "".join(one.removeprefix(head) for one in texts)
    file.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    return file


def test_an_export_is_a_medium(tmp_path: Path) -> None:
    medium: Medium[Path] = RegistryFile(tmp_path / "a.reg", sid=SID)
    place = medium.write("sample-0001", ONE.files)
    assert place == tmp_path / "a.reg" / "sample-0001"
    assert list(medium.find()) == [place]
    assert medium.read(place) == medium.read_own(place) == ONE.files
    assert medium.identity == str(tmp_path / "a.reg")
    assert medium.free_space() > 0
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "a.reg").stat().st_mode) == 0o600


@pytest.mark.parametrize("label", PASSWORDS)
def test_a_real_container_goes_through_an_export_unchanged(
    fixtures: Path, tmp_path: Path, label: str
) -> None:
    real = read_real(fixtures, label)
    out = copy_container(
        fixtures / "containers" / label,
        open_destination(tmp_path / "a.reg", sid=SID),
        password=real.password,
    )
    (tmp_path / "back").mkdir()
    back = copy_container(out.place, tmp_path / "back", password=real.password)
    assert out.compared == back.compared == "keys"
    assert samples.read(back.place) == real.files
    with Container.parse(samples.read(back.place)).open(real.password) as opened:
        for slot, (private, _) in real.expected.items():
            assert opened.keys[slot].to_bytes() == private


def test_an_existing_file_is_overwritten_only_on_demand(tmp_path: Path) -> None:
    file = tmp_path / "a.reg"
    RegistryFile(file, sid=SID).write("sample-0001", ONE.files)
    before = file.read_bytes()
    with pytest.raises(MediumError, match="exists already.*--force"):
        RegistryFile(file, sid=SID).write("sample-0002", TWO.files)
    assert file.read_bytes() == before
    RegistryFile(file, sid=SID, replace=True).write("sample-0002", TWO.files)
    (place,) = RegistryFile(file).find()
    assert RegistryFile(file).read(place) == TWO.files
    assert os.listdir(tmp_path) == ["a.reg"]


@pytest.mark.skipif(os.name == "nt", reason="Windows replaces no file that is open")
def test_what_is_overwritten_is_wiped_unless_it_has_another_name(
    tmp_path: Path,
) -> None:
    for number, kept in enumerate((False, True)):
        file = export(tmp_path / f"{number}.reg", (SID, "sample-0001", ONE.files))
        before = file.read_bytes()
        if kept:
            os.link(file, tmp_path / "kept")
        with file.open("rb") as old:
            RegistryFile(file, sid=SID, replace=True).write("sample-0002", TWO.files)
            assert old.read() == (before if kept else bytes(len(before)))


def test_a_user_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(MediumError, match="--sid"):
        RegistryFile(tmp_path / "a.reg").write("sample-0001", ONE.files)
    assert not os.listdir(tmp_path)


def test_an_export_is_not_copied_over_itself(tmp_path: Path) -> None:
    file = export(
        tmp_path / "a.reg",
        (SID, "sample-0001", ONE.files),
        (SID, "sample-0002", TWO.files),
    )
    before = file.read_bytes()
    destination = open_destination(file, sid=SID, replace=True)
    with pytest.raises(MediumError, match="another file"):
        copy_container(file / "sample-0001", destination)
    assert file.read_bytes() == before


def test_names_in_an_export(tmp_path: Path) -> None:
    file = export(
        tmp_path / "A.REG",
        (SID, "sample-0001", ONE.files),
        (OTHER, "Sample-0001", TWO.files),
        (SID, "sample-0002", TWO.files),
        (SID, "../a", ONE.files),
        (SID, "..", TWO.files),
    )
    medium = open_medium(file)
    places = [place.relative_to(file).as_posix() for place in medium.find()]
    assert places == [
        f"{SID}/sample-0001",
        f"{OTHER}/Sample-0001",
        "sample-0002",
        "#4",
        "#5",
    ]
    for place, files in zip(places, [ONE, TWO, TWO, ONE, TWO], strict=True):
        found, (only,) = locate_all(file / place)
        assert found.read(only) == files.files
    _, (only,) = locate_all(file / "SAMPLE-0002")
    assert only == file / "sample-0002"
    with pytest.raises(ContainerError, match="2 containers; name one: .*1001.*1002"):
        locate_all(file / "sample-0001")
    with pytest.raises(ContainerError, match="no such container; there are"):
        locate_all(file / "sample-9")


@pytest.mark.parametrize("name", ["old.reg", "ж" * 255, "a ]b", "D: 1", "#1", "x. "])
def test_odd_names_are_found_again(tmp_path: Path, name: str) -> None:
    (tmp_path / "dir.reg").mkdir()
    file = tmp_path / "dir.reg" / "a.reg"
    place = RegistryFile(file, sid=SID).write(name, ONE.files)
    medium, (only,) = locate_all(place)
    assert medium.identity == str(file) and only == place
    assert medium.read(only) == ONE.files
    entry = RegistryFile(file).entry(place)
    assert entry.name == name


def test_one_broken_container_does_not_hide_the_others(tmp_path: Path) -> None:
    file = export(
        tmp_path / "a.reg",
        (SID, "sample-0001", ONE.files),
        (SID, "sample-0002", TWO.files),
    )
    text = file.read_bytes().decode("utf-16")
    file.write_bytes(text.replace('"masks.key"=hex:', '"masks.key"=hex:x', 1).encode())
    medium = RegistryFile(file)
    first, second = medium.find()
    with pytest.raises(ContainerDamaged, match=r"a.reg: key .*0001\], value masks.key"):
        medium.read(first)
    assert medium.read(second) == TWO.files


def test_every_cut_of_a_file_is_noticed(tmp_path: Path) -> None:
    """The container, if not the text, must say that something is missing."""
    file = export(tmp_path / "a.reg", (SID, "sample-0001", ONE.files))
    whole = file.read_bytes()
    end = len(whole) - len("\r\n\r\n") * 2
    for length in [*range(0, end, 101), end - 2, end - 1]:
        file.write_bytes(whole[:length])
        bad = []
        try:
            for place in RegistryFile(file).find():
                container = Container.parse(RegistryFile(file).read(place))
                bad = [one for one in container.check() if one.state == "bad"]
                assert bad, length
        except (MediumError, ContainerError):
            pass


def test_an_absent_file_a_folder_and_a_file_that_changes(tmp_path: Path) -> None:
    with pytest.raises(MediumError, match="a.reg: it is not there"):
        list(RegistryFile(tmp_path / "a.reg").find())
    (tmp_path / "folder.reg").mkdir()
    assert isinstance(open_medium(tmp_path / "folder.reg"), FolderStore)
    file = export(tmp_path / "a.reg", (SID, "sample-0001", ONE.files))
    medium = RegistryFile(file)
    (place,) = medium.find()
    export(file, (SID, "sample-0001", TWO.files))
    assert medium.read_own(place) == TWO.files


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MediumError, match="disk is full"):
        RegistryFile(tmp_path / "a.reg", sid=SID).write("sample-0001", ONE.files)
    assert not os.listdir(tmp_path)


@forks
def test_a_kill_while_overwriting_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    def prepare(step: int) -> Callable[[], object]:
        (tmp_path / str(step)).mkdir()
        file = export(tmp_path / str(step) / "a.reg", (SID, "sample-0001", ONE.files))
        medium = RegistryFile(file, sid=SID, replace=True)
        return lambda: medium.write("sample-0001", TWO.files)

    seen = set()
    for step in every_step(prepare, least=5):
        (place,) = RegistryFile(tmp_path / str(step) / "a.reg").find()
        files = RegistryFile(place).read(place)
        assert files in (ONE.files, TWO.files)
        seen.add(files == TWO.files)
        FolderStore(tmp_path / str(step)).clean_leftovers(0)
        assert os.listdir(tmp_path / str(step)) == ["a.reg"]
    assert seen == {False, True}


def test_nothing_is_removed_from_an_export(tmp_path: Path) -> None:
    with pytest.raises(MediumError, match="delete the whole file"):
        RegistryFile(tmp_path / "keys.reg").remove(tmp_path / "keys.reg/a", whole=True)
