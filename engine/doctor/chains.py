"""A certificate's chain and its lists of revoked ones, and which link is at fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from gostkey.errors import CertificateError
from gostkey.pki.certificates import Certificate
from gostkey.pki.chain import LONGEST, verify_chain
from gostkey.pki.crls import RevocationList
from gostkey.pki.describe import describe

from .catalogue import found
from .findings import Finding, right


@dataclass(frozen=True)
class Trust:
    """What the user trusts and gives to check chains with."""

    roots: Sequence[Certificate] = ()
    intermediates: Sequence[Certificate] = ()
    crls: Sequence[RevocationList] = ()
    require_crl: bool = True


def look_at_chain(
    certificate: Certificate, subject: str, trust: Trust, at: datetime
) -> Iterator[Finding]:
    """Verify the chain of a key's certificate; first without CRLs, then with them."""
    if not trust.roots:
        yield found("chain-not-asked", subject, "the issuer was not looked at")
        return
    try:
        chain = verify_chain(
            certificate,
            roots=trust.roots,
            intermediates=trust.intermediates,
            at=at,
            require_crl=False,
        )
    except CertificateError as error:
        yield _broken(certificate, subject, trust, at, error)
        return
    issuers = ", ".join(one.subject.owner for one in chain[1:]) or "itself"
    yield right("chain", subject, f"issued by {issuers}")
    if not trust.require_crl:
        yield found("crl-not-asked", subject, "revocation was not looked at")
        return
    try:
        verify_chain(
            certificate,
            roots=trust.roots,
            intermediates=trust.intermediates,
            crls=trust.crls,
            at=at,
        )
    except CertificateError as error:
        yield _not_cleared(chain, subject, trust, at, error)
    else:
        yield right("crl", subject, "no certificate of the chain is revoked")


def _broken(
    certificate: Certificate,
    subject: str,
    trust: Trust,
    at: datetime,
    error: CertificateError,
) -> Finding:
    """Say at which link a chain that does not verify is broken."""
    known = (*trust.roots, *trust.intermediates)
    walk = [certificate]
    while walk[-1] not in trust.roots and len(walk) < LONGEST:
        issuer = next(
            (
                one
                for one in known
                if one.subject_der == walk[-1].issuer_der and one not in walk
            ),
            None,
        )
        if issuer is None:
            break
        walk.append(issuer)
    last = walk[-1]
    if last not in trust.roots:
        code = "chain-untrusted" if last.self_issued else "chain-broken"
        named = (last if last.self_issued else last).issuer.owner
        where = describe(last)["issuer_urls"]
        text = str(error) + (f" ({where[0]})" if where else "")
        return found(code, subject, text, error=error, issuer=named)
    late = any(not one.not_before <= at <= one.not_after for one in walk)
    code = "chain-expired" if late else "chain-invalid"
    return found(code, subject, str(error), error=error)


def _not_cleared(
    chain: Sequence[Certificate],
    subject: str,
    trust: Trust,
    at: datetime,
    error: CertificateError,
) -> Finding:
    """Say why a good chain is not cleared of revocation."""
    for below, issuer in pairwise(chain):
        lists = [crl for crl in trust.crls if crl.issuer_der == below.issuer_der]
        urls = describe(below)["crl_urls"]
        where = f" from {urls[0]}" if urls else " from the authority's site"
        if not lists:
            code = "crl-missing"
        elif any(_revokes(crl, below, issuer) for crl in lists):
            code = "certificate-revoked"
        elif not any(_holds(crl, issuer) for crl in lists):
            code = "crl-invalid"
        elif not any(_is_fresh(crl, at) for crl in lists if _holds(crl, issuer)):
            code = "crl-stale"
        else:
            continue
        owner = issuer.subject.owner
        return found(code, subject, str(error), error=error, issuer=owner, where=where)
    return found("crl-invalid", subject, str(error), error=error, where="")


def _holds(crl: RevocationList, issuer: Certificate) -> bool:
    try:
        crl.verify_signed_by(issuer)
    except CertificateError:
        return False
    return True


def _is_fresh(crl: RevocationList, at: datetime) -> bool:
    try:
        crl.check_fresh(at)
    except CertificateError:
        return False
    return True


def _revokes(crl: RevocationList, below: Certificate, issuer: Certificate) -> bool:
    return _holds(crl, issuer) and crl.is_revoked(below.serial)
