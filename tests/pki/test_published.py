"""Certificates, requests, CRLs and messages that others made and published."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from gostkey import curves
from gostkey.errors import CertificateError, EncodingError, InvalidSignature
from gostkey.keyforms import Scheme
from gostkey.pki import oids
from gostkey.pki.certificates import Certificate, build_certificate
from gostkey.pki.chain import verify_chain
from gostkey.pki.cms import SignedData
from gostkey.pki.crls import RevocationList
from gostkey.pki.describe import describe
from gostkey.pki.names import Name
from gostkey.pki.requests import Request
from gostkey.signing import SigningKey

PEMS = ("ca-2001.pem", "editor-title-selfsigned.pem", "org-spb-issuer.pem")


def pairs(name: Name) -> list[list[str]]:
    return [[a.oid, a.type_name, a.value] for a in name.attributes]


@pytest.fixture(scope="session")
def examples(fixtures: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((fixtures / "pki_examples.json").read_text(encoding="utf-8"))
    return {example["name"]: example for example in found["examples"]}


def der(text: str) -> bytes:
    return base64.b64decode(text)


def key_of(example: dict[str, Any], curve: str) -> SigningKey:
    found = curves.get(curve)
    # RFC 9215 takes the same d for all its 256-bit examples; it is above q of set A.
    d = int(example["d"], 16) % found.q
    return SigningKey.from_bytes(d.to_bytes(found.size, "little"), found)


@pytest.mark.parametrize("file", PEMS)
def test_real_certificates_read_as_two_other_parsers_do(
    fixtures: Path, file: str
) -> None:
    folder = fixtures / "certs"
    wanted = json.loads((folder / "expected.json").read_text(encoding="utf-8"))[file]
    certificate = Certificate.from_bytes((folder / file).read_bytes())
    assert pairs(certificate.subject) == wanted["subject"]
    assert pairs(certificate.issuer) == wanted["issuer"]
    assert certificate.serial == int(wanted["serial"], 16)
    assert certificate.not_before.isoformat() == wanted["not_before"]
    assert certificate.not_after.isoformat() == wanted["not_after"]
    assert certificate.signature_algorithm == wanted["signature_algorithm"]
    assert certificate.public_key.curve.oid == wanted["public_key_parameters"][0]
    assert [[e.oid, e.critical] for e in certificate.extensions.values()] == wanted[
        "extensions"
    ]
    # A name is written anew with the same octets.
    assert Name.build(certificate.subject.attributes).der == certificate.subject_der
    if wanted["self_signed"]:
        certificate.verify_signed_by(certificate)
    else:
        with pytest.raises(CertificateError, match="was issued by"):
            certificate.verify_signed_by(certificate)


@pytest.mark.parametrize("file", PEMS)
def test_a_real_certificate_is_described(fixtures: Path, file: str) -> None:
    found = describe(Certificate.from_bytes((fixtures / "certs" / file).read_bytes()))
    json.dumps(found)
    assert found["faults"] == []
    if file == "org-spb-issuer.pem":
        assert found["inn"] == "7710474375" and found["ogrn"] == "1047702026701"
        assert found["key_not_after"] == "2026-04-21T08:07:30+00:00"
        assert found["signing_ends"] == "2026-04-21T08:07:30+00:00"
        assert found["identification"] == {"kind": 0, "words": "in person"}
        assert [p["name"] for p in found["policies"]] == ["KC1", "KC2"]
        assert found["issuer_sign_tool"]["ca_tool"] == '"КриптоПро УЦ" (версии 2.0)'
        assert found["key_usage"][0] == "digitalSignature"
        assert found["crl_urls"][0].endswith(".crl")
    if file == "ca-2001.pem":
        assert found["inn"] == "7710474375"
        assert found["key"]["algorithm"] == "GOST R 34.10-2001"
        assert found["authority"] is True


@pytest.mark.parametrize(
    ("example", "curve"),
    [
        ("RFC 9215 example (256-bit, test parameters)", "test-256"),
        ("RFC 9215 example (256-bit, tc26 set A)", "tc26-256-a"),
        ("RFC 9215 example (512-bit, test parameters)", "test-512"),
    ],
)
def test_rfc_9215(examples: dict[str, Any], example: str, curve: str) -> None:
    found = examples[example]
    certificate = Certificate.from_bytes(der(found["certificate"]))
    certificate.verify_signed_by(certificate)
    request = Request.from_bytes(der(found["pkcs10"]))
    request.verify()
    key = key_of(found, curve)
    assert key.verifying_key == certificate.public_key == request.public_key
    crl = RevocationList.from_bytes(der(found["crl"]))
    crl.verify_signed_by(certificate)
    assert len(crl) == 0 and crl.next_update is not None

    # The same content signed by us is the same but for the signature.
    made = build_certificate(
        issuer=certificate.issuer,
        signing_key=key,
        subject=certificate.subject,
        public_key=key.verifying_key,
        serial=certificate.serial,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        extensions=certificate.extensions.values(),
    )
    assert Certificate.from_bytes(made).signed == certificate.signed

    for changed in (request.der, certificate.der, crl.der):
        octets = bytearray(changed)
        octets[-1] ^= 1
        with pytest.raises((InvalidSignature, CertificateError)):
            if changed is request.der:
                Request.from_bytes(bytes(octets)).verify()
            elif changed is crl.der:
                RevocationList.from_bytes(bytes(octets)).verify_signed_by(certificate)
            else:
                Certificate.from_bytes(bytes(octets)).verify_signed_by(certificate)


def test_tc26_example_certificate_of_512_bits(examples: dict[str, Any]) -> None:
    found = examples["TC26 certificate example 512 (self-signed)"]
    certificate = Certificate.from_bytes(der(found["certificate"]))
    certificate.verify_signed_by(certificate)
    assert key_of(found, "tc26-512-b").verifying_key == certificate.public_key


def test_certificates_of_the_cms_recommendations(examples: dict[str, Any]) -> None:
    listed = examples["R 1323565.1.025-2019 example certificates (all signed by ca)"]
    parties = {
        party["name"]: Certificate.from_bytes(der(party["certificate"]))
        for party in listed["certificates"]
    }
    for certificate in parties.values():
        certificate.verify_signed_by(parties["ca"])

    found = examples["R 1323565.1.025-2019 SignedData with signed attributes"]
    signed = SignedData.from_bytes(der(found["cms"]))
    assert signed.content is not None
    assert signed.content.decode("cp1251").startswith("Контрольный пример")
    (signer,) = signed.verify()
    signer.verify_signed_by(parties["ca"])
    assert signed.signers[0].signing_time == datetime(
        2019, 3, 20, 19, 55, 22, tzinfo=timezone.utc
    )
    octets = bytearray(der(found["cms"]))
    octets[octets.index(signed.content)] ^= 1
    with pytest.raises(InvalidSignature, match="content was changed"):
        SignedData.from_bytes(bytes(octets)).verify()


def test_tc26_message_without_attributes_or_certificate(
    examples: dict[str, Any],
) -> None:
    found = examples["TC26 CMS example, SignedData 256, no attributes, no certificate"]
    signed = SignedData.from_bytes(der(found["cms"]))
    assert signed.content == bytes.fromhex(found["content"])
    with pytest.raises(EncodingError, match="certificate .* is not in it"):
        signed.verify()
    # The signer's certificate is not published, but his key is; CMS names the
    # certificate by issuer and serial only.
    key = key_of(found, "cryptopro-xcha")
    assert signed.signers[0].issuer_der is not None
    name = Name.from_der(signed.signers[0].issuer_der)
    begin = datetime(2012, 1, 1, tzinfo=timezone.utc)
    certificate = Certificate.from_bytes(
        build_certificate(
            issuer=name,
            signing_key=key,
            subject=name,
            public_key=key.verifying_key,
            serial=signed.signers[0].serial or 0,
            not_before=begin,
            not_after=begin + timedelta(days=9),
        )
    )
    assert signed.verify(certificates=[certificate]) == [certificate]
    assert key.scheme is Scheme.GOST_2012


@pytest.mark.parametrize("kind", ["EnvelopedData", "DigestedData"])
def test_other_messages_are_refused_by_name(
    examples: dict[str, Any], kind: str
) -> None:
    found = [e for name, e in examples.items() if kind in name and "cms" in e]
    assert found
    for example in found:
        with pytest.raises(
            EncodingError, match=f"must be SignedData {oids.SIGNED_DATA}"
        ):
            SignedData.from_bytes(der(example["cms"]))


def test_a_real_authority_is_not_believed_unless_given(fixtures: Path) -> None:
    folder = fixtures / "certs"
    leaf = Certificate.from_bytes((folder / "org-spb-issuer.pem").read_bytes())
    other = Certificate.from_bytes((folder / "ca-2001.pem").read_bytes())
    at = leaf.not_before + timedelta(days=1)
    with pytest.raises(CertificateError, match="no trusted certificate of its issuer"):
        verify_chain(leaf, roots=[other], at=at)
