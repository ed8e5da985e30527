"""Signed mail and OpenSSL: it verifies our messages, and we read the ones it signs."""

from __future__ import annotations

import base64

import pytest
from interop.openssl import OpenSSL
from office.letters import ASKED, AT, CAMPAIGN, REQUEST_ID, Signer

from gostkey.pki.certificates import Certificate
from gostkey.renewal.transports.mail.answers import Kind, read_answer
from gostkey.renewal.transports.mail.messages import write_certificate, write_request

ATTIME = str(int(AT.timestamp()))


@pytest.mark.parametrize("curve", ["tc26-256-b", "tc26-512-a"])
def test_openssl_verifies_our_messages(openssl: OpenSSL, curve: str) -> None:
    signer = Signer("Office", curve)
    certificate = signer.key.certificate
    openssl.write("ca.pem", certificate.to_pem())
    command = ["cms", "-verify", "-in", "message.eml", "-inform", "SMIME", "-cades"]
    command += ["-CAfile", "ca.pem", "-attime", ATTIME, "-purpose", "any"]
    command += ["-out", "content"]
    writer = signer.writer()
    request = write_request(
        writer, "a@b.c", REQUEST_ID, CAMPAIGN, b"request" * 99, "Иванов", AT
    )
    answer = write_certificate(
        writer, ASKED, REQUEST_ID, certificate.der, "Иванов", AT, b"crl"
    )
    for raw in (request, answer):
        openssl.write("message.eml", raw)
        openssl.check(*command)
        content = (openssl.folder / "content").read_bytes()
        assert content in raw and b"multipart/mixed" in content
        at = raw.index(b"base64", raw.index(b"attachment")) + 200
        openssl.write("message.eml", raw[:at] + b"A" + raw[at + 1 :])
        code, said = openssl.run(*command)
        assert code != 0, said


def test_messages_that_openssl_signs_are_answers(openssl: OpenSSL) -> None:
    config = ("-config", "gost.cnf", "-utf8", "-md_gost12_256", "-days", "30")
    openssl.check(
        *("genpkey", "-algorithm", "gost2012_256", "-pkeyopt", "paramset:A"),
        *("-out", "ca.key"),
    )
    openssl.check(
        *("req", "-new", "-x509", "-key", "ca.key", "-subj", "/CN=CA", *config),
        *("-extensions", "authority", "-out", "ca.pem"),
    )
    root = Certificate.from_bytes((openssl.folder / "ca.pem").read_bytes())
    body = base64.encodebytes(root.der)
    openssl.write(
        "entity",
        b"Content-Type: application/octet-stream; name=new.cer\n"
        b"Content-Transfer-Encoding: base64\n\n" + body,
    )
    openssl.check(
        *("cms", "-sign", "-in", "entity", "-md", "md_gost12_256"),
        *("-signer", "ca.pem", "-inkey", "ca.key", "-outform", "SMIME"),
        *("-subject", "Re: request", "-out", "message.eml"),
    )
    message = (openssl.folder / "message.eml").read_bytes()
    assert b"multipart/signed" in message
    raw = f"In-Reply-To: {ASKED.message_id}\n".encode() + message
    answer = read_answer(raw, [root], require_signed=True)
    assert answer.kind is Kind.CERTIFICATE and answer.request_id == REQUEST_ID
    assert [one.der for one in answer.certificates] == [root.der]
    changed = raw.replace(b"new.cer", b"old.cer", 1)
    assert read_answer(changed, [root], require_signed=True).kind is Kind.FORGED
    stranger = Signer("Stranger").key.certificate
    assert read_answer(raw, [stranger], require_signed=True).kind is Kind.FORGED
