"""Keys that are inside a token already are renewed: the old one signs there and stays.

The token is a PKCS #11 library of the tests (tests/pkcs11).
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from clusters import Cluster
from crashes import forks, in_child
from mock_tokens import PIN, MockToken, mock_token, opened
from renewal.offices import Office
from renewal.scenes import RECORDS, kill_at

from gostkey.containers import Container
from gostkey.media import FolderStore
from gostkey.media.chips import Chip, ChipKeyEntry
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.certificates import Certificate
from gostkey.pki.renewal_request import RenewalRequest
from gostkey.pki.requests import build_request
from gostkey.renewal import (
    Campaign,
    EmbeddedCA,
    FolderTransport,
    Plan,
    Report,
    due_list,
    key_steps,
    make_plan,
    plan_from_json,
    plan_to_json,
    read_list,
    read_tree,
)
from gostkey.renewal.planning.people import person
from gostkey.renewal.stations.station import Station
from gostkey.renewal.tokens import Tokens

CHIP = "chip:3b000001"


@dataclass
class Inside:
    """An office whose keys are inside a token."""

    office: Office
    mock: MockToken

    def add(self, label: str, *, days_left: int = 30, certified: bool = True) -> bytes:
        """Make a key in the chip; return its certificate."""
        issued = self.office.clock() - timedelta(days=365 - days_left, hours=-1)
        with opened(self.mock) as chip:
            key = chip.generate("CryptoPro-A", label)
            request = build_request(key, person(len(label)).subject)
            certificate = self.office.authority.issue(request, issued, days=365)
            if certified:
                chip.install(certificate.der)
        return certificate.der

    @property
    def pin_file(self) -> Path:
        path = self.office.folder / "pin.txt"
        path.write_text(PIN + "\n", encoding="ascii")
        return path

    def plan(self, source: str = CHIP, destination: Path | None = None) -> Plan:
        """Plan the renewal of what an address means."""
        listing = read_tree(
            Path(source),
            exchanges_finished=True,
            pin_file=self.pin_file,
            destination=destination,
            library=self.mock.library,
        )
        return make_plan(listing, self.office.clock())

    def begin(self, plan: Plan) -> Campaign:
        office = self.office
        # Another process opens the authority anew.
        authority = CertificateAuthority.open(office.folder / "ca")
        transport = EmbeddedCA(authority, office.folder / "ca", office.clock)
        return Campaign.begin(
            office.campaign, plan, transport, clock=office.clock, store=office.store
        )

    def go_on(self, campaign: Campaign, what: str = "run") -> Report:
        with Tokens(library=self.mock.library) as tokens:
            report: Report = getattr(campaign, what)(tokens=tokens)
        return report

    def keys(self) -> dict[str, ChipKeyEntry]:
        with opened(self.mock) as chip:
            chip.log_in()
            found = chip.keys()
        assert len({one.label for one in found}) == len(found)
        return {one.label: one for one in found}


@pytest.fixture
def inside(office: Office, tmp_path: Path) -> Iterator[Inside]:
    folder = tmp_path / "library"
    folder.mkdir()
    mock = mock_token(folder)
    yield Inside(office, mock)
    mock.restart()


def test_keys_in_a_chip_are_planned_as_others_are(inside: Inside) -> None:
    inside.add("due")
    inside.add("young", days_left=200)
    inside.add("late", days_left=-3)
    inside.add("without", certified=False)
    inside.mock.restart()
    calls = len(inside.mock.calls)
    plan = inside.plan()
    by_place = {str(one.holding.subscriber.container): one for one in plan.items}
    assert {place: one.state for place, one in by_place.items()} == {
        f"{CHIP}/due": "planned",
        f"{CHIP}/young": "not-due",
        f"{CHIP}/late": "refused",
        f"{CHIP}/without": "refused",
    }
    lonely = by_place[f"{CHIP}/without"].verdict
    assert lonely is not None and "gostkey token install" in lonely.cure
    assert lonely.reason.value == "no-certificate"
    due = by_place[f"{CHIP}/due"]
    assert due.destination == Path(CHIP) and (due.new_name or "").startswith("due-")
    assert due.holding.owner == person(len("due")).subject.owner
    # Neither PIN nor anything else was needed for it.
    assert not {"C_Login", "C_GenerateKeyPair"} & {*inside.mock.calls[calls:]}
    unconfirmed = read_tree(Path(f"{CHIP}/due"), library=inside.mock.library)
    (one,) = make_plan(unconfirmed, inside.office.clock()).items
    assert one.verdict is not None
    assert one.verdict.reason.value == "exchanges-not-confirmed"
    assert due_list(unconfirmed, inside.office.clock()).planned


def test_without_a_library_or_a_token_the_cause_is_told(inside: Inside) -> None:
    inside.add("due")
    now = inside.office.clock()
    (one,) = make_plan(read_tree(Path(CHIP)), now).items
    assert one.verdict is not None and one.verdict.reason.value == "library-missing"
    assert "--library" in one.verdict.cure and "resume" not in one.verdict.cure
    absent = read_tree(Path(CHIP), library=str(inside.office.folder / "none.so"))
    (one,) = make_plan(absent, now).items
    assert one.verdict is not None and one.verdict.reason.value == "library-missing"
    assert "none.so: there is no such" in one.verdict.text
    for address in ("chip:77", f"{CHIP}/nobody"):
        (one,) = make_plan(
            read_tree(Path(address), library=inside.mock.library), now
        ).items
        assert one.verdict is not None and one.verdict.reason.value == "token-absent"


def test_a_key_in_a_chip_is_renewed_there(inside: Inside) -> None:
    old = {"director": inside.add("director"), "clerk": inside.add("clerk")}
    before = inside.keys()
    with inside.begin(inside.plan()) as campaign:
        report = inside.go_on(campaign)
    assert report.counts["renewed"] == 2, [row["text"] for row in report.rows]
    after = inside.keys()
    assert len(after) == 4
    for label, was in before.items():
        # The old key and its certificate are what they were.
        is_now = after[label]
        assert is_now.verifying_key == was.verifying_key
        assert is_now.certificate == old[label] and is_now.has_private
    for row in report.rows:
        new = after[row["new_container"].removeprefix(f"{CHIP}/")]
        assert new.has_private and new.certificate is not None
        certificate = Certificate.from_bytes(new.certificate)
        assert certificate.public_key == new.verifying_key
        was_certificate = Certificate.from_bytes(old[row["container"].split("/")[1]])
        assert certificate.subject_der == was_certificate.subject_der
        assert row["archive"] is None and row["backup"] is None
    # Nothing is left to be done, and the plan says so of both kinds.
    again = inside.plan()
    assert {one.state for one in again.items} == {"not-due"}
    reasons = {one.verdict.reason.value for one in again.items if one.verdict}
    assert reasons == {"already-renewed", "not-due"}
    # Named alone, the old key is known as renewed too.
    (one,) = inside.plan(f"{CHIP}/clerk").items
    assert one.verdict is not None and one.verdict.reason.value == "already-renewed"


def test_the_request_is_signed_inside_by_the_old_key(inside: Inside) -> None:
    old = inside.add("director")
    office = inside.office
    folders = [office.folder / name for name in ("out", "in", "trusted")]
    for folder in folders:
        folder.mkdir()
    transport = FolderTransport(*folders)
    (folders[2] / "ca.cer").write_bytes(office.authority.certificate.der)
    (folders[2] / "ca.crl").write_bytes(office.authority.crl(office.clock()))
    with Campaign.begin(
        office.campaign, inside.plan(), transport, clock=office.clock
    ) as campaign:
        (row,) = inside.go_on(campaign).rows
    assert row["group"] == "waiting", row
    (request,) = folders[0].iterdir()
    read = RenewalRequest.from_bytes(request.read_bytes())
    read.check(at=office.clock())
    assert read.old_certificate.der == old
    answer = office.authority.issue_renewal(request.read_bytes(), office.clock())
    (folders[1] / f"{request.stem}.cer").write_bytes(answer.der)
    inside.mock.restart()
    with office.open(transport) as campaign:
        (row,) = inside.go_on(campaign, "receive").rows
    assert row["group"] == "renewed", row
    label = row["new_container"].removeprefix(f"{CHIP}/")
    assert inside.keys()[label].certificate == answer.der


def test_a_key_in_a_chip_gets_a_successor_in_a_folder(inside: Inside) -> None:
    inside.add("director")
    keys = inside.office.keys
    with inside.begin(inside.plan(destination=keys)) as campaign:
        (row,) = inside.go_on(campaign).rows
    assert row["group"] == "renewed", row
    (place,) = FolderStore(keys).find()
    assert str(place) == row["new_container"] and Path(row["backup"]).exists()
    assert row["archive"] is None
    (entry,) = Container.parse(FolderStore(keys).read(place)).keys
    assert entry.certificate is not None and not entry.exportable
    assert list(inside.keys()) == ["director"]


@forks
def test_a_station_leaves_a_key_in_a_chip_to_the_run_that_has_the_token(
    inside: Inside, cluster: Cluster
) -> None:
    pytest.importorskip("procrastinate", reason="pip install 'gostkey[office]'")
    inside.add("director")
    office = inside.office
    office.store = cluster.new_campaign()
    inside.begin(inside.plan(destination=office.keys)).close()
    inside.mock.restart()
    report = Station(office.campaign, office.clock).work()
    (row,) = report.rows
    assert (row["state"], row["reason"]) == ("planned", None)
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        assert inside.go_on(campaign).counts["renewed"] == 1


def test_lists_and_saved_plans_name_keys_in_a_chip(inside: Inside) -> None:
    inside.add("director")
    path = inside.office.folder / "list.csv"
    path.write_text(
        f"container;pin_file;exchanges_finished\n{CHIP}/director;{inside.pin_file};да\n",
        encoding="utf-8",
    )
    listing = read_list(path, library=inside.mock.library)
    plan = make_plan(listing, inside.office.clock())
    saved = plan_from_json(plan_to_json(plan), inside.mock.library)
    assert inside.mock.library not in json.dumps(plan_to_json(plan))
    with inside.begin(saved) as campaign:
        (row,) = inside.go_on(campaign).rows
    assert row["group"] == "renewed", row


@pytest.mark.parametrize("label", ["a/b", " spaces ", "x" * 128, "Ж" * 64, ".."])
def test_labels_that_are_no_names_for_places(inside: Inside, label: str) -> None:
    inside.add(label)
    with inside.begin(inside.plan()) as campaign:
        (row,) = inside.go_on(campaign).rows
    assert row["group"] == "renewed", row
    (one, other) = inside.keys()
    assert label.strip() in (one, other)
    (_, new) = sorted((one, other), key=lambda name: name == row["new_name"])
    assert new == row["new_name"] and len(new.encode()) <= 128
    states = {one.verdict.reason.value for one in inside.plan().items if one.verdict}
    assert states == {"already-renewed", "not-due"}


def test_the_key_was_replaced_by_hand_since_the_plan(inside: Inside) -> None:
    inside.add("director")
    plan = inside.plan()
    inside.mock.restart()
    inside.mock.forget()
    inside.add("director", days_left=20)
    with inside.begin(plan) as campaign:
        (row,) = inside.go_on(campaign).rows
    assert row["reason"] == "plan-out-of-date"
    assert list(inside.keys()) == ["director"]


def test_a_wrong_pin_is_sent_once(inside: Inside) -> None:
    inside.add("director")
    inside.add("clerk")
    inside.mock.restart()
    plan = inside.plan()
    calls = len(inside.mock.calls)
    (inside.office.folder / "pin.txt").write_text("00000000\n")
    with inside.begin(plan) as campaign:
        report = inside.go_on(campaign)
    assert [row["reason"] for row in report.rows] == ["wrong-pin"] * 2
    assert inside.mock.calls[calls:].count("C_Login") == 1
    assert len(inside.keys()) == 2


@forks
@pytest.mark.parametrize(
    "when", ["before", pytest.param("after", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("record", range(1, RECORDS + 1))
def test_a_kill_at_any_journal_write_makes_no_second_key(
    inside: Inside, record: int, when: str
) -> None:
    old = inside.add("director")
    plan = inside.plan()
    inside.mock.restart()

    def begin() -> None:
        kill_at(record, when)()
        with inside.begin(plan) as campaign:
            inside.go_on(campaign)

    def resume() -> None:
        with Campaign.open(
            inside.office.campaign, clock=inside.office.clock
        ) as campaign:
            (row,) = inside.go_on(campaign, "resume").rows
        assert row["group"] == "renewed", row

    assert in_child(begin) == -signal.SIGKILL
    assert in_child(resume) == 0
    check_one_successor(inside, old)


@forks
@pytest.mark.parametrize("step", ["_make_in_chip", "_keyed"])
def test_a_kill_beside_the_making_of_the_key(
    inside: Inside, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token has the key, and no word of it came back."""
    old = inside.add("director")
    plan = inside.plan()
    inside.mock.restart()
    original: Callable[..., object] = getattr(key_steps, step)

    def die_after(*args: object, **values: object) -> None:
        original(*args, **values)
        signal.raise_signal(signal.SIGKILL)

    def begin() -> None:
        monkeypatch.setattr(key_steps, step, die_after)
        with inside.begin(plan) as campaign:
            inside.go_on(campaign)

    assert in_child(begin) == -signal.SIGKILL
    with Campaign.open(inside.office.campaign, clock=inside.office.clock) as campaign:
        (row,) = inside.go_on(campaign, "resume").rows
        keyed = [one for one in campaign.history() if one["step"] == "keyed"]
    assert row["group"] == "renewed", row
    assert keyed[-1]["detail"]["adopted"] is True
    check_one_successor(inside, old)


def test_a_key_that_could_be_read_out_is_not_taken_over(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run was killed before it looked at what the token had made."""
    inside.add("director")
    with inside.begin(inside.plan()) as campaign, monkeypatch.context() as patch:
        inside.mock.order("leaky 1")
        patch.setattr(Chip, "_tested", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            inside.go_on(campaign)
    inside.mock.restart()
    with Campaign.open(inside.office.campaign, clock=inside.office.clock) as campaign:
        (row,) = inside.go_on(campaign, "resume").rows
    assert row["group"] == "failed" and "could be read out" in row["text"]


def check_one_successor(inside: Inside, old: bytes) -> None:
    keys = inside.keys()
    assert len(keys) == 2
    assert keys.pop("director").certificate == old
    (new,) = keys.values()
    assert new.certificate is not None
    issued = CertificateAuthority.open(inside.office.folder / "ca").certificates()
    subject = Certificate.from_bytes(old).subject_der
    assert sum(one.subject_der == subject for one in issued) == 2
