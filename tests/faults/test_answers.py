"""An authority that is away, and answers that are wrong, late, twice or another's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from office.mail_office import MailOffice
from renewal.https.conftest import Site
from renewal.offices import Office, snapshot
from renewal.scenes import SUBSCRIBERS, Scene, Template
from renewal.test_faults import remade
from tally import Tally

from gostkey.pki.certificates import Certificate
from gostkey.renewal import Campaign, FolderTransport, Report

pytestmark = pytest.mark.slow

Spoil = Callable[[bytes, bytes], dict[str, bytes]]
"""Makes of the right answer and another's what is found in the inbox, by name."""


def duplicate(answer: bytes, other: bytes) -> dict[str, bytes]:
    return {"{id}.cer": answer, "{id}.der": answer, "again.cer": answer}


def foreign(answer: bytes, other: bytes) -> dict[str, bytes]:
    return {"{id}.cer": other}


def forged(answer: bytes, other: bytes) -> dict[str, bytes]:
    return {"{id}.cer": remade(Certificate.from_bytes(answer))}


def corrupted(answer: bytes, other: bytes) -> dict[str, bytes]:
    middle = len(answer) // 2
    return {
        "{id}.cer": answer[:middle] + bytes([answer[middle] ^ 4]) + answer[middle + 1 :]
    }


def cut(answer: bytes, other: bytes) -> dict[str, bytes]:
    return {"{id}.cer": answer[:-7]}


def words(answer: bytes, other: bytes) -> dict[str, bytes]:
    return {"{id}.cer": b"<html>come back on Monday</html>"}


def nothing(answer: bytes, other: bytes) -> dict[str, bytes]:
    return {}


ANSWERS: dict[str, Spoil] = {
    "duplicate answers": duplicate,
    "foreign answers": foreign,
    "forged answers": forged,
    "corrupted answers": corrupted,
    "cut-off answers": cut,
    "answers that are none": words,
    "late answers": nothing,
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_wrong_answers_change_nothing_and_right_ones_end_the_campaign(
    template: Template, tmp_path: Path, tally: Tally, kind: str
) -> None:
    scene = template(tmp_path)
    office = scene.office
    outbox, inbox, trusted = (office.folder / name for name in ("out", "in", "trust"))
    inbox.mkdir()
    trusted.mkdir()
    authority = scene.reopen()
    (trusted / "root.cer").write_bytes(authority.authority.certificate.der)
    (trusted / "now.crl").write_bytes(authority.authority.crl(office.clock()))
    with office.begin(FolderTransport(outbox, inbox, trusted)) as campaign:
        assert campaign.run().counts["waiting"] == SUBSCRIBERS
    requests = {path.stem: path.read_bytes() for path in outbox.iterdir()}
    certificates = authority.authority.issue_renewals(
        list(requests.values()), office.clock()
    )
    answers: dict[str, bytes] = {}
    for name, certificate in zip(requests, certificates, strict=True):
        assert isinstance(certificate, Certificate)
        answers[name] = certificate.der
    names = list(answers)
    other = authority.authority.certificate.der
    for number, name in enumerate(names):
        with tally(kind):
            for file, data in ANSWERS[kind](answers[name], other).items():
                (inbox / file.format(id=name)).write_bytes(data)
            with office.open(FolderTransport(outbox, inbox, trusted)) as campaign:
                report = campaign.receive()
                again = campaign.receive()
            renewed = number + 1 if kind == "duplicate answers" else number
            assert report.counts["renewed"] == again.counts["renewed"] == renewed
            if kind == "late answers":
                office.clock.forward(hours=4)
                with office.open(FolderTransport(outbox, inbox, trusted)) as campaign:
                    waiting = campaign.receive()
                assert any("three hours" in line for line in waiting.advice())
                office.clock.moment -= timedelta(hours=4)
            for path in inbox.iterdir():
                if kind != "duplicate answers":
                    path.unlink()
            # The right one comes, under a name of the authority's own.
            for done in names[: number + 1]:
                (inbox / f"from-the-authority-{done[:8]}.cer").write_bytes(
                    answers[done]
                )
            with office.open(FolderTransport(outbox, inbox, trusted)) as campaign:
                report = campaign.resume()
            assert report.counts["renewed"] == number + 1
    scene.check_one_of_each()


def three(office: Office) -> Scene:
    """Give an office three subscribers."""
    for _ in range(SUBSCRIBERS):
        office.add()
    return Scene(office, snapshot(office.keys))


def test_an_authority_that_is_down_for_the_whole_run(site: Site, tally: Tally) -> None:
    with tally("authority down for the whole run"):
        scene = three(site.office)
        site.stop()
        with site.office.begin(site.transport()) as campaign:
            report = campaign.run()
        assert {row["reason"] for row in report.rows} == {"transport"}
        site.start()
        with site.office.open(site.transport()) as campaign:
            assert campaign.resume().counts["renewed"] == SUBSCRIBERS
        assert site.issued() == SUBSCRIBERS
        scene.check_one_of_each()


def reopened(mail: MailOffice) -> Campaign:
    """Open the campaign as another process does: it knows its way to the authority."""
    return Campaign.open(mail.office.campaign, clock=mail.office.clock)


def by_mail(mail: MailOffice) -> Report:
    """Let the authority answer what has come, and receive it."""
    mail.authority_box.wait_for(SUBSCRIBERS)
    mail.serve()
    mail.box.wait_for(SUBSCRIBERS)
    with reopened(mail) as campaign:
        return campaign.receive()


def test_a_mail_server_that_refuses(mail: MailOffice, tally: Tally) -> None:
    with tally("mail server refuses"):
        scene = three(mail.office)
        mail.servers.stop_smtp()
        try:
            with mail.office.begin(mail.transport()) as campaign:
                report = campaign.run()
        finally:
            mail.servers.start_smtp()
        assert {row["reason"] for row in report.rows} == {"transport"}
        with reopened(mail) as campaign:
            assert campaign.resume().counts["waiting"] == SUBSCRIBERS
        assert by_mail(mail).counts["renewed"] == SUBSCRIBERS
        scene.check_one_of_each()


def test_a_mailbox_full_of_other_mail(mail: MailOffice, tally: Tally) -> None:
    with tally("mailbox full of other mail"):
        scene = three(mail.office)
        others = 500
        raw = (
            "From: somebody@office.test\r\nTo: {to}\r\nSubject: lunch {number}\r\n"
            "Message-ID: <lunch-{number}@office.test>\r\n\r\nAt one?\r\n"
        )
        with mail.box.imap() as client:
            for number in range(others):
                letter = raw.format(to=mail.box.address, number=number)
                client.append("INBOX", letter.encode())
        with mail.office.begin(mail.transport()) as campaign:
            assert campaign.run().counts["waiting"] == SUBSCRIBERS
        mail.authority_box.wait_for(SUBSCRIBERS)
        mail.serve()
        mail.box.wait_for(others + SUBSCRIBERS)
        with reopened(mail) as campaign:
            assert campaign.receive().counts["renewed"] == SUBSCRIBERS
        assert len(mail.box.all()) == others
        with mail.box.imap() as client:
            assert client.search(["UNSEEN"]) == client.search(["ALL"])
        scene.check_one_of_each()
