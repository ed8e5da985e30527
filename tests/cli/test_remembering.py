"""`--remember` and `--forget` from the command line."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest
from key_rings import InMemory, in_secret_service, use

from .conftest import Office, Run, command


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    ring = InMemory()
    use(monkeypatch, ring)
    return ring


@pytest.fixture
def other(tmp_path: Path) -> Path:
    file = tmp_path / "other.txt"
    file.write_text("Another-1\n")
    return file


def remember(run: Run, office: Office, number: int = 0) -> None:
    ran = run(
        *("container", "check", office.container(number), "--remember"),
        *("--password-file", office.password_file(number)),
    )
    assert ran.code == 0 and "its password is remembered" in ran.stderr


def test_a_remembered_password_opens_the_container_everywhere(
    run: Run, office: Office, ring: InMemory, tmp_path: Path
) -> None:
    folder = office.container(0)
    assert run("container", "check", folder).code == 4
    remember(run, office)
    paper = tmp_path / "paper.txt"
    paper.write_text("report")
    for words in (
        ("container", "check", folder),
        ("key", "inspect", folder),
        ("sign", "--key", folder, paper),
        ("container", "password", folder, "--no-new-password"),
    ):
        ran = run(*words)
        assert ran.code == 0, ran.stderr
    # With the container's password went the remembered one.
    assert not ring.kept


def test_an_option_goes_before_what_is_remembered(
    run: Run, office: Office, ring: InMemory, other: Path
) -> None:
    remember(run, office)
    folder = office.container(0)
    ran = run("container", "check", "--json", folder, "--password-file", other)
    assert (ran.code, ran.error["code"]) == (4, "wrong_password")
    ran = run("container", "check", "--json", folder, "--no-password")
    states = {one["code"]: one["state"] for one in ran.record["findings"]}
    assert states["password"] == "unchecked"


def test_a_password_that_was_changed_elsewhere_is_named_as_the_cause(
    run: Run, office: Office, ring: InMemory, other: Path
) -> None:
    remember(run, office)
    kept = dict(ring.kept)
    folder = office.container(0)
    ran = run("container", "password", folder, "--new-password-file", other)
    assert ran.code == 0 and "key ring is brought up to date" in ran.stderr
    assert run("container", "check", folder).code == 0
    ring.kept = kept  # as if it had been changed on another machine
    ran = run("container", "check", "--json", folder)
    assert (ran.code, ran.error["code"]) == (4, "remembered_password_wrong")
    for words in ("does not open it", "changed elsewhere", f"--forget {folder}"):
        assert words in ran.error["message"]
    found = {one["code"]: one for one in ran.record["findings"]}
    assert found["password"]["state"] == "bad"
    assert "changed elsewhere" in found["password"]["text"]
    assert found["pair"]["state"] == "unchecked"
    ran = run("key", "inspect", "--json", folder)
    assert (ran.code, ran.error["code"]) == (4, "remembered_password_wrong")
    ran = run("key", "inspect", folder, "--remember", "--password-file", other)
    assert ran.code == 0 and run("key", "inspect", folder).code == 0


def test_a_wrong_password_is_not_remembered(
    run: Run, office: Office, ring: InMemory, other: Path
) -> None:
    folder = office.container(0)
    for words in (("container", "check"), ("key", "inspect")):
        ran = run(*words, folder, "--remember", "--password-file", other)
        assert ran.code == 4 and not ring.kept


def test_the_new_password_is_remembered_and_forgotten(
    run: Run, office: Office, ring: InMemory, other: Path
) -> None:
    folder = office.container(2)
    ran = run(
        *("container", "password", folder, "--remember"),
        *("--new-password-file", other),
    )
    assert ran.code == 0 and "its password is remembered" in ran.stderr
    assert run("container", "check", folder).code == 0
    ran = run("container", "password", "--forget", folder)
    assert ran.code == 0 and "forgotten" in ran.stderr
    assert run("container", "check", folder).code == 4
    ran = run("container", "password", "--forget", "--json", folder)
    assert ran.record["forgotten"] == 0


def test_all_are_forgotten_at_once(run: Run, office: Office, ring: InMemory) -> None:
    remember(run, office, 0)
    remember(run, office, 1)
    ran = run("container", "password", "--forget", "ALL")
    assert ran.code == 0 and "2 passwords are forgotten" in ran.stderr
    assert not ring.kept
    ran = run("container", "password", "--forget", "--json", "ALL")
    assert ran.record == {"item": "ALL", "status": "done", "forgotten": 0}


def test_without_a_key_ring_it_is_said_before_a_password_is_asked_for(
    run: Run, office: Office, other: Path
) -> None:
    for words in (
        ("container", "check", office.container(0), "--remember"),
        ("container", "password", office.container(2), "--remember"),
        ("container", "password", "--forget", "ALL"),
        ("container", "password", "--forget", office.container(0)),
    ):
        ran = run(*words, "--json")
        assert (ran.code, ran.error["code"]) == (4, "key_ring_error"), words
        assert "offers no key ring" in ran.error["message"]


def test_what_cannot_be_remembered(
    run: Run, office: Office, ring: InMemory, other: Path, tmp_path: Path
) -> None:
    ran = run("container", "check", office.container(2), "--remember")
    assert ran.code == 0 and "no password to remember" in ran.stderr
    for words in (
        ("container", "check", office.container(0), "--remember", "--no-password"),
        ("container", "password", "ALL", "--forget", "--no-new-password"),
        ("key", "inspect", other, "--remember"),
    ):
        assert run(*words).code in (1, 3), words
    key = tmp_path / "key.pem"
    assert run("key", "generate", "--out", key, "--no-password").code == 0
    ran = run("key", "public", key, "--remember")
    assert ran.code == 1 and "key containers" in ran.stderr
    assert not ring.kept


def test_a_real_key_ring(office: Office, tmp_path: Path) -> None:
    """GNOME Keyring over D-Bus, and a process of its own for each command."""
    folder, secret = office.container(0), office.password_file(0)
    steps = [
        ("check", "--json", folder, "--remember", "--password-file", secret),
        ("check", "--json", folder),
        ("password", "--json", "--forget", folder),
        ("check", "--json", folder),
        ("check", "--json", folder, "--remember", "--password-file", secret),
        ("password", "--json", "--forget", "ALL"),
        ("check", "--json", folder),
    ]
    script = "".join(
        shlex.join(command("container", *step)) + " </dev/null; echo code=$?\n"
        for step in steps
    )
    (tmp_path / "home").mkdir()
    done = in_secret_service(tmp_path / "home", script)
    lines = done.stdout.splitlines()
    codes = [line for line in lines if line.startswith("code=")]
    assert codes == [f"code={n}" for n in (0, 0, 0, 4, 0, 0, 4)], done.stderr
    records = [json.loads(line) for line in lines if line.startswith("{")]
    assert [one.get("forgotten") for one in records if "forgotten" in one] == [1, 1]
    password = secret.read_text().strip()
    assert password not in done.stdout + done.stderr
    files = [
        path.read_bytes()
        for path in (tmp_path / "home").rglob("*")
        if path.is_file() and os.access(path, os.R_OK)
    ]
    assert files and not any(password.encode() in data for data in files)
