"""The native ciphers give what the plain Python ones give, at every border."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gostkey import bindings
from gostkey.primitives import SBOXES
from gostkey.pure import ciphers as pure

if bindings.core is None:
    pytest.skip(
        f"{bindings.missing}: building the native core makes this test run",
        allow_module_level=True,
    )

from gostkey.bindings import ciphers as native

# Around blocks, groups of eight blocks and the meshing step.
BORDERS = [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 130]
LONG_BORDERS = [1015, 1016, 1023, 1024, 1025, 1032, 1033, 2047, 2048, 2049, 2060]

keys = st.binary(min_size=32, max_size=32)
halves = st.binary(min_size=8, max_size=8)


def texts(*lengths: int) -> st.SearchStrategy[bytes]:
    size = st.one_of(st.sampled_from(lengths), st.integers(0, max(lengths)))
    return size.flatmap(lambda n: st.binary(min_size=n, max_size=n))


def whole(data: bytes, block: int) -> bytes:
    return data[: len(data) // block * block]


@settings(max_examples=60)
@given(
    sbox=st.sampled_from(SBOXES),
    key=keys,
    iv=halves,
    data=texts(*BORDERS, *LONG_BORDERS),
    meshing=st.booleans(),
)
def test_gost28147(
    sbox: str, key: bytes, iv: bytes, data: bytes, meshing: bool
) -> None:
    blocks = whole(data, 8)
    for name in ("gost28147_ecb_encrypt", "gost28147_ecb_decrypt"):
        made = getattr(native, name)(sbox, key, blocks)
        assert made == getattr(pure, name)(sbox, key, blocks), name
    for name in (
        "gost28147_cfb_encrypt",
        "gost28147_cfb_decrypt",
        "gost28147_cnt",
        "gost28147_mac",
    ):
        made = getattr(native, name)(sbox, key, iv, data, meshing)
        assert made == getattr(pure, name)(sbox, key, iv, data, meshing), name


@settings(max_examples=60)
@given(
    cipher=st.sampled_from([("magma", 8), ("kuznyechik", 16)]),
    key=keys,
    iv=st.binary(min_size=80, max_size=80),
    register=st.integers(1, 5),
    data=texts(*BORDERS, 300),
    section=st.integers(0, 12),
    tag=st.integers(1, 8),
)
def test_block_ciphers(
    cipher: tuple[str, int],
    key: bytes,
    iv: bytes,
    register: int,
    data: bytes,
    section: int,
    tag: int,
) -> None:
    name, block = cipher
    blocks = whole(data, block)
    start = iv[: register * block]
    for mode in ("block_encrypt", "block_decrypt"):
        made = getattr(native, mode)(name, key, blocks)
        assert made == getattr(pure, mode)(name, key, blocks), mode
    for mode in ("cbc_encrypt", "cbc_decrypt"):
        made = getattr(native, mode)(name, key, start, blocks)
        assert made == getattr(pure, mode)(name, key, start, blocks), mode
    for mode in ("cfb_encrypt", "cfb_decrypt", "ofb"):
        made = getattr(native, mode)(name, key, start, data)
        assert made == getattr(pure, mode)(name, key, start, data), mode
    half = iv[: block // 2]
    made = native.ctr_acpkm(name, key, half, data, section * block)
    assert made == pure.ctr_acpkm(name, key, half, data, section * block)
    assert native.omac(name, key, data, tag) == pure.omac(name, key, data, tag)


def test_the_counter_of_gost28147_carries_alike() -> None:
    # N4 is summed modulo 2^32 - 1; 2000 blocks from many starts meet the carry.
    for number in range(4):
        iv = bytes([number] * 8)
        data = bytes(16000)
        made = native.gost28147_cnt("z", bytes(32), iv, data, False)
        assert made == pure.gost28147_cnt("z", bytes(32), iv, data, False)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_any_readable_buffer_will_do(kind: type) -> None:
    key, iv, data = bytes(range(32)), bytes(range(8)), bytes(range(100))
    expected = pure.gost28147_cnt("a", key, iv, data, True)
    for backend in (native, pure):
        made = backend.gost28147_cnt("a", kind(key), kind(iv), kind(data), True)
        assert made == expected
        made = backend.ctr_acpkm("magma", kind(key), kind(iv[:4]), kind(data), 16)
        assert made == pure.ctr_acpkm("magma", key, iv[:4], data, 16)
        made = backend.omac("kuznyechik", kind(key), kind(data), 16)
        assert made == pure.omac("kuznyechik", key, data, 16)
