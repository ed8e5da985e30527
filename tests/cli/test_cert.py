"""`gostkey cert` shows Russian attributes and verifies chains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import AT, Office, Run


@pytest.fixture
def certificate(run: Run, office: Office, tmp_path: Path) -> Path:
    key, file = tmp_path / "key.pem", tmp_path / "ivanov.cer"
    run("key", "generate", "--no-password", "--out", key)
    ran = run(
        "ca",
        "issue",
        office.authority,
        "--key",
        key,
        "--name",
        "CN=Иванов Иван Иванович",
        "--name",
        "SNILS=11223344595",
        "--out",
        file,
        "--at",
        AT.isoformat(),
    )
    assert ran.code == 0, ran.stderr
    return file


def test_show_names_every_attribute(run: Run, certificate: Path) -> None:
    record = run("cert", "show", "--json", certificate).record
    attributes = {one["label"]: one["value"] for one in record["attributes"]}
    assert attributes["CN"] == "Иванов Иван Иванович"
    assert attributes["SNILS"] == "11223344595"
    assert record["not_before"] == "2026-06-01T09:00:00Z"
    assert record["key"]["curve"] == "tc26-256-b"
    words = run("cert", "show", certificate).stdout
    assert "Иванов Иван Иванович" in words and "SNILS" in words


def test_show_takes_several_and_tells_the_bad_one(
    run: Run, certificate: Path, office: Office, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.cer"
    bad.write_bytes(b"\x30\x03\x02\x01\x01")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + office.root_certificate.read_bytes())
    ran = run("cert", "show", "--json", bad, both)
    assert ran.code == 2
    assert [one["status"] for one in ran.records] == ["failed", "done", "done"]
    assert str(bad) in ran.stderr
    assert run("cert", "show", bad).code == 3


def test_verify_gives_the_chain_or_the_reason(
    run: Run, certificate: Path, office: Office, tmp_path: Path
) -> None:
    crl = tmp_path / "crl"
    at = ["--at", AT.isoformat()]
    run("ca", "crl", office.authority, "--out", crl, *at)
    good = ["cert", "verify", certificate, "--ca", office.root_certificate]
    ran = run(*good, "--crl", crl, *at, "--json")
    assert ran.code == 0, ran.stderr
    assert len(ran.record["chain"]) == 2
    late = run(*good, "--no-crl", "--at", "2030-01-01", "--json")
    assert (late.code, late.error["code"]) == (3, "certificate_error")
    assert "Иванов" in late.error["message"]
    # A CRL that is out of date proves nothing.
    stale = run(*good, "--crl", crl, "--at", "2026-07-01", "--json")
    assert (stale.code, stale.error["code"]) == (3, "certificate_error")
    assert run("cert", "verify", certificate).code == 1
    assert run(*good, "--crl", crl, "--no-crl").code == 1


def test_real_certificates_show_what_other_parsers_found(
    run: Run, fixtures: Path
) -> None:
    expected = json.loads(
        (fixtures / "certs" / "expected.json").read_text(encoding="utf-8")
    )
    for name, known in expected.items():
        ran = run("cert", "show", "--json", fixtures / "certs" / name)
        assert ran.code == 0, ran.stderr
        shown = ran.record
        assert int(shown["serial"], 16) == int(known["serial"], 16)
        for ours, theirs in (
            ("attributes", "subject"),
            ("issuer_attributes", "issuer"),
        ):
            assert [(one["oid"], one["value"]) for one in shown[ours]] == [
                (oid, value) for oid, _type, value in known[theirs]
            ]


def test_show_tells_the_extensions_in_words(run: Run, fixtures: Path) -> None:
    file = fixtures / "certs" / "org-spb-issuer.pem"
    record = run("cert", "show", "--json", file).record
    assert [one["name"] for one in record["policies"]] == ["KC1", "KC2"]
    assert record["identification"] == {"kind": 0, "words": "in person"}
    assert "keyAgreement" in record["key_usage"]
    words = run("cert", "show", file).stdout
    assert "КриптоПро CSP 4.0 R4" in words and "in person" in words
    assert "СФ/124-3971" in words


def test_show_tells_that_an_authority_may_issue(run: Run, office: Office) -> None:
    assert run("cert", "show", "--json", office.root_certificate).record["authority"]
    assert "may issue" in run("cert", "show", office.root_certificate).stdout
