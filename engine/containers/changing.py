"""A container under another name, and under another password or none.

A new name changes name.key and what of it is in the header; the key files keep
their bytes.  A new password makes both pairs anew, with new masks and salts,
and changes two elements of the header.  What cannot be changed with them,
because its form is unknown, is a reason to refuse: half a change is damage.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat import asn1

from gostkey import random
from gostkey.backend import active
from gostkey.errors import ContainerDamaged, ContainerError

from . import protection, schemas
from .container import Container
from .header import HAS_PASSWORD, HAS_RESERVE, HEADER, Header, put_elements
from .names import encode_name
from .opening import OpenContainer
from .pairs import PAIRS, PairOpener
from .parsed import storage_keys_needed

NAME = "name.key"

# Known from schemas of other programs and never met: the key of the second slot
# and the names, encrypted in a way that is not published.
_SECOND_KEY = (b"\x83", b"\xa3")
_SECRET_NAMES = (b"\x87", b"\x8d")


def renamed(files: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    """Give a container another name; its keys stay byte for byte.

    Args:
        files: the container.
        name: up to 260 characters of Windows-1251.

    Raises:
        ContainerError: if the name cannot be used, or the header repeats the
            old one in a form that is not known.
        ContainerDamaged: if name.key or header.key is missing or damaged.
    """
    container = Container.parse(files)
    header = container.header
    name_file = encode_name(name)
    _refuse(header, _SECRET_NAMES, "its name is in the header in encrypted form")
    changed = dict(container.files) | {NAME: _with_extra(name_file, files[NAME])}
    if any(one.tag_bytes == schemas.TAG_IA5_STRING for one in header.elements):
        element = schemas.decode(schemas.NameFile, name_file, NAME).name
        changed[HEADER] = put_elements(header, element)
    found = Container.parse(changed)
    if found.name != name or found.keys != container.keys:
        raise ContainerDamaged(
            f"container {name!r}: under its new name it does not read back the same"
        )
    return changed


def with_password(
    files: Mapping[str, bytes], old: str | None, new: str | None
) -> dict[str, bytes]:
    """Put a container's keys under another password, or under none.

    Args:
        files: the container.
        old: its password; None if it has none.
        new: ASCII; None for a container without one.

    Returns:
        The files: header and pairs are new, the name is the same object. The
        reserve pair is made anew even if it was damaged.

    Raises:
        PasswordRequired, WrongPassword: if *old* does not open it.
        ContainerError: if *new* cannot be used, or something in the container
            would stay under the old password.
        ContainerDamaged: if the keys cannot be taken out.
        GeneratorFailure: if there is no good random.
    """
    if new is not None:
        protection.checked_new_password(new)
    container = Container.parse(files)
    header = container.header
    _refuse(
        header,
        (*_SECOND_KEY, *_SECRET_NAMES),
        "something in its header is encrypted in a way that is not known here",
    )
    fingerprint = container.keys[0].fingerprint
    if fingerprint is None:
        raise ContainerError(
            f"container {container.name!r}: its header has no fingerprint, with "
            "which a password is made; change the password with CryptoPro CSP"
        )
    changed = dict(container.files)
    with container.open(old) as opened:
        for names in PAIRS if _with_reserve(container) else PAIRS[:1]:
            changed |= _pair(container, opened, names, new or "")
        changed[HEADER] = _header(header, fingerprint, new)
        _read_back(Container.parse(changed), container, opened, new)
    return changed


def _refuse(header: Header, tags: tuple[bytes, ...], why: str) -> None:
    if any(one.tag_bytes in tags for one in header.elements):
        raise ContainerError(f"{HEADER}: {why}; change it with CryptoPro CSP")


def _with_extra(name_file: bytes, old: bytes) -> bytes:
    """Keep the second element that one program writes into name.key."""
    try:
        extra = asn1.decode_der(schemas.NameFileWithExtra, old).extra
    except ValueError:
        return name_file
    name = schemas.decode(schemas.NameFile, name_file, NAME).name
    return asn1.encode_der(schemas.NameFileWithExtra(name=name, extra=extra))


def _with_reserve(container: Container) -> bool:
    return container.has_reserve or bool(container.header.attributes & HAS_RESERVE)


def _pair(
    container: Container, opened: OpenContainer, names: tuple[str, str], password: str
) -> dict[str, bytes]:
    """Make primary.key and masks.key anew, with one mask for all keys."""
    profile, curve = container.header.profile, container.keys[0].curve
    wide = bytearray(curve.size + 8)
    salt = bytearray(protection.SALT_SIZE)
    random.fill(wide)
    random.fill(salt)
    mask = bytearray(curve.size)
    active.elliptic.private_from_wide_into(curve.index, mask, wide, 1)
    key = protection.storage_key(profile, password, salt)
    wrapped: dict[str, bytes] = {}
    try:
        for entry in container.keys:
            private = bytearray(opened.keys[entry.slot].to_bytes())
            try:
                wrapped[entry.slot] = bytes(
                    protection.wrap(profile, entry.curve, key, private, mask)
                )
            finally:
                active.generators.wipe(private)
    finally:
        active.generators.wipe(key)
    primary = schemas.PrimaryFile(
        primary=wrapped["primary"],
        secondary=wrapped.get("secondary"),
        hmac_key=None,
    )
    masks = schemas.MasksFile(
        mask=bytes(mask),
        salt=bytes(salt),
        mac=protection.mask_mac(profile, mask, salt),
    )
    return {names[0]: asn1.encode_der(primary), names[1]: asn1.encode_der(masks)}


def _header(header: Header, fingerprint: bytes, password: str | None) -> bytes:
    """Change the password's attribute and MAC; without a password it is zeros."""
    (attributes,) = (
        one for one in header.elements if one.tag_bytes == schemas.TAG_BIT_STRING
    )
    octets = bytearray(schemas.parse(asn1.BitString, attributes, HEADER).as_bytes())
    octets = octets or bytearray(1)
    if password is None:
        octets[0] &= ~HAS_PASSWORD & 0xFF
        mac = bytes(protection.MAC_SIZE)
    else:
        octets[0] |= HAS_PASSWORD
        mac = protection.password_mac(header.profile, password, fingerprint)
    bits = asn1.decode_der(asn1.TLV, asn1.encode_der(_named_bits(bytes(octets))))
    of_password = schemas.element_of(asn1.encode_der(schemas.PasswordMac(element=mac)))
    return put_elements(header, bits, of_password)


def _named_bits(octets: bytes) -> asn1.BitString:
    """Return a named-bit list: without the zero bits at its end."""
    octets = octets.rstrip(b"\0")
    unused = (octets[-1] & -octets[-1]).bit_length() - 1 if octets else 0
    return asn1.BitString(octets, unused)


def _read_back(
    made: Container,
    before: Container,
    opened: OpenContainer,
    password: str | None,
) -> None:
    """Open every pair with the new password and compare the keys."""
    same = made.name == before.name and made.keys == before.keys
    pairs = made.pairs if _with_reserve(made) else made.pairs[:1]
    with protection.StorageKeys() as keys:
        keys.prepare(storage_keys_needed(made, password))
        value = made.password_to_use(password, keys)
        for pair in pairs:
            opener = PairOpener(pair, made.header.profile, value, keys)
            for entry in made.keys:
                with opener.signing_key(entry) as key:
                    same &= key == opened.keys[entry.slot]
    if not same or made.has_password != (password is not None):
        raise ContainerDamaged(
            f"container {made.name!r}: under the new password it does not read back "
            "the same; nothing was changed"
        )
