"""What is laid end to end has the octets that the ASN.1 library writes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from small_pki import NOW, ORGANIZATION, PERSON, Party, new_key, root

from gostkey.errors import EncodingError
from gostkey.pki import cms, oids, requests
from gostkey.pki import extensions as ext
from gostkey.pki import renewal_batch as batches
from gostkey.pki import renewal_request as renewals
from gostkey.primitives import Readable
from gostkey.signing import Scheme, SigningKey, VerifyingKey

OLD = ["2001 cryptopro-xcha", "cryptopro-xcha", "tc26-256-a", "tc26-512-a"]
NEW = ["cryptopro-xcha", "tc26-512-b", "cryptopro-a", "tc26-256-b"]


class SameSignature:
    """A key whose signatures are always the same, so that messages can be compared."""

    def __init__(self, key: SigningKey) -> None:
        self.verifying_key: VerifyingKey = key.verifying_key
        self.curve = key.curve
        self.scheme: Scheme = key.scheme

    def sign_digest(self, digest: Readable) -> bytes:
        return bytes(digest) * 2

    def sign(self, message: Readable) -> bytes:
        return self.sign_digest(self.verifying_key.digest(message))


def owners() -> list[Party]:
    return [
        root().subscriber(
            PERSON if number % 2 else ORGANIZATION,
            name,
            serial=(1 << 8 * number) + 0x80,
            more=[ext.extended_key_usage([oids.CLIENT_AUTH])] if number % 2 else [],
        )
        for number, name in enumerate(OLD)
    ]


@pytest.mark.parametrize(
    "profile",
    [
        renewals.RenewalProfile(),
        renewals.RenewalProfile(always_digest=True, full_signature_oid=True),
        renewals.RenewalProfile(
            copied=(),
            identification_kind=None,
            attributes=(
                requests.name_value(("CpRaCertPeriod", "15"), ("A", "1" * 300)),
                requests.csp_provider("Provider"),
                requests.os_version("10.0"),
            ),
        ),
    ],
    ids=["usual", "with everything", "other attributes"],
)
def test_many_requests_are_those_made_one_by_one(
    profile: renewals.RenewalProfile,
) -> None:
    old = owners()
    new = [SameSignature(new_key(name)) for name in NEW]
    signers = [SameSignature(one.key) for one in old]
    certificates = [one.certificate for one in old]
    at = NOW + timedelta(microseconds=5)
    together = batches.build_many(new, signers, certificates, at=at, profile=profile)
    singly = [
        renewals.build_renewal(*three, at=at, profile=profile)
        for three in zip(new, signers, certificates, strict=True)
    ]
    assert [one.der for one in together] == singly


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 255, 256, 65535, 65536])
def test_messages_of_any_length(size: int) -> None:
    owner = owners()[1]
    key = SameSignature(owner.key)
    content = b"x" * size
    (made,) = batches.sign_messages(
        [content], [key], [owner.certificate], signing_time=NOW
    )
    assert made.der == cms.sign(content, key, owner.certificate, signing_time=NOW)


def test_what_was_built_is_refused_for_what_is_wrong_with_it() -> None:
    old = owners()
    new = [new_key(name) for name in NEW]
    keys = [one.key for one in old]
    certificates = [one.certificate for one in old]
    built = batches.build_many(new, keys, certificates, at=NOW)
    assert batches.check_built(built, at=NOW) == [None] * len(built)
    assert batches.check_built([], at=NOW) == []
    revoked = {certificates[2].serial}
    found = batches.check_built(
        built, at=NOW, revoked=lambda one: one.serial in revoked
    )
    assert ["revoked" in str(one) for one in found] == [False, False, True, False]
    late = batches.check_built(built, at=NOW + timedelta(days=4000))
    assert all("expired" in str(one) for one in late)
    # The same of a kind twice: the second one is not read, but verified.
    twice = batches.build_many(
        [new_key("tc26-256-b"), keys[1], new_key("tc26-256-b")],
        [keys[1]] * 3,
        [certificates[1]] * 3,
        at=NOW,
    )
    spoiled = [twice[0], twice[1], twice[2]._replace(signature=twice[0].signature)]
    found = batches.check_built(spoiled, at=NOW)
    assert found[0] is None
    assert "a new key must be made" in str(found[1])


def test_a_bad_signature_of_either_key_is_found() -> None:
    owner = owners()[1]
    built = batches.build_many(
        [new_key("tc26-256-b") for _ in range(3)],
        [owner.key] * 3,
        [owner.certificate] * 3,
        at=NOW,
    )
    other = bytes(64)
    wrong = [
        built[0],
        built[1]._replace(signature=other),
        built[2]._replace(message=built[2].message._replace(signature=other)),
    ]
    found = batches.check_built(wrong, at=NOW)
    assert found[0] is None
    assert "own signature with the new key" in str(found[1])
    assert "signature with the old key" in str(found[2])


def test_a_key_that_is_not_the_certificates_signs_nothing() -> None:
    owner = owners()[1]
    with pytest.raises(EncodingError, match="another one"):
        batches.sign_messages(
            [b""], [new_key("cryptopro-xcha")], [owner.certificate], signing_time=NOW
        )
