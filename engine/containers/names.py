"""Names of containers: name.key, the folder, and the suffix CryptoPro shows.

The folder name is derived from the container name, but a reader never
depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cryptography.hazmat import asn1

from gostkey.errors import ContainerDamaged, ContainerError

from . import schemas

LONGEST_NAME = 260
"""Characters; the limit of the vendor's interface."""

_KEPT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_CONTROL = re.compile(r"[\x00-\x1f]")
_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul"]
    + [f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)]
)


def encode_name(name: str) -> bytes:
    """Return name.key for a container name.

    Raises:
        ContainerError: if the name is empty, over 260 characters, or has
            characters that Windows-1251 does not have.
    """
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ContainerError(
            f"container name: {len(name)} characters; it must have 1 to {LONGEST_NAME}"
        )
    if _CONTROL.search(name):
        raise ContainerError(f"container name {name!r}: control characters in it")
    try:
        octets = name.encode("cp1251")
    except UnicodeEncodeError as error:
        raise ContainerError(
            f"container name {name!r}: {name[error.start]!r} is not in Windows-1251, "
            "the character set of container names"
        ) from None
    # The tag is that of IA5String, which asn1.IA5String would hold to ASCII.
    string = schemas.TAG_IA5_STRING + asn1.encode_der(octets)[1:]
    element = asn1.decode_der(asn1.TLV, string)
    return asn1.encode_der(schemas.NameFile(name=element))


def decode_name(der: bytes) -> str:
    """Return the container name that name.key holds.

    Raises:
        ContainerDamaged: if it is not such a file.
    """
    try:
        element = schemas.decode(schemas.NameFile, der, "name.key").name
    except ContainerDamaged as fault:
        try:
            element = asn1.decode_der(schemas.NameFileWithExtra, der).name
        except ValueError:
            raise fault from None
    if element.tag_bytes != schemas.TAG_IA5_STRING:
        raise ContainerDamaged(
            f"name.key: the name has the tag {element.tag_bytes.hex()}, "
            "not 16 (IA5String)"
        )
    # 0x98 is the one octet that Windows-1251 leaves without a character.
    return bytes(element.data).decode("cp1251", errors="replace")


def folder_name(name: str, taken: Iterable[str] = ()) -> str:
    """Choose the folder for a container: 8 characters of its name and ".000".

    A character that is not a Latin letter, a digit, "-" or "_" becomes the
    letter number (low octet of its code point mod 26), as CryptoPro CSP for
    Linux does.

    Args:
        name: container name.
        taken: folder names already there; compared without regard to case,
            because a removable disk may do so.

    Raises:
        ContainerError: if .000 to .999 are all taken.
    """
    stem = "".join(c if c in _KEPT else _letter(c) for c in name[:8])
    if stem.lower() in _WINDOWS_DEVICES:
        # Windows refuses "con.000" like "con"; treat one letter as if illegal.
        stem = stem[:2] + _letter(stem[2]) + stem[3:]
    there = {folder.lower() for folder in taken}
    for number in range(1000):
        folder = f"{stem}.{number:03d}"
        if folder.lower() not in there:
            return folder
    raise ContainerError(
        f"container name {name!r}: the folders {stem}.000 to {stem}.999 are all "
        "taken; choose a name with other first eight characters"
    )


def _crc_of(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ (0xA001 if octet & 1 else 0)
    return octet


_CRC = tuple(map(_crc_of, range(256)))


def carrier_suffix(name: str) -> str:
    r"""Return XXXX of the unique name HDIMAGE\\FOLDER\XXXX that CSP tools print.

    CRC-16/ARC of the name's octets, its two octets swapped.  Confirmed for
    ASCII names only.
    """
    crc = 0
    for octet in name.encode("cp1251", errors="replace"):
        crc = crc >> 8 ^ _CRC[(crc ^ octet) & 0xFF]
    return crc.to_bytes(2, "little").hex().upper()


def _letter(character: str) -> str:
    return chr(ord("a") + (ord(character) & 0xFF) % 26)
