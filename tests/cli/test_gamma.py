"""`gostkey entropy gamma` makes, checks and counts pairs of gamma files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from gamma_pairs import content, copies, events, journal, new_pair, write

from gostkey.random.gamma import GammaPair

from .conftest import Run

GAMMA = ("entropy", "gamma")


def files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_make_writes_two_equal_copies_for_their_owner(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "gamma"
    ran = run(*GAMMA, "make", 20, "0000000a", root)
    assert ran.code == 0, ran.stderr
    first, second = (path.read_bytes() for path in copies(root))
    assert first == second and len(first) == 20 * 36
    for path in (*copies(root), journal(root)):
        if os.name == "posix":
            assert path.stat().st_mode & 0o777 == 0o600
            assert path.parent.stat().st_mode & 0o777 == 0o700
        assert str(path) in ran.stdout
    assert "records     20\n" in ran.stdout
    assert "not from a certified generator" in ran.stderr
    # The set number has no place in the files.
    made = events(root)[1]
    assert (made["event"], made["count"], made["set"]) == ("made", 20, "0000000A")
    with GammaPair.open(root) as pair:
        assert pair.remaining == 20


def test_no_byte_of_a_record_is_shown(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "gamma"
    for words in (
        ("make", 5, "00000001", root, "--json"),
        ("check", root),
        ("status", root, "--json"),
    ):
        ran = run(*GAMMA, *words)
        shown = (ran.stdout + ran.stderr + journal(root).read_text()).lower()
        data = copies(root)[0].read_bytes()
        for place in range(len(data) - 4):
            assert data[place : place + 4].hex() not in shown


def test_make_as_json(run: Run, tmp_path: Path) -> None:
    ran = run(*GAMMA, "make", 22, "12ABcd34", tmp_path, "--no-bio", "--json")
    assert ran.code == 0
    assert ran.record == {
        "item": str(tmp_path),
        "status": "done",
        "copies": [str(path) for path in copies(tmp_path.resolve())],
        "journal": str(journal(tmp_path.resolve())),
        "records": 22,
        "set": "12ABCD34",
        "keys": 20,
        "replaced": False,
        "certified": False,
        "person": None,
    }


@pytest.mark.parametrize("which", [0, 1])
def test_make_replaces_nothing_unless_it_must(
    run: Run, tmp_path: Path, which: int
) -> None:
    root = new_pair(tmp_path, 5)
    copies(root)[1 - which].unlink()
    before = files(root)
    ran = run(*GAMMA, "make", 7, "00000001", root, "--no-bio", "--json")
    assert (ran.code, ran.error["code"]) == (3, "gamma_error")
    assert f"{copies(root)[which]}: there is a pair already" in ran.error["message"]
    assert "--force" in ran.error["message"]
    assert files(root) == before
    ran = run(*GAMMA, "make", 7, "00000001", root, "--no-bio", "--force")
    assert ran.code == 0
    assert "the older pair was destroyed and replaced" in ran.stderr
    assert [len(path.read_bytes()) for path in copies(root)] == [7 * 36] * 2


@pytest.mark.parametrize("platform", [sys.platform, "win32"])
def test_the_replaced_records_are_overwritten(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    root = new_pair(tmp_path, 5)
    monkeypatch.setattr(sys, "platform", platform)
    os.link(copies(root)[0], tmp_path / "second name")
    assert run(*GAMMA, "make", 7, "00000001", root, "--force").code == 0
    assert (tmp_path / "second name").read_bytes() == b""


def test_a_damaged_pair_can_be_replaced(run: Run, tmp_path: Path) -> None:
    root = new_pair(tmp_path, 5)
    write(copies(root)[0], b"short")
    assert run(*GAMMA, "check", root).code == 3
    assert run(*GAMMA, "make", 7, "00000001", root, "--force").code == 0
    assert run(*GAMMA, "check", root).code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("0", "00000001"),
        ("-3", "00000001"),
        ("1000001", "00000001"),
        ("ten", "00000001"),
        ("10", "0000001"),
        ("10", "000000001"),
        ("10", "0000000G"),
        ("10", "0x000001"),
        ("10", "+0000001"),
        ("10", "0000000\u0661"),
    ],
)
def test_wrong_counts_and_set_numbers_are_usage_errors(
    run: Run, tmp_path: Path, words: tuple[str, str]
) -> None:
    ran = run(*GAMMA, "make", "--no-bio", "--json", "--", *words, tmp_path / "x")
    assert ran.code == 1
    assert not (tmp_path / "x").exists()


def test_the_folder_above_must_be_there(run: Run, tmp_path: Path) -> None:
    ran = run(*GAMMA, "make", 5, "00000001", tmp_path / "a" / "b")
    assert ran.code == 4
    assert f"{tmp_path / 'a' / 'b'}: it is not there" in ran.stderr


def test_a_person_is_asked_on_a_terminal_only(run: Run, tmp_path: Path) -> None:
    ran = run(*GAMMA, "make", 5, "00000001", tmp_path / "a")
    assert ran.stderr.count("no random input of a person") == 1
    ran = run(*GAMMA, "make", 5, "00000001", tmp_path / "b", "--no-bio")
    assert "person" not in ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_session_is_held_before_gamma_is_made(tmp_path: Path) -> None:
    from .driven import Terminal

    place = tmp_path / "gamma"
    with Terminal(*GAMMA, "make", 5, "00000001", place) as terminal:
        terminal.wait_for("Random input for a new pair of gamma files")
        terminal.send(b"\x1b")
        assert terminal.end() == 130
        terminal.assert_restored()
    assert not place.exists()
    with Terminal(*GAMMA, "make", 5, "00000001", place, "--json") as terminal:
        terminal.wait_for("Random input for a new pair of gamma files")
        for _ in terminal.move():
            pass
        assert terminal.end() == 0
        assert terminal.record["person"]["credited_bits"] >= 256
    assert (place / "db1" / "kis_1").stat().st_size == 5 * 36
    with Terminal(*GAMMA, "make", 5, "00000001", tmp_path / "c", "--no-bio") as one:
        assert one.end() == 0
        assert "Random input" not in one.shown and "not from a certified" in one.shown


def test_check_changes_nothing_and_counts(run: Run, tmp_path: Path) -> None:
    root = new_pair(tmp_path, 12)
    before = files(root)
    ran = run(*GAMMA, "check", root, "--json")
    assert ran.code == 0
    record = ran.record
    assert record["status"] == "done"
    assert (record["records"], record["start"], record["keys"]) == (12, 12, 10)
    assert record["journal"]["exists"] is False
    assert record["warnings"] == []
    ran = run(*GAMMA, "check", root)
    assert "records left  12 of 12" in ran.stdout
    assert files(root) == before


def test_status_tells_what_the_journal_knows(run: Run, tmp_path: Path) -> None:
    run(*GAMMA, "make", 20, "0000000b", tmp_path)
    with GammaPair.open(tmp_path) as pair:
        pair.take(10)
        pair.take(7)
        record = run(*GAMMA, "status", tmp_path, "--json").record
        assert record["in_use"] is True
    record = run(*GAMMA, "status", tmp_path, "--json").record
    assert record["in_use"] is False
    assert (record["records"], record["start"]) == (3, 20)
    assert "3 of 20 records are left (15 %)" in record["warnings"][0]
    told = record["journal"]
    assert (told["takes"], told["used"], told["set"]) == (2, 17, "0000000B")
    assert told["last_taken"].endswith("Z")
    ran = run(*GAMMA, "status", tmp_path)
    assert "3 of 20 records are left (15 %)" in ran.stderr
    assert "used so far   17\n" in ran.stdout


@pytest.mark.parametrize("command", ["check", "status"])
def test_too_few_records_exit_with_4(run: Run, tmp_path: Path, command: str) -> None:
    root = new_pair(tmp_path, 11)
    assert run(*GAMMA, command, root, "--keys", 10).code == 0
    ran = run(*GAMMA, command, root, "--keys", 11, "--json")
    assert (ran.code, ran.error["code"]) == (4, "gamma_exhausted")
    assert ran.record["records"] == 11 and ran.record["status"] == "failed"
    assert "11 records are left and 11 keys need 13" in ran.error["message"]
    with GammaPair.open(root) as pair:
        pair.take(11)
    ran = run(*GAMMA, command, root)
    assert ran.code == 4
    assert "no records are left" in ran.stderr
    assert "gostkey entropy gamma make" in ran.stderr


def test_locked_exits_with_6(run: Run, shell: Run, tmp_path: Path) -> None:
    root = new_pair(tmp_path, 5)
    with GammaPair.open(root):
        ran = shell(*GAMMA, "check", root, "--json")
        assert (ran.code, ran.error["code"]) == (6, "gamma_locked")
        assert f"{copies(root)[0]}: locked by another run" in ran.error["message"]
        assert "gostkey entropy gamma status" in ran.error["hint"]
        ran = run(*GAMMA, "make", 5, "00000001", root, "--force", "--no-bio")
        assert ran.code == 6
        assert shell(*GAMMA, "status", root).code == 0
    assert [path.read_bytes() for path in copies(root)] == [content(5)] * 2


def test_a_bad_file_is_one_message_with_file_record_and_cure(
    run: Run, tmp_path: Path
) -> None:
    root = new_pair(tmp_path, 5)
    data = bytearray(content(5))
    data[40] ^= 1
    write(copies(root)[1], bytes(data))
    ran = run(*GAMMA, "check", root)
    assert ran.code == 3
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert f"{copies(root)[1]}: record 2 of 5 does not match its CRC" in line
    assert "take this copy away" in line
    assert str(tmp_path / "absent") in run(*GAMMA, "check", tmp_path / "absent").stderr
