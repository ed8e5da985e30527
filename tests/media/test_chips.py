"""Keys made and used inside a token: a PKCS #11 library with a GOST token of the tests.

What the token of the tests is and can be ordered to do: tests/pkcs11/mock_cryptoki.c.
"""

from __future__ import annotations

from typing import Any

import pytest
from mock_tokens import PIN, MockToken, made, nobody, opened
from small_pki import NOW, PERSON, Party, new_key, root

from gostkey import signing
from gostkey.errors import (
    CertificateMismatch,
    InvalidSignature,
    LengthError,
    TokenAbsent,
    TokenAmbiguous,
    TokenRefused,
)
from gostkey.media.chips import (
    ChipKey,
    PinTries,
    list_chips,
)
from gostkey.pki.certificates import Certificate
from gostkey.pki.renewal_request import RenewalRequest, build_renewal
from gostkey.pki.requests import Request, build_request

CURVES = ["CryptoPro-A", "CryptoPro-XchA", "CryptoPro-C", "tc26-512-a", "tc26-512-b"]
"""What a Rutoken ECP 2.0 is known to make."""


def certificate_for(key: Any) -> Certificate:
    return root().issue(PERSON, key)


@pytest.mark.parametrize("curve", CURVES)
def test_a_key_is_made_found_again_and_signs(token: MockToken, curve: str) -> None:
    identifier = made(token, curve)
    token.restart()
    with opened(token) as chip:
        key = chip.key(identifier)
        signature = key.sign(b"message")
        key.verifying_key.verify(signature, b"message")
        with pytest.raises(InvalidSignature):
            key.verifying_key.verify(signature, b"another")
        assert key.curve == signing.SigningKey.generate(curve).curve
        request = Request.from_bytes(build_request(key, PERSON))
    request.verify()
    # The name of the curve is part of the key and stays as it was asked for.
    assert request.public_key.curve.oid == key.curve.oid


def test_listing_asks_for_no_pin(token: MockToken) -> None:
    identifier = made(token)
    token.restart()
    before = token.calls.count("C_Login")
    with opened(token, pin=nobody) as chip:
        (entry,) = chip.keys()
    assert token.calls.count("C_Login") == before
    assert (entry.label, entry.identifier.hex()) == ("Иванов", identifier)
    assert entry.has_private is None and not entry.fault
    with opened(token) as chip:
        chip.log_in()
        (entry,) = chip.keys()
    assert entry.has_private is True
    (info,) = list_chips(token.library)
    assert (info.label, info.model) == ("Mock ECP", "Mock ECP 2.0")
    assert info.sizes == (256, 512) and info.tries is PinTries.ENOUGH


@pytest.mark.parametrize("layout", ["sr", "rs", "SR", "RS"])
@pytest.mark.parametrize("curve", ["CryptoPro-A", "tc26-512-a"])
def test_any_order_of_octets_comes_out_as_the_standard_has_it(
    token: MockToken, layout: str, curve: str
) -> None:
    token.order(f"layout {layout}")
    with opened(token) as chip:
        key = chip.generate(curve, "any")
        for message in (b"one", b"two"):
            key.verifying_key.verify(key.sign(message), message)


def test_a_point_in_an_octet_string_is_read_too(token: MockToken) -> None:
    token.order("point 1")
    with opened(token) as chip:
        for curve in ("CryptoPro-A", "tc26-512-a"):
            key = chip.generate(curve, curve)
            key.verifying_key.verify(key.sign(b"one"), b"one")


def test_a_library_that_takes_the_curve_of_the_public_key_only(
    token: MockToken,
) -> None:
    token.order("once 1")
    with opened(token) as chip:
        key = chip.generate("tc26-512-a", "any")
        key.verifying_key.verify(key.sign(b"one"), b"one")
        assert len(chip.keys()) == 1


def test_a_key_is_found_by_label_identifier_or_fingerprint(token: MockToken) -> None:
    first, second = made(token, label="first"), made(token, label="second")
    with opened(token) as chip:
        by_label = chip.key("first")
        for name in (first, by_label.verifying_key.fingerprint):
            assert chip.key(name).verifying_key == by_label.verifying_key
        assert chip.key("second").entry.identifier.hex() == second
        with pytest.raises(TokenAmbiguous, match=f"first .{first}.*second .{second}"):
            chip.key()


def test_a_renewal_moves_to_the_chip(token: MockToken) -> None:
    old = root().subscriber(PERSON, "cryptopro-xcha")
    with opened(token) as chip:
        key = chip.generate("CryptoPro-A", "new")
        cms = build_renewal(key, old.key, old.certificate, at=NOW)
        request = RenewalRequest.from_bytes(cms)
        request.check(at=NOW)
        assert request.request.public_key == key.verifying_key
    # And from there the chip's key renews itself by another one of its own.
    with opened(token) as chip:
        old_key = chip.key("new")
        certificate = certificate_for(old_key)
        newer = chip.generate("tc26-512-a", "newer")
        cms = build_renewal(newer, old_key, certificate, at=NOW)
        RenewalRequest.from_bytes(cms).check(at=NOW)


def test_a_certificate_lies_beside_its_key(token: MockToken) -> None:
    with opened(token) as chip:
        key = chip.generate("CryptoPro-A", "new")
        certificate = certificate_for(key)
        entry = chip.install(certificate.der)
        assert entry.certificate == certificate.der
        assert entry.identifier == key.entry.identifier
        written = token.calls.count("C_CreateObject")
        chip.install(certificate.der)
        assert token.calls.count("C_CreateObject") == written
    token.restart()
    with opened(token, pin=nobody) as chip:
        assert chip.entry("new").certificate == certificate.der


def test_of_two_certificates_the_one_that_ends_last_is_shown(token: MockToken) -> None:
    with opened(token) as chip:
        key = chip.generate("CryptoPro-A", "new")
        party: Party = root()
        early = party.issue(PERSON, key, serial=7, not_after=NOW)
        late = party.issue(PERSON, key, serial=8)
        chip.install(late.der)
        assert chip.install(early.der).certificate == late.der


def test_a_certificate_of_another_key_is_refused(token: MockToken) -> None:
    made(token)
    stranger = root().subscriber(PERSON, "cryptopro-a")
    with (
        opened(token) as chip,
        pytest.raises(CertificateMismatch, match="no key of it"),
    ):
        chip.install(stranger.certificate.der)
    assert "C_CreateObject" not in token.calls


def test_a_lost_public_key_is_taken_from_the_certificate(token: MockToken) -> None:
    with opened(token) as chip:
        key = chip.generate("CryptoPro-A", "new")
        chip.install(certificate_for(key).der)
    destroy(token, "PUBLIC_KEY")
    with opened(token) as chip:
        again = chip.key("new")
        assert again.verifying_key == key.verifying_key
        again.verifying_key.verify(again.sign(b"one"), b"one")
    destroy(token, "CERTIFICATE")
    with opened(token) as chip, pytest.raises(TokenRefused, match="public key is miss"):
        chip.key("new")


def destroy(token: MockToken, kind: str) -> None:
    """Remove objects as another program would."""
    import pkcs11

    token.restart()
    (slot,) = pkcs11.lib(token.library).get_tokens()
    with slot.open(rw=True, user_pin=PIN) as session:
        for one in session.get_objects(
            {pkcs11.Attribute.CLASS: pkcs11.ObjectClass[kind]}
        ):
            one.destroy()
    token.restart()


# -- which token --------------------------------------------------------------


def test_of_several_tokens_one_must_be_named(token: MockToken) -> None:
    token.order("tokens 2")
    assert [one.serial for one in list_chips(token.library)] == ["3b000001", "3b000002"]
    with pytest.raises(TokenAmbiguous, match="3b000001.*3b000002"):
        opened(token)
    with pytest.raises(TokenAmbiguous):
        opened(token, token="Mock ECP")
    with opened(token, token="3B000002") as chip:
        chip.generate("CryptoPro-A", "second")
    with opened(token, token="3b000001") as chip:
        assert chip.keys() == []
        with pytest.raises(TokenAbsent, match="no key of GOST R 34.10"):
            chip.entry("")
        chip.generate("CryptoPro-A", "first")
        with pytest.raises(TokenAbsent, match="no key third on it; there is first"):
            chip.key("third")


def test_no_token_and_another_token_are_told(token: MockToken) -> None:
    with pytest.raises(TokenAbsent, match="no token 77; there is Mock ECP .3b000001."):
        opened(token, token="77")
    token.order("removed 1")
    with pytest.raises(TokenAbsent, match="sees no token; put it in"):
        opened(token)


def test_no_pin_is_asked_for_what_is_not_there(token: MockToken) -> None:
    made(token)
    with (
        opened(token, pin=nobody) as chip,
        pytest.raises(TokenAbsent, match="no key x"),
    ):
        chip.key("x")


def test_a_digest_of_another_length_is_refused_here(token: MockToken) -> None:
    with opened(token) as chip:
        key: ChipKey = chip.generate("CryptoPro-A", "any")
        signed = token.calls.count("C_Sign")
        with pytest.raises(LengthError, match="64 bytes; tc26-256-b signs 32"):
            key.sign_digest(bytes(64))
        assert token.calls.count("C_Sign") == signed


def test_what_signs_needs_no_more_of_a_key_than_the_protocol() -> None:
    key: signing.SupportsSigning = new_key()
    assert Request.from_bytes(build_request(key, PERSON)).public_key
