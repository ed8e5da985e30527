"""Signatures checked together and one by one say the same."""

from __future__ import annotations

import pytest
from small_pki import DAY, NOW, ORGANIZATION, PERSON, SETS, new_key, root

from gostkey.errors import CertificateError, InvalidSignature
from gostkey.pki import cms
from gostkey.pki.certificates import Certificate
from gostkey.pki.chain import ChainVerifier
from gostkey.pki.renewal_request import (
    RenewalRequest,
    build_renewal,
    build_request,
    check_many,
)
from gostkey.pki.signatures import Claim, which_hold


def holds(claim: Claim) -> bool:
    try:
        claim.check()
    except InvalidSignature:
        return False
    return True


def test_many_together_are_told_apart_as_one_by_one(each_backend: str) -> None:
    claims = []
    for number, name in enumerate(SETS):
        key = new_key(name)
        message = bytes([number])
        signature = key.sign(message)
        changed = bytes([signature[0] ^ 1]) + signature[1:]
        public = key.verifying_key
        claims += [
            Claim(public, signature, message),
            Claim(public, changed, message),
            Claim(public, signature, b"another"),
            Claim(public, signature[:-1], message),
            Claim(public, b"", message),
            Claim(new_key(name).verifying_key, signature, message),
        ]
    found = which_hold(claims)
    assert found == [holds(claim) for claim in claims]
    assert found == [place % 6 == 0 for place in range(len(claims))]
    assert which_hold([]) == []


def test_requests_of_a_batch_are_refused_each_for_its_own_fault() -> None:
    owner = root().subscriber(ORGANIZATION, "cryptopro-xcha")
    other = root().subscriber(PERSON, "tc26-512-a")
    thief = root().subscriber(PERSON, "cryptopro-xcha", serial=owner.certificate.serial)
    unsigned = bytearray(build_request(new_key(), owner.certificate))
    unsigned[-1] ^= 1
    requests = [
        build_renewal(new_key(), owner.key, owner.certificate, at=NOW),
        cms.sign(
            build_request(new_key(), owner.certificate),
            thief.key,
            thief.certificate,
            signing_time=NOW,
        ),
        build_renewal(new_key("tc26-512-b"), other.key, other.certificate, at=NOW),
        cms.sign(bytes(unsigned), owner.key, owner.certificate, signing_time=NOW),
        build_renewal(owner.key, owner.key, owner.certificate, at=NOW),
    ]
    parsed = [RenewalRequest.from_bytes(der) for der in requests]
    found = [str(why or "good") for why in check_many(parsed, at=NOW)]
    assert found[0] == found[2] == "good"
    assert "signature with the old key is not good" in found[1]
    assert "own signature with the new key" in found[3]
    assert "a new key must be made" in found[4]


def test_looking_ahead_makes_no_bad_certificate_good() -> None:
    good = root().subscriber(PERSON, "cryptopro-xcha").certificate
    der = bytearray(good.der)
    der[der.index("Иванов".encode()) + 1] ^= 1
    bad = Certificate.from_bytes(bytes(der))
    verifier = ChainVerifier(roots=[root().certificate], crls=[root().crl()])
    verifier.look_ahead([bad, good])
    assert verifier.verify(good, NOW) == [good, root().certificate]
    with pytest.raises(CertificateError, match="does not verify"):
        verifier.verify(bad, NOW)
    # The rest is looked at all the same.
    with pytest.raises(CertificateError, match="expired"):
        verifier.verify(good, NOW + 4000 * DAY)
