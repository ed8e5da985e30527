"""Other people's containers and PFX files, through every command and back."""

from __future__ import annotations

from pathlib import Path

import pytest
import real_containers
import real_pfx
import samples

from gostkey.containers import Container

from .conftest import Run

SID = "S-1-5-21-1-2-3-1001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def secret(path: Path, password: str | None) -> list[object]:
    if password is None:
        return ["--no-password"]
    path.write_text(password + "\n")
    return ["--password-file", path]


def done(run: Run, *words: object) -> dict[str, object]:
    ran = run("container", *words)
    assert ran.code == 0, ran.stdout + ran.stderr
    return ran.record


@pytest.mark.parametrize("label", real_containers.PASSWORDS)
def test_containers_from_place_to_place(
    run: Run, fixtures: Path, folder: Path, tmp_path: Path, label: str
) -> None:
    """Folder, export, archive, export, archive, folder: the same files."""
    real = real_containers.read_real(fixtures, label)
    source = fixtures / "containers" / label
    first, second = tmp_path / "1.reg", tmp_path / "2.reg"
    done(run, "copy", "--json", source, first, "--sid", SID)
    archives = [tmp_path / "1.zip", tmp_path / "2.zip"]
    done(run, "backup", "--json", first, "--out", archives[0])
    restore = ("backup", "restore", "--json")
    done(run, *restore, archives[0], second, "--sid", SID, "--windows", "32")
    done(run, "backup", "--json", second, "--out", archives[1])
    place = done(run, *restore, archives[1], folder)["restored"]
    assert samples.read(Path(str(place))) == real.files
    with Container.parse(samples.read(Path(str(place)))).open(real.password) as opened:
        for slot, (private, _) in real.expected.items():
            assert opened.keys[slot].to_bytes() == private


@pytest.mark.parametrize("form", ["cryptopro", "standard", "pkcs8"])
@pytest.mark.parametrize("label", ["dbfun-cyrillic", "dbfun-pin", "selenoid-2001"])
def test_containers_out_and_in(
    run: Run, fixtures: Path, folder: Path, tmp_path: Path, label: str, form: str
) -> None:
    real = real_containers.read_real(fixtures, label)
    file, word = tmp_path / "key", tmp_path / "word"
    word.write_text("Gostkey-1\n")
    password = secret(tmp_path / "password", real.password)
    if real.password is None:
        password = []
    done(
        run,
        *("export", "--json", fixtures / "containers" / label, "--out", file),
        *("--form", form, "--file-password-file", word, *password),
    )
    record = done(
        run,
        *("import", "--json", file, folder, "--no-password"),
        *("--file-password-file", word),
    )
    made = Container.parse(samples.read(Path(str(record["container"]))))
    with made.open() as opened:
        assert opened.keys["primary"].to_bytes() == real.expected["primary"][0]
    before = Container.parse(real.files).keys[0]
    assert made.keys[0].certificate == before.certificate
    assert (made.keys[0].scheme, made.keys[0].curve) == (before.scheme, before.curve)


@pytest.mark.parametrize("label", real_pfx.PASSWORDS)
def test_pfx_in_out_and_in(
    run: Run, fixtures: Path, folder: Path, tmp_path: Path, label: str
) -> None:
    real = real_pfx.read_real_pfx(fixtures, label)
    word = tmp_path / "word"
    word.write_text(real.password + "\n")
    source: Path = fixtures / "pfx" / f"{label}.pfx"
    for turn in range(2):
        record = done(
            run,
            *("import", "--json", source, folder, "--no-password"),
            *("--file-password-file", word),
        )
        place = Path(str(record["container"]))
        container = Container.parse(samples.read(place))
        with container.open() as opened:
            assert opened.keys["primary"].to_bytes() == real.private_le
            assert opened.keys["primary"].verifying_key.to_bytes() == real.public_le
        assert container.keys[0].certificate is not None
        source = tmp_path / f"{turn}.pfx"
        kept = ["--no-file-password"]
        if real.password:
            kept = ["--file-password-file", str(word)]
        done(run, "export", "--json", place, "--out", source, *kept)
