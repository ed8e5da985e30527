"""PINs of tokens: where they come from, and that they go nowhere else.

The token is a virtual one; whether a PIN was sent is read from the card.
"""

from __future__ import annotations

import getpass
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cards.jacarta_lt import JacartaLt
from cards.pins import ADMIN, USER
from cards.readers import VirtualReaders
from cards.rutoken import RutokenEcp, RutokenLite

from gostkey.cli.secrets_input import SecretSource

from .conftest import Office, Ran, Run

Insert = Callable[..., VirtualReaders]

PIN = "Secret-1357"
ADMIN_PIN = "Admin-8642"
NEW = "Other-2468"
LITE = "token:30DA6803"
VERIFY = bytes.fromhex("0020")


@pytest.fixture
def lite(insert: Insert) -> RutokenLite:
    card = RutokenLite(user_pin=PIN, admin_pin=ADMIN_PIN)
    insert(card)
    return card


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Somebody at the terminal, who types what is in the list in turn."""
    person = Typed()
    monkeypatch.setattr(SecretSource, "can_ask", True)
    monkeypatch.setattr(getpass, "getpass", person.answer)
    return person


class Typed:
    def __init__(self) -> None:
        self.answers: list[str] = []
        self.questions: list[str] = []

    def answer(self, question: str, stream: object = None) -> str:
        self.questions.append(question)
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)


def sent(card: RutokenLite) -> int:
    """Count the PINs that were sent to the card."""
    return sum(
        one.command.startswith(VERIFY) and len(one.command) > 5 for one in card.log
    )


def copy_to_token(run: Run, office: Office, *options: object) -> Ran:
    """Do what needs the PIN."""
    return run(
        *("container", "copy", office.container(2), LITE, "--experimental", "--json"),
        *options,
    )


def change(run: Run, *options: object) -> Ran:
    return run("token", "pin", LITE, "--json", *options)


# -- options -----------------------------------------------------------------


def test_a_pin_comes_from_a_file_the_environment_or_a_descriptor(
    run: Run,
    lite: RutokenLite,
    office: Office,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "pin").write_text(f"{PIN}\r\n")
    monkeypatch.setenv("TOKEN_PIN", PIN)
    for number, source in enumerate(("file", "env", "fd")):
        descriptor = os.open(tmp_path / "pin", os.O_RDONLY)
        value = {"file": tmp_path / "pin", "env": "TOKEN_PIN", "fd": descriptor}
        ran = copy_to_token(run, office, f"--pin-{source}", value[source])
        os.close(descriptor)
        assert ran.code == 0, ran.stderr
        assert sent(lite) == number + 1
    assert sorted(lite.containers) == [0x0A00, 0x0B00, 0x0C00]


@pytest.mark.parametrize(
    "options",
    [
        ("--pin-file", "absent.txt"),
        ("--pin-env", "NOT_SET_ANYWHERE"),
        ("--pin-file", os.devnull),
        (),
    ],
    ids=["no file", "no variable", "empty", "no terminal"],
)
def test_no_pin_needs_a_person(
    run: Run, lite: RutokenLite, office: Office, options: tuple[str, ...]
) -> None:
    ran = copy_to_token(run, office, *options)
    assert (ran.code, ran.error["code"]) == (4, "pin_required")
    assert "--pin-file" in ran.error["hint"]
    assert sent(lite) == 0 and not lite.containers


def test_two_sources_of_one_pin_are_wrong_use(
    run: Run, lite: RutokenLite, office: Office, tmp_path: Path
) -> None:
    for other in (("--pin-env", "X"), ("--try-default-pin",)):
        ran = copy_to_token(run, office, "--pin-file", tmp_path / "pin", *other)
        assert (ran.code, ran.error["code"]) == (1, "usage")


def test_one_pin_does_not_go_to_two_tokens(
    run: Run, insert: Insert, office: Office, tmp_path: Path
) -> None:
    first = RutokenLite(user_pin=PIN)
    second = RutokenEcp(user_pin=NEW, serial=0x11223344)
    insert(first, second)
    (tmp_path / "pin").write_text(PIN)
    (tmp_path / "other").write_text(NEW)
    assert copy_to_token(run, office, "--pin-file", tmp_path / "pin").code == 0
    copy = ("container", "copy", f"{LITE}/0A00", "token:11223344", "--json")
    options = ("--experimental", "--pin-file", tmp_path / "pin")
    ran = run(*copy, *options)
    assert (ran.code, ran.error["code"]) == (4, "pin_required")
    assert "--to-pin-file" in ran.error["message"]
    assert sent(second) == 0
    ran = run(*copy, *options, "--to-pin-file", tmp_path / "other")
    assert ran.code == 0, ran.stderr
    assert second.pins[USER].left == 10 and sorted(second.containers) == [0x0A00]


# -- the prompt --------------------------------------------------------------


def test_the_question_tells_which_token_and_how_many_tries(
    run: Run, lite: RutokenLite, typed: Typed
) -> None:
    lite.pins[USER].left = 7
    typed.answers = [PIN, NEW, "a slip", NEW, NEW]
    ran = change(run)
    assert ran.code == 0, ran.stderr
    first, second, again = typed.questions[:3]
    assert first == f"PIN of {LITE} (Rutoken Lite), 7 of 10 tries left: "
    assert second == f"new PIN of {LITE} (Rutoken Lite) (at least 6 characters): "
    assert again == "the same PIN again: "
    assert "the two differ" in ran.stderr
    assert lite.pins[USER].value == NEW


def test_the_admin_pin_is_asked_for_by_its_name(
    run: Run, lite: RutokenLite, typed: Typed
) -> None:
    lite.pins[ADMIN].left = 3
    typed.answers = [ADMIN_PIN, "123", "123", NEW, NEW]
    ran = change(run, "--admin")
    assert ran.code == 0, ran.stderr
    assert typed.questions[0].startswith("admin PIN of ")
    assert "3 of 10 tries left" in typed.questions[0]
    assert "too short" in ran.stderr
    assert lite.pins[ADMIN].value == NEW


def test_a_command_asks_once_and_only_when_the_token_wants_it(
    run: Run, lite: RutokenLite, office: Office, typed: Typed
) -> None:
    typed.answers = [PIN, "never asked for"]
    assert copy_to_token(run, office).code == 0
    assert len(typed.questions) == 1 and "10 tries left" in typed.questions[0]
    assert run("container", "list", LITE).code == 0
    assert run("container", "show", LITE).code == 0
    assert len(typed.questions) == 1


def test_the_end_of_the_input_is_no_pin(
    run: Run, lite: RutokenLite, office: Office, typed: Typed
) -> None:
    assert copy_to_token(run, office).code == 4
    typed.answers = [PIN]
    ran = change(run)
    assert (ran.code, ran.error["code"]) == (4, "pin_required")
    assert sent(lite) == 0 and lite.pins[USER].value == PIN


def test_an_empty_answer_spends_no_try(
    run: Run, lite: RutokenLite, office: Office, typed: Typed
) -> None:
    typed.answers = [""]
    ran = copy_to_token(run, office)
    assert (ran.code, ran.error["code"]) == (4, "pin_required")
    assert sent(lite) == 0


def test_with_one_try_left_nobody_is_asked(
    run: Run, lite: RutokenLite, office: Office, typed: Typed
) -> None:
    lite.pins[USER].left = 1
    typed.answers = [PIN]
    ran = copy_to_token(run, office)
    assert (ran.code, ran.error["code"]) == (4, "pin_blocked")
    assert not typed.questions and lite.pins[USER].left == 1


def test_unblocking_asks_for_a_new_pin_and_takes_none(
    run: Run, lite: RutokenLite, typed: Typed
) -> None:
    lite.pins[USER].left = 0
    typed.answers = [ADMIN_PIN, ""]
    assert run("token", "unblock").code == 0
    assert "empty: it stays as it is" in typed.questions[1]
    assert lite.pins[USER].left == 10 and lite.pins[USER].value == PIN
    typed.answers = [ADMIN_PIN, NEW, NEW]
    assert run("token", "unblock").code == 0
    assert lite.pins[USER].value == NEW


# -- factory PINs ------------------------------------------------------------


def test_a_factory_pin_is_tried_only_when_it_is_asked_for(
    run: Run, insert: Insert, office: Office
) -> None:
    card = RutokenLite()
    insert(card)
    assert copy_to_token(run, office).code == 4
    assert sent(card) == 0
    ran = copy_to_token(run, office, "--try-default-pin")
    assert ran.code == 0
    assert "trying the factory PIN" in ran.stderr and "10 tries left" in ran.stderr
    assert "12345678" not in ran.stdout + ran.stderr
    assert sent(card) == 1


@pytest.mark.parametrize(("left", "tried"), [(3, 1), (2, 0), (1, 0), (0, 0)])
def test_a_factory_pin_is_not_tried_near_the_end(
    run: Run, lite: RutokenLite, office: Office, left: int, tried: int
) -> None:
    lite.pins[USER].left = left
    ran = copy_to_token(run, office, "--try-default-pin")
    assert ran.code == 4
    assert sent(lite) == tried and lite.pins[USER].left == left - tried


def test_a_factory_pin_is_not_tried_where_the_tries_are_not_known(
    run: Run, insert: Insert, office: Office, tmp_path: Path
) -> None:
    card = JacartaLt()
    files = {one.name: one.read_bytes() for one in office.container(2).iterdir()}
    card.add_container(5, files)
    insert(card)
    copy = ("container", "copy", "token:", tmp_path)
    ran = run(*copy, "--try-default-pin")
    assert ran.code == 4
    assert "not known how many" in ran.stderr
    # Given by the user it opens the token: the source is the card, not ours.
    (tmp_path / "pin").write_text("1234567890")
    assert run(*copy, "--pin-file", tmp_path / "pin").code == 0


# -- where a PIN must not be -------------------------------------------------


def test_no_pin_is_taken_from_the_command_line(run: Run, lite: RutokenLite) -> None:
    for command in (
        ("token", "pin", LITE),
        ("token", "unblock", LITE),
        ("container", "copy", f"{LITE}/0A00", "."),
        ("container", "remove", f"{LITE}/0A00"),
    ):
        for option in ("--pin", "--new-pin", "--admin-pin"):
            ran = run(*command, option, PIN)
            assert ran.code == 1 and PIN not in ran.stdout
    assert sent(lite) == 0


def test_no_pin_is_shown_logged_or_left_in_an_error(
    run: Run,
    lite: RutokenLite,
    office: Office,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    typed: Typed,
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "Wrong-5555"
    files = {}
    for pin in (PIN, ADMIN_PIN, NEW, wrong):
        files[pin] = tmp_path / f"{len(files)}.txt"
        files[pin].write_text(pin)
    shown = ""
    place = office.container(2)
    for words in (
        ("container", "copy", place, LITE, "--experimental"),
        ("container", "show", f"{LITE}/0A00"),
        ("container", "copy", f"{LITE}/0A00", tmp_path),
        ("container", "backup", LITE, "--out", tmp_path),
        ("container", "remove", f"{LITE}/0A00"),
        ("token", "pin", LITE, "--new-pin-file", files[NEW]),
        ("token", "pin", LITE, "--admin", "--new-pin-file", files[NEW]),
        ("token", "unblock", LITE, "--new-pin-file", files[PIN]),
    ):
        option = "--admin-pin-file" if "unblock" in words else "--pin-file"
        pins = [wrong, NEW if "unblock" in words else PIN]
        if "--admin" in words:
            pins[1] = ADMIN_PIN
        for pin in pins:
            for form in ([], ["--json"]):
                needs_none = words[1] == "show"
                options = [] if needs_none else [option, files[pin]]
                ran = run(*words, *options, *form)
                shown += ran.stdout + ran.stderr
        lite.pins[USER].left = lite.pins[ADMIN].left = 10
    typed.answers = [wrong, PIN]
    for _ in range(2):
        ran = run("container", "copy", f"{LITE}/0A00", tmp_path)
        shown += ran.stdout + ran.stderr
    shown += " ".join(typed.questions) + caplog.text
    # All of it was used, and the card has kept none of it in its record.
    assert lite.pins[ADMIN].value == NEW and "wrong" in shown
    shown += " ".join(map(str, lite.log))
    for pin in (PIN, ADMIN_PIN, NEW, wrong):
        assert pin not in shown
        assert pin.encode().hex(" ").upper() not in shown
