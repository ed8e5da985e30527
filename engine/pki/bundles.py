"""Certificates handed on together: CMS SignedData that nobody signed.

"Certs-only", which authorities answer with and which other programs write as .p7b or
.p7c.  Nothing vouches for what is inside: each certificate is to be verified.

Sources: RFC 5652 5.1 (no signers: digest algorithms empty, version 1), RFC 8551 3.8.
"""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.hazmat import asn1

from gostkey.errors import EncodingError

from . import coding, oids, schemas
from .certificates import Certificate
from .cms import SignedData

__all__ = ["certificates_of", "certs_only"]


def certs_only(certificates: Iterable[Certificate]) -> bytes:
    """Put certificates together.

    Returns:
        ContentInfo, DER; the certificates in the order of DER's SET OF.
    """
    listed = coding.set_order([coding.tlv(one.der) for one in certificates])
    data = schemas.SignedData(
        version=1,
        digest_algorithms=asn1.SetOf([]),
        content=schemas.EncapsulatedContent(
            content_type=coding.oid(oids.DATA), content=None
        ),
        certificates=listed,
        crls=None,
        signers=asn1.SetOf([]),
    )
    return coding.encode(
        schemas.SignedMessage(content_type=coding.oid(oids.SIGNED_DATA), content=data)
    )


def certificates_of(data: bytes | str) -> tuple[Certificate, ...]:
    """Read the certificates of a bundle, DER or PEM, in its order; none is verified.

    Raises:
        EncodingError: if it is no bundle, or an empty one.
    """
    found = SignedData.from_bytes(data).certificates
    if not found:
        raise EncodingError("bundle of certificates: there is none in it")
    return found
