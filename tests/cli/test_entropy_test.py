"""`gostkey entropy test` says what the estimators say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from entropy_data import data_of, noise

from .conftest import Run

Vectors = Callable[[str], Any]


@pytest.fixture
def sticky(tmp_path: Path) -> Path:
    """V4 of the vectors: 3 bits wide."""
    file = tmp_path / "sticky.bin"
    file.write_bytes(data_of("V4"))
    return file


def expected(vectors: Vectors, name: str) -> dict[str, Any]:
    (found,) = [one for one in vectors("entropy")["sets"] if one["data"] == name]
    return dict(found)


def test_the_table_shows_the_check_vector(
    run: Run, vectors: Vectors, sticky: Path
) -> None:
    ran = run("entropy", "test", "--bits", 3, sticky)
    assert ran.code == 0
    lines = ran.stdout.splitlines()
    assert lines[0].split() == ["test", "bits", "a", "sample", "bits", "a", "bit"]
    values = [line.split()[-2:] for line in lines[1:12]]
    symbols = expected(vectors, "V4")["symbols"]
    figures = [float(value) for value, _ in values if value != "-"]
    # Ten tests less three that are for bits, and the least of them.
    assert figures[:-1] == pytest.approx(list(symbols.values()), abs=6e-7)
    assert figures[-1] == min(figures)
    assert values[-1][1] == "0.111174"
    assert "20,000 of 3 bits, 8 different; 60,000 single bits" in ran.stdout
    assert "0.333523 bits a sample of 3" in ran.stdout
    # 1 + ceil(30 / 0.33352264)
    assert "at 91 equal samples in a row, or" in ran.stdout
    assert "20,000 samples are few" in ran.stderr


def test_json_holds_everything(run: Run, vectors: Vectors, sticky: Path) -> None:
    record = run("entropy", "test", "--json", "--bits", 3, sticky).record
    known = expected(vectors, "V4")
    values = {one["name"]: one for one in record["estimators"]}
    assert len(values) == 10
    for name, value in known["symbols"].items():
        assert values[name]["symbols"] == pytest.approx(value, abs=6e-8)
    assert values["markov"]["symbols"] == {"not_run": "is for bits only"}
    assert values["compression"]["bit_string"] == pytest.approx(0.3335226 / 3, abs=6e-8)
    assert record["from_symbols"] == pytest.approx(known["from_symbols"], abs=6e-8)
    assert record["from_bits"] == record["entropy"]
    assert record["entropy"] == pytest.approx(known["from_bits"], abs=6e-8)
    assert (record["samples"], record["bits"], record["alphabet"]) == (20_000, 3, 8)
    assert record["bit_string_bits"] == 60_000
    assert not record["enough_samples"] and not record["more_samples"]
    assert record["health"]["repetition"] == 91
    assert (record["health"]["window"], record["health"]["alpha_log2"]) == (512, 30)


def test_bits_have_one_column_and_a_longer_window(
    run: Run, vectors: Vectors, tmp_path: Path
) -> None:
    file = tmp_path / "bits"
    file.write_bytes(data_of("V3"))
    ran = run("entropy", "test", file)
    assert ran.code == 0
    values = [float(line.split()[-1]) for line in ran.stdout.splitlines()[1:11]]
    known = list(expected(vectors, "V3")["symbols"].values())
    assert values == pytest.approx(known, abs=6e-7)
    assert "of 1024 equal to the first" in ran.stdout
    assert "single bits" not in ran.stdout
    record = run("entropy", "test", "--json", file).record
    assert record["from_bits"] is None
    assert {one["bit_string"] for one in record["estimators"]} == {None}
    # The same source, its bits written as the digits 0 and 1.
    file.write_bytes(bytes(b"01"[bit] for bit in data_of("V3")))
    as_digits = run("entropy", "test", "--json", file).record
    assert (as_digits["bits"], as_digits["alphabet"]) == (6, 2)
    assert as_digits["entropy"] == record["entropy"]
    assert as_digits["health"] == record["health"]


def test_the_width_is_found_or_checked(run: Run, sticky: Path) -> None:
    by_itself = run("entropy", "test", "--json", sticky).record
    assert by_itself["bits"] == 3
    wider = run("entropy", "test", "--json", "--bits", 4, sticky).record
    assert wider["bits"] == 4
    ran = run("entropy", "test", "--json", "--bits", 2, sticky)
    assert ran.code == 3
    assert ran.error["code"] == "samples_error"
    assert str(sticky) in ran.error["message"]
    assert "wider than 2 bits; the widest one has 3" in ran.error["message"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "no samples: the data are empty"),
        (b"x", "one sample only"),
        (b"x" * 500, "all samples are equal (120): the source has no entropy"),
    ],
)
def test_what_cannot_be_tested_is_told(
    run: Run, tmp_path: Path, data: bytes, text: str
) -> None:
    file = tmp_path / "samples"
    file.write_bytes(data)
    ran = run("entropy", "test", file)
    assert (ran.code, ran.stdout) == (3, "")
    assert f"{file}: " in ran.stderr and text in ran.stderr


def test_a_missing_file_is_told(run: Run, tmp_path: Path) -> None:
    ran = run("entropy", "test", tmp_path / "none")
    assert ran.code == 3 and "No such file" in ran.stderr
    ran = run("entropy", "test", tmp_path)
    assert ran.code == 3 and "directory" in ran.stderr


@pytest.mark.parametrize("bits", ["0", "9", "x"])
def test_a_width_that_cannot_be_is_wrong_use(run: Run, sticky: Path, bits: str) -> None:
    assert run("entropy", "test", "--bits", bits, sticky).code == 1


def test_tests_that_lack_samples_are_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "few"
    file.write_bytes(bytes(b & 3 for b in noise(1000)))
    ran = run("entropy", "test", file)
    assert ran.code == 0
    assert "most common in window (samples): needs more than 4096 samples" in ran.stderr
    assert "most common in window (bits)" in ran.stderr
    assert "is for bits only" not in ran.stderr


def test_the_standard_input_and_the_first_samples(run: Run, sticky: Path) -> None:
    data = sticky.read_bytes()
    ran = run("entropy", "test", "--json", "-n", 5000, "-", input=data)
    assert (ran.code, ran.record["samples"]) == (0, 5000)
    assert ran.record["more_samples"]
    assert "only the first 5,000 samples" in ran.stderr
    short = sticky.with_name("short")
    short.write_bytes(data[:5000])
    alone = run("entropy", "test", "--json", short).record
    assert alone["entropy"] == ran.record["entropy"]
    assert not alone["more_samples"]


def test_a_source_of_next_to_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "constant"
    file.write_bytes(bytes(b == 0 for b in noise(20_000)))
    record = run("entropy", "test", "--json", file).record
    assert 0 < record["entropy"] < 0.01
    # No window can fail: one of zeros alone comes often enough.
    assert record["health"]["proportion"] == 1025
    assert "equal to the first" not in run("entropy", "test", file).stdout
    file.write_bytes(bytes(range(5)) * 2000)
    ran = run("entropy", "test", file)
    assert ran.code == 0
    assert "at once: such a source gives nothing" in ran.stdout


def test_a_terminal_shows_how_far_it_is(
    terminal: Callable[..., tuple[int, str]], sticky: Path
) -> None:
    code, shown = terminal("entropy", "test", sticky)
    assert code == 0
    assert "sticky.bin: LZ78Y" in shown or "sticky.bin: Markov" in shown
    assert "0.333523" in shown
    assert "%" in shown
