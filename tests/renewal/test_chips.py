"""Renewal into the chip of a token: the new key is made there and never leaves it.

The token is a PKCS #11 library of the tests (tests/pkcs11).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mock_tokens import PIN, MockToken, mock_token, nobody, opened
from renewal.offices import Office, check_others, snapshot

from gostkey.errors import CampaignError
from gostkey.media.chips import ChipKeyEntry
from gostkey.media.tokens import TokenInfo
from gostkey.pki.certificates import Certificate
from gostkey.renewal import (
    Campaign,
    FolderTransport,
    Report,
    key_steps,
    read_list,
    read_tree,
)
from gostkey.renewal.planning.plan_file import plan_from_json, plan_to_json
from gostkey.renewal.tokens import Tokens

CHIP = "chip:3b000001"


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[MockToken]:
    folder = tmp_path / "library"
    folder.mkdir()
    made = mock_token(folder)
    yield made
    made.restart()


def pin_file(office: Office, pin: str = PIN) -> Path:
    path = office.folder / "pin.txt"
    path.write_text(pin + "\n", encoding="ascii")
    return path


def into_chip(office: Office, count: int = 1, **values: Any) -> None:
    """Add subscribers whose new keys go into the chip."""
    for _ in range(count):
        who = {"destination": Path(CHIP), "pin_file": pin_file(office), **values}
        office.add()
        office.change(len(office.subscribers) - 1, **who)


def run(campaign: Campaign, mock: MockToken, what: str = "run") -> Report:
    with Tokens(library=mock.library) as tokens:
        report: Report = getattr(campaign, what)(tokens=tokens)
    return report


def keys_in(mock: MockToken) -> list[ChipKeyEntry]:
    with opened(mock) as chip:
        chip.log_in()
        return chip.keys()


def test_folder_to_chip(office: Office, mock: MockToken) -> None:
    into_chip(office, 2)
    before = snapshot(office.keys)
    with office.begin() as campaign:
        report = run(campaign, mock)
    assert report.counts["renewed"] == 2, [row["text"] for row in report.rows]
    assert snapshot(office.keys) == before
    entries = {f"{CHIP}/{entry.label}": entry for entry in keys_in(mock)}
    assert len(entries) == 2
    for row, who in zip(report.rows, office.subscribers, strict=True):
        entry = entries[row["new_container"]]
        assert entry.has_private and entry.certificate is not None
        certificate = Certificate.from_bytes(entry.certificate)
        assert certificate.public_key == entry.verifying_key
        # A key in a chip has no copy; the old container has one.
        assert row["backup"] is None and Path(row["archive"]).exists()
        assert who.container.exists()
    # One login for the whole run.
    assert mock.calls.count("C_Login") == 2  # and one in keys_in
    with office.open() as campaign:
        assert run(campaign, mock).counts["renewed"] == 2
    assert len(keys_in(mock)) == 2


def test_the_certificate_may_come_days_later(office: Office, mock: MockToken) -> None:
    into_chip(office)
    folders = [office.folder / name for name in ("out", "in", "trusted")]
    for folder in folders:
        folder.mkdir()
    transport = FolderTransport(*folders)
    (folders[2] / "ca.cer").write_bytes(office.authority.certificate.der)
    (folders[2] / "ca.crl").write_bytes(office.authority.crl(office.clock()))
    with office.begin(transport) as campaign:
        (row,) = run(campaign, mock).rows
    assert row["group"] == "waiting", row
    (entry,) = keys_in(mock)
    assert entry.certificate is None
    (request,) = folders[0].iterdir()
    answer = office.authority.issue_renewal(request.read_bytes(), office.clock())
    (folders[1] / f"{request.stem}.cer").write_bytes(answer.der)
    mock.restart()
    with office.open(transport) as campaign:
        (row,) = run(campaign, mock, "receive").rows
    assert row["group"] == "renewed", row
    (entry,) = keys_in(mock)
    assert entry.certificate == answer.der


def test_without_the_library_no_key_is_made(office: Office, mock: MockToken) -> None:
    into_chip(office)
    with office.begin() as campaign:
        report = campaign.run()
    (row,) = report.rows
    assert row["reason"] == "library-missing" and "--library" in row["cure"]
    assert report.exit_code == 4
    with office.open() as campaign:
        (row,) = run(campaign, mock, "resume").rows
    assert row["group"] == "renewed"


def test_a_wrong_pin_is_sent_once_in_a_run(office: Office, mock: MockToken) -> None:
    into_chip(office, 3)
    pin_file(office, "00000000")
    with office.begin() as campaign:
        report = run(campaign, mock)
    assert [row["reason"] for row in report.rows] == ["wrong-pin"] * 3
    assert mock.calls.count("C_Login") == 1
    pin_file(office)
    with office.open() as campaign:
        report = run(campaign, mock, "resume")
    assert report.counts["renewed"] == 3
    assert len(keys_in(mock)) == 3


def test_a_person_is_asked_once_in_a_run(office: Office, mock: MockToken) -> None:
    into_chip(office, 2, pin_file=None)
    with office.begin() as campaign:
        report = run(campaign, mock)
    assert {row["reason"] for row in report.rows} == {"pin-required"}
    asked: list[str] = []

    def ask(info: TokenInfo) -> str:
        asked.append(info.address)
        return PIN

    with office.open() as campaign, Tokens(ask, library=mock.library) as tokens:
        assert campaign.resume(tokens=tokens).counts["renewed"] == 2
    assert asked == [CHIP]


@pytest.mark.parametrize(
    "function",
    ["C_GenerateKeyPair", "C_SignInit", "C_Sign", "C_CreateObject", "C_FindObjects"],
)
def test_pulled_out_it_is_resumed_with_one_key(
    office: Office, mock: MockToken, function: str
) -> None:
    into_chip(office)
    mock.order(f"remove_at {function}")
    with office.begin() as campaign:
        report = run(campaign, mock)
    (row,) = report.rows
    assert row["reason"] == "token-absent", row
    assert report.exit_code == 4
    mock.order()
    mock.restart()
    with office.open() as campaign:
        (row,) = run(campaign, mock, "resume").rows
    assert row["group"] == "renewed", row
    (entry,) = keys_in(mock)
    assert entry.certificate is not None


def test_a_killed_run_takes_over_the_key_that_it_had_made(
    office: Office, mock: MockToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    into_chip(office)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, office.begin() as campaign:
        patch.setattr(key_steps, "_keyed", die)
        with pytest.raises(KeyboardInterrupt):
            run(campaign, mock)
    (made,) = keys_in(mock)
    with office.open() as campaign:
        (row,) = run(campaign, mock).rows
        steps = [one for one in campaign.history() if one["step"] == "keyed"]
    assert row["group"] == "renewed", row
    assert steps[-1]["detail"]["adopted"] is True
    (entry,) = keys_in(mock)
    assert entry.verifying_key == made.verifying_key


def test_a_key_of_another_campaign_is_not_made_twice(
    office: Office, mock: MockToken
) -> None:
    into_chip(office)
    with office.begin() as campaign:
        run(campaign, mock)
    office.campaign.rename(office.folder / "first")
    office.clock.forward(days=1)
    with office.begin() as campaign:
        (row,) = run(campaign, mock).rows
    assert row["reason"] == "name-taken" and row["text"].count(CHIP)
    assert len(keys_in(mock)) == 1


def test_one_bad_token_stops_no_other_key(trio: Office, mock: MockToken) -> None:
    trio.change(1, destination=Path("chip:77"), pin_file=pin_file(trio))
    with trio.begin() as campaign:
        report = run(campaign, mock)
    check_others(report, "token-absent")


def test_a_curve_that_the_token_does_not_make(office: Office, mock: MockToken) -> None:
    mock.order("bits256 0")
    into_chip(office)
    with office.begin() as campaign:
        (row,) = run(campaign, mock).rows
    assert row["group"] != "renewed" and "256 bits" in row["text"]
    assert "C_Login" not in mock.calls


# -- what is named -------------------------------------------------------------


def test_lists_and_plans_name_chips(office: Office, mock: MockToken) -> None:
    office.add()
    path = office.folder / "list.csv"
    path.write_text(
        "container;pin_file;destination;exchanges_finished\n"
        f"keys/k000-tes.000;pin.txt;{CHIP};yes\n"
        f"keys/k000-tes.000;;{CHIP}/label;yes\n"
        "keys/k000-tes.000;;chip:;yes\n",
        encoding="utf-8",
    )
    listing = read_list(path)
    assert [error.line for error in listing.errors] == [3, 4]
    assert all("serial number" in error.text for error in listing.errors)
    (who,) = listing.subscribers
    assert who.destination == Path(CHIP)
    assert who.pin_file == office.folder / "pin.txt"
    office.change(0, destination=Path(CHIP))
    plan = office.plan()
    # A plan needs neither library nor PIN.
    assert [str(one.destination) for one in plan.planned] == [CHIP]
    assert plan_from_json(plan_to_json(plan)).planned[0].destination == Path(CHIP)
    tree = read_tree(office.keys, destination=Path(CHIP))
    assert tree.subscribers[0].destination == Path(CHIP)
    with pytest.raises(CampaignError, match="serial number"):
        read_tree(office.keys, destination=Path(f"{CHIP}/label"))
    with opened(mock, pin=nobody) as chip:
        assert chip.keys() == []
