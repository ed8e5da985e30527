"""Several answers in one message, as people send them."""

from __future__ import annotations

import pytest
from office.letters import Signer, reply
from office.mail_office import MailOffice
from office.sent_requests import authority_writer, certificate_for, receive, sent

from gostkey.pki.bundles import certs_only
from gostkey.pki.certificates import Certificate
from gostkey.renewal.transports import Pending
from gostkey.renewal.transports.mail.answers import Answer, Kind
from gostkey.renewal.transports.mail.collected import Collected
from gostkey.renewal.transports.mail.mailbox import Place

File = tuple[str, str, bytes]


def certificates(
    mail: MailOffice, requests: list[dict[str, str]]
) -> list[tuple[str, bytes]]:
    """Let the authority issue all; give the files that a person attaches."""
    made = [certificate_for(mail, one["id"]) for one in requests]
    return [(f"{number}.cer", one.der) for number, one in enumerate(made)]


def refusal(request_id: str) -> File:
    text = f"Request: {request_id}\nStatus: refused\nReason: no\n"
    return "text/plain", f"{request_id}.refused.txt", text.encode()


def signed(mail: MailOffice, *files: File, **headers: str) -> bytes:
    """Write a new message of the authority's, with several things in it."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    head = [("To", mail.box.address), ("Subject", "Your requests"), *named]
    return authority_writer(mail).write(head, "See.", files, mail.office.clock())


@pytest.mark.parametrize("how", ["reply", "new", "ids", "bundle"])
def test_certificates_of_all_may_come_in_one_message(
    mail: MailOffice, how: str
) -> None:
    mail.write_office(top={"require_signed": False})
    requests = sent(mail, 18)
    files = certificates(mail, requests)
    headers = {}
    if how == "ids":
        files = [
            (f"{one['id']}.cer", der)
            for one, (_, der) in zip(requests, files, strict=True)
        ]
    if how == "reply":
        headers["In_Reply_To"] = requests[0]["message"]
    if how == "bundle":
        all_of_them = [Certificate.from_bytes(der) for _, der in files]
        files = [
            ("all.p7b", certs_only([mail.office.authority.certificate, *all_of_them]))
        ]
    mail.box.put(reply(*files, sender=mail.authority_box.address, **headers))
    assert [row["state"] for row in receive(mail).rows] == ["backed-up"] * 18
    # Everything in it is done.
    assert mail.box.all() == [] and len(mail.box.all("gostkey")) == 1


def test_an_answer_is_found_in_the_answer_to_one_who_has_his_already(
    mail: MailOffice,
) -> None:
    mail.write_office(top={"require_signed": False})
    first, second = sent(mail, 2)
    (one, two) = certificates(mail, [first, second])
    mail.box.put(reply(one, In_Reply_To=first["message"]))
    assert [row["state"] for row in receive(mail).rows] == ["backed-up", "sent"]
    # What came for the second one itself is of no use.
    wrong = ("a.cer", Signer("Somebody").key.certificate.der)
    mail.box.put(reply(wrong, In_Reply_To=second["message"]))
    mail.box.put(reply(one, two, In_Reply_To=first["message"]))
    assert [row["state"] for row in receive(mail).rows] == ["backed-up"] * 2


def test_refusals_in_one_message_count_each(mail: MailOffice) -> None:
    first, second, third = (one["id"] for one in sent(mail, 3))
    mail.box.put(signed(mail, refusal(first), refusal(third)))
    refused, waiting = "refused", "waiting"
    groups = [row["group"] for row in receive(mail).rows]
    assert groups == [refused, waiting, refused]
    mail.box.put(signed(mail, refusal(second), refusal("0" * 64)))
    assert [row["group"] for row in receive(mail).rows] == [refused] * 3
    # One of the two is nobody's here.
    assert len(mail.box.all()) == 1


@pytest.mark.parametrize("threaded", [False, True])
def test_a_certificate_and_the_refusal_of_another_request_count_both(
    mail: MailOffice, threaded: bool
) -> None:
    first, second = sent(mail, 2)
    thread = {"In_Reply_To": second["message"]} if threaded else {}
    ((name, der),) = certificates(mail, [first])
    certificate = ("application/pkix-cert", name, der)
    mail.box.put(signed(mail, certificate, refusal(second["id"]), **thread))
    rows = receive(mail).rows
    assert [row["state"] for row in rows] == ["backed-up", "sent"]
    assert rows[1]["reason"] == "refused-by-authority"
    assert mail.box.all() == []


def test_a_message_is_done_when_nobody_waits_for_any_part_of_it() -> None:
    made = [Signer(name).key.certificate for name in ("A", "B", "Authority")]
    first, second = (
        Pending(name * 64, b"", one.public_key.to_bytes())
        for name, one in zip("ab", made, strict=False)
    )
    both, late, misled = (Place(1, uid, 100, "") for uid in (1, 2, 3))
    collected = Collected()
    own = made[2:]
    for place, brought in ((both, made), (late, made[:1]), (misled, made[1:2])):
        answer = Answer(Kind.CERTIFICATE, certificates=tuple(brought))
        collected.add(place, answer, first.request_id, own)
    assert collected.choose(first, "", own) == made[0].der
    # What came in its name and is for the other one stays, too.
    assert collected.settle([first.request_id]) == [late]
    assert collected.choose(second, "", own) == made[1].der
    assert sorted(collected.settle([second.request_id])) == [both, misled]


@pytest.mark.parametrize("chain", [False, True])
def test_the_certificate_of_another_request_is_no_answer(
    mail: MailOffice, caplog: pytest.LogCaptureFixture, chain: bool
) -> None:
    mail.write_office(top={"require_signed": False})
    first, second = sent(mail, 2)
    files = certificates(mail, [second])
    if chain:
        files.append(("ca.cer", mail.office.authority.certificate.der))
    mail.box.put(reply(*files, In_Reply_To=first["message"]))
    rows = receive(mail).rows
    assert [row["state"] for row in rows] == ["sent", "backed-up"]
    assert rows[0]["group"] == "waiting"
    told = f"request {first['id']}: it brings the certificate of request {second['id']}"
    assert caplog.text.count(told) == 1
    assert mail.box.all() == []


def test_a_certificate_that_nobody_waits_for_is_told_to_who_is_answered() -> None:
    asked, stranger = Signer("A").key.certificate, Signer("B").key.certificate
    one = Pending("a" * 64, b"", asked.public_key.to_bytes())
    collected = Collected()
    answer = Answer(Kind.CERTIFICATE, certificates=(stranger,))
    collected.add(Place(1, 1, 100, ""), answer, one.request_id, ())
    assert collected.choose(one, "", ()) == stranger.der
