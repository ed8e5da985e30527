"""What is written into messages and read out of them, without any server."""

from __future__ import annotations

import base64
import codecs
import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from office.letters import ASKED, AT, CAMPAIGN, REQUEST_ID, Signer, reply

from gostkey.errors import EncodingError
from gostkey.keyforms import pem
from gostkey.pki import cms
from gostkey.pki.bundles import certs_only
from gostkey.renewal.transports.mail import entities, identifiers
from gostkey.renewal.transports.mail.answers import Answer, Kind, read_answer
from gostkey.renewal.transports.mail.attached import certificates_in
from gostkey.renewal.transports.mail.entities import read_entity
from gostkey.renewal.transports.mail.mailbox import Place, _batches
from gostkey.renewal.transports.mail.messages import (
    write_certificate,
    write_refusal,
    write_request,
)

AUTHORITY, STRANGER = Signer("Authority"), Signer("Stranger", "tc26-512-a")


def read(raw: bytes, *, require: bool = True) -> Answer:
    return read_answer(raw, [AUTHORITY.key.certificate], require_signed=require)


def certificate_answer(signer: Signer = AUTHORITY, *, signed: bool = True) -> bytes:
    return write_certificate(
        signer.writer(signed=signed),
        ASKED,
        REQUEST_ID,
        STRANGER.key.certificate.der,
        "Иванов Иван",
        AT,
    )


def test_a_request_is_what_mail_programs_understand() -> None:
    writer = AUTHORITY.writer()
    raw = write_request(
        writer, "to@office.test", REQUEST_ID, CAMPAIGN, b"\x30\x03abc", "Иванов", AT
    )
    assert raw.isascii()
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998 and not any(b"\n" in one for one in lines)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["To"] == "to@office.test"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] == "Mon, 02 Nov 2026 09:00:00 +0000"
    assert REQUEST_ID in message["Subject"]
    assert message.get_content_type() == "multipart/signed"
    content, signature = message.iter_parts()
    assert isinstance(content, EmailMessage)
    text, attached = content.iter_parts()
    assert "Иванов" in text.get_content() and REQUEST_ID in text.get_content()
    assert attached.get_content_type() == "application/pkcs7-mime"
    assert attached.get_filename() == f"{REQUEST_ID}.p7m"
    assert attached.get_content() == b"\x30\x03abc"
    assert signature.get_content_type() == "application/pkcs7-signature"
    again = write_request(
        writer, "to@office.test", REQUEST_ID, CAMPAIGN, b"\x30\x03abc", "Иванов", AT
    )
    assert email.message_from_bytes(again)["Message-ID"] == message["Message-ID"]


@pytest.mark.parametrize("curve", ["tc26-256-b", "tc26-512-a"])
def test_a_signed_certificate_comes_through(curve: str) -> None:
    signer = Signer("Authority", curve)
    raw = certificate_answer(signer)
    answer = read_answer(raw, [signer.key.certificate], require_signed=True)
    assert answer.kind is Kind.CERTIFICATE and answer.request_id == REQUEST_ID
    assert [one.der for one in answer.certificates] == [STRANGER.key.certificate.der]
    message = email.message_from_bytes(raw)
    assert message["In-Reply-To"] == message["References"] == ASKED.message_id
    assert message["Auto-Submitted"] == "auto-replied"


def test_a_refusal_comes_through_with_its_reason() -> None:
    why = "сертификат отозван:\r\nStatus: issued\nInjected: x" + "!" * 5000
    answer = read(write_refusal(AUTHORITY.writer(), ASKED, REQUEST_ID, why, AT))
    assert answer.kind is Kind.REFUSAL and answer.request_id == REQUEST_ID
    (reason,) = answer.refusals.values()
    assert reason.startswith("сертификат отозван: Status: issued Injected: x!")
    assert len(reason) <= 2003


def test_line_ends_and_what_mail_servers_add_break_no_signature() -> None:
    raw = certificate_answer()
    assert read(raw.replace(b"\r\n", b"\n")).kind is Kind.CERTIFICATE
    received = b"Return-Path: <a@b.c>\r\nReceived: from x by y; now\r\n" + raw
    assert read(received).kind is Kind.CERTIFICATE
    # A gateway that wraps the message to add its disclaimer.
    head, _, body = raw.partition(b"\r\n\r\n")
    at = head.index(b"MIME-Version")
    wrapped = (
        head[:at]
        + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="outer"'
        + b"\r\n\r\n--outer\r\n"
        + head[at:]
        + b"\r\n\r\n"
        + body
        + b"\r\n--outer\r\nContent-Type: text/plain\r\n\r\nChecked by ...\r\n--outer--"
    )
    assert read(wrapped).kind is Kind.CERTIFICATE


def test_what_is_not_signed_by_the_authority_does_not_count() -> None:
    for raw in (certificate_answer(signed=False), certificate_answer(STRANGER)):
        assert read(raw).kind is Kind.FORGED
        assert read(raw, require=False).kind is Kind.CERTIFICATE
    # Another signature that is good does not help: all signers must be known.
    signed = certificate_answer()
    for place in (b"application/pkix-cert", b"MII"):
        changed = signed.replace(place, place[:-1] + b"X", 1)
        assert changed != signed
        assert read(changed).kind is Kind.FORGED


def inside(signer: Signer, raw: bytes, **headers: str) -> bytes:
    """Put a message into its signature, as some programs sign: smime.p7m."""
    key = signer.key
    data = cms.sign(raw, key.key, key.certificate, signing_time=AT)
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = "authority@office.test"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(
        *(data, "application", "pkcs7-mime"),
        filename="smime.p7m",
        params={"smime-type": "signed-data", "name": "smime.p7m"},
    )
    return message.as_bytes()


def test_a_message_inside_its_signature_counts_if_the_authority_signed() -> None:
    der = STRANGER.key.certificate.der
    # Lines may end in either way inside.
    for raw in (reply(("a.cer", der)), reply(("a.cer", der)).replace(b"\r\n", b"\n")):
        answer = read(inside(AUTHORITY, raw, In_Reply_To=ASKED.message_id))
        assert answer.kind is Kind.CERTIFICATE and answer.request_id == REQUEST_ID
        assert [one.der for one in answer.certificates] == [der]
    forged = inside(STRANGER, reply((f"{REQUEST_ID}.cer", der)))
    answer = read(forged)
    assert answer.kind is Kind.FORGED and answer.request_id == REQUEST_ID
    assert read(forged, require=False).kind is Kind.CERTIFICATE
    words = inside(AUTHORITY, reply())
    assert read(words).kind is read(words, require=False).kind is Kind.NOTHING


def test_nothing_outside_the_signed_part_counts() -> None:
    """A signed refusal with a stranger's certificate put beside it is a refusal."""
    raw = write_refusal(AUTHORITY.writer(), ASKED, REQUEST_ID, "no", AT)
    head, _, body = raw.partition(b"\r\n\r\n")
    at = head.index(b"MIME-Version")
    beside = reply(("x.cer", AUTHORITY.key.certificate.der)).partition(b"\r\n\r\n")
    wrapped = (
        head[:at]
        + b'Content-Type: multipart/mixed; boundary="outer"\r\n\r\n--outer\r\n'
        + head[at:]
        + b"\r\n\r\n"
        + body
        + b"\r\n--outer\r\n"
        + beside[0]
        + b"\r\n\r\n"
        + beside[2]
        + b"\r\n--outer--\r\n"
    )
    assert read(wrapped).kind is Kind.REFUSAL
    assert read(wrapped, require=False).certificates == ()


@pytest.mark.parametrize(
    "name", ["cert.cer", "Certificate.CRT", "x.pem", "ид.der", "chain.p7b"]
)
def test_a_person_may_attach_it_as_he_likes(name: str) -> None:
    certificate = STRANGER.key.certificate
    data = certificate.der
    if name.endswith(".pem"):
        data = certificate.to_pem().encode()
    if name.endswith(".p7b"):
        # Any CMS that brings certificates; this one is signed, too.
        data = STRANGER.key.sign(b"", AT)
    raw = reply((name, data), In_Reply_To=ASKED.message_id)
    answer = read(raw, require=False)
    assert answer.kind is Kind.CERTIFICATE and answer.request_id == REQUEST_ID
    assert [one.der for one in answer.certificates] == [certificate.der]


def test_certificates_are_read_in_the_forms_that_programs_write() -> None:
    root, one = AUTHORITY.key.certificate, STRANGER.key.certificate
    both, microsoft = {root.der, one.der}, certs_only([root, one])
    bare = base64.encodebytes(one.der)
    for data, found in (
        ((root.to_pem() + one.to_pem()).encode(), both),
        ((one.to_pem() + root.to_pem()).replace("\n", "\r\n").encode(), both),
        (pem(microsoft, "CERTIFICATE").encode(), both),
        (pem(microsoft, "PKCS7").encode(), both),
        (base64.encodebytes(microsoft), both),
        (bare, {one.der}),
        (codecs.BOM_UTF8 + bare, {one.der}),
        (codecs.BOM_UTF8 + one.to_pem().encode(), {one.der}),
        # What is beside a certificate does not spoil it.
        ((pem(b"\x30\x03abc", "X509 CRL") + one.to_pem()).encode(), {one.der}),
        (b"subject=x\n-----BEGIN X-----\n" + one.to_pem().encode(), {one.der}),
    ):
        assert {made.der for made in certificates_in(data)} == found
    for data in (b"", b"MII", b"no certificate", pem(b"\x30\x03abc", "X").encode()):
        with pytest.raises(EncodingError):
            certificates_in(data)


def test_the_request_is_found_wherever_the_message_names_it() -> None:
    data = STRANGER.key.certificate.der
    other = REQUEST_ID[::-1]
    for raw in (
        reply(("a.cer", data), References=f"<x@y> {ASKED.message_id} <z@y>"),
        reply(("a.cer", data), subject=f"AW: {identifiers.marked(REQUEST_ID)} done"),
        reply(("a.cer", data), Gostkey_Request=REQUEST_ID),
        reply((f"{REQUEST_ID}.cer", data)),
        reply(("a.cer", data), text=f"For your request {REQUEST_ID.upper()}."),
        # The thread says more than what is quoted.
        reply(("a.cer", data), text=other, In_Reply_To=ASKED.message_id),
    ):
        assert read(raw, require=False).request_id == REQUEST_ID
    # Two in the text: it is not known which is meant.
    raw = reply(("a.cer", data), text=f"{REQUEST_ID} or {other}")
    assert read(raw, require=False).request_id is None


def test_words_and_automatic_replies_are_no_answers() -> None:
    for raw in (
        reply(In_Reply_To=ASKED.message_id, Auto_Submitted="auto-replied"),
        reply(In_Reply_To=ASKED.message_id, text="Status: refused\nRequest: x"),
        reply(("offer.pdf", b"%PDF"), In_Reply_To=ASKED.message_id),
        b"",
        b"\r\n\r\n",
    ):
        for require in (True, False):
            assert read(raw, require=require).kind is Kind.NOTHING


def test_the_request_sent_back_is_no_answer() -> None:
    """It is a CMS with the old certificate in it."""
    request = STRANGER.key.sign(b"x", AT)
    for name in ("a.p7m", f"{REQUEST_ID}.P7M"):
        raw = reply((name, request), In_Reply_To=ASKED.message_id)
        assert read(raw, require=False).kind is Kind.NOTHING


def test_a_broken_certificate_is_told_as_such() -> None:
    data = bytearray(STRANGER.key.certificate.der)
    data[10:200] = bytes(190)
    raw = reply(("x.cer", bytes(data)), In_Reply_To=ASKED.message_id)
    answer = read(raw, require=False)
    assert answer.kind is Kind.UNREADABLE and "x.cer" in answer.text


REPORT = (
    b"From: Mail Delivery System <Mailer-Daemon@office.test>\r\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n"
    b"--B\r\n\r\nIt failed.\r\n--B\r\nContent-Type: message/delivery-status\r\n\r\n"
    b"Reporting-MTA: dns; here\r\n\r\nAction: %b\r\n"
    b"Final-Recipient: rfc822;who@office.test\r\nStatus: 5.1.1\r\n\r\n"
    b"--B\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: %b\r\n--B--\r\n"
)


def test_a_returned_message_says_which_and_why() -> None:
    answer = read(REPORT % (b"failed", ASKED.message_id.encode()))
    assert answer.kind is Kind.RETURNED and answer.request_id == REQUEST_ID
    assert answer.text == "who@office.test; 5.1.1"
    # One that is only late may still come.
    late = read(REPORT % (b"delayed", ASKED.message_id.encode()))
    assert late.kind is Kind.NOTHING


def test_bombs_are_refused_at_once() -> None:
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(10_000)
    )
    wide = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 9999
    long = b"Subject: " + b"x" * (1 << 17) + b"\r\n\r\n"
    inside = b"Content-Type: message/rfc822\r\n\r\n" * 30_000
    large = b"x" * (entities.LARGEST_MESSAGE + 1)
    for raw in (deep, wide, long, large):
        with pytest.raises(EncodingError):
            read_entity(raw)
        assert read(raw).kind is Kind.NOT_READ
    # Messages in messages are not opened at all.
    assert len(list(read_entity(inside).walk())) == 1


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for require in (True, False):
        assert isinstance(read(raw, require=require), Answer)


SAMPLES = [
    certificate_answer(),
    certificate_answer(signed=False),
    write_refusal(AUTHORITY.writer(signed=False), ASKED, REQUEST_ID, "why", AT),
    REPORT % (b"failed", ASKED.message_id.encode()),
]


@settings(max_examples=60)
@given(st.data())
def test_changed_messages_are_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 20))] = data.draw(
            st.binary(max_size=20)
            | st.sampled_from([b"=?utf-8?b?4pi", b"\r\n", b"--", b"charset=x-\xff;"])
        )
    for require in (True, False):
        assert isinstance(read(bytes(raw), require=require), Answer)


def test_batches_are_bounded_in_number_and_bytes() -> None:
    places = [Place(1, uid, size, "") for uid, size in enumerate([9] * 120)]
    assert [len(one) for one in _batches(places)] == [50, 50, 20]
    large = [Place(1, uid, 1 << 20, "") for uid in range(17)]
    assert [len(one) for one in _batches(large)] == [8, 8, 1]
    assert list(_batches([])) == []


# What begins like the boundary would be one.
PART = (
    st.text("ab -\n\r=", max_size=12)
    .map(lambda text: text.encode())
    .filter(lambda part: b"---b" not in part)
)


@given(st.lists(PART, min_size=1, max_size=4))
def test_parts_are_cut_as_the_standard_library_cuts_them(parts: list[bytes]) -> None:
    bodies = [one.replace(b"\r", b"").replace(b"\n", b"\r\n") for one in parts]
    raw = b'Content-Type: multipart/mixed; boundary="-b"\r\n\r\n'
    raw += b"".join(b"---b\r\nX: y\r\n\r\n" + one + b"\r\n" for one in bodies)
    raw += b"---b--\r\n"
    theirs = email.message_from_bytes(raw).get_payload()
    ours = [one.header.get_payload() for one in read_entity(raw).parts]
    assert ours == [one.get_payload() for one in theirs]  # type: ignore[union-attr]
