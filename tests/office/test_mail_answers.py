"""Answers of every kind, and other people's mail, in a real mailbox."""

from __future__ import annotations

import base64
import email
import logging
import shutil
import time
from pathlib import Path

import pytest
from office.letters import Signer, reply, web_bundle
from office.mail_office import MailOffice
from office.sent_requests import (
    asked_of,
    authority_writer,
    certificate_for,
    emptied,
    receive,
    reopen,
    sent,
)
from renewal.offices import certificate_in
from tally import fault

from gostkey.errors import RequestRefused
from gostkey.pki.certificates import Certificate, build_certificate
from gostkey.renewal import Campaign
from gostkey.renewal.transports.mail import office
from gostkey.renewal.transports.mail.messages import (
    write_certificate,
    write_refusal,
)


def test_hand_made_answers_are_found_by_thread_name_text_and_key(
    mail: MailOffice,
) -> None:
    mail.write_office(top={"require_signed": False})
    requests = sent(mail, 5)
    made = [certificate_for(mail, one["id"]).der for one in requests]
    sender = mail.authority_box.address
    for raw in (
        # 0: a plain reply; 1: a new message with the request's id in the file name
        reply(("a.cer", made[0]), In_Reply_To=requests[0]["message"], sender=sender),
        reply((f"{requests[1]['id']}.cer", made[1]), sender=sender),
        # 2: the id in the text; 3: the subject of the request; 4: nothing at all
        reply(("a.cer", made[2]), text=f"for {requests[2]['id']}", sender=sender),
        reply(("a.cer", made[3]), subject=f"Fwd: {requests[3]['subject']}"),
        reply(("certificate.cer", made[4]), sender=sender),
    ):
        mail.box.put(raw)
    report = receive(mail)
    assert [row["state"] for row in report.rows] == ["backed-up"] * 5, report.rows
    by_request = {row["request_id"]: row for row in report.rows}
    for one, der in zip(requests, made, strict=True):
        new = certificate_in(mail.office.keys / by_request[one["id"]]["new_container"])
        assert new is not None and new.der == der
    assert mail.box.all() == []


@fault("duplicate, late and foreign answers by mail")
def test_duplicate_late_and_foreign_answers_do_no_harm(mail: MailOffice) -> None:
    first, second = sent(mail, 2)
    mail.serve()
    answers = mail.box.wait_for(2)
    foreign = answers[0].replace(first["id"].encode(), b"0" * 64)
    foreign = foreign.replace(second["id"].encode(), b"0" * 64)
    for raw in (answers[0], answers[1], foreign, answers[0]):
        mail.box.put(raw)
    report = receive(mail)
    assert [row["state"] for row in report.rows] == ["backed-up"] * 2
    # All answers to the two are put away; what is nobody's here stays.
    assert [raw for raw in mail.box.all()] == [foreign]
    # One comes late, when nobody waits for it.
    mail.box.put(answers[0])
    report = receive(mail)
    assert [row["state"] for row in report.rows] == ["backed-up"] * 2
    assert len(mail.box.all()) == 2


@fault("forged answers by mail")
def test_forged_answers_are_not_believed_and_stay(
    mail: MailOffice, caplog: pytest.LogCaptureFixture
) -> None:
    (one,) = sent(mail)
    asked = asked_of(mail, one)
    stranger = Signer("Authority").writer()
    der = Signer("Somebody").key.certificate.der
    at = mail.office.clock()
    forged = [
        write_refusal(stranger, asked, one["id"], "never", at),
        write_certificate(stranger, asked, one["id"], der, "x", at),
        reply(("a.cer", der), In_Reply_To=one["message"]),
    ]
    for raw in forged:
        mail.box.put(raw)
    with caplog.at_level(logging.WARNING, "gostkey.renewal"):
        report = receive(mail)
    assert [row["group"] for row in report.rows] == ["waiting"]
    assert caplog.text.count("it stays in the mailbox, read it") == 3
    assert mail.box.all() == forged
    mail.serve()
    mail.box.wait_for(4)
    report = receive(mail)
    assert [row["state"] for row in report.rows] == ["backed-up"]


@fault("forged answers by mail")
def test_a_newer_certificate_of_somebody_else_is_not_preferred(
    mail: MailOffice,
) -> None:
    mail.write_office(top={"require_signed": False})
    (one,) = sent(mail)
    good, stranger = certificate_for(mail, one["id"]), Signer("Stranger").key
    # By the name alone it is not known who issued it.
    for name in (
        stranger.certificate.subject,
        mail.office.authority.certificate.subject,
    ):
        forged = build_certificate(
            issuer=name,
            signing_key=stranger.key,
            subject=good.subject,
            public_key=good.public_key,
            serial=7,
            not_before=good.not_before,
            not_after=good.not_after,
            extensions=[],
        )
        mail.box.put(reply(("a.cer", forged), In_Reply_To=one["message"]))
        (row,) = receive(mail).rows
        assert row["reason"] == "chain"
    messages = emptied(mail.box)
    for raw in (reply(("a.cer", good.der), In_Reply_To=one["message"]), *messages):
        mail.box.put(raw)
    assert [row["state"] for row in receive(mail).rows] == ["backed-up"]


@fault("forged answers by mail")
def test_what_does_not_count_is_told_though_it_is_in_no_thread(
    mail: MailOffice, caplog: pytest.LogCaptureFixture
) -> None:
    (one,) = sent(mail)
    der, sender = certificate_for(mail, one["id"]).der, mail.authority_box.address
    name, other = f"{one['id']}.cer", f"{'0' * 64}.cer"
    parts = [(f"{number}.cer", b"x") for number in range(64)]
    broken = ("application/pkix-cert", "a.cer", b"x")
    for raw in (
        reply((name, der), sender=sender),
        reply(("a.cer", der), sender=sender),
        reply(*parts, sender=sender),
        authority_writer(mail).write([], "See.", [broken], mail.office.clock()),
        # What concerns somebody else's request, and no request.
        reply((other, der), sender=sender),
        reply(("offer.pdf", b"x"), sender=sender),
    ):
        mail.box.put(raw)
    with caplog.at_level(logging.WARNING, "gostkey.renewal"):
        assert [row["group"] for row in receive(mail).rows] == ["waiting"]
    told = "\n".join(caplog.messages)
    assert told.count("it stays in the mailbox, read it") == 4
    assert told.count(f"{sender}' that names no request: is not signed") == 1
    assert told.count(f"{sender}' on request {one['id']}: is not signed") == 1
    assert told.count("that names no request: message: more than 64 parts") == 1
    assert told.count("that names no request: a.cer: ") == 1


@fault("corrupted answers by mail")
def test_corrupted_and_wrong_answers_are_told_and_a_better_one_is_taken(
    mail: MailOffice,
) -> None:
    mail.write_office(top={"require_signed": False})
    first, second = sent(mail, 2)
    good = certificate_for(mail, first["id"]).der
    other = Signer("Somebody").key.certificate.der
    broken = good[:20] + bytes(200) + good[220:]
    mail.box.put(reply(("a.cer", broken), In_Reply_To=first["message"]))
    wrong = reply(("a.cer", other), In_Reply_To=second["message"])
    mail.box.put(wrong)
    report = receive(mail)
    reasons = [row["reason"] for row in report.rows]
    assert reasons == ["answer-unreadable", "answer-for-another-key"]
    # Which file it is, and what is wrong with that.
    assert ": a.cer: certificate: not the DER" in report.rows[0]["text"]
    assert [row["state"] for row in report.rows] == ["sent", "sent"]
    mail.serve()
    mail.box.wait_for(4)
    report = receive(mail)
    assert [row["state"] for row in report.rows] == ["backed-up"] * 2
    # It may be what somebody else waits for.
    assert mail.box.all() == [wrong]


@fault("foreign certificates by mail")
@pytest.mark.parametrize("threaded", [False, True])
def test_certificates_with_other_keys_hold_up_no_answer(
    mail: MailOffice, threaded: bool
) -> None:
    """An authority may send round its new certificate for the web."""
    (one,) = sent(mail)
    thread = [("In-Reply-To", one["message"])] if threaded else []
    mail.box.put(
        authority_writer(mail).write(
            [("To", mail.box.address), ("Subject", "Our web site"), *thread],
            "Our new certificate.",
            [("application/x-pkcs7-certificates", "site.p7b", web_bundle())],
            mail.office.clock(),
        )
    )
    assert [row["group"] for row in receive(mail).rows] == ["waiting"]
    mail.serve()
    mail.box.wait_for(2)
    assert [row["state"] for row in receive(mail).rows] == ["backed-up"]


def test_a_refusal_is_told_with_the_reason_of_the_authority(mail: MailOffice) -> None:
    (one,) = sent(mail)
    old = Certificate.from_bytes(
        bytes(certificate_in(mail.office.subscribers[0].container).der)  # type: ignore[union-attr,arg-type]
    )
    mail.office.authority.revoke(old.serial, mail.office.clock(), "keyCompromise")
    (served,) = mail.serve()
    assert isinstance(served.fault, RequestRefused)
    mail.box.wait_for(1)
    report = receive(mail)
    (row,) = report.rows
    assert row["reason"] == "refused-by-authority" and "revoked" in row["text"]
    assert mail.box.all() == [] and len(mail.box.all("gostkey")) == 1


def begin_anew(mail: MailOffice, name: str) -> Campaign:
    """Begin another campaign with the same keys."""
    return Campaign.begin(
        *(mail.folder / name, mail.office.plan(), mail.transport()),
        clock=mail.office.clock,
    )


def test_a_refusal_is_final_until_the_renewal_is_undone_and_begun_anew(
    mail: MailOffice,
) -> None:
    (one,) = sent(mail)
    mail.box.put(
        write_refusal(
            *(authority_writer(mail), asked_of(mail, one), one["id"]),
            *("a mistake", mail.office.clock()),
        )
    )
    receive(mail)
    mail.serve()
    mail.box.wait_for(1)
    with reopen(mail) as campaign:
        (row,) = campaign.resume().rows
        assert row["reason"] == "refused-by-authority"
        assert "gostkey renew rollback" in row["cure"]
    with begin_anew(mail, "too-soon") as campaign:
        (row,) = campaign.run().rows
    assert row["reason"] == "renewal-under-way"
    assert "gostkey renew rollback" in row["cure"]
    with reopen(mail) as campaign:
        (undone,) = campaign.roll_back([one["id"]])
    assert undone.error is None
    with begin_anew(mail, "anew") as campaign:
        campaign.run()
    mail.authority_box.wait_for(1)
    # The authority has a certificate for the refused request, which nobody has.
    issued = certificate_for(mail, one["id"])
    mail.office.authority.revoke(issued.serial, mail.office.clock(), "superseded")
    mail.serve()
    mail.box.wait_for(2)
    with Campaign.open(mail.folder / "anew", clock=mail.office.clock) as campaign:
        assert [row["state"] for row in campaign.receive().rows] == ["backed-up"]


@fault("forged answers by mail")
def test_a_refusal_counts_for_the_request_that_it_states_and_no_other(
    mail: MailOffice, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = sent(mail, 2)
    raw = write_refusal(
        *(authority_writer(mail), asked_of(mail, first), first["id"]),
        *("unknown", mail.office.clock()),
    )
    # Signed is only what is below the header.
    header, line, body = raw.partition(b"\r\n\r\n")
    forged = header.replace(first["id"].encode(), second["id"].encode()) + line + body
    mail.box.put(forged)
    with caplog.at_level(logging.WARNING, "gostkey.renewal"):
        report = receive(mail)
    assert report.rows[1]["group"] == "waiting"
    assert f"request {second['id']}: its header names this request" in caplog.text
    assert mail.box.all() == [forged]
    mail.serve()
    mail.box.wait_for(3)
    assert receive(mail).rows[1]["state"] == "backed-up"


@fault("corrupted requests by mail")
def test_a_request_that_was_corrupted_on_its_way_is_not_refused(
    mail: MailOffice,
) -> None:
    (one,) = sent(mail)
    (raw,) = emptied(mail.authority_box)
    message = email.message_from_bytes(raw)
    attached = message.get_payload()[1]
    data = bytearray(attached.get_payload(decode=True))
    data[200] ^= 1
    attached.set_payload(base64.encodebytes(bytes(data)).decode())
    mail.authority_box.put(message.as_bytes())
    (served,) = mail.serve()
    assert isinstance(served.fault, RequestRefused) and served.request_id != one["id"]
    mail.box.wait_for(1)
    assert [row["group"] for row in receive(mail).rows] == ["waiting"]
    mail.authority_box.put(raw)
    mail.serve()
    mail.box.wait_for(2)
    assert [row["state"] for row in receive(mail).rows] == ["backed-up"]


@fault("request that comes back by mail")
def test_what_comes_back_is_sent_again_to_the_right_address(mail: MailOffice) -> None:
    mail.office.add()
    wrong = mail.authority_box.address.replace("authority", "authorty")
    mail.write_office(top={"to": wrong})
    with mail.office.begin(mail.transport()) as campaign:
        report = campaign.run()
        # It may have come back before the run looked for answers.
        if report.rows[0]["reason"] is None:
            mail.box.wait_for(1)
            report = campaign.receive()
    (row,) = report.rows
    (returned,) = mail.box.all("gostkey")
    assert b"multipart/report" in returned  # Exim wrote it
    assert row["reason"] == "request-returned" and row["state"] == "requested"
    assert "Unrouteable" in row["text"] or wrong in row["text"]
    assert mail.box.all() == []
    mail.write_office()
    with reopen(mail) as campaign:
        report = campaign.resume()
    assert [row["state"] for row in report.rows] == ["sent"]
    mail.authority_box.wait_for(1)
    mail.serve()
    mail.box.wait_for(1)
    report = receive(mail)
    assert [row["state"] for row in report.rows] == ["backed-up"]


@pytest.mark.parametrize("signed", [True, False])
def test_both_ends_may_share_a_mailbox(mail: MailOffice, signed: bool) -> None:
    mail.authority_box = mail.box
    mail.write_office(top={"require_signed": signed})
    mail.write_authority()
    sent(mail, 2)
    assert [row["group"] for row in receive(mail).rows] == ["waiting"] * 2
    assert [one.fault for one in mail.serve()] == [None] * 2
    mail.box.wait_for(2)
    assert mail.serve() == []
    assert [row["state"] for row in receive(mail).rows] == ["backed-up"] * 2
    assert mail.box.all() == [] and len(mail.box.all("gostkey")) == 4


def test_automatic_replies_and_words_stay_for_a_person(mail: MailOffice) -> None:
    (one,) = sent(mail)
    away = reply(In_Reply_To=one["message"], Auto_Submitted="auto-replied")
    words = reply(In_Reply_To=one["message"], text="Please call us.")
    for raw in (away, words):
        mail.box.put(raw)
    report = receive(mail)
    assert [row["group"] for row in report.rows] == ["waiting"]
    assert mail.box.all() == [away, words]
    with mail.box.imap() as client:
        assert all(
            b"\\Seen" not in data[b"FLAGS"]
            for data in client.fetch(client.search(["ALL"]), ["FLAGS"]).values()
        )


@fault("huge messages and MIME bombs")
def test_huge_messages_and_bombs_are_left_where_they_are(
    mail: MailOffice, caplog: pytest.LogCaptureFixture
) -> None:
    (one,) = sent(mail)
    huge = reply(("a.cer", bytes(1 << 20)), In_Reply_To=one["message"])
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(5_000)
    )
    bomb = f"In-Reply-To: {one['message']}\r\n".encode() + deep
    for raw in (huge, bomb):
        mail.box.put(raw)
    with caplog.at_level(logging.WARNING, "gostkey.renewal"):
        report = receive(mail)
    assert [row["group"] for row in report.rows] == ["waiting"]
    assert "more than 1048576 are not read" in caplog.text
    assert "more than 64 parts, or more than 8 in each other" in caplog.text
    mail.serve()
    mail.box.wait_for(1, sender=mail.authority_box.address)
    assert [row["state"] for row in receive(mail).rows] == ["backed-up"]
    assert mail.box.all() == [huge, bomb]


@fault("mailbox full of other mail")
def test_an_answer_is_found_behind_newer_mail_or_it_is_told_that_none_was_looked_for(
    mail: MailOffice, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "_MOST_UNNAMED", 3)
    mail.write_office(top={"require_signed": False})
    (one,) = sent(mail)
    sender = mail.authority_box.address
    mail.box.put(reply(("a.cer", certificate_for(mail, one["id"]).der), sender=sender))
    for _ in range(3):
        mail.box.put(reply(("offer.pdf", b"x"), sender=sender))
    with caplog.at_level(logging.WARNING, "gostkey.renewal"):
        assert [row["group"] for row in receive(mail).rows] == ["waiting"]
    assert "only the newest 3 are looked into, and 1 are not" in caplog.text
    assert sender in caplog.text
    # What mail servers write is looked into only if it says what came back.
    with mail.box.imap() as client:
        client.delete_messages(client.search(["TEXT", "offer.pdf"]))
        client.expunge()
    for _ in range(3):
        mail.box.put(reply(("note.txt", b"x"), sender="MAILER-DAEMON@office.test"))
    assert [row["state"] for row in receive(mail).rows] == ["backed-up"]


def fill(mail: MailOffice, count: int) -> dict[str, bytes]:
    """Put other people's mail into the office's Maildir, some of it much like ours."""
    folder = mail.servers.mailbox(mail.box.name)
    if not folder.exists():
        with mail.box.imap():
            pass
    owner = folder.stat()
    for number in range(count):
        raw = reply(
            subject=f"Offer {number}",
            text=f"No. {number}\n" * 20,
            sender=f"shop{number}@example.org",
            Message_ID=f"<{number}@example.org>",
        )
        if number % 10 == 1:
            # Of another campaign that shares the mailbox.
            name = f"<gostkey.request.{number:064x}.{number:016x}@office.test>"
            raw = reply(("a.cer", b"x" * 500), In_Reply_To=name)
        path = folder / "new" / f"{1700000000 + number}.M{number}P1.here"
        path.write_bytes(raw)
        shutil.chown(path, owner.st_uid, owner.st_gid)
    return others(mail)


def others(mail: MailOffice) -> dict[str, bytes]:
    """Read all messages in the folder itself, with their marks."""
    box: Path = mail.servers.mailbox(mail.box.name)
    found = {}
    for place in ("new", "cur"):
        for path in sorted((box / place).glob("17000*")):
            # Dovecot moves what it has listed from new to cur: "seen" would be :2,S.
            name, _, marks = path.name.partition(":2,")
            found[f"{name} {marks}"] = path.read_bytes()
    return found


@fault("mailbox full of other mail")
@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_mailbox_full_of_other_mail_is_neither_read_nor_touched(
    mail: MailOffice, count: int
) -> None:
    sent(mail, 2)
    before = fill(mail, count)
    assert len(before) == count
    mail.serve()
    mail.box.wait_for(2, sender=mail.authority_box.address)
    log = mail.servers.folder / "log" / "dovecot.log"
    begin = log.stat().st_size
    with reopen(mail) as campaign:
        report = campaign.receive()
    assert [row["state"] for row in report.rows] == ["backed-up"] * 2
    assert others(mail) == before
    assert len(mail.box.all()) == count
    # What Dovecot says it gave: bodies of our two answers only.
    end = time.monotonic() + 10
    given = ""
    while "hdr_count=2 " not in given and time.monotonic() < end:
        with log.open() as lines:
            lines.seek(begin)
            given = "".join(line for line in lines if f"imap({mail.box.name})" in line)
    assert "hdr_count=2 " in given and "body_count=2 " in given
