"""The ten estimators: the standard's tool, its text, and data that reach the limits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from entropy_data import data_of, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import sp800_90b as literal

from gostkey.errors import SamplesError
from gostkey.random import estimators
from gostkey.random.estimators import (
    assess,
    contexts,
    counts,
    scoreboard,
    strings,
    windows,
)
from gostkey.random.estimators.samples import Samples, as_bits, as_symbols
from gostkey.random.estimators.suffixes import order_suffixes

Vectors = Callable[[str], Any]

SMALL = ("V1", "V2", "V3", "V4")
LARGE = [
    "late-8",
    "words-4",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("noise-8", "noise-1", "walk-8")
    ),
]


def chosen(vectors: Vectors, name: str) -> tuple[dict[str, Any], bytes]:
    (found,) = [one for one in vectors("entropy")["sets"] if one["data"] == name]
    data = data_of(name)
    assert hashlib.sha256(data).hexdigest() == found["sha256"]
    return found, data


def said(estimates: tuple[estimators.Estimate, ...]) -> dict[str, float]:
    return {one.name: one.bits for one in estimates if one.bits is not None}


@pytest.mark.parametrize("name", SMALL)
def test_the_check_vectors_of_the_brief(vectors: Vectors, name: str) -> None:
    expected, data = chosen(vectors, name)
    found = assess(data, expected["bits"])
    # They are given with seven digits behind the point.
    assert said(found.symbols) == pytest.approx(expected["symbols"], abs=6e-8)
    assert found.from_symbols == pytest.approx(expected["from_symbols"], abs=6e-8)
    if expected["from_bits"] is None:
        assert found.from_bits is None
        assert found.entropy == found.from_symbols
    else:
        assert found.from_bits == pytest.approx(expected["from_bits"], abs=6e-8)
        assert found.entropy == min(found.from_symbols, found.from_bits)


@pytest.mark.parametrize("name", LARGE)
def test_what_the_standards_tool_says(vectors: Vectors, name: str) -> None:
    """Data that fill the dictionaries, as symbols."""
    expected, data = chosen(vectors, name)
    samples = as_symbols(data)
    for estimator in estimators.ESTIMATORS:
        if estimator.name in expected["symbols"]:
            value = expected["symbols"][estimator.name]
            assert estimator.run(samples) == pytest.approx(value, abs=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["late-8", "noise-8", "walk-8", "words-4"])
def test_what_the_standards_tool_says_of_the_bits(vectors: Vectors, name: str) -> None:
    expected, data = chosen(vectors, name)
    found = assess(data, expected["bits"], most_bits=None)
    assert said(found.bit_string) == pytest.approx(expected["bit_string"], abs=1e-8)
    assert found.from_bits == pytest.approx(expected["from_bits"], abs=1e-8)


@pytest.mark.parametrize(
    ("limit", "run"),
    [
        ("_MOST_PAIRS", contexts.multi_mmc),
        ("_MOST_CONTEXTS", contexts.lz78y),
    ],
)
def test_the_limits_decide_some_of_those_values(
    monkeypatch: pytest.MonkeyPatch,
    vectors: Vectors,
    limit: str,
    run: Callable[[Samples], float],
) -> None:
    """Or the test above would not see them."""
    expected, data = chosen(vectors, "late-8")
    monkeypatch.setattr(contexts, limit, 1 << 40)
    assert run(as_symbols(data)) < expected["symbols"][run.__name__] - 0.01


# -- beside the text of the standard ------------------------------------------


def some_sequences(length: int) -> list[bytes]:
    """Noise, bias, periods with faults, repeats, stuck stretches."""
    found = []
    for k in (2, 3, 6, 40, 256):
        plain = bytes(b % k for b in noise(length, f"plain {k}"))
        found.append(plain)
        found.append(bytes(b % k if b < 90 else 0 for b in noise(length, f"bias {k}")))
        found.append(plain[: length // 2] * 2)
        period = bytearray((plain[:37] * length)[:length])
        for place in noise(6, f"faults {k}"):
            period[place * length // 256] = (place + 1) % k
        found.append(bytes(period))
        stuck = bytearray(plain)
        stuck[length // 3 : length // 2] = bytes(length // 2 - length // 3)
        found.append(bytes(stuck))
    return found


def check(
    run: Callable[[Samples], float], plainly: Callable[[bytes], float | None]
) -> Callable[[bytes], None]:
    def compare(data: bytes) -> None:
        expected = plainly(data)
        if expected is None:
            with pytest.raises(SamplesError):
                run(as_symbols(data))
        else:
            assert run(as_symbols(data)) == pytest.approx(expected, abs=1e-9)

    return compare


def small(symbols: int, least: int, most: int = 160) -> st.SearchStrategy[bytes]:
    """Sequences of few symbols, with repeats, in which at least two come."""
    piece = st.binary(min_size=1, max_size=12).map(
        lambda b: bytes(x % symbols for x in b)
    )
    repeated = st.lists(
        st.tuples(piece, st.integers(1, 9)).map(lambda t: t[0] * t[1]), min_size=1
    ).map(b"".join)
    return repeated.map(lambda b: (b * (least // len(b) + 1))[:most]).filter(
        lambda b: len(set(b)) > 1
    )


@given(data=small(2, 6))
def test_counts_beside_the_text(data: bytes) -> None:
    check(counts.most_common_value, literal.most_common_value)(data)
    check(counts.collision, literal.collision)(data)
    check(counts.markov, literal.markov)(data)


@pytest.mark.parametrize("data", [d for d in some_sequences(400) if max(d) < 2])
def test_compression_beside_the_text(
    monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(counts, "_FIRST_BLOCKS", 20)
    plainly = literal.compression(data, first_blocks=20)
    assert counts.compression(as_symbols(data)) == pytest.approx(plainly, abs=1e-9)


@pytest.mark.parametrize("symbols", [2, 4])
def test_strings_beside_the_text(monkeypatch: pytest.MonkeyPatch, symbols: int) -> None:
    monkeypatch.setattr(strings, "_OFTEN", 5)

    @given(data=small(symbols, 2))
    def compare(data: bytes) -> None:
        check(strings.t_tuple, lambda d: literal.t_tuple(d, often=5))(data)
        check(strings.longest_repeated_substring, lambda d: literal.lrs(d, often=5))(
            data
        )

    compare()


@given(data=small(5, 2, most=300))
def test_suffixes_are_in_order(data: bytes) -> None:
    samples = as_symbols(data)
    found = samples.suffixes
    suffixes = [samples.symbols[i:].tobytes() for i in found.order]
    assert suffixes == sorted(suffixes)
    assert len(set(found.order.tolist())) == len(data)
    for common, one, other in zip(
        found.common, suffixes[:-1], suffixes[1:], strict=True
    ):
        assert one[:common] == other[:common]
        assert one[common : common + 1] != other[common : common + 1]


def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make stretches short, so that what is carried over them shows."""
    monkeypatch.setattr(windows, "_STRETCH", 29)
    monkeypatch.setattr(windows, "_LAG_STRETCH", 13)
    monkeypatch.setattr(contexts, "_STRETCH", 17)


@pytest.mark.parametrize("symbols", [2, 3, 7])
def test_windows_and_lags_beside_the_text(
    monkeypatch: pytest.MonkeyPatch, symbols: int
) -> None:
    sizes = (3, 7, 12, 31)
    small_sizes(monkeypatch)
    monkeypatch.setattr(windows, "_WINDOWS", sizes)

    @given(data=small(symbols, 40))
    @settings(max_examples=settings().max_examples // 4)
    def compare(data: bytes) -> None:
        check(windows.multi_mcw, lambda d: literal.multi_mcw(d, sizes))(data)
        check(windows.lag, literal.lag)(data)

    compare()


@pytest.mark.parametrize(
    ("symbols", "pairs", "entries"), [(2, 40, 60), (3, 9, 17), (7, 10_000, 10_000)]
)
def test_contexts_beside_the_text(
    monkeypatch: pytest.MonkeyPatch, symbols: int, pairs: int, entries: int
) -> None:
    small_sizes(monkeypatch)
    monkeypatch.setattr(contexts, "_MOST_PAIRS", pairs)
    monkeypatch.setattr(contexts, "_MOST_CONTEXTS", entries)

    @given(data=small(symbols, 22))
    @settings(max_examples=settings().max_examples // 4)
    def compare(data: bytes) -> None:
        check(contexts.multi_mmc, lambda d: literal.multi_mmc(d, most_pairs=pairs))(
            data
        )
        check(contexts.lz78y, lambda d: literal.lz78y(d, most_contexts=entries))(data)

    compare()


@pytest.mark.slow
@pytest.mark.parametrize("index", range(25))
def test_all_predictors_beside_the_text_in_full_size(index: int) -> None:
    data = some_sequences(4500)[index]
    check(windows.multi_mcw, literal.multi_mcw)(data)
    check(windows.lag, literal.lag)(data)
    check(contexts.multi_mmc, literal.multi_mmc)(data)
    check(contexts.lz78y, literal.lz78y)(data)


def test_who_speaks_beside_the_text() -> None:
    """Hits as they come, in any stretches: winner, ties, runs."""
    for seed in range(30):
        source = np.random.default_rng(seed)
        size = int(source.integers(1, 129))
        hits = source.random((size, 200)) < source.random()
        scores, speaker, expected = [0] * size, 0, []
        for column in hits.T:
            expected.append(bool(column[speaker]))
            for j in range(size):
                if column[j]:
                    scores[j] += 1
                    if scores[j] >= scores[speaker]:
                        speaker = j
        board = scoreboard.Scoreboard(size)
        cuts = np.sort(source.choice(np.arange(1, 200), 5, replace=False))
        found = np.concatenate(
            [board.feed(part) for part in np.split(hits, cuts, axis=1)]
        )
        assert found.tolist() == expected


# -- what cannot be assessed --------------------------------------------------


@pytest.mark.parametrize(
    ("data", "bits", "text"),
    [
        (b"", 8, "no samples.*empty"),
        (b"a", None, "two or more"),
        (b"\x05" * 1000, 3, r"equal \(5\).*no entropy"),
        (b"\x00" * 1000, None, "equal"),
        (b"\x01\x02\x09\x01", 3, "sample 2 is 9, which is wider than 3 bits.*has 4"),
        (b"\x01\x02", 1, "wider than 1 bit;"),
        (b"\x01\x02", 0, "1 to 8"),
        (b"\x01\x02", 9, "1 to 8"),
    ],
)
def test_bad_samples_are_refused(data: bytes, bits: int | None, text: str) -> None:
    with pytest.raises(SamplesError, match=text):
        assess(data, bits)


def test_bits_that_are_all_equal_are_refused() -> None:
    with pytest.raises(SamplesError, match="first 8 bits are all 0"):
        as_bits(b"\x00\x01\x02", 8, 8)


def test_bits_are_refused_before_the_work_begins() -> None:
    steps: list[str] = []
    with pytest.raises(SamplesError, match="first 1000000 bits are all 0"):
        assess(bytes(125_000) + b"\x01\x02", 8, progress=lambda *s: steps.append(s[2]))
    assert not steps


def test_each_estimator_says_what_it_needs() -> None:
    found = assess(b"\x00\x01", 1)
    reasons = {one.name: one.reason for one in found.symbols if one.bits is None}
    assert reasons == {
        "collision": "needs 6 bits or more",
        "compression": "needs 6012 bits or more",
        "t_tuple": "needs a symbol that comes 35 times",
        "lrs": "needs a string that comes twice but not 35 times",
        "multi_mcw": "needs more than 4096 samples",
        "lag": "needs three samples or more",
        "multi_mmc": "needs four samples or more",
        "lz78y": "needs 19 samples or more",
    }
    assert 0 <= found.entropy <= 1


@pytest.mark.parametrize(
    ("run", "least"),
    [
        (counts.compression, 6012),
        (windows.multi_mcw, 4097),
        (windows.lag, 3),
        (contexts.multi_mmc, 4),
        (contexts.lz78y, 19),
    ],
)
def test_the_least_numbers_of_samples(
    run: Callable[[Samples], float], least: int
) -> None:
    data = bytes(b & 1 for b in noise(least))
    assert 0 <= run(as_symbols(data[:-1] + data[-1:])) <= 1
    with pytest.raises(SamplesError, match="needs"):
        run(as_symbols(data[:-1]))


def test_symbols_are_numbered_by_what_comes() -> None:
    samples = as_symbols(b"\x07\x03\xff\x03")
    assert samples.symbols.tolist() == [1, 0, 2, 0]
    assert samples.alphabet == 3


def test_bits_are_laid_highest_first() -> None:
    assert as_bits(b"\x06\x01", 3, None).symbols.tolist() == [1, 1, 0, 0, 0, 1]
    assert as_bits(b"\x06\x01", 3, 4).symbols.tolist() == [1, 1, 0, 0]


def test_two_values_count_as_bits_whatever_they_are() -> None:
    bits = bytes(b & 1 for b in noise(7000))
    other = bits.replace(b"\x00", b"\x03").replace(b"\x01", b"\x05")
    found = assess(other, 3)
    assert not found.bit_string and found.from_bits is None
    assert said(found.symbols) == said(assess(bits).symbols)


def test_progress_names_each_step_once() -> None:
    steps: list[tuple[int, int, str]] = []
    assess(bytes(noise(5000)), progress=lambda *step: steps.append(step))
    assert [done for done, _, _ in steps] == list(range(17))
    assert {total for _, total, _ in steps} == {17}


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 60_000 + b"\x01",
        bytes(range(7)) * 8_000,
        bytes(noise(30_000)) * 2,
    ],
    ids=["one-fault", "period", "doubled"],
)
def test_long_repeats_take_no_longer(data: bytes) -> None:
    """Work that grew with the square of a repeat would take hours here."""
    found = assess(data, most_bits=40_000)
    assert found.entropy < 0.01


def test_order_of_the_shortest() -> None:
    found = order_suffixes(np.array([1, 0], np.uint8), 2)
    assert found.order.tolist() == [1, 0] and found.common.tolist() == [0]
