"""A pair of files primary.key and masks.key, from which the keys are taken.

A container has one pair and, nearly always, a reserve pair of the same keys
under another mask (primary2.key, masks2.key).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from gostkey.backend import active
from gostkey.errors import ContainerDamaged, PrivateKeyRange
from gostkey.signing import SigningKey

from . import protection, schemas
from .header import PRIMARY, KeyEntry

PAIRS = (("primary.key", "masks.key"), ("primary2.key", "masks2.key"))
"""File names of the pair and of the reserve pair."""


@dataclass(frozen=True)
class Pair:
    """One pair, read but not yet opened; fault tells why it cannot be."""

    files: tuple[str, str]
    fault: str
    wrapped: Mapping[str, bytes]
    """Encrypted key by slot."""
    mask: bytes = b""
    salt: bytes = b""


def read_pair(
    files: Mapping[str, bytes], names: tuple[str, str], profile: protection.Profile
) -> Pair:
    """Read a pair and check the MAC of its mask; a fault is noted, not raised."""
    absent = [name for name in names if name not in files]
    if absent:
        return Pair(names, f"{' and '.join(absent)}: missing", {})
    primary_name, masks_name = names
    if not files[primary_name] and not files[masks_name]:
        return _empty_pair(names)
    try:
        keys = schemas.decode(schemas.PrimaryFile, files[primary_name], primary_name)
        masks = schemas.decode(schemas.MasksFile, files[masks_name], masks_name)
    except ContainerDamaged as error:
        return Pair(names, str(error), {})
    if keys.hmac_key is not None:
        return Pair(
            names, f"{primary_name}: the old form with an HMAC key is not read", {}
        )
    # A longer salt is known of; then its first 12 bytes count.
    salt = masks.salt[: protection.SALT_SIZE]
    mac = protection.mask_mac(profile, masks.mask, salt)
    if len(salt) != protection.SALT_SIZE or not protection.same(mac, masks.mac):
        return Pair(
            names, f"{masks_name}: its MAC does not match; changed or damaged", {}
        )
    wrapped = {PRIMARY: keys.primary}
    if keys.secondary is not None:
        wrapped["secondary"] = keys.secondary
    return Pair(names, "", wrapped, masks.mask, salt)


@lru_cache(maxsize=2)
def _empty_pair(names: tuple[str, str]) -> Pair:
    """Return what files without content make: a list does not read those with keys."""
    try:
        schemas.decode(schemas.PrimaryFile, b"", names[0])
    except ContainerDamaged as error:
        return Pair(names, str(error), {})
    raise AssertionError("nothing was decoded from nothing")


class PairOpener:
    """Takes keys out of one pair with one password.

    Args:
        pair: without a fault.
        profile: of the container.
        password: "" for none.
        keys: gives the storage key, and wipes it at its own end.
    """

    def __init__(
        self,
        pair: Pair,
        profile: protection.Profile,
        password: str,
        keys: protection.StorageKeys,
    ) -> None:
        if pair.fault:
            raise ContainerDamaged(pair.fault)
        self._pair = pair
        self._profile = profile
        self._key = keys.of(profile, password, pair.salt)

    def private(self, entry: KeyEntry) -> bytearray:
        """Return what the pair holds as the private key; unchecked.

        Raises:
            ContainerDamaged: if the pair has no such key or not of its size.
        """
        primary_name, masks_name = self._pair.files
        wrapped = self._pair.wrapped.get(entry.slot)
        if wrapped is None:
            raise ContainerDamaged(f"{primary_name}: it has no {entry.slot} key")
        size = entry.curve.size
        if len(wrapped) != size or len(self._pair.mask) != size:
            raise ContainerDamaged(
                f"{primary_name}, {masks_name}: {len(wrapped)} bytes of key and "
                f"{len(self._pair.mask)} of mask; a key on {entry.curve.name} "
                f"has {size}"
            )
        try:
            return protection.unwrap(
                self._profile, entry.curve, self._key, wrapped, self._pair.mask
            )
        except PrivateKeyRange:
            raise ContainerDamaged(f"{masks_name}: the mask is 0 mod q") from None

    def signing_key(self, entry: KeyEntry) -> SigningKey:
        """Return the key of *entry*, checked against its fingerprint.

        Raises:
            ContainerDamaged: if the pair does not hold that key.
        """
        private = self.private(entry)
        primary_name, masks_name = self._pair.files
        wrong = ContainerDamaged(
            f"{primary_name}, {masks_name}: they do not hold the {entry.slot} key "
            "of the header; changed, damaged, or of another container"
        )
        try:
            key = SigningKey.from_bytes(private, entry.curve, scheme=entry.scheme)
        except PrivateKeyRange:
            raise wrong from None
        finally:
            active.generators.wipe(private)
        public = key.verifying_key.to_bytes()
        size = protection.FINGERPRINT_SIZE
        if entry.fingerprint and not protection.same(public[:size], entry.fingerprint):
            key.wipe()
            raise wrong
        return key
