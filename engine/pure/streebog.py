"""Streebog in plain Python.

A 512-bit block is one integer; its byte 0 is the lowest, so that the digest is
the integer's little-endian bytes (the standard prints blocks the other way
round).  The steps S, P and L are eight look-ups per 64-bit row of the result.
Addresses depend on the data: this fallback is not constant-time, the C core is.

Source: GOST R 34.11-2012 (RFC 6986); the section numbers are those of the RFC.
"""

from __future__ import annotations

from struct import Struct

from gostkey.primitives import Readable

from .pi import PI

BLOCK = 64
"""Bytes in a block."""

MASK = (1 << 512) - 1

MATRIX = (
    0x641C314B2B8EE083,
    0xA48B474F9EF5DC18,
    0xF97D86D98A327728,
    0x5B068C651810A89E,
    0x0321658CBA93C138,
    0xACCC9CA9328A8950,
    0x46B60F011A83988E,
    0x83478B07B2468764,
)
"""The matrix of L [6.4] over GF(2^8) = GF(2)[t] / (t^8 + t^4 + t^3 + t^2 + 1).

Byte c (from the low end) of word j is the factor with which byte j of a row
goes into byte c of the result.  The 64 words printed in the standard are these
eight times t^0 to t^7, last one first.
"""

CONSTANTS = tuple(
    int(text, 16)
    for text in (
        "b1085bda1ecadae9ebcb2f81c0657c1f2f6a76432e45d016714eb88d7585c4fc"
        "4b7ce09192676901a2422a08a460d31505767436cc744d23dd806559f2a64507",
        "6fa3b58aa99d2f1a4fe39d460f70b5d7f3feea720a232b9861d55e0f16b50131"
        "9ab5176b12d699585cb561c2db0aa7ca55dda21bd7cbcd56e679047021b19bb7",
        "f574dcac2bce2fc70a39fc286a3d843506f15e5f529c1f8bf2ea7514b1297b7b"
        "d3e20fe490359eb1c1c93a376062db09c2b6f443867adb31991e96f50aba0ab2",
        "ef1fdfb3e81566d2f948e1a05d71e4dd488e857e335c3c7d9d721cad685e353f"
        "a9d72c82ed03d675d8b71333935203be3453eaa193e837f1220cbebc84e3d12e",
        "4bea6bacad4747999a3f410c6ca923637f151c1f1686104a359e35d7800fffbd"
        "bfcd1747253af5a3dfff00b723271a167a56a27ea9ea63f5601758fd7c6cfe57",
        "ae4faeae1d3ad3d96fa4c33b7a3039c02d66c4f95142a46c187f9ab49af08ec6"
        "cffaa6b71c9ab7b40af21f66c2bec6b6bf71c57236904f35fa68407a46647d6e",
        "f4c70e16eeaac5ec51ac86febf240954399ec6c7e6bf87c9d3473e33197a93c9"
        "0992abc52d822c3706476983284a05043517454ca23c4af38886564d3a14d493",
        "9b1f5b424d93c9a703e7aa020c6e41414eb7f8719c36de1e89b4443b4ddbc49a"
        "f4892bcb929b069069d18d2bd1a5c42f36acc2355951a8d9a47f0dd4bf02e71e",
        "378f5a541631229b944c9ad8ec165fde3a7d3a1b258942243cd955b7e00d0984"
        "800a440bdbb2ceb17b2b8a9aa6079c540e38dc92cb1f2a607261445183235adb",
        "abbedea680056f52382ae548b2e4f3f38941e71cff8a78db1fffe18a1b336103"
        "9fe76702af69334b7a1e6c303b7652f43698fad1153bb6c374b4c7fb98459ced",
        "7bcd9ed0efc889fb3002c6cd635afe94d8fa6bbbebab07612001802114846679"
        "8a1d71efea48b9caefbacd1d7d476e98dea2594ac06fd85d6bcaa4cd81f32d1b",
        "378ee767f11631bad21380b00449b17acda43c32bcdf1d77f82012d430219f9b"
        "5d80ef9d1891cc86e71da4aa88e12852faf417d5d9b21b9948bc924af11bd720",
    )
)
"""C_1 to C_12 [6.5]."""


def _times_t(row: int) -> int:
    """Multiply each byte of a row by t."""
    high = row & 0x8080808080808080
    return (row ^ high) << 1 ^ (high >> 7) * 0x1D


def _table(row: int) -> list[int]:
    """Return L of the row that has pi(x) in one place, for each byte x."""
    powers = [row]
    for _ in range(7):
        powers.append(_times_t(powers[-1]))
    table = []
    for x in range(256):
        value = 0
        for bit, power in enumerate(powers):
            if PI[x] >> bit & 1:
                value ^= power
        table.append(value)
    return table


_T0, _T1, _T2, _T3, _T4, _T5, _T6, _T7 = (_table(row) for row in MATRIX)
_ROWS = Struct("<8Q")


def lps(
    block: int,
    t0: list[int] = _T0,
    t1: list[int] = _T1,
    t2: list[int] = _T2,
    t3: list[int] = _T3,
    t4: list[int] = _T4,
    t5: list[int] = _T5,
    t6: list[int] = _T6,
    t7: list[int] = _T7,
) -> int:
    """Apply S, P and L [6.2 to 6.4]; the tables are defaults to be locals."""
    b = block.to_bytes(BLOCK, "little")
    # Byte i of each row goes into row i of the result: that is the step P.
    # Written out, because a loop takes twice the time.
    return int.from_bytes(
        _ROWS.pack(
            t0[b[0]]
            ^ t1[b[8]]
            ^ t2[b[16]]
            ^ t3[b[24]]
            ^ t4[b[32]]
            ^ t5[b[40]]
            ^ t6[b[48]]
            ^ t7[b[56]],
            t0[b[1]]
            ^ t1[b[9]]
            ^ t2[b[17]]
            ^ t3[b[25]]
            ^ t4[b[33]]
            ^ t5[b[41]]
            ^ t6[b[49]]
            ^ t7[b[57]],
            t0[b[2]]
            ^ t1[b[10]]
            ^ t2[b[18]]
            ^ t3[b[26]]
            ^ t4[b[34]]
            ^ t5[b[42]]
            ^ t6[b[50]]
            ^ t7[b[58]],
            t0[b[3]]
            ^ t1[b[11]]
            ^ t2[b[19]]
            ^ t3[b[27]]
            ^ t4[b[35]]
            ^ t5[b[43]]
            ^ t6[b[51]]
            ^ t7[b[59]],
            t0[b[4]]
            ^ t1[b[12]]
            ^ t2[b[20]]
            ^ t3[b[28]]
            ^ t4[b[36]]
            ^ t5[b[44]]
            ^ t6[b[52]]
            ^ t7[b[60]],
            t0[b[5]]
            ^ t1[b[13]]
            ^ t2[b[21]]
            ^ t3[b[29]]
            ^ t4[b[37]]
            ^ t5[b[45]]
            ^ t6[b[53]]
            ^ t7[b[61]],
            t0[b[6]]
            ^ t1[b[14]]
            ^ t2[b[22]]
            ^ t3[b[30]]
            ^ t4[b[38]]
            ^ t5[b[46]]
            ^ t6[b[54]]
            ^ t7[b[62]],
            t0[b[7]]
            ^ t1[b[15]]
            ^ t2[b[23]]
            ^ t3[b[31]]
            ^ t4[b[39]]
            ^ t5[b[47]]
            ^ t6[b[55]]
            ^ t7[b[63]],
        ),
        "little",
    )


def compress(h: int, n: int, m: int) -> int:
    """Return g_N(h, m) [8]."""
    key = lps(h ^ n)
    state = m
    for constant in CONSTANTS:
        state = lps(state ^ key)
        key = lps(key ^ constant)
    return state ^ key ^ h ^ m


_START = {
    256: int.from_bytes(b"\x01" * BLOCK, "little"),
    512: 0,
}


class Streebog:
    """A running hash of 256 or 512 bits; a HashState of gostkey.primitives."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._h = _START[bits]
        self._n = 0
        self._sigma = 0
        self._rest = bytearray()

    def update(self, data: Readable) -> None:
        """Hash more data."""
        view = memoryview(data).cast("B")
        start = 0
        if self._rest:
            start = min(BLOCK - len(self._rest), len(view))
            self._rest += view[:start]
            if len(self._rest) < BLOCK:
                return
            self._block(self._rest)
            self._rest.clear()
        whole = len(view) - (len(view) - start) % BLOCK
        for place in range(start, whole, BLOCK):
            self._block(view[place : place + BLOCK])
        self._rest += view[whole:]

    def _block(self, block: Readable) -> None:
        m = int.from_bytes(block, "little")
        self._h = compress(self._h, self._n, m)
        self._n = (self._n + 512) & MASK
        self._sigma = (self._sigma + m) & MASK

    def digest(self) -> bytes:
        """Return the digest of what was hashed so far."""
        size = len(self._rest)
        m = int.from_bytes(self._rest, "little") | 1 << 8 * size
        h = compress(self._h, self._n, m)
        h = compress(h, 0, (self._n + 8 * size) & MASK)
        h = compress(h, 0, (self._sigma + m) & MASK)
        return h.to_bytes(BLOCK, "little")[BLOCK - self._bits // 8 :]

    def copy(self) -> Streebog:
        """Return an independent copy."""
        other = Streebog(self._bits)
        other._h, other._n, other._sigma = self._h, self._n, self._sigma
        other._rest += self._rest
        return other

    def wipe(self) -> None:
        """Forget the state as far as Python lets; later use is an error."""
        self._rest[:] = bytes(len(self._rest))
        self.__dict__.clear()
