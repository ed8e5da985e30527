"""The form of a gamma file, and every way in which one can be bad."""

from __future__ import annotations

from pathlib import Path

import pytest
from gamma_pairs import Quick, content, copies, datum, journal, new_pair, record, write
from hypothesis import given
from hypothesis import strategies as st

from gostkey.errors import GammaError, GostKeyError
from gostkey.random.gamma import GammaPair, check, make, status
from gostkey.random.gamma.records import Hasher, check_health, crc_of, encode, verify


# The vectors of the format: bytes 0 to 31, and 32 bytes ff.
@pytest.mark.parametrize(
    ("data", "crc"), [(bytes(range(32)), "8a7e2691"), (b"\xff" * 32, "0bab6cff")]
)
def test_crc_is_that_of_zlib_little_endian(data: bytes, crc: str) -> None:
    assert crc_of(data).hex() == crc
    assert encode(data) == data + bytes.fromhex(crc)


def test_a_record_of_the_vector_is_read(tmp_path: Path) -> None:
    data = bytes(range(32))
    file = write(tmp_path / "gamma", data + bytes.fromhex("8a7e2691"))
    with GammaPair.open(file) as pair:
        assert pair.remaining == 1
        assert pair.take(1).data == data


def refused(root: Path) -> str:
    """Return the one message with which all that reads a pair refuses it."""
    with pytest.raises(GammaError) as by_check:
        check(root)
    with pytest.raises(GammaError) as by_open:
        GammaPair.open(root)
    assert str(by_check.value) == str(by_open.value)
    assert not journal(root).exists()
    return str(by_open.value)


@pytest.mark.parametrize("rest", [1, 4, 32, 35])
def test_an_odd_length_is_refused(tmp_path: Path, rest: int) -> None:
    root = new_pair(tmp_path, 5)
    for path in copies(root):
        write(path, content(5) + content(9)[-rest:])
    text = refused(root)
    assert f"{copies(root)[0]}: {5 * 36 + rest} bytes" in text
    assert "not a multiple of 36" in text and f"record 6 has only {rest} bytes" in text
    assert "take this copy away" in text


# One bit of the first, a middle and the last byte of record 3, and of its CRC.
@pytest.mark.parametrize("place", [72, 90, 103, 104, 107])
@pytest.mark.parametrize("copy", [0, 1])
def test_a_changed_bit_is_refused_and_named(
    tmp_path: Path, place: int, copy: int
) -> None:
    root = new_pair(tmp_path, 5)
    data = bytearray(content(5))
    data[place] ^= 1
    write(copies(root)[copy], bytes(data))
    text = refused(root)
    assert f"{copies(root)[copy]}: record 3 of 5 does not match its CRC" in text
    # The cure works.
    copies(root)[copy].unlink()
    with GammaPair.open(root) as pair:
        assert pair.remaining == 5


def test_equal_records_are_refused_and_named(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 5)
    for path in copies(root):
        write(path, content(5) + record(datum(2)))
    text = refused(root)
    assert f"{copies(root)[0]}: records 3 and 6 of 6 are equal" in text
    assert "use another one" in text


def test_a_sample_of_two_records_multiplied_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "gamma", content(2) * 100_000)
    with pytest.raises(GammaError, match="records 1 and 3 of 200000 are equal"):
        check(file)


@pytest.mark.parametrize("value", [0, 0x5A, 0xFF])
def test_a_constant_record_is_refused_and_named(tmp_path: Path, value: int) -> None:
    root = new_pair(tmp_path, 3)
    for path in copies(root):
        write(path, content(3) + record(bytes([value]) * 32) + record(datum(7)))
    text = refused(root)
    assert f"{copies(root)[0]}: record 4 of 5 is one byte over and over" in text


def test_a_destroyed_record_is_told_as_such(tmp_path: Path) -> None:
    file = write(tmp_path / "gamma", content(3) + bytes(36))
    with pytest.raises(GammaError, match=r"record 4 of 4 .* it was destroyed"):
        check(file)


def test_a_stuck_source_is_refused_with_its_records(tmp_path: Path) -> None:
    # Sound records by every other rule: five equal bytes in a row in number 20.
    data = bytearray(datum(19))
    data[7:12] = b"\x11" * 5
    file = write(tmp_path / "gamma", content(19) + record(bytes(data)) + content(2, 1))
    with pytest.raises(GammaError, match=r"records 17 to 22 of 22: .*repetition count"):
        check(file)


def test_a_poor_source_is_refused(tmp_path: Path) -> None:
    # Every fourth byte the same: 128 of 512, and 16 fail.
    data = []
    for number in range(32):
        one = bytearray(datum(number))
        one[::4] = b"\x77" * 8
        data.append(record(bytes(one)))
    file = write(tmp_path / "gamma", b"".join(data))
    with pytest.raises(GammaError, match="records 1 to 16 of 32: .*proportion"):
        check(file)


def test_one_window_of_a_long_file_may_fail_by_chance_and_two_may_not() -> None:
    stuck = bytearray(datum(1_000_000))
    stuck[7:12] = b"\x11" * 5
    long = bytearray(content(1024 * 16))
    check_health(long, Path("long"))
    long[36 * 500 : 36 * 501] = record(bytes(stuck))
    check_health(long, Path("long"))
    long[36 * 9000 : 36 * 9001] = record(bytes(stuck))
    with pytest.raises(GammaError, match="records 497 to 512 of 16384"):
        check_health(long, Path("long"))


def test_more_records_than_anyone_needs_are_refused_unread(tmp_path: Path) -> None:
    file = write(tmp_path / "gamma", b"")
    with file.open("r+b") as stream:
        stream.truncate(36 * 1_000_001)
    with pytest.raises(GammaError, match="1000000 records"):
        check(file)


def test_hashes_are_salted() -> None:
    raw = content(3)
    first = verify(raw, Path("x"), Hasher(b"1" * 32))
    assert first == verify(raw, Path("x"), Hasher(b"1" * 32))
    assert not set(first) & set(verify(raw, Path("x"), Hasher(b"2" * 32)))


@given(data=st.binary(max_size=200) | st.builds(content, st.integers(0, 5)))
def test_any_file_gives_a_result_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    root = tmp_path_factory.mktemp("any")
    for path in copies(root):
        write(path, data)
    try:
        with GammaPair.open(root) as pair:
            assert 36 * pair.remaining == len(data)
    except GostKeyError as error:
        assert str(copies(root)[0]) in str(error)
    else:
        assert check(root).records == status(root).records == len(data) // 36


@given(data=st.binary(max_size=300))
def test_any_journal_gives_a_result_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    root = new_pair(tmp_path_factory.mktemp("any"), 4)
    write(journal(root), data)
    try:
        with GammaPair.open(root, disk=Quick()) as pair:
            assert pair.remaining == 4
            pair.take(1)
    except GostKeyError as error:
        assert str(journal(root)) in str(error)
    else:
        assert check(root).journal.used == 1


def test_what_make_writes_is_of_the_form(tmp_path: Path) -> None:
    make(tmp_path / "new", 50, "1234ABCD")
    first, second = (path.read_bytes() for path in copies(tmp_path / "new"))
    assert first == second and len(first) == 50 * 36
    data = [first[place : place + 32] for place in range(0, len(first), 36)]
    assert first == b"".join(map(record, data))
    assert len(set(data)) == 50
