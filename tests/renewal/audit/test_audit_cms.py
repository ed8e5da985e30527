"""The CMS signature of an audit log: what `--verify` says when something is wrong.

That a good one is good is for OpenSSL to say: test_audit_openssl.py.
"""

from __future__ import annotations

import hashlib
from datetime import timezone
from pathlib import Path

import pytest
from renewal.audit.signers import signer
from renewal.audit.test_audit import check
from renewal.offices import Office

from gostkey.errors import EncodingError
from gostkey.pki import cms
from gostkey.pki.certificates import Certificate
from gostkey.renewal.audit import CMS_NAME, LOG_NAME, Verification
from gostkey.signing import SigningKey


def signed_run(
    office: Office, key: SigningKey, certificate: Certificate | None
) -> tuple[Path, Path]:
    """Run a campaign of one key with an audit key; log and signature."""
    office.add()
    with office.begin() as campaign:
        campaign.audit_key, campaign.audit_certificate = key, certificate
        campaign.run()
    return office.campaign / LOG_NAME, office.campaign / CMS_NAME


def refused(found: Verification, *words: str) -> None:
    """Check that all is told of the CMS signature, in these words, and nothing else."""
    (problem,) = found.problems
    assert problem.line == 0 and problem.text.startswith(CMS_NAME)
    assert all(word in problem.text for word in words), problem.text
    assert found.cms is None


def test_the_signer_and_the_line_are_told(office: Office) -> None:
    with signer(office, "tc26-512-a") as (key, certificate):
        log, _ = signed_run(office, key, certificate)
    found = check(office)
    assert found.problems == [] and found.cms is not None
    assert found.cms.line == found.lines == log.read_bytes().count(b"\n")
    assert found.cms.certificate == certificate.fingerprint().hex()
    assert found.cms.at == office.clock().astimezone(timezone.utc).isoformat()


def test_a_log_without_a_certificate_has_no_cms_signature(office: Office) -> None:
    with signer(office) as (key, _):
        _, beside = signed_run(office, key, None)
    assert not beside.exists() and check(office).good and check(office).cms is None


def test_a_signature_that_is_gone_or_no_signature_is_told(office: Office) -> None:
    with signer(office) as (key, certificate):
        _, beside = signed_run(office, key, certificate)
    good = beside.read_bytes()
    beside.write_bytes(good[:-1])
    refused(check(office), "no CMS signature")
    beside.write_bytes(bytes(1 << 21))
    refused(check(office), "no CMS signature")
    beside.write_bytes(hashlib.shake_128(b"1").digest(1000))
    refused(check(office), "no CMS signature")
    beside.unlink()
    refused(check(office), "not there", f"line {check(office).lines} tells of it")


def test_a_changed_and_a_cut_log_are_refused(office: Office) -> None:
    with signer(office) as (key, certificate):
        log, beside = signed_run(office, key, certificate)
    good = log.read_bytes()
    ends = [at + 1 for at, byte in enumerate(good) if byte == 10]
    for wrong in (
        good.replace(b'"sent"', b'"SENT"'),
        good[: ends[-3]] + good[ends[-2] :],
    ):
        log.write_bytes(wrong)
        texts = [one.text for one in check(office).problems]
        assert any(
            one.startswith(f"{CMS_NAME}: signs another text than this log")
            for one in texts
        ), texts
    # Without its last seal the log tells of no certificate; the store knows better.
    log.write_bytes(good[: ends[-2]])
    texts = " ".join(one.text for one in check(office).problems)
    assert f"{CMS_NAME}: the log tells of no such signature" in texts
    assert "should be a signature" in texts


def test_a_changed_signature_and_a_foreign_signer_are_refused(office: Office) -> None:
    with signer(office) as (key, certificate), signer(office) as (other, foreign):
        log, beside = signed_run(office, key, certificate)
        good, content = beside.read_bytes(), log.read_bytes()
        beside.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        refused(check(office), "does not verify")
        now = office.clock()
        beside.write_bytes(
            cms.sign(content, other, foreign, signing_time=now, detached=True)
        )
        refused(check(office), "is signed by", foreign.serial_text, "names")
        beside.write_bytes(cms.sign(content, key, certificate, signing_time=now))
        refused(check(office), "not the log inside")
        beside.write_bytes(
            cms.sign(b"another", key, certificate, signing_time=now, detached=True)
        )
        refused(check(office), "signs another text")


def test_an_older_signature_is_refused_and_the_next_run_makes_it_new(
    office: Office,
) -> None:
    with signer(office) as (key, certificate):
        _, beside = signed_run(office, key, certificate)
        first = beside.read_bytes()
        line = check(office).lines
        with office.open() as campaign:
            campaign.audit_key, campaign.audit_certificate = key, certificate
            campaign.resume()
            newer = beside.read_bytes()
            beside.write_bytes(first)
            refused(check(office), f"up to line {line} only", "put back")
            campaign.resume()
        assert check(office).good and beside.read_bytes() not in (first, newer)
        # A run without the certificate leaves the signature of the earlier lines.
        line = check(office).lines
        with office.open() as campaign:
            campaign.resume()
    found = check(office)
    assert found.good and found.cms is not None
    assert found.cms.line == line < found.lines == found.signed_lines


def test_dates_and_keys_of_the_certificate_are_looked_at(office: Office) -> None:
    with signer(office, days_ago=20, days=10) as (key, certificate):
        signed_run(office, key, certificate)
        refused(check(office), "outside of the certificate's dates", "expired")
        with office.open() as campaign, SigningKey.generate("tc26-256-b") as other:
            campaign.audit_key, campaign.audit_certificate = other, certificate
            with pytest.raises(
                EncodingError, match="the key that shall sign is another"
            ):
                campaign.run()
