"""`gostkey container check` on the command line: what is shown, and the exit code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .conftest import AT, Office, Run
from .test_container import contents, flip

CHECK = ("container", "check", "--at", AT.isoformat())


def test_every_fault_is_shown_with_cause_and_cure(run: Run, office: Office) -> None:
    flip(office.container(2) / "primary.key")
    ran = run(*CHECK, office.container(2))
    assert ran.code == 3
    lines = ran.stdout.splitlines()
    assert lines[0] == f"{office.container(2)}: BAD"
    (at,) = (n for n, line in enumerate(lines) if line.startswith("  ERROR"))
    assert lines[at].split()[:2] == ["ERROR", "pair"]
    assert lines[at + 1].strip().startswith("cause: a file was changed")
    assert f"container repair {office.container(2)}`" in lines[at + 2]
    assert all(len(line) < 400 for line in lines)


def test_the_json_has_what_it_had_and_more(run: Run, office: Office) -> None:
    flip(office.container(2) / "primary.key")
    record = run(*CHECK, "--json", office.container(2)).record
    assert set(record) == {"item", "status", "name", "findings", "error"}
    assert record["error"]["code"] == "container_pair"
    assert record["error"]["hint"]
    told = {one["code"]: one for one in record["findings"]}
    pair = told["pair"]
    assert (pair["state"], pair["severity"]) == ("bad", "error")
    assert pair["fault"] == "pair-damaged" and pair["cause"] and pair["cure"]
    assert pair["subject"] == "primary.key + masks.key" and pair["text"]
    assert (told["reserve"]["state"], told["reserve"]["fault"]) == ("good", "")
    assert told["chain"]["state"] == "unchecked"


def test_a_drive_is_examined_with_all_that_is_on_it(run: Run, office: Office) -> None:
    before = contents(office.root)
    ran = run(*CHECK, "--json", "--no-password", office.tree)
    assert ran.code == 0, ran.stdout
    assert [Path(one["item"]).name for one in ran.records] == (
        ["containers", *(office.container(n).name for n in range(4))]
    )
    shutil.rmtree(office.container(0))
    flip(office.container(1) / "header.key")
    ran = run(*CHECK, "--json", "--no-password", office.tree)
    assert ran.code == 2
    assert [one["status"] for one in ran.records] == ["done", "failed", "done", "done"]
    after = contents(office.root)
    for name, data in after.items():
        assert before[name] == data or name.endswith("le000001.000/header.key")


def test_a_drive_that_is_not_there_needs_a_person(run: Run, office: Office) -> None:
    ran = run(*CHECK, "--json", office.tree / "gone")
    assert (ran.code, ran.error["code"]) == (4, "medium_error")
    assert "plug it in" in ran.error["hint"]


def test_a_folder_without_containers_is_a_fault_here(run: Run, tmp_path: Path) -> None:
    ran = run(*CHECK, "--json", tmp_path)
    assert (ran.code, ran.error["code"]) == (3, "container_error")


def test_the_chain_is_checked_with_what_the_office_trusts(
    run: Run, office: Office, tmp_path: Path
) -> None:
    crl = tmp_path / "ca.crl"
    made = run("ca", "crl", office.authority, "--out", crl, "--at", AT.isoformat())
    assert made.code == 0, made.stderr
    place = office.container(2)
    ca = ("--ca", office.root_certificate)
    ran = run(*CHECK, "--json", place, *ca, "--crl", crl)
    told = {one["code"]: one for one in ran.record["findings"]}
    assert ran.code == 0
    assert told["chain"]["severity"] == told["crl"]["severity"] == "ok"
    ran = run(*CHECK, "--json", place, *ca)
    assert (ran.code, ran.error["code"]) == (3, "certificate_error")
    told = {one["code"]: one for one in ran.record["findings"]}
    assert told["crl"]["fault"] == "crl-missing"
    assert run(*CHECK, place, *ca, "--no-crl").code == 0


@pytest.mark.parametrize(("number", "code"), [(2, 0), (3, 2)])
def test_the_key_of_a_certificate_is_looked_for(
    run: Run, office: Office, tmp_path: Path, number: int, code: int
) -> None:
    from gostkey.containers import Container
    from gostkey.media import FolderStore

    entry = Container.parse(FolderStore(office.tree).read(office.container(2))).keys[0]
    assert entry.certificate is not None
    file = tmp_path / "ivanov.cer"
    file.write_bytes(entry.certificate)
    ran = run(*CHECK, "--json", "--certificate", file, office.container(number))
    last = ran.records[-1]
    assert (ran.code, last["item"]) == (code, str(file))
    fault = "certificate-without-key" if code else ""
    assert last["findings"][0]["fault"] == fault


def test_a_mistyped_password_is_named_and_not_shown(run: Run, office: Office) -> None:
    right = office.password_file(0).read_text(encoding="utf-8").strip()
    wrong = office.root / "typed.txt"
    wrong.write_text(right.swapcase(), encoding="utf-8")
    if right.swapcase() == right:
        pytest.skip("this trial's password has no letters; nothing to mistype")
    ran = run(*CHECK, "--json", office.container(0), "--password-file", wrong)
    assert (ran.code, ran.error["code"]) == (4, "wrong_password")
    assert "Caps Lock" in ran.stdout and right not in ran.stdout + ran.stderr


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("name", ["primary.key", "masks2.key"])
def test_the_cure_of_a_damaged_copy_cures(
    run: Run, office: Office, number: int, name: str
) -> None:
    place = office.container(number)
    password = ("--password-file", office.password_file(0)) if number == 0 else ()
    flip(place / name, 10)
    before = contents(place)
    assert run(*CHECK, place, *password).code == 3
    ran = run("container", "repair", "--json", place, *password)
    assert ran.code == 0, ran.stderr
    assert (
        ran.record["changed"] and name.removesuffix(".key") in ran.record["faults"][0]
    )
    assert run(*CHECK, place, *password).code == 0
    after = contents(place)
    assert after["name.key"] == before["name.key"]
    ran = run("container", "repair", place, *password)
    assert ran.code == 0 and "nothing was changed" in ran.stderr
    assert contents(place) == after


def test_what_is_lost_is_not_repaired(run: Run, office: Office) -> None:
    place = office.container(2)
    flip(place / "primary.key")
    (place / "primary2.key").unlink()
    before = contents(place)
    ran = run("container", "repair", "--json", place)
    assert (ran.code, ran.error["code"]) == (3, "container_damaged")
    assert contents(place) == before
    ran = run(
        "container", "repair", "--json", office.container(0), "--password-env", "X"
    )
    assert ran.code == 4


def test_brief_leaves_out_what_is_right(run: Run, office: Office) -> None:
    flip(office.container(2) / "primary.key")
    ran = run(*CHECK, "--brief", office.container(2), office.container(3))
    words = [line.split()[:2] for line in ran.stdout.splitlines()]
    assert not any("ok" in line for line in words)
    assert ["ERROR", "pair"] in words and ["warning", "renewal"] in words
