"""The virtual Rutoken Lite and ECP answer as the notes on the real ones say.

Expected bytes are those that were seen on the wire: answers of real tokens in
public traces, and what OpenSC 0.23 sends.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cards.card import CardGone
from cards.kinds import load
from cards.rutoken import RutokenEcp, RutokenEcpCard, RutokenLite

USER_PIN = b"12345678".hex()
LOGIN = "0020000208" + USER_PIN
LOGIN_ADMIN = "0020000108" + b"87654321".hex()
# What OpenSC 0.23 sends for a folder 0B00, and in it a file of 70 bytes.
NEW_FOLDER = "00E000001F 6F1D 80020000 82023800 83020B00 860F43" + "00" * 14
NEW_FILE = "00E000001F 6F1D 80020046 82020100 83020B02 860F43" + "00" * 14
CONTAINERS = "00A40804 04 1000 1003 00"


def send(card: RutokenLite, command: str) -> tuple[str, int]:
    data, status = card.transmit(bytes.fromhex(command.replace(" ", "")))
    return data.hex().upper(), status


def done(card: RutokenLite, *commands: str) -> str:
    """Send commands that must all succeed; the data of the last one."""
    data = ""
    for command in commands:
        data, status = send(card, command)
        assert status == 0x9000, (command, f"{status:04X}")
    return data


@pytest.fixture(params=[False, True], ids=["T=1", "T=0"])
def card(request: pytest.FixtureRequest) -> RutokenLite:
    return RutokenLite(t0=request.param)


@pytest.fixture
def full(card: RutokenLite) -> RutokenLite:
    """One with a container, and nobody logged in."""
    card.add_container(0x0A00, {"masks.key": b"\x30\x36" * 28, "name.key": b"0"})
    return card


# -- who it is ----------


def test_it_tells_of_itself_what_a_traced_one_told(card: RutokenLite) -> None:
    assert done(card, "00CA018100") == "0000000030DA6803"
    assert done(card, "00CA01890C") == "023308010800020800020000"
    # Minimum 6, 10 of 10 tries left; 36 bytes in all.
    told = done(card, "00CA010200")
    assert told.startswith("62248506010600AA0000860F")
    assert len(told) == 2 * (2 + 0x24)


def test_free_memory_is_what_files_leave(card: RutokenLite) -> None:
    before = int(done(card, "00CA018A04"), 16)
    done(card, LOGIN, CONTAINERS, NEW_FOLDER, NEW_FILE)
    # A file takes 32 bytes more than it holds.
    assert before - int(done(card, "00CA018A04"), 16) == 32 + 70 + 32


def test_one_that_does_not_tell_its_free_memory() -> None:
    card = RutokenLite(answers_free=False)
    assert send(card, "00CA018A04") == ("", 0x6A88)


def test_ecp_is_another_model_with_a_generator() -> None:
    ecp, lite = RutokenEcp(), RutokenLite()
    assert done(ecp, "00CA01890C").startswith("013C10011E02")
    assert len(bytes.fromhex(done(ecp, "0084000020"))) == 32
    assert done(ecp, "0084000020") != done(ecp, "0084000020")
    assert send(lite, "0084000020") == ("", 0x6D00)


# -- files ----------


def test_a_new_file_is_described_as_a_traced_one_was(card: RutokenLite) -> None:
    data = done(
        card,
        LOGIN,
        CONTAINERS,
        NEW_FOLDER,
        NEW_FILE,
        "00A40804 08 1000 1003 0B00 0B02 00",
    )
    assert data == (
        "6224 80020046 81020066 82020100 83020B02 8A0105 860F43".replace(" ", "")
        + "00" * 14
    )


def test_files_are_written_and_read_in_pieces(card: RutokenLite) -> None:
    done(card, LOGIN, CONTAINERS, NEW_FOLDER, NEW_FILE)
    done(card, "00D6000003 010203", "00D6000302 0405")
    assert done(card, "00B0000005") == "0102030405"
    assert done(card, "00B0000500") == "FF" * 65
    assert send(card, "00B0004601") == ("", 0x6B00)
    assert send(card, "00D6004502 0102") == ("", 0x6B00)
    assert done(card, "00B0004501") == "FF"


def test_folders_are_listed_child_by_child(full: RutokenLite) -> None:
    full.add_container(0x0B00, {"name.key": b"0"})
    found = []
    data, status = send(full, CONTAINERS)
    data, status = send(full, "00A4000000")
    while status == 0x9000:
        found.append(data[data.index("8302") + 4 :][:4])
        # A folder becomes the current one: back to its parent first.
        done(full, "00A4030000")
        data, status = send(full, f"00A4000202{found[-1]}00")
    assert found == ["0A00", "0B00"] and status == 0x6A82
    files = []
    done(full, "00A40804 06 1000 1003 0A00 00")
    data, status = send(full, "00A4000000")
    while status == 0x9000:
        files.append(data[data.index("8302") + 4 :][:4])
        data, status = send(full, f"00A4000202{files[-1]}00")
    assert files == ["0A01", "0A06"] and status == 0x6A82


def test_what_is_not_there_is_not_found(card: RutokenLite) -> None:
    assert send(card, "00A40804 06 1000 1003 0A00 00") == ("", 0x6A82)
    assert send(card, "00A4040008 A000000448000301 00") == ("", 0x6A86)
    assert send(card, "00B0000001") == ("", 0x6986)
    assert send(card, "00A4030000") == ("", 0x6A82)


def test_a_folder_goes_when_it_is_empty(card: RutokenLite) -> None:
    done(card, LOGIN, CONTAINERS, NEW_FOLDER, NEW_FILE)
    done(card, "00A40804 04 1000 1003 00")
    assert send(card, "00E40000020B00") == ("", 0x6985)
    done(card, "00A40804 06 1000 1003 0B00 00", "00E40000020B02", "00E40000")
    assert card.containers == {}
    assert send(card, "00E40000020B00") == ("", 0x6A82)


def test_the_same_id_twice_is_refused(card: RutokenLite) -> None:
    done(card, LOGIN, CONTAINERS, NEW_FOLDER, CONTAINERS)
    assert send(card, NEW_FOLDER) == ("", 0x6A89)


@pytest.mark.parametrize(
    "template",
    [
        "62" + NEW_FILE.replace(" ", "")[12:],  # the tag of another family
        "6F1F" + NEW_FILE.replace(" ", "")[14:],  # a wrong length
        "6F0C 80020046 82020100 83020B02",  # no rule
        "6F17 80020046 82020100 83020B02 8609 43 0000000000000000",  # a short rule
        "6F1D 80020046 82020200 83020B02 860F43" + "00" * 14,  # a kind unknown
        "6F1D 80020046 82023800 83020B02 860F43" + "00" * 14,  # a folder with a size
    ],
)
def test_a_wrong_template_is_refused(card: RutokenLite, template: str) -> None:
    done(card, LOGIN, CONTAINERS)
    body = bytes.fromhex(template.replace(" ", ""))
    assert send(card, f"00E00000{len(body):02X}{body.hex()}") == ("", 0x6A80)


def test_a_full_card_and_a_full_folder_say_so() -> None:
    card = RutokenLite(free=32 + 32 + 70 - 1)
    done(card, LOGIN, CONTAINERS, NEW_FOLDER)
    assert send(card, NEW_FILE) == ("", 0x6A84)
    card = RutokenLite(folder_limit=0)
    done(card, LOGIN, CONTAINERS)
    assert send(card, NEW_FOLDER) == ("", 0x6F85)


# -- rights ----------


def test_without_the_pin_only_what_is_open_is_read(full: RutokenLite) -> None:
    done(full, "00A40804 08 1000 1003 0A00 0A06 00", "00B0000001")
    assert send(full, "00D6000001 00") == ("", 0x6982)
    done(full, "00A40804 08 1000 1003 0A00 0A01 00")
    assert send(full, "00B0000001") == ("", 0x6982)
    done(full, CONTAINERS)
    assert send(full, NEW_FOLDER) == ("", 0x6982)
    assert send(full, "00E40000020A00") == ("", 0x6982)
    done(full, LOGIN, "00A40804 08 1000 1003 0A00 0A01 00")
    assert done(full, "00B0000002") == "3036"


def test_the_admin_is_not_the_user(full: RutokenLite) -> None:
    done(full, LOGIN_ADMIN, "00A40804 08 1000 1003 0A00 0A01 00")
    assert send(full, "00B0000001") == ("", 0x6982)


def test_nobody_deletes_the_folders_of_the_factory(card: RutokenLite) -> None:
    done(card, LOGIN, "00A40804 02 1000 00")
    assert send(card, "00E40000021003") == ("", 0x6982)


@pytest.mark.parametrize(
    ("condition", "who"),
    [
        (0x00, {None, 1, 2}),
        (0x01, {1}),
        (0x02, {2}),
        (0x03, {1, 2}),
        (0x07, set()),
        (0xFF, set()),
    ],
)
def test_conditions_of_a_rule(condition: int, who: set[int | None]) -> None:
    card = RutokenLite()
    rule = bytes([0x01, condition]).ljust(15, b"\0")
    card.add_container(0x0A00, {"name.key": b"0"}).children[0x0A06].rule = rule
    for login in (None, 1, 2):
        card.power(2)
        if login:
            done(card, {1: LOGIN_ADMIN, 2: LOGIN}[login])
        done(card, "00A40804 08 1000 1003 0A00 0A06 00")
        assert (send(card, "00B0000001")[1] == 0x9000) == (login in who)
        # A condition that is not given is "never".
        assert send(card, "00D6000001 00") == ("", 0x6982)


# -- PINs ----------


def test_a_wrong_pin_costs_a_try_and_asking_costs_none(card: RutokenLite) -> None:
    assert send(card, "00200002") == ("", 0x63CA)
    assert send(card, "0020000208" + "00" * 8) == ("", 0x63C9)
    assert send(card, "00200002") == ("", 0x63C9)
    assert done(card, "00CA010200").startswith("62248506010600A90000")
    done(card, LOGIN, "00200002", "80400000")
    assert send(card, "00200002") == ("", 0x63CA)


def test_a_card_that_does_not_tell_how_many_tries_are_left() -> None:
    card = RutokenLite(tells_tries=False)
    assert send(card, "0020000208" + "00" * 8) == ("", 0x6300)
    assert send(card, "00200002") == ("", 0x63C9)


def test_who_is_logged_in_has_to_log_out_first(card: RutokenLite) -> None:
    done(card, LOGIN)
    assert send(card, LOGIN) == ("", 0x6F86)
    done(card, "80400000", LOGIN)


def test_a_blocked_pin_is_unblocked_by_the_admin(card: RutokenLite) -> None:
    for left in range(9, -1, -1):
        assert send(card, "0020000208" + "00" * 8) == ("", 0x63C0 | left)
    assert send(card, LOGIN) == send(card, "00200002") == ("", 0x6983)
    assert send(card, "002C0302") == ("", 0x6982)
    done(card, LOGIN_ADMIN, "002C0302", "80400000", LOGIN)


def test_nobody_unblocks_the_admin(card: RutokenLite) -> None:
    done(card, LOGIN)
    assert send(card, "002C0301") == ("", 0x6982)


@pytest.mark.parametrize("login", [LOGIN, LOGIN_ADMIN])
def test_the_users_pin_is_changed(card: RutokenLite, login: str) -> None:
    change = "0024010210 8002 000A A50A" + b"1122334455".hex()
    assert send(card, change) == ("", 0x6982)
    done(card, login, change, "80400000", "002000020A" + b"1122334455".hex())
    done(card, "80400000")
    assert send(card, LOGIN)[1] == 0x63C9


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("8002 0005 A505 3131313131", 0x6A80),  # too short
        ("8002 0021 A521" + "31" * 33, 0x6A80),  # too long
        ("8002 0800 A508" + "31" * 8, 0x6A80),  # the other byte order
        ("31" * 8, 0x6A80),
    ],
)
def test_a_new_pin_that_cannot_be(card: RutokenLite, body: str, status: int) -> None:
    data = bytes.fromhex(body.replace(" ", ""))
    done(card, LOGIN)
    assert send(card, f"00240102{len(data):02X}{data.hex()}") == ("", status)


def test_power_and_reset_end_the_login(card: RutokenLite) -> None:
    for what in (0, 1, 2):
        done(card, LOGIN)
        card.power(what)
        assert send(card, "00200002")[1] == 0x63CA


# -- format ----------


def test_format_empties_it_and_makes_new_pins() -> None:
    card = RutokenLite()
    card.add_container(0x0A00, {"name.key": b"0"})
    done(
        card,
        "808A0000",
        "00E000001F6F1D8002000082023800 83023F00 860F47020201" + "00" * 11,
        # As OpenSC makes the admin's PIN, and sets it.
        "00E00000276F2580020008820210008302000185060108 01AA0000"
        "860F43FF0100000000FF00000000000000",
        "002401010E80020008A508" + b"87654321".hex(),
        "80844E19",
        LOGIN_ADMIN,
    )
    assert card.containers == {}
    assert send(card, CONTAINERS) == ("", 0x6A82)


# -- the wire ----------


def test_what_is_no_command_is_refused(card: RutokenLite) -> None:
    for wrong in ("00A4", "00A4080405 1000 1003", "00A40804 04 1000 1003 0000"):
        assert send(card, wrong) == ("", 0x6700)
    assert send(card, "00FE0000") == ("", 0x6D00)
    assert send(card, "B0A40000") == ("", 0x6E00)


def test_t0_answers_wait_and_wrong_lengths_are_told() -> None:
    card = RutokenEcpCard()
    answer, status = card.exchange(bytes.fromhex("00A4080404 1000 1003"))
    assert (answer, status) == (b"", 0x6126)
    assert card.exchange(bytes.fromhex("00C0000001")) == (b"", 0x6C26)
    answer, status = card.exchange(bytes.fromhex("00C0000026"))
    assert (answer[:2].hex(), len(answer), status) == ("6224", 0x26, 0x9000)
    assert card.exchange(bytes.fromhex("00C0000026")) == (b"", 0x6985)
    # A refused length has not moved to the child.
    card.exchange(bytes.fromhex("00A4000002 3F00"))
    assert card.exchange(bytes.fromhex("00A4000000"))[1] == 0x6C26
    answer, _ = card.exchange(bytes.fromhex("00A4000026"))
    assert b"\x83\x02\x10\x00" in answer


def test_nothing_of_a_pin_is_in_the_record(card: RutokenLite) -> None:
    done(card, LOGIN, "0024010210 8002 000A A50A" + b"1122334455".hex())
    record = b"".join(one.command for one in card.log)
    assert b"1234" not in record and b"1122" not in record
    assert USER_PIN not in str(card.log[0]) and str(card.log[0]).endswith("9000")
    assert card.instructions == {0x0020: 1, 0x0024: 1}


# -- faults ----------


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, "ffffff"), ({"after": True}, "010203"), ({"torn": True}, "01ffff")],
)
def test_a_card_pulled_at_a_write(options: dict[str, bool], expected: str) -> None:
    card = RutokenLite()
    done(card, LOGIN, CONTAINERS, NEW_FOLDER, NEW_FILE)
    card.pull_at(1, **options)
    with pytest.raises(CardGone):
        send(card, "00D6000003 010203")
    with pytest.raises(CardGone):
        send(card, "00A40804041000100300")
    card.insert()
    assert send(card, "00200002")[1] == 0x63CA
    file = card.containers[0x0B00].children[0x0B02]
    assert file.content[:3].hex() == expected


def test_memory_that_fails_once(card: RutokenLite) -> None:
    done(card, LOGIN, CONTAINERS)
    card.fail_at(1)
    assert send(card, NEW_FOLDER) == ("", 0x6581)
    assert card.containers == {}
    done(card, NEW_FOLDER)


def test_another_card_takes_its_place() -> None:
    first, second = RutokenLite(), RutokenLite(serial=0x11223344)
    first.swap_at(2, second, silent=True)
    assert done(first, "00CA018100") == "0000000030DA6803"
    assert done(first, "00CA018100") == "0000000011223344"


def test_a_card_lives_on_in_its_file(tmp_path: Path) -> None:
    card = RutokenLite()
    card.keep_in(tmp_path / "card")
    done(card, LOGIN, CONTAINERS, NEW_FOLDER, NEW_FILE, "00D6000003 010203")
    send(card, "80400000"), send(card, "0020000201 00")
    again = load(tmp_path / "card")
    assert isinstance(again, RutokenLite) and again.free == card.free
    assert send(again, "00200002")[1] == 0x63C9
    done(again, LOGIN, "00A40804 08 1000 1003 0B00 0B02 00")
    assert done(again, "00B0000003") == "010203"
