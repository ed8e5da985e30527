"""A certificate in words: stable keys, and nothing that hides the rest."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from small_pki import DAY, NOW, ORGANIZATION, PERSON, root

from gostkey.errors import CertificateError, UnknownAlgorithm
from gostkey.pki import extensions as ext
from gostkey.pki import oids
from gostkey.pki.certificates import Certificate
from gostkey.pki.chain import verify_chain
from gostkey.pki.crls import Revoked
from gostkey.pki.describe import describe, describe_crl
from gostkey.pki.extensions import Extension

KEYS = {
    *("owner", "serial", "fingerprint", "subject", "subject_text", "issuer"),
    *("issuer_text", "issuer_owner", "organization", "inn", "snils", "ogrn"),
    *("ogrnip", "email", "not_before", "not_after", "key_not_before"),
    *("key_not_after", "signing_ends", "key", "signature_algorithm", "self_issued"),
    *("authority", "path_length", "key_usage", "key_purposes", "policies"),
    *("subject_sign_tool", "issuer_sign_tool", "identification", "crl_urls"),
    *("issuer_urls", "extensions", "faults"),
}


def test_everything_is_in_words() -> None:
    owner = root().subscriber(
        PERSON,
        "cryptopro-xcha",
        extensions=[
            ext.key_usage(["nonRepudiation", "digitalSignature"]),
            ext.private_key_usage_period(NOW - DAY, NOW + DAY),
            ext.extended_key_usage([oids.CLIENT_AUTH, "1.2.3"]),
            ext.certificate_policies(["1.2.643.100.113.1", "1.2.643.100.113.2"]),
            ext.subject_sign_tool("Средство подписи"),
            ext.issuer_sign_tool("а", "б", "в", "г"),
            ext.identification_kind(1),
            ext.crl_distribution_points(["http://ca.example/ca.crl"]),
        ],
    )
    found = describe(owner.certificate)
    assert json.loads(json.dumps(found)) == found
    assert set(found) == KEYS
    assert found["owner"] == "Иванов Иван Иванович"
    assert (found["inn"], found["snils"]) == ("500100732259", "11223344595")
    assert found["email"] == "ivanov@example.ru"
    assert found["key"]["curve"] == "tc26-256-b"
    assert found["key"]["curve_oid"] == "1.2.643.2.2.36.0"
    assert found["signing_ends"] == (NOW + DAY).isoformat()
    assert found["key_usage"] == ["digitalSignature", "nonRepudiation"]
    assert [p["name"] for p in found["key_purposes"]] == ["clientAuth", "1.2.3"]
    assert [p["name"] for p in found["policies"]] == ["KC1", "KC2"]
    assert found["subject_sign_tool"] == "Средство подписи"
    assert found["issuer_sign_tool"]["ca_tool_cert"] == "г"
    assert found["identification"]["words"] == "by qualified signature"
    assert found["crl_urls"] == ["http://ca.example/ca.crl"]
    assert found["authority"] is False and found["self_issued"] is False
    assert found["subject"][1] == {
        "label": "SNILS",
        "words": "SNILS",
        "oid": "1.2.643.100.3",
        "type": "NumericString",
        "value": "11223344595",
    }


def test_a_broken_extension_does_not_hide_the_rest() -> None:
    broken = [
        Extension(oid, False, b"\x05\x00")
        for oid in (
            oids.KEY_USAGE,
            oids.PRIVATE_KEY_USAGE_PERIOD,
            oids.CERTIFICATE_POLICIES,
            oids.ISSUER_SIGN_TOOL,
            oids.IDENTIFICATION_KIND,
            oids.CRL_DISTRIBUTION_POINTS,
        )
    ]
    owner = root().subscriber(ORGANIZATION, "cryptopro-xcha", extensions=broken)
    found = describe(owner.certificate)
    assert found["owner"] == "ООО «Ромашка»"
    assert found["key_usage"] == [] and found["policies"] == []
    assert found["key_not_after"] is None
    assert sorted(fault.split(":")[0] for fault in found["faults"]) == [
        "certificatePolicies",
        "identificationKind",
        "issuerSignTool",
        "keyUsage",
        "privateKeyUsagePeriod",
    ]
    shown = {e["name"]: e["value"] for e in found["extensions"]}
    assert shown["keyUsage"] == "0500"


def test_wrong_check_digits_are_told() -> None:
    odd = ORGANIZATION.replaced("INN", "007707083894")
    found = describe(root().subscriber(odd, "cryptopro-xcha").certificate)
    assert found["inn"] == "7707083894"
    assert any("007707083894" in f or "7707083894" in f for f in found["faults"])


@pytest.fixture(scope="module")
def rsa_certificate() -> Certificate:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RSA")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    return Certificate.from_bytes(made.public_bytes(Encoding.DER))


def test_a_certificate_of_another_algorithm_is_described(
    rsa_certificate: Certificate,
) -> None:
    found = describe(rsa_certificate)
    assert found["owner"] == "RSA" and found["authority"] is True
    assert found["signature_algorithm"] == "1.2.840.113549.1.1.11"
    assert found["key"] is None
    assert any(fault.startswith("public key") for fault in found["faults"])


def test_a_certificate_of_another_algorithm_is_not_verified(
    rsa_certificate: Certificate,
) -> None:
    with pytest.raises(UnknownAlgorithm):
        _ = rsa_certificate.public_key
    with pytest.raises(CertificateError, match="cannot be checked"):
        rsa_certificate.verify_signed_by(rsa_certificate)
    with pytest.raises(CertificateError):
        verify_chain(rsa_certificate, roots=[], at=NOW)


def test_a_crl_is_described() -> None:
    crl = root().crl(Revoked(5, NOW - DAY), number=17)
    found = describe_crl(crl)
    assert json.loads(json.dumps(found)) == found
    assert (found["number"], found["revoked"]) == (17, 1)
    assert found["next_update"] == (crl.this_update + timedelta(days=2)).isoformat()
