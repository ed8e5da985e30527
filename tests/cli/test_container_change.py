"""`gostkey container copy`, `password` and `install` from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gostkey.containers import Container

from .conftest import Office, Run


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def opens(folder: Path, password: str | None) -> bool:
    container = Container.parse(contents(folder))
    container.open(password).close()
    return container.has_password


# -- copy --------------------------------------------------------------------


def test_copy_tells_where_the_copy_is(run: Run, office: Office, tmp_path: Path) -> None:
    source = office.container(2)
    before = contents(source)
    ran = run("container", "copy", "--json", source, tmp_path)
    assert ran.code == 0
    copy = tmp_path / source.name
    assert ran.record["copy"] == str(copy) and ran.record["compared"] == "keys"
    assert contents(copy) == before == contents(source)
    again = run("container", "copy", source, tmp_path, "--name", "Петров")
    assert again.code == 0 and "its keys are the same" in again.stderr
    (named,) = (
        one for one in tmp_path.iterdir() if one.name.endswith("000") and one != copy
    )
    assert Container.parse(contents(named)).name == "Петров"


def test_copy_opens_a_container_only_with_an_option(
    run: Run, office: Office, tmp_path: Path
) -> None:
    source = office.container(0)
    assert run("container", "copy", "--json", source, tmp_path).record["compared"] == (
        "files"
    )
    ran = run(
        "container",
        "copy",
        "--json",
        source,
        tmp_path,
        "--password-file",
        office.password_file(0),
    )
    assert ran.record["compared"] == "keys"
    assert ran.record["copy"].endswith(".001")


def test_copy_to_an_absent_medium_needs_a_person(
    run: Run, office: Office, tmp_path: Path
) -> None:
    ran = run("container", "copy", "--json", office.container(2), tmp_path / "usb")
    assert (ran.code, ran.error["code"]) == (4, "medium_error")
    assert str(tmp_path / "usb") in ran.error["message"]


# -- password ----------------------------------------------------------------


@pytest.fixture
def new(tmp_path: Path) -> Path:
    file = tmp_path / "new.txt"
    file.write_text("New-Password\n")
    return file


def test_password_is_set_changed_and_removed(
    run: Run, office: Office, new: Path, tmp_path: Path
) -> None:
    folder = office.container(2)
    assert not opens(folder, None)
    ran = run("container", "password", folder, "--new-password-file", new)
    assert ran.code == 0 and "new password is set" in ran.stderr
    assert opens(folder, "New-Password")
    other = tmp_path / "other.txt"
    other.write_text("other")
    ran = run(
        "container",
        "password",
        folder,
        "--password-file",
        new,
        "--new-password-file",
        other,
        "--json",
    )
    assert ran.record["changed"] and ran.record["has_password"]
    assert opens(folder, "other")
    ran = run(
        "container",
        "password",
        folder,
        "--password-file",
        other,
        "--no-new-password",
    )
    assert ran.code == 0 and "removed" in ran.stderr
    assert not opens(folder, None)


def test_a_wrong_password_changes_nothing_and_shows_nothing(
    run: Run, office: Office, new: Path
) -> None:
    folder = office.container(0)
    before = contents(folder)
    ran = run(
        "container",
        "password",
        "--json",
        folder,
        "--password-file",
        new,
        "--no-new-password",
    )
    assert (ran.code, ran.error["code"]) == (4, "wrong_password")
    assert "New-Password" not in ran.stdout + ran.stderr
    assert contents(folder) == before


def test_a_password_of_other_letters_is_refused(
    run: Run, office: Office, tmp_path: Path
) -> None:
    russian = tmp_path / "russian.txt"
    russian.write_text("пароль", encoding="utf-8")
    folder = office.container(2)
    before = contents(folder)
    ran = run("container", "password", folder, "--new-password-file", russian)
    assert ran.code == 3 and "ASCII" in ran.stderr
    assert contents(folder) == before


def test_without_a_password_before_and_after_nothing_is_written(
    run: Run, office: Office
) -> None:
    before = contents(office.container(2))
    ran = run("container", "password", office.container(2), "--no-new-password")
    assert ran.code == 0 and "stays so" in ran.stderr
    assert contents(office.container(2)) == before


def test_on_a_terminal_the_new_password_is_asked_for_twice(
    terminal: Callable[..., tuple[int, str]], office: Office
) -> None:
    folder = office.container(2)
    code, shown = terminal(
        "container",
        "password",
        folder,
        answers=[("new password", "one"), ("again", "two")]
        + [("new password", "three"), ("again", "three")],
    )
    assert code == 0 and "differ" in shown
    assert "three" not in shown
    assert opens(folder, "three")


def test_without_a_terminal_the_option_is_named(shell: Run, office: Office) -> None:
    ran = shell("container", "password", office.container(2))
    assert ran.code == 4
    assert "--no-new-password" in ran.stderr


def test_an_interrupted_change_is_ended_by_the_same_command(
    run: Run, office: Office, new: Path
) -> None:
    folder = office.container(2)
    folder.rename(folder.with_name(f".gostkey-old-{folder.name}"))
    shown = run("container", "show", folder)
    assert shown.code == 4 and f"gostkey container password {folder}" in shown.stderr
    ran = run("container", "password", folder, "--new-password-file", new)
    assert ran.code == 0
    assert opens(folder, "New-Password")
    assert not [one for one in office.tree.iterdir() if one.name.startswith(".")]


# -- install -----------------------------------------------------------------


@pytest.fixture
def certificate(office: Office, tmp_path: Path) -> Path:
    """The certificate of number 0, taken out of its container."""
    (entry,) = Container.parse(contents(office.container(0))).keys
    assert entry.certificate is not None
    file = tmp_path / "owner.cer"
    file.write_bytes(entry.certificate)
    return file


def test_install_finds_the_container(
    run: Run, office: Office, certificate: Path
) -> None:
    ran = run("container", "install", "--json", certificate, "--in", office.tree)
    assert ran.code == 0
    assert ran.record["container"] == str(office.container(0))
    assert not ran.record["changed"]


def test_install_refuses_another_keys_certificate(
    run: Run, office: Office, certificate: Path
) -> None:
    before = contents(office.container(1))
    ran = run(
        "container",
        "install",
        "--json",
        certificate,
        "--container",
        office.container(1),
    )
    assert (ran.code, ran.error["code"]) == (3, "certificate_mismatch")
    assert "none of its keys" in ran.error["message"]
    assert "--in" in ran.error["hint"]
    assert contents(office.container(1)) == before


def test_install_names_all_copies_instead_of_guessing(
    run: Run, office: Office, certificate: Path, tmp_path: Path
) -> None:
    run("container", "copy", office.container(0), office.tree)
    ran = run("container", "install", certificate, "--in", office.tree)
    assert ran.code == 3
    assert "2 containers" in ran.stderr and "le000000.001" in ran.stderr


def test_install_says_that_there_is_none(
    run: Run, certificate: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    ran = run("container", "install", certificate, "--in", tmp_path / "empty")
    assert ran.code == 3 and "no container" in ran.stderr
    both = run("container", "install", certificate, "--in", ".", "--container", ".")
    assert both.code == 1


def test_install_refuses_what_is_no_certificate(
    run: Run, office: Office, tmp_path: Path
) -> None:
    (tmp_path / "letter.cer").write_text("Dear colleagues")
    ran = run(
        "container", "install", tmp_path / "letter.cer", "--in", office.tree, "--json"
    )
    assert ran.code == 3 and "letter.cer" in ran.error["message"]
