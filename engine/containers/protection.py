"""How a container protects a key: storage key, mask, three MACs.

A private key d is kept as GOST28147-ECB(K, d * m mod q) with a mask m that
lies beside it and a storage key K that comes from the password and a salt
(an empty password gives a K, too).  All numbers are little-endian.

Source: CryptoPro CSP containers, confirmed on real ones; 512-bit keys by
other implementations only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hmac import compare_digest

from gostkey import kdf
from gostkey.backend import active
from gostkey.curves import Curve
from gostkey.errors import ContainerError
from gostkey.keyforms import Scheme
from gostkey.primitives import Readable

KEY_SIZE = 32
SALT_SIZE = 12
MAC_SIZE = 4
FINGERPRINT_SIZE = 8
LONGEST_PASSWORD = 256

_ZERO_KEY = bytes(KEY_SIZE)


@dataclass(frozen=True)
class Profile:
    """Hash of the storage key and S-box of cipher and MACs."""

    hash_name: str
    sbox: str


_PROFILES = {
    Scheme.GOST_2001: Profile("gostr3411_94", "a"),
    Scheme.GOST_2012: Profile("streebog256", "z"),
}


def profile_of(scheme: Scheme) -> Profile:
    """Return the profile that the primary key's scheme chooses."""
    return _PROFILES[scheme]


def checked_new_password(password: str) -> str:
    """Return a password that a new container may have.

    Raises:
        ContainerError: if it is empty, too long or not ASCII.
    """
    if not password:
        raise ContainerError("password: empty; give None for a container without one")
    if len(password) > LONGEST_PASSWORD:
        raise ContainerError(
            f"password: {len(password)} characters; at most {LONGEST_PASSWORD}"
        )
    if not password.isascii():
        # Implementations differ on how other characters become octets, so
        # such a container might open here and nowhere else.
        raise ContainerError("password: only ASCII characters can be used")
    return password


def storage_key(profile: Profile, password: str, salt: Readable) -> bytearray:
    """Derive K, 32 bytes, from a password ("" for none) and a salt."""
    return bytearray(kdf.container_key(password, bytes(salt), profile.hash_name))


def storage_keys(
    profile: Profile, password: str, salts: Sequence[Readable]
) -> bytearray:
    """Derive K for each salt, laid end to end: faster than one after the other."""
    passwords = [password] * len(salts)
    return bytearray().join(kdf.container_keys(passwords, salts, profile.hash_name))


class StorageKeys:
    """Storage keys by password and salt; wiped at the end of `with`."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str, bytes], bytearray] = {}

    def __enter__(self) -> StorageKeys:
        return self

    def __exit__(self, *_: object) -> None:
        for key in self._keys.values():
            active.generators.wipe(key)
        self._keys.clear()

    def prepare(self, wanted: Iterable[tuple[Profile, str, bytes]]) -> None:
        """Derive keys that will be asked for, many at once.

        Args:
            wanted: profile, password ("" for none) and salt of each.
        """
        by_hash: dict[str, dict[tuple[str, bytes], None]] = {}
        for profile, password, salt in wanted:
            if (profile.hash_name, password, salt) not in self._keys:
                by_hash.setdefault(profile.hash_name, {})[password, salt] = None
        for name, pairs in by_hash.items():
            passwords, salts = zip(*pairs, strict=True)
            made = kdf.container_keys(passwords, salts, name)
            for (password, salt), key in zip(pairs, made, strict=True):
                self._keys[name, password, salt] = bytearray(key)

    def of(self, profile: Profile, password: str, salt: bytes) -> bytearray:
        """Return a key, which stays this object's; it is derived if it was not."""
        key = self._keys.get((profile.hash_name, password, salt))
        if key is None:
            self.prepare([(profile, password, salt)])
            key = self._keys[profile.hash_name, password, salt]
        return key


def wrap(
    profile: Profile,
    curve: Curve,
    keys: Readable,
    private_le: Readable,
    masks: Readable,
    n: int = 1,
) -> bytearray:
    """Encrypt d * m mod q with a storage key, n times; all are laid end to end."""
    wrapped = bytearray(n * curve.size)
    try:
        active.elliptic.multiply_mod_q_into(curve.index, wrapped, private_le, masks, n)
        active.ciphers.gost28147_ecb_into(
            profile.sbox, wrapped, keys, wrapped, n, False
        )
    except BaseException:
        active.generators.wipe(wrapped)
        raise
    return wrapped


def unwrap(
    profile: Profile,
    curve: Curve,
    keys: Readable,
    wrapped: Readable,
    masks: Readable,
    n: int = 1,
) -> bytearray:
    """Decrypt and unmask n private keys; what comes out is yet to be checked.

    Raises:
        PrivateKeyRange: if a mask is 0 mod q.
    """
    private = bytearray(n * curve.size)
    try:
        active.ciphers.gost28147_ecb_into(profile.sbox, private, keys, wrapped, n, True)
        active.elliptic.divide_mod_q_into(curve.index, private, private, masks, n)
    except BaseException:
        active.generators.wipe(private)
        raise
    return private


def header_mac(profile: Profile, content_der: Readable) -> bytes:
    """MAC of header.key: under a key of zeros, so it finds damage, not malice."""
    return header_macs(profile, [content_der])[0]


def header_macs(profile: Profile, contents: Sequence[Readable]) -> list[bytes]:
    """`header_mac` of many; at once they cost less."""
    return active.ciphers.gost28147_macs(profile.sbox, _ZERO_KEY, contents)


def mask_mac(profile: Profile, mask: Readable, salt: Readable) -> bytes:
    """MAC of masks.key: the salt under the mask (its last 32 bytes)."""
    return mask_macs(profile, [mask], [salt])[0]


def mask_macs(
    profile: Profile, masks: Sequence[Readable], salts: Sequence[Readable]
) -> list[bytes]:
    """`mask_mac` of many; at once they cost less."""
    keys = b"".join([bytes(mask)[-KEY_SIZE:] for mask in masks])
    return active.ciphers.gost28147_macs(profile.sbox, keys, salts)


def password_mac(profile: Profile, password: str, fingerprint: Readable) -> bytes:
    """MAC that tells a right password: 16 zero bytes under K(password, fingerprint)."""
    key = storage_key(profile, password, fingerprint)
    try:
        return password_mac_by(profile, key)
    finally:
        active.generators.wipe(key)


def password_mac_by(profile: Profile, key: Readable) -> bytes:
    """Compute `password_mac` with K(password, fingerprint) at hand."""
    return password_macs_by(profile, key, 1)[0]


def password_macs_by(profile: Profile, keys: Readable, n: int) -> list[bytes]:
    """`password_mac_by` of n keys that are laid end to end."""
    return active.ciphers.gost28147_macs(profile.sbox, keys, [bytes(16)] * n)


def same(a: Readable, b: Readable) -> bool:
    """Compare without telling by time where they differ."""
    return compare_digest(a, b)
