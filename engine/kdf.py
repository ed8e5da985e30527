"""Message authentication and key derivation with GOST hashes.

All of it works on secrets: the native core takes the path whose memory
accesses do not depend on the data.

Sources: RFC 7836 (R 50.1.113-2016); RFC 8018 and RFC 9337 (R 50.1.111-2016);
for containers, the behaviour of CryptoPro CSP as seen in its files.
"""

from __future__ import annotations

from collections.abc import Sequence

from .backend import active
from .errors import LengthError, UnknownAlgorithm
from .primitives import HASHES, Readable

__all__ = [
    "container_key",
    "container_keys",
    "demand_container_password",
    "expand_password",
    "hmac",
    "hmac_many",
    "kdf_gostr3411_2012_256",
    "kdf_tree_gostr3411_2012_256",
    "pbkdf2",
    "pbkdf2_many",
    "tls_prf",
]

CONTAINER_HASHES = ("streebog256", "gostr3411_94")
"""Hash of container_key for keys of 2012 (both sizes) and of 2001."""

PASSWORD_LIMIT = 256
"""Characters that a container password may have."""


def hmac(name: str, key: Readable, data: Readable) -> bytes:
    """Compute HMAC (RFC 2104; with Streebog: RFC 7836 4.1).

    Args:
        name: hash, one of `gostkey.primitives.HASHES`.
        key: any length; a key longer than a block is hashed first.
        data: any length.

    Returns:
        32 or 64 bytes, a digest of that hash.
    """
    return active.hashes.hmac(name, key, data)


def hmac_many(
    name: str, keys: Sequence[Readable], data: Sequence[Readable]
) -> list[bytes]:
    """Compute HMAC of each key with its data: several at a time in the native core.

    Args:
        name: hash, one of `gostkey.primitives.HASHES`.
        keys: of any lengths.
        data: as many.

    Raises:
        LengthError: if there are more of one than of the other.
    """
    return active.hashes.hmac_many(name, keys, data)


def kdf_gostr3411_2012_256(key: Readable, label: Readable, seed: Readable) -> bytes:
    """Derive 32 bytes: KDF_GOSTR3411_2012_256 (RFC 7836 4.5)."""
    return kdf_tree_gostr3411_2012_256(key, label, seed, 1, 32)


def kdf_tree_gostr3411_2012_256(
    key: Readable, label: Readable, seed: Readable, R: int, length: int
) -> bytes:
    """Derive *length* bytes: KDF_TREE_GOSTR3411_2012_256 (RFC 7836 4.4).

    Args:
        key: secret key, usually 32 bytes.
        label: purpose of the result.
        seed: what makes this derivation different from others.
        R: bytes of the counter, 1 to 4.
        length: bytes wanted; the bit length enters the computation, so that
            a shorter result is not the beginning of a longer one.

    Raises:
        LengthError: if R is not 1 to 4 or the counter is too short for length.
    """
    if not 1 <= R <= 4:
        raise LengthError(f"R: {R} bytes; the counter has 1 to 4")
    blocks = -(-length // 32)
    if length < 1 or blocks >= 1 << 8 * R:
        raise LengthError(
            f"length: {length} bytes; a counter of {R} bytes gives 1 to "
            f"{32 * ((1 << 8 * R) - 1)}"
        )
    bits = 8 * length
    # [L]_b: big-endian without leading zero bytes.
    tail = bytes(label) + b"\0" + bytes(seed)
    tail += bits.to_bytes((bits.bit_length() + 7) // 8, "big")
    out = b"".join(
        hmac("streebog256", key, number.to_bytes(R, "big") + tail)
        for number in range(1, blocks + 1)
    )
    return out[:length]


def tls_prf(
    bits: int, secret: Readable, label: Readable, seed: Readable, length: int
) -> bytes:
    """Derive *length* bytes: PRF_TLS_GOSTR3411_2012_256/512 (RFC 7836 4.2).

    Raises:
        UnknownAlgorithm: if *bits* is neither 256 nor 512.
        LengthError: if *length* is negative.
    """
    if bits not in (256, 512):
        raise UnknownAlgorithm(f"the TLS PRF has 256 or 512 bits, not {bits}")
    if length < 0:
        raise LengthError(f"length: {length} bytes; it cannot be negative")
    name = f"streebog{bits}"
    start = bytes(label) + bytes(seed)
    chain = start
    out = b""
    while len(out) < length:
        chain = hmac(name, secret, chain)
        out += hmac(name, secret, chain + start)
    return out[:length]


def pbkdf2(
    password: str | Readable,
    salt: Readable,
    iterations: int,
    length: int,
    hash_name: str = "streebog512",
) -> bytes:
    """Derive a key from a password: PBKDF2 (RFC 8018 5.2) with HMAC (RFC 9337).

    Args:
        password: text is taken as UTF-8, as RFC 9337 asks.
        salt: 8 to 32 bytes are usual.
        iterations: at least 1; 1000 to 2000 are usual in files met.
        length: bytes wanted.
        hash_name: one of `gostkey.primitives.HASHES`.

    Raises:
        LengthError: if *iterations* or *length* is below 1.
    """
    octets = password.encode() if isinstance(password, str) else password
    return active.hashes.pbkdf2(hash_name, octets, salt, iterations, length)


def pbkdf2_many(
    passwords: Sequence[str | Readable],
    salts: Sequence[Readable],
    iterations: int,
    length: int,
    hash_name: str = "streebog512",
) -> list[bytes]:
    """Derive a key from each password with its salt, as `pbkdf2` does.

    Several at a time in the native core, with other threads running meanwhile.

    Raises:
        LengthError: if *iterations* or *length* is below 1, or if there are more
            passwords than salts or the other way round.
    """
    octets = [
        password.encode() if isinstance(password, str) else password
        for password in passwords
    ]
    return active.hashes.pbkdf2_many(hash_name, octets, salts, iterations, length)


def expand_password(password: str) -> bytearray:
    """Write a container password with four bytes for each character.

    A character is its UTF-16 unit, little-endian, and two zero bytes.  (For
    ASCII this was seen in many files; for other letters it follows one
    implementation and no file was at hand to check it.)  The caller wipes it.

    Raises:
        LengthError: if there are more than 256 characters.
    """
    units = bytearray(password.encode("utf-16-le", "surrogatepass"))
    if len(units) > 2 * PASSWORD_LIMIT:
        active.generators.wipe(units)
        raise LengthError(
            f"password: {len(units) // 2} characters; at most {PASSWORD_LIMIT} "
            "can be used for a container"
        )
    octets = bytearray(2 * len(units))
    octets[0::4] = units[0::2]
    octets[1::4] = units[1::2]
    active.generators.wipe(units)
    return octets


def demand_container_password(password: str) -> None:
    """Do nothing, if a container's keys can be derived from a password.

    Raises:
        LengthError: if there are more than 256 characters.
    """
    active.generators.wipe(expand_password(password))


def container_key(password: str, salt: Readable, hash_name: str) -> bytes:
    """Derive the storage key of a CryptoPro container (CPKDF).

    Args:
        password: empty for a container without one (then 2 rounds, not 2000).
        salt: 12 bytes of the masks file; 8 bytes of the fingerprint for the
            password's own check.
        hash_name: "streebog256" for keys of 2012, of 256 and of 512 bits;
            "gostr3411_94" for keys of 2001.

    Returns:
        32 bytes, a key for GOST 28147-89.

    Raises:
        UnknownAlgorithm: if the hash is another one.
        LengthError: if the password has more than 256 characters.
    """
    _demand_container_hash(hash_name)
    octets = expand_password(password)
    try:
        return active.hashes.container_key(hash_name, octets, salt)
    finally:
        active.generators.wipe(octets)


def container_keys(
    passwords: Sequence[str], salts: Sequence[Readable], hash_name: str
) -> list[bytes]:
    """Derive the storage key of many containers, as `container_key` does.

    Several at a time in the native core, with other threads running meanwhile: for
    containers of 2001 ten times as fast as one after the other and more, and for
    those of 2012 in groups of 256 or multiples of it up to five times.

    Args:
        passwords: one for each container.
        salts: as many.
        hash_name: as for `container_key`, one for all.

    Raises:
        UnknownAlgorithm: if the hash is another one.
        LengthError: if a password has more than 256 characters, or there are more
            passwords than salts or the other way round.
    """
    _demand_container_hash(hash_name)
    # Most containers have none, and those of one medium often the same.
    octets: dict[str, bytearray] = {}
    try:
        for password in passwords:
            if password not in octets:
                octets[password] = expand_password(password)
        words = [octets[password] for password in passwords]
        return active.hashes.container_keys(hash_name, words, salts)
    finally:
        for word in octets.values():
            active.generators.wipe(word)


def _demand_container_hash(hash_name: str) -> None:
    if hash_name not in CONTAINER_HASHES:
        known = [name for name in HASHES if name in CONTAINER_HASHES]
        raise UnknownAlgorithm(
            f"hash {hash_name!r} does not serve containers; use {' or '.join(known)}"
        )
