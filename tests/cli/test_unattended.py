"""`--config`, limits and `check-config` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Office, Run
from .test_renew import NOW, statuses


@pytest.fixture
def config(office: Office, tmp_path: Path) -> Path:
    """A configuration for the office's list and its own authority."""
    path = tmp_path / "renew.toml"
    path.write_text(
        f'[source]\ncsv = "{office.list.relative_to(tmp_path)}"\n'
        f'[authority]\nca = "{office.authority.relative_to(tmp_path)}"\n'
        '[campaign]\nfolder = "campaign"\n[random]\nno_input = true\n'
        '[limits]\nkeys = 3\nrate = "100/s"\n'
    )
    return path


def test_a_run_takes_its_options_from_the_file(
    run: Run, config: Path, tmp_path: Path
) -> None:
    ran = run("renew", "run", "--config", config, *NOW, "--json")
    assert ran.code == 0, ran.stderr
    assert sorted(statuses(ran)) == 3 * ["renewed"] + ["unfinished"]
    assert "the limit of 3 keys is reached; 1 are left" in ran.stderr
    ran = run("renew", "resume", "--config", config, *NOW, "--json")
    assert statuses(ran) == 4 * ["renewed"]
    assert (tmp_path / "campaign").is_dir()


def test_the_command_line_wins(
    run: Run, config: Path, office: Office, tmp_path: Path
) -> None:
    ran = run(
        *["renew", "run", "--config", config, "--limit", "1", *NOW, "--json"],
        *["--campaign", tmp_path / "other"],
    )
    assert ran.code == 0, ran.stderr
    assert sorted(statuses(ran)) == ["renewed"] + 3 * ["unfinished"]
    assert not (tmp_path / "campaign").exists()
    # Another source and another authority take the place of the file's, whole.
    ran = run(
        *["renew", "run", office.container(2), "--exchanges-finished"],
        *["--config", config, "--outbox", tmp_path / "o", "--inbox", tmp_path / "i"],
        *["--trusted", tmp_path / "t", "--campaign", tmp_path / "third", *NOW],
        "--json",
    )
    assert ran.code == 0, ran.stderr
    assert statuses(ran) == ["waiting"]
    assert len(list((tmp_path / "o").iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[limits]\nkyes = 3\n", "did you mean limits.keys"),
        ("[limits\n", "line 1: is not TOML"),
        ('[limits]\nrate = "fast"\n', "must be a rate"),
    ],
)
def test_a_wrong_file_is_wrong_use(
    run: Run, config: Path, text: str, told: str
) -> None:
    config.write_text(text)
    ran = run("renew", "run", "--config", config, "--json")
    assert ran.code == 1 and told in ran.error["message"]
    ran = run("renew", "check-config", config, "--json")
    assert ran.code in (2, 3)
    assert told in str(ran.records)


@pytest.mark.parametrize(
    "options",
    [
        ["--rate", "fast"],
        ["--limit", "0"],
        ["--quiet-hours", "8-9"],
        ["--quiet-hours", "00:00-24:00"],
        ["--max-failures", "no"],
    ],
)
def test_limits_that_are_none_are_wrong_use(run: Run, options: list[str]) -> None:
    assert run("renew", "run", *options).code == 1


def test_a_configuration_is_checked(run: Run, config: Path) -> None:
    ran = run("renew", "check-config", config, "--connect")
    assert ran.code == 0, ran.stderr
    assert "can be used" in ran.stdout
    text = config.read_text()
    config.write_text(text.replace("keys = 3", "kyes = 3").replace("trial/ca", "no"))
    ran = run("renew", "check-config", config, "--json")
    assert ran.code == 2
    assert [(one["line"], one["key"]) for one in ran.records] == [
        (4, "authority.ca"),
        (10, "limits.kyes"),
    ]
    assert all(one["error"]["hint"] for one in ran.records)
    assert "2 things are wrong" in ran.stderr
    assert run("renew", "check-config", config.with_name("absent.toml")).code == 3


def test_an_authority_that_does_not_answer_is_told_when_asked(
    run: Run, config: Path, tmp_path: Path
) -> None:
    for name in ("i", "t"):
        (tmp_path / name).mkdir()
    config.write_text('[authority]\noutbox = "o"\ninbox = "i"\ntrusted = "t"\n')
    assert run("renew", "check-config", config).code == 0
    ran = run("renew", "check-config", config, "--connect", "--json")
    assert ran.code == 2
    assert "no root certificate" in ran.record["error"]["message"]
    assert ran.record["line"] == 1


def test_too_many_failures_end_a_run_with_the_reason(
    run: Run, office: Office, tmp_path: Path
) -> None:
    for number in range(4):
        container = office.container(number)
        (container / "primary.key").write_bytes(b"")
        (container / "primary2.key").write_bytes(b"")
    ran = run(
        *["renew", "run", "--csv", office.list, "--ca", office.authority, *NOW],
        *["--campaign", tmp_path / "c", "--max-failures", "2", "--json"],
    )
    assert ran.code == 3
    assert "2 of 2 keys failed" in ran.stderr
    assert sorted(statuses(ran)) == 2 * ["failed"] + 2 * ["unfinished"]
