"""The rule of three hours, also by clocks that jump."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from renewal.offices import NOW, Office

from gostkey.errors import GostKeyError, LoginRefused, RequestRefused, TransportError
from gostkey.renewal import Campaign, EmbeddedCA, FolderTransport, Pending
from gostkey.renewal import report as reports
from gostkey.renewal.overdue import (
    count_overdue,
    count_undated,
    is_overdue,
    list_overdue,
    waited,
    way_of,
)
from gostkey.renewal.report import read_report
from gostkey.renewal.storage.store import Store
from gostkey.renewal.transports import CommandTransport, HttpTransport

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("sent", "begun", "now", "found"),
    [
        (0, 0, 0, 0),
        (0, 0, 2, 2),
        (1, 0, 2, 1),
        # By a clock that stood wrong when the request was sent.
        (-500_000, 0, 2, 2),
        # Set back since, or set forward when it was sent.
        (5, 0, 2, None),
        (500_000, 0, 2, None),
        # The campaign itself was begun by a clock that was ahead.
        (1, 5, 2, 1),
        (5, 5, 2, None),
        # Two clocks are never quite the same.
        (1.05, 0, 1, 0),
    ],
)
def test_how_long_an_answer_was_waited_for(
    sent: float, begun: float, now: float, found: float | None
) -> None:
    span = waited(NOW + sent * HOUR, NOW + begun * HOUR, NOW + now * HOUR)
    assert span == (None if found is None else found * HOUR)


moments = st.datetimes(
    datetime(1971, 1, 1), datetime(2090, 1, 1), timezones=st.just(timezone.utc)
)


@given(moments, moments, moments)
def test_no_clock_gives_a_wait_below_nothing(
    sent: datetime, begun: datetime, now: datetime
) -> None:
    span = waited(sent, begun, now)
    assert span is None or span >= timedelta(0)
    assert not is_overdue(sent, begun, now) or span is not None


@pytest.fixture
def by_hand(office: Office) -> FolderTransport:
    trusted = office.folder / "trusted"
    trusted.mkdir()
    (trusted / "ca.cer").write_bytes(office.authority.certificate.der)
    return FolderTransport(office.folder / "out", office.folder / "in", trusted)


def sent(office: Office, transport: FolderTransport, keys: int = 2) -> None:
    """Begin a campaign whose requests wait in a folder."""
    for _ in range(keys):
        office.add()
    with office.begin(transport) as campaign:
        assert campaign.run().counts["waiting"] == keys


def receive(office: Office) -> None:
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        campaign.receive()


def counted(office: Office) -> tuple[int, int]:
    """Count what is overdue now, in all three ways; and what nobody knows."""
    with Store.open(office.campaign) as store:
        now, begun = office.clock(), store.created_at()
        number = count_overdue(store, now)
        assert number == len(list(list_overdue(store, now)))
        assert number == sum(
            is_overdue(datetime.fromisoformat(one.sent_at), begun, now)
            for one in store.items()
            if one.state == "sent"
            and one.reason in (None, "transport", "login-refused")
            and one.sent_at is not None
        )
        return number, count_undated(store, now)


def test_a_certificate_is_overdue_after_three_hours(
    office: Office, by_hand: FolderTransport
) -> None:
    sent(office, by_hand)
    office.clock.forward(hours=2, minutes=59)
    assert counted(office) == (0, 0)
    office.clock.forward(minutes=1)
    assert counted(office) == (2, 0)
    with Store.open(office.campaign) as store:
        first, second = list_overdue(store, office.clock())
        assert len(list(list_overdue(store, office.clock(), limit=1))) == 1
    record = first.record()
    assert record["waited_seconds"] == 3 * 3600
    assert record["transport"] == "folder"
    # Whom to ask for what, and what to do then.
    assert str(by_hand.outbox / f"{first.request_id}.p7m") in record["advice"]
    assert str(by_hand.inbox) in record["advice"]
    assert "gostkey renew receive" in record["advice"]
    assert "harmless" in record["advice"]
    assert first.request_id != second.request_id


def test_a_clock_that_was_ahead_when_sending_does_not_make_it_never_overdue(
    office: Office, by_hand: FolderTransport
) -> None:
    office.add()
    office.add()
    with office.begin(by_hand) as campaign:
        office.clock.forward(hours=20)
        assert campaign.run().counts["waiting"] == 2
    office.clock.forward(hours=-19)
    assert counted(office) == (0, 2)
    # Looking for answers counts anew, once.
    receive(office)
    assert counted(office) == (0, 0)
    office.clock.forward(hours=1)
    receive(office)
    office.clock.forward(hours=2)
    assert counted(office) == (2, 0)
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        told = [one["detail"] for one in campaign.history() if "was" in one["detail"]]
    # The journal keeps what the other clock said.
    assert [one["was"] for one in told] == [(NOW + 20 * HOUR).isoformat()] * 2


def test_a_clock_that_was_behind_when_sending_does_not_make_all_overdue(
    office: Office, by_hand: FolderTransport
) -> None:
    office.add()
    with office.begin(by_hand) as campaign:
        office.clock.forward(hours=-20)
        assert campaign.run().counts["waiting"] == 1
    office.clock.forward(hours=21)
    assert counted(office) == (0, 0)
    office.clock.forward(hours=2)
    assert counted(office) == (1, 0)


def test_a_clock_that_leaps_ahead_for_a_while_leaves_nothing_behind(
    office: Office, by_hand: FolderTransport
) -> None:
    sent(office, by_hand)
    office.clock.forward(days=20)
    assert counted(office) == (2, 0)
    receive(office)
    office.clock.forward(days=-20, hours=1)
    assert counted(office) == (0, 0)
    receive(office)
    assert counted(office) == (0, 0)
    office.clock.forward(hours=2)
    assert counted(office) == (2, 0)


def test_overdue_requests_are_sent_again_when_a_person_asks_for_it(
    office: Office, by_hand: FolderTransport
) -> None:
    sent(office, by_hand)
    requests = {one: one.read_bytes() for one in by_hand.outbox.iterdir()}

    def receive_again() -> dict[str, int]:
        for one in by_hand.outbox.iterdir():
            one.unlink()
        with Campaign.open(office.campaign, clock=office.clock) as campaign:
            return dict(campaign.receive(send_again=True).counts)

    office.clock.forward(hours=2)
    assert receive_again()["waiting"] == 2
    assert list(by_hand.outbox.iterdir()) == []
    office.clock.forward(hours=1)
    receive(office)
    assert list(by_hand.outbox.iterdir()) == []
    assert receive_again()["waiting"] == 2
    # The very same bytes under the very same names.
    assert {one: one.read_bytes() for one in by_hand.outbox.iterdir()} == requests
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        told = [one for one in campaign.history() if "sent_again" in one["detail"]]
    assert [(one["step"], one["phase"]) for one in told] == [
        ("certified", "before")
    ] * 2


def test_what_is_refused_when_sent_again_is_told(
    office: Office, by_hand: FolderTransport
) -> None:
    sent(office, by_hand)
    office.clock.forward(hours=4)

    class Strict(FolderTransport):
        def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
            return [RequestRefused("no"), TransportError("cut")][: len(pendings)]

    strict = Strict(by_hand.outbox, by_hand.inbox, by_hand.trusted)
    with office.open(strict) as campaign:
        rows = campaign.receive(send_again=True).rows
    assert [row["reason"] for row in rows] == ["refused-by-authority", "transport"]
    # What failed is tried again by the next one.
    receive(office)
    assert counted(office)[0] == 1


@pytest.mark.parametrize("fault", [TransportError("down"), LoginRefused("no")])
def test_what_is_overdue_stays_so_while_the_authority_cannot_be_reached(
    office: Office,
    by_hand: FolderTransport,
    fault: GostKeyError,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Down(FolderTransport):
        def fetch(self, pending: Pending) -> bytes | None:
            raise fault

    sent(office, by_hand)
    down = Down(by_hand.outbox, by_hand.inbox, by_hand.trusted)
    office.clock.forward(hours=2)
    with office.open(down) as campaign:
        report = campaign.receive()
    assert (report.counts["failed"], report.late, counted(office)) == (2, 0, (0, 0))
    assert not any(row["late"] for row in report.rows)
    office.clock.forward(hours=1)
    report = read_report(office.campaign, office.clock())
    assert (report.counts["failed"], report.late, counted(office)) == (2, 2, (2, 0))
    for row in report.rows:
        # It is told both why it failed and that it is overdue.
        assert row["late"] and row["waited_seconds"] == 3 * 3600
        assert str(fault) in row["text"] and "no certificate for 3 h" in row["note"]
    # In a campaign of many keys the database looks for these.
    monkeypatch.setattr(reports, "HELD", 0)
    large = read_report(office.campaign, office.clock())
    assert large.late == 2 and list(large.noted) == list(report.noted)
    receive(office)
    assert read_report(office.campaign, office.clock()).counts["waiting"] == 2
    assert counted(office) == (2, 0)


def test_what_had_a_bad_answer_is_told_as_that_and_is_not_overdue(
    office: Office, by_hand: FolderTransport
) -> None:
    sent(office, by_hand)
    office.clock.forward(hours=5)
    by_hand.inbox.mkdir()
    for request in by_hand.outbox.iterdir():
        (by_hand.inbox / f"{request.stem}.cer").write_bytes(b"no certificate")
    receive(office)
    report = read_report(office.campaign, office.clock())
    assert {row["reason"] for row in report.rows} == {"answer-unreadable"}
    assert (report.late, counted(office)) == (0, (0, 0))


def test_what_came_is_overdue_no_more(office: Office, by_hand: FolderTransport) -> None:
    sent(office, by_hand)
    office.clock.forward(hours=5)
    (request, _) = sorted(by_hand.outbox.iterdir())
    found = office.authority.issue_renewal(request.read_bytes(), office.clock())
    by_hand.inbox.mkdir()
    (by_hand.inbox / f"{request.stem}.cer").write_bytes(found.der)
    (by_hand.trusted / "ca.crl").write_bytes(office.authority.crl(office.clock()))
    receive(office)
    assert counted(office) == (1, 0)


def test_every_way_is_told_in_words(tmp_path: Path, office: Office) -> None:
    ways = {
        "folder": FolderTransport(tmp_path / "a", tmp_path / "b", tmp_path).settings(),
        "https": HttpTransport("https://ca.example:8443", trusted=tmp_path).settings(),
        "command": CommandTransport("sh", "sh {id} {answer}", tmp_path).settings(),
        "embedded": EmbeddedCA(office.authority, tmp_path, office.clock).settings(),
        "mail": {"kind": "mail", "file": "mail.toml", "campaign": "x"},
    }
    words = {
        "folder": str(tmp_path / "a"),
        "https": "https://ca.example:8443",
        "command": "the program sh",
        "embedded": str(tmp_path),
        "mail": "mail",
    }
    for kind, settings in ways.items():
        way = way_of(settings)
        assert way.kind == kind and words[kind] in way.words
        assert "{id}" in way.advice and "gostkey renew receive" in way.advice
    # A newer version's campaign is not a reason to fail.
    assert way_of({"kind": "pigeon"}).words == "pigeon"
    assert way_of(None).words
