"""Renewal onto tokens: from token to token, folder to token, token to folder.

The cards are virtual, in this process; what is on them afterwards is read from their
memory, not with the commands that wrote it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cards.fixtures import InReaders
from cards.jacarta_lt import JacartaLt
from cards.rutoken import RutokenLite
from cards.rutoken_s import RutokenS
from renewal.offices import Office, certificate_in
from renewal.token_offices import (
    PIN,
    address_of,
    bring,
    certificate_on,
    container_on,
    pin_file,
    token_office,
    whole_containers,
)

from gostkey.errors import (
    CampaignError,
    CardServiceAbsent,
    CardServiceDenied,
    MediumError,
    PinRequired,
    PyscardMissing,
    TokenAbsent,
    TokenBusy,
)
from gostkey.media import FolderStore
from gostkey.media.tokens import TokenInfo
from gostkey.renewal import Campaign, Listing, make_plan, read_list, read_tree
from gostkey.renewal.audit import verify
from gostkey.renewal.copies import unpack
from gostkey.renewal.planning.plan_file import plan_from_json, plan_to_json
from gostkey.renewal.storage.store import Store
from gostkey.renewal.tokens import Tokens


def test_token_to_the_same_token(office: Office, in_readers: InReaders) -> None:
    card = RutokenLite()
    readers = in_readers(card)
    (who,) = token_office(office, [card])
    before = card.files_of(0x0A00)
    with office.begin() as campaign:
        report = campaign.run()
        steps = {
            one["step"]: one["detail"]
            for one in campaign.history()
            if one["phase"] == "after"
        }
    (row,) = report.rows
    assert row["group"] == "renewed", row["text"]
    assert report.exit_code == 0
    # The old container is as it was; the new one is the only other one.
    assert card.files_of(0x0A00) == before
    assert list(card.containers) == [0x0A00, 0x0C00]
    assert row["new_container"] == address_of(card, 0x0C00)
    assert steps["installed"]["folder"] == address_of(card, 0x0C00)
    old, new = certificate_on(card, 0x0A00), certificate_on(card, 0x0C00)
    assert old is not None and new is not None
    assert new.subject_der == old.subject_der
    with container_on(card, 0x0C00).open() as opened:
        assert opened.keys["primary"].verifying_key == new.public_key
        assert new.public_key != old.public_key
    # Copies of both are in the campaign's folder, named like folders.
    archive, backup = Path(row["archive"]), Path(row["backup"])
    assert archive.name == "000001-k000-tes.000.zip"
    assert unpack(archive)["header.key"] == before["header.key"]
    assert unpack(backup)["header.key"].startswith(b"\x30")
    assert readers.left_logged_in == 0
    assert card.pins[2].left == 10
    assert who.pin_file is not None
    # The log tells of the place to which the container was moved with its certificate.
    with Store.open(office.campaign) as store:
        assert verify(office.campaign, store).problems == []


def test_folder_to_a_token_that_is_empty_is_experimental(
    office: Office, in_readers: InReaders
) -> None:
    card = RutokenLite()
    in_readers(card)
    office.add()
    office.change(0, destination=Path(address_of(card)), pin_file=pin_file(office))
    with office.begin() as campaign:
        report = campaign.run()
    (row,) = report.rows
    assert row["reason"] == "token-experimental"
    assert "--experimental" in row["cure"]
    assert report.exit_code == 4
    assert not card.containers
    with office.open() as campaign:
        report = campaign.resume(tokens=Tokens(experimental=True))
    assert report.rows[0]["group"] == "renewed"
    assert certificate_on(card, 0x0B00) is not None
    assert certificate_in(office.subscribers[0].container) is not None


def test_the_campaign_remembers_that_it_is_experimental(
    office: Office, in_readers: InReaders
) -> None:
    card = RutokenS()
    in_readers(card)
    office.add()
    office.change(0, destination=Path(address_of(card)), pin_file=pin_file(office))
    with Campaign.begin(
        office.campaign,
        office.plan(),
        office.transport(),
        clock=office.clock,
        experimental=True,
    ):
        pass
    with office.open() as campaign:
        assert campaign.run().rows[0]["group"] == "renewed"
    assert certificate_on(card, 0x0B00) is not None


def test_token_to_folder(office: Office, in_readers: InReaders) -> None:
    card = RutokenLite()
    in_readers(card)
    token_office(office, [card])
    drive = office.folder / "drive"
    drive.mkdir()
    office.change(0, destination=drive)
    writes = card.instructions[0x00E0]
    with office.begin() as campaign:
        (row,) = campaign.run().rows
    assert row["group"] == "renewed"
    (new,) = drive.iterdir()
    assert row["new_container"] == str(new)
    assert certificate_in(new) is not None
    # Nothing was made on the token.
    assert card.instructions[0x00E0] == writes


def test_one_token_to_another_with_a_pin_of_its_own(
    office: Office, in_readers: InReaders
) -> None:
    old, new = RutokenLite(), RutokenLite(serial=0x11223344, user_pin="22222222")
    in_readers(old, None, new)
    token_office(office, [old])
    # Somebody else's container is on it; its access rules are taken over.
    office.add()
    bring(office, new, index=1)
    del office.subscribers[1]
    office.change(0, destination=Path("token:11223344"))
    with office.begin() as campaign:
        (row,) = campaign.run().rows
    # The PIN of one token is never tried on another.
    assert row["reason"] == "pin-required"
    assert new.pins[2].left == 10
    office.campaign.rename(office.folder / "first")
    office.change(0, new_pin_file=pin_file(office, "22222222", "other.txt"))
    with office.begin() as campaign:
        (row,) = campaign.run().rows
    assert row["group"] == "renewed", row["text"]
    assert list(whole_containers(old)) == [0x0A00]
    assert certificate_on(new, 0x0C00) is not None


def test_two_tokens_and_a_folder_in_one_campaign(
    office: Office, in_readers: InReaders
) -> None:
    first, second = RutokenLite(), RutokenLite(serial=0x11223344)
    in_readers(first, second)
    token_office(office, [first, second])
    office.add()
    with office.begin() as campaign:
        report = campaign.run()
    assert report.counts["renewed"] == 3
    assert certificate_on(first, 0x0C00) is not None
    assert certificate_on(second, 0x0C00) is not None


def test_several_keys_on_one_token(office: Office, in_readers: InReaders) -> None:
    card = RutokenLite()
    in_readers(card)
    for number in range(3):
        office.add()
        bring(office, card, 0x0A00 + 0x100 * number)
    with office.begin() as campaign:
        report = campaign.run()
    assert report.counts["renewed"] == 3
    assert len(whole_containers(card)) == 6
    assert len(set(whole_containers(card).values())) == 6


# -- what is named -------------------------------------------------------


def test_a_tokens_address_stands_for_all_on_it(
    office: Office, in_readers: InReaders
) -> None:
    card = RutokenLite()
    in_readers(card)
    for number in range(2):
        office.add()
        bring(office, card, 0x0A00 + 0x100 * number)
    listing = read_tree(Path("token:"), exchanges_finished=True)
    assert [str(one.container) for one in listing.subscribers] == [
        address_of(card, 0x0A00),
        address_of(card, 0x0B00),
    ]
    plan = make_plan(listing, office.clock())
    assert [str(one.destination) for one in plan.planned] == [address_of(card)] * 2
    again = plan_from_json(plan_to_json(plan))
    assert again.planned[0].holding.subscriber.container == Path(
        address_of(card, 0x0A00)
    )
    # No PIN is needed for a plan.
    assert card.instructions[0x0020] == 0


def test_a_list_with_tokens(office: Office, in_readers: InReaders) -> None:
    card = RutokenLite()
    in_readers(card)
    office.add()
    bring(office, card)
    path = office.folder / "list.csv"
    path.write_text(
        "container;pin_file;destination;exchanges_finished\n"
        f"{address_of(card).lower()};pin.txt;;yes\n"
        "token:/nobody;;;yes\n"
        "token:99999999;;;yes\n"
        f"keys/k000-tes.000;pin.txt;{address_of(card)}/0B00;yes\n",
        encoding="utf-8",
    )
    listing = read_list(path)
    (error,) = listing.errors
    assert error.line == 5 and "the token is wanted" in error.text
    plan = make_plan(listing, office.clock())
    first, nobody, absent = plan.items
    assert first.verdict is None
    assert first.holding.subscriber.container == Path(address_of(card, 0x0A00))
    assert first.holding.subscriber.pin_file == office.folder / "pin.txt"
    assert nobody.verdict is not None and absent.verdict is not None
    assert nobody.verdict.reason.value == "not-a-container"
    assert "k000-test" in nobody.verdict.text
    assert absent.verdict.reason.value == "token-absent"


def test_a_tree_that_is_a_token_must_be_there(in_readers: InReaders) -> None:
    in_readers(None)
    with pytest.raises(TokenAbsent):
        read_tree(Path("token:30DA6803"))


def test_a_destination_is_a_token_and_no_container(office: Office) -> None:
    with pytest.raises(CampaignError, match="the token is wanted"):
        read_tree(office.keys, destination=Path("token:30DA6803/0A00"))


def test_an_unknown_destination_by_reader_is_told_by_the_plan(
    office: Office, in_readers: InReaders
) -> None:
    in_readers(None)
    office.add()
    office.change(0, destination=Path("token:Some Reader 00 00"))
    (one,) = office.plan().items
    assert one.verdict is not None
    assert one.verdict.reason.value == "token-absent"


def test_a_token_that_cannot_be_written_to_wants_another_destination(
    office: Office, in_readers: InReaders
) -> None:
    card = JacartaLt()
    in_readers(card)
    office.add()
    who = office.subscribers[0]
    card.add_container(0, FolderStore(office.keys).read(who.container))
    listing = read_tree(Path("token:"), exchanges_finished=True)
    (one,) = make_plan(listing, office.clock()).items
    assert one.verdict is not None
    assert one.verdict.reason.value == "medium"
    assert "destination" in one.verdict.cure
    listing = read_tree(
        Path("token:"), exchanges_finished=True, destination=office.folder
    )
    (one,) = make_plan(listing, office.clock()).items
    assert one.verdict is None


def test_no_second_key_is_planned_where_the_new_one_is_on_the_token(
    office: Office, in_readers: InReaders
) -> None:
    card = RutokenLite()
    in_readers(card)
    token_office(office, [card])
    with office.begin() as campaign:
        campaign.run()
    (one,) = office.plan().items
    assert one.verdict is not None
    assert one.verdict.reason.value == "already-renewed"
    listing = Listing(read_tree(Path("token:")).subscribers)
    assert len(make_plan(listing, office.clock()).items) == 2


# -- PINs ----------------------------------------------------------------


def test_without_a_pin_a_person_is_needed(
    office: Office, in_readers: InReaders
) -> None:
    card = RutokenLite()
    in_readers(card)
    token_office(office, [card])
    office.change(0, pin_file=None)
    with office.begin() as campaign:
        report = campaign.run()
    assert report.rows[0]["reason"] == "pin-required"
    assert report.exit_code == 4
    assert card.pins[2].left == 10


def test_a_person_is_asked_once_and_nothing_is_stored(
    office: Office, in_readers: InReaders
) -> None:
    card = RutokenLite(user_pin="geheim-4711")
    in_readers(card)
    for number in range(2):
        office.add()
        bring(office, card, 0x0A00 + 0x100 * number)
        office.change(number, pin_file=None)
    asked = []

    def ask(info: TokenInfo) -> str:
        asked.append(info.address)
        assert info.user_pin.tries_left == 10
        return "geheim-4711"

    with office.begin() as campaign, Tokens(ask) as tokens:
        report = campaign.run(tokens=tokens)
    assert report.counts["renewed"] == 2
    assert asked == [address_of(card)]
    for path in office.campaign.rglob("*"):
        if path.is_file():
            assert b"geheim-4711" not in path.read_bytes()


def test_nobody_who_answers_is_not_asked_again(
    office: Office, in_readers: InReaders
) -> None:
    card = RutokenLite()
    in_readers(card)
    for number in range(2):
        office.add()
        bring(office, card, 0x0A00 + 0x100 * number)
        office.change(number, pin_file=None)
    asked = []

    def ask(info: TokenInfo) -> str:
        asked.append(info.address)
        raise PinRequired("nobody is there")

    with office.begin() as campaign:
        report = campaign.run(tokens=Tokens(ask))
    assert [row["reason"] for row in report.rows] == ["pin-required"] * 2
    assert len(asked) == 1


def test_a_wrong_pin_costs_one_try_for_all_keys_of_a_token(
    office: Office, in_readers: InReaders
) -> None:
    card, other = RutokenLite(), RutokenLite(serial=0x11223344)
    in_readers(card, other)
    wrong = pin_file(office, "wrong-pin", "wrong.txt")
    for number in range(2):
        office.add()
        bring(office, card, 0x0A00 + 0x100 * number, pin=wrong)
    office.add()
    bring(office, other)
    with office.begin() as campaign:
        report = campaign.run()
    assert [row["reason"] for row in report.rows] == ["wrong-pin", "wrong-pin", None]
    assert "9" in report.rows[0]["text"]
    assert report.exit_code == 2
    assert card.pins[2].left == 9
    assert "wrong-pin" not in report.rows[0]["text"]
    wrong.write_text(PIN)
    with office.open() as campaign:
        assert campaign.resume().counts["renewed"] == 3
    assert card.pins[2].left == 10


def test_a_blocked_pin_and_the_last_try(office: Office, in_readers: InReaders) -> None:
    blocked, last = RutokenLite(), RutokenLite(serial=0x11223344)
    in_readers(blocked, last)
    token_office(office, [blocked, last])
    blocked.pins[2].left = 0
    last.pins[2].left = 1
    with office.begin() as campaign:
        report = campaign.run()
    assert [row["reason"] for row in report.rows] == ["pin-blocked"] * 2
    assert last.pins[2].left == 1
    assert report.exit_code == 4
    blocked.pins[2].left = last.pins[2].left = 10
    with office.open() as campaign:
        assert campaign.resume().counts["renewed"] == 2


def test_a_pin_file_that_is_not_there(office: Office, in_readers: InReaders) -> None:
    card = RutokenLite()
    in_readers(card)
    token_office(office, [card])
    pin = office.folder / "pin.txt"
    pin.unlink()
    with office.begin() as campaign:
        report = campaign.run()
    assert report.rows[0]["reason"] == "pin-file"
    assert report.exit_code == 4
    pin_file(office)
    with office.open() as campaign:
        assert campaign.resume().counts["renewed"] == 1


# -- full, absent, swapped -----------------------------------------------


@pytest.mark.parametrize("room", [0, 2500, 4000])
def test_a_full_token_stops_one_key_before_it_is_made(
    office: Office, in_readers: InReaders, room: int
) -> None:
    full, other = RutokenLite(free=room + 4000), RutokenLite(serial=0x11223344)
    in_readers(full, other)
    token_office(office, [full, other])
    full.capacity = full.used + room
    before = full.files_of(0x0A00)
    with office.begin() as campaign:
        report = campaign.run()
    bad, good = report.rows
    assert bad["reason"] == "token-full" and good["group"] == "renewed"
    assert list(full.containers) == [0x0A00]
    assert full.files_of(0x0A00) == before
    full.capacity += 16384
    with office.open() as campaign:
        assert campaign.resume().counts["renewed"] == 2
    assert len(office.authority.certificates()) == 4


def test_a_token_without_two_free_places_is_full(
    office: Office, in_readers: InReaders
) -> None:
    card = RutokenS()
    in_readers(card)
    token_office(office, [card])
    files = {name: bytes(data) for name, data in card.files_of(0x0A00).items()}
    for fid in range(0x0B00, 0x1000, 0x100):
        card.add_container(fid, files)
    with office.begin() as campaign:
        report = campaign.run()
    assert report.rows[0]["reason"] == "token-full"
    assert report.exit_code == 4


def test_an_absent_token_is_resumed(office: Office, in_readers: InReaders) -> None:
    card, other = RutokenLite(), RutokenLite(serial=0x11223344)
    readers = in_readers(card, other)
    token_office(office, [card, other])
    with office.begin() as campaign:
        readers.put("Virtual PCD 00 00", None)
        report = campaign.run()
        bad, good = report.rows
        assert bad["reason"] == "token-absent" and good["group"] == "renewed"
        assert report.exit_code == 2
    # In another reader it is the same token.
    readers.put("Virtual PCD 00 01", card)
    with office.open() as campaign:
        assert campaign.resume().counts["renewed"] == 2


def test_another_token_in_the_same_reader_is_not_written_to(
    office: Office, in_readers: InReaders
) -> None:
    card, other = RutokenLite(), RutokenLite(serial=0x11223344)
    readers = in_readers(card)
    token_office(office, [card])
    other.add_container(0x0A00, {})
    with office.begin() as campaign:
        readers.put("Virtual PCD 00 00", other)
        report = campaign.run()
    assert report.rows[0]["reason"] == "token-absent"
    assert report.exit_code == 4
    assert list(other.containers) == [0x0A00]
    assert other.pins[2].left == 10 and other.instructions[0x0020] == 0


def test_a_plan_whose_token_was_swapped_renews_nothing(
    office: Office, in_readers: InReaders
) -> None:
    card, other = RutokenLite(), RutokenLite(serial=0x11223344)
    readers = in_readers(card)
    token_office(office, [card])
    saved = plan_from_json(plan_to_json(office.plan()))
    readers.put("Virtual PCD 00 00", other)
    with Campaign.begin(
        office.campaign, saved, office.transport(), clock=office.clock
    ) as campaign:
        report = campaign.run()
    assert report.rows[0]["reason"] == "token-absent"
    assert report.exit_code == 4


@pytest.mark.parametrize(
    "error", [PyscardMissing, CardServiceAbsent, CardServiceDenied, TokenBusy]
)
def test_a_token_that_cannot_be_reached_needs_a_person(
    office: Office,
    in_readers: InReaders,
    monkeypatch: pytest.MonkeyPatch,
    error: type[MediumError],
) -> None:
    card = RutokenLite()
    readers = in_readers(card)
    token_office(office, [card])

    def fail(*_: object) -> None:
        raise error("the cause")

    with office.begin() as campaign:
        with monkeypatch.context() as patch:
            patch.setattr(readers, "connect", fail)
            report = campaign.run()
        assert report.rows[0]["reason"] == "token-unusable"
        assert "the cause" in report.rows[0]["text"]
        assert report.exit_code == 4
        assert campaign.resume().counts["renewed"] == 1
