"""`gostkey token`: what is told of tokens, and their PINs changed and unblocked.

The tokens are virtual ones (tests/cards), written from the notes on the real ones;
what a command did is read from the card and not from the command.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cards.jacarta_lt import JacartaLt
from cards.pins import ADMIN, USER
from cards.readers import VirtualReaders
from cards.rutoken import RutokenEcp, RutokenLite

from gostkey import errors, pcsc
from gostkey.cli.failures import describe
from gostkey.errors import CardServiceAbsent, PyscardMissing

from .conftest import Run

Insert = Callable[..., VirtualReaders]

LITE = "token:30DA6803"
NEW = "Other-2468"
VERIFY = bytes.fromhex("0020")


@pytest.fixture
def lite() -> RutokenLite:
    return RutokenLite()


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    """Write a PIN into a file."""

    def write(pin: str) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.txt"
        path.write_text(f"{pin}\n")
        return path

    return write


Write = Callable[[str], Path]


def verifications(card: RutokenLite) -> int:
    """Count the PINs that were sent; VERIFY without one only asks for the tries."""
    return sum(
        one.command.startswith(VERIFY) and len(one.command) > 5 for one in card.log
    )


def test_the_error_codes_that_are_documented_exist() -> None:
    text = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text("utf-8")
    codes = re.findall(r"`([a-z_]+)`", text.split("Error codes:")[1])
    assert len(codes) > 10
    there = {
        describe(one("text")).code
        for one in vars(errors).values()
        if isinstance(one, type)
        and issubclass(one, errors.GostKeyError)
        and one is not errors.GostKeyError
    }
    assert not set(codes) - there


# -- list and show -----------------------------------------------------------


def test_list_tells_what_a_token_tells_and_spends_no_try(
    run: Run, insert: Insert, lite: RutokenLite
) -> None:
    lite.pins[USER].left = 4
    insert(lite, None, RutokenEcp(serial=0x11223344))
    ran = run("token", "list", "--json")
    assert (ran.code, ran.stderr) == (0, "")
    first, second = ran.records
    # Notes on the media, 2.2: serial, memory and firmware of a traced Lite.
    assert first == {
        "item": LITE,
        "status": "done",
        "model": "Rutoken Lite",
        "family": "rutoken",
        "serial": "30DA6803",
        "label": "",
        "firmware": "8.0",
        "reader": "Virtual PCD 00 00",
        "atr": "3B8B015275746F6B656E6C697465C2",
        "memory_total": 65536,
        "memory_free": lite.free,
        "slots_total": 15,
        "slots_free": 15,
        "user_pin": {
            "tries_left": 4,
            "tries_total": 10,
            "min_length": 6,
            "blocked": False,
        },
        "admin_pin": {
            "tries_left": 10,
            "tries_total": 10,
            "min_length": 6,
            "blocked": False,
        },
    }
    assert second["item"] == "token:11223344" and second["firmware"] == "30.02"
    assert second["reader"] == "Virtual PCD 00 02"
    table = run("token", "list").stdout.splitlines()
    assert len(table) == 3
    assert "4 of 10 tries left" in table[1] and "15 of 15" in table[1]
    assert verifications(lite) == 0 and lite.pins[USER].left == 4


def test_list_without_a_token_is_no_failure(run: Run, insert: Insert) -> None:
    insert(None)
    ran = run("token", "list")
    assert (ran.code, ran.stdout) == (0, "")
    assert "no tokens found" in ran.stderr


def test_list_names_a_card_that_is_no_token_for_it(run: Run, insert: Insert) -> None:
    lite = RutokenLite()
    lite.atr = bytes.fromhex("3B6500002063CB6800")
    insert(lite)
    ran = run("token", "list", "--json")
    assert ran.code == 0
    assert ran.record["family"] == "unknown"
    assert "3B6500002063CB6800" in ran.stderr


@pytest.mark.parametrize("fault", [PyscardMissing, CardServiceAbsent])
def test_list_tells_what_keeps_it_from_looking(
    run: Run, insert: Insert, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    def fail() -> list[str]:
        raise fault("install the thing")

    monkeypatch.setattr(pcsc, "readers", fail)
    ran = run("token", "list", "--json")
    assert ran.code == 4
    assert ran.error["message"] == "install the thing"


def test_show_takes_the_only_token_and_names_its_containers(
    run: Run, insert: Insert, lite: RutokenLite
) -> None:
    # Not a container that can be read, and one that was never ended.
    lite.add_container(0x0A00, {"name.key": b"\x30\x02\x16\x00", "header.key": b"0"})
    lite.add_container(0x0B00, {"masks.key": b"\x30\x36"})
    insert(lite, None)
    for named in ((), ("token:",), (LITE,), ("30da6803",), (f"token:{lite.reader}",)):
        ran = run("token", "show", "--json", *named)
        assert ran.code == 0, ran.stderr
        assert ran.record["item"] == LITE
        assert ran.record["unfinished"] == [f"{LITE}/0B00"]
        (one,) = ran.record["containers"]
        assert one["item"] == f"{LITE}/0A00" and one["why"]
    shown = run("token", "show")
    assert "10 of 10 tries left" in shown.stdout
    assert f"gostkey container remove {LITE}/0B00" in shown.stderr
    assert verifications(lite) == 0


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("pin", "--try-default-pin"), ("unblock", "--try-default-pin")],
    ids=lambda words: words[0],
)
def test_of_two_tokens_one_must_be_named(
    run: Run, insert: Insert, lite: RutokenLite, arguments: tuple[str, ...]
) -> None:
    insert(lite, RutokenEcp(serial=0x11223344))
    ran = run("token", *arguments, "--json")
    assert (ran.code, ran.error["code"]) == (4, "token_ambiguous")
    for which in (
        f"{LITE} (Rutoken Lite, in Virtual PCD 00 00)",
        "token:11223344 (Rutoken ECP, in Virtual PCD 00 01)",
    ):
        assert which in ran.error["message"]
    assert "gostkey token list" in ran.error["hint"]
    assert verifications(lite) == 0


def test_a_token_that_is_not_there(run: Run, insert: Insert, lite: RutokenLite) -> None:
    insert(lite)
    ran = run("token", "show", "token:0BADCAFE", "--json")
    assert (ran.code, ran.error["code"]) == (4, "token_absent")
    assert LITE in ran.error["message"]


# -- pin ---------------------------------------------------------------------


@pytest.mark.parametrize("who", [USER, ADMIN], ids=["user", "admin"])
def test_pin_is_changed(
    run: Run, insert: Insert, lite: RutokenLite, file: Write, who: int
) -> None:
    insert(lite)
    old = file(lite.pins[who].value or "")
    other = lite.pins[USER + ADMIN - who].value
    ran = run(
        *("token", "pin", LITE, "--json", "--pin-file", old),
        *("--new-pin-file", file(NEW), *(["--admin"] if who == ADMIN else [])),
    )
    assert ran.code == 0, ran.stderr
    assert ran.record["changed"] == ("admin" if who == ADMIN else "user")
    assert lite.pins[who].value == NEW
    assert lite.pins[USER + ADMIN - who].value == other
    assert lite.logged_in is None


def test_a_wrong_pin_changes_nothing_and_tells_the_tries(
    run: Run, insert: Insert, lite: RutokenLite, file: Write
) -> None:
    insert(lite)
    ran = run(
        *("token", "pin", LITE, "--json", "--pin-file", file("99999999")),
        *("--new-pin-file", file(NEW)),
    )
    assert (ran.code, ran.error["code"]) == (4, "wrong_pin")
    assert "tries left: 9" in ran.error["message"]
    assert lite.pins[USER].value == "12345678" and lite.pins[USER].left == 9
    assert verifications(lite) == 1


def test_a_new_pin_that_is_too_short_is_not_set(
    run: Run, insert: Insert, lite: RutokenLite, file: Write
) -> None:
    insert(lite)
    ran = run(
        *("token", "pin", LITE, "--try-default-pin", "--json"),
        *("--new-pin-file", file("12345")),
    )
    assert ran.code == 3 and "6 to 32" in ran.error["message"]
    assert lite.pins[USER].value == "12345678"


def test_a_token_that_is_only_read_says_so(
    run: Run, insert: Insert, file: Write
) -> None:
    insert(JacartaLt())
    ran = run("token", "pin", "--pin-file", file("1"), "--new-pin-file", file(NEW))
    assert ran.code == 4
    assert "token:" in ran.stderr


# -- unblock -----------------------------------------------------------------


@pytest.mark.parametrize("new", [None, NEW])
def test_unblock_gives_the_tries_back(
    run: Run, insert: Insert, lite: RutokenLite, file: Write, new: str | None
) -> None:
    insert(lite)
    lite.pins[USER].left = 0
    assert run("token", "list", "--json").record["user_pin"]["blocked"]
    assert "blocked" in run("token", "show").stdout
    choice = ("--new-pin-file", file(new)) if new else ("--no-new-pin",)
    ran = run(
        *("token", "unblock", LITE, "--json", "--admin-pin-file", file("87654321")),
        *choice,
    )
    assert ran.code == 0, ran.stderr
    assert ran.record["changed"] == (None if new is None else "user")
    assert lite.pins[USER].left == 10
    assert lite.pins[USER].value == (new or "12345678")


def test_without_a_terminal_unblock_leaves_the_pin_what_it_was(
    run: Run, insert: Insert, lite: RutokenLite
) -> None:
    insert(lite)
    lite.pins[USER].left = 0
    ran = run("token", "unblock", "--try-default-pin")
    assert ran.code == 0 and "trying the factory admin PIN" in ran.stderr
    assert lite.pins[USER].left == 10 and lite.pins[USER].value == "12345678"


def test_a_blocked_pin_names_the_way_out(
    run: Run, insert: Insert, lite: RutokenLite, file: Write
) -> None:
    insert(lite)
    lite.pins[USER].left = 0
    ran = run(
        *("token", "pin", "--json", "--pin-file", file("12345678")),
        *("--new-pin-file", file(NEW)),
    )
    assert (ran.code, ran.error["code"]) == (4, "pin_blocked")
    assert "gostkey token unblock" in ran.error["hint"]
    lite.pins[ADMIN].left = 0
    ran = run("token", "unblock", "--json", "--admin-pin-file", file("87654321"))
    assert (ran.code, ran.error["code"]) == (4, "pin_blocked")
    assert "formatting" in ran.error["message"]
    assert verifications(lite) == 0
