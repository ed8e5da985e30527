"""The native ciphers give what the plain Python ones give, at every border."""

from __future__ import annotations

from array import array
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gostkey import bindings
from gostkey.errors import LengthError
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


# More than the lanes of a group, and so few that they go one after the other.
@settings(max_examples=40)
@given(
    sbox=st.sampled_from(SBOXES),
    keys=st.binary(min_size=640, max_size=640),
    data=st.lists(texts(*BORDERS), max_size=20),
    one_key=st.booleans(),
)
def test_many_macs(sbox: str, keys: bytes, data: list[bytes], one_key: bool) -> None:
    keys = keys[:32] if one_key else keys[: 32 * len(data)]
    expected = [
        pure.gost28147_mac(
            sbox, keys[:32] if one_key else keys[32 * i :][:32], bytes(8), text, False
        )
        for i, text in enumerate(data)
    ]
    assert native.gost28147_macs(sbox, keys, data) == expected
    assert pure.gost28147_macs(sbox, keys, data) == expected


@pytest.mark.parametrize("size", [8, 32, 64])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 9, 33])
def test_many_keys_of_ecb(n: int, size: int) -> None:
    keys = bytes(i * 7 % 251 for i in range(32 * n))
    data = bytes(i * 11 % 253 for i in range(size * n))
    pieces = [
        pure.gost28147_ecb_encrypt(
            "z", keys[32 * i : 32 * i + 32], data[size * i : size * (i + 1)]
        )
        for i in range(n)
    ]
    for backend in (native, pure):
        out = bytearray(size * n)
        backend.gost28147_ecb_into("z", out, keys, data, n, False)
        assert out == b"".join(pieces)
        backend.gost28147_ecb_into("z", out, keys, out, n, True)
        assert out == data


@pytest.mark.parametrize("backend", [native, pure])
def test_items_wider_than_a_byte_count_with_all_their_bytes(
    backend: ModuleType,
) -> None:
    wide = memoryview(array("H", [1, 2, 3]))
    key = bytes(range(32))
    expected = pure.gost28147_mac("z", key, bytes(8), wide.tobytes(), False)
    assert backend.gost28147_mac("z", key, bytes(8), wide, False) == expected
    assert backend.gost28147_macs("z", key, [wide, b"", wide])[::2] == [expected] * 2


@pytest.mark.parametrize("backend", [native, pure])
def test_many_of_wrong_sizes_are_refused(backend: ModuleType) -> None:
    with pytest.raises(LengthError, match="keys have 64 bytes"):
        backend.gost28147_macs("z", bytes(64), [b""] * 3)
    out = bytearray(32)
    for keys, data, n, fault in (
        (31, 32, 1, "keys has 31 bytes"),
        (64, 40, 2, "data has 40 bytes"),
        (64, 48, 2, "out has 32 bytes"),
        (0, 8, 0, "data has 8 bytes"),
    ):
        with pytest.raises(LengthError, match=fault):
            backend.gost28147_ecb_into("z", out, bytes(keys), bytes(data), n, False)


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
