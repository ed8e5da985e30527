"""What the small authority puts into a certificate; kept as JSON beside its key.

Source: FSB order 795 for the extensions of a qualified certificate; a private key
lives one year.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from gostkey.errors import EncodingError
from gostkey.primitives import CURVES
from gostkey.signing import VerifyingKey

from . import coding, oids
from . import extensions as ext
from .extensions import Extension

__all__ = ["CertificateProfile"]


@dataclass(frozen=True)
class CertificateProfile:
    """Validity and extensions of the certificates that an authority issues."""

    days: int = 365
    """Validity of the certificate; 450 are usual too (15 months)."""
    key_days: int = 365
    """Private key usage period; not longer than the certificate."""
    key_usage: tuple[str, ...] = ext.SUBSCRIBER_USAGES
    """Names of `extensions.KEY_USAGES`."""
    extended_key_usage: tuple[str, ...] = (oids.CLIENT_AUTH, oids.EMAIL_PROTECTION)
    policies: tuple[str, ...] = ()
    """OIDs, such as tool classes; none are claimed by default."""
    identification_kind: int = 0
    """How the owner was identified at the first issue; a renewal has 1."""
    subject_sign_tool: str = ""
    """Taken from the request if empty; left out if that has none either."""
    issuer_sign_tool: tuple[str, ...] = ()
    """signTool, cATool and the certificates of both; left out if empty."""
    crl_urls: tuple[str, ...] = ()
    curves: tuple[str, ...] = tuple(c for c in CURVES if not c.startswith("test"))
    """Canonical names of the curves that keys may be on; not the test sets."""

    def __post_init__(self) -> None:
        """Find faults before anything is issued."""
        if not 1 <= self.days <= 3660 or not 1 <= self.key_days <= 3660:
            raise EncodingError(
                f"profile: {self.days} days of certificate and {self.key_days} of "
                "key; must be 1 to 3660"
            )
        if self.issuer_sign_tool and len(self.issuer_sign_tool) != 4:
            raise EncodingError(
                f"profile: issuer_sign_tool has {len(self.issuer_sign_tool)} texts; "
                "must have none or four"
            )
        _fixed(self, self.identification_kind)
        if self.subject_sign_tool:
            ext.subject_sign_tool(self.subject_sign_tool)

    def to_json(self) -> str:
        """Write the profile."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> CertificateProfile:
        """Read a profile.

        Raises:
            EncodingError: if it is not one.
        """
        try:
            found = json.loads(text)
            known = {field.name for field in fields(cls)}
            if not isinstance(found, dict) or not set(found) <= known:
                raise ValueError(f"the keys must be of {', '.join(sorted(known))}")
            return cls(**{key: _typed(key, value) for key, value in found.items()})
        except ValueError as error:
            raise EncodingError(f"profile of the authority: {error}") from error

    def dates(self, at: datetime) -> tuple[datetime, datetime, datetime]:
        """Return begin, end of the certificate, and end of the key's period."""
        begin = coding.require_aware(at).replace(microsecond=0)
        end = begin + timedelta(days=self.days)
        return begin, end, min(end, begin + timedelta(days=self.key_days))

    def extensions(
        self,
        *,
        key: VerifyingKey,
        authority_key_identifier: bytes,
        at: datetime,
        requested: Mapping[str, Extension],
        identification_kind: int | None = None,
    ) -> list[Extension]:
        """Make the extensions of a certificate.

        Args:
            requested: extensions of the request; of them only subjectSignTool is
                taken, and only if the profile has none.
            identification_kind: in place of the profile's.
        """
        begin, _, key_end = self.dates(at)
        kind = self.identification_kind
        if identification_kind is not None:
            kind = identification_kind
        made = [
            *_fixed(self, kind),
            ext.subject_key_identifier(ext.key_identifier(key)),
            ext.authority_key_identifier(authority_key_identifier),
            ext.private_key_usage_period(begin, key_end),
        ]
        asked = requested.get(oids.SUBJECT_SIGN_TOOL)
        tool = self.subject_sign_tool
        if not tool and asked is not None:
            tool = coding.decode(str, asked.value, "subjectSignTool of the request")
        if tool:
            made.append(ext.subject_sign_tool(tool))
        return made


def _typed(key: str, value: object) -> Any:
    """Turn a JSON value into that of a field, by the type of the field's default."""
    wanted = type(getattr(CertificateProfile, key))
    if wanted is tuple:
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
        raise ValueError(f"{key}: must be a list of texts")
    if type(value) is not wanted:
        raise ValueError(f"{key}: must be {'a number' if wanted is int else 'a text'}")
    return value


@lru_cache(maxsize=16)
def _fixed(profile: CertificateProfile, identification_kind: int) -> list[Extension]:
    """Make the extensions that are the same for all subscribers."""
    made = [
        ext.basic_constraints(False),
        ext.key_usage(profile.key_usage),
        ext.identification_kind(identification_kind),
    ]
    if profile.extended_key_usage:
        made.append(ext.extended_key_usage(profile.extended_key_usage))
    if profile.policies:
        made.append(ext.certificate_policies(profile.policies))
    if profile.issuer_sign_tool:
        made.append(ext.issuer_sign_tool(*profile.issuer_sign_tool))
    if profile.crl_urls:
        made.append(ext.crl_distribution_points(profile.crl_urls))
    return made
