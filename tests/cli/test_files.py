"""Files are written whole or not at all, and never replaced by accident."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gostkey.cli.files import read_file, write_file
from gostkey.errors import EncodingError


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(b"old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_file(file, b"new", force=True)
    assert caught.value.filename == str(file)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.pem"
    real = os.fsync

    def slow(descriptor: int) -> None:
        file.write_bytes(b"somebody else's")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    with pytest.raises(FileExistsError):
        write_file(file, b"ours")
    assert file.read_bytes() == b"somebody else's"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(os.name != "posix", reason="file modes are of POSIX systems")
def test_a_private_file_is_never_readable_by_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_file(tmp_path / "key.pem", b"secret", private=True)
        write_file(tmp_path / "key.pem", b"secret", private=True, force=True)
    finally:
        os.umask(before)
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_missing_folder_is_told_with_the_files_own_name(tmp_path: Path) -> None:
    file = tmp_path / "absent" / "key.pem"
    with pytest.raises(FileNotFoundError) as caught:
        write_file(file, b"x")
    assert caught.value.filename == str(file)


def test_a_file_that_is_too_long_is_not_read_in(tmp_path: Path) -> None:
    file = tmp_path / "disk.img"
    file.write_bytes(bytes(101))
    with pytest.raises(EncodingError, match="disk.img"):
        read_file(file, limit=100)
    assert len(read_file(file, limit=101)) == 101
