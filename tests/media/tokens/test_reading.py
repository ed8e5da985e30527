"""Containers on Rutoken tokens: who the token is, what is on it, reading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import samples
from cards.readers import VirtualReaders
from cards.rutoken import RutokenEcp, RutokenEcpCard, RutokenLite
from cards.rutoken_s import RutokenS
from hypothesis import given
from hypothesis import strategies as st

from gostkey.containers import Container
from gostkey.errors import (
    ContainerError,
    MediumError,
    PinRequired,
    TokenAbsent,
    TokenAmbiguous,
    TokenSwapped,
    TokenUnknown,
)
from gostkey.media.tokens import (
    PinState,
    TokenStore,
    is_token_address,
    list_tokens,
    open_token,
    split_address,
)
from gostkey.media.tokens.atrs import identify
from gostkey.media.tokens.model import TokenInfo
from gostkey.media.tokens.rutoken import BIG, Rutoken
from gostkey.media.tokens.tlv import object_length, read_tlv

InReaders = Callable[..., VirtualReaders]


class RutokenSOfThatNumber(RutokenS):
    """A Rutoken S of the number that the others have."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"serial": 0x30DA6803, **options})


KINDS: list[type[RutokenLite]] = [
    RutokenLite,
    RutokenEcp,
    RutokenEcpCard,
    RutokenSOfThatNumber,
]
PIN = "12345678"
PLACE = Path("token:30DA6803/0A00")


def give(info: TokenInfo) -> str:
    return PIN


def token_with(*containers: samples.Sample, kind: type[RutokenLite]) -> RutokenLite:
    card = kind()
    for number, sample in enumerate(containers):
        card.add_container(0x0A00 + 0x100 * number, sample.files)
    return card


def test_addresses_survive_being_paths() -> None:
    for text in ("token:30DA6803/0A00", "token:", "TOKEN:Reader 00 00/Иванов"):
        assert is_token_address(text) and is_token_address(Path(text))
        assert split_address(Path(text)) == split_address(text)
    assert split_address("token:30DA6803/a/b") == ("30DA6803", "a/b")
    for text in ("/media/token:1", "tokens", "", "C:\\token"):
        assert not is_token_address(text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_tells_who_it_is(
    in_readers: InReaders, kind: type[RutokenLite]
) -> None:
    card = kind(tries=7)
    card.add_container(0x0B00, samples.container().files)
    in_readers(None, card)
    found = list_tokens()
    assert found.problems == ()
    (info,) = found.tokens
    is_s = issubclass(kind, RutokenS)
    # A Rutoken S is not asked for the least length of its PINs.
    pin = PinState(7) if is_s else PinState(7, 7, 6)
    slots = 7 if is_s else 15
    firmware = {RutokenLite: "8.0", RutokenSOfThatNumber: "20.0"}.get(kind, "30.02")
    assert info == TokenInfo(
        address="token:30DA6803",
        reader="Virtual PCD 00 01",
        atr=kind.ATR,
        family="rutoken-s" if is_s else "rutoken",
        model=identify(kind.ATR).model,
        serial="30DA6803",
        firmware=firmware,
        memory_total=kind.MEMORY,
        memory_free=card.free,
        user_pin=pin,
        admin_pin=pin,
        slots_total=slots,
        slots_free=slots - 1,
    )


def test_what_a_token_does_not_tell_is_not_told(in_readers: InReaders) -> None:
    in_readers(RutokenLite(answers_free=False))
    (info,) = list_tokens().tokens
    assert info.memory_free is None
    with pytest.raises(MediumError, match="does not tell"):
        open_token("token:").free_space()


def test_a_card_that_is_no_token_is_named(in_readers: InReaders) -> None:
    class Esmart(RutokenLite):
        ATR = bytes.fromhex("3B7C95000045534D415254474F53543130")

    class Bank(RutokenLite):
        ATR = bytes.fromhex("3B6500002063CB6A00")

    in_readers(Esmart(), Bank())
    found = list_tokens()
    assert [info.model for info in found.tokens] == [
        "ESMART Token GOST",
        "unknown card",
    ]
    assert [type(one) for one in found.problems] == [TokenUnknown, TokenUnknown]
    assert "3B6500002063CB6A00" in str(found.problems[1])
    with pytest.raises(TokenUnknown, match="ESMART"):
        list(open_token("token:").find())


def test_a_token_is_found_by_number_reader_or_alone(in_readers: InReaders) -> None:
    one, other = RutokenLite(), RutokenEcp(serial=0xAB)
    in_readers(one, other)
    for address in (
        "token:000000AB",
        "token:ab",
        "token:0xAB",
        "token:171",
        "token:Virtual PCD 00 01",
    ):
        assert open_token(address).identity == "token:000000AB"
    with pytest.raises(TokenAmbiguous, match="token:30DA6803 .*, token:000000AB .*ECP"):
        list(open_token("token:").find())
    with pytest.raises(TokenAbsent, match="token:30DA6803"):
        list(open_token("token:99").find())


def test_without_readers_or_tokens_that_is_said(in_readers: InReaders) -> None:
    in_readers()
    assert list_tokens() == type(list_tokens())((), ())
    with pytest.raises(TokenAbsent, match="no reader has one"):
        list(open_token("token:").find())


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_headers_are_read_without_a_pin(
    in_readers: InReaders, kind: type[RutokenLite]
) -> None:
    first = samples.container("Иванов Иван")
    second = samples.container("second", with_certificate=False)
    card = token_with(first, second, kind=kind)
    in_readers(card)
    store = open_token("token:")
    places = list(store.find())
    assert places == [PLACE, Path("token:30DA6803/0B00")]
    for place, sample in zip(places, (first, second), strict=True):
        public = store.read_public(place)
        assert public == {
            name: sample.files[name] for name in ("name.key", "header.key")
        }
        assert Container.parse(public).name == sample.name
    assert card.instructions[0x0020] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_rest_is_read_with_the_pin(
    in_readers: InReaders, kind: type[RutokenLite]
) -> None:
    sample = samples.container()
    card = token_with(sample, kind=kind)
    readers = in_readers(card)
    asked: list[TokenInfo] = []

    def pin(info: TokenInfo) -> str:
        asked.append(info)
        return PIN

    store = open_token("token:30da6803", pin=pin)
    assert store.read(PLACE) == sample.files
    (info,) = asked
    assert (info.address, info.user_pin.tries_left) == ("token:30DA6803", 10)
    assert readers.left_logged_in == 0
    with pytest.raises(PinRequired, match="token:30DA6803"):
        open_token("token:").read(PLACE)


def test_a_header_that_needs_the_pin_is_read_with_it(in_readers: InReaders) -> None:
    # Whether CryptoPro CSP closes header.key on some token is not known.
    sample = samples.container()
    card = RutokenLite()
    folder = card.add_container(0x0A00, sample.files)
    folder.children[0x0A03].rule = card.user_file()
    in_readers(card)
    assert list(open_token("token:").find()) == [PLACE]
    with pytest.raises(PinRequired):
        open_token("token:").read_public(PLACE)
    store = open_token("token:", pin=give)
    assert store.read_public(PLACE)["header.key"] == sample.files["header.key"]
    assert store.read(PLACE) == sample.files


def test_a_container_is_found_by_its_name(in_readers: InReaders) -> None:
    first, second = samples.container("Иванов"), samples.container("a.b")
    in_readers(token_with(first, second, kind=RutokenLite))
    for name, place in (("Иванов", "0A00"), ("иванов", "0A00"), ("0b00", "0B00")):
        store = open_token(Path(f"token:30DA6803/{name}"), pin=give)
        assert [one.name for one in store.find()] == [place]
        assert store.read(Path(f"token:30DA6803/{name}"))
    with pytest.raises(ContainerError, match=r"0A00 \(Иванов\)"):
        open_token("token:").read(Path("token:/Петров"))
    with pytest.raises(ContainerError, match="no container there"):
        open_token("token:").read(Path("token:/0C00"))


def test_two_of_one_name_are_told_apart_by_slot(in_readers: InReaders) -> None:
    sample = samples.container("same")
    in_readers(token_with(sample, sample, kind=RutokenLite))
    with pytest.raises(ContainerError, match="2 containers"):
        open_token("token:").read_public(Path("token:/same"))
    assert open_token("token:").read_public(Path("token:/0B00"))


def test_files_are_cut_where_their_object_ends(in_readers: InReaders) -> None:
    sample = samples.container("x" * 250)
    card = token_with(sample, kind=RutokenLite)
    assert len(card.files_of(0x0A00)["name.key"]) == 300
    in_readers(card)
    assert open_token("token:", pin=give).read(PLACE) == sample.files


@pytest.mark.parametrize("lacks", ["name.key", "header.key"])
def test_half_a_container_is_told_and_not_listed(
    in_readers: InReaders, lacks: str
) -> None:
    sample = samples.container()
    half = {name: data for name, data in sample.files.items() if name != lacks}
    card = RutokenLite()
    card.add_container(0x0A00, half)
    card.add_container(0x0B00, {**sample.files, lacks: b""})
    card.add_container(0x0C00, sample.files)
    in_readers(card)
    faults: list[MediumError] = []
    store = open_token("token:")
    assert [place.name for place in store.find(faults)] == ["0C00"]
    assert [place.name for place in store.unfinished()] == ["0A00", "0B00"]
    assert len(faults) == 2 and all(f"{lacks}" in str(one) for one in faults)


def test_a_token_without_the_folder_is_told(in_readers: InReaders) -> None:
    card = RutokenLite()
    assert card.root is not None
    del card.root.children[0x1000]
    in_readers(card)
    with pytest.raises(MediumError, match="1000/1003.*formatted"):
        list(open_token("token:").find())
    (info,) = list_tokens().tokens
    assert info.slots_total is None


def test_a_token_pulled_at_any_command_is_told(in_readers: InReaders) -> None:
    sample = samples.container()
    number = 1
    while True:
        card = token_with(sample, kind=RutokenLite)
        in_readers(card)
        card.pull_at(number)
        try:
            files = TokenStore("token:", pin=give).read(PLACE)
        except MediumError as error:
            assert "Virtual PCD" in str(error)
        else:
            break
        number += 1
    assert files == sample.files and number > 15


def test_a_session_reads_each_file_once(in_readers: InReaders) -> None:
    sample = samples.container()
    card = token_with(sample, kind=RutokenLite)
    in_readers(card)
    with open_token("token:", pin=give) as store:
        before = store.read_own(PLACE)
        reads = card.instructions[0x00B0]
        assert store.read_own(PLACE) == before
        assert card.instructions[0x00B0] == reads
        card.serial = 1
        with pytest.raises(MediumError, match="another token"):
            store.read_own(PLACE)


class Talker:
    """A card that says anything."""

    reader = "reader"
    atr = RutokenLite.ATR

    def __init__(self, answers: list[tuple[bytes, int]]) -> None:
        self.answers = answers

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        return self.answers.pop() if self.answers else (b"", 0x6A82)


answers = st.tuples(
    st.binary(max_size=256), st.sampled_from([0x9000, 0x9000, 0x9000, 0x6A82, 0x6282])
)


@given(st.lists(answers, max_size=40))
def test_whatever_a_card_says_is_a_file_or_an_error(
    said: list[tuple[bytes, int]],
) -> None:
    token = Rutoken(Talker(said), BIG, "Rutoken")
    token.logged_in = "user"
    try:
        data = token.read_file("0A00", "header.key")
    except MediumError:
        return
    assert data is None or len(data) < 1 << 15


@given(st.binary(max_size=300))
def test_any_bytes_are_elements_or_none(data: bytes) -> None:
    assert all(value in data for value in read_tlv(data).values())
    length = object_length(data)
    assert length is None or length >= 2


def test_tokens_with_one_serial_number_are_told_apart_by_their_readers(
    in_readers: InReaders,
) -> None:
    first, second = RutokenLite(), RutokenEcp(serial=0x30DA6803)
    files = {name: samples.container(name).files for name in ("first", "second")}
    first.add_container(0x0A00, files["first"])
    second.add_container(0x0A00, files["second"])
    in_readers(first, second, RutokenLite(serial=0xAB))
    readers = ["token:Virtual PCD 00 00", "token:Virtual PCD 00 01"]
    for address in ("token:30DA6803", "token:0x30da6803/0A00"):
        with pytest.raises(TokenAmbiguous) as caught:
            list(open_token(address).find())
        for reader in readers:
            assert f'"{reader}"' in str(caught.value)
    for reader, name in zip(readers, ("first", "second"), strict=True):
        store = open_token(reader, pin=give)
        # Every address that is told leads back to this token and no other.
        (place,) = store.find()
        assert store.identity == reader and str(place) == f"{reader}/0A00"
        assert store.info.address == reader
        assert store.read(place) == open_token(place, pin=give).read(place)
        assert store.read(place) == files[name]
    assert [one.address for one in list_tokens().tokens] == [*readers, "token:000000AB"]
    assert list(open_token("token:AB").find()) == []


def test_the_other_one_of_two_twins_is_not_taken_for_the_first(
    in_readers: InReaders,
) -> None:
    cards = [RutokenLite(), RutokenLite(), RutokenLite(serial=0xAB)]
    readers = in_readers(*cards)
    store = open_token("token:Virtual PCD 00 00")
    assert store.identity == "token:Virtual PCD 00 00"
    readers.put("Virtual PCD 00 00", cards[2])
    with pytest.raises(TokenSwapped, match="another token"):
        list(store.find())
