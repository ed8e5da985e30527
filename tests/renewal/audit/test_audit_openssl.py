"""An audit log checked with another program alone: chain and signatures by OpenSSL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interop.openssl import OpenSSL, missing
from renewal.audit.signers import signer
from renewal.offices import Office

from gostkey.keyforms import pem
from gostkey.renewal.audit import CMS_NAME, LOG_NAME


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSSL:
    reason = missing(tmp_path)
    if reason:
        pytest.skip(reason)
    return OpenSSL(tmp_path)


def test_openssl_follows_the_chain_and_verifies_the_seal(
    office: Office, openssl: OpenSSL
) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    lines = (office.campaign / LOG_NAME).read_bytes().splitlines()
    names = [f"line-{number}" for number in range(len(lines))]
    for name, line in zip(names, lines, strict=True):
        openssl.write(name, line)
    said = openssl.check("dgst", "-engine", "gost", "-md_gost12_256", "-r", *names)
    digests = {
        line.split()[1].lstrip("*"): line.split()[0]
        for line in said.splitlines()
        if "line-" in line
    }
    for number, line in enumerate(lines[1:], start=1):
        assert json.loads(line)["prev"] == digests[f"line-{number - 1}"]
    seal = json.loads(lines[-1])
    assert seal["kind"] == "seal"
    # What is signed: the line itself, without its last member.
    signed = lines[-1][: lines[-1].rindex(b',"signature":')] + b"}"
    openssl.write("signed", signed)
    openssl.write("signature", bytes.fromhex(seal["signature"]))
    public = pem(bytes.fromhex(seal["public_key"]), "PUBLIC KEY")
    openssl.write("public.pem", public)
    assert (office.campaign / "audit.pub").read_text(encoding="ascii") == public
    openssl.check(*"dgst -engine gost -md_gost12_256 -binary -out hash signed".split())
    verify = "pkeyutl -engine gost -verify -pubin -inkey public.pem -in hash"
    said = openssl.check(*verify.split(), "-sigfile", "signature")
    assert "Signature Verified Successfully" in said


@pytest.mark.parametrize("curve", ["tc26-256-b", "tc26-512-a"])
def test_openssl_verifies_the_cms_signature_and_refuses_a_changed_log(
    office: Office, openssl: OpenSSL, curve: str
) -> None:
    office.add()
    with signer(office, curve) as (key, certificate), office.begin() as campaign:
        campaign.audit_key, campaign.audit_certificate = key, certificate
        campaign.make_requests()
        first = (office.campaign / CMS_NAME).read_bytes()
        campaign.run()
    log = (office.campaign / LOG_NAME).read_bytes()
    openssl.write("root.pem", office.authority.certificate.to_pem())
    command = ["cms", "-verify", "-engine", "gost", "-binary", "-inform", "DER"]
    command += ["-in", "log.p7s", "-content", "log", "-out", "out", "-purpose", "any"]
    command += ["-CAfile", "root.pem", "-cades"]
    command += ["-attime", str(int(office.clock().timestamp()))]
    openssl.write("log.p7s", (office.campaign / CMS_NAME).read_bytes())
    openssl.write("log", log)
    openssl.check(*command)
    assert (openssl.folder / "out").read_bytes() == log
    cut = log[: log.rstrip(b"\n").rindex(b"\n") + 1]
    for wrong in (cut, log.replace(b'"sent"', b'"SENT"'), log + b"\n"):
        openssl.write("log", wrong)
        code, said = openssl.run(*command)
        assert code != 0 and "Verification failure" in said
    # The first one signs what was there when it was made.
    openssl.write("log.p7s", first)
    sealed = [
        at
        for at, line in enumerate(log.splitlines(keepends=True))
        if b'"kind":"seal"' in line
    ]
    openssl.write("log", b"".join(log.splitlines(keepends=True)[: sealed[0] + 1]))
    openssl.check(*command)
