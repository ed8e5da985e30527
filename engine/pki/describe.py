"""A certificate or a CRL in words: dictionaries that can be written as JSON.

The keys are stable, so programs may rely on them; a value that the certificate
does not have is None or an empty list.  What cannot be read is shown in hex, since
a damaged extension must not hide the rest.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cryptography import x509

from gostkey.curves import Curve
from gostkey.errors import GostKeyError
from gostkey.keyforms import decode_spki

from . import coding, oids
from . import extensions as ext
from .certificates import Certificate
from .crls import RevocationList
from .extensions import Extension
from .names import LABELS, Name

__all__ = ["describe", "describe_crl", "describe_name"]


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def describe_name(name: Name) -> list[dict[str, str]]:
    """List the attributes of a name: label, words, oid, type, value."""
    return [
        {
            "label": a.label,
            "words": LABELS[a.oid].words if a.oid in LABELS else a.oid,
            "oid": a.oid,
            "type": a.type_name,
            "value": a.value,
        }
        for a in name.attributes
    ]


def describe(certificate: Certificate) -> dict[str, Any]:
    """Describe a certificate; never fails on what is inside.

    Returns:
        serial, fingerprint (Streebog-256), owner, subject, issuer, inn, snils, ogrn,
        ogrnip, email, not_before, not_after, key_not_before, key_not_after,
        signing_ends, key (algorithm, curve, curve_oid, bits, public),
        signature_algorithm, self_issued, authority, path_length, key_usage,
        key_purposes, policies, subject_sign_tool, issuer_sign_tool, identification,
        crl_urls, issuer_urls, extensions, faults.
    """
    subject, issuer = certificate.subject, certificate.issuer
    faults: list[str] = []

    def read(what: str, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except GostKeyError as error:
            faults.append(f"{what}: {error}")
            return None

    def value(oid: str, function: Any) -> Any:
        der = certificate.extension(oid)
        if der is None:
            return None
        return read(oids.EXTENSION_NAMES.get(oid, oid), function, der)

    period = read("privateKeyUsagePeriod", lambda: certificate.key_period)
    begin, end = period or (None, None)
    constraints = read("basicConstraints", lambda: certificate.basic_constraints)
    usage = value(oids.KEY_USAGE, ext.read_key_usage) or ()
    purposes = value(oids.EXTENDED_KEY_USAGE, _read_purposes) or []
    policies = value(oids.CERTIFICATE_POLICIES, _read_policies) or []
    kind = value(oids.IDENTIFICATION_KIND, _read_integer)
    tools = value(oids.ISSUER_SIGN_TOOL, ext.read_issuer_sign_tool)
    crl_urls, issuer_urls = _urls(certificate)
    faults.extend(subject.faults())
    return {
        "owner": subject.owner,
        "serial": certificate.serial_text,
        "fingerprint": certificate.fingerprint().hex(),
        "subject": describe_name(subject),
        "subject_text": subject.text(),
        "issuer": describe_name(issuer),
        "issuer_text": issuer.text(),
        "issuer_owner": issuer.owner,
        "organization": subject.get("O"),
        "inn": subject.inn,
        "snils": subject.get("SNILS"),
        "ogrn": subject.get("OGRN"),
        "ogrnip": subject.get("OGRNIP"),
        "email": subject.get("E"),
        "not_before": _moment(certificate.not_before),
        "not_after": _moment(certificate.not_after),
        "key_not_before": _moment(begin),
        "key_not_after": _moment(end),
        "signing_ends": _moment(
            min(end, certificate.not_after) if end else certificate.not_after
        ),
        "key": read("public key", _key, certificate.public_key_info),
        "signature_algorithm": read(
            "signature algorithm", lambda: certificate.signature_algorithm
        ),
        "self_issued": certificate.self_issued,
        "authority": constraints[0] if constraints else False,
        "path_length": constraints[1] if constraints else None,
        "key_usage": [name for name in ext.KEY_USAGES if name in usage],
        "key_purposes": purposes,
        "policies": policies,
        "subject_sign_tool": value(oids.SUBJECT_SIGN_TOOL, _read_text),
        "issuer_sign_tool": (
            dict(
                zip(
                    ("sign_tool", "ca_tool", "sign_tool_cert", "ca_tool_cert"),
                    tools,
                    strict=True,
                )
            )
            if tools
            else None
        ),
        "identification": (
            None
            if kind is None
            else {
                "kind": kind,
                "words": oids.IDENTIFICATION_KINDS.get(kind, "unknown"),
            }
        ),
        "crl_urls": crl_urls,
        "issuer_urls": issuer_urls,
        "extensions": [_extension(e) for e in certificate.extensions.values()],
        "faults": faults,
    }


def describe_crl(crl: RevocationList) -> dict[str, Any]:
    """Describe a CRL: issuer, number, this_update, next_update, revoked (a count)."""
    return {
        "issuer": describe_name(crl.issuer),
        "issuer_text": crl.issuer.text(),
        "number": crl.number,
        "this_update": _moment(crl.this_update),
        "next_update": _moment(crl.next_update),
        "revoked": len(crl),
        "signature_algorithm": crl.signature_algorithm,
    }


def _key(spki: bytes) -> dict[str, Any]:
    found = decode_spki(spki)
    curve: Curve = found.curve
    return {
        "algorithm": f"GOST R 34.10-{found.scheme.value}",
        "curve": curve.name,
        "curve_oid": curve.oid,
        "bits": curve.bits,
        "public": found.public_le.hex(),
    }


def _extension(extension: Extension) -> dict[str, Any]:
    return {
        "oid": extension.oid,
        "name": extension.name,
        "critical": extension.critical,
        "value": extension.value.hex(),
    }


def _named(found: list[str], names: dict[str, str]) -> list[dict[str, str]]:
    return [{"oid": oid, "name": names.get(oid, oid)} for oid in found]


def _read_purposes(der: bytes) -> list[dict[str, str]]:
    return _named(coding.decode_oids(der, "extKeyUsage"), oids.PURPOSE_NAMES)


def _read_policies(der: bytes) -> list[dict[str, str]]:
    return _named(coding.decode_policies(der, "certificatePolicies"), oids.POLICY_NAMES)


def _read_text(der: bytes) -> str:
    return coding.decode(str, der, "UTF8String")


def _read_integer(der: bytes) -> int:
    return coding.decode(int, der, "INTEGER")


def _urls(certificate: Certificate) -> tuple[list[str], list[str]]:
    """Return the URLs of the CRL and of the issuer's certificate.

    These two extensions are deep and of no weight here, so cryptography's parser
    reads them; it refuses some certificates whole, which then show no URLs.
    """
    try:
        found = x509.load_der_x509_certificate(certificate.der).extensions
    except Exception:  # of the library's own many classes, each meaning "unreadable"
        return [], []
    crl_urls: list[str] = []
    issuer_urls: list[str] = []
    for extension in found:
        if isinstance(extension.value, x509.CRLDistributionPoints):
            for point in extension.value:
                crl_urls.extend(
                    name.value
                    for name in point.full_name or ()
                    if isinstance(name, x509.UniformResourceIdentifier)
                )
        elif isinstance(extension.value, x509.AuthorityInformationAccess):
            issuer_urls.extend(
                access.access_location.value
                for access in extension.value
                if isinstance(access.access_location, x509.UniformResourceIdentifier)
            )
    return crl_urls, issuer_urls
