"""Containers that gostkey writes to virtual tokens, seen with other eyes.

What is on a card is compared with what was to be written byte by byte, without the
driver; names are read back by a reader of a few lines.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from cards.card import VirtualCard
from cards.readers import VirtualReaders
from cards.rutoken import FILES, RutokenEcp, RutokenEcpCard, RutokenLite
from cards.rutoken_s import RutokenS

from gostkey.errors import ContainerError, GostKeyError, MediumError, TokenFull
from gostkey.media import FolderStore
from gostkey.media.copying import copy_container
from gostkey.media.token_use import TokenUse
from gostkey.media.tokens import TokenInfo, TokenStore, list_tokens, open_token

InReaders = Callable[..., VirtualReaders]
RUTOKENS = [RutokenLite, RutokenEcp, RutokenEcpCard, RutokenS]


def store(address: str = "token:") -> TokenStore:
    def pin(info: TokenInfo) -> str:
        return "12345678"

    return open_token(address, pin=pin, experimental=True)


def name_on(card: RutokenLite, fid: int) -> str:
    """The name in a container's name file: 30 L 16 l and the text in cp1251."""
    content = card.files_of(fid)["name.key"]
    assert content[0] == 0x30
    at = 2 if content[1] < 0x80 else 2 + (content[1] & 0x7F)
    assert content[at] == 0x16
    length, at = content[at + 1], at + 2
    if length >= 0x80:
        length, at = content[at], at + 1
    return content[at : at + length].decode("cp1251")


def check_files(card: RutokenLite, fid: int, files: dict[str, bytes]) -> None:
    """Each file holds its bytes, and FF from there to its end, at its least size."""
    found = card.files_of(fid)
    assert found.keys() == files.keys()
    for name, content in found.items():
        data = files[name]
        assert content[: len(data)] == data, name
        assert content[len(data) :] == b"\xff" * (len(content) - len(data)), name
        assert len(content) == max(len(data), FILES[name][1]), name


# -- what is written ----------


@pytest.mark.parametrize("kind", RUTOKENS)
@pytest.mark.parametrize("fresh", [0x00, 0xFF])
def test_all_bytes_are_there_and_nothing_else(
    in_readers: InReaders, kind: type[RutokenLite], fresh: int
) -> None:
    card = kind(fresh=fresh)
    readers = in_readers(card)
    sample = samples.container()
    before = {node.fid for node in card.root.walk()} if card.root else set()
    place = store().write(sample.name, sample.files)
    assert str(place).endswith("/0A00")
    check_files(card, 0x0A00, sample.files)
    added = {node.fid for node in card.root.walk()} - before if card.root else set()
    assert added == {0x0A00, *(0x0A00 | number for number, _ in FILES.values())}
    assert card.logged_in is None and readers.left_logged_in == 0
    assert all(pin.left == pin.tries for pin in card.pins.values())


@pytest.mark.parametrize("kind", RUTOKENS)
def test_its_rights_are_those_of_the_notes(
    in_readers: InReaders, kind: type[RutokenLite]
) -> None:
    card = kind()
    in_readers(card)
    store().write("sample", samples.container().files)
    folder = card.containers[0x0A00]
    assert folder.rule == kind.user_folder(deletable=True)
    for name, (number, _) in FILES.items():
        readable = name in ("header.key", "name.key")
        assert folder.children[0x0A00 | number].rule == kind.user_file(
            readable=readable
        )


def test_no_pin_is_in_what_was_recorded(in_readers: InReaders) -> None:
    card = RutokenLite()
    in_readers(card)
    token = store()
    token.write("sample", samples.container().files)
    token.change_pin("12345678", "a new one")
    record = b"".join(one.command for one in card.log)
    assert b"1234" not in record and b"new" not in record
    assert card.pins[2].value == "a new one"


# -- names ----------


@pytest.mark.parametrize(
    "name",
    [
        "Иванов Иван Иванович",
        "ООО «Ромашка» № 1",
        "x" * 127,
        "Я" * 128,
        "Щ" * 255,
        "/../../0B00",
        "a\\b:c*?",
    ],
)
def test_names_that_a_token_can_have(in_readers: InReaders, name: str) -> None:
    card = RutokenLite()
    in_readers(card)
    try:
        sample = samples.container(name)
    except ContainerError as error:
        # Longer than a container's name may be at all; said before any card is asked.
        assert len(name) > 127 and "name" in str(error)
        return
    token = store()
    place = token.write(name, sample.files)
    check_files(card, 0x0A00, sample.files)
    assert name_on(card, 0x0A00) == name
    assert [str(one) for one in token.find()] == [str(place)]
    assert token.read(place) == sample.files


@pytest.mark.parametrize("name", ["日本", "key \U0001f511"])
def test_a_name_that_a_token_cannot_have_is_refused_before_anything_is_written(
    in_readers: InReaders, tmp_path: Path, name: str
) -> None:
    card = RutokenLite()
    in_readers(card)
    source = samples.container().write(tmp_path / "sample.000")
    with pytest.raises(GostKeyError):
        copy_container(source, store(), name=name)
    assert card.containers == {}


# -- two tokens ----------


def test_two_tokens_of_one_label_are_told_apart_by_their_numbers(
    in_readers: InReaders,
) -> None:
    first = RutokenS(label="Бухгалтерия", serial=0x0A0B0C0D)
    second = RutokenS(label="Бухгалтерия", serial=0x01020304)
    in_readers(first, second)
    found = list_tokens().tokens
    assert [one.serial for one in found] == ["0A0B0C0D", "01020304"]
    assert found[0].label == found[1].label
    sample = samples.container()
    store("token:01020304").write("sample", sample.files)
    assert first.containers == {} and list(second.containers) == [0x0A00]
    with pytest.raises(MediumError):
        store("token:Бухгалтерия").write("sample", sample.files)
    with pytest.raises(MediumError, match="0A0B0C0D|01020304"):
        store("token:").write("sample", sample.files)
    assert first.containers == {} and len(second.containers) == 1


def test_a_token_is_also_named_by_its_reader(in_readers: InReaders) -> None:
    first, second = RutokenLite(serial=1), RutokenLite(serial=2)
    in_readers(first, second)
    sample = samples.container()
    store("token:Virtual PCD 00 01").write("sample", sample.files)
    assert first.containers == {} and list(second.containers) == [0x0A00]


# -- faults of a copy from one token to another ----------


def lite_to_ecp(
    in_readers: InReaders,
) -> tuple[RutokenLite, RutokenEcp, dict[str, bytes]]:
    source, target = RutokenLite(serial=1), RutokenEcp(serial=2)
    files = samples.container().files
    source.add_container(0x0A00, files)
    target.add_container(0x0A00, samples.container("of another").files)
    in_readers(source, target)
    return source, target, files


def copy_to_ecp() -> Path:
    use = TokenUse(pin=lambda info: "12345678", experimental=True)
    return copy_container(
        "token:00000001/0A00", store("token:00000002"), tokens=use
    ).place


def commands_of_copy(in_readers: InReaders) -> tuple[int, int]:
    source, target, files = lite_to_ecp(in_readers)
    copy_to_ecp()
    check_files(target, 0x0B00, files)
    return source.count, target.count


@pytest.mark.parametrize("which", ["source", "target"])
@pytest.mark.parametrize("after", [False, True])
def test_a_token_pulled_at_any_command_of_a_copy(
    in_readers: InReaders, which: str, after: bool
) -> None:
    counts = dict(zip(("source", "target"), commands_of_copy(in_readers), strict=True))
    for number in range(1, counts[which] + 1):
        source, target, files = lite_to_ecp(in_readers)
        before = source.state(), target.files_of(0x0A00)
        pulled: VirtualCard = source if which == "source" else target
        pulled.pull_at(number, after=after)
        try:
            copy_to_ecp()
        except GostKeyError as error:
            assert "12345678" not in str(error)
        else:
            # Only the logout, or the last look at the source, was lost.
            check_files(target, 0x0B00, files)
        pulled.insert()
        assert source.state() == before[0], number
        assert target.files_of(0x0A00) == before[1], number
        # What there is of the copy is whole, or it is known for half of one.
        token = store("token:00000002")
        left = [str(one)[-4:] for one in token.unfinished()]
        whole = [str(one)[-4:] for one in token.find()]
        assert sorted(left + whole) == [f"{fid:04X}" for fid in target.containers]
        for slot in set(whole) - {"0A00"}:
            check_files(target, int(slot, 16), files)
        for one in token.unfinished():
            token.remove(one)
        again = copy_to_ecp()
        check_files(target, int(str(again)[-4:], 16), files)
        assert len(target.containers) <= 3


@pytest.mark.parametrize("torn", [False, True])
def test_memory_that_fails_at_any_command_of_a_copy(
    in_readers: InReaders, torn: bool
) -> None:
    _, count = commands_of_copy(in_readers)
    for number in range(1, count + 1):
        source, target, files = lite_to_ecp(in_readers)
        before = target.files_of(0x0A00)
        target.fail_at(number, torn=torn)
        try:
            copy_to_ecp()
        except GostKeyError as error:
            assert "12345678" not in str(error)
        else:
            check_files(target, 0x0B00, files)
            continue
        assert target.files_of(0x0A00) == before
        # Nobody pulled it: what was begun could be removed at once, or is known.
        token = store("token:00000002")
        left = token.unfinished()
        for slot in set(target.containers) - {0x0A00}:
            if not any(str(one).endswith(f"{slot:04X}") for one in left):
                check_files(target, slot, files)
        for one in left:
            token.remove(one)
        check_files(target, int(str(copy_to_ecp())[-4:], 16), files)


@pytest.mark.parametrize("silent", [False, True])
def test_a_token_swapped_at_any_command_of_a_copy(
    in_readers: InReaders, silent: bool
) -> None:
    _, count = commands_of_copy(in_readers)
    for number in range(1, count + 1):
        source, target, files = lite_to_ecp(in_readers)
        stranger = RutokenEcp(serial=3)
        stranger.add_container(0x0A00, samples.container("a stranger's").files)
        as_it_was = stranger.root.state() if stranger.root else None
        before = target.files_of(0x0A00)
        target.swap_at(number, stranger, silent=silent)
        try:
            copy_to_ecp()
        except GostKeyError as error:
            assert "12345678" not in str(error)
        else:
            assert 0x0B00 in target.containers
        # Nobody wrote to the stranger, and nobody logged in to it.
        assert stranger.root is not None and stranger.root.state() == as_it_was
        assert target.files_of(0x0A00) == before


@pytest.mark.parametrize("free", range(0, 3000, 250))
def test_a_token_without_room_stays_as_it_was(
    in_readers: InReaders, tmp_path: Path, free: int
) -> None:
    card = RutokenLite()
    card.add_container(0x0A00, samples.container("there").files)
    card.capacity = card.used + free
    in_readers(card)
    files = samples.container().files
    needed = 32 + sum(max(len(files[one]), FILES[one][1]) + 32 for one in files)
    before = card.root.state() if card.root else None
    source = samples.write(tmp_path / "sample.000", files)
    if free >= needed + 512:
        copy_container(source, store())
        check_files(card, 0x0B00, files)
        return
    try:
        copy_container(source, store())
    except TokenFull as error:
        assert error.free == free and error.needed is not None
        assert card.root is not None and card.root.state() == before
    else:
        # It was enough after all.
        assert free >= needed
        check_files(card, 0x0B00, files)


def test_what_a_token_does_not_tell_it_shows_by_refusing(
    in_readers: InReaders, tmp_path: Path
) -> None:
    card = RutokenLite(answers_free=False)
    card.capacity = card.used + 600
    in_readers(card)
    before = card.root.state() if card.root else None
    source = samples.container().write(tmp_path / "sample.000")
    with pytest.raises(TokenFull):
        copy_container(source, store())
    assert card.root is not None and card.root.state() == before


def test_a_copy_back_into_a_folder_is_the_same(
    in_readers: InReaders, tmp_path: Path
) -> None:
    in_readers(RutokenS())
    sample = samples.container("Иванов Иван", password="a password")
    source = sample.write(tmp_path / "ivanov.000")
    place = copy_container(source, store(), password="a password").place
    use = TokenUse(pin=lambda info: "12345678")
    (tmp_path / "back").mkdir()
    back = copy_container(
        str(place), FolderStore(tmp_path / "back"), password="a password", tokens=use
    )
    assert samples.read(back.place) == sample.files
