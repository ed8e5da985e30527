"""A pair of files primary.key and masks.key, from which the keys are taken.

A container has one pair and, nearly always, a reserve pair of the same keys
under another mask (primary2.key, masks2.key).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gostkey.backend import active
from gostkey.errors import ContainerDamaged, PrivateKeyRange
from gostkey.signing import SigningKey, VerifyingKey

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


def read_pairs(
    wanted: Iterable[tuple[Mapping[str, bytes], tuple[str, str], protection.Profile]],
) -> list[Pair]:
    """Read pairs and check the MACs of their masks; a fault is noted, not raised.

    Args:
        wanted: the files of a container, the names of a pair and the profile.
    """
    pairs: list[Pair] = []
    # Those whose MACs are yet to be compared, by profile.
    sealed: dict[protection.Profile, list[tuple[int, bytes]]] = {}
    for files, names, profile in wanted:
        pair, mac = _decode_pair(files, names)
        if not pair.fault:
            sealed.setdefault(profile, []).append((len(pairs), mac))
        pairs.append(pair)
    for profile, some in sealed.items():
        masks = [pairs[place].mask for place, _ in some]
        salts = [pairs[place].salt for place, _ in some]
        macs = protection.mask_macs(profile, masks, salts)
        for (place, expected), mac in zip(some, macs, strict=True):
            if not protection.same(mac, expected):
                pairs[place] = _no_match(pairs[place].files)
    return pairs


def _decode_pair(
    files: Mapping[str, bytes], names: tuple[str, str]
) -> tuple[Pair, bytes]:
    """Decode a pair; return with it the MAC that its mask should have."""
    primary_name, masks_name = names
    absent = [name for name in names if name not in files]
    if absent:
        return Pair(names, f"{' and '.join(absent)}: missing", {}), b""
    if not files[primary_name] and not files[masks_name]:
        return _empty_pair(names), b""
    try:
        keys = schemas.decode(schemas.PrimaryFile, files[primary_name], primary_name)
        masks = schemas.decode(schemas.MasksFile, files[masks_name], masks_name)
    except ContainerDamaged as error:
        return Pair(names, str(error), {}), b""
    if keys.hmac_key is not None:
        fault = f"{primary_name}: the old form with an HMAC key is not read"
        return Pair(names, fault, {}), b""
    # A longer salt is known of; then its first 12 bytes count.
    mask, salt = masks.mask, masks.salt[: protection.SALT_SIZE]
    if len(mask) < protection.KEY_SIZE or len(salt) != protection.SALT_SIZE:
        return _no_match(names), b""
    wrapped = {PRIMARY: keys.primary}
    if keys.secondary is not None:
        wrapped["secondary"] = keys.secondary
    return Pair(names, "", wrapped, mask, salt), masks.mac


def _no_match(names: tuple[str, str]) -> Pair:
    return Pair(names, f"{names[1]}: its MAC does not match; changed or damaged", {})


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
        self.profile = profile
        self.key = keys.of(profile, password, pair.salt)
        self.mask = pair.mask

    def wrapped(self, entry: KeyEntry) -> bytes:
        """Return the key of *entry* as it is in the pair.

        Raises:
            ContainerDamaged: if the pair has no such key or not of its size.
        """
        primary_name, masks_name = self._pair.files
        wrapped = self._pair.wrapped.get(entry.slot)
        if wrapped is None:
            raise ContainerDamaged(f"{primary_name}: it has no {entry.slot} key")
        size = entry.curve.size
        if len(wrapped) != size or len(self.mask) != size:
            raise ContainerDamaged(
                f"{primary_name}, {masks_name}: {len(wrapped)} bytes of key and "
                f"{len(self.mask)} of mask; a key on {entry.curve.name} "
                f"has {size}"
            )
        return wrapped

    def private(self, entry: KeyEntry) -> bytearray:
        """Return what the pair holds as the private key; unchecked.

        Raises:
            ContainerDamaged: if the pair has no such key or not of its size.
        """
        try:
            return protection.unwrap(
                self.profile,
                entry.curve,
                self.key,
                self.wrapped(entry),
                self.mask,
            )
        except PrivateKeyRange:
            masks_name = self._pair.files[1]
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


def take_together(
    wanted: Sequence[tuple[PairOpener, KeyEntry]],
) -> list[SigningKey | None]:
    """Take many keys out, checked against their fingerprints: all steps for all.

    Returns:
        For each its key, or None where it is not as it should be:
        `PairOpener.signing_key` tells what is wrong.
    """
    taken: list[SigningKey | None] = [None] * len(wanted)
    groups: dict[tuple[protection.Profile, int], list[tuple[int, bytes]]] = {}
    for place, (opener, entry) in enumerate(wanted):
        try:
            wrapped = opener.wrapped(entry)
        except ContainerDamaged:
            continue
        group = opener.profile, entry.curve.index
        groups.setdefault(group, []).append((place, wrapped))
    for (profile, _), some in groups.items():
        for place, key in _take_alike(profile, some, wanted):
            taken[place] = key
    return taken


def _take_alike(
    profile: protection.Profile,
    some: Sequence[tuple[int, bytes]],
    wanted: Sequence[tuple[PairOpener, KeyEntry]],
) -> Iterator[tuple[int, SigningKey]]:
    """Take keys of one curve, given by their places in *wanted*."""
    n, curve = len(some), wanted[some[0][0]][1].curve
    size = curve.size
    keys = bytearray().join([wanted[place][0].key for place, _ in some])
    masks = b"".join([wanted[place][0].mask for place, _ in some])
    private = bytearray()
    try:
        wrapped = b"".join([one for _, one in some])
        private = protection.unwrap(profile, curve, keys, wrapped, masks, n)
        public = bytearray(2 * n * size)
        active.elliptic.public_keys_into(curve.index, public, private, n)
        for row, (place, _) in enumerate(some):
            entry = wanted[place][1]
            point = bytes(public[2 * row * size : 2 * (row + 1) * size])
            start = point[: protection.FINGERPRINT_SIZE]
            if entry.fingerprint and not protection.same(start, entry.fingerprint):
                continue
            verifying_key = VerifyingKey(point, entry.curve, entry.scheme)
            one = private[row * size : (row + 1) * size]
            yield place, SigningKey(one, verifying_key)
    except PrivateKeyRange:
        # One mask or key is 0 mod q; the others are taken one by one.
        return
    finally:
        active.generators.wipe(keys)
        active.generators.wipe(private)
