"""Key wrap of RFC 4357, KExp15, and the names of S-boxes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gostkey import ciphers
from gostkey.errors import IntegrityError, LengthError, UnknownAlgorithm

pytestmark = pytest.mark.usefixtures("each_backend")


def wrap_cases(vectors):
    for case in vectors("ciphers")["key_wrap"]:
        octets = [bytes.fromhex(case[name]) for name in ("kek", "ukm", "cek")]
        yield case["sbox_oid"], *octets, case


def test_wraps_and_diversification_give_the_vectors(vectors):
    seen = 0
    for oid, kek, ukm, cek, case in wrap_cases(vectors):
        assert ciphers.diversify(oid, kek, ukm).hex() == case["diversified_kek"]
        wrapped = ciphers.gost_wrap(oid, kek, ukm, cek)
        assert wrapped.hex() == case["gost_wrap"]
        assert ciphers.gost_unwrap(oid, kek, ukm, wrapped) == cek
        wrapped = ciphers.cryptopro_wrap(oid, kek, ukm, cek)
        assert wrapped.hex() == case["cryptopro_wrap"]
        assert ciphers.cryptopro_unwrap(oid, kek, ukm, wrapped) == cek
        seen += 1
    assert seen == 6


def test_a_changed_bit_anywhere_in_a_wrapped_key_is_noticed(vectors):
    oid, kek, ukm, _, case = next(wrap_cases(vectors))
    for name, unwrap in (
        ("gost_wrap", ciphers.gost_unwrap),
        ("cryptopro_wrap", ciphers.cryptopro_unwrap),
    ):
        for place in range(36):
            wrapped = bytearray.fromhex(case[name])
            wrapped[place] ^= 0x10
            with pytest.raises(IntegrityError, match="MAC does not match"):
                unwrap(oid, kek, ukm, wrapped)
        with pytest.raises(IntegrityError):
            unwrap(oid, kek, bytes(8), bytes.fromhex(case[name]))


@pytest.mark.parametrize("size", [0, 4, 11])
def test_wrapped_keys_of_impossible_length_are_refused(size):
    with pytest.raises(LengthError, match=f"has {size} bytes"):
        ciphers.gost_unwrap("z", bytes(32), bytes(8), bytes(size))
    with pytest.raises(LengthError):
        ciphers.gost_wrap("z", bytes(32), bytes(8), b"")
    with pytest.raises(LengthError, match="UKM has 7 bytes"):
        ciphers.diversify("z", bytes(32), bytes(7))


@pytest.mark.parametrize("name", sorted(ciphers.SBOX_OIDS))
def test_sboxes_go_by_name_and_by_oid(name):
    oid = ciphers.SBOX_OIDS[name]
    assert ciphers.sbox_name(oid) == ciphers.sbox_name(name) == name
    assert ciphers.sbox_oid(oid) == ciphers.sbox_oid(name) == oid


def test_an_unknown_sbox_is_named():
    with pytest.raises(UnknownAlgorithm, match="1.2.643.2.2.31.5"):
        ciphers.sbox_name("1.2.643.2.2.31.5")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cipher=st.sampled_from(["magma", "kuznyechik"]),
    keys=st.binary(min_size=64, max_size=64),
    secret=st.binary(max_size=70),
    place=st.integers(min_value=0),
    bit=st.integers(0, 7),
)
def test_kimp15_opens_what_kexp15_made_and_nothing_else(
    cipher, keys, secret, place, bit
):
    iv = bytes(range(ciphers.BLOCK_SIZES[cipher] // 2))
    mac_key, cipher_key = keys[:32], keys[32:]
    wrapped = bytearray(ciphers.kexp15(cipher, mac_key, cipher_key, iv, secret))
    assert len(wrapped) == len(secret) + ciphers.BLOCK_SIZES[cipher]
    assert ciphers.kimp15(cipher, mac_key, cipher_key, iv, wrapped) == secret
    wrapped[place % len(wrapped)] ^= 1 << bit
    with pytest.raises(IntegrityError):
        ciphers.kimp15(cipher, mac_key, cipher_key, iv, wrapped)
