"""Renewal requests of many subscribers at once: made, signed and checked together.

What comes of it is the same, octet for octet, as `renewal_request.build_renewal` gives
one by one; only the DER is laid end to end (`assembling`), and hashes and signatures
are made for all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from gostkey.errors import EncodingError, RequestRefused
from gostkey.keyforms import Scheme
from gostkey.signing import SupportsSigning, VerifyingKey

from . import assembling, cms, coding, oids, requests
from .assembling import (
    OCTETS,
    SEQUENCE,
    SET,
    ZERO,
    Layers,
    before,
    enclosed,
    head,
    sequence,
)
from .certificates import Certificate
from .renewal_request import (
    RenewalProfile,
    RenewalRequest,
    asked_of,
    check_many,
    check_old_certificate,
    refuse_the_old_key,
)
from .signatures import digest_many, digests_hold, sign_digests
from .signed import SIGNATURES

__all__ = ["Built", "build_many", "check_built", "sign_messages"]


class Signed(NamedTuple):
    """A message that was signed here."""

    der: bytes
    digest: bytes
    """Of the signed attributes."""
    signature: bytes


class Built(NamedTuple):
    """A renewal request that was made here, and what was signed for it."""

    message: Signed
    """With the old key."""
    old_certificate: Certificate
    new_key: VerifyingKey
    digest: bytes
    """Of what the new key signed."""
    signature: bytes

    @property
    def der(self) -> bytes:
        """CMS SignedData."""
        return self.message.der

    @property
    def kind(self) -> tuple[object, ...]:
        """What requests have in common that are made alike."""
        old = self.old_certificate.public_key
        new = self.new_key
        return old.scheme, old.curve.oid, new.scheme, new.curve.oid


def build_many(
    new_keys: Sequence[SupportsSigning],
    old_keys: Sequence[SupportsSigning],
    old_certificates: Sequence[Certificate],
    *,
    at: datetime,
    profile: RenewalProfile = RenewalProfile(),  # noqa: B008  frozen
) -> list[Built]:
    """Make renewal requests as `build_renewal` does, hashes and signatures together.

    Raises:
        EncodingError: if one cannot be made; then none is.
    """
    more = [requests.attribute(one) for one in profile.attributes]
    # All subscribers of an authority have much the same extensions.
    requested: dict[object, list[bytes]] = {}
    attributes = []
    for certificate in old_certificates:
        copied = certificate.pick(profile.copied)
        if copied not in requested:
            asked = tuple(asked_of(certificate, profile))
            requested[copied] = [requests.extension_request(asked)] if asked else []
        attributes.append(
            [
                requests.attribute(requests.renewal_certificate(certificate.der)),
                *more,
                *requested[copied],
            ]
        )
    public_keys = [key.verifying_key for key in new_keys]
    infos = requests.request_infos(
        public_keys,
        [certificate.subject_der for certificate in old_certificates],
        attributes,
        always_digest=profile.always_digest,
    )
    digests = digest_many(public_keys, infos)
    signatures = sign_digests(new_keys, digests)
    signed = sign_messages(
        requests.signed_requests(infos, new_keys, signatures),
        old_keys,
        old_certificates,
        signing_time=at,
        full_signature_oid=profile.full_signature_oid,
    )
    return [
        Built(message, certificate, key, digest, signature)
        for message, certificate, key, digest, signature in zip(
            signed, old_certificates, public_keys, digests, signatures, strict=True
        )
    ]


def check_built(
    built: Sequence[Built],
    *,
    at: datetime,
    revoked: Callable[[Certificate], bool] = lambda certificate: False,
) -> list[RequestRefused | None]:
    """Check requests that were just made, as the authority will.

    Dates, use and keys of each, and both signatures of each, over the digests that
    were signed.  That these are the digests of what stands in the requests is looked
    at as `check_many` does, in the first one of each kind.

    Returns:
        For each request why it is refused, or None.
    """
    at = coding.require_aware(at)
    samples = {one.kind: one for one in reversed(built)}
    try:
        whole = [RenewalRequest.from_bytes(one.der) for one in samples.values()]
        sound = not any(check_many(whole, at=at, revoked=revoked))
    except EncodingError:
        sound = False
    if not sound:
        # One by one, to tell what is wrong with which.
        read = [RenewalRequest.from_bytes(one.der) for one in built]
        return check_many(read, at=at, revoked=revoked)
    # All at once: what is done once for each curve is felt where few are on one.
    holds = digests_hold(
        [one.old_certificate.public_key for one in built]
        + [one.new_key for one in built],
        [one.message.signature for one in built] + [one.signature for one in built],
        [one.message.digest for one in built] + [one.digest for one in built],
    )
    by_old_key, by_new_key = holds[: len(built)], holds[len(built) :]
    return [
        _refusal(one, at, revoked)
        or (
            None
            if old_good and new_good
            else RenewalRequest.from_bytes(one.der).refusal_of(old_good, new_good)
        )
        for one, old_good, new_good in zip(built, by_old_key, by_new_key, strict=True)
    ]


def _refusal(
    one: Built, at: datetime, revoked: Callable[[Certificate], bool]
) -> RequestRefused | None:
    try:
        check_old_certificate(one.old_certificate, at, revoked)
        refuse_the_old_key(one.old_certificate, one.new_key)
    except RequestRefused as refusal:
        return refusal
    return None


def sign_messages(
    contents: Sequence[bytes],
    keys: Sequence[SupportsSigning],
    certificates: Sequence[Certificate],
    *,
    signing_time: datetime,
    full_signature_oid: bool = False,
) -> list[Signed]:
    """Sign each content with its key as `sign` does, hashes and signatures together.

    Raises:
        EncodingError: if a key is not that of its certificate; then none is signed.
    """
    for key, certificate in zip(keys, certificates, strict=True):
        cms.refuse_another_key(key, certificate)
    public_keys = [key.verifying_key for key in keys]
    digests = digest_many(public_keys, contents)
    own_digests = digest_many(public_keys, [one.der for one in certificates])
    same = cms.same_attributes(coding.require_aware(signing_time))
    attributes = []
    for key, digest, own_digest in zip(keys, digests, own_digests, strict=True):
        digest_oid = cms.KEYS[key.scheme, key.curve.size][1]
        message, own = _before_digests(digest_oid, len(digest))
        its = (*same, message + digest, own + own_digest)
        attributes.append(assembling.set_of(its))
    digests = digest_many(public_keys, attributes)
    signatures = sign_digests(keys, digests)
    messages = (
        _assembled(*parts, full_signature_oid)
        for parts in zip(
            contents, certificates, keys, attributes, signatures, strict=True
        )
    )
    return list(map(Signed, messages, digests, signatures))


@lru_cache(maxsize=16)
def _before_digests(digest_oid: str, size: int) -> tuple[bytes, bytes]:
    """Return what stands before the digest in messageDigest and in the other one."""
    nothing = bytes(size)
    message, certificate = cms.digest_attributes(digest_oid, nothing, nothing)
    return message[:-size], certificate[:-size]


def _assembled(
    content: bytes,
    certificate: Certificate,
    key: SupportsSigning,
    attributes: bytes,
    signature: bytes,
    full_signature_oid: bool,
) -> bytes:
    """Do as `_message`, of DER that is there; *attributes* are a SET OF."""
    same = _same_parts(key.scheme, key.curve.size, full_signature_oid)
    signer = sequence(
        same.version,
        sequence(certificate.issuer_der, coding.encode(certificate.serial)),
        same.digest_algorithm,
        ZERO + attributes[1:],
        same.signature_algorithm,
        enclosed(OCTETS, signature),
    )
    pieces = (
        before(same.around_content, len(content)),
        content,
        head(ZERO, len(certificate.der)),
        certificate.der,
        enclosed(SET, signer),
    )
    return b"".join((before(same.around_all, sum(map(len, pieces))), *pieces))


class _SameParts(NamedTuple):
    """DER that is the same in all messages of keys of one kind."""

    version: bytes
    digest_algorithm: bytes
    signature_algorithm: bytes
    around_content: Layers
    around_all: Layers


@lru_cache(maxsize=16)
def _same_parts(scheme: Scheme, size: int, full_signature_oid: bool) -> _SameParts:
    key_oid, digest_oid = cms.KEYS[scheme, size]
    digest_algorithm = assembling.algorithm(digest_oid)
    signature = SIGNATURES[scheme, size] if full_signature_oid else key_oid
    version = coding.encode(1)
    data, signed_data = assembling.oid(oids.DATA), assembling.oid(oids.SIGNED_DATA)
    beginning = version + assembling.set_of([digest_algorithm])
    return _SameParts(
        version,
        digest_algorithm,
        assembling.algorithm(signature),
        ((SEQUENCE, data), (ZERO, b""), (OCTETS, b"")),
        ((SEQUENCE, signed_data), (ZERO, b""), (SEQUENCE, beginning)),
    )
