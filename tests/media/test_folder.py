"""Folders of containers: finding, reading, writing and replacing without loss."""

from __future__ import annotations

import errno
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import samples

from gostkey.containers import FILES, Container, with_certificate
from gostkey.errors import MediumError
from gostkey.media import FolderStore, Medium, looking
from gostkey.media.groups import OLD_HEADER

TEMPORARY = ".gostkey-tmp-0123456789abcdef"


@pytest.fixture(scope="module")
def sample() -> samples.Sample:
    return samples.container(with_certificate=False)


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_store_is_a_medium(tmp_path: Path) -> None:
    medium: Medium[Path] = FolderStore(tmp_path)
    assert medium.identity == str(tmp_path)
    assert medium.free_space() > 0


# -- looking -----------------------------------------------------------------


def test_containers_are_found_down_to_four_levels(
    tmp_path: Path, sample: samples.Sample
) -> None:
    wanted = [
        "Keys/a.000",
        "Keys/b.000",
        "office/1/2/d.000",
        "without-a-number",
        "x.001",
    ]
    for place in wanted:
        sample.write(tmp_path / place)
    sample.write(tmp_path / "1/2/3/4/too-deep.000")
    sample.write(tmp_path / f"{TEMPORARY}")
    sample.write(tmp_path / "x.001/inside.000")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_bytes(b"")
    (tmp_path / "backup.2024" / "more").mkdir(parents=True)
    found = [str(p.relative_to(tmp_path)) for p in FolderStore(tmp_path).find()]
    assert found == wanted


def test_damaged_and_foreign_folders_are_found_so_that_they_are_told_of(
    tmp_path: Path,
) -> None:
    (tmp_path / "empty.000").mkdir()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "PRIMARY.KEY").write_bytes(b"")
    found = [path.name for path in FolderStore(tmp_path).find()]
    assert found == ["empty.000", "half"]


def test_numbered_folder_of_containers_is_looked_into(
    tmp_path: Path, sample: samples.Sample
) -> None:
    sample.write(tmp_path / "archive.001" / "a.000")
    found = [path.name for path in FolderStore(tmp_path).find()]
    assert found == ["a.000"]


def test_the_root_can_be_a_container(tmp_path: Path, sample: samples.Sample) -> None:
    folder = sample.write(tmp_path / "a.000")
    assert list(FolderStore(folder).find()) == [folder]


def test_links_in_a_circle_end(tmp_path: Path, sample: samples.Sample) -> None:
    sample.write(tmp_path / "keys" / "a.000")
    try:
        (tmp_path / "keys" / "up").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    except OSError:
        pytest.skip("this system lets this user make no links")
    found = [path.name for path in FolderStore(tmp_path, depth=20).find()]
    assert found == ["a.000"]


def test_unreadable_folder_is_reported_and_the_rest_goes_on(
    tmp_path: Path, sample: samples.Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is injected: root may read everything."""
    for name in "abc":
        sample.write(tmp_path / name / "k.000")
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "b":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    unreadable: list[MediumError] = []
    found = [p.parent.name for p in FolderStore(tmp_path).find(unreadable)]
    assert found == ["a", "c"]
    (error,) = unreadable
    assert str(tmp_path / "b") in str(error) and "denied" in str(error)


def test_reading_ahead_finds_what_looking_one_by_one_finds(
    tmp_path: Path, sample: samples.Sample
) -> None:
    """More folders than are looked into alone, and more than one batch of them."""
    for number in range(looking.AHEAD + looking.ALONE + 1):
        sample.write(tmp_path / f"b{number % 3}" / f"k{number:03}.000")
    (tmp_path / "b1" / "k001.000" / "header.key").unlink()
    large = tmp_path / "b2" / "k002.000" / "name.key"
    large.write_bytes(bytes(65 << 10))
    store = FolderStore(tmp_path)
    found = dict(store.find_public())
    assert list(found) == list(store.find())
    assert list(found) == sorted(tmp_path.glob("b*/*.000"))
    assert set(found[tmp_path / "b1" / "k001.000"]) == {*sample.files} - {"header.key"}
    error = found.pop(large.parent)
    assert isinstance(error, MediumError) and str(large) in str(error)
    for place, files in found.items():
        assert files == store.read_public(place)
        assert files["primary.key"] == b""
    whole = found[tmp_path / "b0" / "k000.000"]
    assert isinstance(whole, dict)
    assert whole["header.key"] == sample.files["header.key"]


def test_a_listing_that_is_left_half_way_leaves_no_threads(
    tmp_path: Path, sample: samples.Sample
) -> None:
    for number in range(2 * looking.ALONE):
        sample.write(tmp_path / f"k{number:03}.000")
    listing = FolderStore(tmp_path).find_public()
    next(listing)
    assert any("gostkey-looking" in one.name for one in threading.enumerate())
    listing.close()  # type: ignore[attr-defined]
    assert not any("gostkey-looking" in one.name for one in threading.enumerate())


def test_absent_root_is_named(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "usb")
    with pytest.raises(MediumError, match="usb.*inserted"):
        list(store.find())
    with pytest.raises(MediumError, match="usb"):
        store.free_space()
    with pytest.raises(MediumError, match="usb"):
        store.write("sample", {"name.key": b""})
    assert not (tmp_path / "usb").exists()


def test_reading_takes_the_six_files_only(
    tmp_path: Path, sample: samples.Sample
) -> None:
    folder = sample.write(tmp_path / "a.000")
    (folder / "note.txt").write_text("hello")
    assert FolderStore(tmp_path).read(folder) == sample.files
    assert FolderStore(tmp_path).read(Path("a.000")) == sample.files


def test_names_in_capitals_are_read_and_replaced(
    tmp_path: Path, sample: samples.Sample
) -> None:
    """As some systems show those of a FAT disk."""
    upper = {name.upper(): data for name, data in sample.files.items()}
    folder = samples.write(tmp_path / "A.000", upper)
    store = FolderStore(tmp_path)
    assert store.read(folder) == sample.files
    store.replace_header(folder, b"new")
    assert names(folder) == sorted(upper)
    assert store.read(folder)["header.key"] == b"new"


def test_large_and_special_files_are_refused(
    tmp_path: Path, sample: samples.Sample
) -> None:
    store = FolderStore(tmp_path)
    large = sample.write(tmp_path / "large.000")
    (large / "masks.key").write_bytes(bytes(65537))
    with pytest.raises(MediumError, match=r"masks\.key: 65537 bytes"):
        store.read(large)
    if not hasattr(os, "mkfifo"):
        return
    pipe = sample.write(tmp_path / "pipe.000")
    (pipe / "name.key").unlink()
    os.mkfifo(pipe / "name.key")
    with pytest.raises(MediumError, match=r"name\.key: not a regular file"):
        store.read(pipe)


# -- writing -----------------------------------------------------------------


def test_written_container_is_whole_and_only_for_its_owner(
    tmp_path: Path, sample: samples.Sample
) -> None:
    store = FolderStore(tmp_path)
    folder = store.write("тестовое название", sample.files)
    assert folder == tmp_path / "obnokykb.000"
    assert samples.read(folder) == sample.files
    assert names(tmp_path) == sorted(
        ["obnokykb.000", *(f"obnokykb.000/{name}" for name in FILES)]
    )
    if os.name != "nt":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
        assert modes == {0o600}
    with Container.parse(store.read(folder)).open() as opened:
        assert opened.keys["primary"] == sample.key


def test_existing_container_is_never_overwritten(
    tmp_path: Path, sample: samples.Sample
) -> None:
    store = FolderStore(tmp_path)
    first = store.write("same", sample.files)
    second = store.write("same", {"name.key": b"other"})
    assert (first.name, second.name) == ("same.000", "same.001")
    with pytest.raises(MediumError, match="exists already"):
        store.write("same", {"name.key": b"other"}, first)
    (tmp_path / "taken.000").write_text("a file")
    with pytest.raises(MediumError, match="exists already"):
        store.write("x", sample.files, Path("taken.000"))
    assert samples.read(first) == sample.files
    assert [n for n in names(tmp_path) if n.startswith(".")] == []


def test_place_settled_before_is_used(tmp_path: Path, sample: samples.Sample) -> None:
    store = FolderStore(tmp_path)
    place = store.choose("sample", frozenset({"sample.000"}))
    assert place == tmp_path / "sample.001"
    assert store.write("sample", sample.files, place) == place
    below = store.write("sample", sample.files, Path("office/k.000"))
    assert below == tmp_path / "office" / "k.000"
    with pytest.raises(MediumError, match="b"):
        store.write("sample", sample.files, Path("a/b/k.000"))


def test_threads_get_places_of_their_own(
    tmp_path: Path, sample: samples.Sample
) -> None:
    store = FolderStore(tmp_path)
    barrier = threading.Barrier(8)

    def write(_: int) -> Path:
        barrier.wait()
        return store.write("same name", sample.files)

    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(write, range(8)))
    assert len(set(places)) == 8
    assert all(samples.read(place) == sample.files for place in places)


def test_what_does_not_read_back_is_not_left(
    tmp_path: Path, sample: samples.Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A medium that loses the last byte of each write."""
    write = os.write
    monkeypatch.setattr(
        os, "write", lambda fd, data: write(fd, bytes(data)[:-1]) and len(data)
    )
    with pytest.raises(MediumError, match="does not read back"):
        FolderStore(tmp_path).write("sample", sample.files)
    assert names(tmp_path) == []


# -- replacing the header ----------------------------------------------------


def test_header_is_replaced_and_nothing_else(
    tmp_path: Path, sample: samples.Sample
) -> None:
    store = FolderStore(tmp_path)
    folder = store.write("sample", sample.files)
    before = {f.name: f.stat().st_mtime_ns for f in folder.iterdir()}
    changed = with_certificate(sample.files, samples.certificate_of(sample.key))
    store.replace_header(folder, changed["header.key"])
    assert samples.read(folder) == changed
    after = {f.name: f.stat().st_mtime_ns for f in folder.iterdir()}
    assert {n for n in before if before[n] != after[n]} == {"header.key"}
    store.replace_header(folder, changed["header.key"])
    assert samples.read(folder) == changed
    if os.name != "nt":
        assert stat.S_IMODE((folder / "header.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_failure_leaves_the_old_header(
    tmp_path: Path,
    sample: samples.Sample,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
    call: int,
) -> None:
    store = FolderStore(tmp_path)
    folder = store.write("sample", sample.files)
    real, calls = getattr(os, failing), 0

    def broken(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(errno.EIO, "Input/output error")
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, broken)
        try:
            store.replace_header(folder, b"new header")
        except MediumError:
            pass
    header = (folder / "header.key").read_bytes()
    assert header in (b"new header", sample.files["header.key"])
    assert {n: d for n, d in store.read(folder).items() if n != "header.key"} == {
        n: d for n, d in sample.files.items() if n != "header.key"
    }
    store.clean_leftovers(0)
    assert sorted(os.listdir(folder)) == sorted(FILES)


def test_header_that_does_not_read_back_is_put_back(
    tmp_path: Path, sample: samples.Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    folder = store.write("sample", sample.files)
    write = os.write

    def lossy(descriptor: int, data: bytes) -> int:
        if bytes(data) == b"new header":
            return write(descriptor, b"new headeR")
        return write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lossy)
        with pytest.raises(MediumError, match="old file was put back"):
            store.replace_header(folder, b"new header")
    assert samples.read(folder) == sample.files


# -- archive -----------------------------------------------------------------


def test_archive_copies_and_leaves_the_source(
    tmp_path: Path, sample: samples.Sample
) -> None:
    store = FolderStore(tmp_path / "keys")
    store.root.mkdir()
    folder = store.write("sample", sample.files)
    copy = store.archive(folder, tmp_path / "archive")
    assert copy == tmp_path / "archive" / "sample.000"
    assert samples.read(copy) == samples.read(folder) == sample.files
    assert store.archive(folder, tmp_path / "archive") == copy

    other = samples.container("sample", with_certificate=False)
    store = FolderStore(tmp_path / "other")
    store.root.mkdir()
    second = store.archive(store.write("sample", other.files), tmp_path / "archive")
    assert second == tmp_path / "archive" / "sample.001"
    assert samples.read(second) == other.files
    assert samples.read(copy) == sample.files


# -- after a crash -----------------------------------------------------------


def test_leftovers_are_cleaned_when_they_are_old(
    tmp_path: Path, sample: samples.Sample
) -> None:
    store = FolderStore(tmp_path)
    folder = store.write("sample", sample.files)
    samples.write(tmp_path / TEMPORARY, {"primary.key": b"secret"})
    (folder / TEMPORARY).write_bytes(b"half a header")
    before = names(tmp_path)
    assert store.clean_leftovers() == []
    assert names(tmp_path) == before
    done = store.clean_leftovers(0)
    assert done == [tmp_path / TEMPORARY, folder / TEMPORARY]
    assert samples.read(folder) == sample.files
    assert names(tmp_path) == sorted(
        ["sample.000", *(f"sample.000/{name}" for name in FILES)]
    )


def test_unfinished_replacement_is_settled(
    tmp_path: Path, sample: samples.Sample
) -> None:
    """A good header stays, whichever it is; a broken one gives way to the old."""
    store = FolderStore(tmp_path)
    changed = with_certificate(sample.files, samples.certificate_of(sample.key))
    good = store.write("good", changed)
    (good / OLD_HEADER).write_bytes(sample.files["header.key"])
    # Damage elsewhere says nothing against the new header.
    (good / "name.key").write_bytes(b"")
    broken = store.write("broken", sample.files | {"header.key": b""})
    (broken / OLD_HEADER).write_bytes(sample.files["header.key"])
    assert len(store.clean_leftovers(0)) == 2
    assert samples.read(good) == changed | {"name.key": b""}
    assert samples.read(broken) == sample.files


def test_old_header_that_cannot_be_settled_is_not_lost(
    tmp_path: Path, sample: samples.Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header is broken, the old one is the only good one, the medium fails."""
    store = FolderStore(tmp_path)
    folder = store.write("broken", sample.files | {"header.key": b""})
    (folder / OLD_HEADER).write_bytes(sample.files["header.key"])

    def failing(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        with pytest.raises(MediumError):
            store.replace_header(folder, b"new")
    store.clean_leftovers(0)
    assert samples.read(folder) == sample.files


# -- many at once ------------------------------------------------------------


def test_many_are_written_replaced_and_archived_with_faults_of_some(
    tmp_path: Path, sample: samples.Sample
) -> None:
    """A fault stops the item that has it, and no other."""
    store = FolderStore(tmp_path)
    taken = sample.write(tmp_path / "k3.000")
    places = [Path(f"k{n}.000") for n in range(6)]
    results = store.write_many((place, sample.files) for place in places)
    errors = [n for n, result in enumerate(results) if isinstance(result, MediumError)]
    assert errors == [3] and "exists already" in str(results[3])
    assert results[:3] == [tmp_path / place for place in places[:3]]
    assert samples.read(taken) == sample.files

    (tmp_path / "k4.000" / "header.key").unlink()
    headers = store.replace_headers((place, b"new") for place in places)
    assert [n for n, r in enumerate(headers) if isinstance(r, MediumError)] == [4]
    for n in (0, 1, 2, 3, 5):
        assert samples.read(tmp_path / places[n]) == sample.files | {
            "header.key": b"new"
        }
    assert sorted(os.listdir(tmp_path / "k4.000")) == sorted(
        set(FILES) - {"header.key"}
    )

    places[1] = Path("absent.000")
    copies = store.archive_many(places, tmp_path / "archive")
    assert [n for n, c in enumerate(copies) if isinstance(c, MediumError)] == [1]
    for n in (0, 2, 3, 4, 5):
        copy = copies[n]
        assert isinstance(copy, Path) and copy.parent == tmp_path / "archive"
        assert samples.read(copy) == samples.read(tmp_path / places[n])


# -- removing ----------------------------------------------------------------


@pytest.mark.parametrize("lacks", ["name.key", "header.key"])
def test_half_a_container_is_removed(tmp_path: Path, lacks: str) -> None:
    sample = samples.container(with_certificate=False)
    place = sample.write(tmp_path / "half.000")
    (place / lacks).unlink()
    FolderStore(tmp_path).remove(place)
    assert not place.exists()


def test_a_whole_container_is_removed_only_when_that_is_said(tmp_path: Path) -> None:
    sample = samples.container(with_certificate=False)
    place = sample.write(tmp_path / "whole.000")
    store = FolderStore(tmp_path)
    with pytest.raises(MediumError, match="a whole container"):
        store.remove(place)
    assert store.read(place) == sample.files
    (place / "notes.txt").write_text("not the container's")
    store.remove(Path("whole.000"), whole=True)
    # What is not the container's stays.
    assert [one.name for one in place.iterdir()] == ["notes.txt"]
    with pytest.raises(MediumError, match="none of a container's files"):
        store.remove(place, whole=True)


def test_through_a_link_nothing_is_removed(tmp_path: Path) -> None:
    sample = samples.container(with_certificate=False)
    place = sample.write(tmp_path / "whole.000")
    link = tmp_path / "link.000"
    link.symlink_to(place)
    with pytest.raises(MediumError, match="a link"):
        FolderStore(tmp_path).remove(link, whole=True)
    assert FolderStore(tmp_path).read(place) == sample.files
