"""Objects of other programs, and of none, on a token; and the token of SoftHSM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mock_tokens import PIN, MockToken, made, nobody, opened
from small_pki import PERSON, root
from soft_tokens import soft_token

from gostkey import cryptoki
from gostkey.errors import MediumError, TokenRefused, WrongPin
from gostkey.media.chips import ChipToken, PinTries, list_chips, objects, open_chip
from gostkey.pki.requests import Request, build_request

pkcs11 = pytest.importorskip("pkcs11", reason="needs: pip install 'gostkey[pkcs11]'")
NAMES = pkcs11.Attribute
TOKEN = ChipToken("lib", "l", "s", "m", "k", "1", PinTries.ENOUGH, True, False, (256,))


class Thing(dict[Any, Any]):
    """An object with some attributes, as python-pkcs11 gives them."""

    def __getitem__(self, name: Any) -> Any:
        if name not in self:
            raise pkcs11.AttributeTypeInvalid
        return super().__getitem__(name)


values = st.binary(max_size=140)
things = st.fixed_dictionaries(
    {NAMES.KEY_TYPE: st.sampled_from([cryptoki.KEY_256, cryptoki.KEY_512])},
    optional={
        NAMES.ID: st.sampled_from([b"", b"1", b"2"]),
        NAMES.LABEL: st.text(max_size=3),
        NAMES.VALUE: values,
        NAMES.GOSTR3410_PARAMS: values | st.just(bytes.fromhex("06072a850302022301")),
        NAMES.GOSTR3411_PARAMS: values | st.just(bytes.fromhex("06082a85030701010202")),
    },
).map(Thing)


@given(st.lists(things, max_size=3), st.lists(things, max_size=3), st.booleans())
def test_any_bytes_for_attributes_give_entries_with_faults(
    public: list[Thing], private: list[Thing], after_pin: bool
) -> None:
    found = objects.Found(public, private if after_pin else [], [])
    entries = objects.entries(pkcs11, found, TOKEN, after_pin=after_pin)
    identifiers = {one.get(NAMES.ID, b"") for one in found.public + found.private}
    assert {entry.identifier for entry in entries} == identifiers
    for entry in entries:
        assert bool(entry.fault) == (entry.verifying_key is None)


def test_two_keys_of_one_identifier_are_told(token: MockToken) -> None:
    made(token, label="first")
    made(token, label="second")
    token.restart()
    (slot,) = pkcs11.lib(token.library).get_tokens()
    mapper = cryptoki.attribute_mapper(pkcs11)
    with slot.open(rw=True, user_pin=PIN, attribute_mapper=mapper) as session:
        wanted = {NAMES.CLASS: pkcs11.ObjectClass.PUBLIC_KEY, NAMES.LABEL: "second"}
        (second,) = session.get_objects(wanted)
        wanted[NAMES.LABEL] = "first"
        (first,) = session.get_objects(wanted)
        copied = (NAMES.KEY_TYPE, NAMES.VALUE, NAMES.GOSTR3410_PARAMS)
        session.create_object(
            {
                NAMES.CLASS: pkcs11.ObjectClass.PUBLIC_KEY,
                NAMES.TOKEN: True,
                NAMES.ID: second[NAMES.ID],
                **{name: first[name] for name in copied},
            }
        )
    token.restart()
    with opened(token) as chip:
        assert chip.key("first").sign(b"one")
        faults = [one.fault for one in chip.keys()]
        assert "" in faults and "another key has the same identifier" in faults


def test_labels_that_are_no_text_and_certificates_that_are_none(
    token: MockToken,
) -> None:
    made(token, label="good")
    token.restart()
    (slot,) = pkcs11.lib(token.library).get_tokens()
    mapper = cryptoki.attribute_mapper(pkcs11)
    mapper.register_handler(NAMES.LABEL, bytes, bytes)
    with slot.open(rw=True, user_pin=PIN, attribute_mapper=mapper) as session:
        for kind in (pkcs11.ObjectClass.PUBLIC_KEY, pkcs11.ObjectClass.CERTIFICATE):
            session.create_object(
                {
                    NAMES.CLASS: kind,
                    NAMES.KEY_TYPE: cryptoki.KEY_256,
                    NAMES.TOKEN: True,
                    NAMES.LABEL: b"\xff\xfe\x00",
                    NAMES.VALUE: b"\x30\x03no",
                }
            )
    token.restart()
    with opened(token, pin=nobody) as chip:
        good, bad = chip.keys()
    assert good.label == "good" and not good.fault
    assert bad.label == "\ufffd\ufffd\0" and bad.fault


# -- SoftHSM ------------------------------------------------------------------


@pytest.fixture
def softhsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The library of SoftHSM with a token "office token" of the PIN 1234."""
    library, _, settings = soft_token(tmp_path)
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    yield str(library)
    pkcs11.unload(str(library))


def test_softhsm_without_gost_says_that_it_makes_no_such_keys(softhsm: str) -> None:
    # The token that is not set up yet is left out.
    (info,) = list_chips(softhsm)
    assert info.label == "office token"
    if info.sizes:
        pytest.skip("this SoftHSM was built with GOST; the test below runs on it")
    with open_chip(softhsm, pin=nobody) as chip:
        assert chip.keys() == []
        with pytest.raises(TokenRefused, match="does not make GOST keys of 256 bits"):
            chip.generate("CryptoPro-A", "any")


def test_softhsm_with_gost_makes_a_key_that_signs(softhsm: str) -> None:
    (info,) = list_chips(softhsm)
    if 256 not in info.sizes:
        pytest.skip(
            "the distribution's SoftHSM has GOST switched off; to run it, build "
            "SoftHSM 2.6 with the Botan back end and GOST (cmake with "
            "-DWITH_CRYPTO_BACKEND=botan -DENABLE_GOST=ON) and name its library in "
            "GOSTKEY_SOFTHSM"
        )
    with open_chip(softhsm, pin=lambda token: "1234") as chip:
        key = chip.generate("CryptoPro-A", "any")
        key.verifying_key.verify(key.sign(b"one"), b"one")
        Request.from_bytes(build_request(key, PERSON)).verify()
        certificate = root().issue(PERSON, key)
        assert chip.install(certificate.der).certificate == certificate.der
    with open_chip(softhsm, pin=nobody) as chip:
        (entry,) = chip.keys()
        assert entry.verifying_key == key.verifying_key
        assert entry.certificate == certificate.der


def test_keys_of_other_kinds_on_softhsm_are_left_alone(softhsm: str) -> None:
    (slot,) = (t for t in pkcs11.lib(softhsm).get_tokens() if t.label == "office token")
    with slot.open(rw=True, user_pin="1234") as session:
        session.generate_keypair(pkcs11.KeyType.RSA, 1024, store=True, label="rsa")
    with open_chip(softhsm, "office token", pin=lambda token: "1234") as chip:
        chip.log_in()
        assert chip.keys() == []


def test_a_wrong_pin_on_softhsm(softhsm: str) -> None:
    with open_chip(softhsm, pin=lambda token: "4321") as chip:
        with pytest.raises(WrongPin, match="office token.*the PIN is another one"):
            chip.log_in()
    with open_chip(softhsm, pin=lambda token: "1234") as chip:
        chip.log_in()


def test_what_is_no_library_is_told(tmp_path: Path) -> None:
    wrong = tmp_path / "library.so"
    with pytest.raises(MediumError, match="no such PKCS #11 library"):
        list_chips(str(wrong))
    wrong.write_bytes(b"not a library")
    with pytest.raises(MediumError, match=f"{wrong} cannot be used"):
        list_chips(str(wrong))
