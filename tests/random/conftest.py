"""The data that the entropy brief's check vectors are of."""

from __future__ import annotations

import hashlib

import pytest

BEGINNINGS = {
    "V1": "46e65df89db25fdf",
    "V2": "0bd5904559244a94",
    "V3": "30abf0cadcdc6e48",
    "V4": "04d792b6347122a5",
}
"""How the SHA-256 of each begins."""


def make_check_data() -> dict[str, bytes]:
    """V1 to V4: 8-bit noise, a biased one, dependent bits, a sticky source."""
    x = 1
    noise = bytearray()
    for _ in range(20_000):
        x = (1103515245 * x + 12345) % (1 << 31)
        noise.append(x >> 16 & 255)
    sticky = bytearray()
    last = 0
    for value in noise:
        if value >= 192:
            last = value & 7
        sticky.append(last)
    return {
        "V1": bytes(noise),
        "V2": bytes(v & 15 if v < 128 else 0 for v in noise),
        "V3": bytes((v | v >> 1) & 1 for v in noise),
        "V4": bytes(sticky),
    }


@pytest.fixture(scope="session")
def check_data() -> dict[str, bytes]:
    """One symbol a byte; 8, 4, 1 and 3 bits wide."""
    data = make_check_data()
    for name, beginning in BEGINNINGS.items():
        assert hashlib.sha256(data[name]).hexdigest().startswith(beginning)
    return data
