"""`gostkey token check`, and `container check` of what is on a token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import samples
from cards.card import VirtualCard
from cards.pins import USER
from cards.readers import VirtualReaders
from cards.rutoken import RutokenLite

from gostkey import pcsc

from .conftest import Run

AT = ("--at", samples.MADE.isoformat())
TOKEN = "token:30DA6803"


@pytest.fixture
def put() -> Iterator[Callable[..., None]]:
    with ExitStack() as stack:

        def call(*cards: VirtualCard | None) -> None:
            stack.enter_context(pcsc.using(VirtualReaders(*cards)))

        yield call


@pytest.fixture
def lite(put: Callable[..., None]) -> RutokenLite:
    """Put a Rutoken Lite with one container into a reader."""
    card = RutokenLite()
    card.add_container(0x0A00, samples.container("ivanov-2026").files)
    put(card)
    return card


@pytest.fixture(autouse=True)
def no_usb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is plugged into this machine is nobody's business here."""
    monkeypatch.setattr("gostkey.doctor.readers.plugged_in", lambda sys: None)


def told(record: dict[str, object]) -> dict[str, dict[str, str]]:
    findings = record["findings"]
    assert isinstance(findings, list)
    return {one["code"]: one for one in findings}


def test_a_sound_token(run: Run, lite: RutokenLite) -> None:
    ran = run("token", "check", "--json", *AT)
    assert ran.code == 0, ran.stdout
    way, token, container = ran.records
    assert [one["item"] for one in ran.records] == ["readers", TOKEN, f"{TOKEN}/0A00"]
    assert told(way)["service"]["severity"] == "ok"
    assert "10 of 10 tries" in told(token)["pin"]["text"]
    assert told(container)["pin-given"]["severity"] == "not-checked"
    assert container["name"] == "ivanov-2026"
    assert lite.pins[USER].left == 10
    for name in (TOKEN, "30DA6803", "819619843"):
        assert run("token", "check", name, *AT).code == 0


def test_a_blocked_token_needs_a_person(run: Run, lite: RutokenLite) -> None:
    lite.pins[USER].left = 0
    ran = run("token", "check", *AT)
    assert ran.code == 2  # its container can be looked at all the same
    assert f"{TOKEN}: BAD" in ran.stdout
    assert f"cure: `gostkey token unblock {TOKEN}`" in ran.stdout
    ran = run("token", "check", "--json", *AT)
    assert ran.records[1]["error"]["code"] == "pin_blocked"


def test_no_token_at_all_needs_a_person(run: Run, put: Callable[..., None]) -> None:
    put(None)
    ran = run("token", "check", "--json")
    assert ran.code == 4
    assert ran.records[-1]["error"]["code"] == "token_absent"
    assert "put the token or card in" in ran.records[-1]["error"]["hint"]


def test_with_the_pin_the_keys_of_a_token_are_checked(
    run: Run, lite: RutokenLite, tmp_path: Path
) -> None:
    pin = tmp_path / "pin.txt"
    pin.write_text("12345678\n")
    ran = run("container", "check", "--json", TOKEN, "--pin-file", pin, *AT)
    assert ran.code == 0, ran.stdout
    checked = told(ran.records[-1])
    assert checked["pair"]["severity"] == checked["reserve"]["severity"] == "ok"
    pin.write_text("31415926\n")
    ran = run("container", "check", "--json", TOKEN, "--pin-file", pin, *AT)
    assert ran.records[-1]["error"]["code"] == "wrong_pin"
    assert lite.pins[USER].left == 9
    assert "31415926" not in ran.stdout + ran.stderr


def test_without_a_pin_and_a_terminal_a_person_is_needed(
    shell: Run, run: Run, lite: RutokenLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run("container", "check", "--json", f"{TOKEN}/ivanov-2026", *AT)
    assert ran.records[-1]["error"]["code"] == "pin_required"
    assert lite.pins[USER].left == 10
