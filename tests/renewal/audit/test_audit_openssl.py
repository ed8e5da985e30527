"""An audit log checked with another program alone: chain and signature by OpenSSL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interop.openssl import OpenSSL, missing
from renewal.offices import Office

from gostkey.keyforms import pem
from gostkey.renewal.audit import LOG_NAME


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
