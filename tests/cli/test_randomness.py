"""Random input of a person, gamma and tokens in `gostkey renew`, and the report."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest
from soft_tokens import soft_token

from gostkey.random.gamma import make

from .conftest import Office, Run
from .test_renew import NOW, renew, statuses

if sys.platform != "win32":
    from .driven import Terminal


def words(office: Office, base: Path, *more: object) -> list[object]:
    return [
        *["renew", "run", "--csv", office.list, "--ca", office.authority],
        *["--campaign", base / "campaign", *NOW, *more],
    ]


# -- nobody there -------------------------------------------------------------


def test_without_a_person_the_system_serves_alone_and_says_so_once(
    run: Run, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With it the reason is another one.
    monkeypatch.delenv("CI", raising=False)
    ran = renew(run, office, tmp_path, "--json")
    assert ran.code == 0 and statuses(ran) == 4 * ["renewed"]
    assert ran.stderr.count("system's generator serves alone") == 1
    (made,) = ran.records[-1]["summary"]["randomness"]["runs"]
    assert made["policy"] == "prefer-human"
    assert made["session"] is None and "terminal" in made["fallback"]


def test_os_only_is_silent(run: Run, office: Office, tmp_path: Path) -> None:
    ran = renew(run, office, tmp_path, "--entropy", "os-only", "--json")
    assert ran.code == 0
    assert "generator" not in ran.stderr
    (made,) = ran.records[-1]["summary"]["randomness"]["runs"]
    assert (made["policy"], made["fallback"]) == ("os-only", "")


@pytest.mark.parametrize("more", [(), ("--no-input",)])
def test_a_required_person_that_is_missing_stops_it_before_anything(
    run: Run, office: Office, tmp_path: Path, more: tuple[str, ...]
) -> None:
    ran = renew(run, office, tmp_path, "--entropy", "require-human", "--json", *more)
    assert (ran.code, ran.error["code"]) == (4, "entropy_needed")
    assert not (tmp_path / "campaign").exists()


def test_a_campaign_that_is_there_is_told_before_anybody_is_asked(
    run: Run, office: Office, tmp_path: Path
) -> None:
    assert renew(run, office, tmp_path).code == 0
    ran = renew(run, office, tmp_path, "--entropy", "require-human", "--json")
    assert (ran.code, ran.error["code"]) == (3, "campaign_error")


def test_a_run_that_was_killed_is_not_told_as_one_that_gave_nothing(
    run: Run, office: Office, tmp_path: Path
) -> None:
    assert renew(run, office, tmp_path).code == 0
    status = ("entropy", "status", "--campaign", tmp_path / "campaign")
    assert "not counted" not in run(*status).stdout
    with sqlite3.connect(tmp_path / "campaign" / "campaign.sqlite") as store:
        # What a kill leaves: the run began, and its end was not written.
        store.execute("DELETE FROM randomness WHERE kind = 'end'")
    told = run(*status).stdout
    assert "1 run that was cut off or still goes on is not counted" in told
    assert "0 bytes" not in told and "0 times" not in told
    assert run(*status, "--json").record["runs"][0]["ended"] is False


# -- gamma --------------------------------------------------------------------


def test_gamma_is_used_up_key_by_key_and_reported(
    run: Run, office: Office, tmp_path: Path
) -> None:
    make(tmp_path / "gamma", 6, "0000000A")
    ran = renew(run, office, tmp_path, "--gamma", tmp_path / "gamma", "--trust-gamma")
    assert ran.code == 0, ran.stderr
    assert (tmp_path / "gamma" / "db2" / "kis_1").stat().st_size == 2 * 36
    told = run("renew", "report", "--campaign", tmp_path / "campaign", *NOW)
    assert "4 records used, 2 left, 256 bits each" in told.stdout
    told = run("entropy", "status", "--campaign", tmp_path / "campaign")
    assert "4 records used, 2 left, 256 bits each" in told.stdout
    told = run("entropy", "status", "--campaign", tmp_path / "campaign", "--json")
    assert told.record["gamma_records"] == 4 and told.record["gamma_left"] == 2


def test_too_little_gamma_stops_it_before_anything(
    run: Run, office: Office, tmp_path: Path
) -> None:
    make(tmp_path / "gamma", 4, "0000000A")
    ran = renew(run, office, tmp_path, "--gamma", tmp_path / "gamma", "--json")
    assert (ran.code, ran.error["code"]) == (4, "gamma_exhausted")
    assert not (tmp_path / "campaign").exists()
    assert (tmp_path / "gamma" / "db1" / "kis_1").stat().st_size == 4 * 36


def test_trust_without_gamma_is_wrong_use(
    run: Run, office: Office, tmp_path: Path
) -> None:
    assert renew(run, office, tmp_path, "--trust-gamma").code == 1


def test_resume_takes_the_same_options(
    run: Run, office: Office, tmp_path: Path
) -> None:
    # A password file that is missing: its key can be made in the second go only.
    hidden = office.password_file(0).rename(tmp_path / "hidden")
    make(tmp_path / "gamma", 9, "0000000A")
    gamma = ["--gamma", tmp_path / "gamma"]
    assert renew(run, office, tmp_path, *gamma).code == 2
    hidden.rename(office.password_file(0))
    ran = run("renew", "resume", "--campaign", tmp_path / "campaign", *NOW, *gamma)
    assert ran.code == 0, ran.stderr
    told = run("entropy", "status", "--campaign", tmp_path / "campaign", "--json")
    assert told.record["gamma_records"] == 4
    assert [one["keys"] for one in told.record["runs"]] == [4, 1]


def test_resume_goes_on_with_the_policy_that_the_campaign_was_begun_with(
    run: Run, office: Office, tmp_path: Path
) -> None:
    hidden = office.password_file(0).rename(tmp_path / "hidden")
    assert renew(run, office, tmp_path, "--entropy", "os-only").code == 2
    resume = ["renew", "resume", "--campaign", tmp_path / "campaign", *NOW]
    ran = run(*resume)
    assert ran.code == 2 and "generator" not in ran.stderr
    hidden.rename(office.password_file(0))
    # The operator may say otherwise.
    assert run(*resume, "--entropy", "prefer-human").code == 0
    told = run("entropy", "status", "--campaign", tmp_path / "campaign", "--json")
    policies = [one["policy"] for one in told.record["runs"]]
    assert policies == ["os-only", "os-only", "prefer-human"]


# -- tokens -------------------------------------------------------------------


def test_a_token_is_asked_and_told(shell: Run, office: Office, tmp_path: Path) -> None:
    library, _folder, settings = soft_token(tmp_path)
    ran = shell(
        *words(office, tmp_path, "--pkcs11", library, "--no-input", "--json"),
        env={"SOFTHSM2_CONF": str(settings)},
    )
    assert ran.code == 0, ran.stderr
    (made,) = ran.records[-1]["summary"]["randomness"]["runs"]
    told = {one["token"]: one for one in made["tokens"]}
    assert told["office token"]["bytes"] == 512
    assert told["office token"]["failure"] == ""
    assert told["office token"]["credited_bits"] == 0


def test_a_library_that_is_missing_is_told_and_the_run_goes_on(
    run: Run, office: Office, tmp_path: Path
) -> None:
    ran = renew(run, office, tmp_path, "--pkcs11", tmp_path / "none.so", "--json")
    assert ran.code == 0, ran.stderr
    assert "none.so" in ran.stderr
    # Without --tokens nobody asked for the readers.
    assert "pcscd" not in ran.stderr and "pyscard" not in ran.stderr
    (made,) = ran.records[-1]["summary"]["randomness"]["runs"]
    assert made["tokens"] == []


def test_a_library_is_told_of_when_the_extra_for_it_is_missing(
    run: Run, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None is what makes an import of that name fail.
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    ran = renew(run, office, tmp_path, "--pkcs11", tmp_path / "maker.so", "--json")
    assert ran.code == 0, ran.stderr
    assert "gostkey[pkcs11]" in ran.stderr


# -- status -------------------------------------------------------------------


def test_status_tests_the_generator_and_lists_what_is_there(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    ran = run("entropy", "status", "--json")
    assert ran.code == 0
    assert (ran.record["failure"], ran.record["self_test"]) == ("", "passed")
    assert ran.record["reseeds"] >= 1 and "terminal" in ran.record["terminal"]
    told = run("entropy", "status").stdout
    assert "R 1323565.1.006-2017" in told and "self-test passed" in told


@pytest.fixture
def failing_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system's generator give one byte over and over."""
    from gostkey import random
    from gostkey.random.sources import SystemSource

    source = SystemSource(lambda count: b"x" * count)
    monkeypatch.setattr(random, "_source", source)
    monkeypatch.setattr(
        random._of_thread, "generator", random.Generator(source, random._gathered)
    )


@pytest.mark.usefixtures("failing_source")
def test_status_of_a_failed_source_ends_with_5(run: Run) -> None:
    ran = run("entropy", "status", "--json")
    assert ran.code == 5 and "repetition" in ran.record["failure"]


@pytest.mark.usefixtures("failing_source")
def test_a_failed_source_stops_a_renewal_before_the_first_key(
    run: Run, office: Office, tmp_path: Path
) -> None:
    before = {path.name for path in office.tree.iterdir()}
    ran = renew(run, office, tmp_path, "--entropy", "os-only", "--json")
    assert (ran.code, ran.error["code"]) == (5, "generator_failure")
    assert {path.name for path in office.tree.iterdir()} == before
    told = run("entropy", "status", "--campaign", tmp_path / "campaign", "--json")
    assert "repetition" in told.record["failure"]


# -- a person -----------------------------------------------------------------

needs_terminal = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no pseudo-terminals"
)


@needs_terminal
def test_one_session_serves_the_whole_run(office: Office, tmp_path: Path) -> None:
    with Terminal(*words(office, tmp_path, "--bits", 128)) as terminal:
        terminal.wait_for("Random input for 4 new keys")
        for _ in terminal.move():
            pass
        assert terminal.end(60) == 0
        terminal.assert_restored()
        assert terminal.shown.count("Random input for 4 new keys") >= 1
        assert "4 keys: 4 renewed" in terminal.shown
    with sqlite3.connect(tmp_path / "campaign" / "campaign.sqlite") as store:
        rows = store.execute("SELECT kind, detail FROM randomness").fetchall()
    details = {kind: json.loads(detail) for kind, detail in rows}
    session = details["begin"]["session"]
    assert session["credited_bits"] >= 128 and session["sources"]["mouse"]["accepted"]
    assert details["begin"]["fallback"] == ""
    assert details["end"]["failure"] == ""


@needs_terminal
def test_esc_makes_nothing(office: Office, tmp_path: Path) -> None:
    with Terminal(*words(office, tmp_path, "--bits", 128)) as terminal:
        terminal.wait_for("Random input for 4 new keys")
        terminal.send(b"\x1b")
        assert terminal.end() == 130
        terminal.assert_restored()
    assert not (tmp_path / "campaign").exists()


@needs_terminal
def test_no_input_asks_nobody_on_a_terminal(office: Office, tmp_path: Path) -> None:
    with Terminal(*words(office, tmp_path, "--no-input")) as terminal:
        assert terminal.end(60) == 0
        assert "\x1b[?1003h" not in terminal.shown
        assert "--no-input" in terminal.shown
