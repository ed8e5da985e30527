"""Chains of certificates: found, and verified at a moment.

From the certificate to be verified up to a root that the caller believes in,
through intermediates that nobody vouches for.  Signatures, dates, basic
constraints, path length, key usage, unknown critical extensions and revocation
are checked; policies and name constraints are not processed, so a certificate
that makes these critical is refused.

Sources: RFC 5280 6.1 and 6.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from gostkey.errors import CertificateError, GostKeyError

from . import coding, oids
from .certificates import Certificate
from .crls import RevocationList

__all__ = ["ChainVerifier", "verify_chain"]

LONGEST = 8
"""Certificates that a chain may have."""
MOST_TRIES = 64
"""Issuers tried for one certificate; a hostile message holds many of one name."""

_PROCESSED = {
    oids.KEY_USAGE,
    oids.BASIC_CONSTRAINTS,
    oids.EXTENDED_KEY_USAGE,
    # Critical policies are allowed: without policies asked for, any will do.
    oids.CERTIFICATE_POLICIES,
    oids.SUBJECT_ALT_NAME,
    oids.PRIVATE_KEY_USAGE_PERIOD,
}


class ChainVerifier:
    """Roots, intermediates and CRLs, with which many certificates are verified.

    Signatures of authorities and of CRLs are checked once for all certificates.
    """

    def __init__(
        self,
        *,
        roots: Iterable[Certificate],
        intermediates: Iterable[Certificate] = (),
        crls: Iterable[RevocationList] = (),
        require_crl: bool = True,
    ) -> None:
        """Take what is known.

        Args:
            roots: certificates that are believed as they are; a root need not be
                self-signed.
            intermediates: certificates to build chains of.
            crls: in any order; the newest of an issuer that verifies counts.
            require_crl: refuse a certificate when there is no CRL of its issuer.
        """
        self.roots = {c.der: c for c in roots}
        self.require_crl = require_crl
        self._authorities: dict[bytes, list[Certificate]] = {}
        for c in (*self.roots.values(), *intermediates):
            known = self._authorities.setdefault(c.subject_der, [])
            if c not in known:
                known.append(c)
        self._crls: dict[bytes, list[RevocationList]] = {}
        for crl in crls:
            self._crls.setdefault(crl.issuer_der, []).append(crl)
        for listed in self._crls.values():
            listed.sort(key=lambda crl: crl.this_update, reverse=True)

    def look_ahead(self, certificates: Sequence[Certificate]) -> None:
        """Check the signatures of many certificates together, before `verify` of each.

        It only saves time: what is not found good here, `verify` looks at again.
        """
        for alike in self._authorities.values():
            for issuer in alike:
                Certificate.verify_ahead(certificates, issuer)

    def verify(self, certificate: Certificate, at: datetime) -> list[Certificate]:
        """Find and verify a chain.

        Returns:
            The chain from the certificate to the root.

        Raises:
            CertificateError: if there is none; it names the certificate in the
                chain that is at fault, the reason, and what would help.
        """
        at = coding.require_aware(at)
        try:
            return self._extend([certificate], at, [MOST_TRIES])
        except CertificateError:
            raise
        except GostKeyError as error:
            raise CertificateError(f"{certificate.title}: {error}") from error

    def _extend(
        self, chain: list[Certificate], at: datetime, tries: list[int]
    ) -> list[Certificate]:
        certificate = chain[-1]
        if certificate.der in self.roots:
            _check_one(certificate, at)
            return chain
        if len(chain) >= LONGEST:
            raise CertificateError(
                f"{chain[0].title}: its chain is longer than {LONGEST} certificates"
            )
        fault: CertificateError | None = None
        for issuer in self._issuers(certificate, chain):
            tries[0] -= 1
            if tries[0] < 0:
                break
            try:
                _check_one(certificate, at)
                _check_authority(issuer, chain)
                certificate.verify_signed_by(issuer)
                found = self._extend([*chain, issuer], at, tries)
                # After the issuer, as its key must be good to believe its CRL.
                self._check_revocation(certificate, issuer, at)
                return found
            except CertificateError as error:
                fault = fault or error
        if fault is not None:
            raise fault
        raise CertificateError(
            f"{certificate.title}: no trusted certificate of its issuer "
            f"{certificate.issuer.owner}; give the issuer's certificate"
        )

    def _issuers(
        self, certificate: Certificate, chain: Sequence[Certificate]
    ) -> list[Certificate]:
        """List candidates, those first whose key identifier is the one named."""
        found = [
            c
            for c in self._authorities.get(certificate.issuer_der, ())
            if c not in chain
        ]
        wanted = certificate.authority_key_identifier
        if wanted is not None and len(found) > 1:
            found.sort(key=lambda c: c.subject_key_identifier != wanted)
        return found

    def _check_revocation(
        self, certificate: Certificate, issuer: Certificate, at: datetime
    ) -> None:
        fault: CertificateError | None = None
        for crl in self._crls.get(certificate.issuer_der, ()):
            try:
                crl.check_fresh(at)
                crl.verify_signed_by(issuer)
            except CertificateError as error:
                fault = fault or error
                continue
            line = crl.revoked(certificate.serial)
            # A certificate revoked later was good at the moment asked for, but
            # this_update is not after it, so every line here counts.
            if line is not None:
                why = f", {line.reason}" if line.reason else ""
                raise CertificateError(
                    f"{certificate.title}: was revoked on "
                    f"{line.date:%Y-%m-%d %H:%M} UTC{why}; the owner needs a new "
                    "certificate"
                )
            return
        if not self.require_crl:
            return
        if fault is not None:
            raise fault
        raise CertificateError(
            f"{certificate.title}: no CRL of {issuer.subject.owner} to check "
            "revocation with; give its newest CRL"
        )


def verify_chain(
    certificate: Certificate,
    *,
    roots: Iterable[Certificate],
    intermediates: Iterable[Certificate] = (),
    crls: Iterable[RevocationList] = (),
    at: datetime,
    require_crl: bool = True,
) -> list[Certificate]:
    """Verify one certificate; see `ChainVerifier`, which is for many.

    Returns:
        The chain from the certificate to the root.

    Raises:
        CertificateError: if it does not verify.
    """
    return ChainVerifier(
        roots=roots, intermediates=intermediates, crls=crls, require_crl=require_crl
    ).verify(certificate, at)


def check_dates(certificate: Certificate, at: datetime) -> None:
    """Check that a moment is within the dates of a certificate.

    Raises:
        CertificateError: if not.
    """
    if at < certificate.not_before:
        raise CertificateError(
            f"{certificate.title}: is valid from "
            f"{certificate.not_before:%Y-%m-%d %H:%M} UTC on, and it is "
            f"{at:%Y-%m-%d %H:%M}; check the clock"
        )
    if at > certificate.not_after:
        raise CertificateError(
            f"{certificate.title}: expired on {certificate.not_after:%Y-%m-%d %H:%M} "
            "UTC; a new certificate is needed"
        )


def _check_one(certificate: Certificate, at: datetime) -> None:
    check_dates(certificate, at)
    for extension in certificate.extensions.values():
        if extension.critical and extension.oid not in _PROCESSED:
            raise CertificateError(
                f"{certificate.title}: has the critical extension {extension.name}, "
                "which is not known here; it cannot be relied on"
            )


def _check_authority(issuer: Certificate, below: Sequence[Certificate]) -> None:
    """Check that a certificate may stand above a chain."""
    is_authority, most = issuer.basic_constraints
    if not is_authority:
        raise CertificateError(
            f"{issuer.title}: is not an authority's (basicConstraints), so it cannot "
            f"issue {below[-1].title}"
        )
    usage = issuer.key_usage
    if usage is not None and "keyCertSign" not in usage:
        raise CertificateError(
            f"{issuer.title}: its key usage does not allow signing certificates"
        )
    # Authorities between this one and the last; self-issued ones do not count.
    between = sum(1 for c in below[1:] if not c.self_issued)
    if most is not None and between > most:
        raise CertificateError(
            f"{issuer.title}: allows {most} authorities below it, "
            f"the chain has {between}"
        )
