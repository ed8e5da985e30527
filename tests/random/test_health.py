"""The tests of a source: what must fail fails, and at the cutoff."""

from __future__ import annotations

import hashlib

import pytest

from gostkey.errors import GeneratorFailure
from gostkey.random import health


def noise(count: int, label: str = "noise") -> bytearray:
    """Bytes that pass: a hash of a counter, every run and count ordinary."""
    out = bytearray()
    number = 0
    while len(out) < count:
        out += hashlib.sha256(f"{label} {number}".encode()).digest()
        number += 1
    return out[:count]


def test_good_bytes_pass() -> None:
    for label in "abcdefgh":
        health.check(noise(health.STARTUP_SAMPLES, label), "os")


def test_runs_fail_from_the_cutoff_on() -> None:
    for place in (0, 100, 1019):
        sample = noise(1024)
        # 0x0a is a line feed: a run of it counts like any other.
        sample[place : place + 4] = b"\n" * 4
        before = sample[:place]
        if not (before and before[-1] == 10) and sample[place + 4] != 10:
            health.check(sample, "os")
        sample[place : place + 5] = b"\n" * 5
        with pytest.raises(GeneratorFailure, match="'os'.*repetition count"):
            health.check(sample, "os")


def test_too_many_of_the_first_byte_fail() -> None:
    for window in (0, 512):
        sample = noise(1024)
        first = sample[window]
        clean = bytes(b ^ 1 if b == first else b for b in sample)
        sample = bytearray(clean)
        sample[window] = first
        for n in range(1, 15):
            sample[window + 30 * n] = first
        health.check(sample, "os")
        sample[window + 470] = first
        with pytest.raises(GeneratorFailure, match="adaptive proportion"):
            health.check(sample, "os")


def test_the_cutoffs_are_those_of_the_standard() -> None:
    # C = 1 + ceil(30 / H) and 1 + CRITBINOM(512, 2^-H, 1 - 2^-30) for H = 8.
    assert health.REPETITION_CUTOFF == 1 + -(-30 // 8)
    p = 2**-8
    term = (1 - p) ** 512
    below, k = term, 0
    while below < 1 - 2**-30:
        term *= (512 - k) / (k + 1) * p / (1 - p)
        k += 1
        below += term
    assert health.PROPORTION_CUTOFF == 1 + k
