"""Renewal requests: a new PKCS#10 signed with the key that it replaces.

The shape is CMS SignedData over the request, which names the old certificate in
its attribute renewalCertificate; the signer is the old certificate's key.  The
same check runs at the subscriber before sending and at the authority.

A portal that wants request and signature in two files gets the same bytes:
`build_request` and `cms.sign` with ``detached=True``.

Sources: Microsoft's enrolment protocol MS-WCCE 3.1.1.4.3.2.1; RFC 5652; RFC 2986.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from gostkey.errors import (
    EncodingError,
    InvalidPoint,
    InvalidSignature,
    RequestRefused,
    UnknownAlgorithm,
    UnknownCurve,
)
from gostkey.hashing import streebog256
from gostkey.signing import SupportsSigning, VerifyingKey

from . import cms, coding, oids, requests
from . import extensions as ext
from .certificates import Certificate
from .extensions import Extension
from .requests import Request
from .signatures import Claim, which_hold

__all__ = [
    "RenewalProfile",
    "RenewalRequest",
    "build_renewal",
    "build_request",
    "check_many",
]

_COPIED = (
    oids.KEY_USAGE,
    oids.EXTENDED_KEY_USAGE,
    oids.CERTIFICATE_POLICIES,
    oids.SUBJECT_SIGN_TOOL,
)

# Faults of the request itself, not of the machine that checks it.
_UNREADABLE = (EncodingError, InvalidPoint, UnknownAlgorithm, UnknownCurve)


@dataclass(frozen=True)
class RenewalProfile:
    """What an authority wants to see in a renewal request."""

    copied: tuple[str, ...] = _COPIED
    """Extensions asked for as the old certificate has them."""
    extensions: tuple[Extension, ...] = ()
    """Extensions asked for besides, or in place of the copied ones."""
    identification_kind: int | None = 1
    """1: the owner is identified by the signature; None leaves it out."""
    attributes: tuple[requests.Attribute, ...] = ()
    """More attributes, such as `requests.csp_provider` or `requests.name_value`."""
    always_digest: bool = False
    """See `certificates.spki_of`."""
    full_signature_oid: bool = False
    """See `cms.sign`."""


def build_request(
    new_key: SupportsSigning,
    old_certificate: Certificate,
    *,
    profile: RenewalProfile = RenewalProfile(),  # noqa: B008  frozen
) -> bytes:
    """Make the PKCS#10 inside: subject of the old certificate, signed by the new key.

    Returns:
        DER.
    """
    return requests.build_request(
        new_key,
        old_certificate.subject,
        extensions=asked_of(old_certificate, profile),
        attributes=_attributes(old_certificate, profile),
        always_digest=profile.always_digest,
    )


def asked_of(old_certificate: Certificate, profile: RenewalProfile) -> list[Extension]:
    """List the extensions that a request asks for."""
    asked = {
        oid: old_certificate.extensions[oid]
        for oid in profile.copied
        if oid in old_certificate.extensions
    }
    if profile.identification_kind is not None:
        kind = ext.identification_kind(profile.identification_kind)
        asked[kind.oid] = kind
    asked.update({e.oid: e for e in profile.extensions})
    return list(asked.values())


def _attributes(
    old_certificate: Certificate, profile: RenewalProfile
) -> list[requests.Attribute]:
    return [requests.renewal_certificate(old_certificate.der), *profile.attributes]


def build_renewal(
    new_key: SupportsSigning,
    old_key: SupportsSigning,
    old_certificate: Certificate,
    *,
    at: datetime,
    profile: RenewalProfile = RenewalProfile(),  # noqa: B008  frozen
) -> bytes:
    """Make a renewal request: PKCS#10 of the new key, signed with the old key.

    Args:
        old_key: the key of *old_certificate*.
        at: signing time, with a time zone.

    Returns:
        CMS SignedData, DER.

    Raises:
        EncodingError: if *old_key* is not the key of *old_certificate*.
    """
    return cms.sign(
        build_request(new_key, old_certificate, profile=profile),
        old_key,
        old_certificate,
        signing_time=at,
        full_signature_oid=profile.full_signature_oid,
    )


class RenewalRequest:
    """A renewal request that was received; nothing is believed before `check`."""

    def __init__(self, signed: cms.SignedData, request: Request) -> None:
        """Take the parts; use `from_bytes`."""
        self.der = signed.der
        self.signed = signed
        self.request = request

    @classmethod
    def from_bytes(
        cls, data: bytes | str, *, request: bytes | None = None
    ) -> RenewalRequest:
        """Read a renewal request.

        Args:
            data: the CMS, DER or PEM.
            request: the PKCS#10, if the signature is detached.

        Raises:
            EncodingError: if it is not one.
        """
        signed = cms.SignedData.from_bytes(data)
        content = signed.content if request is None else request
        if content is None:
            raise EncodingError(
                "renewal request: the signature is detached; give the PKCS#10 beside"
            )
        return cls(signed, Request.from_bytes(content))

    @cached_property
    def digest(self) -> str:
        """Streebog-256 of the CMS in hex: what the request is known by."""
        return streebog256(self.der).hexdigest()

    @cached_property
    def old_certificate(self) -> Certificate:
        """The certificate that is to be renewed, as the request names it.

        Raises:
            EncodingError: if it names none.
        """
        der = self.request.renewal_certificate
        if der is None:
            raise EncodingError(
                "renewal request: does not name the certificate to renew "
                f"(attribute {oids.RENEWAL_CERTIFICATE})"
            )
        return Certificate.from_bytes(der)

    def check(
        self,
        *,
        at: datetime,
        revoked: Callable[[Certificate], bool] = lambda certificate: False,
    ) -> None:
        """Check all that can be checked without the authority's register.

        Old certificate and its key good at the moment, subject unchanged, key
        changed, both signatures good.

        Args:
            at: now, with a time zone.
            revoked: says whether a certificate is revoked.

        Raises:
            RequestRefused: saying why, in words for the subscriber.
        """
        (refusal,) = check_many([self], at=at, revoked=revoked)
        if refusal is not None:
            raise refusal

    def claims(
        self, at: datetime, revoked: Callable[[Certificate], bool]
    ) -> tuple[Claim, Claim]:
        """Check all but the signatures; return what those claim, the old key's first.

        Raises:
            RequestRefused: saying why.
        """
        try:
            check_old_certificate(self.old_certificate, at, revoked)
            self._check_request()
            by_old_key = self._claim_of_the_old_key()
            return by_old_key, self.request.claim(self.request.public_key)
        except _UNREADABLE as error:
            raise RequestRefused(f"renewal request: {error}") from error

    def refusal_of(self, by_old_key: bool, by_new_key: bool) -> RequestRefused | None:
        """Say in words which claim does not hold; None if both do."""
        if not by_old_key:
            return self._bad_signature("the signature does not verify")
        if not by_new_key:
            return RequestRefused(
                f"renewal request of {self.old_certificate.subject.owner}: the "
                "request's own signature with the new key does not verify"
            )
        return None

    def _bad_signature(self, why: object) -> RequestRefused:
        return RequestRefused(
            f"renewal request of {self.old_certificate.subject.owner}: the signature "
            f"with the old key is not good: {why}"
        )

    def _check_request(self) -> None:
        old, new = self.old_certificate, self.request
        if new.subject_der != old.subject_der:
            raise RequestRefused(
                f"renewal request: subject {new.subject.text()} is not that of the "
                f"old certificate, {old.subject.text()}; a changed subject needs a "
                "visit to the office"
            )
        refuse_the_old_key(old, new.public_key)

    def _claim_of_the_old_key(self) -> Claim:
        old = self.old_certificate
        if len(self.signed.signers) != 1:
            raise RequestRefused(
                f"renewal request: has {len(self.signed.signers)} signatures; "
                "must have one, of the old key"
            )
        if not self.signed.signers[0].is_of(old):
            raise RequestRefused(
                f"renewal request: is not signed by the {old.title}, which it renews"
            )
        try:
            # The certificate that the request names, whatever else is inside.
            signer = self.signed.signers[0]
            return signer.claim(self.request.der, self.signed.content_type, old)
        except InvalidSignature as error:
            raise self._bad_signature(error) from None


def check_old_certificate(
    old: Certificate, at: datetime, revoked: Callable[[Certificate], bool]
) -> None:
    """Raise RequestRefused if a certificate renews nothing at a moment."""
    if at < old.signing_begins:
        raise RequestRefused(
            f"{old.title}: is valid from {_day(old.signing_begins)} on only"
        )
    if at > old.not_after:
        raise RequestRefused(
            f"{old.title}: expired on {_day(old.not_after)}; it renews nothing, "
            "the owner must come to the office"
        )
    if at > old.signing_ends:
        raise RequestRefused(
            f"{old.title}: its private key's period ended on "
            f"{_day(old.signing_ends)}; the key signs no more, "
            "the owner must come to the office"
        )
    if revoked(old):
        raise RequestRefused(
            f"{old.title}: is revoked; the owner must come to the office"
        )
    usage = old.key_usage
    if usage is not None and not usage & {"digitalSignature", "nonRepudiation"}:
        raise RequestRefused(
            f"{old.title}: its key usage does not allow signing a request"
        )


def refuse_the_old_key(old: Certificate, new: VerifyingKey) -> None:
    """Raise RequestRefused if the new key is the old one."""
    if new.to_bytes() == old.public_key.to_bytes():
        raise RequestRefused(
            f"renewal request of {old.subject.owner}: asks for the old key again; "
            "a new key must be made"
        )


def check_many(
    requests: Sequence[RenewalRequest],
    *,
    at: datetime,
    revoked: Callable[[Certificate], bool] = lambda certificate: False,
) -> list[RequestRefused | None]:
    """Check requests as `RenewalRequest.check` does, their signatures together.

    Returns:
        For each request why it is refused, or None.
    """
    at = coding.require_aware(at)
    found: list[RequestRefused | None] = [None] * len(requests)
    claims: dict[int, tuple[Claim, Claim]] = {}
    for place, request in enumerate(requests):
        try:
            claims[place] = request.claims(at, revoked)
        except RequestRefused as refusal:
            found[place] = refusal
    holds = which_hold([claim for both in claims.values() for claim in both])
    for number, place in enumerate(claims):
        by_old_key, by_new_key = holds[2 * number : 2 * number + 2]
        found[place] = requests[place].refusal_of(by_old_key, by_new_key)
    return found


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
