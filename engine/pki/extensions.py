"""Extensions of certificates and requests: their values made and read.

Sources: RFC 5280 4.2; FSB order 795 (subjectSignTool, issuerSignTool, classes of
tools); RFC 9215 (identificationKind); RFC 7093 2 (key identifiers).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat import asn1

from gostkey.errors import EncodingError
from gostkey.hashing import streebog256
from gostkey.signing import VerifyingKey

from . import coding, oids, schemas

__all__ = ["Extension"]

KEY_USAGES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
"""Names of the bits of keyUsage, the first bit first."""

SUBSCRIBER_USAGES = KEY_USAGES[:5]
AUTHORITY_USAGES = ("keyCertSign", "cRLSign")


@dataclass(frozen=True)
class Extension:
    """An extension: OID, whether it is critical, and the DER of its value."""

    oid: str
    critical: bool
    value: bytes

    @property
    def name(self) -> str:
        """Its name, or the OID if it has none."""
        return oids.EXTENSION_NAMES.get(self.oid, self.oid)


def to_schema(extensions: Iterable[Extension]) -> list[asn1.TLV]:
    """Turn extensions into what the ASN.1 encoder takes.

    Raises:
        EncodingError: if one stands there twice.
    """
    listed = list(extensions)
    _refuse_twins([e.oid for e in listed], "extensions")
    return [_encoded(e) for e in listed]


@lru_cache(maxsize=128)
def _encoded(extension: Extension) -> asn1.TLV:
    encoded = schemas.Extension(
        oid=coding.oid(extension.oid),
        critical=extension.critical,
        value=extension.value,
    )
    return coding.tlv(coding.encode(encoded))


Found = Iterable[asn1.TLV] | Iterable[schemas.Extension]
"""Extensions as a structure holds them: not yet decoded, or decoded as strict DER."""


def from_schema(found: Found | None, what: str) -> dict[str, Extension]:
    """Turn extensions that were read into a dictionary by OID, in their order.

    Raises:
        EncodingError: if one stands there twice (RFC 5280 4.2), or is none.
    """
    listed = []
    for value in found or ():
        if isinstance(value, schemas.Extension):
            oid = value.oid.dotted_string
            listed.append(Extension(oid, value.critical, value.value))
            continue
        der = coding.encode(value)
        read = _remembered if len(der) <= _SMALL else _decoded
        listed.append(read(der, what))
    _refuse_twins([e.oid for e in listed], what)
    return {e.oid: e for e in listed}


def by_oid(found: Found | None) -> dict[schemas.OID, schemas.Extension] | None:
    """Tell extensions by OID; None if that wants a closer look: see `from_schema`."""
    listed = list(found or ())
    by_oid = {e.oid: e for e in listed if isinstance(e, schemas.Extension)}
    return by_oid if len(by_oid) == len(listed) else None


def _decoded(der: bytes, what: str) -> Extension:
    try:
        e = coding.decode(schemas.Extension, der, what)
    except EncodingError:
        return _lenient(der, what)
    return Extension(e.oid.dotted_string, e.critical, e.value)


# Most extensions are the same in all certificates of an authority.
_SMALL = 2048
_remembered = lru_cache(maxsize=1024)(_decoded)


def _lenient(der: bytes, what: str) -> Extension:
    """Read an extension field by field, with a BOOLEAN that is not DER."""
    fields = coding.decode_fields(der, what)
    critical = coding.boolean(fields[1]) if len(fields) == 3 else False
    if len(fields) not in (2, 3) or critical is None:
        raise EncodingError(
            f"{what}: an extension must be an OID, critical or not, and a value"
        )
    oid = coding.parse(fields[0], schemas.OID, what).dotted_string
    return Extension(oid, critical, coding.parse(fields[-1], bytes, what))


def _refuse_twins(found: Sequence[str], what: str) -> None:
    if len(set(found)) != len(found):
        twins = sorted({oid for oid in found if found.count(oid) > 1})
        raise EncodingError(f"{what}: extension {', '.join(twins)} occurs twice")


# -- made ---------------------------------------------------------------------


def key_usage(names: Iterable[str] = SUBSCRIBER_USAGES) -> Extension:
    """Make keyUsage, critical, of names of KEY_USAGES."""
    wanted = set(names)
    unknown = wanted - set(KEY_USAGES)
    if unknown or not wanted:
        raise EncodingError(
            f"key usage {', '.join(sorted(unknown)) or '(none)'}: "
            f"choose of {', '.join(KEY_USAGES)}"
        )
    try:
        value = x509.KeyUsage(*(name in wanted for name in KEY_USAGES))
    except ValueError as error:
        raise EncodingError(f"key usage {', '.join(sorted(wanted))}: {error}") from None
    return Extension(oids.KEY_USAGE, True, value.public_bytes())


def extended_key_usage(purposes: Iterable[str]) -> Extension:
    """Make extKeyUsage of OIDs."""
    value = coding.encode_oids(list(purposes))
    return Extension(oids.EXTENDED_KEY_USAGE, False, value)


def certificate_policies(policies: Iterable[str]) -> Extension:
    """Make certificatePolicies of OIDs, such as the tool classes 1.2.643.100.113.N."""
    value = coding.encode_policies(list(policies))
    return Extension(oids.CERTIFICATE_POLICIES, False, value)


def basic_constraints(ca: bool, path_length: int | None = None) -> Extension:
    """Make basicConstraints, critical."""
    fields = [coding.encode(True)] if ca else []
    if path_length is not None:
        fields.append(coding.encode(path_length))
    return Extension(oids.BASIC_CONSTRAINTS, True, coding.encode_fields(fields))


def key_identifier(key: VerifyingKey) -> bytes:
    """Name a key: the first 20 bytes of Streebog-256 of x || y.

    RFC 5280 leaves the way open; SHA-1 is avoided as RFC 7093 2 does.
    """
    return streebog256(key.to_bytes()).digest()[:20]


def subject_key_identifier(identifier: bytes) -> Extension:
    """Make subjectKeyIdentifier."""
    return Extension(oids.SUBJECT_KEY_IDENTIFIER, False, coding.encode(identifier))


def authority_key_identifier(identifier: bytes) -> Extension:
    """Make authorityKeyIdentifier, by key identifier."""
    value = schemas.AuthorityKeyIdentifier(
        key_identifier=identifier, issuer=None, serial=None
    )
    return Extension(oids.AUTHORITY_KEY_IDENTIFIER, False, coding.encode(value))


def private_key_usage_period(
    not_before: datetime | None, not_after: datetime | None
) -> Extension:
    """Make privateKeyUsagePeriod: from when to when the private key signs."""
    value = schemas.PrivateKeyUsagePeriod(
        not_before=coding.generalized_time(not_before) if not_before else None,
        not_after=coding.generalized_time(not_after) if not_after else None,
    )
    return Extension(oids.PRIVATE_KEY_USAGE_PERIOD, False, coding.encode(value))


def subject_sign_tool(tool: str) -> Extension:
    """Make subjectSignTool: the owner's signature tool, 1 to 200 characters."""
    _check_length("subjectSignTool", tool, 200)
    return Extension(oids.SUBJECT_SIGN_TOOL, False, coding.encode(tool))


def issuer_sign_tool(
    sign_tool: str, ca_tool: str, sign_tool_certificate: str, ca_tool_certificate: str
) -> Extension:
    """Make issuerSignTool: the authority's tools and their certificates."""
    _check_length("issuerSignTool signTool", sign_tool, 200)
    _check_length("issuerSignTool cATool", ca_tool, 200)
    _check_length("issuerSignTool signToolCert", sign_tool_certificate, 100)
    _check_length("issuerSignTool cAToolCert", ca_tool_certificate, 100)
    value = schemas.IssuerSignTool(
        sign_tool=sign_tool,
        ca_tool=ca_tool,
        sign_tool_certificate=sign_tool_certificate,
        ca_tool_certificate=ca_tool_certificate,
    )
    return Extension(oids.ISSUER_SIGN_TOOL, False, coding.encode(value))


@lru_cache(maxsize=8)
def identification_kind(kind: int) -> Extension:
    """Make identificationKind: 0 in person, 1 by signature, 2 passport, 3 biometric."""
    if kind not in oids.IDENTIFICATION_KINDS:
        raise EncodingError(f"identificationKind {kind}: must be 0, 1, 2 or 3")
    return Extension(oids.IDENTIFICATION_KIND, False, coding.encode(kind))


def crl_distribution_points(urls: Iterable[str]) -> Extension:
    """Make cRLDistributionPoints: one point for each URL."""
    points = []
    for url in urls:
        try:
            name = x509.UniformResourceIdentifier(url)
        except ValueError as error:
            raise EncodingError(f"URL of a CRL {url!r}: {error}") from None
        points.append(x509.DistributionPoint([name], None, None, None))
    value = x509.CRLDistributionPoints(points).public_bytes()
    return Extension(oids.CRL_DISTRIBUTION_POINTS, False, value)


def _check_length(what: str, text: str, most: int) -> None:
    if not 1 <= len(text) <= most:
        raise EncodingError(f"{what}: {len(text)} characters; must have 1 to {most}")


# -- read ---------------------------------------------------------------------


@lru_cache(maxsize=64)
def read_key_usage(value: bytes) -> frozenset[str]:
    """Return the names of the bits that are set."""
    bits = coding.decode(asn1.BitString, value, "keyUsage").as_bytes()
    return frozenset(
        name
        for i, name in enumerate(KEY_USAGES)
        if i // 8 < len(bits) and bits[i // 8] >> (7 - i % 8) & 1
    )


def read_basic_constraints(value: bytes) -> tuple[bool, int | None]:
    """Return whether it is an authority, and the path length if limited."""
    what = "basicConstraints"
    fields = coding.decode_fields(value, what)
    ca = coding.boolean(fields[0]) if fields else None
    rest = fields if ca is None else fields[1:]
    if len(rest) > 1:
        raise EncodingError(f"{what}: {len(fields)} fields; must have at most two")
    length = coding.parse(rest[0], int, what) if rest else None
    if length is not None and length < 0:
        raise EncodingError(f"{what}: the path length is negative")
    return bool(ca), length


def read_private_key_usage_period(
    value: bytes,
) -> tuple[datetime | None, datetime | None]:
    """Return from when to when the private key signs; None where it is open."""
    found = coding.decode(schemas.PrivateKeyUsagePeriod, value, "privateKeyUsagePeriod")
    return (
        found.not_before.as_datetime() if found.not_before else None,
        found.not_after.as_datetime() if found.not_after else None,
    )


def read_subject_key_identifier(value: bytes) -> bytes:
    """Return the identifier of the key."""
    return coding.decode(bytes, value, "subjectKeyIdentifier")


def read_authority_key_identifier(value: bytes) -> bytes | None:
    """Return the identifier of the issuer's key, if there is one in it."""
    what = "authorityKeyIdentifier"
    return coding.decode(schemas.AuthorityKeyIdentifier, value, what).key_identifier


def read_issuer_sign_tool(value: bytes) -> tuple[str, str, str, str]:
    """Return tool, CA tool and the certificates of both."""
    found = coding.decode(schemas.IssuerSignTool, value, "issuerSignTool")
    return (
        found.sign_tool,
        found.ca_tool,
        found.sign_tool_certificate,
        found.ca_tool_certificate,
    )


def crl_reason(reason: str) -> Extension:
    """Make reasonCode of a CRL entry, of the names in `crls.REASONS`."""
    try:
        flag = x509.ReasonFlags(reason)
        return Extension(oids.CRL_REASON, False, x509.CRLReason(flag).public_bytes())
    except ValueError:
        raise EncodingError(
            f"reason {reason!r} is unknown; choose of "
            + ", ".join(known.value for known in x509.ReasonFlags)
        ) from None


_REASONS_BY_VALUE = {
    x509.CRLReason(flag).public_bytes(): flag.value for flag in x509.ReasonFlags
}


def read_crl_reason(value: bytes) -> str:
    """Return the name of a reasonCode; an unknown one is "unspecified"."""
    return _REASONS_BY_VALUE.get(value, x509.ReasonFlags.unspecified.value)
