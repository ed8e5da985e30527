"""Containers copied to tokens, from them, and backed up: with few commands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest
import samples
from cards.readers import VirtualReaders
from cards.rutoken import RutokenEcp, RutokenEcpCard, RutokenLite
from cards.rutoken_s import RutokenS

from gostkey.errors import GostKeyError, MediumError, TokenBusy, TokenSwapped
from gostkey.media import TokenUse, collect, copy_container, read_container
from gostkey.media.tokens import TokenInfo, open_token, sessions

InReaders = Callable[..., VirtualReaders]

KINDS = [RutokenLite, RutokenEcp, RutokenEcpCard, RutokenS]
SERIAL = 0x30DA6803
ON_TOKEN = Path("token:30DA6803/0A00")


def give(info: TokenInfo) -> str:
    return "12345678"


TOKENS = TokenUse(pin=give, experimental=True)

RESERVED = {
    "masks.key": 60,
    "primary.key": 70,
    "masks2.key": 60,
    "primary2.key": 70,
    "name.key": 300,
}


def pieces(length: int, most: int) -> int:
    return -(-length // most)


def least_to_read(files: dict[str, bytes]) -> int:
    """Every file is selected and read in pieces of 256; the user logs in and out."""
    return 2 + sum(1 + pieces(len(data), 256) for data in files.values())


def least_to_write(files: dict[str, bytes]) -> int:
    """Folder and files are made, written in pieces of 255, and read back.

    A folder is made in one that is selected, and is selected for its files.
    """
    made = 3 + len(files)
    written = sum(
        pieces(max(len(data), RESERVED.get(name, 0)), 255)
        for name, data in files.items()
    )
    return made + written + least_to_read(files)


def commands(card: RutokenLite) -> int:
    """Count the commands without what the wire of T=0 needs besides.

    There an answer is fetched with a command of its own, and one with another length
    than the right one is sent again.
    """
    fetched = sum(exchange.command[1] == 0xC0 for exchange in card.log)
    again = sum((exchange.status or 0) >> 8 == 0x6C for exchange in card.log)
    return card.count - fetched - again


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("certificate", [False, True])
def test_a_copy_to_a_token_takes_few_commands(
    in_readers: InReaders,
    tmp_path: Path,
    kind: type[RutokenLite],
    others: int,
    certificate: bool,
) -> None:
    sample = samples.container(with_certificate=certificate)
    source = sample.write(tmp_path / "source.000")
    card = kind(serial=SERIAL)
    for number in range(others):
        card.add_container(0x0A00 + 0x100 * number, sample.files)
    in_readers(card)
    copied = copy_container(source, "token:30DA6803", tokens=TOKENS)
    assert copied.place == Path(f"token:30DA6803/0{'AB'[others]}00")
    assert copied.compared == "keys"
    assert commands(card) <= 1.3 * least_to_write(sample.files)
    assert open_token("token:", pin=give).read(copied.place) == sample.files


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("certificate", [False, True])
def test_a_copy_from_a_token_takes_few_commands(
    in_readers: InReaders, tmp_path: Path, kind: type[RutokenLite], certificate: bool
) -> None:
    sample = samples.container(with_certificate=certificate)
    card = kind(serial=SERIAL)
    card.add_container(0x0A00, sample.files)
    in_readers(card)
    copied = copy_container(ON_TOKEN, tmp_path, tokens=TOKENS)
    assert read_container(copied.place) == sample.files
    # Least of all it is asked who it is, and how many tries are left.
    assert commands(card) <= 1.3 * (least_to_read(sample.files) + 2)


def test_from_token_to_token_and_to_the_same_one(in_readers: InReaders) -> None:
    sample = samples.container("Иванов")
    one, other = RutokenLite(), RutokenS(serial=0xAB)
    one.add_container(0x0A00, sample.files)
    readers = in_readers(one, other)
    for source, destination in (
        ("token:30DA6803/Иванов", "token:000000AB"),
        (ON_TOKEN, "token:30DA6803"),
        ("token:Virtual PCD 00 01/0A00", "token:Virtual PCD 00 00"),
    ):
        place = copy_container(source, destination, tokens=TOKENS).place
        assert open_token(place, pin=give).read(place) == sample.files
    assert list(one.containers) == [0x0A00, 0x0B00, 0x0C00]
    assert list(other.containers) == [0x0A00]
    assert readers.left_logged_in == 0


def test_a_copy_gets_another_name(in_readers: InReaders) -> None:
    card = RutokenLite()
    card.add_container(0x0A00, samples.container("old").files)
    in_readers(card)
    place = copy_container(
        ON_TOKEN, "token:30DA6803", name="Новое имя", tokens=TOKENS
    ).place
    found = list(open_token("token:30DA6803/Новое имя").find())
    assert found == [place]


@pytest.mark.parametrize("silent", [False, True])
def test_a_swap_during_a_copy_is_told(
    in_readers: InReaders, tmp_path: Path, silent: bool
) -> None:
    """At any command; the old container stays, the other token is left alone."""
    sample = samples.container()
    number = 1
    while True:
        card, other = RutokenLite(), RutokenLite(serial=7)
        card.add_container(0x0A00, sample.files)
        other.add_container(0x0A00, sample.files)
        in_readers(card)
        card.swap_at(number, other, silent=silent)
        try:
            copy_container(ON_TOKEN, "token:30DA6803", name="copy", tokens=TOKENS)
        except GostKeyError as error:
            assert isinstance(error, MediumError)
        else:
            break
        card.no_faults()
        card.insert()
        assert list(other.containers) == [0x0A00]
        number += 1
    assert number > 50


def test_the_source_swapped_under_a_copy_is_told(
    in_readers: InReaders, tmp_path: Path
) -> None:
    sample = samples.container(with_certificate=False)
    card = RutokenLite()
    card.add_container(0x0A00, sample.files)
    in_readers(card)
    copy_container(ON_TOKEN, tmp_path, tokens=TOKENS)
    commands = card.count
    card.swap_at(commands - 1, RutokenLite(serial=7), silent=True)
    with pytest.raises(TokenSwapped, match="00000007"):
        copy_container(ON_TOKEN, tmp_path, tokens=TOKENS)


def test_a_token_is_backed_up(in_readers: InReaders) -> None:
    first, second = samples.container("Иванов"), samples.container("b")
    card = RutokenEcp()
    card.add_container(0x0A00, first.files)
    card.add_container(0x0C00, second.files)
    half = {name: data for name, data in first.files.items() if name != "name.key"}
    card.add_container(0x0D00, half)
    in_readers(card)
    made = datetime(2026, 11, 27, tzinfo=timezone.utc)
    backup = collect("token:30DA6803", made, TOKENS)
    assert [one.files for one in backup.containers] == [first.files, second.files]
    assert [one.name for one in backup.containers] == ["Иванов", "b"]
    ((_, why),) = backup.missing
    assert "0D00" in why and "half-written" in why


def test_threads_take_turns_at_a_token(in_readers: InReaders, tmp_path: Path) -> None:
    made = [samples.container(f"c{n}", with_certificate=False) for n in range(8)]
    sources = [sample.write(tmp_path / f"c{n}.000") for n, sample in enumerate(made)]
    card = RutokenLite()
    in_readers(card)
    with ThreadPoolExecutor(4) as pool:
        copies = list(
            pool.map(
                lambda source: copy_container(source, "token:", tokens=TOKENS), sources
            )
        )
    assert len({copied.place for copied in copies}) == len(made)
    with open_token("token:", pin=give) as store:
        for copied, sample in zip(copies, made, strict=True):
            assert store.read(copied.place) == sample.files


def test_two_threads_that_wait_for_each_other_do_not_wait_for_ever(
    in_readers: InReaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LONGEST_TURN_SECONDS", 0.2)
    in_readers(RutokenLite(serial=1), RutokenLite(serial=2))
    both = threading.Barrier(2)

    def hold(first: str, second: str) -> str:
        with open_token(f"token:{first}"):
            both.wait(10)
            try:
                return open_token(f"token:Virtual PCD 00 0{second}").identity
            except TokenBusy:
                return "busy"

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(hold, "1", "1"), pool.submit(hold, "2", "0")]
        assert "busy" in [future.result(30) for future in futures]
