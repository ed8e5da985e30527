"""PINs: no try is lost for nothing, and the PIN is given another value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from cards.readers import VirtualReaders
from cards.rutoken import RutokenEcpCard, RutokenLite
from cards.rutoken_s import RutokenS

from gostkey.errors import LengthError, MediumError, PinBlocked, PinRequired, WrongPin
from gostkey.media.tokens import list_tokens, open_token, pins
from gostkey.media.tokens.model import PinState, TokenInfo

InReaders = Callable[..., VirtualReaders]

PLACE = Path("token:30DA6803/0A00")
RIGHT = "12345678"
ADMIN = "87654321"


def token(**how: object) -> RutokenLite:
    card = RutokenLite(**how)  # type: ignore[arg-type]
    card.add_container(0x0A00, samples.container(with_certificate=False).files)
    return card


def tries(card: RutokenLite, reference: int = 2) -> int:
    return card.pins[reference].left


@pytest.mark.parametrize("tells_tries", [True, False])
def test_a_wrong_pin_is_told_with_the_tries_left(
    in_readers: InReaders, tells_tries: bool
) -> None:
    card = token(tells_tries=tells_tries)
    in_readers(card)
    with pytest.raises(WrongPin, match="tries left: 9") as caught:
        open_token("token:", pin=lambda info: "00000000").read(PLACE)
    assert caught.value.tries_left == 9
    assert "00000000" not in str(caught.value)
    assert tries(card) == 9


def test_a_pin_is_not_sent_twice_after_a_refusal(in_readers: InReaders) -> None:
    card = token()
    in_readers(card)
    for _ in range(3):
        # Another store of the same token remembers too.
        store = open_token("token:", pin=lambda info: "00000000")
        with pytest.raises(WrongPin):
            store.read(PLACE)
    assert tries(card) == 9
    with pytest.raises(WrongPin):
        open_token("token:", pin=lambda info: "00000001").read(PLACE)
    assert tries(card) == 8
    open_token("token:", pin=lambda info: RIGHT).read(PLACE)
    assert tries(card) == 10


@pytest.mark.parametrize("pin", ["", "1" * 33, "пароль12", "1234\n5678"])
def test_what_cannot_be_a_pin_is_not_sent(in_readers: InReaders, pin: str) -> None:
    card = token()
    in_readers(card)
    with pytest.raises(WrongPin, match="not sent"):
        open_token("token:", pin=lambda info: pin).read(PLACE)
    assert tries(card) == 10


def test_the_last_try_is_not_risked(in_readers: InReaders) -> None:
    card = token()
    card.pins[2].left = 1
    in_readers(card)
    asked: list[TokenInfo] = []

    def pin(info: TokenInfo) -> str:
        asked.append(info)
        return RIGHT

    with pytest.raises(PinBlocked, match="one try"):
        open_token("token:", pin=pin).read(PLACE)
    assert not asked and tries(card) == 1
    assert open_token("token:", pin=pin, risk_last_try=True).read(PLACE)
    assert tries(card) == 10


def test_a_blocked_pin_is_told_and_nobody_is_asked(in_readers: InReaders) -> None:
    card = token()
    card.pins[2].left = 0
    in_readers(card)
    with pytest.raises(PinBlocked, match="nothing on the token is lost"):
        open_token("token:", pin=lambda info: RIGHT, risk_last_try=True).read(PLACE)
    (info,) = list_tokens().tokens
    assert info.user_pin.blocked and info.user_pin.tries_left == 0
    assert not info.admin_pin.blocked


def test_the_try_that_blocks_is_told_as_that(in_readers: InReaders) -> None:
    card = token()
    card.pins[2].left = 1
    in_readers(card)
    store = open_token("token:", pin=lambda info: "00000000", risk_last_try=True)
    with pytest.raises(PinBlocked):
        store.read(PLACE)


def test_who_is_logged_in_already_is_logged_out_first(in_readers: InReaders) -> None:
    card = token()
    in_readers(card)
    card.logged_in = 1
    assert open_token("token:", pin=lambda info: RIGHT).read(PLACE)
    card.logged_in = 2
    with pytest.raises(WrongPin):
        open_token("token:", pin=lambda info: "00000000").read(PLACE)


def test_one_login_serves_a_whole_session(in_readers: InReaders) -> None:
    card = token()
    readers = in_readers(card)
    asked = []

    def pin(info: TokenInfo) -> str:
        asked.append(info.address)
        return RIGHT

    with open_token("token:", pin=pin, experimental=True) as store:
        files = store.read(PLACE)
        store.write("copy", files)
        # Another store of the same token shares it.
        assert open_token("token:30DA6803", pin=pin).read(PLACE) == files
        assert card.logged_in == 2
    assert asked == ["token:30DA6803"] and readers.left_logged_in == 0


def test_a_long_time_at_the_prompt_begins_a_new_transaction(
    in_readers: InReaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, other = token(), RutokenLite(serial=9)
    in_readers(card)
    monkeypatch.setattr(pins, "LONGEST_IDLE_SECONDS", -1.0)
    assert open_token("token:", pin=lambda info: RIGHT).read(PLACE)

    def swap(info: TokenInfo) -> str:
        card.swap_at(1, other, silent=True)
        return RIGHT

    with pytest.raises(MediumError, match="another token"):
        open_token("token:", pin=swap).read(PLACE)
    assert other.instructions[0x0020] == 0


def test_while_a_person_types_other_programs_have_the_token(
    in_readers: InReaders,
) -> None:
    card, other = token(), RutokenLite(serial=9)
    readers = in_readers(card)

    def typed(info: TokenInfo) -> str:
        with pins.waiting_for_a_person():
            (held,) = readers.given
            assert held.paused
        assert not held.paused
        return RIGHT

    assert open_token("token:", pin=typed).read(PLACE)

    def spend(info: TokenInfo) -> str:
        """Another program leaves one try of the PIN."""
        with pins.waiting_for_a_person():
            card.pins[2].left = 1
        return "00000000"

    with pytest.raises(PinBlocked, match="one try"):
        open_token("token:", pin=spend).read(PLACE)
    assert tries(card) == 1
    card.pins[2].left = 10

    def swap(info: TokenInfo) -> str:
        with pins.waiting_for_a_person():
            readers.put("Virtual PCD 00 00", other)
        return RIGHT

    with pytest.raises(MediumError):
        open_token("token:", pin=swap).read(PLACE)
    assert other.instructions[0x0020] == 0


def test_nobody_is_waited_for_where_no_token_asks() -> None:
    with pins.waiting_for_a_person():
        pass


@pytest.mark.parametrize("kind", [RutokenLite, RutokenEcpCard])
def test_a_pin_is_changed(in_readers: InReaders, kind: type[RutokenLite]) -> None:
    card = kind()
    readers = in_readers(card)
    store = open_token("token:")
    store.change_pin(RIGHT, "new pin 1")
    store.change_admin_pin(ADMIN, "new admin pin")
    assert [pin.value for pin in card.pins.values()] == ["new admin pin", "new pin 1"]
    # 3.1: 80 02 <length> A5 <length> <PIN>; the record has stars for what is secret.
    commands = [exchange.command for exchange in card.log]
    change = next(command for command in commands if command[1] == 0x24)
    assert change[:4] == bytes.fromhex("00240102") and change[4] == 4 + 2 + 9
    assert not any(b"new" in command or b"1234" in command for command in commands)
    assert readers.left_logged_in == 0
    with pytest.raises(WrongPin):
        store.change_pin(RIGHT, "another pin")
    assert card.pins[2].value == "new pin 1"


@pytest.mark.parametrize("new", ["12345", "1" * 33, "нов", ""])
def test_a_new_pin_that_no_token_would_take_costs_no_try(
    in_readers: InReaders, new: str
) -> None:
    card = RutokenLite()
    in_readers(card)
    with pytest.raises(LengthError, match="6 to 32"):
        open_token("token:").change_pin("00000000", new)
    with pytest.raises(LengthError, match="6 to 32"):
        open_token("token:").unblock("00000000", new)
    assert tries(card) == tries(card, 1) == 10


def test_a_changed_pin_may_be_one_that_was_refused(in_readers: InReaders) -> None:
    card = token()
    in_readers(card)
    store = open_token("token:", pin=lambda info: "00000000")
    with pytest.raises(WrongPin):
        store.read(PLACE)
    store.change_pin(RIGHT, "00000000")
    assert store.read(PLACE)


def test_rutoken_s_takes_the_bare_pin(in_readers: InReaders) -> None:
    card = RutokenS()
    in_readers(card)
    store = open_token("token:")
    store.change_pin(RIGHT, "new pin 1")
    assert card.pins[2].value == "new pin 1"
    commands = [exchange.command for exchange in card.log]
    (change,) = (command for command in commands if command[1] == 0x24)
    assert change[:5].hex() == "0024010209"
    with pytest.raises(LengthError, match="1 to 16"):
        store.change_pin("new pin 1", "1" * 17)
    with pytest.raises(WrongPin, match="not sent"):
        store.change_pin("1" * 17, RIGHT)
    card.pins[2].left = 0
    store.unblock(ADMIN, RIGHT)
    assert card.pins[2].value == RIGHT and tries(card) == 10


@pytest.mark.parametrize("new", [None, "fresh pin"])
def test_a_blocked_pin_is_unblocked(in_readers: InReaders, new: str | None) -> None:
    card = token()
    card.pins[2].left = 0
    readers = in_readers(card)
    open_token("token:").unblock(ADMIN, new)
    assert tries(card) == 10
    assert open_token("token:", pin=lambda info: new or RIGHT).read(PLACE)
    assert bytes.fromhex("002C0302") in [exchange.command for exchange in card.log]
    assert readers.left_logged_in == 0


def test_a_wrong_admin_pin_changes_nothing(in_readers: InReaders) -> None:
    card = token()
    card.pins[2].left = 0
    in_readers(card)
    with pytest.raises(WrongPin, match="admin PIN, tries left: 9"):
        open_token("token:").unblock("00000000")
    assert tries(card) == 0
    card.pins[1].left = 0
    with pytest.raises(PinBlocked, match="formatting"):
        open_token("token:").unblock(ADMIN)


def test_factory_pins_are_only_for_who_has_tries_enough() -> None:
    info = TokenInfo("token:1", "r", b"", "rutoken", "m", "1")

    def with_tries(left: int | None) -> TokenInfo:
        state = PinState(left)
        return TokenInfo(
            "token:1", "r", b"", "rutoken", "m", "1", user_pin=state, admin_pin=state
        )

    assert pins.factory_pin(with_tries(3)) == RIGHT
    assert pins.factory_pin(with_tries(10), "admin") == ADMIN
    for left in (0, 1, 2, None):
        with pytest.raises(PinRequired):
            pins.factory_pin(with_tries(left))
    with pytest.raises(PinRequired):
        pins.factory_pin(info)
