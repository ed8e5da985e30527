"""Data to assess that anyone can make again."""

from __future__ import annotations

import hashlib

__all__ = ["BEGINNINGS", "data_of", "noise"]

BEGINNINGS = {
    "V1": "46e65df89db25fdf",
    "V2": "0bd5904559244a94",
    "V3": "30abf0cadcdc6e48",
    "V4": "04d792b6347122a5",
}
"""How the SHA-256 of each begins."""


def noise(count: int, label: str = "noise") -> bytearray:
    """Bytes without a pattern: SHA-256 of a label and a counter."""
    out = bytearray()
    number = 0
    while len(out) < count:
        out += hashlib.sha256(f"{label} {number}".encode()).digest()
        number += 1
    return out[:count]


def data_of(name: str) -> bytes:
    """Make the data of a name of vectors/entropy.json, one symbol a byte.

    V1 to V4 are small: 8-bit noise of a poor generator, a biased
    source, dependent bits, a source that sticks.  The others are larger, so that
    the dictionaries of the last two estimators are full before the end; late-8
    goes over to other symbols then, and repeats itself.
    """
    if name == "noise-8":
        return bytes(noise(150_000))
    if name == "noise-1":
        return bytes(b & 1 for b in noise(250_000, "bits"))
    if name == "late-8":
        early = bytes(b & 127 for b in noise(110_000, "early"))
        return early + bytes(b | 128 for b in noise(8_000, "late")) * 3
    if name == "walk-8":
        place, walk = 0, bytearray()
        for step in noise(150_000, "walk"):
            place = place + (step & 15) - 7 & 255
            walk.append(place)
        return bytes(walk)
    if name == "words-4":
        # Words of 3 to 18 symbols, the first ones oftener, with faults.
        kept = noise(2_000, "words")
        words = [bytes(b & 15 for b in kept[i : i + 3 + i % 16]) for i in range(900)]
        text = bytearray()
        for choice in noise(30_000, "choice"):
            text += words[choice * choice // 73]
        for place in noise(2_000, "faults"):
            text[len(text) * place // 256 - 1] ^= 1
        return bytes(text[:150_000])
    x = 1
    values = bytearray()
    for _ in range(20_000):
        x = (1103515245 * x + 12345) % (1 << 31)
        values.append(x >> 16 & 255)
    if name == "V1":
        return bytes(values)
    if name == "V2":
        return bytes(v & 15 if v < 128 else 0 for v in values)
    if name == "V3":
        return bytes((v | v >> 1) & 1 for v in values)
    assert name == "V4"
    last, sticky = 0, bytearray()
    for v in values:
        if v >= 192:
            last = v & 7
        sticky.append(last)
    return bytes(sticky)
