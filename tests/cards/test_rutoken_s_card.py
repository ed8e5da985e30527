"""The virtual Rutoken S: little-endian, 40 bytes a rule, T=0."""

from __future__ import annotations

from pathlib import Path

import pytest
from cards.kinds import load
from cards.rutoken_s import RutokenS

LOGIN = "0020000208" + b"12345678".hex()
# 0000 0000 0002, each element swapped.
CONTAINERS = "00A40804 06 0000 0000 0200"
# "user only, no delete" of OpenSC's profile.
USER_ONLY = "43 01010000 0000FF" + "02000000" * 2 + "00" * 20 + "00000000"
NEW_FOLDER = "00E0000038 6236 80020000 82023800 8302000A 8628" + USER_ONLY
NEW_FILE = "00E0000038 6236 80024600 82020100 8302020A 8628" + USER_ONLY


def send(card: RutokenS, command: str) -> tuple[str, int]:
    data, status = card.transmit(bytes.fromhex(command.replace(" ", "")))
    return data.hex().upper(), status


def done(card: RutokenS, *commands: str) -> str:
    data = ""
    for command in commands:
        data, status = send(card, command)
        assert status == 0x9000, (command, f"{status:04X}")
    return data


def test_it_tells_of_itself() -> None:
    card = RutokenS(serial=0x01020304)
    assert done(card, "00CA018100") == "04030201"
    assert done(card, "00CA018908") == "0020040214000000"
    assert int(done(card, "00CA018A04"), 16) == card.free
    assert send(card, "00CA010200") == ("", 0x6A88)


def test_its_label_is_read_without_a_pin() -> None:
    card = RutokenS(label="Бухгалтерия")
    done(card, "00A40804 02 0010")
    data = bytes.fromhex(done(card, "00B0000010"))
    assert data[:5] == b"TN\x03\x00\x0b" and data[5:].decode("cp1251") == "Бухгалтерия"


def test_its_rule_is_that_of_opensc() -> None:
    assert RutokenS().user_folder() == bytes.fromhex(
        "43010100000000FF" + "02000000" * 2 + "00" * 24
    )


def test_ids_and_sizes_are_swapped() -> None:
    card = RutokenS()
    done(card, LOGIN, CONTAINERS, NEW_FOLDER, NEW_FILE)
    assert list(card.containers) == [0x0A00]
    assert list(card.containers[0x0A00].children) == [0x0A02]
    told = done(card, "00A40804 0A 0000 0000 0200 000A 020A")
    assert told.startswith("623D 80024600 81026600 82020100 8302020A".replace(" ", ""))
    done(card, "00A4000002 003F")
    assert "83020000" in done(card, "00A4000000")


def test_the_rule_is_about_the_pin_that_it_names() -> None:
    card = RutokenS()
    done(card, LOGIN, CONTAINERS, NEW_FOLDER, NEW_FILE)
    done(card, "00D6000002 3022", "80400000", "0020000108" + b"87654321".hex())
    done(card, "00A40804 0A 0000 0000 0200 000A 020A")
    assert send(card, "00B0000002") == ("", 0x6982)
    done(card, "80400000", LOGIN)
    assert done(card, "00B0000002") == "3022"
    # Never to be deleted.
    assert send(card, "00E40000") == ("", 0x6982)


@pytest.mark.parametrize(
    "wrong",
    [
        NEW_FOLDER.replace("6236", "6F36"),
        NEW_FOLDER.replace("80020000 82023800", "82023800 80020000"),
        "00E000001F 621D 80020000 82023800 8302000A 860F43" + "00" * 14,
    ],
)
def test_what_the_other_family_would_send_is_refused(wrong: str) -> None:
    card = RutokenS()
    done(card, LOGIN, CONTAINERS)
    assert send(card, wrong) == ("", 0x6A80)


def test_a_wrong_pin_does_not_tell_the_tries() -> None:
    card = RutokenS()
    assert send(card, "0020000208" + "00" * 8) == ("", 0x6300)
    assert send(card, "00200002") == ("", 0x63C9)
    # In T=0 the command may come with a fifth byte.
    assert send(card, "0020000200") == ("", 0x63C9)
    assert send(card, "0020000211" + "31" * 17) == ("", 0x6700)


@pytest.mark.parametrize(
    "who", ["0108" + b"87654321".hex(), "0208" + b"12345678".hex()]
)
def test_a_new_pin_is_sent_bare(who: str) -> None:
    card = RutokenS()
    done(card, "002000" + who, "0024010206" + b"111222".hex(), "80400000")
    done(card, "0020000206" + b"111222".hex())


def test_answers_come_unasked_or_wait_as_in_t0() -> None:
    card = RutokenS()
    answer, status = card.exchange(bytes.fromhex("00A4080406000000000200"))
    assert (len(answer), status) == (0x3F, 0x9000)
    card = RutokenS(t0=True)
    assert card.exchange(bytes.fromhex("00A4080406000000000200"))[1] == 0x613F
    assert card.exchange(bytes.fromhex("00CA018100"))[1] == 0x6C04


def test_it_lives_on_in_its_file(tmp_path: Path) -> None:
    card = RutokenS()
    card.add_container(0x0A00, {"name.key": b"0"})
    card.keep_in(tmp_path / "card")
    again = load(tmp_path / "card")
    assert isinstance(again, RutokenS)
    assert again.files_of(0x0A00) == card.files_of(0x0A00)
    assert len(again.files_of(0x0A00)["name.key"]) == 300
