"""Decryption undoes encryption, and the MAC's rule for short texts."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gostkey import ciphers
from gostkey.backend import active

pytestmark = pytest.mark.usefixtures("each_backend")

keys = st.binary(min_size=32, max_size=32)
per_backend = settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@per_backend
@given(key=keys, iv=st.binary(min_size=48, max_size=48), data=st.binary(max_size=100))
def test_modes_of_the_block_ciphers(key: bytes, iv: bytes, data: bytes) -> None:
    c = active.ciphers
    for cipher, block in ciphers.BLOCK_SIZES.items():
        blocks = data[: len(data) // block * block]
        assert (
            c.block_decrypt(cipher, key, c.block_encrypt(cipher, key, blocks)) == blocks
        )
        secret = c.cbc_encrypt(cipher, key, iv, blocks)
        assert c.cbc_decrypt(cipher, key, iv, secret) == blocks
        secret = c.cfb_encrypt(cipher, key, iv, data)
        assert c.cfb_decrypt(cipher, key, iv, secret) == data
        assert c.ofb(cipher, key, iv, c.ofb(cipher, key, iv, data)) == data
        half = iv[: block // 2]
        secret = c.ctr_acpkm(cipher, key, half, data, 2 * block)
        assert c.ctr_acpkm(cipher, key, half, secret, 2 * block) == data


@per_backend
@given(
    sbox=st.sampled_from(sorted(ciphers.SBOX_OIDS)),
    key=keys,
    iv=st.binary(min_size=8, max_size=8),
    data=st.one_of(st.binary(max_size=40), st.binary(min_size=1020, max_size=1040)),
    meshing=st.booleans(),
)
def test_modes_of_gost28147(
    sbox: str, key: bytes, iv: bytes, data: bytes, meshing: bool
) -> None:
    secret = ciphers.gost28147_cfb_encrypt(sbox, key, iv, data, meshing=meshing)
    assert ciphers.gost28147_cfb_decrypt(sbox, key, iv, secret, meshing=meshing) == data
    secret = ciphers.gost28147_cnt(sbox, key, iv, data, meshing=meshing)
    assert ciphers.gost28147_cnt(sbox, key, iv, secret, meshing=meshing) == data
    blocks = data[: len(data) // 8 * 8]
    secret = ciphers.gost28147_ecb_encrypt(sbox, key, blocks)
    assert ciphers.gost28147_ecb_decrypt(sbox, key, secret) == blocks


@pytest.mark.parametrize("size", range(1, 9))
def test_the_mac_takes_a_text_of_one_block_as_two(size: int) -> None:
    data = bytes(range(1, size + 1))
    padded = data + bytes(16 - size)
    key = bytes(range(32))
    assert ciphers.gost28147_mac("z", key, data) == ciphers.gost28147_mac(
        "z", key, padded
    )


def test_meshing_changes_what_comes_after_1024_bytes_only() -> None:
    key, iv, data = bytes(range(32)), bytes(8), bytes(1032)
    for mode in (ciphers.gost28147_cnt, ciphers.gost28147_cfb_encrypt):
        plain, meshed = (mode("z", key, iv, data, meshing=m) for m in (False, True))
        assert plain[:1024] == meshed[:1024]
        assert plain[1024:] != meshed[1024:]
