"""What we make verifies with OpenSSL and its GOST engine, for every parameter set."""

from __future__ import annotations

import pytest
from interop.openssl import OpenSSL
from small_pki import AUTHORITY, DAY, NOW, ORGANIZATION, PERSON, SETS, new_key, root

from gostkey.pki import cms, requests
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.crls import Revoked
from gostkey.pki.names import Name
from gostkey.pki.profiles import CertificateProfile
from gostkey.pki.renewal_request import build_renewal
from gostkey.pki.requests import build_request

AT = str(int(NOW.timestamp()))
CONTENT = "Текст договора\n".encode() * 50


def flipped(der: bytes, place: int = -20) -> bytes:
    changed = bytearray(der)
    changed[place] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("name", SETS)
def test_certificate_and_crl(openssl: OpenSSL, name: str) -> None:
    authority = root(name)
    good = authority.subscriber(PERSON, name, serial=0x51)
    bad = authority.subscriber(ORGANIZATION, name, serial=0x52)
    openssl.write("ca.pem", authority.certificate.to_pem())
    crl = authority.crl(Revoked(0x52, NOW - 2 * DAY, "keyCompromise"))
    openssl.write("crl.pem", crl.to_pem())
    openssl.write("good.pem", good.certificate.to_pem())
    openssl.write("bad.pem", bad.certificate.to_pem())
    command = ("verify", "-attime", AT, "-CAfile", "ca.pem", "-CRLfile", "crl.pem")
    command += ("-crl_check", "-x509_strict")
    assert "good.pem: OK" in openssl.check(*command, "good.pem")
    code, said = openssl.run(*command, "bad.pem")
    assert code != 0 and "certificate revoked" in said


@pytest.mark.parametrize("name", SETS)
def test_request(openssl: OpenSSL, name: str) -> None:
    der = build_request(
        new_key(name),
        PERSON,
        attributes=[
            requests.os_version("10.0.19045.2"),
            requests.csp_provider("Пробный поставщик"),
            requests.client_info("station", "operator", "gostkey"),
            requests.name_value(
                ("CpRaCertPeriod", "12"), ("CpRaCertPeriodUnits", "Months")
            ),
        ],
    )
    openssl.write("request.der", der)
    command = ("req", "-inform", "DER", "-noout", "-verify", "-in", "request.der")
    assert "verify OK" in openssl.check(*command)
    openssl.write("request.der", flipped(der))
    code, said = openssl.run(*command)
    assert "verify OK" not in said


@pytest.mark.parametrize("full_oid", [False, True], ids=["key OID", "signature OID"])
@pytest.mark.parametrize("detached", [False, True], ids=["attached", "detached"])
@pytest.mark.parametrize("name", SETS)
def test_cms(openssl: OpenSSL, name: str, detached: bool, full_oid: bool) -> None:
    signer = root(name).subscriber(PERSON, name)
    der = cms.sign(
        CONTENT,
        signer.key,
        signer.certificate,
        signing_time=NOW,
        detached=detached,
        full_signature_oid=full_oid,
    )
    openssl.write("ca.pem", root(name).certificate.to_pem())
    openssl.write("content", CONTENT)
    command = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "signed.der"]
    command += ["-CAfile", "ca.pem", "-attime", AT, "-purpose", "any"]
    command += ["-cades", "-out", "out"]
    if detached:
        command += ["-content", "content"]
    openssl.write("signed.der", der)
    openssl.check(*command)
    assert (openssl.folder / "out").read_bytes() == CONTENT
    if detached:
        openssl.write("content", flipped(CONTENT))
    else:
        openssl.write("signed.der", flipped(der, der.index(CONTENT) + 3))
    code, said = openssl.run(*command)
    assert code != 0 and "Verification failure" in said


@pytest.mark.parametrize("new", ["cryptopro-xcha", "tc26-256-a", "tc26-512-a"])
@pytest.mark.parametrize("old", ["2001 cryptopro-xcha", "cryptopro-xcha", "tc26-512-b"])
def test_renewal_request(openssl: OpenSSL, old: str, new: str) -> None:
    owner = root().subscriber(ORGANIZATION, old)
    der = build_renewal(new_key(new), owner.key, owner.certificate, at=NOW)
    openssl.write("ca.pem", root().certificate.to_pem())
    openssl.write("renewal.der", der)
    command = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "renewal.der"]
    command += [
        "-CAfile",
        "ca.pem",
        "-attime",
        AT,
        "-purpose",
        "any",
        "-out",
        "req.der",
    ]
    openssl.check(*command)
    said = openssl.check("req", "-inform", "DER", "-in", "req.der", "-noout", "-verify")
    assert "verify OK" in said


def test_russian_names_read_the_same(openssl: OpenSSL) -> None:
    long = Name.build(
        [
            ("INN", "007710474375"),
            ("SNILS", "11223344595"),
            ("C", "RU"),
            ("O", "Ж" * 87),
            ("CN", 'Имя "в кавычках", с запятой'),
        ]
    )
    openssl.write("one.pem", root().subscriber(long, "tc26-256-a").certificate.to_pem())
    said = openssl.check(
        *("x509", "-in", "one.pem", "-noout", "-subject"),
        *("-nameopt", "sep_multiline,utf8,lname,show_type"),
    )
    for line in (
        "INN=NUMERICSTRING:007710474375",
        "SNILS=NUMERICSTRING:11223344595",
        "countryName=PRINTABLESTRING:RU",
        "organizationName=UTF8STRING:" + "Ж" * 87,
        'commonName=UTF8STRING:Имя "в кавычках", с запятой',
    ):
        assert line in said


def test_what_the_small_authority_issues(openssl: OpenSSL) -> None:
    profile = CertificateProfile(
        policies=("1.2.643.100.113.1",),
        subject_sign_tool="Средство подписи",
        issuer_sign_tool=("Средство", "УЦ", "нет", "нет"),
        crl_urls=("http://ca.example/ca.crl",),
    )
    with CertificateAuthority.create(
        openssl.folder / "authority",
        subject=AUTHORITY,
        at=NOW - 300 * DAY,
        profile=profile,
    ) as ca:
        old = new_key("cryptopro-xcha")
        first = ca.issue(build_request(old, ORGANIZATION), NOW - 300 * DAY)
        renewal = build_renewal(new_key("tc26-512-a"), old, first, at=NOW)
        second = ca.issue_renewal(renewal, NOW)
        ca.revoke(first.serial, NOW, "superseded")
        crl = openssl.write("crl.der", ca.crl(NOW))
        openssl.check("crl", "-inform", "DER", "-in", crl, "-out", "crl.pem")
    openssl.write("first.pem", first.to_pem())
    openssl.write("second.pem", second.to_pem())
    command = ("verify", "-attime", AT, "-CAfile", "authority/ca.crt", "-x509_strict")
    command += ("-CRLfile", "crl.pem", "-crl_check")
    assert "second.pem: OK" in openssl.check(*command, "second.pem")
    code, said = openssl.run(*command, "first.pem")
    assert code != 0 and "certificate revoked" in said

    text = openssl.check(
        *("x509", "-in", "second.pem", "-noout", "-text"),
        *("-nameopt", "utf8", "-certopt", "no_pubkey,no_sigdump"),
    )
    for words in (
        "X509v3 Key Usage: critical",
        "Digital Signature, Non Repudiation, Key Encipherment",
        "X509v3 Private Key Usage Period",
        "Not Before: Mar  1 12:00:00 2026 GMT, Not After: Mar  1 12:00:00 2027 GMT",
        "Signing Tool of Subject",
        "Средство подписи",
        "Signing Tool of Issuer",
        "Class of Signing Tool KC1",
        "URI:http://ca.example/ca.crl",
        "TLS Web Client Authentication, E-mail Protection",
    ):
        assert words in text


def test_the_oracle_refuses_a_stranger(
    openssl: OpenSSL,
) -> None:
    stranger = root("tc26-256-a").subscriber(PERSON, "cryptopro-xcha")
    openssl.write("ca.pem", root("tc26-512-a").certificate.to_pem())
    openssl.write("one.pem", stranger.certificate.to_pem())
    code, said = openssl.run("verify", "-attime", AT, "-CAfile", "ca.pem", "one.pem")
    assert code != 0 and "OK" not in said
