"""The ciphers of the native core: `gostkey.primitives.Ciphers`.

Check lengths, allocate, call, return bytes.  All of them take a time that
depends on lengths only, and release the GIL while they run.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any

from gostkey.bindings import core
from gostkey.cipher_checks import (
    GOST28147_BLOCK,
    KEY_SIZE,
    block_size,
    byte_length,
    exact,
    initial_value,
    keys_stride,
    pieces_size,
    sbox_index,
    section_size,
    tag_length,
    whole_blocks,
)
from gostkey.primitives import BLOCK_CIPHERS, Readable, Writable

__all__ = [
    "block_decrypt",
    "block_encrypt",
    "cbc_decrypt",
    "cbc_encrypt",
    "cfb_decrypt",
    "cfb_encrypt",
    "ctr_acpkm",
    "gost28147_cfb_decrypt",
    "gost28147_cfb_encrypt",
    "gost28147_cnt",
    "gost28147_ecb_decrypt",
    "gost28147_ecb_encrypt",
    "gost28147_ecb_into",
    "gost28147_mac",
    "gost28147_macs",
    "ofb",
    "omac",
]

assert core is not None
ffi, lib = core


def gost28147_ecb_encrypt(sbox: str, key: Readable, data: Readable) -> bytes:
    """Encrypt whole 8-byte blocks."""
    return _gost28147_ecb(lib.gostkey_gost28147_ecb_encrypt, sbox, key, data)


def gost28147_ecb_decrypt(sbox: str, key: Readable, data: Readable) -> bytes:
    """Decrypt whole 8-byte blocks."""
    return _gost28147_ecb(lib.gostkey_gost28147_ecb_decrypt, sbox, key, data)


def gost28147_cfb_encrypt(
    sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
) -> bytes:
    """Encrypt in gamma feedback mode; any length."""
    size = byte_length(data)
    function = lib.gostkey_gost28147_cfb_encrypt
    return _gost28147(function, size, sbox, key, iv, data, meshing)


def gost28147_cfb_decrypt(
    sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
) -> bytes:
    """Decrypt in gamma feedback mode; any length."""
    size = byte_length(data)
    function = lib.gostkey_gost28147_cfb_decrypt
    return _gost28147(function, size, sbox, key, iv, data, meshing)


def gost28147_cnt(
    sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
) -> bytes:
    """Encrypt or decrypt in gamma (counter) mode; any length."""
    size = byte_length(data)
    return _gost28147(lib.gostkey_gost28147_cnt, size, sbox, key, iv, data, meshing)


def gost28147_mac(
    sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
) -> bytes:
    """MAC, 4 bytes; see gostkey.primitives.Ciphers.gost28147_mac."""
    return _gost28147(lib.gostkey_gost28147_mac, 4, sbox, key, iv, data, meshing)


def gost28147_macs(sbox: str, keys: Readable, texts: Sequence[Readable]) -> list[bytes]:
    """MAC of each text; see gostkey.primitives.Ciphers.gost28147_macs."""
    number = sbox_index(sbox)
    # Held as views, what is looked at cannot be resized until C has done with it.
    views = [memoryview(text) for text in texts]
    keys_view = _in(keys)
    n = len(views)
    stride = keys_stride(keys, n)
    sizes = ffi.from_buffer("uint64_t[]", array("Q", [view.nbytes for view in views]))
    joined = bytearray().join(views)
    tags = bytearray(4 * n)
    lib.gostkey_gost28147_macs(
        _in(tags), number, keys_view, stride, _in(joined), sizes, n
    )
    lib.gostkey_wipe(_in(joined), len(joined))
    return [bytes(tags[at : at + 4]) for at in range(0, 4 * n, 4)]


def gost28147_ecb_into(
    sbox: str, out: Writable, keys: Readable, data: Readable, n: int, decrypt: bool
) -> None:
    """Encrypt or decrypt pieces; see gostkey.primitives.Ciphers.gost28147_ecb_into."""
    number = sbox_index(sbox)
    # Held from before the sizes are looked at, so that nothing is resized after.
    key_view, source = _in(keys), _in(data)
    target = ffi.from_buffer("uint8_t[]", out, require_writable=True)
    exact("keys", keys, KEY_SIZE * n)
    size = pieces_size("data", data, n)
    exact("out", out, size * n)
    lib.gostkey_gost28147_ecb_each(
        target, number, key_view, KEY_SIZE, source, size, n, bool(decrypt)
    )


def block_encrypt(cipher: str, key: Readable, data: Readable) -> bytes:
    """Encrypt whole blocks, ECB."""
    return _ecb(lib.gostkey_block_encrypt, cipher, key, data)


def block_decrypt(cipher: str, key: Readable, data: Readable) -> bytes:
    """Decrypt whole blocks, ECB."""
    return _ecb(lib.gostkey_block_decrypt, cipher, key, data)


def cbc_encrypt(cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
    """CBC of GOST R 34.13-2015, 5.4; *iv* is one or more blocks."""
    block = block_size(cipher)
    whole_blocks("data", data, block)
    return _feedback(lib.gostkey_cbc_encrypt, cipher, key, iv, data)


def cbc_decrypt(cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
    """Inverse of cbc_encrypt."""
    block = block_size(cipher)
    whole_blocks("data", data, block)
    return _feedback(lib.gostkey_cbc_decrypt, cipher, key, iv, data)


def cfb_encrypt(cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
    """CFB of GOST R 34.13-2015, 5.5, s = block size; any length."""
    return _feedback(lib.gostkey_cfb_encrypt, cipher, key, iv, data)


def cfb_decrypt(cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
    """Inverse of cfb_encrypt."""
    return _feedback(lib.gostkey_cfb_decrypt, cipher, key, iv, data)


def ofb(cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
    """OFB of GOST R 34.13-2015, 5.3, s = block size; any length."""
    return _feedback(lib.gostkey_ofb, cipher, key, iv, data)


def ctr_acpkm(
    cipher: str, key: Readable, iv: Readable, data: Readable, section: int
) -> bytes:
    """CTR, with ACPKM key meshing each *section* bytes unless that is 0."""
    block = block_size(cipher)
    exact("key", key, KEY_SIZE)
    exact("initial value", iv, block // 2)
    section_size(section, block)
    size = byte_length(data)
    # No text is as long as such a section.
    section = min(section, 1 << 62)
    return _call(
        lib.gostkey_ctr_acpkm,
        size,
        BLOCK_CIPHERS.index(cipher),
        _in(key),
        _in(iv),
        _in(data),
        size,
        section,
    )


def omac(cipher: str, key: Readable, data: Readable, length: int) -> bytes:
    """OMAC (GOST R 34.13-2015, 5.6), the first *length* bytes."""
    block = block_size(cipher)
    exact("key", key, KEY_SIZE)
    tag_length(length, block)
    return _call(
        lib.gostkey_omac,
        length,
        length,
        BLOCK_CIPHERS.index(cipher),
        _in(key),
        _in(data),
        byte_length(data),
    )


def _gost28147_ecb(
    function: Callable[..., int], sbox: str, key: Readable, data: Readable
) -> bytes:
    number = sbox_index(sbox)
    exact("key", key, KEY_SIZE)
    whole_blocks("data", data, GOST28147_BLOCK)
    size = byte_length(data)
    return _call(function, size, number, _in(key), _in(data), size)


def _gost28147(
    function: Callable[..., int],
    out_size: int,
    sbox: str,
    key: Readable,
    iv: Readable,
    data: Readable,
    meshing: bool,
) -> bytes:
    number = sbox_index(sbox)
    exact("key", key, KEY_SIZE)
    exact("initial value", iv, GOST28147_BLOCK)
    return _call(
        function,
        out_size,
        number,
        _in(key),
        _in(iv),
        _in(data),
        byte_length(data),
        bool(meshing),
    )


def _ecb(
    function: Callable[..., int], cipher: str, key: Readable, data: Readable
) -> bytes:
    block = block_size(cipher)
    exact("key", key, KEY_SIZE)
    whole_blocks("data", data, block)
    size = byte_length(data)
    number = BLOCK_CIPHERS.index(cipher)
    return _call(function, size, number, _in(key), _in(data), size)


def _feedback(
    function: Callable[..., int],
    cipher: str,
    key: Readable,
    iv: Readable,
    data: Readable,
) -> bytes:
    block = block_size(cipher)
    exact("key", key, KEY_SIZE)
    initial_value(iv, block)
    size = byte_length(data)
    return _call(
        function,
        size,
        BLOCK_CIPHERS.index(cipher),
        _in(key),
        _in(iv),
        byte_length(iv),
        _in(data),
        size,
    )


def _in(data: Readable) -> Any:
    return ffi.from_buffer("uint8_t[]", data)


def _call(function: Callable[..., int], out_size: int, *arguments: Any) -> bytes:
    """Call a function whose first argument is its output; return that."""
    out = bytearray(out_size)
    status = function(ffi.from_buffer("uint8_t[]", out), *arguments)
    result = bytes(out)
    # What was decrypted should not stay behind in freed memory.
    out[:] = bytes(out_size)
    # The checks above leave nothing for the core to refuse.
    assert status == 0, status
    return result
