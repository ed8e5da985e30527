"""Containers written to Rutoken tokens, changed and removed there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from cards.readers import VirtualReaders
from cards.rutoken import RutokenEcp, RutokenEcpCard, RutokenLite
from cards.rutoken_s import RutokenS

from gostkey.containers import with_certificate, with_password
from gostkey.errors import (
    ContainerDamaged,
    ExperimentalOnly,
    GostKeyError,
    MediumError,
    PinRequired,
    TokenFull,
    TokenSwapped,
)
from gostkey.media.tokens import TokenStore, open_token
from gostkey.media.tokens.model import TokenInfo
from gostkey.media.tokens.rules import default_rules
from gostkey.media.tokens.rutoken import BIG, LITTLE

InReaders = Callable[..., VirtualReaders]

PLACE = Path("token:30DA6803/0A00")
SECOND = Path("token:30DA6803/0B00")


def give(info: TokenInfo) -> str:
    return "12345678"


def store_of(card: RutokenLite) -> TokenStore:
    return open_token("token:30DA6803", pin=give, experimental=True)


def sent(card: RutokenLite) -> list[bytes]:
    return [exchange.command for exchange in card.log]


# Token-media notes, 3.4 and 3.6: the body of CREATE as OpenSC sends it (6F, the tags
# in this order, the rule of 15 octets), the reserved sizes of CryptoPro CSP.
CREATE_FOLDER = "00E000001F 6F1D 80020000 82023800 83020A00 860F" + (
    "43 02 02 00 00 00 00 02" + "00" * 7
)
CREATE_MASKS = "00E000001F 6F1D 8002003C 82020100 83020A01 860F" + (
    "43 02 02 00 00 00 00 02" + "00" * 7
)
CREATE_NAME = "00E000001F 6F1D 8002012C 82020100 83020A06 860F" + (
    "43 00 02 00 00 00 00 02" + "00" * 7
)


def test_what_is_sent_is_what_is_known_to_be_taken(in_readers: InReaders) -> None:
    card = RutokenLite()
    in_readers(card)
    sample = samples.container()
    assert store_of(card).write(sample.name, sample.files) == PLACE
    commands = sent(card)
    created = [command for command in commands if command[1] == 0xE0]
    assert created[0] == bytes.fromhex(CREATE_FOLDER)
    assert created[1] == bytes.fromhex(CREATE_MASKS)
    assert created[-1] == bytes.fromhex(CREATE_NAME)
    numbers = [command[17:19].hex() for command in created]
    # Masks, primary, header, name last (3.6 and 8).
    assert numbers == ["0a00", "0a01", "0a02", "0a04", "0a05", "0a03", "0a06"]
    updates = [command for command in commands if command[1] == 0xD6]
    assert updates[-1][5:] == b"\xff" * 45 and updates[-2][5:].startswith(b"\x30")
    assert commands[-1] == bytes.fromhex("80400000")


def test_rutoken_s_gets_its_own_spelling(in_readers: InReaders) -> None:
    card = RutokenS(serial=0x30DA6803)
    in_readers(card)
    sample = samples.container(with_certificate=False)
    place = store_of(card).write(sample.name, sample.files)
    assert place == PLACE and store_of(card).read(place) == sample.files
    created = [command for command in sent(card) if command[1] == 0xE0]
    # Notes, 4: template 62; 80, 82, 83, 86 in this order; numbers little-endian.
    rule = default_rules(LITTLE).secret.hex()
    assert created[0].hex() == "00e0000038623680020000" + "82023800" + "8302000a" + (
        "8628" + rule
    )
    assert created[1].hex() == "00e0000038623680023c00" + "82020100" + "8302010a" + (
        "8628" + rule
    )
    # 3F00 0000/0000/0002, each number little-endian, and no 3F00.
    selected = [command for command in sent(card) if command[1] == 0xA4]
    assert selected[0].hex().startswith("00a4080008" + "000000000200" + "000a")
    numbers = list(range(0x0A00, 0x1100, 0x100))
    for _ in numbers[1:]:
        store_of(card).write(sample.name, sample.files)
    assert list(card.containers) == numbers
    with pytest.raises(TokenFull, match="all 7 places"):
        store_of(card).write(sample.name, sample.files)


def test_the_rules_of_rutoken_s_are_as_in_opensc() -> None:
    # Notes, 4: "user only, no delete" is 43 01 01 00 00 00 00 FF | 02 00 00 00 | ...
    secret = default_rules(LITTLE).secret
    assert len(secret) == 40
    assert secret.hex() == "43010100000000" + "01" + (
        "02000000" * 2 + "00000000" * 4 + "02000000" + "00000000"
    )
    assert default_rules(LITTLE).name[:8].hex() == "4300010000000001"
    assert len(default_rules(BIG).name) == 15


@pytest.mark.parametrize("kind", [RutokenLite, RutokenEcp, RutokenEcpCard, RutokenS])
@pytest.mark.parametrize("create_selects", [True, False])
@pytest.mark.parametrize("fresh", [0x00, 0xFF, 0x30])
def test_a_container_is_written_and_reads_back(
    in_readers: InReaders, kind: type[RutokenLite], create_selects: bool, fresh: int
) -> None:
    card = kind(serial=0x30DA6803, create_selects=create_selects, fresh=fresh)
    readers = in_readers(card)
    sample = samples.container()
    store = store_of(card)
    place = store.write(sample.name, sample.files)
    assert store.read(place) == sample.files
    assert list(store.find()) == [place] and store.unfinished() == []
    on_card = card.files_of(0x0A00)
    sizes = {"masks.key": 60, "primary.key": 70, "masks2.key": 60, "primary2.key": 70}
    for name, size in {**sizes, "name.key": 300}.items():
        assert on_card[name] == sample.files[name].ljust(size, b"\xff")
    assert on_card["header.key"] == sample.files["header.key"]
    assert readers.left_logged_in == 0


def test_the_next_free_slot_is_taken(in_readers: InReaders) -> None:
    card = RutokenLite()
    sample = samples.container()
    card.add_container(0x0A00, sample.files)
    card.add_container(0x0C00, sample.files)
    in_readers(card)
    store = store_of(card)
    assert store.write("x", sample.files) == SECOND
    assert store.write("x", sample.files).name == "0D00"
    with pytest.raises(MediumError, match="0A00: exists already"):
        store.write("x", sample.files, PLACE)
    settled = Path("token:30DA6803/0F00")
    assert store.write("x", sample.files, settled) == settled
    with pytest.raises(MediumError, match="0A00 to 1800"):
        store.write("x", sample.files, Path("token:30DA6803/0A01"))


def test_on_an_empty_token_writing_is_an_experiment(in_readers: InReaders) -> None:
    card = RutokenLite()
    in_readers(card)
    sample = samples.container()
    store = open_token("token:", pin=give)
    with pytest.raises(ExperimentalOnly, match="access rules.*--experimental"):
        store.write("x", sample.files)
    assert card.containers == {} and card.instructions[0x0020] == 0
    assert store.plan(sample.files).doubts


def test_the_rules_of_a_container_that_is_there_are_taken_over(
    in_readers: InReaders,
) -> None:
    card = RutokenLite()
    sample = samples.container()
    folder = card.add_container(0x0A00, sample.files)
    folder.rule = card.rule(0x43, 2, 3, 0, 0, 0, 0, 3)
    folder.children[0x0A02].rule = card.rule(0x43, 3, 2, 0, 0, 0, 0, 3)
    folder.children[0x0A06].rule = card.rule(0x43, 0, 3, 0, 0, 0, 0, 2)
    in_readers(card)
    store = open_token("token:", pin=give)
    assert store.plan(sample.files).rules_from == "0A00"
    assert store.write("x", sample.files) == SECOND
    new = card.containers[0x0B00]
    assert new.rule == folder.rule
    for number in (1, 2, 4, 5):
        assert new.children[0x0B00 + number].rule == folder.children[0x0A02].rule
    assert new.children[0x0B06].rule == folder.children[0x0A06].rule
    assert new.children[0x0B03].rule == folder.children[0x0A03].rule


def test_keys_of_512_bits_are_an_experiment_always(in_readers: InReaders) -> None:
    card = RutokenLite()
    card.add_container(0x0A00, samples.container().files)
    in_readers(card)
    large = samples.container(curve="tc26-512-a")
    with pytest.raises(ExperimentalOnly, match="512 bits"):
        open_token("token:", pin=give).write("x", large.files)
    store = store_of(card)
    assert store.read(store.write("x", large.files)) == large.files


def test_want_of_room_is_told_before_anything_is_written(
    in_readers: InReaders,
) -> None:
    sample = samples.container()
    card = RutokenLite(free=1500)
    in_readers(card)
    with pytest.raises(TokenFull, match="1500 are free") as caught:
        store_of(card).write("x", sample.files)
    assert caught.value.free == 1500
    assert caught.value.needed is not None and caught.value.needed > 1500
    assert card.instructions[0x00E0] == 0 and card.instructions[0x0020] == 0


def test_the_estimate_of_what_is_needed_is_enough(in_readers: InReaders) -> None:
    sample = samples.container()
    card = RutokenLite()
    in_readers(card)
    needed = store_of(card).plan(sample.files).needed
    before = card.free
    store_of(card).write("x", sample.files)
    assert before - card.free == needed


@pytest.mark.parametrize("free", [100, 400, 900, 1400])
def test_a_token_that_fills_up_is_as_it_was(in_readers: InReaders, free: int) -> None:
    card = RutokenLite(free=free, answers_free=False)
    in_readers(card)
    with pytest.raises(TokenFull, match="6A84") as caught:
        store_of(card).write("x", samples.container().files)
    assert card.containers == {} and card.free == free
    assert caught.value.needed is not None


def test_all_slots_taken_or_a_full_folder_is_told(in_readers: InReaders) -> None:
    sample = samples.container(with_certificate=False)
    card = RutokenLite()
    for number in range(15):
        card.add_container(0x0A00 + 0x100 * number, sample.files)
    in_readers(card)
    with pytest.raises(TokenFull, match="all 15 places"):
        store_of(card).write("x", sample.files)
    small = RutokenLite(folder_limit=4)
    in_readers(small)
    with pytest.raises(TokenFull, match="6F85"):
        store_of(small).write("x", sample.files)
    assert small.containers == {}


def test_what_could_not_be_read_back_is_not_written(in_readers: InReaders) -> None:
    card = RutokenLite()
    in_readers(card)
    files = samples.container().files
    broken = {**files, "masks.key": files["masks.key"] + b"\xff"}
    with pytest.raises(ContainerDamaged, match="masks.key"):
        store_of(card).write("x", broken)
    with pytest.raises(ContainerDamaged, match="name.key: missing"):
        store_of(card).write("x", {"header.key": files["header.key"]})
    with pytest.raises(PinRequired):
        open_token("token:", experimental=True).write("x", files)
    assert card.containers == {}


def test_a_token_whose_memory_fails_is_as_it_was(in_readers: InReaders) -> None:
    sample = samples.container()
    number = 1
    while True:
        card = RutokenLite()
        card.add_container(0x0A00, sample.files)
        before = card.files_of(0x0A00)
        in_readers(card)
        card.fail_at(number)
        try:
            store_of(card).write("x", sample.files)
        except GostKeyError:
            assert list(card.containers) == [0x0A00], number
        else:
            if number > card.count:
                break
        assert card.files_of(0x0A00) == before
        number += 1
    assert number > 40


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_token_pulled_at_any_command_keeps_what_it_had(
    in_readers: InReaders, torn: bool, swapped: bool
) -> None:
    sample, new = samples.container("old"), samples.container("new")
    number = 1
    while True:
        card, other = RutokenLite(), RutokenLite(serial=7)
        card.add_container(0x0A00, sample.files)
        other.add_container(0x0B00, sample.files)
        readers = in_readers(card)
        if swapped:
            card.swap_at(number, other, silent=torn)
        else:
            card.pull_at(number, torn=torn)
        try:
            store_of(card).write("new", new.files)
        except GostKeyError as error:
            assert isinstance(error, MediumError), error
        else:
            break
        assert list(other.containers) == [0x0B00]
        card.no_faults()
        readers.put("Virtual PCD 00 00", card)
        store = store_of(card)
        places = list(store.find())
        assert places[0] == PLACE and store.read(PLACE) == sample.files
        if places == [PLACE, SECOND]:
            # Only its answer, or what follows the name, was lost.
            assert store.read(SECOND) == new.files
        else:
            assert places == [PLACE]
            for half in store.unfinished():
                store.remove(half)
            assert list(card.containers) == [0x0A00]
        number += 1
    assert number > 40


def test_a_lost_answer_leaves_what_is_told(in_readers: InReaders) -> None:
    sample = samples.container(with_certificate=False)
    number = 1
    told = 0
    while True:
        card = RutokenLite()
        readers = in_readers(card)
        card.pull_at(number, after=True)
        try:
            store_of(card).write("new", sample.files)
        except MediumError as error:
            assert ("half-written" in str(error)) == bool(card.containers), number
            told += "half-written" in str(error)
        else:
            break
        readers.put("Virtual PCD 00 00", card)
        number += 1
    assert told > 20


def test_key_files_that_may_be_deleted_only_are(in_readers: InReaders) -> None:
    card = RutokenLite()
    folder = card.add_container(0x0A00, samples.container().files)
    folder.children[0x0A02].rule = card.rule(0x43, 2, 0xFF, 0, 0, 0, 0, 2)
    in_readers(card)
    store_of(card).remove(PLACE, whole=True)
    assert card.containers == {}


def test_a_swap_is_called_by_its_name(in_readers: InReaders) -> None:
    card, other = RutokenLite(), RutokenLite(serial=7)
    in_readers(card)
    card.swap_at(30, other, silent=True)
    with pytest.raises(TokenSwapped, match="00000007.*half-written.*0A00"):
        store_of(card).write("x", samples.container().files)
    assert other.containers == {}


def changed_header(sample: samples.Sample) -> dict[str, bytes]:
    assert sample.certificate is not None
    return with_certificate(sample.files, sample.certificate)


def test_a_header_is_replaced_by_a_switch_of_slots(in_readers: InReaders) -> None:
    sample = samples.container(with_certificate=False)
    certificate = samples.certificate_of(sample.key)
    changed = with_certificate(sample.files, certificate)
    card = RutokenLite()
    card.add_container(0x0A00, sample.files)
    in_readers(card)
    store = open_token("token:", pin=give)
    place = store.replace_header(PLACE, changed["header.key"])
    assert place == SECOND and list(store.find()) == [SECOND]
    assert store.read(place) == changed
    assert list(card.containers) == [0x0B00]
    # The same again changes nothing.
    writes = card.instructions[0x00D6]
    assert store.replace_header(place, changed["header.key"]) == place
    assert card.instructions[0x00D6] == writes


@pytest.mark.parametrize("torn", [False, True])
def test_a_change_cut_off_anywhere_leaves_the_old_or_the_new(
    in_readers: InReaders, torn: bool
) -> None:
    sample = samples.container()
    changed = with_password(sample.files, None, "secret")
    number = 1
    while True:
        card = RutokenLite()
        card.add_container(0x0A00, sample.files)
        readers = in_readers(card)
        card.pull_at(number, torn=torn)
        try:
            store_of(card).rewrite(PLACE, sample.files, changed)
        except MediumError:
            pass
        else:
            break
        card.no_faults()
        readers.put("Virtual PCD 00 00", card)
        store = store_of(card)
        whole = {place.name: store.read(place) for place in store.find()}
        assert whole in (
            {"0A00": sample.files},
            {"0A00": sample.files, "0B00": changed},
            {"0B00": changed},
        ), number
        for half in store.unfinished():
            store.remove(half)
        assert len(card.containers) == len(whole)
        number += 1
    assert list(card.containers) == [0x0B00] and number > 60


def test_what_changed_meanwhile_is_not_replaced(in_readers: InReaders) -> None:
    sample, other = samples.container(), samples.container()
    card = RutokenLite()
    card.add_container(0x0A00, sample.files)
    in_readers(card)
    with pytest.raises(MediumError, match="changed while"):
        store_of(card).rewrite(PLACE, other.files, sample.files)
    assert list(card.containers) == [0x0A00]


def test_no_room_for_both_is_told(in_readers: InReaders) -> None:
    sample = samples.container()
    card = RutokenLite()
    card.add_container(0x0A00, sample.files)
    card.capacity = card.used + 500
    in_readers(card)
    changed = with_password(sample.files, None, "secret")
    with pytest.raises(TokenFull, match="room for both"):
        store_of(card).rewrite(PLACE, sample.files, changed)
    assert store_of(card).read(PLACE) == sample.files


def test_whole_containers_are_removed_only_when_that_is_said(
    in_readers: InReaders,
) -> None:
    sample = samples.container()
    card = RutokenLite()
    folder = card.add_container(0x0A00, sample.files)
    primary = folder.children[0x0A02]
    in_readers(card)
    store = store_of(card)
    with pytest.raises(MediumError, match="a whole container"):
        store.remove(PLACE)
    assert store.read(PLACE) == sample.files
    store.remove(PLACE, whole=True)
    assert card.containers == {}
    assert primary.content == b"\xff" * 70
    with pytest.raises(GostKeyError, match="nothing is there"):
        store.remove(PLACE)


def test_a_token_that_keeps_what_is_on_it_says_so(in_readers: InReaders) -> None:
    card = RutokenLite()
    folder = card.add_container(0x0A00, samples.container().files)
    folder.children[0x0A06].rule = card.rule(0x43, 0, 2, 0, 0, 0, 0, 0xFF)
    in_readers(card)
    with pytest.raises(MediumError, match="0A06 is refused.*6982"):
        store_of(card).remove(PLACE, whole=True)


# -- how many commands it takes ----------------------------------------------


def least_commands(files: dict[str, bytes]) -> int:
    """Commands without which no container of this size is written and read back.

    A folder is made in a selected one and selected; a file is made, written in
    pieces of at most 255, selected, and read in pieces of at most 256; the user logs
    in and out.
    """
    sizes = {"masks": 60, "primary": 70, "masks2": 60, "primary2": 70, "name": 300}
    count = 3 + 2
    for name, data in files.items():
        reserved = max(len(data), sizes.get(name.removesuffix(".key"), 0))
        count += 2 + -(-reserved // 255) + -(-len(data) // 256)
    return count


@pytest.mark.parametrize("certificate", [False, True])
@pytest.mark.parametrize("others", [0, 1])
def test_writing_takes_few_commands(
    in_readers: InReaders, certificate: bool, others: int
) -> None:
    sample = samples.container(with_certificate=certificate)
    card = RutokenLite()
    for number in range(others):
        card.add_container(0x0A00 + 0x100 * number, sample.files)
    in_readers(card)
    store_of(card).write("x", sample.files)
    assert card.count <= 1.3 * least_commands(sample.files)
