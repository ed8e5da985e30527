"""`gostkey container export` and `import`: nothing leaves that may not, nothing
is overwritten, and what comes back is the same key."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
import samples

from .conftest import Office, Run


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return write(tmp_path / "secret.txt", "secret\n")


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "usb"
    folder.mkdir()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("form", ["cryptopro", "standard", "pkcs8"])
def test_out_and_in_again(
    run: Run,
    office: Office,
    tmp_path: Path,
    destination: Path,
    secret: Path,
    form: str,
) -> None:
    source, password = office.container(0), office.password_file(0)
    before = contents(source)
    file = tmp_path / "ivanov.pfx"
    ran = run(
        *("container", "export", "--json", source, "--out", file, "--form", form),
        *("--password-file", password, "--file-password-file", secret),
    )
    assert ran.code == 0, ran.stdout + ran.stderr
    record = ran.record
    assert (record["form"], record["encrypted"], record["certificate"]) == (
        form,
        True,
        True,
    )
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert contents(source) == before
    ran = run(
        *("container", "import", "--json", file, destination),
        *("--file-password-file", secret, "--password-file", secret),
        *(["--name", record["name"]] if form == "pkcs8" else []),
    )
    assert ran.code == 0, ran.stdout + ran.stderr
    made = ran.record
    assert made["name"] == record["name"]
    assert made["key_id"] == record["key_id"]
    assert made["kind"] == form and made["certificate"] and made["has_password"]
    place = Path(made["container"])
    assert place.parent == destination
    shown = run("container", "show", "--json", place).record["keys"][0]
    assert (
        shown["certificate"]
        == (run("container", "show", "--json", source).record["keys"][0]["certificate"])
    )
    ran = run("container", "check", "--json", place, "--password-file", secret)
    assert ran.code == 0, ran.stdout


def test_an_import_never_overwrites(
    run: Run, office: Office, tmp_path: Path, destination: Path
) -> None:
    file = tmp_path / "a.pfx"
    source = office.container(2)
    ran = run("container", "export", source, "--out", file, "--no-file-password")
    assert ran.code == 0 and "whoever has the file has the key" in ran.stderr
    places = []
    for _ in range(2):
        ran = run(
            *("container", "import", "--json", file, destination, "--no-password")
        )
        assert ran.code == 0, ran.stderr
        places.append(Path(ran.record["container"]))
        before = contents(places[0])
    assert [place.suffix for place in places] == [".000", ".001"]
    assert contents(places[0]) == before


def test_an_export_never_overwrites_without_force(
    run: Run, office: Office, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.pfx", "precious")
    command = ("container", "export", "--json", office.container(2), "--out", file)
    ran = run(*command, "--no-file-password")
    assert (ran.code, ran.error["code"]) == (3, "already_exists")
    assert file.read_text() == "precious"
    assert run(*command, "--no-file-password", "--force").code == 0
    assert file.read_bytes()[:1] == b"\x30"


def test_a_cipher_is_for_the_forms_that_have_a_choice(
    run: Run, office: Office, tmp_path: Path
) -> None:
    command = ("container", "export", office.container(2), "--out", tmp_path / "a")
    ran = run(*command, "--cipher", "gost89", "--no-file-password")
    assert ran.code == 1 and "--cipher" in ran.stderr
    assert not (tmp_path / "a").exists()


def test_an_export_from_the_reserve_pair_is_told(
    run: Run, office: Office, tmp_path: Path
) -> None:
    primary = office.container(2) / "primary.key"
    data = bytearray(primary.read_bytes())
    data[-1] ^= 1
    primary.write_bytes(data)
    ran = run(
        *("container", "export", office.container(2), "--no-file-password"),
        *("--out", tmp_path / "a.pfx"),
    )
    assert ran.code == 0
    assert "primary.key" in ran.stderr and "other pair" in ran.stderr


def test_a_key_that_may_not_leave_is_refused(
    run: Run, tmp_path: Path, secret: Path
) -> None:
    sample = samples.container("closed", password="secret", exportable=False)
    folder = sample.write(tmp_path / "closed.000")
    # Before any password is asked for.
    ran = run("container", "export", "--json", folder, "--out", tmp_path / "a.pfx")
    assert (ran.code, ran.error["code"]) == (3, "export_refused")
    assert str(folder) in ran.error["message"] and "hint" in ran.error
    assert not (tmp_path / "a.pfx").exists()


def test_the_mark_can_be_set_on_import(
    run: Run, office: Office, tmp_path: Path, destination: Path
) -> None:
    file = tmp_path / "a.pfx"
    run("container", "export", office.container(2), "--out", file, "--no-file-password")
    ran = run(
        *("container", "import", "--json", file, destination, "--no-password"),
        "--not-exportable",
    )
    assert ran.record["exportable"] is False
    place = ran.record["container"]
    ran = run("container", "export", "--json", place, "--out", tmp_path / "b.pfx")
    assert ran.error["code"] == "export_refused"


def test_passwords_of_the_file(
    run: Run,
    shell: Run,
    office: Office,
    tmp_path: Path,
    destination: Path,
    secret: Path,
) -> None:
    wrong = write(tmp_path / "wrong.txt", "другой")
    for form in ("cryptopro", "standard", "pkcs8"):
        file = tmp_path / form
        run(
            *("container", "export", office.container(2), "--out", file),
            *("--form", form, "--file-password-file", secret),
        )
        command = ("container", "import", "--json", file, destination)
        ran = run(*command, "--no-password", "--file-password-file", wrong)
        assert (ran.code, ran.error["code"]) == (4, "wrong_password")
        assert str(file) in ran.error["message"]
        ran = run(*command, "--no-password", "--no-file-password")
        assert (ran.code, ran.error["code"]) == (4, "password_required")
        ran = shell(*command, "--no-password")
        assert (ran.code, ran.error["code"]) == (4, "password_required")
    assert list(destination.iterdir()) == []


def test_the_hint_names_the_option_of_the_password_that_is_missing(
    run: Run, office: Office, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("Office-1\n")
    file = tmp_path / "key.pfx"
    export = ("container", "export", office.container(0), "--out", file)
    ran = run(*export, "--password-file", office.password_file(0))
    assert ran.code == 4 and "--file-password-file" in ran.stderr
    ran = run(*export, "--file-password-file", secret)
    assert ran.code == 4 and "give --password-file" in ran.stderr
    assert (
        run(
            *export,
            *("--file-password-file", secret),
            *("--password-file", office.password_file(0)),
        ).code
        == 0
    )
    ran = run("container", "import", file, tmp_path, "--no-password")
    assert ran.code == 4 and "give --file-password-file" in ran.stderr


def test_a_standard_pfx_must_have_a_password(
    run: Run, office: Office, tmp_path: Path
) -> None:
    file = tmp_path / "a.pfx"
    ran = run(
        *("container", "export", "--json", office.container(2), "--out", file),
        *("--form", "standard", "--no-file-password"),
    )
    assert (ran.code, ran.error["code"]) == (4, "password_required")
    assert not file.exists()


def test_a_terminal_asks_for_each_password_by_name(
    terminal: object, office: Office, tmp_path: Path, destination: Path
) -> None:
    password = office.password_file(0).read_text().strip()
    file = tmp_path / "a.pfx"
    code, shown = terminal(  # type: ignore[operator]
        *("container", "export", office.container(0), "--out", file),
        answers=[
            (f"password of {office.container(0)}", password),
            (f"new password of {file}", "secret"),
            ("the same password again", "secret"),
        ],
    )
    assert code == 0, shown
    code, shown = terminal(  # type: ignore[operator]
        *("container", "import", file, destination),
        answers=[
            (f"password of {file}", "secret"),
            (f"new password of the container for {file}", ""),
        ],
    )
    assert code == 0, shown
    assert password not in shown and "secret" not in shown
    assert len(list(destination.iterdir())) == 1


def test_a_pkcs8_key_with_its_certificate(
    run: Run, tmp_path: Path, destination: Path
) -> None:
    sample = samples.container()
    assert sample.certificate is not None
    key, certificate = tmp_path / "key.der", tmp_path / "ivanov.cer"
    key.write_bytes(sample.key.to_pkcs8())
    certificate.write_bytes(sample.certificate)
    command = ("container", "import", "--json", key, destination, "--no-password")
    ran = run(*command, "--name", "ivanov", "--certificate", certificate)
    assert ran.code == 0, ran.stderr
    assert (ran.record["name"], ran.record["certificate"]) == ("ivanov", True)
    assert Path(ran.record["container"]).name == "ivanov.000"
    other = samples.container().certificate
    assert other is not None
    certificate.write_bytes(other)
    ran = run(*command, "--certificate", certificate)
    assert ran.error["code"] == "certificate_mismatch"
    ran = run(*command)
    assert ran.record["name"].startswith("pfx-") and not ran.record["certificate"]


def test_what_cannot_be_imported(run: Run, tmp_path: Path, destination: Path) -> None:
    letter = write(tmp_path / "letter.txt", "Dear colleagues")
    ran = run("container", "import", "--json", letter, destination)
    assert (ran.code, ran.error["code"]) == (3, "encoding_error")
    ran = run("container", "import", "--json", tmp_path / "absent", destination)
    assert ran.error["code"] == "not_found"


def test_a_missing_destination_is_not_made(run: Run, tmp_path: Path) -> None:
    sample = samples.container()
    key = tmp_path / "key.der"
    key.write_bytes(sample.key.to_pkcs8())
    gone = tmp_path / "unplugged"
    ran = run("container", "import", "--json", key, gone, "--no-password")
    assert ran.code == 4 and str(gone) in ran.error["message"]
    assert not gone.exists()


def test_two_keys_want_a_slot_and_may_be_closed(
    run: Run, fixtures: Path, tmp_path: Path
) -> None:
    folder = fixtures / "containers" / "the4ups-two-keys"
    command = ("container", "export", "--json", folder, "--out", tmp_path / "a.pfx")
    ran = run(*command)
    assert ran.code == 1 and "--slot" in ran.error["message"]
    ran = run(*command, "--slot", "secondary")
    assert ran.error["code"] == "export_refused"


def test_real_files_come_in_with_their_certificates(
    run: Run, fixtures: Path, destination: Path, tmp_path: Path
) -> None:
    secret = write(tmp_path / "p", "1234567890")
    for file in sorted((fixtures / "pfx").glob("*.pfx")):
        named = ["--file-password-file", secret] if "loadtesting" in file.name else []
        ran = run(
            *("container", "import", "--json", file, destination, "--no-password"),
            *named,
        )
        assert ran.code == 0, ran.stdout
        assert ran.record["certificate"] and ran.record["kind"] == "cryptopro"
    ran = run("container", "check", "--json", *sorted(destination.iterdir()))
    assert ran.code == 0, ran.stdout
    assert len(ran.records) == 4
