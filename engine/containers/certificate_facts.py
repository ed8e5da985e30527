"""The few facts of an X.509 certificate that a container tells about it.

Names stay DER here: reading Russian names is the work of `gostkey.pki`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gostkey.errors import CertificateError, ContainerDamaged

from . import schemas

_VERSION_TAG = b"\xa0"


@dataclass(frozen=True)
class CertificateFacts:
    """Owner, number and dates of a certificate."""

    serial: int
    issuer_der: bytes
    subject_der: bytes
    not_before: datetime
    not_after: datetime
    """Validity, aware (UTC)."""


def certificate_facts(der: bytes) -> CertificateFacts:
    """Read the facts from a certificate's DER.

    Raises:
        CertificateError: if it is not an X.509 certificate.
    """
    try:
        fields = schemas.decode(schemas.Certificate, der, "certificate").tbs
        if fields and fields[0].tag_bytes == _VERSION_TAG:
            fields = fields[1:]
        if len(fields) < 6:
            raise ContainerDamaged("certificate: fields are missing")
        serial, _, issuer, validity, subject, _ = fields[:6]
        dates = schemas.parse(schemas.Validity, validity, "certificate")
        return CertificateFacts(
            serial=schemas.parse(int, serial, "certificate"),
            issuer_der=schemas.encode_element(issuer),
            subject_der=schemas.encode_element(subject),
            not_before=dates.not_before.as_datetime(),
            not_after=dates.not_after.as_datetime(),
        )
    except ContainerDamaged as error:
        raise CertificateError(f"not an X.509 certificate: {error}") from None
