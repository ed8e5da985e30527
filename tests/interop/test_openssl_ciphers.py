"""Our ciphers against those of the OpenSSL GOST engine."""

from __future__ import annotations

import random
import re

import pytest
from interop.openssl import OpenSSL

from gostkey import ciphers
from gostkey.backend import active

LENGTHS = (1, 8, 63, 1023, 1024, 1025, 1031, 2048, 3333)


def case(length: int) -> tuple[bytes, bytes, bytes]:
    source = random.Random(length)
    return source.randbytes(32), source.randbytes(16), source.randbytes(length)


def encrypted(
    openssl: OpenSSL, name: str, key: bytes, iv: bytes, data: bytes, *more: str
) -> bytes:
    openssl.write("plain", data)
    arguments = ["enc", "-e", "-" + name, "-K", key.hex(), "-in", "plain"]
    if iv:
        arguments += ["-iv", iv.hex()]
    code, said = openssl.run(*arguments, "-out", "secret", *more)
    if code != 0 and re.search(r"[Uu]nknown (cipher|option)|Unrecognized flag", said):
        pytest.skip(f"this GOST engine has no {name}; a newer one makes this test run")
    assert code == 0, said
    return (openssl.folder / "secret").read_bytes()


@pytest.mark.parametrize("length", LENGTHS)
def test_gost28147_cfb_with_meshing(openssl: OpenSSL, length: int) -> None:
    key, iv, data = case(length)
    theirs = encrypted(openssl, "gost89", key, iv[:8], data)
    assert ciphers.gost28147_cfb_encrypt("z", key, iv[:8], data) == theirs
    assert ciphers.gost28147_cfb_decrypt("z", key, iv[:8], theirs) == data


@pytest.mark.parametrize("length", LENGTHS)
def test_gost28147_cnt_with_meshing(openssl: OpenSSL, length: int) -> None:
    key, iv, data = case(length)
    theirs = encrypted(openssl, "gost89-cnt", key, iv[:8], data)
    assert ciphers.gost28147_cnt("a", key, iv[:8], data) == theirs
    theirs = encrypted(openssl, "gost89-cnt-12", key, iv[:8], data)
    assert ciphers.gost28147_cnt("z", key, iv[:8], data) == theirs


@pytest.mark.parametrize("length", LENGTHS)
def test_gost28147_mac_with_meshing(openssl: OpenSSL, length: int) -> None:
    key, _, data = case(length)
    openssl.write("plain", data)
    arguments = ["-macopt", f"hexkey:{key.hex()}", "plain"]
    said = openssl.check("dgst", "-mac", "gost-mac", *arguments)
    theirs = said.strip().rpartition("= ")[2]
    assert ciphers.gost28147_mac("a", key, data, meshing=True).hex() == theirs
    said = openssl.check("dgst", "-mac", "gost-mac-12", *arguments)
    theirs = said.strip().rpartition("= ")[2]
    assert ciphers.gost28147_mac("z", key, data, meshing=True).hex() == theirs


@pytest.mark.parametrize("cipher", ["magma", "kuznyechik"])
def test_block_ciphers(openssl: OpenSSL, cipher: str) -> None:
    block = ciphers.BLOCK_SIZES[cipher]
    theirs_name = {"magma": "magma", "kuznyechik": "kuznyechik"}[cipher]
    for blocks in (1, 7, 8, 9, 40):
        key, iv, data = case(block * blocks)
        theirs = encrypted(
            openssl, f"{theirs_name}-cbc", key, iv[:block], data, "-nopad"
        )
        assert active.ciphers.cbc_encrypt(cipher, key, iv[:block], data) == theirs
        assert active.ciphers.cbc_decrypt(cipher, key, iv[:block], theirs) == data
        half = iv[: block // 2]
        full = half + bytes(block - len(half))
        theirs = encrypted(openssl, f"{theirs_name}-ctr", key, full, data)
        assert active.ciphers.ctr_acpkm(cipher, key, half, data, 0) == theirs
