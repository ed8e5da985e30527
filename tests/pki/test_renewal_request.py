"""Renewal requests: what the check refuses, and in which words."""

from __future__ import annotations

from datetime import datetime

import pytest
from small_pki import DAY, NOW, ORGANIZATION, PERSON, Party, new_key, root

from gostkey.errors import EncodingError, RequestRefused
from gostkey.pki import cms, oids, requests
from gostkey.pki import extensions as ext
from gostkey.pki.renewal_request import (
    RenewalProfile,
    RenewalRequest,
    build_renewal,
    build_request,
)
from gostkey.signing import SigningKey


@pytest.fixture(scope="module")
def owner() -> Party:
    return root().subscriber(
        ORGANIZATION,
        "cryptopro-xcha",
        more=[
            ext.extended_key_usage([oids.CLIENT_AUTH]),
            ext.subject_sign_tool("Средство подписи"),
        ],
    )


def renewal(owner: Party, new: SigningKey | None = None) -> RenewalRequest:
    return RenewalRequest.from_bytes(
        build_renewal(new or new_key(), owner.key, owner.certificate, at=NOW)
    )


def wrapped(content: bytes, signer: Party) -> RenewalRequest:
    der = cms.sign(content, signer.key, signer.certificate, signing_time=NOW)
    return RenewalRequest.from_bytes(der)


@pytest.mark.parametrize(
    "old", ["2001 cryptopro-xcha", "cryptopro-xcha", "tc26-256-a", "tc26-512-a"]
)
@pytest.mark.parametrize("new", ["cryptopro-xcha", "tc26-512-b"])
def test_a_good_one_passes(old: str, new: str, each_backend: str) -> None:
    owner = root().subscriber(PERSON, old)
    key = new_key(new)
    found = renewal(owner, key)
    found.check(at=NOW)
    assert found.old_certificate == owner.certificate
    assert found.request.public_key == key.verifying_key
    assert found.request.subject_der == owner.certificate.subject_der
    assert found.signed.signers[0].signing_time == NOW


def test_extensions_are_copied_and_the_kind_is_by_signature(owner: Party) -> None:
    asked = renewal(owner).request.extensions
    for oid in (oids.KEY_USAGE, oids.EXTENDED_KEY_USAGE, oids.SUBJECT_SIGN_TOOL):
        assert asked[oid].value == owner.certificate.extension(oid)
    assert asked[oids.IDENTIFICATION_KIND].value == b"\x02\x01\x01"


def test_a_profile_changes_what_is_asked(owner: Party) -> None:
    profile = RenewalProfile(
        copied=(),
        identification_kind=None,
        extensions=(ext.key_usage(["digitalSignature"]),),
        attributes=(requests.name_value(("CpRaCertPeriod", "15")),),
    )
    der = build_renewal(
        new_key(), owner.key, owner.certificate, at=NOW, profile=profile
    )
    found = RenewalRequest.from_bytes(der)
    found.check(at=NOW)
    assert list(found.request.extensions) == [oids.KEY_USAGE]
    assert found.request.attribute(oids.MS_NAME_VALUE) is not None


def test_request_and_signature_in_two_files(owner: Party) -> None:
    request = build_request(new_key(), owner.certificate)
    apart = cms.sign(
        request, owner.key, owner.certificate, signing_time=NOW, detached=True
    )
    RenewalRequest.from_bytes(apart, request=request).check(at=NOW)
    with pytest.raises(EncodingError, match="give the PKCS#10 beside"):
        RenewalRequest.from_bytes(apart)
    other = build_request(new_key(), owner.certificate)
    with pytest.raises(RequestRefused, match="signature with the old key"):
        RenewalRequest.from_bytes(apart, request=other).check(at=NOW)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW + 65 * DAY, None),
        (NOW + 65.001 * DAY, r"expired on 2026-05-05 .* come to the office"),
        (NOW - 300.001 * DAY, "is valid from"),
    ],
)
def test_the_old_certificate_must_be_in_its_dates(
    owner: Party, at: datetime, words: str | None
) -> None:
    found = renewal(owner)
    if words is None:
        found.check(at=at)
    else:
        with pytest.raises(RequestRefused, match=words):
            found.check(at=at)


def test_the_old_keys_period_must_not_be_over() -> None:
    owner = root().subscriber(
        PERSON,
        "cryptopro-xcha",
        extensions=[
            ext.key_usage(),
            ext.private_key_usage_period(NOW - 300 * DAY, NOW - DAY),
        ],
    )
    with pytest.raises(RequestRefused, match="private key's period ended"):
        renewal(owner).check(at=NOW)


def test_a_revoked_certificate_renews_nothing(owner: Party) -> None:
    with pytest.raises(RequestRefused, match="is revoked"):
        renewal(owner).check(at=NOW, revoked=lambda c: c == owner.certificate)


def test_a_certificate_not_for_signing_renews_nothing() -> None:
    owner = root().subscriber(
        PERSON, "cryptopro-xcha", extensions=[ext.key_usage(["keyAgreement"])]
    )
    with pytest.raises(RequestRefused, match="does not allow signing"):
        renewal(owner).check(at=NOW)


def test_the_subject_must_be_equal_octet_for_octet(owner: Party) -> None:
    for subject in (
        PERSON,
        ORGANIZATION.replaced("T", "Директор"),
        # The same INN in the new spelling is a change too.
        type(ORGANIZATION).build(
            [("INNLE", "7707083893"), *ORGANIZATION.attributes[1:]]
        ),
    ):
        content = requests.build_request(
            new_key(),
            subject,
            attributes=[requests.renewal_certificate(owner.certificate.der)],
        )
        with pytest.raises(RequestRefused, match="changed subject needs a visit"):
            wrapped(content, owner).check(at=NOW)


def test_the_key_must_be_changed(owner: Party) -> None:
    with pytest.raises(RequestRefused, match="a new key must be made"):
        renewal(owner, owner.key).check(at=NOW)


def test_another_subscriber_cannot_sign(owner: Party) -> None:
    thief = root().subscriber(PERSON, "cryptopro-xcha", serial=0x1002)
    content = build_request(new_key(), owner.certificate)
    with pytest.raises(RequestRefused, match="is not signed by the certificate of"):
        wrapped(content, thief).check(at=NOW)


def test_a_thief_with_the_same_issuer_and_serial_cannot_sign(owner: Party) -> None:
    # The CMS holds the thief's certificate; the request names the true one.
    thief = root().subscriber(PERSON, "cryptopro-xcha", serial=owner.certificate.serial)
    content = build_request(new_key(), owner.certificate)
    with pytest.raises(RequestRefused, match="signature with the old key is not good"):
        wrapped(content, thief).check(at=NOW)


def test_the_new_key_must_sign_the_request(owner: Party) -> None:
    content = bytearray(build_request(new_key(), owner.certificate))
    content[-1] ^= 1
    with pytest.raises(RequestRefused, match="own signature with the new key"):
        wrapped(bytes(content), owner).check(at=NOW)


def test_the_request_must_name_its_certificate(owner: Party) -> None:
    content = requests.build_request(new_key(), owner.certificate.subject)
    with pytest.raises(RequestRefused, match="does not name the certificate"):
        wrapped(content, owner).check(at=NOW)


def test_the_right_key_is_asked_for_before_anything_is_signed(owner: Party) -> None:
    with pytest.raises(EncodingError, match="the key that shall sign is another"):
        build_renewal(new_key(), new_key(), owner.certificate, at=NOW)
