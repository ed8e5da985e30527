"""The tests of a source: what must fail fails, and at the cutoff."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter

import pytest

from gostkey.errors import GeneratorFailure, HealthFailure, LengthError
from gostkey.random import health

# Computed with SciPy's binomial distribution.
ENTROPY = (0.125, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 6, 8)
REPETITION = {
    20: (161, 81, 41, 28, 21, 15, 11, 8, 6, 5, 5, 4),
    30: (241, 121, 61, 41, 31, 21, 16, 11, 9, 7, 6, 5),
    40: (321, 161, 81, 55, 41, 28, 21, 15, 11, 9, 8, 6),
}
PROPORTION_512 = {
    20: (497, 468, 410, 357, 311, 234, 177, 103, 62, 39, 25, 13),
    30: (502, 477, 422, 371, 325, 248, 190, 114, 71, 46, 31, 16),
    40: (506, 483, 432, 382, 336, 260, 201, 123, 78, 51, 35, 19),
}
ENTROPY_OF_BITS = (0.1, 0.25, 0.5, 0.75, 1)
PROPORTION_1024 = {
    20: (991, 915, 793, 684, 589),
    30: (999, 928, 810, 703, 609),
    40: (1005, 938, 824, 719, 625),
}


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


def test_the_cutoffs_of_the_start_are_those_of_the_standard() -> None:
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


@pytest.mark.parametrize("alpha", [20, 30, 40])
def test_the_cutoffs_are_those_of_the_table(alpha: int) -> None:
    for entropy, repetition, proportion in zip(
        ENTROPY, REPETITION[alpha], PROPORTION_512[alpha], strict=True
    ):
        found = health.cutoffs(entropy, alpha_log2=alpha)
        assert (found.repetition, found.proportion) == (repetition, proportion)
    for entropy, proportion in zip(
        ENTROPY_OF_BITS, PROPORTION_1024[alpha], strict=True
    ):
        found = health.cutoffs(entropy, window=1024, alpha_log2=alpha)
        assert (found.proportion, found.window) == (proportion, 1024)


def test_the_cutoffs_that_a_jitter_generator_ships() -> None:
    assert health.cutoffs(1, alpha_log2=30).proportion == 325
    assert health.cutoffs(1, alpha_log2=60).proportion == 355


def test_decimal_fractions_count_as_written() -> None:
    # 0.3 as a binary fraction is a little less, and 30 / that a little over 100.
    assert health.cutoffs(0.3).repetition == 101


def test_a_source_of_next_to_nothing_cannot_fail_by_proportion() -> None:
    # 512 equal symbols have a probability of 2^-5: nothing to wonder at.
    assert health.cutoffs(0.01).proportion == 513


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("entropy_per_symbol", {"entropy_per_symbol": 0}),
        ("entropy_per_symbol", {"entropy_per_symbol": -1}),
        ("entropy_per_symbol", {"entropy_per_symbol": 8.5}),
        ("entropy_per_symbol", {"entropy_per_symbol": float("nan")}),
        ("window", {"entropy_per_symbol": 1, "window": 1}),
        ("alpha_log2", {"entropy_per_symbol": 1, "alpha_log2": 0}),
    ],
)
def test_cutoffs_refuse_what_makes_no_sense(
    name: str, arguments: dict[str, float]
) -> None:
    with pytest.raises(LengthError, match=name):
        health.cutoffs(**arguments)  # type: ignore[arg-type]


def literally(symbols: bytes, cutoffs: health.Cutoffs) -> str:
    """Which test fails first, symbol by symbol as SP 800-90B 4.4 has it."""
    last, run = -1, 0
    first, count, seen = -1, 0, cutoffs.window
    for symbol in symbols:
        run = run + 1 if symbol == last else 1
        last = symbol
        if seen == cutoffs.window:
            first, count, seen = symbol, 0, 0
        seen += 1
        count += symbol == first
        if run >= cutoffs.repetition:
            return "repetition count"
        if count >= cutoffs.proportion:
            return "adaptive proportion"
    return ""


def in_pieces(data: bytes, sizes: itertools.cycle[int]) -> list[bytes]:
    pieces, place = [], 0
    while place < len(data):
        size = next(sizes)
        pieces.append(data[place : place + size])
        place += size
    return pieces


SIZES = [(64,), (1,), (512,), (1000,), (3, 64, 509, 2), (7, 0, 40)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(
    ("entropy", "values"), [(8, 256), (1, 3), (2, 5), (1.5, 4), (4, 40)]
)
def test_pieces_fail_where_the_whole_does(
    sizes: tuple[int, ...], entropy: float, values: int
) -> None:
    """Many sequences of few symbols, some of which pass and some fail."""
    outcomes = Counter[str]()
    for label in range(40):
        data = bytearray(b % values for b in noise(3000, f"{values} {label}"))
        if label % 4 == 1:
            # A stuck byte somewhere in the middle, for a while.
            start, length = 500 + label * 37, label + 1
            data[start : start + length] = bytes(data[start : start + 1]) * length
        if label % 4 == 2:
            # Every third symbol of some window is the same.
            for place in range(512, 512 + 3 * label * 4, 3):
                data[place] = data[512]
        expected = literally(bytes(data), health.cutoffs(entropy))
        outcomes[expected] += 1
        tests = health.Continuous("token", entropy)
        found = ""
        for piece in in_pieces(bytes(data), itertools.cycle(sizes)):
            try:
                tests.feed(piece)
            except HealthFailure as error:
                assert str(error) == tests.failure
                found = str(error)
                break
        assert bool(found) == bool(expected)
        if found:
            assert "'token'" in found
            # In one piece both may fail; the tests come one after the other.
            assert expected in found or max(sizes) > 1
    assert len(outcomes) > 1


def test_a_failure_stays() -> None:
    tests = health.Continuous("mouse", 1)
    tests.feed(bytes(range(100)))
    assert not tests.failure
    with pytest.raises(HealthFailure, match="'mouse'.*repetition count.*31 equal"):
        tests.feed(bytes(31))
    with pytest.raises(HealthFailure, match="repetition count"):
        tests.feed(bytes(range(100)))
    assert "repetition count" in tests.failure


def test_a_run_over_two_pieces_counts_as_one() -> None:
    for before in range(1, 5):
        tests = health.Continuous("token", 8)
        tests.feed(bytes(range(50)) + b"\xaa" * before)
        with pytest.raises(HealthFailure, match="repetition count"):
            tests.feed(b"\xaa" * (5 - before) + bytes(range(50)))
        tests = health.Continuous("token", 8)
        tests.feed(bytes(range(50)) + b"\xaa" * before)
        tests.feed(b"\xaa" * (4 - before) + bytes(range(50)))


def test_views_are_taken_too() -> None:
    tests = health.Continuous("token", 8)
    tests.feed(memoryview(bytes(range(64))))
    with pytest.raises(HealthFailure):
        tests.feed(memoryview(bytearray(64)))


def test_what_is_remembered_is_little() -> None:
    """No more than two of the symbols themselves, and nothing after a failure."""
    tests = health.Continuous("os", 8)
    tests.feed(noise(64))
    kept = [value for value in vars(tests).values() if isinstance(value, int)]
    assert len(kept) == 5
    assert not any(isinstance(value, bytes) for value in vars(tests).values())
    assert "failed" not in repr(tests) and str(noise(64)[-1]) not in repr(tests)


def test_the_most_common_value_of_the_brief(check_data: dict[str, bytes]) -> None:
    for name, bits in {
        "V1": 7.2384075,
        "V2": 0.8999802,
        "V3": 0.3934622,
        "V4": 2.8182237,
    }.items():
        found = health.most_common_value_bits(check_data[name])
        assert found == pytest.approx(bits, abs=5e-7)


def test_the_most_common_value_of_nothing_and_of_one_value() -> None:
    for equal in (b"a", b"aa", bytes(100)):
        assert health.most_common_value_bits(equal) == 0
    with pytest.raises(LengthError, match="none"):
        health.most_common_value_bits(b"")
