"""Whole campaigns: every state, every check, and what a second run does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import samples
from oracles import container_reader
from renewal.offices import NOW, Office, certificate_in, snapshot

from gostkey.containers import Container
from gostkey.errors import CampaignError, CampaignLocked, GostKeyError, WrongPassword
from gostkey.media import FolderStore
from gostkey.pki.certificates import Certificate
from gostkey.renewal import (
    STATES,
    Campaign,
    EmbeddedCA,
    Event,
    FolderTransport,
    Pending,
    Reason,
    plan_from_json,
    plan_to_json,
    read_report,
)
from gostkey.renewal.copies import unpack

CURVES = [
    ("1.2.643.2.2.36.0", "exchange"),
    ("1.2.643.2.2.35.1", "signature"),
    ("1.2.643.7.1.2.1.1.1", "exchange"),
    ("1.2.643.7.1.2.1.2.1", "exchange"),
]


def test_keys_of_every_kind_are_renewed_in_all_states(office: Office) -> None:
    for curve, usage in CURVES:
        office.add(curve=curve, usage=usage)
    before = snapshot(office.keys)
    with office.begin() as campaign:
        report = campaign.run()
    assert report.counts["renewed"] == 4
    assert report.finished and report.exit_code == 0
    after = snapshot(office.keys)
    # Nothing that was there is changed or gone.
    assert {name: after[name] for name in before} == before
    for row, who, (curve, usage) in zip(
        report.rows, office.subscribers, CURVES, strict=True
    ):
        place = Path(row["new_container"])
        container = Container.parse(FolderStore(place.parent).read(place))
        entry = container.keys[0]
        assert (entry.curve.oid, entry.usage) == (curve, usage)
        assert container.name == row["new_name"]
        assert entry.certificate is not None
        certificate = Certificate.from_bytes(entry.certificate)
        old = certificate_in(who.container)
        assert old is not None
        assert certificate.subject_der == old.subject_der
        assert certificate.public_key != old.public_key
        assert certificate.not_after > NOW + timedelta(days=360)
        with container.open() as opened:
            assert opened.keys["primary"].verifying_key == certificate.public_key
        # And to a reader that shares no code with the package it is the same.
        seen = container_reader.read(samples.read(place), quick=True)
        assert seen.public == certificate.public_key.to_bytes()
        assert seen.certificate == certificate.der
        # Both copies are whole.
        assert unpack(Path(row["archive"])) == snapshot(who.container)
        assert unpack(Path(row["backup"])) == snapshot(place)


def test_old_and_new_passwords_come_from_their_files(office: Office) -> None:
    who = office.add(password="correct horse")
    new = office.folder / "new.txt"
    new.write_text("battery staple\n")
    office.change(0, new_password_file=new)
    with office.begin() as campaign:
        report = campaign.run()
    assert report.counts["renewed"] == 1
    place = Path(report.rows[0]["new_container"])
    container = Container.parse(FolderStore(place.parent).read(place))
    with pytest.raises(WrongPassword):
        container.open("correct horse")
    container.open("battery staple").close()
    # Neither word is in the campaign's folder, in no file of it.
    text = json.dumps([report.summary(), *report.rows], ensure_ascii=False)
    held = [text.encode(), *snapshot(office.campaign).values()]
    assert not any(b"horse" in one or b"staple" in one for one in held)
    assert who.container.is_dir()


def test_every_step_is_journalled_before_and_after(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
        history = campaign.history()
    told = [(one["step"], one["phase"]) for one in history]
    wanted = [("planned", "after")]
    for state in STATES[2:]:
        wanted += [(state, "before"), (state, "after")]
    assert told == wanted
    moments = [datetime.fromisoformat(one["at"]) for one in history]
    assert moments == sorted(moments)


def test_the_end_of_a_run_is_told_to_the_progress_bar(office: Office) -> None:
    office.add()
    office.add()
    events: list[Event] = []
    with office.begin() as campaign:
        campaign.run(events.append)
    assert events[0].kind == "begin" and events[0].total == 14
    steps = [event.step for event in events if event.kind == "step"]
    assert steps == list(STATES[2:])
    ended = [event for event in events if event.kind == "item"]
    assert [event.state for event in ended] == ["backed-up", "backed-up"]
    assert events[-1].done == 14


def test_a_second_run_and_resume_do_nothing(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    before = snapshot(office.keys)
    for call in (Campaign.run, Campaign.resume, Campaign.receive):
        with office.open() as campaign:
            assert call(campaign).counts["renewed"] == 1
    assert snapshot(office.keys) == before


def test_a_second_campaign_finds_the_keys_renewed(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    plan = office.plan()
    assert [one.verdict.reason for one in plan.items if one.verdict] == [
        Reason.REPLACED
    ]


def test_a_second_campaign_makes_no_key_while_the_first_waits(office: Office) -> None:
    office.add()
    transport = FolderTransport(
        office.folder / "out", office.folder / "in", office.folder / "trust"
    )
    with office.begin(transport) as campaign:
        assert campaign.run().counts["waiting"] == 1
    (one,) = office.plan().items
    assert one.verdict is not None
    assert one.verdict.reason is Reason.PENDING_ELSEWHERE


def test_two_runs_at_once_are_refused(office: Office) -> None:
    office.add()
    with office.begin():
        with pytest.raises(CampaignLocked, match="another run"):
            office.open()
        # The report can be read all the same.
        assert read_report(office.campaign, NOW).counts["unfinished"] == 1


def test_a_campaign_is_begun_once(office: Office) -> None:
    office.add()
    office.begin().close()
    with pytest.raises(CampaignError, match="renew resume"):
        office.begin()
    # The failed attempt has not kept the lock.
    office.open().close()


def test_opening_what_is_not_there_says_how_to_begin(office: Office) -> None:
    with pytest.raises(CampaignError, match="gostkey renew run"):
        office.open()
    assert not office.campaign.exists()


def test_a_saved_plan_runs_like_the_plan(office: Office) -> None:
    office.add()
    office.add(exchanges_finished=False)
    plan = plan_from_json(plan_to_json(office.plan()))
    with Campaign.begin(
        office.campaign, plan, office.transport(), clock=office.clock
    ) as campaign:
        report = campaign.run()
    assert (report.counts["renewed"], report.counts["refused"]) == (1, 1)
    assert report.exit_code == 2


def test_resume_finds_the_transport_by_itself(office: Office) -> None:
    office.add()
    office.begin().close()
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        assert campaign.resume().counts["renewed"] == 1


def test_days_that_pass_between_plan_and_run_count(office: Office) -> None:
    office.add(days_left=2)
    campaign = office.begin()
    office.clock.forward(days=2)
    with campaign:
        report = campaign.run()
    assert report.counts["refused"] == 1
    assert report.rows[0]["reason"] == "last-day"
    assert report.exit_code == 3
    assert len(list(office.keys.iterdir())) == 1


def test_the_report_is_plain_data(office: Office) -> None:
    office.add()
    office.add(days_left=100)
    with office.begin() as campaign:
        report = campaign.run()
    rows = json.loads(json.dumps(report.rows))
    assert rows[0]["old_ends"] < rows[0]["new_ends"]
    assert [row["group"] for row in rows] == ["renewed", "not-due"]
    summary = json.loads(json.dumps(report.summary()))
    assert summary["counts"]["renewed"] == 1
    assert any("back up the media" in one for one in summary["advice"])


# -- answers that come later -------------------------------------------------


class Post:
    """A transport by hand: answers are put where the test wants them."""

    def __init__(self, office: Office) -> None:
        self.out = office.folder / "out"
        self.inbox = office.folder / "in"
        trusted = office.folder / "trust"
        for folder in (self.inbox, trusted):
            folder.mkdir()
        (trusted / "root.cer").write_bytes(office.authority.certificate.der)
        self.office = office
        self.trusted = trusted
        self.transport = FolderTransport(self.out, self.inbox, trusted)
        self.new_crl()

    def new_crl(self) -> None:
        crl = self.office.authority.crl(self.office.clock())
        (self.trusted / "list.crl").write_bytes(crl)

    def requests(self) -> list[Path]:
        return sorted(self.out.glob("*.p7m"))

    def answer(self, request: Path, name: str | None = None) -> bytes:
        certificate = self.office.authority.issue_renewal(
            request.read_bytes(), self.office.clock()
        )
        (self.inbox / (name or f"{request.stem}.cer")).write_bytes(certificate.der)
        return certificate.der


def test_answers_are_received_as_they_come(office: Office) -> None:
    for _ in range(3):
        office.add()
    post = Post(office)
    with office.begin(post.transport) as campaign:
        report = campaign.run()
        assert report.counts["waiting"] == 3
        assert not report.finished and report.exit_code == 0
        first, second, third = post.requests()
        post.answer(first)
        assert campaign.receive().counts["renewed"] == 1
        assert campaign.receive().counts["renewed"] == 1
        # A certificate under a name of the authority's own is found by its key.
        post.answer(second, "Новый сертификат (1).crt")
        assert campaign.receive().counts["renewed"] == 2
    with office.open(post.transport) as campaign:
        post.answer(third)
        report = campaign.receive()
    assert report.counts["renewed"] == 3 and report.finished
    assert len(post.requests()) == 3


def test_after_three_hours_the_report_warns(office: Office) -> None:
    office.add()
    post = Post(office)
    with office.begin(post.transport) as campaign:
        campaign.run()
        office.clock.forward(hours=2, minutes=59)
        assert not campaign.report().rows[0]["late"]
        office.clock.forward(minutes=2)
        report = campaign.report()
    row = report.rows[0]
    assert row["late"]
    assert "3 h 01 min" in row["note"] and row["request_id"] in row["note"]
    assert any("ask the authority" in one for one in report.advice())
    assert report.exit_code == 0


def test_a_request_that_is_on_its_way_outlives_the_last_day(office: Office) -> None:
    office.add(days_left=1)
    post = Post(office)
    with office.begin(post.transport) as campaign:
        campaign.run()
        post.answer(post.requests()[0])
        office.clock.forward(days=3)
        post.new_crl()
        assert campaign.receive().counts["renewed"] == 1


def test_an_answer_for_another_key_fails_that_item_only(office: Office) -> None:
    for _ in range(3):
        office.add()
    post = Post(office)
    with office.begin(post.transport) as campaign:
        campaign.run()
        first, second, third = post.requests()
        wrong = post.answer(first)
        post.answer(third)
        (post.inbox / f"{second.stem}.cer").write_bytes(wrong)
        report = campaign.receive()
        assert report.counts["renewed"] == 2 and report.counts["failed"] == 1
        assert report.exit_code == 2
        (bad,) = [row for row in report.rows if row["group"] == "failed"]
        assert bad["reason"] == "answer-for-another-key"
        assert bad["state"] == "sent"
        assert "then run receive" in bad["cure"]
        # The right answer takes its place.
        post.answer(second)
        assert campaign.receive().counts["renewed"] == 3


@pytest.mark.parametrize("answer", [b"", b"not a certificate", b"\x30\x80" * 9])
def test_an_answer_that_is_no_certificate_is_told(
    office: Office, answer: bytes
) -> None:
    office.add()
    post = Post(office)
    with office.begin(post.transport) as campaign:
        campaign.run()
        (request,) = post.requests()
        (post.inbox / f"{request.stem}.cer").write_bytes(answer)
        report = campaign.receive()
        assert report.rows[0]["reason"] == "answer-unreadable"
        post.answer(request)
        assert campaign.receive().counts["renewed"] == 1


def test_a_chain_that_does_not_verify_stops_the_certificate(
    office: Office, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from renewal.offices import new_office

    office.add()
    post = Post(office)
    stranger = new_office(tmp_path_factory.mktemp("stranger"))
    with office.begin(post.transport) as campaign:
        campaign.run()
        post.answer(post.requests()[0])
        good = (post.trusted / "root.cer").read_bytes()
        (post.trusted / "root.cer").write_bytes(stranger.authority.certificate.der)
        report = campaign.receive()
        assert report.rows[0]["reason"] == "chain"
        assert certificate_in(Path(report.rows[0]["new_container"])) is None
        (post.trusted / "root.cer").write_bytes(good)
        assert campaign.receive().counts["renewed"] == 1


def test_a_certificate_revoked_before_it_came_is_not_installed(office: Office) -> None:
    office.add()
    post = Post(office)
    with office.begin(post.transport) as campaign:
        campaign.run()
        der = post.answer(post.requests()[0])
        serial = Certificate.from_bytes(der).serial
        office.authority.revoke(serial, office.clock(), "keyCompromise")
        office.clock.forward(minutes=1)
        post.new_crl()
        report = campaign.receive()
    assert report.rows[0]["reason"] == "chain"
    assert "revoked" in report.rows[0]["text"]


def test_without_a_crl_nothing_is_installed(office: Office) -> None:
    office.add()
    post = Post(office)
    (post.trusted / "list.crl").unlink()
    with office.begin(post.transport) as campaign:
        campaign.run()
        post.answer(post.requests()[0])
        report = campaign.receive()
    assert report.rows[0]["reason"] == "chain"
    assert "CRL" in report.rows[0]["text"]


def test_requests_survive_the_way_back_into_the_outbox(office: Office) -> None:
    office.add()
    post = Post(office)
    with office.begin(post.transport) as campaign:
        campaign.run()
    before = snapshot(post.out)
    with office.open(post.transport) as campaign:
        campaign.resume()
        campaign.resume()
    assert snapshot(post.out) == before
    assert len(before) == 1


def test_the_embedded_authority_issues_once_for_a_request(office: Office) -> None:
    office.add()
    calls = []

    class Counting(EmbeddedCA):
        def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
            calls.extend(one.request_id for one in pendings)
            super().submit(pendings)
            return super().submit(pendings)

    transport = Counting(office.authority, office.folder / "ca", office.clock)
    with office.begin(transport) as campaign:
        campaign.run()
    assert len(calls) == 1
    assert len(office.authority.certificates()) == 2  # the old and the new one
