"""PKCS#8 with a password."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from keyforms.key_layouts import integer, pkcs8, tlv

from gostkey import ciphers, curves, kdf, keyforms
from gostkey.errors import (
    EncodingError,
    GostKeyError,
    LengthError,
    PasswordRequired,
    UnknownAlgorithm,
    WrongPassword,
)
from gostkey.keyforms import Scheme, encrypted

CURVE = curves.get("tc26-256-b")
KEY = bytes(range(1, 33))
PLAIN = pkcs8(CURVE, KEY)

PBES2 = bytes.fromhex("06092a864886f70d01050d")
PBKDF2 = bytes.fromhex("06092a864886f70d01050c")
HMAC_STREEBOG512 = bytes.fromhex("06082a85030701010402")
GOST28147 = bytes.fromhex("06062a8503020215")
SBOX_Z = bytes.fromhex("06092a85030701020501 01".replace(" ", ""))
KUZNYECHIK_OMAC = bytes.fromhex("06092a8503070101050202")


def form(
    cipher: bytes,
    parameters: bytes,
    data: bytes,
    *,
    salt: bytes = b"saltsalt",
    iterations: int = 1,
    more: bytes = b"",
    prf: bytes = HMAC_STREEBOG512,
    kdf_oid: bytes = PBKDF2,
    scheme: bytes = PBES2,
) -> bytes:
    """Encode an EncryptedPrivateKeyInfo; one iteration makes it quick to open."""
    derivation = tlv(
        0x30, tlv(4, salt), integer(iterations), more, tlv(0x30, prf, tlv(5))
    )
    algorithms = tlv(
        0x30, tlv(0x30, kdf_oid, derivation), tlv(0x30, cipher, parameters)
    )
    return tlv(0x30, tlv(0x30, scheme, algorithms), tlv(4, data))


def gost28147_form(password: str, **more: object) -> bytes:
    key = kdf.pbkdf2(password, b"saltsalt", 1, 32)
    data = ciphers.gost28147_cfb_encrypt("z", key, b"initial8", PLAIN)
    parameters = tlv(0x30, tlv(4, b"initial8"), SBOX_Z)
    return form(GOST28147, parameters, data, **more)  # type: ignore[arg-type]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow one iteration in what is written."""
    monkeypatch.setattr(encrypted, "_LEAST_ITERATIONS", 1)


@pytest.mark.usefixtures("quick", "each_backend")
@pytest.mark.parametrize("cipher", keyforms.CIPHERS)
def test_every_cipher_gives_the_key_back_to_the_right_password_only(
    cipher: str,
) -> None:
    made = keyforms.encode_pkcs8(
        CURVE, Scheme.GOST_2012, KEY, "Пароль", cipher=cipher, iterations=1
    )
    assert KEY not in made
    found = keyforms.decode_pkcs8(made, "Пароль")
    assert (found.private_le, found.curve.oid) == (KEY, CURVE.oid)
    assert keyforms.decode_pkcs8(made, "Пароль".encode()) == found
    text = keyforms.pem(made, "ENCRYPTED PRIVATE KEY")
    assert keyforms.decode_pkcs8(text, "Пароль") == found
    with pytest.raises(WrongPassword, match="does not open it"):
        keyforms.decode_pkcs8(made, "пароль")
    with pytest.raises(PasswordRequired, match="none was given"):
        keyforms.decode_pkcs8(made)


@pytest.mark.usefixtures("quick")
def test_two_encryptions_have_nothing_in_common() -> None:
    first, second = (
        keyforms.encode_pkcs8(
            CURVE, Scheme.GOST_2012, KEY, "x", cipher="gost89", iterations=1
        )
        for _ in range(2)
    )
    assert first[-len(PLAIN) :] != second[-len(PLAIN) :]
    assert first[:80] != second[:80]


@pytest.mark.usefixtures("each_backend")
def test_the_form_of_others_is_read() -> None:
    assert keyforms.decode_pkcs8(gost28147_form("x"), "x").private_le == KEY
    with_length = gost28147_form("x", more=integer(32))
    assert keyforms.decode_pkcs8(with_length, "x").private_le == KEY


def test_lengths_and_counts_are_bounded_before_work_is_done() -> None:
    for more, words in (
        ({"iterations": 10_000_001}, "10000001 iterations"),
        ({"iterations": 0}, "0 iterations"),
        ({"salt": bytes(2000)}, "salt has 2000 bytes"),
        ({"more": integer(31)}, "key length is 31"),
    ):
        with pytest.raises(EncodingError, match=words):
            keyforms.decode_pkcs8(gost28147_form("x", **more), "x")
    for parameters, words in (
        (tlv(0x30, tlv(4, bytes(7)), SBOX_Z), "initial value has 7 bytes"),
        (tlv(0x30, tlv(4, bytes(8))), "GOST 28147-89 parameters"),
    ):
        with pytest.raises(EncodingError, match=words):
            keyforms.decode_pkcs8(form(GOST28147, parameters, PLAIN), "x")
    with pytest.raises(EncodingError, match="UKM has 12 bytes; it should have 16"):
        parameters = tlv(0x30, tlv(4, bytes(12)))
        keyforms.decode_pkcs8(form(KUZNYECHIK_OMAC, parameters, PLAIN), "x")
    with pytest.raises(EncodingError, match="are too few"):
        parameters = tlv(0x30, tlv(4, bytes(16)))
        keyforms.decode_pkcs8(form(KUZNYECHIK_OMAC, parameters, bytes(15)), "x")


def test_unknown_algorithms_are_named() -> None:
    sha256 = bytes.fromhex("06082a864886f70d0209")
    aes = bytes.fromhex("060960864801650304012a")
    for made, words in (
        (form(aes, tlv(4, bytes(16)), PLAIN), "cipher 2.16.840.1.101.3.4.1.42"),
        (gost28147_form("x", prf=sha256), "function 1.2.840.113549.2.9"),
        (gost28147_form("x", kdf_oid=PBES2), "is not PBKDF2"),
        (gost28147_form("x", scheme=PBKDF2), "is not PBES2"),
        (
            form(GOST28147, tlv(0x30, tlv(4, bytes(8)), GOST28147), PLAIN),
            "S-box '1.2.643.2.2.21'",
        ),
    ):
        with pytest.raises(UnknownAlgorithm, match=words):
            keyforms.decode_pkcs8(made, "x")


@pytest.mark.usefixtures("quick")
def test_a_changed_octet_anywhere_is_noticed_with_a_mac() -> None:
    made = keyforms.encode_pkcs8(CURVE, Scheme.GOST_2012, KEY, "x", iterations=1)
    data = len(PLAIN) + 16
    for place in range(len(made) - data, len(made)):
        changed = bytearray(made)
        changed[place] ^= 1
        with pytest.raises(WrongPassword):
            keyforms.decode_pkcs8(bytes(changed), "x")


def test_a_key_is_written_with_enough_iterations() -> None:
    made = keyforms.encode_pkcs8(CURVE, Scheme.GOST_2012, KEY, "x")
    assert integer(2000) in made
    assert keyforms.decode_pkcs8(made, "x").private_le == KEY


def test_useless_requests_are_refused() -> None:
    with pytest.raises(LengthError, match="password is empty"):
        keyforms.encode_pkcs8(CURVE, Scheme.GOST_2012, KEY, "")
    with pytest.raises(LengthError, match="iterations"):
        keyforms.encode_pkcs8(CURVE, Scheme.GOST_2012, KEY, "x", iterations=10)
    with pytest.raises(UnknownAlgorithm, match="cipher 'aes'"):
        keyforms.encode_pkcs8(CURVE, Scheme.GOST_2012, KEY, "x", cipher="aes")


def test_published_encrypted_keys_open(fixtures: Path) -> None:
    # The PFX of RFC 9548: find each EncryptedPrivateKeyInfo by its PBES2 OID.
    text = (fixtures / "pki_examples.json").read_text(encoding="utf-8")
    opened = set()
    for example in json.loads(text)["examples"]:
        if "pfx" not in example:
            continue
        der = base64.b64decode(example["pfx"])
        for piece in encrypted_keys_in(der):
            try:
                found = keyforms.decode_pkcs8(piece, example["password"])
            except GostKeyError:
                continue  # an encrypted bag of certificates
            assert found.private_le[::-1].hex() == example["d"]
            opened.add(found.curve.bits)
    assert opened == {256, 512}


def encrypted_keys_in(der: bytes) -> list[bytes]:
    """Return what stands where an EncryptedPrivateKeyInfo could."""
    found = []
    place = der.find(PBES2)
    while place >= 0:
        for start in range(max(0, place - 12), place):
            if der[start] != 0x30:
                continue
            size, header = der[start + 1], 2
            if size & 0x80:
                header += size & 0x7F
                size = int.from_bytes(der[start + 2 : start + header], "big")
            piece = der[start : start + header + size]
            if keyforms.is_encrypted(piece):
                found.append(piece)
        place = der.find(PBES2, place + 1)
    return found
