"""Archives that others made or changed: nothing in them is believed unchecked."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from gostkey.errors import BackupError, GostKeyError
from gostkey.media import collect, pack, unpack
from gostkey.media.archive import checked_folder

MADE = datetime(2026, 11, 26, 23, 15, 7, tzinfo=timezone.utc)
ONE = samples.container("one")


def rezip(data: bytes, change: Callable[[dict[str, bytes]], object]) -> bytes:
    """Unpack with zipfile, change the files, pack again as an attacker would."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def forge(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Change the manifest."""

    def in_manifest(files: dict[str, bytes]) -> None:
        manifest = json.loads(files["manifest.json"])
        change(manifest)
        files["manifest.json"] = json.dumps(manifest).encode()

    return rezip(data, in_manifest)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    root = tmp_path_factory.mktemp("good")
    ONE.write(root / "one.000")
    return pack(collect(root, MADE))


def test_a_bad_hash_is_named(good: bytes) -> None:
    bad = rezip(good, lambda files: files.update({"one.000/masks.key": b"\x30\x00"}))
    with pytest.raises(BackupError, match=r"one\.000/masks\.key.*hash"):
        unpack(bad)
    other = bytes(len(ONE.files["masks.key"]))
    same_size = rezip(good, lambda files: files.update({"one.000/masks.key": other}))
    with pytest.raises(BackupError, match=r"one\.000/masks\.key.*hash"):
        unpack(same_size)


def test_a_missing_or_an_additional_file_is_named(good: bytes) -> None:
    with pytest.raises(BackupError, match=r"masks\.key.*not in the archive"):
        unpack(rezip(good, lambda files: files.pop("one.000/masks.key")))
    with pytest.raises(BackupError, match=r"virus.*not in the manifest"):
        unpack(rezip(good, lambda files: files.update({"virus.exe": b""})))
    with pytest.raises(BackupError, match=r"manifest\.json is not in it"):
        unpack(rezip(good, lambda files: files.pop("manifest.json")))


TRAVERSALS = [
    "..",
    "../one.000",
    "a/../../one.000",
    "/etc/one.000",
    "C:/one.000",
    "..\\one.000",
    "a//one.000",
    "./one.000",
    "one.000/",
    "",
    "con.000",
    "LPT1",
    "one.000.",
    " one.000",
    "o\0ne.000",
    "o\nne.000",
    ".gostkey-tmp-00",
    ".gostkey-old-one.000",
    "x" * 256,
    "Ы" * 128,
    "a/b/c/d/e/f/one.000",
    "\ud800",
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("folder", TRAVERSALS)
def test_a_folder_that_leads_elsewhere_is_refused(good: bytes, folder: str) -> None:
    def move(files: dict[str, bytes]) -> None:
        manifest = json.loads(files["manifest.json"])
        manifest["containers"][0]["folder"] = folder
        files["manifest.json"] = json.dumps(manifest).encode()
        for name in ONE.files:
            data = files.pop(f"one.000/{name}")
            if "\ud800" not in folder:
                files[f"{folder}/{name}"] = data

    with pytest.raises(BackupError):
        unpack(rezip(good, move))
    with pytest.raises(BackupError):
        checked_folder(folder)


def test_only_files_of_a_container_come_out(good: bytes) -> None:
    def add(files: dict[str, bytes]) -> None:
        manifest = json.loads(files["manifest.json"])
        manifest["containers"][0]["files"]["../evil"] = {"size": 0, "streebog256": ""}
        files["manifest.json"] = json.dumps(manifest).encode()
        files["one.000/../evil"] = b""

    with pytest.raises(BackupError, match="no file of a container"):
        unpack(rezip(good, add))


def entry_of(name: str, data: bytes, **facts: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo(name)
        for key, value in facts.items():
            setattr(entry, key, value)
        archive.writestr(entry, data)
    return packed.getvalue()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(kind: int) -> None:
    bad = entry_of("one.000/name.key", b"/etc/shadow", external_attr=kind << 16)
    with pytest.raises(BackupError, match="a link"):
        unpack(bad)


def test_what_would_grow_is_refused() -> None:
    bomb = entry_of(
        "manifest.json", bytes(50 << 20), compress_type=zipfile.ZIP_DEFLATED
    )
    assert len(bomb) < 100_000
    with pytest.raises(BackupError, match="compressed"):
        unpack(bomb)
    with pytest.raises(BackupError, match="70000 bytes"):
        unpack(entry_of("one.000/name.key", bytes(70_000)))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("one.000/name.key", b"1")
        archive.writestr("ONE.000/name.key", b"2")
    with pytest.raises(BackupError, match="twice"):
        unpack(packed.getvalue())


def test_another_programs_files_are_refused(good: bytes) -> None:
    plain = io.BytesIO()
    zipfile.ZipFile(plain, "w").close()
    for data in (b"", b"PK", plain.getvalue(), good[: len(good) // 2], ONE.certificate):
        assert data is not None
        with pytest.raises(BackupError):
            unpack(data)
    with pytest.raises(BackupError, match="format"):
        unpack(forge(good, lambda manifest: manifest.update(format="gostkey backup 2")))


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.pop("made"),
        lambda manifest: manifest.update(made="yesterday"),
        lambda manifest: manifest.update(containers=7),
        lambda manifest: manifest.update(containers=[7]),
        lambda manifest: manifest["containers"][0].update(files=[]),
        lambda manifest: manifest["containers"].append(
            {"folder": "two.000", "name": "", "damage": "", "files": {}}
        ),
        lambda manifest: manifest["containers"][0].update(folder=["one.000"]),
        lambda manifest: manifest["containers"].append(manifest["containers"][0]),
        lambda manifest: manifest.pop("missing"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(
    good: bytes, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(BackupError):
        unpack(forge(good, change))


@given(st.binary(max_size=300))
def test_any_bytes_are_no_archive(data: bytes) -> None:
    for start in (b"", b"PK\3\4", b"PK\5\6"):
        with pytest.raises(BackupError):
            unpack(start + data)


@given(data=st.data())
def test_a_changed_byte_changes_no_container(good: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(1, 255))
    changed = bytearray(good)
    changed[position] ^= value
    try:
        backup = unpack(bytes(changed))
    except GostKeyError:
        return
    assert [dict(one.files) for one in backup.containers] == [ONE.files]
