"""Many containers at once: flushed with their file system, and none of it lost."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gostkey.bindings import filesystem
from gostkey.errors import MediumError
from gostkey.media import FolderStore, durable, groups

MANY = groups.TOGETHER + 4
FILES = {"name.key": b"name", "header.key": b"header", "primary.key": b"key"}


needs_limit = pytest.mark.skipif(
    filesystem.resource is None or not os.path.isdir("/proc/self/fd"),
    reason="it is of use on Linux alone",
)


@pytest.fixture(autouse=True)
def in_the_ordinary_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read back with the system's own calls; the core's way has its own tests."""
    monkeypatch.setattr(filesystem, "FEWEST", 1 << 60)


def write(store: FolderStore) -> list[Path | MediumError]:
    return store.write_many([(f"c{n:03d}.000", FILES) for n in range(MANY)])


def check_all(store: FolderStore, results: list[Path | MediumError]) -> None:
    assert [str(one) for one in results] == [
        str(store.root / f"c{n:03d}.000") for n in range(MANY)
    ]
    assert sorted(os.listdir(store.root)) == [f"c{n:03d}.000" for n in range(MANY)]
    for n in range(MANY):
        assert store.read(Path(f"c{n:03d}.000")) == FILES


class Calls:
    """What was flushed, and in which order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fault: int = 0) -> None:
        self.order: list[str] = []
        fsync, rename, read_back = os.fsync, os.rename, durable.end_reading_back

        def flush_of(descriptor: int) -> Callable[[], None]:
            self.order.append("open")

            def flush() -> None:
                self.order.append("syncfs")
                if fault:
                    raise OSError(fault, os.strerror(fault))

            return flush

        def note(name: str, call: Callable[..., object]) -> Callable[..., object]:
            def noted(*arguments: object) -> object:
                self.order.append(name)
                return call(*arguments)

            return noted

        original = durable.write_for_later
        monkeypatch.setattr(groups, "flush_of", flush_of)
        monkeypatch.setattr(durable, "write_for_later", note("write", original))
        monkeypatch.setattr(durable, "end_reading_back", note("read back", read_back))
        monkeypatch.setattr(os, "fsync", note("fsync", fsync))
        monkeypatch.setattr(os, "rename", note("rename", rename))


def test_one_flush_comes_between_the_last_write_and_the_first_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    store = FolderStore(tmp_path)
    check_all(store, write(store))
    files = MANY * len(FILES)
    assert calls.order == [
        "open",
        *["write"] * files,
        "syncfs",
        *["read back"] * files,
        *["rename"] * MANY,
        "fsync",  # of the parent, for the names
    ]


def test_after_a_flush_that_failed_each_file_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch, errno.EIO)
    store = FolderStore(tmp_path)
    check_all(store, write(store))
    # Each file, each temporary folder, and the parent.
    assert calls.order.count("fsync") == MANY * (len(FILES) + 1) + 1


def test_a_file_that_does_not_read_back_stops_its_container_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Calls(monkeypatch)
    original = durable.end_reading_back
    calls = 0
    before = open_files()

    def failing(descriptor: int, size: int) -> bytes:
        nonlocal calls
        calls += 1
        data = original(descriptor, size)
        return b"" if calls == 3 else data

    monkeypatch.setattr(durable, "end_reading_back", failing)
    results = write(FolderStore(tmp_path))
    bad = [one for one in results if isinstance(one, MediumError)]
    assert len(bad) == 1 and "read back" in str(bad[0])
    assert len(os.listdir(tmp_path)) == MANY - 1
    assert open_files() == before


def test_a_file_that_cannot_be_read_back_stops_its_container_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Calls(monkeypatch)
    original = durable.begin_reading_back
    calls = 0
    before = open_files()

    def failing(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        original(descriptor)

    monkeypatch.setattr(durable, "begin_reading_back", failing)
    results = write(FolderStore(tmp_path))
    bad = [one for one in results if isinstance(one, MediumError)]
    assert len(bad) == 1 and "the medium fails" in str(bad[0])
    assert len(os.listdir(tmp_path)) == MANY - 1
    assert open_files() == before


@pytest.mark.parametrize("room", [0, 1, 5 * len(FILES), 10_000])
def test_as_many_files_stay_open_as_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    calls = Calls(monkeypatch)
    most = 0
    before = open_files()

    def again(path: str) -> int:
        calls.order.append("again")
        return original(path)

    def look(descriptor: int) -> None:
        nonlocal most
        most = max(most, open_files())
        begin(descriptor)

    original, begin = durable.open_again, durable.begin_reading_back
    monkeypatch.setattr(durable, "open_again", again)
    monkeypatch.setattr(durable, "begin_reading_back", look)
    monkeypatch.setattr(filesystem, "_places_left", lambda: 2 * room)
    store = FolderStore(tmp_path)
    check_all(store, write(store))
    kept = min(MANY, room // len(FILES))
    assert calls.order.count("again") == (MANY - kept) * len(FILES)
    assert calls.order.count("read back") == MANY * len(FILES)
    if before:
        # Those that were kept, those that are looked for together, and the folder.
        assert kept * len(FILES) <= most - before
        assert most - before <= (kept + groups.AHEAD) * len(FILES) + 2
        assert open_files() == before


@needs_limit
def test_half_of_what_a_process_may_still_open_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits(monkeypatch, [100 + open_files(), 5000])
    with filesystem.files_kept_open(1000) as first:
        # The folder that is listed is open, too.
        assert first in (49, 50)
        with filesystem.files_kept_open(1000) as second:
            assert second in (25, 26)
        with filesystem.files_kept_open(3) as third:
            assert third == 3
    with filesystem.files_kept_open(1000) as again:
        assert again == first


@needs_limit
def test_a_worker_may_keep_more_open(monkeypatch: pytest.MonkeyPatch) -> None:
    now = limits(monkeypatch, [100, 5000])
    filesystem.keep_more_open()
    assert now == [5000, 5000]
    now[:] = [20_000, 100_000]
    filesystem.keep_more_open()
    assert now == [20_000, 100_000]
    with filesystem.files_kept_open(100_000) as most:
        assert 8000 < most <= 8192


def limits(monkeypatch: pytest.MonkeyPatch, now: list[int]) -> list[int]:
    """Pretend limits of open files: now, and at most."""

    def set_limits(_: int, wanted: tuple[int, int]) -> None:
        now[:] = wanted

    monkeypatch.setattr(filesystem.resource, "getrlimit", lambda _: tuple(now))
    monkeypatch.setattr(filesystem.resource, "setrlimit", set_limits)
    return now


@needs_limit
def test_threads_that_write_together_do_not_run_out_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Calls(monkeypatch)
    threads, places = 3, 100
    all_have_written = threading.Barrier(threads, timeout=20)
    before = open_files()
    opened: list[int] = []

    def flush() -> None:
        all_have_written.wait()
        opened.append(open_files() - before)
        all_have_written.wait()

    monkeypatch.setattr(groups, "flush_of", lambda _: flush)
    monkeypatch.setattr(
        filesystem, "_places_left", lambda: places + before - open_files()
    )
    stores = [FolderStore(tmp_path / str(number)) for number in range(threads)]
    for store in stores:
        store.root.mkdir()
    with ThreadPoolExecutor(threads) as pool:
        for store, results in zip(stores, pool.map(write, stores), strict=True):
            check_all(store, results)
    assert places / 2 < max(opened) <= places
    assert open_files() == before


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def test_an_interruption_at_the_flush_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flush_of(descriptor: int) -> Callable[[], None]:
        def flush() -> None:
            raise KeyboardInterrupt

        return flush

    monkeypatch.setattr(groups, "flush_of", flush_of)
    with pytest.raises(KeyboardInterrupt):
        write(FolderStore(tmp_path))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["vfat", "fuseblk", "nfs4", "overlay", ""])
def test_a_file_system_that_promises_less_is_not_flushed_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(filesystem, "_kind", lambda descriptor: kind)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        assert filesystem.flush_of(descriptor) is None
    finally:
        os.close(descriptor)


@pytest.mark.skipif(
    not hasattr(os, "uname") or os.uname().sysname != "Linux",
    reason="needs syncfs: run it on Linux",
)
def test_syncfs_is_called_and_tells_of_its_faults(tmp_path: Path) -> None:
    call = filesystem._syncfs()
    assert call is not None, "no cffi, or a kernel before 5.8"
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        call(descriptor)
    finally:
        os.close(descriptor)
    with pytest.raises(OSError, match="descriptor") as caught:
        call(descriptor)
    assert caught.value.errno == errno.EBADF


def _folder(place: Path) -> None:
    place.mkdir()
    (place / "theirs").write_bytes(b"theirs")


def _file(place: Path) -> None:
    place.write_bytes(b"theirs")


def _link(place: Path) -> None:
    place.symlink_to("elsewhere")


@pytest.mark.parametrize("make", [_folder, _file, _link])
def test_what_came_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    store = FolderStore(tmp_path)
    place = tmp_path / "c007.000"
    rename = groups.Writing.rename

    def late(writing: groups.Writing) -> None:
        if writing.place == str(place):
            make(place)
        rename(writing)

    monkeypatch.setattr(groups.Writing, "rename", late)
    results = write(store)
    assert [n for n, one in enumerate(results) if isinstance(one, MediumError)] == [7]
    if make is _folder:
        assert "it exists already" in str(results[7])
        assert os.listdir(place) == ["theirs"]
    elif make is _file:
        assert place.read_bytes() == b"theirs"
    else:
        assert os.readlink(place) == "elsewhere"
    assert len(os.listdir(tmp_path)) == MANY
