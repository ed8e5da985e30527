"""`gostkey container` takes a floppy image wherever it only reads."""

from __future__ import annotations

from pathlib import Path

import floppies
import pytest
import samples

from .conftest import Office, Run


@pytest.fixture
def image(office: Office, tmp_path: Path) -> Path:
    image = floppies.make(tmp_path / "old.img")
    files = samples.read(office.container(2))
    floppies.put(image, "IVANOV.000", files, tmp_path)
    return image


def test_list_show_check_and_inspect(run: Run, office: Office, image: Path) -> None:
    folder = run("container", "show", "--json", office.container(2)).record
    place = image / "IVANOV.000"
    for words in (("list", image), ("show", image), ("show", place)):
        record = run("container", words[0], "--json", words[1]).record
        assert record["name"] == folder["name"] and record["item"] == str(place)
    assert run("container", "check", image).code == 0
    keys = [
        run("key", "inspect", "--json", one).record["key_id"]
        for one in (place, office.container(2))
    ]
    assert keys[0] == keys[1]


def test_copy_and_backup_from_an_image(
    run: Run, office: Office, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "spare").mkdir()
    ran = run("container", "copy", "--json", image, tmp_path / "spare")
    assert ran.code == 0 and ran.record["compared"] == "keys"
    assert samples.read(Path(ran.record["copy"])) == samples.read(office.container(2))
    archive = tmp_path / "keys.zip"
    assert run("container", "backup", image, "--out", archive).code == 0
    record = run("container", "backup", "verify", "--json", archive).record
    assert [one["folder"] for one in record["folders"]] == ["IVANOV.000"]


def test_what_changes_or_writes_refuses_an_image(
    run: Run, office: Office, image: Path
) -> None:
    before = image.read_bytes()
    for words in (
        ("password", image / "IVANOV.000", "--no-new-password"),
        ("copy", office.container(3), image),
    ):
        ran = run("container", *words)
        assert ran.code == 4 and "only read" in ran.stderr, ran.stderr
    assert image.read_bytes() == before
