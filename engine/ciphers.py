"""Encryption, MAC and key wrap with the GOST ciphers.

Thin functions over the backend: an S-box is named as in
`gostkey.primitives.SBOXES` or by its OID, meshing is on unless switched off.
The key wraps refuse a key whose MAC does not match.

Sources: RFC 4357 6 (28147-89 and CryptoPro key wrap); R 1323565.1.017-2018,
RFC 9189 8.2.1 (KExp15 and KImp15).
"""

from __future__ import annotations

import hmac
from struct import Struct

from .backend import active
from .cipher_checks import BLOCK_SIZES, block_size, exact
from .errors import IntegrityError, LengthError, UnknownAlgorithm
from .primitives import SBOXES, Readable

__all__ = [
    "BLOCK_SIZES",
    "SBOX_OIDS",
    "cryptopro_unwrap",
    "cryptopro_wrap",
    "diversify",
    "gost28147_cfb_decrypt",
    "gost28147_cfb_encrypt",
    "gost28147_cnt",
    "gost28147_ecb_decrypt",
    "gost28147_ecb_encrypt",
    "gost28147_mac",
    "gost_unwrap",
    "gost_wrap",
    "kexp15",
    "kimp15",
    "sbox_name",
    "sbox_oid",
]

SBOX_OIDS = {
    "z": "1.2.643.7.1.2.5.1.1",
    "test": "1.2.643.2.2.31.0",
    "a": "1.2.643.2.2.31.1",
    "b": "1.2.643.2.2.31.2",
    "c": "1.2.643.2.2.31.3",
    "d": "1.2.643.2.2.31.4",
}
"""OID of each S-box of SBOXES (RFC 4357 11.2; RFC 7836 C)."""

_SBOX_NAMES = {oid: name for name, oid in SBOX_OIDS.items()}

_WRAP_KEY, _WRAP_MAC = 32, 4
_WORDS = Struct("<8I")
_SUMS = Struct("<2I")


def sbox_name(name_or_oid: str) -> str:
    """Return the name in SBOXES of an S-box given by name or OID.

    Raises:
        UnknownAlgorithm: if it is neither.
    """
    name = _SBOX_NAMES.get(name_or_oid, name_or_oid)
    if name not in SBOXES:
        raise UnknownAlgorithm(
            f"S-box {name_or_oid!r} is unknown; use one of {', '.join(SBOXES)} "
            "or its OID"
        )
    return name


def sbox_oid(name_or_oid: str) -> str:
    """Return the OID of an S-box given by name or OID."""
    return SBOX_OIDS[sbox_name(name_or_oid)]


def gost28147_ecb_encrypt(sbox: str, key: Readable, data: Readable) -> bytes:
    """Encrypt whole 8-byte blocks, each by itself; for keys only."""
    return active.ciphers.gost28147_ecb_encrypt(sbox_name(sbox), key, data)


def gost28147_ecb_decrypt(sbox: str, key: Readable, data: Readable) -> bytes:
    """Decrypt whole 8-byte blocks, each by itself."""
    return active.ciphers.gost28147_ecb_decrypt(sbox_name(sbox), key, data)


def gost28147_cfb_encrypt(
    sbox: str, key: Readable, iv: Readable, data: Readable, *, meshing: bool = True
) -> bytes:
    """Encrypt any number of bytes in gamma feedback mode; *iv* is 8 bytes."""
    return active.ciphers.gost28147_cfb_encrypt(sbox_name(sbox), key, iv, data, meshing)


def gost28147_cfb_decrypt(
    sbox: str, key: Readable, iv: Readable, data: Readable, *, meshing: bool = True
) -> bytes:
    """Decrypt any number of bytes in gamma feedback mode; *iv* is 8 bytes."""
    return active.ciphers.gost28147_cfb_decrypt(sbox_name(sbox), key, iv, data, meshing)


def gost28147_cnt(
    sbox: str, key: Readable, iv: Readable, data: Readable, *, meshing: bool = True
) -> bytes:
    """Encrypt or decrypt any number of bytes in gamma mode; *iv* is 8 bytes."""
    return active.ciphers.gost28147_cnt(sbox_name(sbox), key, iv, data, meshing)


def gost28147_mac(
    sbox: str,
    key: Readable,
    data: Readable,
    *,
    iv: Readable = bytes(8),
    meshing: bool = False,
) -> bytes:
    """Return the 4-byte MAC of *data*; *iv* is the state to start from."""
    return active.ciphers.gost28147_mac(sbox_name(sbox), key, iv, data, meshing)


def diversify(sbox: str, kek: Readable, ukm: Readable) -> bytes:
    """Derive a 32-byte key from *kek* and 8 bytes of *ukm* (RFC 4357 6.5)."""
    exact("key encryption key", kek, _WRAP_KEY)
    exact("UKM", ukm, 8)
    name = sbox_name(sbox)
    key = bytes(kek)
    for byte in bytes(ukm):
        # The UKM is public, so it may choose which words go into which sum.
        words = _WORDS.unpack(key)
        chosen = sum(word for bit, word in enumerate(words) if byte >> bit & 1)
        others = sum(words) - chosen
        iv = _SUMS.pack(chosen & 0xFFFFFFFF, others & 0xFFFFFFFF)
        key = active.ciphers.gost28147_cfb_encrypt(name, key, iv, key, False)
    return key


def gost_wrap(sbox: str, kek: Readable, ukm: Readable, cek: Readable) -> bytes:
    """Wrap a key with GOST 28147-89 (RFC 4357 6.1).

    Args:
        sbox: S-box by name or OID.
        kek: 32 bytes, the key encryption key; it must serve one *ukm* only.
        ukm: 8 bytes.
        cek: key to be wrapped, whole 8-byte blocks, usually 32 bytes.

    Returns:
        The encrypted key, as long as *cek*, then 4 bytes of MAC.
    """
    exact("UKM", ukm, 8)
    if len(cek) == 0:
        raise LengthError("key to wrap has 0 bytes; it must have at least 8")
    name = sbox_name(sbox)
    encrypted = active.ciphers.gost28147_ecb_encrypt(name, kek, cek)
    return encrypted + active.ciphers.gost28147_mac(name, kek, ukm, cek, False)


def gost_unwrap(sbox: str, kek: Readable, ukm: Readable, wrapped: Readable) -> bytes:
    """Unwrap what `gost_wrap` gave (RFC 4357 6.2).

    Raises:
        IntegrityError: if the MAC does not match.
        LengthError: if a length cannot be right.
    """
    exact("UKM", ukm, 8)
    if len(wrapped) < 8 + _WRAP_MAC:
        raise LengthError(
            f"wrapped key has {len(wrapped)} bytes; it must have whole blocks "
            f"of 8 and {_WRAP_MAC} of MAC"
        )
    name = sbox_name(sbox)
    encrypted, mac = wrapped[:-_WRAP_MAC], wrapped[-_WRAP_MAC:]
    cek = active.ciphers.gost28147_ecb_decrypt(name, kek, encrypted)
    expected = active.ciphers.gost28147_mac(name, kek, ukm, cek, False)
    _compare("wrapped key", expected, mac)
    return cek


def cryptopro_wrap(sbox: str, kek: Readable, ukm: Readable, cek: Readable) -> bytes:
    """Wrap a key with a diversified KEK (RFC 4357 6.3); see `gost_wrap`."""
    return gost_wrap(sbox, diversify(sbox, kek, ukm), ukm, cek)


def cryptopro_unwrap(
    sbox: str, kek: Readable, ukm: Readable, wrapped: Readable
) -> bytes:
    """Unwrap what `cryptopro_wrap` gave (RFC 4357 6.4); see `gost_unwrap`."""
    return gost_unwrap(sbox, diversify(sbox, kek, ukm), ukm, wrapped)


def kexp15(
    cipher: str, mac_key: Readable, cipher_key: Readable, iv: Readable, secret: Readable
) -> bytes:
    """Wrap a key with KExp15: CTR over the key and its OMAC.

    Args:
        cipher: "magma" or "kuznyechik".
        mac_key: 32 bytes.
        cipher_key: 32 bytes, independent of *mac_key*.
        iv: half a block, used once with this pair of keys.
        secret: key to be wrapped, any length.

    Returns:
        The encrypted key and one block of encrypted MAC.
    """
    size = block_size(cipher)
    exact("initial value", iv, size // 2)
    mac = active.ciphers.omac(cipher, mac_key, bytes(iv) + bytes(secret), size)
    return active.ciphers.ctr_acpkm(cipher, cipher_key, iv, bytes(secret) + mac, 0)


def kimp15(
    cipher: str,
    mac_key: Readable,
    cipher_key: Readable,
    iv: Readable,
    wrapped: Readable,
) -> bytes:
    """Unwrap what `kexp15` gave.

    Raises:
        IntegrityError: if the MAC does not match.
        LengthError: if a length cannot be right.
    """
    size = block_size(cipher)
    exact("initial value", iv, size // 2)
    if len(wrapped) < size:
        raise LengthError(
            f"wrapped key has {len(wrapped)} bytes; it must have more than the "
            f"{size} of its MAC"
        )
    plain = active.ciphers.ctr_acpkm(cipher, cipher_key, iv, wrapped, 0)
    secret, mac = plain[:-size], plain[-size:]
    expected = active.ciphers.omac(cipher, mac_key, bytes(iv) + secret, size)
    _compare("wrapped key", expected, mac)
    return secret


def _compare(what: str, expected: bytes, mac: Readable) -> None:
    if not hmac.compare_digest(expected, bytes(mac)):
        raise IntegrityError(
            f"{what}: its MAC does not match; it was changed or the key is another one"
        )
