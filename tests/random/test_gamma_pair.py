"""A pair that is used: counts, copies, journal, and the way into the generators."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from gamma_pairs import (
    content,
    copies,
    datum,
    events,
    journal,
    new_pair,
    only_posix,
    pieces,
    salted,
    write,
)

from gostkey.errors import (
    GammaError,
    GammaExhausted,
    LengthError,
)
from gostkey.primitives import Readable
from gostkey.random.gamma import (
    GammaFeed,
    GammaPair,
    check,
    keys_possible,
    needed,
    status,
)
from gostkey.random.gamma.disk import Disk


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


# -- taking -----------------------------------------------------------------


def test_records_come_from_the_end_and_are_gone_from_both_copies(
    tmp_path: Path,
) -> None:
    root = new_pair(tmp_path, 10)
    with GammaPair.open(root) as pair:
        taken = pair.take(3)
        assert (taken.before, taken.after, pair.remaining) == (10, 7, 7)
        assert pieces(taken.data) == [datum(7), datum(8), datum(9)]
        for path in copies(root):
            assert path.read_bytes() == content(7)
        assert pieces(pair.take(1).data) == [datum(6)]
    with GammaPair.open(root) as pair:
        assert pieces(pair.take(6).data) == [datum(number) for number in range(6)]
        assert pair.remaining == 0
    assert [path.read_bytes() for path in copies(root)] == [b"", b""]


def test_the_journal_has_counts_and_salted_hashes_and_no_bytes(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 10)
    with GammaPair.open(root) as pair:
        taken = pair.take(2)
    begun, taking, ended = events(root)
    assert begun["event"] == "journal" and len(bytes.fromhex(begun["salt"])) == 32
    assert (taking["event"], taking["before"], taking["after"]) == ("taking", 10, 8)
    assert (ended["event"], ended["before"], ended["after"]) == ("taken", 10, 8)
    hashes = [salted(root, datum(8)), salted(root, datum(9))]
    assert taking["hashes"] == taken.salted_hashes == hashes
    text = journal(root).read_bytes()
    for number in range(10):
        data = datum(number)
        assert data not in text and data.hex().encode() not in text
    if os.name == "posix":
        assert journal(root).stat().st_mode & 0o777 == 0o600


def test_each_journal_has_a_salt_of_its_own(tmp_path: Path) -> None:
    hashes = []
    for name in ("a", "b"):
        with GammaPair.open(new_pair(tmp_path / name, 3)) as pair:
            hashes.append(pair.take(1).salted_hashes)
    assert hashes[0] != hashes[1]


def test_what_is_cut_off_is_overwritten_before(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 4)
    seen: list[bytes] = []

    class Watching(Disk):
        def truncate(self, file: io.FileIO, size: int) -> None:
            file.seek(0)
            seen.append(file.read())
            super().truncate(file, size)

    with GammaPair.open(root, disk=Watching()) as pair:
        pair.take(2)
    assert seen == [content(2) + bytes(72)] * 2


def test_opening_and_checking_change_nothing(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 10)
    before = snapshot(root)
    GammaPair.open(root).close()
    check(root)
    status(root)
    assert snapshot(root) == before


def test_too_many_are_refused_and_none_is_lost(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 3)
    with GammaPair.open(root) as pair:
        with pytest.raises(GammaExhausted, match="3 records are left and 4 are needed"):
            pair.take(4)
        for count in (0, -1):
            with pytest.raises(LengthError):
                pair.take(count)
        assert len(pair.take(3).data) == 96


def test_a_batch_needs_a_record_a_key_and_a_tenth(tmp_path: Path) -> None:
    assert [needed(keys) for keys in (1, 9, 10, 11, 100)] == [2, 10, 11, 13, 110]
    for records in range(200):
        keys = keys_possible(records)
        assert needed(keys) <= records < needed(keys + 1)
    with GammaPair.open(new_pair(tmp_path, 11)) as pair:
        pair.require(10)
        with pytest.raises(GammaExhausted, match="11 records .* 11 keys need 13"):
            pair.require(11)


def test_a_warning_comes_when_a_fifth_is_left(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 20)
    with GammaPair.open(root) as pair:
        pair.take(15)
        assert pair.warnings == ()
        pair.take(1)
        (warning,) = pair.warnings
        assert "4 of 20 records are left (20 %)" in warning
    # Another run knows it from the journal.
    assert check(root).start == status(root).start == 20
    assert "4 of 20" in check(root).warnings[0]
    with GammaPair.open(root) as pair:
        assert "4 of 20" in pair.warnings[0]
        pair.take(4)
        assert "no records are left" in pair.warnings[0]
    # A new pair in the same folder starts anew.
    new_pair(root, 10, seed=2)
    with GammaPair.open(root) as pair:
        assert pair.warnings == ()
        pair.take(7)
        assert pair.warnings == ()
        pair.take(1)
        assert "2 of 10" in pair.warnings[0]


def test_taken_records_are_not_shown_and_can_be_wiped(tmp_path: Path) -> None:
    with GammaPair.open(new_pair(tmp_path, 3)) as pair:
        taken = pair.take(1)
        assert datum(2).hex() not in repr(taken) and repr(datum(2)) not in repr(taken)
        for thing in (taken, pair):
            with pytest.raises(TypeError):
                pickle.dumps(thing)
        taken.wipe()
        assert taken.data == bytes(32)


def test_threads_get_different_records(tmp_path: Path) -> None:
    got: list[bytes] = []
    with GammaPair.open(new_pair(tmp_path, 40)) as pair:

        def work() -> None:
            for _ in range(5):
                got.extend(pieces(pair.take(1).data))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(got) == sorted(datum(number) for number in range(40))


def test_a_closed_pair_gives_nothing(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 3)
    pair = GammaPair.open(root)
    pair.close()
    pair.close()
    with pytest.raises(GammaError, match="closed"):
        pair.take(1)
    assert check(root).records == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork: run it on Linux")
def test_a_forked_child_may_not_take(tmp_path: Path) -> None:
    with GammaPair.open(new_pair(tmp_path, 3)) as pair:
        child = os.fork()
        if child == 0:
            try:
                pair.take(1)
            except GammaError as error:
                os._exit(7 if "only that one may take" in str(error) else 1)
            os._exit(0)
        _, ended = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(ended) == 7
        assert pieces(pair.take(1).data) == [datum(2)]


# -- one copy, two copies ---------------------------------------------------


@pytest.mark.parametrize("absent", [0, 1])
def test_one_copy_alone_will_do_with_a_warning(tmp_path: Path, absent: int) -> None:
    root = new_pair(tmp_path, 5)
    copies(root)[absent].unlink()
    with GammaPair.open(root) as pair:
        (warning,) = pair.warnings
        assert f"{copies(root)[absent]}: this copy is not there" in warning
        assert pieces(pair.take(1).data) == [datum(4)]
    assert copies(root)[1 - absent].read_bytes() == content(4)


def test_one_copy_of_a_pair_stands_for_the_pair(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 5)
    with GammaPair.open(copies(root)[1]) as pair:
        pair.take(1)
    for path in copies(root):
        assert path.read_bytes() == content(4)
    assert journal(root).exists()


def test_a_single_file_has_its_journal_beside_it(tmp_path: Path) -> None:
    file = write(tmp_path / "gamma.bin", content(5))
    with GammaPair.open(file) as pair:
        pair.take(2)
    assert file.read_bytes() == content(3)
    assert (tmp_path / "gamma.bin.journal").exists()


@only_posix
def test_a_link_leads_to_the_same_pair_and_journal(tmp_path: Path) -> None:
    root = new_pair(tmp_path / "real", 5)
    (tmp_path / "link").symlink_to(copies(root)[0])
    with GammaPair.open(tmp_path / "link") as pair:
        pair.take(1)
    assert journal(root).exists()
    assert [path.read_bytes() for path in copies(root)] == [content(4)] * 2


@only_posix
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_two_names_of_one_file_are_refused(
    tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    root = new_pair(tmp_path, 5)
    copies(root)[1].unlink()
    link(*copies(root))
    with pytest.raises(GammaError, match="is the same file as .*take the link away"):
        GammaPair.open(root)


def test_copies_that_differ_are_refused_and_the_first_record_named(
    tmp_path: Path,
) -> None:
    root = new_pair(tmp_path, 6)
    write(copies(root)[1], content(3) + content(6, seed=1)[36 * 3 :])
    with pytest.raises(
        GammaError, match="the copies differ from record 4 on"
    ) as caught:
        GammaPair.open(root)
    assert all(str(path) in str(caught.value) for path in copies(root))
    write(copies(root)[1], content(8, seed=1))
    with pytest.raises(GammaError, match="the copies differ from record 1 on"):
        check(root)


@pytest.mark.parametrize("shorter", [0, 1])
def test_a_shorter_copy_that_we_did_not_shorten_is_refused(
    tmp_path: Path, shorter: int
) -> None:
    root = new_pair(tmp_path, 6)
    write(copies(root)[shorter], content(4))
    with pytest.raises(GammaError) as caught:
        GammaPair.open(root)
    longer = copies(root)[1 - shorter]
    assert f"{longer}: record 5 is not in {copies(root)[shorter]}" in str(caught.value)
    assert "copy the shorter file over the longer one" in str(caught.value)
    # Nothing was cut: an empty copy must not empty the other.
    assert longer.read_bytes() == content(6)
    # The cure works.
    shutil.copy(copies(root)[shorter], longer)
    assert check(root).records == 4


# -- old copies put back ----------------------------------------------------


def test_an_old_pair_put_back_is_refused(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 10)
    old = [path.read_bytes() for path in copies(root)]
    with GammaPair.open(root) as pair:
        pair.take(2)
        pair.take(1)
    for path, data in zip(copies(root), old, strict=True):
        write(path, data)
    for open_ in (GammaPair.open, check):
        with pytest.raises(GammaError) as caught:
            open_(root)
        assert f"{copies(root)[0]}: record 8 of 10 was used before" in str(caught.value)
        assert "an older copy was put back" in str(caught.value)
        assert "use a new pair" in str(caught.value)


def test_a_used_record_among_new_ones_is_refused(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 5)
    with GammaPair.open(root) as pair:
        pair.take(1)
    for path in copies(root):
        write(path, content(3, seed=1) + content(5)[-36:] + content(2, seed=2))
    with pytest.raises(GammaError, match="record 4 of 6 was used before"):
        GammaPair.open(root)


@pytest.mark.parametrize("old", [0, 1])
def test_one_old_copy_put_back_is_cut_to_what_the_other_has(
    tmp_path: Path, old: int
) -> None:
    root = new_pair(tmp_path, 10)
    with GammaPair.open(root) as pair:
        pair.take(3)
    write(copies(root)[old], content(10))
    assert "an older copy was put back" in check(root).warnings[0]
    assert copies(root)[old].read_bytes() == content(10)
    with GammaPair.open(root) as pair:
        assert "records from 8 on were used before" in pair.warnings[0]
        assert [path.read_bytes() for path in copies(root)] == [content(7)] * 2
        assert pieces(pair.take(1).data) == [datum(6)]


def test_the_journal_outlives_the_pair(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 4)
    with GammaPair.open(root) as pair:
        pair.take(4)
    new_pair(root, 4, seed=1)
    with GammaPair.open(root) as pair:
        pair.take(1)
    new_pair(root, 4)
    with pytest.raises(GammaError, match="record 1 of 4 was used before"):
        GammaPair.open(root)


def test_a_damaged_journal_is_refused(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 9)
    with GammaPair.open(root) as pair:
        pair.take(2)
        pair.take(2)
    whole = journal(root).read_bytes()
    lines = whole.splitlines(keepends=True)
    for number in range(len(lines) - 1):
        bad = bytearray(whole)
        bad[sum(map(len, lines[:number])) + 20] ^= 1
        write(journal(root), bytes(bad))
        with pytest.raises(GammaError, match=f"line {number + 1} is damaged"):
            GammaPair.open(root)
        write(journal(root), b"".join(lines[:number] + lines[number + 1 :]))
        with pytest.raises(GammaError, match="does not follow from the lines before"):
            check(root)


def test_a_journal_that_was_cut_off_in_a_line_goes_on(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 9)
    with GammaPair.open(root) as pair:
        pair.take(2)
    whole = journal(root).read_bytes()
    # A new line was being written when the machine stopped.
    for rest in (b"0", b'12345678 {"event": "taking"', bytes(100), bytes(5000)):
        write(journal(root), whole + rest)
        with GammaPair.open(root) as pair:
            assert pair.remaining == len(copies(root)[0].read_bytes()) // 36
            pair.take(1)
        assert events(root)[-1]["event"] == "taken"
        whole = journal(root).read_bytes()
        assert whole.endswith(b"\n") and b"\0" not in whole


# -- into the generators ----------------------------------------------------


@pytest.mark.parametrize(("trusted", "bits"), [(True, 768), (False, 0)])
def test_a_feed_mixes_one_record_a_key_and_wipes_it(
    tmp_path: Path, trusted: bool, bits: int
) -> None:
    got: list[tuple[str, bytes, int]] = []
    buffers: list[Readable] = []

    def add(source: str, data: Readable, credited: int) -> None:
        got.append((source, bytes(data), credited))
        buffers.append(data)

    with GammaPair.open(new_pair(tmp_path, 9)) as pair:
        feed = GammaFeed(pair, trusted=trusted, add=add)
        feed.require(8)
        with pytest.raises(GammaExhausted):
            feed.require(9)
        fed = feed.feed(3)
    assert got == [("gamma", datum(6) + datum(7) + datum(8), bits)]
    assert bytes(buffers[0]) == bytes(96)
    assert (fed.before, fed.after, fed.credited_bits) == (9, 6, bits)
    assert list(fed.salted_hashes) == [
        salted(tmp_path, datum(number)) for number in (6, 7, 8)
    ]


def test_a_feed_makes_the_generators_of_the_process_seed_again(tmp_path: Path) -> None:
    from gostkey import random

    before = random.status().credited_bits.get("gamma", 0)
    random.token(1)
    reseeds = random.generator().status.reseeds
    with GammaPair.open(new_pair(tmp_path, 9)) as pair:
        GammaFeed(pair, trusted=True).feed(2)
    random.token(1)
    assert random.generator().status.reseeds == reseeds + 1
    assert random.status().credited_bits["gamma"] == before + 512
