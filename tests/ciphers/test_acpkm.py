"""CTR with ACPKM key meshing, and KExp15, against the published examples."""

from __future__ import annotations

import pytest

from gostkey import ciphers
from gostkey.backend import active

pytestmark = pytest.mark.usefixtures("each_backend")

KEY = bytes.fromhex("8899aabbccddeeff0011223344556677fedcba98765432100123456789abcdef")
PLAIN = bytes.fromhex(
    "1122334455667700ffeeddccbbaa998800112233445566778899aabbcceeff0a"
    "112233445566778899aabbcceeff0a002233445566778899aabbcceeff0a0011"
    "33445566778899aabbcceeff0a001122445566778899aabbcceeff0a00112233"
    "5566778899aabbcceeff0a0011223344"
)
# R 1323565.1.017-2018, A.1 and A.2; the first one is also in RFC 8645, A.1.
MAGMA = bytes.fromhex(
    "2ab81deeeb1e4cab68e104c4bd6b94eac72c67af6c2e5b6b0eafb61770f1b32e"
    "a1ae71149eed1382abd467180672ec6f84a2f15b3fca72c1"
)
KUZNYECHIK = bytes.fromhex(
    "f195d8bec10ed1dbd57b5fa240bda1b885eee733f6a13e5df33ce4b33c45dee4"
    "4bceeb8f646f4c55001706275e85e800587c4df568d094393e4834afd0805046"
    "cf30f57686aeece11cfc6c316b8a896edffd07ec813636460c4f3b743423163e"
    "6409a9c282fac8d469d221e7fbd6de5d"
)


@pytest.mark.parametrize(
    ("cipher", "iv", "section", "secret"),
    [
        ("magma", "12345678", 16, MAGMA),
        ("kuznyechik", "1234567890abcef0", 32, KUZNYECHIK),
    ],
)
def test_key_meshing_gives_the_published_example_cut_anywhere(
    cipher, iv, section, secret
):
    plain = PLAIN[: len(secret)]
    iv = bytes.fromhex(iv)
    for size in range(len(plain) + 1):
        made = active.ciphers.ctr_acpkm(cipher, KEY, iv, plain[:size], section)
        assert made == secret[:size]


@pytest.mark.parametrize(
    ("cipher", "iv", "wrapped"),
    [
        # R 1323565.1.017-2018, A.5 (the same in the GOST engine's own tests).
        (
            "magma",
            "67bed654",
            "cfd5a12d5b81b6e1e99c916d07900c6ac12703fb3abded55567bf3742c899c75"
            "5dafe7b42e3a8bd9",
        ),
        (
            "kuznyechik",
            "0909472dd9f26be8",
            "e36184e84e8d736ff36cc2e5ae065dc656b23c20f549b02fdff88e1f3f30d8c2"
            "9a53f3ca554dbad80de152b9a4625b32",
        ),
    ],
)
def test_kexp15_gives_the_published_example(cipher, iv, wrapped):
    mac_key = bytes.fromhex(
        "08090a0b0c0d0e0f0001020304050607101112131415161718191a1b1c1d1e1f"
    )
    cipher_key = bytes.fromhex(
        "202122232425262728292a2b2c2d2e2f38393a3b3c3d3e3f3031323334353637"
    )
    iv = bytes.fromhex(iv)
    assert ciphers.kexp15(cipher, mac_key, cipher_key, iv, KEY).hex() == wrapped
    opened = ciphers.kimp15(cipher, mac_key, cipher_key, iv, bytes.fromhex(wrapped))
    assert opened == KEY
