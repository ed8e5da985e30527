"""The places where containers are looked for when none is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import samples

from gostkey.media import usual, usual_media

MOUNTS = """\
/dev/sda2 / ext4 rw 0 0
/dev/sda1 /boot/efi vfat rw 0 0
/dev/sdb1 /media/ivanov/USB\\040DISK vfat rw,nosuid 0 0
/dev/sdc1 /run/media/ivanov/\u043a\u043b\u044e\u0447\u0438 vfat rw 0 0
//server/keys /mnt/share cifs rw 0 0
/dev/sdd /mnt/floppy vfat ro 0 0
tmpfs /media tmpfs rw 0 0
/dev/sdb1 /media/ivanov/USB\\040DISK vfat rw,nosuid 0 0
broken
"""


def test_disks_that_are_mounted_for_people() -> None:
    assert usual.mounted_disks(MOUNTS) == [
        Path("/media/ivanov/USB DISK"),
        Path("/run/media/ivanov/ключи"),
        Path("/mnt/floppy"),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are told so on Linux")
def test_csp_and_the_roots_of_disks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = samples.container(with_certificate=False)
    for place in ("csp/a.000", "disk/b.000", "disk/photos/c.000"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        sample.write(tmp_path / place)
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sdb1 {tmp_path / 'disk'} vfat rw 0 0\n")
    monkeypatch.setattr(usual, "MOUNTS", mounts)
    monkeypatch.setattr(usual, "_MOUNTED_IN", (tmp_path,))
    monkeypatch.setattr(usual, "csp_folder", lambda: tmp_path / "csp")
    media = usual_media()
    assert [medium.identity for medium in media] == [
        str(tmp_path / "csp"),
        str(tmp_path / "disk"),
    ]
    found = [place.name for medium in media for place in medium.find()]
    assert found == ["a.000", "b.000"]
    monkeypatch.setattr(usual, "csp_folder", lambda: tmp_path / "absent")
    mounts.unlink()
    assert usual_media() == []
