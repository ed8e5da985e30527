"""A token that keeps keys refuses, fails, or is pulled out; its PIN is not wasted.

What the token of the tests is and can be ordered to do: tests/pkcs11/mock_cryptoki.c.
"""

from __future__ import annotations

import pytest
from mock_tokens import PIN, MockToken, made, nobody, opened
from small_pki import PERSON, root

from gostkey.errors import (
    MediumError,
    PinBlocked,
    PinRequired,
    TokenAbsent,
    TokenBusy,
    TokenFaulty,
    TokenFull,
    TokenRefused,
    TokenUnknown,
    UnknownCurve,
    WrongPin,
)
from gostkey.media.chips import ChipToken, PinTries, list_chips
from gostkey.pki.requests import build_request

# -- the PIN ------------------------------------------------------------------


def test_a_wrong_pin_is_sent_once(token: MockToken) -> None:
    made(token)
    token.restart()
    before = token.calls.count("C_Login")
    asked = []

    def wrong(info: ChipToken) -> str:
        asked.append(info.serial)
        return "87654321"

    with opened(token, pin=wrong) as chip:
        with pytest.raises(WrongPin, match="the PIN is another one") as refusal:
            chip.key("Иванов")
        with pytest.raises(WrongPin, match="not sent again"):
            chip.key("Иванов")
    assert token.calls.count("C_Login") == before + 1 and len(asked) == 1
    assert refusal.value.tries_left is None
    assert "87654321" not in str(refusal.value)
    assert list_chips(token.library)[0].tries is PinTries.FEWER
    with opened(token) as chip:
        chip.key("Иванов")
    assert list_chips(token.library)[0].tries is PinTries.ENOUGH


def test_the_last_try_is_not_risked(token: MockToken) -> None:
    token.order("tries 2")
    made(token)
    with opened(token, pin=lambda info: "wrong") as chip:
        with pytest.raises(WrongPin, match="one try is left") as refusal:
            chip.log_in()
    assert refusal.value.tries_left == 1
    with opened(token, pin=nobody) as chip:
        with pytest.raises(PinBlocked, match="one try of the PIN is left"):
            chip.log_in()
    with opened(token, pin=lambda info: "wrong", force=True) as chip:
        with pytest.raises(WrongPin, match="has blocked it") as refusal:
            chip.log_in()
    assert refusal.value.tries_left == 0
    with opened(token, pin=nobody, force=True) as chip:
        with pytest.raises(PinBlocked, match="is blocked"):
            chip.log_in()


def test_without_anybody_to_ask_the_pin_is_wanted(token: MockToken) -> None:
    made(token)
    with opened(token, pin=None) as chip, pytest.raises(PinRequired, match="wants its"):
        chip.key()


def test_a_pin_that_is_typed_at_the_token_is_not_asked_for_here(
    token: MockToken,
) -> None:
    token.order("pad 1")
    with opened(token, pin=nobody) as chip:
        chip.generate("CryptoPro-A", "typed")


def test_a_token_without_a_pin_is_told(token: MockToken) -> None:
    token.order("no_pin 1")
    with opened(token, pin=nobody) as chip:
        with pytest.raises(TokenRefused, match="no user's PIN yet"):
            chip.log_in()


# -- what goes wrong ----------------------------------------------------------


def test_a_key_whose_test_signature_is_wrong_is_removed(token: MockToken) -> None:
    token.order("wrong 1")
    with opened(token) as chip:
        with pytest.raises(TokenFaulty, match="signature that does not verify"):
            chip.generate("tc26-512-a", "bad")
        assert chip.keys() == []


def test_a_wrong_signature_is_not_handed_out(token: MockToken) -> None:
    made(token)
    with opened(token) as chip:
        key = chip.key()
        token.order("wrong 1")
        with pytest.raises(TokenFaulty, match="thrown away"):
            key.sign(b"message")
        with pytest.raises(TokenFaulty):
            build_request(key, PERSON)
        token.order()
        key.verifying_key.verify(key.sign(b"message"), b"message")


@pytest.mark.parametrize(
    ("order", "words"),
    [("leaky 1", "could be read out"), ("bad_point 1", "cannot be used: public key")],
)
def test_a_key_that_is_no_good_is_removed(
    token: MockToken, order: str, words: str
) -> None:
    token.order(order)
    with opened(token) as chip:
        with pytest.raises(TokenFaulty, match=words):
            chip.generate("CryptoPro-A", "bad")
        assert chip.keys() == []


def test_what_the_token_cannot_make_is_refused_before_the_pin(
    token: MockToken,
) -> None:
    token.order("bits512 0")
    with opened(token, pin=nobody) as chip:
        with pytest.raises(TokenRefused, match="512 bits.*it makes keys of 256 bits"):
            chip.generate("tc26-512-a", "big")
        with pytest.raises(UnknownCurve):
            chip.generate("nistp256", "other")
    token.order("bits256 0", "bits512 0")
    with opened(token, pin=nobody) as chip:
        with pytest.raises(TokenRefused, match="Rutoken ECP or JaCarta-2"):
            chip.generate("CryptoPro-A", "any")


def test_a_curve_that_the_token_does_not_know_is_told(token: MockToken) -> None:
    with opened(token) as chip:
        with pytest.raises(TokenRefused, match="tc26-256-a.*does not know this curve"):
            chip.generate("tc26-256-a", "any")


def test_labels(token: MockToken) -> None:
    made(token, label="taken")
    with opened(token) as chip:
        with pytest.raises(MediumError, match="'taken' already"):
            chip.generate("CryptoPro-A", " taken ")
        for label in ("", "  ", "я" * 65):
            with pytest.raises(MediumError, match="1 to 128 bytes"):
                chip.generate("CryptoPro-A", label)


def test_a_full_token_is_told(token: MockToken) -> None:
    token.order("most 3")
    with opened(token) as chip:
        key = chip.generate("CryptoPro-A", "first")
        with pytest.raises(TokenFull, match="no room left"):
            chip.generate("CryptoPro-A", "second")
        chip.install(root().issue(PERSON, key).der)
        with pytest.raises(TokenFull, match="no room left"):
            chip.install(root().issue(PERSON, key, serial=9).der)
        key.verifying_key.verify(key.sign(b"one"), b"one")


CODES = {
    "C_Sign": {
        0x05: (TokenRefused, "does not say why; take the token out"),
        0x06: (TokenRefused, "does not say why; take the token out"),
        0x21: (TokenRefused, "digests of this length"),
        0x30: (TokenRefused, "a fault of its own; take the token out"),
        0x32: (TokenAbsent, "was taken out"),
        0x50: (PinRequired, "cancelled at the token"),
        0x60: (TokenAbsent, "removed it"),
        0x90: (TokenBusy, "in the middle of something else"),
        0xB3: (TokenAbsent, "the connection was cut"),
        0x101: (PinRequired, "wants its PIN for this"),
        0x80000123: (TokenRefused, "0x80000123"),
    },
    "C_GenerateKeyPair": {
        0x31: (TokenFull, "no room left"),
        0x70: (TokenRefused, "does not know this kind of key"),
        0x130: (TokenRefused, "does not know this curve"),
        0xD1: (TokenRefused, "does not know this curve under this name"),
        0xE2: (TokenRefused, "write-protected"),
    },
    "C_Login": {
        0xA1: (WrongPin, "characters that no PIN"),
        0xA2: (WrongPin, "shorter or longer"),
        0xA3: (PinRequired, "has expired; give it another value"),
        0xA4: (PinBlocked, "the administrator's PIN unblocks it"),
        0x104: (TokenBusy, "the administrator is logged in"),
    },
    "C_OpenSession": {
        0xB1: (TokenBusy, "too many programs"),
        0xE0: (TokenAbsent, "put it in and repeat"),
        0xE1: (TokenUnknown, "the library of its maker"),
    },
}


@pytest.mark.parametrize(
    ("function", "code"), [(name, code) for name in CODES for code in CODES[name]]
)
def test_every_code_is_told_in_words(
    token: MockToken, function: str, code: int
) -> None:
    made(token)
    kind, words = CODES[function][code]
    token.order(f"fail {function} {code:x}")
    with pytest.raises(kind, match=words) as told:
        with opened(token) as chip:
            if function == "C_Sign":
                chip.key().sign(b"message")
            chip.generate("CryptoPro-A", "second")
    assert type(told.value) is not MediumError
    assert "Mock ECP (3b000001)" in str(told.value)
    token.order()
    with opened(token) as chip:
        assert [entry.label for entry in chip.keys()] == ["Иванов"]


def test_pulled_out_at_any_call_it_says_so_and_the_old_key_stays(
    token: MockToken,
) -> None:
    identifier = made(token)

    def work() -> None:
        with opened(token) as chip:
            chip.key(identifier).sign(b"message")
            key = chip.generate("CryptoPro-A", "second")
            chip.install(root().issue(PERSON, key).der)

    start = len(token.calls)
    work()
    at_open = {"C_GetSlotList", "C_GetSlotInfo", "C_Initialize", "C_GetInfo"}
    for function in sorted(set(token.calls[start:]) - at_open):
        destroy_second(token)
        token.order(f"remove_at {function}")
        if function in ("C_CloseSession", "C_Logout"):
            # C_CloseSession: also of the session before the login.
            try:
                work()
            except TokenAbsent:
                pass
        else:
            with pytest.raises(TokenAbsent):
                work()
        token.order()
        token.restart()
        with opened(token) as chip:
            key = chip.key(identifier)
            key.verifying_key.verify(key.sign(b"message"), b"message")


def destroy_second(token: MockToken) -> None:
    import pkcs11

    token.restart()
    (slot,) = pkcs11.lib(token.library).get_tokens()
    with slot.open(rw=True, user_pin=PIN) as session:
        wanted = {pkcs11.Attribute.LABEL: "second"}
        for one in list(session.get_objects(wanted)):
            one.destroy()
    token.restart()
