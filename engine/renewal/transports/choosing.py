"""The certificate for a request, in whatever an authority sends with it."""

from __future__ import annotations

from collections.abc import Sequence

from gostkey.errors import EncodingError, GostKeyError
from gostkey.pki.bundles import certificates_of
from gostkey.pki.certificates import Certificate

from .transport import Pending


def mine(found: Sequence[Certificate], pending: Pending) -> Certificate:
    """Choose the certificate for the new key; the first one if there is none.

    The campaign then says that it is for another key.
    """
    for one in found:
        try:
            if one.public_key.to_bytes() == pending.public_key:
                return one
        except GostKeyError:
            continue
    return found[0]


def certificate_from(data: bytes, pending: Pending) -> bytes:
    """Take the certificate out of a bundle (.p7b); what is none is given back as it is.

    Whether it is a certificate, the campaign says.
    """
    try:
        return mine(certificates_of(data), pending).der
    except EncodingError:
        return data
