"""Signing and checking CMS; the oracles' view of it is in tests/interop."""

from __future__ import annotations

import pytest
from cryptography.hazmat import asn1
from small_pki import NOW, ORGANIZATION, PERSON, SETS, Party, new_key, root

from gostkey.errors import EncodingError, InvalidSignature
from gostkey.keyforms import pem
from gostkey.pki import cms, coding, oids, schemas
from gostkey.pki.certificates import Certificate
from gostkey.pki.cms import SignedData

CONTENT = b"-----BEGIN CERTIFICATE-----\nnot one\n" * 20


@pytest.fixture(scope="module")
def signer() -> Party:
    return root().subscriber(PERSON, "cryptopro-xcha")


@pytest.fixture(scope="module")
def signed(signer: Party) -> bytes:
    return cms.sign(CONTENT, signer.key, signer.certificate, signing_time=NOW)


@pytest.mark.parametrize("name", SETS)
def test_what_is_signed_verifies(name: str, each_backend: str) -> None:
    party = root(name).subscriber(PERSON, name)
    der = cms.sign(
        CONTENT,
        party.key,
        party.certificate,
        signing_time=NOW,
        extra_certificates=[root(name).certificate, party.certificate],
    )
    found = SignedData.from_bytes(der)
    assert found.verify() == [party.certificate]
    assert set(found.certificates) == {party.certificate, root(name).certificate}
    assert found.signers[0].signing_time == NOW
    assert SignedData.from_bytes(pem(der, "CMS")).verify() == [party.certificate]


def test_the_empty_content_is_a_content(signer: Party) -> None:
    for detached in (False, True):
        der = cms.sign(
            b"", signer.key, signer.certificate, signing_time=NOW, detached=detached
        )
        assert SignedData.from_bytes(der).verify(b"") == [signer.certificate]


def test_detached_needs_its_content(signer: Party) -> None:
    der = cms.sign(
        CONTENT, signer.key, signer.certificate, signing_time=NOW, detached=True
    )
    found = SignedData.from_bytes(der)
    assert found.content is None
    with pytest.raises(EncodingError, match="give the signed content"):
        found.verify()
    with pytest.raises(InvalidSignature):
        found.verify(CONTENT + b"!")


def test_attached_with_another_content_beside_is_refused(signed: bytes) -> None:
    with pytest.raises(InvalidSignature, match="not the one given"):
        SignedData.from_bytes(signed).verify(CONTENT + b"!")


def test_every_flipped_bit_is_noticed(signed: bytes, signer: Party) -> None:
    content_at = signed.index(CONTENT)
    attributes_at = signed.index(coding.encode(schemas.OID(oids.SIGNING_TIME)))
    certificate_at = signed.index(signer.certificate.der)
    for place in (
        content_at,
        content_at + len(CONTENT) - 1,
        attributes_at + 20,
        certificate_at + 40,
        len(signed) - 1,
        len(signed) - 64,
    ):
        changed = bytearray(signed)
        changed[place] ^= 4
        with pytest.raises((InvalidSignature, EncodingError)):
            SignedData.from_bytes(bytes(changed)).verify()


def test_a_key_signs_only_under_its_own_certificate(signer: Party) -> None:
    with pytest.raises(EncodingError, match="the key that shall sign is another"):
        cms.sign(CONTENT, new_key(), signer.certificate, signing_time=NOW)


def test_a_namesake_certificate_with_the_same_key_is_not_taken(signer: Party) -> None:
    # Same issuer, serial and key, other subject: signing-certificate-v2 tells.
    twin = root().issue(ORGANIZATION, signer.key, serial=signer.certificate.serial)
    der = cms.sign(
        CONTENT, signer.key, signer.certificate, signing_time=NOW, detached=True
    )
    data = SignedData.from_bytes(der)
    with pytest.raises(InvalidSignature, match="meant another certificate"):
        data.signers[0].verify(CONTENT, oids.DATA, twin)


def resigned(
    der: bytes, signer: Party, *, attributes: object = None, content: bytes
) -> bytes:
    """Rebuild a message with other contents and no signed attributes."""
    outer = coding.decode(schemas.ContentInfo, der, "test")
    data = coding.decode(schemas.SignedData, coding.encode(outer.content), "test")
    info = data.signers.as_list()[0]
    data.content.content = content
    info.signed_attributes = attributes  # type: ignore[assignment]
    data.signers = asn1.SetOf([info])
    outer.content = coding.tlv(coding.encode(data))
    return coding.encode(outer)


def test_attributes_do_not_pass_as_a_message(signed: bytes, signer: Party) -> None:
    # The signature over the attributes of one message, given as the signature of
    # a message without attributes whose content those are.
    attributes = SignedData.from_bytes(signed).signers[0]._signed
    assert attributes is not None
    forged = resigned(signed, signer, content=attributes)
    with pytest.raises(InvalidSignature, match="attributes of another message"):
        SignedData.from_bytes(forged).verify()


def test_nobody_signed_is_not_signed_by_all(signed: bytes) -> None:
    outer = coding.decode(schemas.ContentInfo, signed, "test")
    data = coding.decode(schemas.SignedData, coding.encode(outer.content), "test")
    data.signers = asn1.SetOf([])
    outer.content = coding.tlv(coding.encode(data))
    with pytest.raises(InvalidSignature, match="nobody signed"):
        SignedData.from_bytes(coding.encode(outer)).verify()


def test_two_signers_must_both_be_good(signer: Party) -> None:
    other = root("tc26-512-a").subscriber(ORGANIZATION, "tc26-512-a")
    messages = [
        cms.sign(CONTENT, p.key, p.certificate, signing_time=NOW)
        for p in (signer, other)
    ]
    outers = [coding.decode(schemas.ContentInfo, m, "test") for m in messages]
    one, two = (
        coding.decode(schemas.SignedData, coding.encode(o.content), "test")
        for o in outers
    )
    both = [one.signers.as_list()[0], two.signers.as_list()[0]]
    one.signers = asn1.SetOf(both)
    one.certificates = [*(one.certificates or ()), *(two.certificates or ())]
    outers[0].content = coding.tlv(coding.encode(one))
    found = SignedData.from_bytes(coding.encode(outers[0]))
    assert set(found.verify()) == {signer.certificate, other.certificate}

    signature = bytearray(both[1].signature)
    signature[0] ^= 1
    both[1].signature = bytes(signature)
    one.signers = asn1.SetOf(both)
    outers[0].content = coding.tlv(coding.encode(one))
    with pytest.raises(InvalidSignature):
        SignedData.from_bytes(coding.encode(outers[0])).verify()


def test_a_missing_certificate_can_be_given_beside(
    signed: bytes, signer: Party
) -> None:
    outer = coding.decode(schemas.ContentInfo, signed, "test")
    data = coding.decode(schemas.SignedData, coding.encode(outer.content), "test")
    data.certificates = None
    outer.content = coding.tlv(coding.encode(data))
    bare = SignedData.from_bytes(coding.encode(outer))
    with pytest.raises(EncodingError, match=r"certificate \(serial 1001\)"):
        bare.verify()
    known: list[Certificate] = [root().certificate, signer.certificate]
    assert bare.verify(certificates=known) == [signer.certificate]
