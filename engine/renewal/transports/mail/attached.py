"""Certificates in an attached file, in the forms in which programs write them.

DER or PEM; one, or a chain in any order; a certificate, or CMS that brings several.
Microsoft's authority writes the latter as PEM that says CERTIFICATE, and some programs
leave the lines around the base64 out, or put the mark of UTF-8 before them: so what a
file holds is told by the DER inside and not by its label.

Sources: RFC 7468; RFC 5652 (certificates only).
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re

from gostkey.errors import GeneratorFailure, GostKeyError
from gostkey.pki import cms
from gostkey.pki.certificates import Certificate

_BLOCK = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{1,64}-----([A-Za-z0-9+/=\s]*)-----END [A-Z0-9 ]{1,64}-----"
)
_SEQUENCE = b"\x30"


def certificates_in(data: bytes) -> list[Certificate]:
    """Read all certificates of a file; what else is beside them is passed over.

    Raises:
        GostKeyError: if there is none, and what is there is none.
    """
    found: list[Certificate] = []
    fault: GostKeyError | None = None
    for der in _ders(data):
        try:
            found += _read(der)
        except GeneratorFailure:
            raise
        except GostKeyError as error:
            fault = fault or error
    if fault is not None and not found:
        raise fault
    return found


def _ders(data: bytes) -> list[bytes]:
    """Take the text off, if there is any; what is neither is given as it is."""
    if data.startswith(_SEQUENCE) and data[1:2] >= b"\x80":
        return [data]
    blocks = _BLOCK.findall(data)
    bare = [_unbased(one) for one in blocks or [data.removeprefix(codecs.BOM_UTF8)]]
    return [one for one in bare if one.startswith(_SEQUENCE)] or [data]


def _unbased(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return b""


def _read(der: bytes) -> list[Certificate]:
    """Read a certificate, or a CMS that brings certificates."""
    try:
        one = Certificate.from_bytes(der)
        one.public_key  # noqa: B018  read now, to find faults
        return [one]
    except GeneratorFailure:
        raise
    except GostKeyError as error:
        try:
            return list(cms.SignedData.from_bytes(der).certificates)
        except GostKeyError:
            raise error from None
