"""The protocol `Ciphers` of gostkey.primitives in plain Python.

Sources: GOST 28147-89; GOST R 34.12-2015; GOST R 34.13-2015 (modes); RFC 8645
6.2 (ACPKM).
"""

from __future__ import annotations

from collections.abc import Sequence

from gostkey.cipher_checks import (
    GOST28147_BLOCK,
    KEY_SIZE,
    block_size,
    exact,
    initial_value,
    keys_stride,
    pieces_size,
    sbox_index,
    section_size,
    tag_length,
    whole_blocks,
)
from gostkey.primitives import Readable, Writable

from . import gost28147
from .block_ciphers import BlockCipher, Kuznyechik, Magma
from .gost28147 import xor

_CIPHERS: dict[str, type[BlockCipher]] = {"magma": Magma, "kuznyechik": Kuznyechik}


def gost28147_ecb_encrypt(sbox: str, key: Readable, data: Readable) -> bytes:
    """Encrypt whole 8-byte blocks."""
    whole_blocks("data", data, GOST28147_BLOCK)
    return _gost28147(sbox, key).ecb_encrypt(data)


def gost28147_ecb_decrypt(sbox: str, key: Readable, data: Readable) -> bytes:
    """Decrypt whole 8-byte blocks."""
    whole_blocks("data", data, GOST28147_BLOCK)
    return _gost28147(sbox, key).ecb_decrypt(data)


def gost28147_cfb_encrypt(
    sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
) -> bytes:
    """Encrypt in gamma feedback mode; any length."""
    exact("initial value", iv, GOST28147_BLOCK)
    return _gost28147(sbox, key).cfb(iv, data, meshing, decrypt=False)


def gost28147_cfb_decrypt(
    sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
) -> bytes:
    """Decrypt in gamma feedback mode; any length."""
    exact("initial value", iv, GOST28147_BLOCK)
    return _gost28147(sbox, key).cfb(iv, data, meshing, decrypt=True)


def gost28147_cnt(
    sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
) -> bytes:
    """Encrypt or decrypt in gamma (counter) mode; any length."""
    exact("initial value", iv, GOST28147_BLOCK)
    return _gost28147(sbox, key).cnt(iv, data, meshing)


def gost28147_mac(
    sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
) -> bytes:
    """MAC, 4 bytes; see gostkey.primitives.Ciphers.gost28147_mac."""
    exact("initial value", iv, GOST28147_BLOCK)
    return _gost28147(sbox, key).mac(iv, data, meshing)


def gost28147_macs(sbox: str, keys: Readable, texts: Sequence[Readable]) -> list[bytes]:
    """MAC of each text; see gostkey.primitives.Ciphers.gost28147_macs."""
    sbox_index(sbox)
    stride = keys_stride(keys, len(texts))
    view = memoryview(keys).cast("B")
    return [
        _gost28147(sbox, view[i * stride : i * stride + KEY_SIZE]).mac(
            bytes(GOST28147_BLOCK), text, False
        )
        for i, text in enumerate(texts)
    ]


def gost28147_ecb_into(
    sbox: str, out: Writable, keys: Readable, data: Readable, n: int, decrypt: bool
) -> None:
    """Encrypt or decrypt pieces; see gostkey.primitives.Ciphers.gost28147_ecb_into."""
    sbox_index(sbox)
    exact("keys", keys, KEY_SIZE * n)
    size = pieces_size("data", data, n)
    exact("out", out, size * n)
    key_of, source = memoryview(keys).cast("B"), memoryview(data).cast("B")
    target = memoryview(out).cast("B")
    for i in range(n):
        cipher = _gost28147(sbox, key_of[i * KEY_SIZE : (i + 1) * KEY_SIZE])
        crypt = cipher.ecb_decrypt if decrypt else cipher.ecb_encrypt
        target[i * size : (i + 1) * size] = crypt(source[i * size : (i + 1) * size])


def block_encrypt(cipher: str, key: Readable, data: Readable) -> bytes:
    """Encrypt whole blocks, ECB."""
    made = _block_cipher(cipher, key)
    whole_blocks("data", data, made.block_size)
    return b"".join(_encrypt(made, block) for block in _blocks(made, data))


def block_decrypt(cipher: str, key: Readable, data: Readable) -> bytes:
    """Decrypt whole blocks, ECB."""
    made = _block_cipher(cipher, key)
    whole_blocks("data", data, made.block_size)
    return b"".join(_decrypt(made, block) for block in _blocks(made, data))


def cbc_encrypt(cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
    """CBC of GOST R 34.13-2015, 5.4; *iv* is one or more blocks."""
    made = _block_cipher(cipher, key)
    register = _register(made, iv)
    whole_blocks("data", data, made.block_size)
    out = bytearray()
    for block in _blocks(made, data):
        encrypted = _encrypt(made, xor(block, register.pop(0)))
        register.append(encrypted)
        out += encrypted
    return bytes(out)


def cbc_decrypt(cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
    """Inverse of cbc_encrypt."""
    made = _block_cipher(cipher, key)
    register = _register(made, iv)
    whole_blocks("data", data, made.block_size)
    out = bytearray()
    for block in _blocks(made, data):
        out += xor(_decrypt(made, block), register.pop(0))
        register.append(block)
    return bytes(out)


def cfb_encrypt(cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
    """CFB of GOST R 34.13-2015, 5.5, s = block size; any length."""
    made = _block_cipher(cipher, key)
    register = _register(made, iv)
    out = bytearray()
    for block in _blocks(made, data):
        encrypted = xor(block, _encrypt(made, register.pop(0)))
        register.append(encrypted)
        out += encrypted
    return bytes(out)


def cfb_decrypt(cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
    """Inverse of cfb_encrypt."""
    made = _block_cipher(cipher, key)
    register = _register(made, iv)
    out = bytearray()
    for block in _blocks(made, data):
        out += xor(block, _encrypt(made, register.pop(0)))
        register.append(block)
    return bytes(out)


def ofb(cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
    """OFB of GOST R 34.13-2015, 5.3, s = block size; any length."""
    made = _block_cipher(cipher, key)
    register = _register(made, iv)
    out = bytearray()
    for block in _blocks(made, data):
        gamma = _encrypt(made, register.pop(0))
        register.append(gamma)
        out += xor(block, gamma)
    return bytes(out)


def ctr_acpkm(
    cipher: str, key: Readable, iv: Readable, data: Readable, section: int
) -> bytes:
    """CTR, with ACPKM key meshing each *section* bytes unless that is 0."""
    made = _block_cipher(cipher, key)
    size = made.block_size
    exact("initial value", iv, size // 2)
    section_size(section, size)
    counter = int.from_bytes(iv, "big") << (4 * size)
    out = bytearray()
    for start in range(0, len(data), size):
        if section and start and start % section == 0:
            made = _acpkm(made)
        gamma = made.encrypt(counter).to_bytes(size, "big")
        counter = (counter + 1) % (1 << 8 * size)
        out += xor(data[start : start + size], gamma)
    return bytes(out)


def omac(cipher: str, key: Readable, data: Readable, length: int) -> bytes:
    """OMAC (GOST R 34.13-2015, 5.6), the first *length* bytes."""
    made = _block_cipher(cipher, key)
    size = made.block_size
    tag_length(length, size)
    blocks = _blocks(made, data) or [b""]
    last = blocks.pop()
    state = 0
    for block in blocks:
        state = made.encrypt(state ^ int.from_bytes(block, "big"))
    mask = _double(made.encrypt(0), size)
    if len(last) < size:
        mask = _double(mask, size)
        last = last + b"\x80" + bytes(size - 1 - len(last))
    state = made.encrypt(state ^ mask ^ int.from_bytes(last, "big"))
    return state.to_bytes(size, "big")[:length]


def _gost28147(sbox: str, key: Readable) -> gost28147.Cipher:
    sbox_index(sbox)
    exact("key", key, KEY_SIZE)
    return gost28147.Cipher(sbox, key)


def _block_cipher(cipher: str, key: Readable) -> BlockCipher:
    block_size(cipher)
    exact("key", key, KEY_SIZE)
    return _CIPHERS[cipher](key)


def _blocks(cipher: BlockCipher, data: Readable) -> list[bytes]:
    """Cut *data* into blocks; the last one may be short."""
    size = cipher.block_size
    return [bytes(data[i : i + size]) for i in range(0, len(data), size)]


def _register(cipher: BlockCipher, iv: Readable) -> list[bytes]:
    """Return the shift register, the block that is next to be used first."""
    initial_value(iv, cipher.block_size)
    return _blocks(cipher, iv)


def _encrypt(cipher: BlockCipher, block: bytes) -> bytes:
    number = cipher.encrypt(int.from_bytes(block, "big"))
    return number.to_bytes(cipher.block_size, "big")


def _decrypt(cipher: BlockCipher, block: bytes) -> bytes:
    number = cipher.decrypt(int.from_bytes(block, "big"))
    return number.to_bytes(cipher.block_size, "big")


def _acpkm(cipher: BlockCipher) -> BlockCipher:
    """Return the cipher with the next section's key (RFC 8645 6.2.1)."""
    constant = bytes(range(0x80, 0xA0))
    key = b"".join(_encrypt(cipher, block) for block in _blocks(cipher, constant))
    return type(cipher)(key)


def _double(value: int, size: int) -> int:
    """Multiply by x in GF(2^64) or GF(2^128), as OMAC derives its masks."""
    reduction = 0x1B if size == 8 else 0x87
    value <<= 1
    if value >> 8 * size:
        value ^= 1 << 8 * size | reduction
    return value
