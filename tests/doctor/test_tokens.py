"""Tokens: known, answering, not blocked, not full; and no try of a PIN is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import samples
from cards.card import VirtualCard
from cards.etoken import EtokenPro
from cards.kinds import KINDS
from cards.pins import ADMIN, USER
from cards.readers import VirtualReaders
from cards.rutoken import RutokenEcp, RutokenLite

from gostkey import pcsc
from gostkey.doctor import Doctor, Examination, Severity, Surroundings
from gostkey.doctor.tokens import _memory
from gostkey.errors import (
    CardServiceAbsent,
    PinRequired,
    PyscardMissing,
    TokenBusy,
    WrongPin,
)
from gostkey.media.tokens import PinState, TokenInfo

from .conftest import faults

READER = "Virtual PCD 00 00"
TOKEN = "token:30DA6803"


@pytest.fixture
def put(around: Surroundings) -> Iterator[Callable[..., VirtualReaders]]:
    with ExitStack() as stack:

        def call(*cards: VirtualCard | None) -> VirtualReaders:
            readers = VirtualReaders(*cards)
            stack.enter_context(pcsc.using(readers))
            return readers

        yield call


@pytest.fixture
def doctor(around: Surroundings) -> Doctor:
    return Doctor(around=around, at=samples.MADE)


Put = Callable[..., VirtualReaders]


def lite(**options: object) -> RutokenLite:
    """Make a Rutoken Lite with one container on it."""
    card = RutokenLite(**options)  # type: ignore[arg-type]
    card.add_container(0x0A00, samples.container("ivanov-2026").files)
    return card


def told(examined: Iterator[Examination]) -> list[str]:
    return list(faults(list(examined)))


def test_a_sound_token_with_a_sound_container(put: Put, doctor: Doctor) -> None:
    card = lite()
    put(card, None)
    examined = list(doctor.tokens())
    assert [one.item for one in examined] == ["readers", TOKEN, f"{TOKEN}/0A00"]
    assert list(faults(examined)) == ["pin-needed"]
    checks = [finding.check for finding in examined[1].findings]
    assert checks == ["token", "pin", "admin-pin", "memory", "memory", "containers"]
    assert examined[2].name == "ivanov-2026"
    # Nothing that spends a try (INS 20 with data) or changes anything went out.
    sent = {one.command[1] for one in card.log}
    assert 0x20 not in {one.command[1] for one in card.log if len(one.command) > 4}
    assert not sent & {0xD6, 0xE0, 0xE4, 0x24, 0x2C}
    assert card.pins[USER].left == card.pins[ADMIN].left == 10


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_token_is_sound(
    put: Put, around: Surroundings, kind: str
) -> None:
    card: Any = KINDS[kind]()
    sample = samples.container("ivanov-2026")
    first = {"jacarta-lt": 0, "etoken-pro": 0xCC00}.get(kind, 0x0A00)
    card.add_container(first, sample.files)
    put(card)
    pin = {"jacarta-lt": "1234567890", "etoken-pro": "1234567890"}.get(kind, "12345678")
    doctor = Doctor(around=around, at=samples.MADE, pin=lambda info: pin)
    examined = list(doctor.examine(Path("token:")))
    assert set(faults(examined)) <= {"memory-not-told", "pin-not-told"}
    assert examined[-1].name == "ivanov-2026"
    checks = {finding.check for finding in examined[-1].findings}
    assert {"pair", "reserve"} < checks


def test_with_the_pin_the_keys_are_looked_at(put: Put, around: Surroundings) -> None:
    put(lite())
    doctor = Doctor(around=around, at=samples.MADE, pin=lambda info: "12345678")
    examined = list(doctor.examine(Path(f"{TOKEN}/0A00")))
    assert list(faults(examined)) == []
    checks = [finding.check for finding in examined[-1].findings]
    assert {"files", "pair", "reserve", "certificate"} < set(checks)


def test_a_wrong_pin_is_sent_once(put: Put, around: Surroundings) -> None:
    card = lite()
    put(card)
    doctor = Doctor(around=around, at=samples.MADE, pin=lambda info: "27182818")
    found = faults(list(doctor.examine(Path(TOKEN))))
    assert "pin-wrong" in found and card.pins[USER].left == 9
    assert isinstance(found["pin-wrong"].error, WrongPin)
    assert "9 tries are left" in found["pin-wrong"].cure


def test_nobody_there_to_be_asked_for_the_pin(put: Put, around: Surroundings) -> None:
    put(lite())

    def ask(info: TokenInfo) -> str:
        raise PinRequired("no terminal")

    doctor = Doctor(around=around, at=samples.MADE, pin=ask)
    found = faults(list(doctor.examine(Path(TOKEN))))
    assert isinstance(found["pin-needed"].error, PinRequired)
    assert "10 of 10 tries are left" in found["pin-needed"].cure


def test_a_damaged_key_on_a_token(put: Put, around: Surroundings) -> None:
    card = RutokenEcp()
    files = samples.container("ivanov-2026").files
    spoilt = bytearray(files["primary.key"])
    spoilt[-1] ^= 1
    card.add_container(0x0A00, files | {"primary.key": bytes(spoilt)})
    put(card)
    doctor = Doctor(around=around, at=samples.MADE, pin=lambda info: "12345678")
    assert told(doctor.examine(Path(TOKEN))) == ["pair-damaged"]


# -- the token --------------------------------------------------


def test_an_empty_reader(put: Put, doctor: Doctor) -> None:
    put(None, None)
    assert told(doctor.tokens()) == ["token-absent"]
    put(None, lite())
    assert told(doctor.tokens()) == ["pin-needed"]


def test_a_token_that_is_not_the_one_named(put: Put, doctor: Doctor) -> None:
    put(lite(), lite(serial=0x11111111))
    found = faults(list(doctor.tokens("token:22222222")))
    assert list(found) == ["token-not-found"]
    assert TOKEN in found["token-not-found"].text
    for address in ("token:11111111", "token:286331153"):
        (_, token, _) = doctor.tokens(address)
        assert token.item == "token:11111111"


def test_a_container_that_is_not_on_the_token(put: Put, doctor: Doctor) -> None:
    put(lite())
    for place in ("0B00", "petrov"):
        found = faults(list(doctor.tokens(f"{TOKEN}/{place}")))
        assert list(found) == ["container-not-there"]
        assert f"container list {TOKEN}`" in found["container-not-there"].cure
    assert told(doctor.tokens(f"{TOKEN}/ivanov-2026")) == ["pin-needed"]


class OneCard:
    """A reader with a card of a given answer to reset, which refuses to be held."""

    def __init__(self, atr: bytes, error: Exception | None = None) -> None:
        self.atr = atr
        self.error = error

    def readers(self) -> list[str]:
        return [READER]

    def atr_of(self, reader: str) -> bytes | None:
        return self.atr

    @contextmanager
    def connect(self, reader: str) -> Iterator[pcsc.Card]:
        assert self.error is not None, "nobody should talk to this card"
        raise self.error
        yield


@pytest.mark.parametrize(
    ("atr", "fault", "words"),
    [
        ("3B00", "token-unknown", "ATR 3B00"),
        ("3B9896008031C072F7418107", "token-other-driver", "Magistra"),
        ("3B7C95000045534D415254474F53543130", "token-not-supported", "ESMART"),
        ("", "token-silent", "damaged"),
    ],
)
def test_a_token_of_another_kind_is_named_with_its_atr(
    doctor: Doctor, atr: str, fault: str, words: str
) -> None:
    with pcsc.using(OneCard(bytes.fromhex(atr))):
        found = faults(list(doctor.tokens()))
    assert list(found) == [fault]
    assert words in found[fault].cause and atr in found[fault].text
    if atr:
        assert "Rutoken Lite, ECP and S" in found[fault].cure


def test_a_token_whose_keys_stay_in_its_chip(put: Put, doctor: Doctor) -> None:
    card = EtokenPro()
    # Several models of JaCarta have this one; this card has no Datastore applet.
    card.atr = bytes.fromhex("3BDC18FF8191FE1FC38073C821136601061159000128")
    put(card)
    found = faults(list(doctor.tokens()))
    assert list(found) == ["token-not-supported"]
    assert "chip" in found["token-not-supported"].cause


def test_a_token_that_another_program_holds(doctor: Doctor) -> None:
    with pcsc.using(OneCard(RutokenLite.ATR, TokenBusy("held"))):
        assert told(doctor.tokens()) == ["token-busy"]


@pytest.mark.parametrize("command", [1, 2, 5, 18, 22, 37, 40, 50, 58])
def test_a_token_whose_memory_fails_from_some_moment_on(
    put: Put, doctor: Doctor, command: int
) -> None:
    card = lite()
    put(card)
    for number in range(command, 200):
        card.fail_at(number)
    found = faults(list(doctor.tokens()))
    assert "token-damaged" in found
    assert found["token-damaged"].severity is Severity.ERROR


def test_a_token_that_was_formatted_for_another_program(
    put: Put, doctor: Doctor
) -> None:
    card = RutokenLite()
    assert card.root is not None
    del card.root.children[0x1000].children[0x1003]
    put(card)
    found = faults(list(doctor.tokens()))
    assert list(found) == ["token-damaged"]
    assert found["token-damaged"].severity is Severity.ERROR


def test_a_token_that_is_pulled_out_meanwhile(put: Put, doctor: Doctor) -> None:
    for command in range(1, 30):
        card = lite()
        put(card)
        card.pull_at(command)
        examined = list(doctor.tokens())
        if card.present:
            break
        assert any(one.first_fault for one in examined), command
    assert command > 5


# -- PINs -------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "admin", "expected"),
    [
        (10, 10, []),
        (9, 10, ["pin-last-tries"]),
        (1, 10, ["pin-last-tries"]),
        (0, 10, ["pin-blocked"]),
        (10, 3, ["admin-pin-last-tries"]),
        (10, 0, ["admin-pin-blocked"]),
        (0, 0, ["pin-blocked", "admin-pin-blocked"]),
    ],
)
def test_tries_are_told_and_none_is_spent(
    put: Put, doctor: Doctor, user: int, admin: int, expected: list[str]
) -> None:
    card = lite()
    card.pins[USER].left, card.pins[ADMIN].left = user, admin
    put(card)
    found = faults(list(doctor.tokens()))
    assert [one for one in found if one != "pin-needed"] == expected
    assert (card.pins[USER].left, card.pins[ADMIN].left) == (user, admin)
    if user == 0:
        assert f"gostkey token unblock {TOKEN}`" in found["pin-blocked"].cure


# -- memory -----------------------------------------------------


def test_a_full_token(put: Put, doctor: Doctor) -> None:
    card = lite()
    card.capacity = card.used + 1000
    put(card)
    found = faults(list(doctor.tokens()))
    assert list(found) == ["memory-full", "pin-needed"]
    assert "1000 bytes are free" in found["memory-full"].text


def test_a_token_whose_places_are_taken(put: Put, doctor: Doctor) -> None:
    card = RutokenLite(free=1 << 20)
    files = samples.container("ivanov-2026").files
    for fid in range(0x0A00, 0x1900, 0x0100):
        card.add_container(fid, files)
    put(card)
    found = faults(list(doctor.tokens()))
    assert "slots-full" in found and "all 15 places" in found["slots-full"].cause


def test_a_token_that_does_not_tell_its_memory_or_tries(
    put: Put, doctor: Doctor
) -> None:
    put(lite(answers_free=False))
    assert "memory-not-told" in told(doctor.tokens())
    info = TokenInfo("token:1", "r", b"", "jacarta-lt", "JaCarta LT", "1")
    from gostkey.doctor.tokens import _user_pin

    assert [one.fault for one in _user_pin(info)] == ["pin-not-told"]
    whole = replace(info, memory_free=100_000, user_pin=PinState(tries_left=3))
    assert [one.fault for one in (*_memory(whole), *_user_pin(whole))] == ["", ""]


def test_a_token_without_containers(put: Put, doctor: Doctor) -> None:
    put(RutokenLite())
    assert told(doctor.tokens()) == ["token-empty"]


@pytest.mark.parametrize("absent", ["name.key", "header.key"])
def test_a_container_whose_writing_was_cut_off(
    put: Put, doctor: Doctor, absent: str
) -> None:
    card = lite()
    files = dict(samples.container("petrov").files)
    del files[absent]
    card.add_container(0x0B00, files)
    put(card)
    found = faults(list(doctor.tokens()))
    assert list(found) == ["container-unfinished", "pin-needed"]
    assert found["container-unfinished"].subject == f"{TOKEN}/0B00"


# -- the way there ----------------------------------------------


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (PyscardMissing("pyscard is not installed"), "pyscard-missing"),
        (CardServiceAbsent("no answer"), "service-"),
    ],
)
def test_without_a_way_to_tokens_nothing_more_is_asked(
    doctor: Doctor, error: Exception, fault: str
) -> None:
    class Nothing(OneCard):
        def readers(self) -> list[str]:
            raise error

    with pcsc.using(Nothing(b"")):
        (one,) = doctor.tokens()
    assert one.item == "readers" and not one.is_container
    assert any(finding.fault.startswith(fault) for finding in one.findings)


def test_two_tokens_with_one_serial_number_are_both_looked_at(
    doctor: Doctor, put: Put
) -> None:
    put(RutokenLite(), RutokenLite(), RutokenLite(serial=5))
    found = [one.item for one in doctor.examine(Path("token:30DA6803"))]
    readers = ["token:Virtual PCD 00 00", "token:Virtual PCD 00 01"]
    assert [item for item in found if item in readers] == readers
    assert "token:00000005" not in found
    found = [one.item for one in doctor.examine(Path(readers[1]))]
    assert readers[0] not in found and readers[1] in found
