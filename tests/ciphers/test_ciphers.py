"""GOST 28147-89, Magma and Kuznyechik against the shared vectors, per backend."""

from __future__ import annotations

import pytest

from gostkey.backend import active
from gostkey.errors import LengthError, UnknownAlgorithm

pytestmark = pytest.mark.usefixtures("each_backend")

SBOX_BY_OID = {
    "1.2.643.7.1.2.5.1.1": "z",
    "1.2.643.2.2.31.0": "test",
    "1.2.643.2.2.31.1": "a",
    "1.2.643.2.2.31.2": "b",
    "1.2.643.2.2.31.3": "c",
    "1.2.643.2.2.31.4": "d",
}


def octets(case, name):
    return bytes.fromhex(case[name])


def block_cases(vectors):
    for cipher in ("magma", "kuznyechik"):
        for case in vectors("ciphers")[cipher]:
            yield cipher, case


def test_block_function_gives_the_standards_block(vectors):
    seen = 0
    for cipher, case in block_cases(vectors):
        if "block_in" in case:
            key, plain = octets(case, "key"), octets(case, "block_in")
            secret = octets(case, "block_out")
            assert active.ciphers.block_encrypt(cipher, key, plain) == secret
            assert active.ciphers.block_decrypt(cipher, key, secret) == plain
            seen += 1
    assert seen == 2


def test_modes_of_the_block_ciphers_give_the_vectors(vectors):
    seen = 0
    ciphers = active.ciphers
    for cipher, case in block_cases(vectors):
        if "pt" not in case:
            continue
        key, plain, iv = octets(case, "key"), octets(case, "pt"), octets(case, "iv")
        feedback = octets(case, "iv_ofb_cfb") if "iv_ofb_cfb" in case else iv
        if "ecb" in case:
            block = 8 if cipher == "magma" else 16
            whole = plain[: len(octets(case, "ecb"))]
            assert len(whole) % block == 0
            secret = octets(case, "ecb")
            assert ciphers.block_encrypt(cipher, key, whole) == secret
            assert ciphers.block_decrypt(cipher, key, secret) == whole
            secret = octets(case, "cbc")
            assert ciphers.cbc_encrypt(cipher, key, iv, whole) == secret
            assert ciphers.cbc_decrypt(cipher, key, iv, secret) == whole
        secret = octets(case, "cfb")
        assert ciphers.cfb_encrypt(cipher, key, feedback, plain) == secret
        assert ciphers.cfb_decrypt(cipher, key, feedback, secret) == plain
        secret = octets(case, "ofb")
        assert ciphers.ofb(cipher, key, feedback, plain) == secret
        assert ciphers.ofb(cipher, key, feedback, secret) == plain
        secret = octets(case, "ctr")
        start = octets(case, "iv_ctr")
        assert ciphers.ctr_acpkm(cipher, key, start, plain, 0) == secret
        tag = octets(case, "omac")
        for length in (1, len(tag) // 2, len(tag)):
            assert ciphers.omac(cipher, key, plain, length) == tag[:length]
        seen += 1
    assert seen == 14


def test_gost28147_gives_the_vectors_with_every_sbox(vectors):
    seen = set()
    ciphers = active.ciphers
    for case in vectors("ciphers")["gost28147"]:
        sbox = SBOX_BY_OID[case["sbox_oid"]]
        key, iv, plain = octets(case, "key"), octets(case, "iv"), octets(case, "pt")
        secret = octets(case, "ecb")
        assert ciphers.gost28147_ecb_encrypt(sbox, key, plain) == secret
        assert ciphers.gost28147_ecb_decrypt(sbox, key, secret) == plain
        secret = octets(case, "cfb_nomesh")
        assert ciphers.gost28147_cfb_encrypt(sbox, key, iv, plain, False) == secret
        assert ciphers.gost28147_cfb_decrypt(sbox, key, iv, secret, False) == plain
        secret = octets(case, "cnt_nomesh")
        assert ciphers.gost28147_cnt(sbox, key, iv, plain, False) == secret
        plain, secret = octets(case, "long_pt"), octets(case, "long_cfb_mesh")
        assert len(plain) > 1024
        assert ciphers.gost28147_cfb_encrypt(sbox, key, iv, plain, True) == secret
        assert ciphers.gost28147_cfb_decrypt(sbox, key, iv, secret, True) == plain
        data = octets(case, "mac_data")
        tag = octets(case, "mac4")
        assert ciphers.gost28147_mac(sbox, key, bytes(8), data, False) == tag
        seen.add(sbox)
    assert seen == set(SBOX_BY_OID.values())


def test_wrong_lengths_and_names_are_refused():
    ciphers, key = active.ciphers, bytes(32)
    with pytest.raises(UnknownAlgorithm, match="S-box 'y'"):
        ciphers.gost28147_ecb_encrypt("y", key, bytes(8))
    with pytest.raises(UnknownAlgorithm, match="cipher 'aes'"):
        ciphers.block_encrypt("aes", key, bytes(16))
    with pytest.raises(LengthError, match="key has 31 bytes; it must have 32"):
        ciphers.gost28147_ecb_encrypt("z", bytes(31), bytes(8))
    with pytest.raises(LengthError, match="data has 9 bytes"):
        ciphers.gost28147_ecb_decrypt("z", key, bytes(9))
    for function in (ciphers.gost28147_cnt, ciphers.gost28147_mac):
        with pytest.raises(LengthError, match="initial value has 7 bytes"):
            function("z", key, bytes(7), bytes(9), True)
    with pytest.raises(LengthError, match="initial value has 16 bytes"):
        ciphers.gost28147_cfb_encrypt("z", key, bytes(16), bytes(9), True)
    with pytest.raises(LengthError, match="key has 33 bytes"):
        ciphers.block_encrypt("magma", bytes(33), bytes(8))
    with pytest.raises(LengthError, match="data has 8 bytes"):
        ciphers.block_decrypt("kuznyechik", key, bytes(8))
    for function in (ciphers.cbc_encrypt, ciphers.cfb_decrypt, ciphers.ofb):
        for size in (0, 8, 17):
            with pytest.raises(LengthError, match=f"initial value has {size} bytes"):
                function("kuznyechik", key, bytes(size), bytes(16))
    with pytest.raises(LengthError, match="initial value has 16 bytes"):
        ciphers.ctr_acpkm("kuznyechik", key, bytes(16), bytes(16), 0)
    for section in (-16, 8):
        with pytest.raises(LengthError, match="ACPKM section"):
            ciphers.ctr_acpkm("kuznyechik", key, bytes(8), bytes(16), section)
    for length in (0, 9):
        with pytest.raises(LengthError, match="MAC length"):
            ciphers.omac("magma", key, b"", length)
