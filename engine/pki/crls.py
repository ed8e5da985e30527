"""Certificate revocation lists: read, checked, asked, and made.

Delta and indirect lists are not read: a list is either the whole of what its
issuer has revoked, or it is refused.

Sources: RFC 5280 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography import x509

from gostkey.errors import (
    CertificateError,
    EncodingError,
    GostKeyError,
    InvalidSignature,
)
from gostkey.keyforms import pem
from gostkey.signing import SupportsSigning

from . import coding, oids, schemas
from . import extensions as ext
from .certificates import Certificate
from .extensions import Extension
from .names import Name
from .signed import SignedDer, sign_der, signature_oid

__all__ = ["REASONS", "RevocationList", "Revoked", "build_crl"]

REASONS = tuple(flag.value for flag in x509.ReasonFlags)
"""Reasons for a revocation, such as "keyCompromise" (RFC 5280 5.3.1)."""

_KNOWN_CRITICAL = {oids.ISSUING_DISTRIBUTION_POINT}
# An entry of an indirect list is for a certificate of another issuer.
_KNOWN_CRITICAL_OF_ENTRY = {oids.CRL_REASON}


@dataclass(frozen=True)
class Revoked:
    """A revoked certificate: serial, since when, and why ("" if not said)."""

    serial: int
    date: datetime
    reason: str = ""


class RevocationList(SignedDer):
    """A CRL; equal to another if the octets are."""

    what = "CRL"
    largest = coding.LARGEST_OF_ALL

    def __init__(self, der: bytes) -> None:
        """Parse DER; use `from_bytes`."""
        super().__init__(der)
        tbs = coding.decode(
            schemas.TBSCertList, self.signed, "CRL", largest=coding.LARGEST_OF_ALL
        )
        self._check_inner_algorithm(tbs.signature)
        if tbs.version not in (None, 1):
            raise EncodingError(f"CRL: version {tbs.version + 1} is unknown")
        self.issuer_der = coding.encode(tbs.issuer)
        self.this_update = tbs.this_update.as_datetime()
        self.next_update = tbs.next_update.as_datetime() if tbs.next_update else None
        self.extensions = ext.from_schema(tbs.extensions, "CRL")
        self._lines = {line.serial: line for line in tbs.revoked or ()}
        self._good_signers: set[bytes] = set()

    @classmethod
    def from_bytes(cls, data: bytes | str) -> RevocationList:
        """Read a CRL, DER or PEM.

        Raises:
            EncodingError: if it is not one.
        """
        found = cls(coding.der_of(data, "X509 CRL"))
        found.issuer  # noqa: B018  read now, to find faults
        found.number  # noqa: B018
        return found

    @cached_property
    def issuer(self) -> Name:
        """The authority that issued it."""
        return Name.from_der(self.issuer_der)

    @cached_property
    def number(self) -> int | None:
        """Its number, if it has one."""
        found = self.extensions.get(oids.CRL_NUMBER)
        return coding.decode(int, found.value, "cRLNumber") if found else None

    @property
    def title(self) -> str:
        """Issuer and number, as error messages name a CRL."""
        number = "" if self.number is None else f" number {self.number}"
        return f"CRL of {self.issuer.owner}{number}"

    def __len__(self) -> int:
        return len(self._lines)

    def is_revoked(self, serial: int) -> bool:
        """Say whether the certificate with this serial number is revoked."""
        return serial in self._lines

    def revoked(self, serial: int) -> Revoked | None:
        """Return when and why a certificate was revoked, None if it is not.

        Raises:
            CertificateError: if its entry has a critical extension that is unknown.
        """
        line = self._lines.get(serial)
        if line is None:
            return None
        found = ext.from_schema(line.extensions, "CRL entry")
        self._refuse_critical(found.values(), _KNOWN_CRITICAL_OF_ENTRY)
        reason = ""
        if oids.CRL_REASON in found:
            reason = ext.read_crl_reason(found[oids.CRL_REASON].value)
        return Revoked(serial, line.date.as_datetime(), reason)

    def verify_signed_by(self, issuer: Certificate) -> None:
        """Check issuer, right to sign CRLs, signature and what the CRL covers.

        Raises:
            CertificateError: if this is not a whole CRL of *issuer*.
        """
        if self.issuer_der != issuer.subject_der:
            raise CertificateError(
                f"{self.title}: is not of {issuer.subject.owner}; give its own CRL"
            )
        if issuer.public_key_info in self._good_signers:
            return
        usage = issuer.key_usage
        if usage is not None and "cRLSign" not in usage:
            raise CertificateError(
                f"{issuer.title}: its key usage does not allow signing CRLs"
            )
        self._refuse_critical(self.extensions.values(), _KNOWN_CRITICAL)
        if oids.DELTA_CRL in self.extensions:
            raise CertificateError(f"{self.title}: is a delta; give the whole CRL")
        self._check_distribution_point()
        try:
            self.claim(issuer.public_key).check()
        except InvalidSignature:
            raise CertificateError(
                f"{self.title}: its signature does not verify with the key of "
                f"{issuer.title}; it was changed, or is of another authority"
            ) from None
        except GostKeyError as error:
            raise CertificateError(
                f"{self.title}: its signature cannot be checked: {error}"
            ) from error
        self._good_signers.add(issuer.public_key_info)

    def check_fresh(self, at: datetime) -> None:
        """Check that the CRL is of use at a moment.

        Raises:
            CertificateError: if it is from later, or a newer one must exist.
        """
        at = coding.require_aware(at)
        if self.this_update > at:
            raise CertificateError(
                f"{self.title}: begins on {self.this_update:%Y-%m-%d %H:%M} UTC, "
                f"after {at:%Y-%m-%d %H:%M}; check the clock"
            )
        if self.next_update is not None and self.next_update < at:
            raise CertificateError(
                f"{self.title}: is out of date since "
                f"{self.next_update:%Y-%m-%d %H:%M} UTC; fetch the newest CRL"
            )

    def _check_distribution_point(self) -> None:
        found = self.extensions.get(oids.ISSUING_DISTRIBUTION_POINT)
        if found is None:
            return
        what = "issuingDistributionPoint"
        point = coding.decode(schemas.IssuingDistributionPoint, found.value, what)
        if (
            point.indirect
            or point.only_user_certificates
            or point.only_ca_certificates
            or point.only_attribute_certificates
            or point.only_some_reasons is not None
        ):
            raise CertificateError(
                f"{self.title}: covers a part of the certificates only, or others' "
                "too; give a CRL that covers all of its issuer's"
            )

    def _refuse_critical(self, found: Iterable[Extension], known: set[str]) -> None:
        for extension in found:
            if extension.critical and extension.oid not in known:
                raise CertificateError(
                    f"{self.title}: has the critical extension {extension.name}, "
                    "which is not known here; nothing can be said by this CRL"
                )

    def to_pem(self) -> str:
        """Return the CRL as PEM."""
        return pem(self.der, "X509 CRL")

    def __repr__(self) -> str:
        return f"<RevocationList of {self.issuer.owner}, {len(self)} revoked>"


def build_crl(
    *,
    issuer: Certificate,
    signing_key: SupportsSigning,
    number: int,
    this_update: datetime,
    next_update: datetime,
    revoked: Iterable[Revoked] = (),
) -> bytes:
    """Make and sign a CRL, version 2.

    Args:
        issuer: certificate of *signing_key*.
        number: greater than that of the list before.
        next_update: when the next list comes at the latest.

    Returns:
        DER.
    """
    algorithm = coding.algorithm(signature_oid(signing_key))
    lines = [
        schemas.RevokedCertificate(
            serial=item.serial,
            date=coding.time_value(item.date),
            extensions=(
                ext.to_schema([ext.crl_reason(item.reason)]) if item.reason else None
            ),
        )
        for item in revoked
    ]
    identifier = issuer.subject_key_identifier or ext.key_identifier(issuer.public_key)
    listed = [
        ext.authority_key_identifier(identifier),
        Extension(oids.CRL_NUMBER, False, coding.encode(number)),
    ]
    tbs = coding.encode(
        schemas.TBSCertList(
            version=1,
            signature=algorithm,
            issuer=coding.tlv(issuer.subject_der),
            this_update=coding.time_value(this_update),
            next_update=coding.time_value(next_update),
            revoked=lines or None,
            extensions=ext.to_schema(listed),
        )
    )
    return sign_der(tbs, signing_key, algorithm)
