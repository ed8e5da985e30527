"""Full, read-only and vanishing media, and a kill at any moment."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import samples

import gostkey
from gostkey.containers import FILES
from gostkey.errors import MediumError
from gostkey.media import FolderStore

TREE = Path(gostkey.__file__ or "").parent.parent


@pytest.fixture(scope="module")
def sample() -> samples.Sample:
    return samples.container(with_certificate=False)


def mount(folder: Path, options: str) -> None:
    """Mount a small memory disk, or skip."""
    if not sys.platform.startswith("linux") or not shutil.which("mount"):
        pytest.skip("mounting a small disk needs Linux; the faults are injected too")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(
            f"mounting a small disk needs root ({done.stderr.strip()}); "
            "the faults are injected too"
        )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "disk"
    mount(folder, "size=64k")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk_is_told_and_nothing_half_is_left(
    disk: Path, sample: samples.Sample
) -> None:
    store = FolderStore(disk)
    written = []
    with pytest.raises(MediumError) as caught:
        for number in range(10):
            written.append(store.write(f"k{number}", sample.files))
    text = str(caught.value)
    assert str(disk) in text and "disk is full: free" in text
    assert caught.value.errno == errno.ENOSPC
    assert len(written) >= 1
    assert sorted(os.listdir(disk)) == sorted(place.name for place in written)
    for place in written:
        assert samples.read(place) == sample.files


def test_full_disk_keeps_the_old_header(disk: Path, sample: samples.Sample) -> None:
    store = FolderStore(disk)
    place = store.write("k", sample.files)
    free = store.free_space()
    (disk / "ballast").write_bytes(bytes(free))
    with pytest.raises(MediumError, match="disk is full"):
        store.replace_header(place, bytes(4000))
    assert samples.read(place) == sample.files


def test_full_disk_stops_an_archive(
    disk: Path, tmp_path: Path, sample: samples.Sample
) -> None:
    source = FolderStore(tmp_path)
    place = source.write("k", sample.files)
    (disk / "ballast").write_bytes(bytes(FolderStore(disk).free_space() - 8192))
    with pytest.raises(MediumError, match="disk is full"):
        source.archive(place, disk / "archive")
    assert os.listdir(disk / "archive") == []
    assert samples.read(place) == sample.files


def test_read_only_disk_is_told(disk: Path, sample: samples.Sample) -> None:
    store = FolderStore(disk)
    place = store.write("k", sample.files)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert store.read(place) == sample.files
    for attempt in (
        lambda: store.write("another", sample.files),
        lambda: store.replace_header(place, b"new"),
    ):
        with pytest.raises(MediumError, match="is read-only") as caught:
            attempt()
        assert str(disk) in str(caught.value)
        assert caught.value.errno == errno.EROFS
    assert samples.read(place) == sample.files


CALLS = ["mkdir", "open", "write", "fsync", "rename"]


@pytest.mark.parametrize(
    "number, says",
    [
        (errno.ENOSPC, "the disk is full: free"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "denied"),
        (errno.EIO, "fails"),
        (errno.ENODEV, "removed"),
        (errno.EMFILE, "Too many open files"),
    ],
)
@pytest.mark.parametrize("failing", CALLS)
def test_fault_at_any_call_leaves_nothing(
    tmp_path: Path,
    sample: samples.Sample,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
    number: int,
    says: str,
) -> None:
    """Injected, so that it is also tested where nothing can be mounted."""
    store = FolderStore(tmp_path)
    real = getattr(os, failing)
    for call in (1, 2, 5):
        calls = 0

        def broken(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == call:  # noqa: B023
                raise OSError(number, os.strerror(number))
            return real(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, failing, broken)
            try:
                store.write("sample", sample.files)
            except MediumError as error:
                assert says in str(error)
                assert str(tmp_path) in str(error)
                assert error.errno == number
                assert os.listdir(tmp_path) == []
            else:
                assert calls < call
        shutil.rmtree(tmp_path / "sample.000", ignore_errors=True)


WRITER = """
import importlib.util, sys
tree = sys.argv[1]
if importlib.util.find_spec("gostkey") is None:
    spec = importlib.util.spec_from_file_location(
        "gostkey", tree + "/engine/__init__.py",
        submodule_search_locations=[tree + "/engine", tree])
    sys.modules["gostkey"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
import warnings
warnings.simplefilter("ignore")
from pathlib import Path
from gostkey.media import FolderStore
store = FolderStore(sys.argv[2])
files = {file.name: file.read_bytes() for file in Path(sys.argv[3]).iterdir()}
headers = [files["header.key"], bytes.fromhex(sys.argv[4])]
print("ready", flush=True)
number = 0
while True:
    place = store.write(f"k{number:05d}", files)
    store.replace_header(place, headers[1])
    number += 1
"""


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is for systems that have signals")
def test_kill_at_any_moment_leaves_whole_containers(
    tmp_path: Path, sample: samples.Sample
) -> None:
    from gostkey.containers import with_certificate

    source = sample.write(tmp_path / "source.000")
    root = tmp_path / "keys"
    root.mkdir()
    changed = with_certificate(sample.files, samples.certificate_of(sample.key))
    whole = [sample.files, changed]
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    store = FolderStore(root)
    for _ in range(6):
        arguments = [str(TREE), str(root), str(source), changed["header.key"].hex()]
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"GOSTKEY_BACKEND": gostkey.backend().name},
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == b"ready\n", process.communicate()[1].decode()
        time.sleep(chance.uniform(0.0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        found = list(store.find())
        for place in found:
            assert store.read(place) in whole
        store.clean_leftovers(0)
        for place in found:
            assert sorted(os.listdir(place)) == sorted(FILES)
            assert store.read(place) in whole
        assert sorted(os.listdir(root)) == [place.name for place in found]
        shutil.rmtree(root)
        root.mkdir()
