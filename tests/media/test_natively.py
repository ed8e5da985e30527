"""Small files read by the native core: as by the system's own calls, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gostkey import bindings
from gostkey.bindings import filesystem
from gostkey.errors import MediumError
from gostkey.media import FolderStore, durable, groups

pytestmark = pytest.mark.skipif(
    not filesystem._NATIVE,
    reason="the native core is not in use: build it with a C compiler, and do without "
    "GOSTKEY_BACKEND=pure",
)
CONTENTS = {
    "name.key": b"name",
    "header.key": b"h" * 1300,
    "primary.key": b"p" * 36,
    "masks.key": b"m" * 58,
    "primary2.key": b"q" * 36,
    "masks2.key": b"n" * 58,
}


def leave(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


# -- a folder -----------------------------------------------------------------


def plain(folder: Path) -> None:
    leave(folder, CONTENTS)


def capitals(folder: Path) -> None:
    leave(folder, {name.upper(): data for name, data in CONTENTS.items()})


def no_reserve(folder: Path) -> None:
    leave(folder, dict(list(CONTENTS.items())[:4]))


def empty(folder: Path) -> None:
    leave(folder, {})


def with_others(folder: Path) -> None:
    leave(folder, {**CONTENTS, "readme.txt": b"?", "name.key.old": b"?", "ключ": b"?"})


def both_ways(folder: Path) -> None:
    leave(folder, {**CONTENTS, "MASKS.KEY": b"other"})


def kelvin(folder: Path) -> None:
    """Python's small letter of the sign for kelvin is the letter k."""
    leave(folder, {**CONTENTS, "name.\u212aey": b"other"})


def empty_files(folder: Path) -> None:
    leave(folder, dict.fromkeys(CONTENTS, b""))


def large(folder: Path) -> None:
    leave(folder, {**CONTENTS, "masks.key": bytes(64 * 1024)})


def too_large(folder: Path) -> None:
    leave(folder, {**CONTENTS, "masks.key": bytes(64 * 1024 + 1)})


def header_too_large(folder: Path) -> None:
    leave(folder, {**CONTENTS, "header.key": bytes(64 * 1024 + 1)})


def a_folder(folder: Path) -> None:
    no_reserve(folder)
    (folder / "masks2.key").mkdir()


def a_pipe(folder: Path) -> None:
    no_reserve(folder)
    os.mkfifo(folder / "masks2.key")


def a_link(folder: Path) -> None:
    leave(folder, CONTENTS)
    (folder / "masks.key").rename(folder / "elsewhere")
    (folder / "masks.key").symlink_to("elsewhere")


def a_dead_link(folder: Path) -> None:
    no_reserve(folder)
    (folder / "name.key").unlink()
    (folder / "name.key").symlink_to("nowhere")


def absent(folder: Path) -> None:
    """Leave nothing."""


def a_file(folder: Path) -> None:
    folder.write_bytes(b"no folder")


NATIVELY = [plain, capitals, no_reserve, empty, empty_files, a_link]
OTHERWISE = [
    *(with_others, both_ways, kelvin, large, too_large, a_folder, a_pipe),
    *(a_dead_link, absent, a_file),
]


def outcome(read: Callable[[Path], dict[str, bytes]], folder: Path) -> object:
    try:
        return list(read(folder).items())
    except MediumError as error:
        return str(error)


@pytest.mark.parametrize("lay", [*NATIVELY, *OTHERWISE, header_too_large])
@pytest.mark.parametrize("read", [groups.read_container, groups.read_public_files])
def test_a_container_is_read_as_with_the_systems_calls(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lay: Callable[[Path], None],
    read: Callable[[Path], dict[str, bytes]],
) -> None:
    folder = tmp_path / "контейнер.000"
    lay(folder)
    found = outcome(read, folder)
    monkeypatch.setattr(groups, "read_folder", lambda *_: None)
    assert found == outcome(read, folder)


def natively(folder: Path) -> dict[str, bytes] | None:
    names = groups.FILES
    return filesystem.read_folder(str(folder), names, names, groups.LARGEST_FILE)


@pytest.mark.parametrize("lay", NATIVELY)
@pytest.mark.skipif(os.name == "nt", reason="the core reads folders on POSIX systems")
def test_the_core_reads_what_is_ordinary(
    tmp_path: Path, lay: Callable[[Path], None]
) -> None:
    folder = tmp_path / "c.000"
    lay(folder)
    files = natively(folder)
    assert files is not None
    there = {one.name.lower(): one.read_bytes() for one in folder.iterdir()}
    assert files == {name: there[name] for name in groups.FILES if name in there}
    # Nothing of a key stays where it was read to.
    assert not any(filesystem._room().octets[:])


@pytest.mark.parametrize("lay", OTHERWISE)
def test_the_core_leaves_what_is_not(
    tmp_path: Path, lay: Callable[[Path], None]
) -> None:
    folder = tmp_path / "c.000"
    lay(folder)
    files = natively(folder)
    assert files is None
    assert not any(filesystem._room().octets[:])


def test_a_path_with_a_nul_is_left(tmp_path: Path) -> None:
    plain(tmp_path / "c")
    path = f"{tmp_path / 'c'}\0d"
    assert filesystem.read_folder(path, groups.FILES, groups.FILES, 100) is None


@pytest.mark.parametrize(("backend", "natively"), [("pure", False), ("native", True)])
def test_on_the_fallback_nothing_is_read_natively(
    tmp_path: Path, backend: str, natively: bool
) -> None:
    plain(tmp_path / "c")
    code = (
        "import sys; from gostkey.bindings.filesystem import read_folder; "
        "files = read_folder(sys.argv[1], ('name.key',), ('name.key',), 9999); "
        "print(files is not None)"
    )
    # Plain Python has no kernels of the family that all tests may be run with.
    others = {k: v for k, v in os.environ.items() if k != "GOSTKEY_KERNELS"}
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "c")],
        env={**others, "GOSTKEY_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == f"{natively and os.name != 'nt'}\n"


def test_threads_read_side_by_side(tmp_path: Path) -> None:
    for number in range(4):
        leave(tmp_path / f"{number}", {"name.key": f"{number}".encode() * 1000})
    wrong: list[object] = []

    def read(number: int) -> None:
        for _ in range(300):
            files = groups.read_container(tmp_path / f"{number}")
            if files != {"name.key": f"{number}".encode() * 1000}:
                wrong.append(files)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# -- reading back -------------------------------------------------------------

SIZES = (0, 1, 36, 4095, 4096, 4097, 9000)


class Written:
    """Files that were written and flushed, and are open still."""

    def __init__(self, folder: Path, count: int = 600) -> None:
        self.contents = [os.urandom(SIZES[n % len(SIZES)]) for n in range(count)]
        self.paths = [folder / f"{n}" for n in range(count)]
        self.descriptors = []
        for path, data in zip(self.paths, self.contents, strict=True):
            self.descriptors.append(durable.write_for_later(path, data))
        os.sync()

    def read_back(self) -> list[bool]:
        return filesystem.read_back(self.descriptors, self.contents)

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the core read back however few there are."""
    monkeypatch.setattr(filesystem, "FEWEST", 1)


@pytest.fixture
def disk(tmp_path: Path, at_once: None) -> Iterator[Path]:
    """Give a folder on a disk that answers past the page cache."""
    for place in (tmp_path, Path(__file__).parent, Path.home(), Path("/var/tmp")):
        try:
            folder = Path(tempfile.mkdtemp(prefix=".gostkey-test-", dir=place))
        except OSError:
            continue
        try:
            probe = folder / "probe"
            probe.mkdir()
            written = Written(probe, 3)
            known = all(written.read_back())
            written.close()
            if known:
                yield folder
                return
        finally:
            shutil.rmtree(folder)
    pytest.skip(
        "no disk here can be read past the cache: run it on Linux 6.1 or later, with "
        "ext4, xfs or f2fs at the tests' folder, and AIO allowed"
    )


def test_what_was_written_is_known_to_be_there(disk: Path) -> None:
    written = Written(disk)
    assert written.read_back() == [True] * 600
    written.close()


@pytest.mark.parametrize(
    "spoil", ["changed", "longer", "shorter", "closed", "not readable"]
)
def test_what_is_not_the_same_is_not_called_so(disk: Path, spoil: str) -> None:
    written = Written(disk)
    bad = 599  # of a whole block, in the second lot
    descriptor = written.descriptors[bad]
    size = len(written.contents[bad])
    assert size > 1000
    if spoil == "changed":
        os.pwrite(descriptor, bytes([written.contents[bad][-1] ^ 1]), size - 1)
    elif spoil == "longer":
        os.pwrite(descriptor, b"x", size)
    elif spoil == "shorter":
        os.ftruncate(descriptor, size - 1)
    elif spoil == "closed":
        os.close(descriptor)
    else:
        os.close(descriptor)
        assert os.open(written.paths[bad], os.O_WRONLY) == descriptor
    if spoil in ("changed", "longer", "shorter"):
        os.fsync(descriptor)
    expected = [n != bad for n in range(600)]
    assert written.read_back() == expected
    if spoil in ("changed", "longer", "shorter"):
        # It can be read in the ordinary way still, into memory that begins anywhere.
        assert len(os.pread(descriptor, 99, 3)) == 99
    if spoil == "closed":
        del written.descriptors[bad]
    written.close()


def test_the_answer_comes_from_the_medium(disk: Path) -> None:
    """Each time anew, and not from the page cache."""
    written = Written(disk, 7)
    before = _read_from_disk()
    for _ in range(20):
        assert all(written.read_back())
    # Five of them have a block, one has two, one three; the first has none.
    assert _read_from_disk() - before >= 20 * 6 * 512
    written.close()


def _read_from_disk() -> int:
    """Give the bytes that this process had read from a disk."""
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("read_bytes")).split()[1])


def test_a_look_at_a_file_is_not_noted_in_it(disk: Path) -> None:
    """The note would have to be written to the disk, after all was flushed."""
    written = Written(disk, 7)
    for path in written.paths:
        os.utime(path, ns=(0, path.stat().st_mtime_ns))
    assert all(written.read_back())
    assert [path.stat().st_atime_ns for path in written.paths] == [0] * 7
    written.close()


@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0,
    reason="needs two users: run it as root",
)
def test_files_of_another_user_are_read_back_all_the_same(disk: Path) -> None:
    """Whose readers cannot do without the note."""
    written = Written(disk, 7)
    child = os.fork()
    if child == 0:
        os.setresuid(65534, 65534, 65534)
        os._exit(0 if all(written.read_back()) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    written.close()


def test_a_forked_process_has_a_queue_of_its_own(disk: Path) -> None:
    written = Written(disk, 20)
    assert all(written.read_back())
    child = os.fork()
    if child == 0:
        os._exit(0 if all(written.read_back()) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert all(written.read_back())
    written.close()


@pytest.mark.parametrize("fewest", [1, 4])
def test_without_a_queue_it_is_done_in_the_ordinary_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fewest: int
) -> None:
    """Whether there is none to be had, or the files are too few for one."""
    asked = []

    class Lib:
        @staticmethod
        def gostkey_queue_new() -> int:
            asked.append("queue")
            return 0

    assert bindings.core is not None
    monkeypatch.setattr(filesystem, "core", (bindings.core[0], Lib))
    monkeypatch.setattr(filesystem, "FEWEST", fewest)
    written = Written(tmp_path, 3)
    assert written.read_back() == [False] * 3
    assert len(asked) == (fewest <= 3)
    written.close()


def test_no_copy_of_what_was_written_stays(
    tmp_path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bindings.core is not None
    ffi, lib = bindings.core
    copies = []

    class Lib:
        gostkey_queue_free = staticmethod(lambda queue: None)
        gostkey_queue_new = staticmethod(lambda: 1)
        gostkey_wipe = staticmethod(lib.gostkey_wipe)

        @staticmethod
        def gostkey_read_back(*arguments: object) -> None:
            copies.append(ffi.buffer(arguments[4]))
            assert any(copies[0][:])

    monkeypatch.setattr(filesystem, "core", (ffi, Lib))
    written = Written(tmp_path, 7)
    assert written.read_back() == [False] * 7
    assert len(copies[0]) == sum(SIZES) and not any(copies[0][:])
    written.close()


def test_queues_are_taken_down(disk: Path) -> None:
    """However often it is done, and from threads at the same time."""
    written = Written(disk, 20)
    wrong: list[list[bool]] = []

    def read() -> None:
        for _ in range(20):
            known = written.read_back()
            if not all(known):
                wrong.append(known)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    written.close()
    end = time.monotonic() + 20
    while threading.active_count() > 1 and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == 1


def test_containers_are_read_back_by_the_core(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("was read back in the ordinary way")

    monkeypatch.setattr(durable, "begin_reading_back", never)
    before = len(os.listdir("/proc/self/fd"))
    store = FolderStore(disk)
    places = [f"c{n:03d}.000" for n in range(groups.TOGETHER)]
    results = store.write_many((place, CONTENTS) for place in places)
    assert results == [disk / place for place in places]
    for place in places:
        assert store.read(Path(place)) == CONTENTS
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_the_core_does_not_know_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One container lies there otherwise: it alone fails, in words of its medium."""
    looked: list[int] = []
    begin, end = durable.begin_reading_back, durable.end_reading_back

    def some(descriptors: list[int], contents: list[bytes]) -> list[bool]:
        # The second file of the fourth container, and the first of the sixth.
        return [n not in (3 * 6 + 1, 5 * 6) for n in range(len(contents))]

    def look(descriptor: int) -> None:
        looked.append(descriptor)
        begin(descriptor)

    def spoiled(descriptor: int, size: int) -> bytes:
        data = end(descriptor, size)
        return data[:-1] + b"?" if size == 1300 and len(looked) == 12 else data

    monkeypatch.setattr(groups, "flush_of", lambda _: lambda: None)
    monkeypatch.setattr(groups, "read_back", some)
    monkeypatch.setattr(durable, "begin_reading_back", look)
    monkeypatch.setattr(durable, "end_reading_back", spoiled)
    before = len(os.listdir("/proc/self/fd"))
    places = [f"c{n:03d}.000" for n in range(groups.TOGETHER)]
    results = FolderStore(tmp_path).write_many((place, CONTENTS) for place in places)
    assert len(looked) == 12
    bad = [n for n, one in enumerate(results) if isinstance(one, MediumError)]
    assert bad == [3, 5]
    assert "does not read back the same" in str(results[3])
    assert len(os.listdir(tmp_path)) == groups.TOGETHER - 2
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_cannot_be_closed_stops_its_container_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = groups.Writing.close
    failed: list[str] = []

    def close(writing: groups.Writing) -> None:
        original(writing)
        if not failed:
            failed.append(writing.place)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(groups, "flush_of", lambda _: lambda: None)
    monkeypatch.setattr(groups, "read_back", lambda _, data: [True] * len(data))
    monkeypatch.setattr(groups.Writing, "close", close)
    places = [f"c{n:03d}.000" for n in range(groups.TOGETHER)]
    results = FolderStore(tmp_path).write_many((place, CONTENTS) for place in places)
    bad = [n for n, one in enumerate(results) if isinstance(one, MediumError)]
    assert bad == [0] and failed == [str(tmp_path / "c000.000")]
    assert sorted(os.listdir(tmp_path)) == places[1:]
