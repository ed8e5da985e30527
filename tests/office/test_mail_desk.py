"""The authority's mailbox: whom it answers, and whom never."""

from __future__ import annotations

import email
import logging
from email.message import Message

import pytest
from office.letters import reply
from office.mail_office import MailOffice
from office.sent_requests import emptied, receive, sent
from tally import fault

from gostkey.errors import RequestRefused, TransportError
from gostkey.renewal.transports.mail.messages import Writer, write_request

ID = "ab" * 32
SUBJECT = f"Certificate renewal [gostkey {ID}]"


def made_requests(mail: MailOffice, count: int) -> list[bytes]:
    """Make requests, and have them sent nowhere."""
    for _ in range(count):
        mail.office.add()
    with mail.office.begin(mail.transport()) as campaign:
        campaign.make_requests()
        items = campaign._store.items()
    return [one.request for one in items if one.request is not None]


def ask(mail: MailOffice, *files: tuple[str, bytes], **headers: str) -> bytes:
    headers = {"subject": SUBJECT, **headers}
    return reply(*files, sender=mail.box.address, **headers)


def answers(mail: MailOffice, count: int) -> list[Message]:
    return [email.message_from_bytes(raw) for raw in mail.box.wait_for(count)]


def test_several_requests_in_one_message_are_answered_each(mail: MailOffice) -> None:
    requests = made_requests(mail, 3)
    files = [(f"request {n}.p7m", data) for n, data in enumerate(requests)]
    raw = ask(mail, *files, Message_ID="<from-a-person@here>")
    mail.authority_box.put(raw)
    served = mail.serve()
    assert [one.fault for one in served] == [None] * 3
    found = answers(mail, 3)
    assert {one["In-Reply-To"] for one in found} == {"<from-a-person@here>"}
    ids = {one["Gostkey-Request"] for one in found}
    assert ids == {one.request_id for one in served} and len(ids) == 3
    assert all(one["Subject"].count(one["Gostkey-Request"]) == 1 for one in found)


def test_what_is_no_request_is_refused_with_words(mail: MailOffice) -> None:
    for raw in (
        ask(mail),
        ask(mail, ("x.p7m", b"not a request")),
        ask(mail, ("x.p7m", b"")),
    ):
        mail.authority_box.put(raw)
    served = mail.serve()
    assert all(isinstance(one.fault, RequestRefused) for one in served)
    texts = [one.as_string() for one in answers(mail, 3)]
    # One has no request that could be refused.
    assert sorted(".refused.txt" in text for text in texts) == [False, True, True]
    assert mail.authority_box.all() == []


@fault("questions by mail without the request")
def test_nobody_gets_a_refusal_of_a_request_that_is_not_there(
    mail: MailOffice,
) -> None:
    (one,) = sent(mail)
    (request,) = emptied(mail.authority_box)
    named = {"sender": mail.box.address, "Message_ID": "<question@office.test>"}
    for raw in (
        # The office asks where it is; somebody writes in the office's name.
        reply(subject=f"Re: {one['subject']}", In_Reply_To=one["message"], **named),
        reply(
            sender="mallory@else.test",
            Reply_To=mail.box.address,
            Message_ID=one["message"],
        ),
    ):
        mail.authority_box.put(raw)
    served = mail.serve()
    assert [served_one.request_id for served_one in served] == [one["id"]] * 2
    mail.box.wait_for(2)
    assert [row["group"] for row in receive(mail).rows] == ["waiting"]
    mail.authority_box.put(request)
    mail.serve()
    mail.box.wait_for(3)
    assert [row["state"] for row in receive(mail).rows] == ["backed-up"]


def test_what_a_program_sent_without_a_request_gets_no_answer(
    mail: MailOffice, caplog: pytest.LogCaptureFixture
) -> None:
    (one,) = sent(mail)
    (request,) = emptied(mail.authority_box)
    # A gateway took the request out; and somebody is away.
    message = email.message_from_bytes(request)
    attached = message.get_payload()[1]
    for name in attached.keys():
        del attached[name]
    attached.set_payload("removed")
    mail.authority_box.put(message.as_bytes())
    mail.authority_box.put(ask(mail, Auto_Submitted="auto-generated; owner=x"))
    with caplog.at_level(logging.WARNING, "gostkey.renewal"):
        assert mail.serve() == []
    assert mail.box.all() == [] and len(mail.authority_box.all()) == 2
    assert f"names request {one['id']} and holds none" in caplog.text
    # A person's program may say that it was a person.
    mail.authority_box.put(ask(mail, Auto_Submitted="no"))
    assert len(mail.serve()) == 1


def test_automatic_mail_lists_and_strangers_get_no_answer(mail: MailOffice) -> None:
    mail.write_authority(top={"clients": [mail.box.address.upper()]})
    (request,) = made_requests(mail, 1)
    file = ("r.p7m", request)
    for raw in (
        ask(mail, file, Auto_Submitted="auto-replied"),
        ask(mail, file, Precedence="bulk"),
        ask(mail, file, List_Id="<list.office.test>"),
        ask(mail, file, Return_Path="<>"),
        ask(mail, file, Reply_To="somebody@else.test"),
        ask(mail, file, Reply_To="not an address"),
        reply(file, sender="a@else.test", Reply_To=mail.box.address, subject=SUBJECT),
        ask(mail, file, Message_ID=f"<gostkey.answer.{ID}.{'0' * 16}@office.test>"),
        ask(mail, file, subject="Hello"),
    ):
        mail.authority_box.put(raw)
    before = mail.authority_box.all()
    assert mail.serve() == []
    assert mail.authority_box.all() == before and mail.box.all() == []
    mail.authority_box.put(ask(mail, file))
    (served,) = mail.serve()
    assert served.fault is None
    answers(mail, 1)


@pytest.mark.parametrize(
    "header",
    [
        "Message-ID: <a@b>\r\n Bcc: <x@y>",
        "Message-ID: =?utf-8?q?<a@b>=0D=0ABcc:_victim@office.test?=",
        "References: =?utf-8?q?=0D=0A?= <a@b> " + "<" + "x" * 300 + "@y>" * 9,
        "Message-ID: <" + "a" * 2000 + "@b>",
        "Message-ID: <\xff\xfe@b>",
    ],
)
def test_nothing_of_a_hostile_header_gets_into_the_answer(
    mail: MailOffice, header: str
) -> None:
    (request,) = made_requests(mail, 1)
    good = write_request(
        Writer(mail.box.address),
        "x@y.z",
        ID,
        "0" * 16,
        request,
        "Иванов",
        mail.office.clock(),
    )
    lines = good.split(b"\r\n")
    kept = [one for one in lines if not one.startswith(b"Message-ID")]
    raw = header.encode("latin-1") + b"\r\n" + b"\r\n".join(kept)
    subject = b"Subject: =?utf-8?q?=0D=0ABcc:_victim=40office.test?= [gostkey x"
    raw = raw.replace(b"Subject: ", subject + b"] ", 1)
    mail.authority_box.put(raw)
    (served,) = mail.serve()
    assert served.fault is None
    (answer,) = answers(mail, 1)
    assert answer["Bcc"] is None and answer["To"] == mail.box.address
    assert max(map(len, answer.as_bytes().split(b"\n"))) < 998
    assert answer.get_content_type() == "multipart/signed"


def test_a_password_file_that_is_gone_is_a_fault_that_may_pass(
    mail: MailOffice,
) -> None:
    (request,) = made_requests(mail, 1)
    mail.authority_box.put(ask(mail, ("a.p7m", request)))
    desk = mail.desk()
    word = mail.folder / f"{mail.authority_box.name}.txt"
    kept = word.rename(mail.folder / "elsewhere.txt")
    with pytest.raises(TransportError, match=word.name):
        mail.serve(desk)
    kept.rename(word)
    (served,) = mail.serve(desk)
    assert served.fault is None
