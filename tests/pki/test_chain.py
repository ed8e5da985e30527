"""Chains: whom to believe, at which moment, and what the refusal says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from small_pki import AUTHORITY, DAY, NOW, PERSON, Party, new_root, root

from gostkey.errors import CertificateError
from gostkey.pki import extensions as ext
from gostkey.pki import oids
from gostkey.pki.certificates import Certificate
from gostkey.pki.chain import MOST_TRIES, ChainVerifier, verify_chain
from gostkey.pki.crls import RevocationList, Revoked
from gostkey.pki.extensions import Extension
from gostkey.pki.names import Name

MIDDLE = Name.build([("CN", "Промежуточный УЦ")])
LOWER = Name.build([("CN", "Нижний УЦ")])


@pytest.fixture(scope="module")
def top() -> Party:
    return root("tc26-512-a")


@pytest.fixture(scope="module")
def middle(top: Party) -> Party:
    return top.authority(MIDDLE, "cryptopro-xcha")


@pytest.fixture(scope="module")
def owner(middle: Party) -> Party:
    return middle.subscriber(PERSON, "tc26-256-a")


def test_a_chain_through_an_intermediate(
    top: Party, middle: Party, owner: Party
) -> None:
    chain = verify_chain(
        owner.certificate,
        roots=[top.certificate],
        intermediates=[root().certificate, middle.certificate],
        crls=[middle.crl(), top.crl()],
        at=NOW,
    )
    assert chain == [owner.certificate, middle.certificate, top.certificate]


def test_each_link_needs_its_own_crl(top: Party, middle: Party, owner: Party) -> None:
    known = {"roots": [top.certificate], "intermediates": [middle.certificate]}
    for crls, wanted in (
        ([], "no CRL of Пробный корень"),
        ([top.crl()], "no CRL of Промежуточный УЦ"),
        ([middle.crl()], "no CRL of Пробный корень"),
    ):
        with pytest.raises(CertificateError, match=wanted):
            verify_chain(owner.certificate, crls=crls, at=NOW, **known)
    verify_chain(owner.certificate, at=NOW, require_crl=False, **known)


def test_a_revoked_certificate_is_named(top: Party, middle: Party) -> None:
    owner = middle.subscriber(PERSON, "cryptopro-xcha", serial=0xABCD)
    crl = middle.crl(Revoked(0xABCD, NOW - 3 * DAY, "keyCompromise"))
    verifier = ChainVerifier(
        roots=[top.certificate],
        intermediates=[middle.certificate],
        crls=[crl, top.crl()],
    )
    with pytest.raises(
        CertificateError, match=r"Иванов.*abcd.*2026-02-26 12:00 UTC, keyCompromise"
    ):
        verifier.verify(owner.certificate, NOW)
    # Without the duty to have a CRL, the one that is there still counts.
    verifier.require_crl = False
    with pytest.raises(CertificateError, match="revoked"):
        verifier.verify(owner.certificate, NOW)


def test_a_revoked_intermediate_spoils_the_chain(
    top: Party, middle: Party, owner: Party
) -> None:
    bad = Revoked(middle.certificate.serial, NOW - DAY)
    with pytest.raises(CertificateError, match="Промежуточный УЦ.*revoked"):
        verify_chain(
            owner.certificate,
            roots=[top.certificate],
            intermediates=[middle.certificate],
            crls=[top.crl(bad), middle.crl()],
            at=NOW,
        )


@pytest.mark.parametrize(
    ("days", "words"),
    [(-301, "is valid from .* check the clock"), (66, "expired on 2026-05-05")],
)
def test_dates_hold_at_the_moment_asked_for(days: int, words: str) -> None:
    owner = root().subscriber(PERSON, "cryptopro-xcha")
    known = {"roots": [root().certificate], "require_crl": False}
    with pytest.raises(CertificateError, match=words):
        verify_chain(owner.certificate, at=NOW + days * DAY, **known)
    for moment in (owner.certificate.not_before, owner.certificate.not_after):
        verify_chain(owner.certificate, at=moment, **known)


def test_a_moment_without_time_zone_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="time zone"):
        verify_chain(root().certificate, roots=[], at=NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("this_update", "next_update", "words"),
    [
        (NOW - 3 * DAY, NOW - DAY, "out of date since .* fetch the newest CRL"),
        (NOW + DAY, NOW + 2 * DAY, "check the clock"),
    ],
)
def test_a_crl_must_be_fresh(
    this_update: object, next_update: object, words: str
) -> None:
    owner = root().subscriber(PERSON, "cryptopro-xcha")
    stale = root().crl(this_update=this_update, next_update=next_update)  # type: ignore[arg-type]
    with pytest.raises(CertificateError, match=words):
        verify_chain(
            owner.certificate, roots=[root().certificate], crls=[stale], at=NOW
        )
    # A good one beside it is found.
    verify_chain(
        owner.certificate,
        roots=[root().certificate],
        crls=[stale, root().crl()],
        at=NOW,
    )


def test_a_crl_of_another_key_of_the_same_name_is_not_believed() -> None:
    owner = root().subscriber(PERSON, "cryptopro-xcha")
    impostor = new_root()
    assert impostor.certificate.subject == root().certificate.subject
    with pytest.raises(CertificateError, match="CRL of .* does not verify"):
        verify_chain(
            owner.certificate,
            roots=[root().certificate],
            crls=[impostor.crl()],
            at=NOW,
        )


def test_a_changed_crl_is_not_believed() -> None:
    owner = root().subscriber(PERSON, "cryptopro-xcha")
    der = bytearray(root().crl(Revoked(0x77, NOW - DAY)).der)
    place = der.index(bytes([2, 1, 0x77]))
    der[place + 2] ^= 1
    with pytest.raises(CertificateError, match="CRL of .* does not verify"):
        verify_chain(
            owner.certificate,
            roots=[root().certificate],
            crls=[RevocationList.from_bytes(bytes(der))],
            at=NOW,
        )


def test_a_certificate_signed_by_a_namesake_is_refused() -> None:
    impostor = new_root()
    owner = impostor.subscriber(PERSON, "cryptopro-xcha")
    with pytest.raises(CertificateError, match="does not verify with the key of"):
        verify_chain(
            owner.certificate,
            roots=[root().certificate],
            at=NOW,
            require_crl=False,
        )
    # With both at hand the right one is found.
    assert verify_chain(
        owner.certificate,
        roots=[root().certificate, impostor.certificate],
        at=NOW,
        require_crl=False,
    ) == [owner.certificate, impostor.certificate]


def test_a_changed_certificate_is_refused() -> None:
    owner = root().subscriber(PERSON, "cryptopro-xcha")
    der = bytearray(owner.certificate.der)
    place = der.index("Иванов".encode())
    der[place + 1] ^= 1
    with pytest.raises(CertificateError, match="does not verify"):
        verify_chain(
            Certificate.from_bytes(bytes(der)),
            roots=[root().certificate],
            at=NOW,
            require_crl=False,
        )


def test_a_subscriber_is_no_authority() -> None:
    owner = root().subscriber(PERSON, "cryptopro-xcha")
    below = owner.subscriber(MIDDLE, "cryptopro-xcha")
    with pytest.raises(CertificateError, match="Иванов.* is not an authority's"):
        verify_chain(
            below.certificate,
            roots=[root().certificate],
            intermediates=[owner.certificate],
            at=NOW,
            require_crl=False,
        )


def test_an_authority_needs_the_right_key_usage() -> None:
    weak = root().subscriber(
        MIDDLE,
        "cryptopro-xcha",
        extensions=[ext.basic_constraints(True), ext.key_usage(["digitalSignature"])],
    )
    below = weak.subscriber(PERSON, "cryptopro-xcha")
    known = {"roots": [root().certificate], "intermediates": [weak.certificate]}
    with pytest.raises(CertificateError, match="does not allow signing certificates"):
        verify_chain(below.certificate, at=NOW, require_crl=False, **known)
    with pytest.raises(CertificateError, match="does not allow signing CRLs"):
        weak.crl().verify_signed_by(weak.certificate)


def test_path_length_counts_authorities_in_between() -> None:
    top = new_root(path_length=1)
    middle = top.authority(MIDDLE, "cryptopro-xcha")
    lower = middle.authority(LOWER, "cryptopro-xcha")
    known = {
        "roots": [top.certificate],
        "intermediates": [middle.certificate, lower.certificate],
        "at": NOW,
        "require_crl": False,
    }
    near = middle.subscriber(PERSON, "cryptopro-xcha").certificate
    far = lower.subscriber(PERSON, "cryptopro-xcha").certificate
    assert len(verify_chain(near, **known)) == 3
    with pytest.raises(CertificateError, match="allows 1 authorities below it"):
        verify_chain(far, **known)


def test_an_unknown_critical_extension_is_refused_by_name() -> None:
    odd = Extension("1.2.643.100.114", True, b"\x02\x01\x00")
    owner = root().subscriber(PERSON, "cryptopro-xcha", more=[odd])
    with pytest.raises(CertificateError, match="identificationKind"):
        verify_chain(
            owner.certificate,
            roots=[root().certificate],
            at=NOW,
            require_crl=False,
        )


def test_many_issuers_of_one_name_are_tried_up_to_a_limit() -> None:
    namesakes = [
        Party(root().key, root().certificate)
        .subscriber(
            AUTHORITY,
            "cryptopro-xcha",
            extensions=[ext.basic_constraints(True), ext.key_usage(["keyCertSign"])],
            serial=serial,
        )
        .certificate
        for serial in range(2, 7)
    ]
    lost = new_root(subject=MIDDLE).subscriber(AUTHORITY, "cryptopro-xcha")
    verifier = ChainVerifier(
        roots=[lost.certificate], intermediates=namesakes, require_crl=False
    )
    with pytest.raises(CertificateError):
        verifier.verify(root().subscriber(PERSON, "cryptopro-xcha").certificate, NOW)
    assert MOST_TRIES < 100


def test_a_root_needs_no_signature_of_its_own(middle: Party, owner: Party) -> None:
    assert verify_chain(
        owner.certificate,
        roots=[middle.certificate],
        crls=[middle.crl()],
        at=NOW,
    ) == [owner.certificate, middle.certificate]


@pytest.mark.parametrize(
    "oid", [oids.DELTA_CRL, oids.CERTIFICATE_ISSUER], ids=["delta", "unknown"]
)
def test_a_crl_that_is_not_whole_is_refused(
    oid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ext.to_schema

    def with_another(extensions: list[Extension]) -> object:
        return original([*extensions, Extension(oid, True, b"\x02\x01\x01")])

    monkeypatch.setattr(ext, "to_schema", with_another)
    crl = root().crl()
    with pytest.raises(CertificateError, match="critical extension|delta"):
        crl.verify_signed_by(root().certificate)


def test_dates_of_crls_are_kept_to_the_second() -> None:
    crl = root().crl(
        this_update=NOW + timedelta(microseconds=999), next_update=NOW + DAY
    )
    assert crl.this_update == NOW
    assert crl.number == 1 and len(crl) == 0 and not crl.is_revoked(1)
