"""JaCarta LT and eToken: containers are read, and why nothing is written is said."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from cards.card import VirtualCard
from cards.etoken import EtokenPro
from cards.jacarta_lt import JacartaLt
from cards.readers import VirtualReaders
from hypothesis import given
from hypothesis import strategies as st

from gostkey.errors import MediumError, PinBlocked, TokenUnknown, WrongPin
from gostkey.media.tokens import PinState, list_tokens, open_token
from gostkey.media.tokens.etoken import answer_to, login_key
from gostkey.media.tokens.jacarta_lt import group

InReaders = Callable[..., VirtualReaders]

PIN = "1234567890"
READER = "token:Virtual PCD 00 00"


def put(card: VirtualCard, number: int, sample: samples.Sample) -> None:
    if isinstance(card, JacartaLt):
        card.add_container(number + 1, sample.files)
    else:
        assert isinstance(card, EtokenPro)
        card.add_container(0xCC00 + number, sample.files)


KINDS = [JacartaLt, EtokenPro]


@pytest.mark.parametrize("kind", KINDS)
def test_containers_are_listed_and_read(
    in_readers: InReaders, kind: type[VirtualCard]
) -> None:
    first, second = samples.container("Иванов"), samples.container("b")
    card = kind()
    put(card, 0, first)
    put(card, 1, second)
    in_readers(card)
    store = open_token(READER, pin=lambda info: PIN)
    places = list(store.find())
    assert len(places) == 2 and all(str(one).startswith(READER) for one in places)
    assert store.read_public(places[0]) == {
        name: first.files[name] for name in ("name.key", "header.key")
    }
    with store:
        assert store.read(places[0]) == first.files
        assert store.read(places[1]) == second.files
        # Given again, without a serial number to compare.
        assert store.read_own(places[0]) == first.files
    named = open_token(f"{READER}/иванов", pin=lambda info: PIN)
    assert list(named.find()) == places[:1]
    assert named.read(places[0]) == first.files


@pytest.mark.parametrize("kind", KINDS)
def test_what_they_tell_of_themselves(
    in_readers: InReaders, kind: type[VirtualCard]
) -> None:
    in_readers(kind())
    found = list_tokens()
    assert found.problems == ()
    (info,) = found.tokens
    assert info.address == READER and info.serial == ""
    assert info.user_pin == PinState() and info.memory_free is None
    assert list(open_token("token:").find()) == []


def test_an_answer_to_reset_of_several_models_is_cleared_up(
    in_readers: InReaders,
) -> None:
    several = bytes.fromhex("3BDC18FF8191FE1FC38073C821136601061159000128")
    with_files, without = JacartaLt(), EtokenPro()
    with_files.atr = without.atr = several
    sample = samples.container(with_certificate=False)
    put(with_files, 0, sample)
    in_readers(with_files, without)
    found = list_tokens()
    assert [info.family for info in found.tokens] == ["jacarta-lt"] * 2
    (problem,) = found.problems
    assert isinstance(problem, TokenUnknown) and "PKCS #11" in str(problem)
    (place,) = open_token(READER).find()
    assert open_token(READER, pin=lambda info: PIN).read(place) == sample.files


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_pin_is_told_once(
    in_readers: InReaders, kind: type[VirtualCard]
) -> None:
    card = kind()
    put(card, 0, samples.container(with_certificate=False))
    in_readers(card)
    for _ in range(2):
        store = open_token(READER, pin=lambda info: "0000000000")
        (place,) = store.find()
        with pytest.raises(WrongPin):
            store.read(place)
    before = card.tries  # type: ignore[attr-defined]
    assert card.left == before - 1  # type: ignore[attr-defined]
    card.left = 0  # type: ignore[attr-defined]
    store = open_token(READER, pin=lambda info: PIN)
    with pytest.raises(PinBlocked):
        store.read(place)


@pytest.mark.parametrize("kind", KINDS)
def test_why_nothing_is_written_is_said(
    in_readers: InReaders, kind: type[VirtualCard]
) -> None:
    card = kind()
    sample = samples.container(with_certificate=False)
    put(card, 0, sample)
    in_readers(card)
    store = open_token(READER, pin=lambda info: PIN, experimental=True)
    (place,) = store.find()
    for change in (
        lambda: store.write("x", sample.files),
        lambda: store.plan(sample.files),
        lambda: store.remove(place, whole=True),
        lambda: store.rewrite(place, sample.files, {**sample.files, "x": b""}),
        lambda: store.change_pin(PIN, "another pin"),
        lambda: store.unblock("admin", None),
    ):
        with pytest.raises(MediumError, match="not public"):
            change()


@pytest.mark.parametrize("kind", KINDS)
def test_pulled_at_any_command(in_readers: InReaders, kind: type[VirtualCard]) -> None:
    sample = samples.container()
    number = 1
    while True:
        card = kind()
        put(card, 0, sample)
        in_readers(card)
        (place,) = open_token(READER).find()
        card.pull_at(number)
        try:
            files = open_token(READER, pin=lambda info: PIN).read(place)
        except MediumError:
            number += 1
        else:
            break
    assert files == sample.files and number > 10


def test_a_long_table_comes_in_pieces(in_readers: InReaders) -> None:
    card = JacartaLt(rows_at_once=5)
    made = [samples.container(f"c{n}", with_certificate=False) for n in range(4)]
    for number, sample in enumerate(made):
        put(card, number, sample)
    in_readers(card)
    store = open_token(READER, pin=lambda info: PIN)
    assert [store.read(place) for place in store.find()] == [
        sample.files for sample in made
    ]


def test_containers_of_one_type_are_told_apart() -> None:
    # As one published trace has them: every row of type 3, a container from F6 on.
    codes = [0xF6, 0xF3, 0xF2, 0xF1, 0xF5, 0xF4]
    rows = [(index + 1, 3, code) for index, code in enumerate(codes * 2)]
    rows.insert(3, (99, 3, 0x10))
    found = group(rows)
    assert list(found) == ["0301", "0307"]
    assert found["0307"]["name.key"] == 7 and found["0301"]["masks.key"] == 4


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), max_size=60))
def test_any_table_is_grouped(rows: list[tuple[int, int, int]]) -> None:
    wanted = [row for row in rows if 0xF1 <= row[2] <= 0xF6]
    assert sum(map(len, group(rows).values())) <= len(wanted)


@pytest.mark.parametrize("pin", ["1234567890", "1", "x" * 32])
def test_the_key_of_the_pin_is_openssls(pin: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs openssl: apt-get install openssl")
    salt = bytes(range(20))
    text = pin.encode("utf-16-be") + b"\0\0"
    command = [program, "kdf", "-keylen", "24", "-kdfopt", "digest:SHA1"]
    for option in (
        f"hexpass:{text.hex()}",
        f"hexsalt:{salt.hex()}",
        "iter:999",
        "id:3",
    ):
        command += ["-kdfopt", option]
    done = subprocess.run(
        [*command, "PKCS12KDF"], capture_output=True, text=True, check=False
    )
    if done.returncode and "kdf" in done.stderr:
        pytest.skip("needs OpenSSL 3: its `openssl kdf`")
    expected = bytes.fromhex(done.stdout.strip().replace(":", ""))
    assert login_key(pin.encode(), salt) == expected


def test_the_answer_is_three_des() -> None:
    # NIST SP 800-67, the known-answer key and block of the DES sample, E-D-E with
    # three equal keys: FIPS 81 gives 3FA40E8A984D4815 for "Now is t".
    key = bytes.fromhex("0123456789ABCDEF") * 3
    assert answer_to(b"Now is t", key).hex().upper() == "3FA40E8A984D4815"


def test_a_file_of_odd_bytes_is_an_error(in_readers: InReaders) -> None:
    card = JacartaLt()
    in_readers(card)
    card._table = lambda command: b"\0\1\2"  # type: ignore[method-assign]
    with pytest.raises(MediumError, match="rows of 7"):
        list(open_token(Path(READER)).find())
