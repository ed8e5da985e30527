"""A drive of our own to spoil, and a doctor who sees only what the test says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import samples

from gostkey.doctor import Doctor, Examination, Finding, Surroundings


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Make an empty folder that stands for the root of a removable disk."""
    root = tmp_path / "usb"
    root.mkdir()
    return root


@pytest.fixture
def box(drive: Path) -> Path:
    """Make a container in the root of the drive, as CryptoPro CSP would."""
    return samples.container("ivanov-2026").write(drive / "ivanov-2.000")


@pytest.fixture
def around(drive: Path, tmp_path: Path) -> Surroundings:
    """Make a machine whose only removable disk is the drive."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sdb1 {drive} vfat rw 0 0\n")
    (tmp_path / "sys" / "block").mkdir(parents=True)
    return Surroundings(
        sys=tmp_path / "sys",
        mounts=mounts,
        run=tmp_path / "run",
        roots=lambda: [drive],
    )


Look = Callable[..., dict[str, Finding]]


@pytest.fixture
def look(around: Surroundings) -> Look:
    """Examine a place; return what is not right, by the code of the fault."""

    def call(place: Path, **options: object) -> dict[str, Finding]:
        options = {"at": samples.MADE, "around": around, **options}
        doctor = Doctor(**options)  # type: ignore[arg-type]
        return faults([*doctor.examine(place), *doctor.certificates()])

    return call


def faults(examined: list[Examination]) -> dict[str, Finding]:
    """Return what is not right, without what the test gave no authority for."""
    told = [one for it in examined for one in it.findings if one.fault]
    for one in told:
        assert one.cause and one.cure and "{" not in one.cause + one.cure
    found = {one.fault: one for one in told}
    found.pop("chain-not-asked", None)
    return found
