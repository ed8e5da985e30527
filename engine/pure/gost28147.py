"""GOST 28147-89 in plain Python: the block function and its modes.

A block is two 32-bit numbers, N1 (bytes 0..3) and N2 (bytes 4..7), both
little-endian.  Table look-ups are by secret values here: this fallback is not
constant-time, the C core is.

Sources: GOST 28147-89; RFC 5830 (block function, modes); RFC 4357 2.3.2
(CryptoPro key meshing) and 11.2 (S-boxes); RFC 7836 C (S-box Z).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from struct import Struct
from typing import TypeAlias

from gostkey.primitives import Readable

Tables: TypeAlias = tuple[list[int], list[int]]
"""S-boxes and the turn by 11 bits in one, for the low and the high 16 bits."""

SBOX_ROWS = {
    # One row of 16 hexadecimal digits per 4-bit S-box, that of the lowest
    # four bits first (K1 to K8 of RFC 4357).
    # 1.2.643.7.1.2.5.1.1 id-tc26-gost-28147-param-Z
    "z": (
        "C462A5B9E8D703F1 68239A5C1E47BD0F B3582FADE174C960 C821D4F670A53E9B "
        "7F5A816D093EB42C 5DF692CAB78143E0 8E25691CF4B0DA37 17ED05834FA69CB2"
    ),
    # 1.2.643.2.2.31.0 id-Gost28147-89-TestParamSet
    "test": (
        "42F59108E3BCD7A6 C9FE813A274D60B5 D8EC739A15246F0B E9B25F710DC6A438 "
        "3E59680DAB7C21F4 8F6B19C5D37A0E24 9BC0367548EF1A2D C652B09D3E7AF418"
    ),
    # 1.2.643.2.2.31.1 id-Gost28147-89-CryptoPro-A-ParamSet
    "a": (
        "96328B17A4EFC0D5 37E98AF0526CB4D1 E462B3D8CF5A0719 E7ACD13902B4F856 "
        "B5198DF0E423C7A6 3ADC120B75948FE6 1D297A608C45F3BE BAF50CE8623917D4"
    ),
    # 1.2.643.2.2.31.2 id-Gost28147-89-CryptoPro-B-ParamSet
    "b": (
        "84B135092EACD67F 012A4D5C973FB86E EC0A92DB758F3614 750DB6123ACF4E98 "
        "27CF95AB140D68E3 83264DEBC17FA095 52AB91C374D06F8E 04BE8371A296FD5C"
    ),
    # 1.2.643.2.2.31.3 id-Gost28147-89-CryptoPro-C-ParamSet
    "c": (
        "1BC29D0F458EA763 017DB4528EFC9A63 825049FA37CD6E1B 36015DA8B297EFC4 "
        "8DB0451293CE6FA7 C9B18E247365A0FD A968DE20F35B41C7 7405A2FEC61BD938"
    ),
    # 1.2.643.2.2.31.4 id-Gost28147-89-CryptoPro-D-ParamSet
    "d": (
        "FC2A645079ED1B83 B634CFE27D805A91 1CB0FE65AD489372 15ECA70D62B493F8 "
        "0C89D2AB73654EF1 80F325EB1A47C9D6 306F1E92D8C4BA57 1A68FB04C3597D2E"
    ),
    # 1.2.643.2.2.30.0 id-GostR3411-94-TestParamSet
    "hash_test": (
        "4A92D80E6B1C7F53 EB4C6DFA23810759 581DA342EFC7609B 7DA1089FE46CB253 "
        "6C715FD84A9E03B2 4BA0721D36859CFE DB413F590AE7682C 1FD057A4923E6B8C"
    ),
    # 1.2.643.2.2.30.1 id-GostR3411-94-CryptoProParamSet
    "hash_cryptopro": (
        "A4568137DCE092BF 5F402DB91763CEA8 7FCE94103B526A8D 4A7C0F28E165DB93 "
        "764B9C2A180EFD35 7624D9F0A15B8EC3 DE41705A3C8F629B 13A95B4F867ED02C"
    ),
}
"""The S-boxes of gostkey.primitives.SBOXES, and the two of GOST R 34.11-94."""

MESHING_KEY = bytes.fromhex(
    "6900722264c904238d3adb9646e92ac418feac9400ed0712c086dcc2ef4ca92b"
)
"""The constant C of CryptoPro key meshing (RFC 4357 2.3.2)."""

MESHING_STEP = 1024
"""Bytes after which CryptoPro key meshing takes a new key."""

_MASK = 0xFFFFFFFF
_WORDS = Struct("<8I")
_BLOCK = Struct("<2I")


@cache
def tables(sbox: str) -> Tables:
    """Return the look-up tables of an S-box of SBOX_ROWS."""
    rows = [[int(digit, 16) for digit in row] for row in SBOX_ROWS[sbox].split()]

    def pair(number: int) -> list[int]:
        low, high = rows[2 * number], rows[2 * number + 1]
        values = ((low[i & 15] | high[i >> 4] << 4) << (8 * number) for i in range(256))
        return [(value << 11 | value >> 21) & _MASK for value in values]

    bytes_ = [pair(number) for number in range(4)]
    return (
        [low | high for high in bytes_[1] for low in bytes_[0]],
        [low | high for high in bytes_[3] for low in bytes_[2]],
    )


def key_words(key: Readable) -> tuple[int, ...]:
    """Split a 32-byte key into its eight little-endian words."""
    return _WORDS.unpack(key)


def encryption_order(words: Sequence[int]) -> tuple[int, ...]:
    """Put eight key words into the order of the 32 rounds of encryption."""
    forward = tuple(words)
    return forward * 3 + forward[::-1]


def decryption_order(words: Sequence[int]) -> tuple[int, ...]:
    """Put eight key words into the order of the 32 rounds of decryption."""
    forward = tuple(words)
    return forward + forward[::-1] * 3


def rounds(tab: Tables, order: Sequence[int], n1: int, n2: int) -> tuple[int, int]:
    """Run an even number of rounds, one for each word of *order*.

    Returns (N1, N2) without the exchange that would follow the last round: the
    result of the 16 rounds of the MAC as it stands; for the 32 rounds of
    encryption the caller takes it as (N2, N1), see `encrypt`.
    """
    low, high = tab
    words = iter(order)
    for word in words:
        t = n1 + word & 0xFFFFFFFF
        n2 ^= low[t & 0xFFFF] | high[t >> 16]
        t = n2 + next(words) & 0xFFFFFFFF
        n1 ^= low[t & 0xFFFF] | high[t >> 16]
    return n1, n2


def encrypt(tab: Tables, order: Sequence[int], n1: int, n2: int) -> tuple[int, int]:
    """Encrypt a block with encryption_order, or decrypt with decryption_order."""
    n1, n2 = rounds(tab, order, n1, n2)
    return n2, n1


class Cipher:
    """GOST 28147-89 with one S-box and a key that meshing can change."""

    def __init__(self, sbox: str, key: Readable) -> None:
        self._tables = tables(sbox)
        self._set_key(key)

    def _set_key(self, key: Readable) -> None:
        words = key_words(key)
        self._encryption = encryption_order(words)
        self._decryption = decryption_order(words)

    def encrypt_pair(self, n1: int, n2: int) -> tuple[int, int]:
        """Encrypt a block given as two numbers."""
        n1, n2 = rounds(self._tables, self._encryption, n1, n2)
        return n2, n1

    def ecb_encrypt(self, data: Readable) -> bytes:
        """Encrypt whole blocks."""
        return self._ecb(self._encryption, data)

    def ecb_decrypt(self, data: Readable) -> bytes:
        """Decrypt whole blocks."""
        return self._ecb(self._decryption, data)

    def _ecb(self, order: Sequence[int], data: Readable) -> bytes:
        out = bytearray()
        for n1, n2 in _BLOCK.iter_unpack(data):
            out += _BLOCK.pack(*encrypt(self._tables, order, n1, n2))
        return bytes(out)

    def mesh(self) -> None:
        """Replace the key by the decryption of C under it (RFC 4357 2.3.2)."""
        self._set_key(self.ecb_decrypt(MESHING_KEY))

    def cfb(self, iv: Readable, data: Readable, meshing: bool, decrypt: bool) -> bytes:
        """Encrypt or decrypt in gamma feedback mode."""
        feedback = bytes(iv)
        out = bytearray()
        for start in range(0, len(data), 8):
            if meshing and start and start % MESHING_STEP == 0:
                self.mesh()
                feedback = self.ecb_encrypt(feedback)
            block = bytes(data[start : start + 8])
            made = xor(block, self.ecb_encrypt(feedback))
            out += made
            feedback = block if decrypt else made
        return bytes(out)

    def cnt(self, iv: Readable, data: Readable, meshing: bool) -> bytes:
        """Encrypt or decrypt in gamma mode."""
        n3, n4 = self.encrypt_pair(*_BLOCK.unpack(iv))
        gamma = bytearray()
        for start in range(0, len(data), 8):
            if meshing and start and start % MESHING_STEP == 0:
                self.mesh()
                n3, n4 = self.encrypt_pair(n3, n4)
            n3 = (n3 + 0x01010101) & _MASK
            # The sum modulo 2^32 - 1, with 2^32 - 1 itself kept [RFC 5830, 6].
            n4 += 0x01010104
            n4 = (n4 & _MASK) + (n4 >> 32)
            gamma += _BLOCK.pack(*self.encrypt_pair(n3, n4))
        return xor(data, gamma)

    def mac(self, iv: Readable, data: Readable, meshing: bool) -> bytes:
        """Return the 4-byte MAC; see gostkey.primitives.Ciphers.gost28147_mac.

        The rest of the last block is zeros, and a text of one block gets a
        second one of zeros: the MAC is defined for two blocks or more.
        """
        n1: int
        n2: int
        n1, n2 = _BLOCK.unpack(iv)
        padded = bytes(data)
        padded += bytes(-len(padded) % 8)
        if len(padded) == 8:
            padded += bytes(8)
        for start in range(0, len(padded), 8):
            if meshing and start and start % MESHING_STEP == 0:
                self.mesh()
            b1, b2 = _BLOCK.unpack_from(padded, start)
            n1, n2 = rounds(self._tables, self._encryption[:16], n1 ^ b1, n2 ^ b2)
        return n1.to_bytes(4, "little")


def xor(data: Readable, gamma: Readable) -> bytes:
    """XOR *data* with the first bytes of *gamma*, which is at least as long."""
    size = len(data)
    mixed: int = int.from_bytes(data, "little") ^ int.from_bytes(gamma[:size], "little")
    return mixed.to_bytes(size, "little")
