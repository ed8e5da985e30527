"""`gostkey renew` with tokens: their addresses, their PINs, what is said of them."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cards.bench import Bench
from cards.fixtures import bench
from cards.readers import VirtualReaders
from cards.rutoken import RutokenLite
from click import testing

from gostkey import pcsc

from .conftest import AT, Office, Ran, Run
from .test_renew import statuses

__all__ = ["bench"]

NOW = ["--at", AT.isoformat()]
TOKEN = "token:30DA6803"
PIN = "Pin-4711"


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def readers(office: Office) -> Iterator[VirtualReaders]:
    """A reader with a token that has the last subscriber's container, and an empty one.

    The other subscribers' containers are in folders.
    """
    card = RutokenLite(user_pin=PIN)
    card.add_container(0x0A00, files_in(office.container(3)))
    readers = VirtualReaders(card, None)
    with pcsc.using(readers):
        yield readers


@pytest.fixture
def card(readers: VirtualReaders) -> RutokenLite:
    card = readers._cards["Virtual PCD 00 00"]
    assert isinstance(card, RutokenLite)
    return card


@pytest.fixture
def pin_file(tmp_path: Path, card: RutokenLite) -> Path:
    path = tmp_path / "pin.txt"
    path.write_text(PIN + "\n", encoding="ascii")
    return path


def renew(run: Run, office: Office, base: Path, *more: object) -> Ran:
    return run(
        *["renew", "run", *more, "--exchanges-finished", "--ca", office.authority],
        *["--campaign", base / "campaign", *NOW, "--json"],
    )


def again(run: Run, base: Path, command: str, *more: object) -> Ran:
    return run("renew", command, "--campaign", base / "campaign", *NOW, *more, "--json")


@pytest.fixture
def typist(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A person at a terminal who types the right PIN; what was asked."""
    asked: list[str] = []

    def typed(prompt: str = "", stream: Any = None) -> str:
        asked.append(prompt)
        return PIN

    wrapper = testing._NamedTextIOWrapper
    monkeypatch.setattr(wrapper, "isatty", lambda self: "stdin" in self.name)
    monkeypatch.setattr(getpass, "getpass", typed)
    yield asked


# -- looking ------------------------------------------------------------------


def test_due_and_plan_need_no_pin(run: Run, card: RutokenLite) -> None:
    ran = run("renew", "due", TOKEN.lower(), *NOW, "--json")
    assert ran.code == 0, ran.stderr
    assert ran.record["item"] == f"{TOKEN}/0A00"
    assert ran.record["status"] == "due"
    ran = run("renew", "plan", "token:", "--exchanges-finished", *NOW, "--json")
    assert ran.code == 0, ran.stderr
    assert ran.record["destination"] == TOKEN
    table = run("renew", "due", "token:", *NOW)
    assert f"{TOKEN}/0A00" in table.stdout
    assert card.instructions[0x0020] == 0


def test_a_token_that_is_absent_needs_a_person(
    run: Run, office: Office, readers: VirtualReaders, tmp_path: Path
) -> None:
    readers.put("Virtual PCD 00 00", None)
    ran = run("renew", "due", TOKEN, *NOW, "--json")
    assert (ran.code, ran.error["code"]) == (4, "token_absent")
    rows = tmp_path / "list.csv"
    rows.write_text(f"container;exchanges_finished\n{TOKEN};yes\n")
    ran = run("renew", "plan", "--csv", rows, *NOW, "--json")
    assert (ran.code, ran.error["code"]) == (4, "token-absent")
    ran = run(
        *["renew", "run", "--csv", rows, "--ca", office.authority],
        *["--campaign", tmp_path / "campaign", *NOW, "--json"],
    )
    assert ran.code == 4


# -- renewing -----------------------------------------------------------------


def test_a_token_is_renewed_with_a_pin_from_a_file(
    run: Run, office: Office, card: RutokenLite, pin_file: Path, tmp_path: Path
) -> None:
    ran = renew(run, office, tmp_path, TOKEN, "--pin-file", pin_file)
    assert ran.code == 0, ran.stderr
    assert statuses(ran) == ["renewed"]
    assert ran.records[0]["new_container"] == f"{TOKEN}/0C00"
    assert PIN not in ran.stdout + ran.stderr
    ran = run("renew", "due", TOKEN, *NOW, "--json")
    assert [one["status"] for one in ran.records] == ["not-due", "not-due"]


def test_folders_are_renewed_onto_a_token(
    run: Run, office: Office, card: RutokenLite, pin_file: Path, tmp_path: Path
) -> None:
    ran = renew(
        *[run, office, tmp_path, office.container(2)],
        *["--destination", "token:", "--pin-file", pin_file],
    )
    assert ran.code == 0, ran.stderr
    assert ran.records[0]["new_container"] == f"{TOKEN}/0C00"


def test_an_empty_token_is_experimental(
    run: Run, office: Office, readers: VirtualReaders, pin_file: Path, tmp_path: Path
) -> None:
    readers.put("Virtual PCD 00 01", RutokenLite(serial=0x11223344, user_pin=PIN))
    new = ["--destination", "token:11223344", "--new-pin-file", pin_file]
    ran = renew(run, office, tmp_path, TOKEN, *new, "--pin-file", pin_file)
    assert ran.code == 4
    assert ran.records[0]["error"]["code"] == "token-experimental"
    ran = again(run, tmp_path, "resume", "--experimental")
    assert ran.code == 0, ran.stderr
    assert ran.records[0]["new_container"] == "token:11223344/0B00"


def test_without_a_pin_and_a_terminal_a_person_is_needed(
    run: Run, office: Office, card: RutokenLite, tmp_path: Path
) -> None:
    ran = renew(run, office, tmp_path, TOKEN)
    assert ran.code == 4
    error = ran.records[0]["error"]
    assert error["code"] == "pin-required"
    assert "terminal" in error["hint"] and "--pin-file" in error["hint"]
    assert card.pins[2].left == 10


def test_the_person_is_asked_once_a_sitting_and_resume_asks_again(
    run: Run,
    office: Office,
    card: RutokenLite,
    tmp_path: Path,
    typist: list[str],
) -> None:
    trusted = tmp_path / "trusted"
    folders = ["--outbox", tmp_path / "out", "--inbox", tmp_path / "in"]
    trusted.mkdir()
    (trusted / "ca.crt").write_bytes(office.root_certificate.read_bytes())
    ran = run(
        *["renew", "run", TOKEN, "--exchanges-finished", *folders],
        *["--trusted", trusted, "--no-input"],
        *["--campaign", tmp_path / "campaign", *NOW, "--json"],
    )
    assert ran.code == 0, ran.stderr
    assert statuses(ran) == ["waiting"]
    (question,) = typist
    assert TOKEN in question and "10" in question
    # Nothing has come, so nobody is asked.
    assert again(run, tmp_path, "receive").code == 0
    assert len(typist) == 1
    serve = ["--inbox", tmp_path / "out", "--outbox", tmp_path / "in"]
    ran = run(
        "ca", "serve", office.authority, *serve, "--publish", trusted, "--once", *NOW
    )
    assert ran.code == 0, ran.stderr
    ran = again(run, tmp_path, "receive")
    assert ran.code == 0, ran.stderr
    assert statuses(ran) == ["renewed"]
    assert len(typist) == 2
    for path in (tmp_path / "campaign").rglob("*"):
        assert not path.is_file() or PIN.encode() not in path.read_bytes()


def test_pins_are_not_given_beside_a_list(
    run: Run, office: Office, pin_file: Path
) -> None:
    ran = run("renew", "plan", "--csv", office.list, "--pin-file", pin_file)
    assert ran.code == 1
    assert "pin_file" in ran.stderr


# -- the real service ---------------------------------------------------------


def test_on_a_terminal_through_the_real_service_pulled_and_resumed(
    terminal: Callable[..., tuple[int, str]],
    bench: Bench,
    office: Office,
    tmp_path: Path,
) -> None:
    card = RutokenLite(user_pin=PIN)
    card.add_container(0x0A00, files_in(office.container(3)))
    before = card.files_of(0x0A00)
    bench.insert(card)
    bench.wait_for(0)
    # Three quarters of the way, when the new container is there.
    card.pull_at(330, torn=True)
    said: dict[str, Any] = {
        "env": {"PCSCLITE_CSOCK_NAME": str(bench.folder / "pcscd.comm")},
        "answers": [("10 tries left", PIN)],
    }
    campaign = ["--campaign", tmp_path / "campaign", *NOW, "--no-input"]
    code, shown = terminal(
        *["renew", "run", TOKEN, "--exchanges-finished", "--ca", office.authority],
        *campaign,
        **said,
    )
    assert code == 4, shown
    assert "token-absent (1)" in shown
    assert PIN not in shown
    time.sleep(0.2)
    card.no_faults()
    bench.insert(card)
    bench.wait_for(0)
    code, shown = terminal("renew", "resume", *campaign, **said)
    assert code == 0, shown
    assert PIN not in shown
    assert card.files_of(0x0A00) == before
    assert len(card.containers) == 2
