"""PBES2 with the GOST algorithms: a password over a private key.

The key comes from PBKDF2 with an HMAC of ours.  For a CTR-ACPKM cipher, the
first half block of the UKM is the initial value; with OMAC two keys are derived
from the other eight octets, and the MAC of the text is encrypted behind it.

Sources: RFC 8018 6.2 and A (PBES2), RFC 9337 (the GOST algorithms in it), RFC
4357 8.1 (parameters of GOST 28147-89).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from gostkey import ciphers, kdf, random
from gostkey.backend import active
from gostkey.errors import (
    EncodingError,
    LengthError,
    PasswordRequired,
    UnknownAlgorithm,
    WrongPassword,
)

from .algorithms import KeyIdentifier, tlv
from .der import decode, encode

__all__ = [
    "CIPHERS",
    "DEFAULT_CIPHER",
    "ITERATIONS",
    "decrypt_pbes2",
    "encrypt_pbes2",
    "is_encrypted",
]

ITERATIONS = 2000
"""Iterations of PBKDF2 that are written; those of the RFC 9548 examples."""

_LEAST_ITERATIONS = 1000
"""No fewer are written (RFC 8018 4.2); a reader takes any number from 1."""

_MOST_ITERATIONS = 10_000_000
_MOST_SALT = 1024
_SALT_SIZE = 32
_KEY_SIZE = 32
_GOST28147_IV = 8

_PBES2 = ObjectIdentifier("1.2.840.113549.1.5.13")
_PBKDF2 = ObjectIdentifier("1.2.840.113549.1.5.12")
_GOST28147 = "1.2.643.2.2.21"

_HASHES = {
    "1.2.643.7.1.1.4.2": "streebog512",
    "1.2.643.7.1.1.4.1": "streebog256",
    "1.2.643.2.2.10": "gostr3411_94",
}
"""Hash of the HMAC that PBKDF2 uses; the first one is written (RFC 9337 4)."""

_PRF = next(iter(_HASHES))


@dataclass(frozen=True)
class _CtrAcpkm:
    """A cipher in CTR-ACPKM mode (RFC 9337 7.3)."""

    cipher: str
    section: int
    """Bytes after which the key is meshed."""
    with_mac: bool

    @property
    def iv_size(self) -> int:
        return ciphers.BLOCK_SIZES[self.cipher] // 2

    @property
    def ukm_size(self) -> int:
        return self.iv_size + 8


_CTR_ACPKM = {
    "1.2.643.7.1.1.5.1.1": _CtrAcpkm("magma", 8 << 10, False),
    "1.2.643.7.1.1.5.1.2": _CtrAcpkm("magma", 8 << 10, True),
    "1.2.643.7.1.1.5.2.1": _CtrAcpkm("kuznyechik", 256 << 10, False),
    "1.2.643.7.1.1.5.2.2": _CtrAcpkm("kuznyechik", 256 << 10, True),
}

CIPHERS = {
    "kuznyechik-ctr-acpkm-omac": "1.2.643.7.1.1.5.2.2",
    "kuznyechik-ctr-acpkm": "1.2.643.7.1.1.5.2.1",
    "magma-ctr-acpkm-omac": "1.2.643.7.1.1.5.1.2",
    "magma-ctr-acpkm": "1.2.643.7.1.1.5.1.1",
    "gost89": _GOST28147,
}
"""OID of each cipher that can be asked for; without "omac" a wrong password
and a changed file are noticed only if what comes out is no key."""

DEFAULT_CIPHER = "kuznyechik-ctr-acpkm-omac"


@asn1.sequence
class _EncryptedKey:
    algorithm: KeyIdentifier
    data: bytes


@asn1.sequence
class _Pbes2:
    derivation: KeyIdentifier
    cipher: KeyIdentifier


@asn1.sequence
class _Prf:
    algorithm: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Pbkdf2:
    salt: bytes
    iterations: int
    key_length: int | None
    prf: _Prf


@asn1.sequence
class _Gost28147Parameters:
    iv: bytes
    sbox: ObjectIdentifier


@asn1.sequence
class _AcpkmParameters:
    ukm: bytes


def is_encrypted(der: bytes) -> bool:
    """Say whether *der* has the form of an EncryptedPrivateKeyInfo."""
    try:
        decode(_EncryptedKey, der, "encrypted key")
    except EncodingError:
        return False
    return True


def encrypt_pbes2(
    plain: bytes,
    password: str | bytes,
    *,
    cipher: str = DEFAULT_CIPHER,
    iterations: int = ITERATIONS,
) -> bytes:
    """Encrypt a PrivateKeyInfo, giving an EncryptedPrivateKeyInfo.

    Args:
        plain: DER of the PrivateKeyInfo.
        password: text is taken as UTF-8; not empty.
        cipher: one of `CIPHERS`.
        iterations: of PBKDF2 with HMAC-Streebog-512, 1000 or more.

    Raises:
        UnknownAlgorithm: if the cipher is unknown.
        LengthError: if the password is empty or the iterations are out of range.
    """
    oid = CIPHERS.get(cipher)
    if oid is None:
        raise UnknownAlgorithm(
            f"cipher {cipher!r} is unknown; use one of {', '.join(CIPHERS)}"
        )
    if not password:
        raise LengthError("password is empty; give None to leave the key open")
    if not _LEAST_ITERATIONS <= iterations <= _MOST_ITERATIONS:
        raise LengthError(
            f"iterations of PBKDF2: {iterations}; it should be {_LEAST_ITERATIONS} to "
            f"{_MOST_ITERATIONS}"
        )
    salt = random.token(_SALT_SIZE)
    key = kdf.pbkdf2(password, salt, iterations, _KEY_SIZE, _HASHES[_PRF])
    if oid == _GOST28147:
        iv = random.token(_GOST28147_IV)
        data = ciphers.gost28147_cfb_encrypt("z", key, iv, plain)
        parameters = encode(
            _Gost28147Parameters(iv=iv, sbox=ObjectIdentifier(ciphers.SBOX_OIDS["z"]))
        )
    else:
        mode = _CTR_ACPKM[oid]
        ukm = random.token(mode.ukm_size)
        data = _seal(mode, key, ukm, plain)
        parameters = encode(_AcpkmParameters(ukm=ukm))
    derivation = _Pbkdf2(
        salt=salt,
        iterations=iterations,
        key_length=None,
        prf=_Prf(algorithm=ObjectIdentifier(_PRF), parameters=asn1.Null()),
    )
    scheme = _Pbes2(
        derivation=_identifier(_PBKDF2, encode(derivation)),
        cipher=_identifier(ObjectIdentifier(oid), parameters),
    )
    return encode(
        _EncryptedKey(algorithm=_identifier(_PBES2, encode(scheme)), data=data)
    )


def decrypt_pbes2(der: bytes, password: str | bytes | None) -> bytes:
    """Decrypt an EncryptedPrivateKeyInfo.

    Args:
        der: the structure (also the content of a PKCS#12 shrouded key bag).
        password: text is taken as UTF-8.

    Returns:
        What should be the DER of a PrivateKeyInfo.  A cipher without MAC gives
        rubbish for a wrong password, so check it.

    Raises:
        EncodingError: if it is no such structure, or a length in it is wrong.
        UnknownAlgorithm: if an algorithm in it is none of ours.
        PasswordRequired: if *password* is None.
        WrongPassword: if the MAC does not match.
    """
    found = decode(_EncryptedKey, der, "encrypted key")
    if found.algorithm.algorithm != _PBES2:
        raise UnknownAlgorithm(
            f"encrypted key: scheme {found.algorithm.algorithm.dotted_string} is not "
            f"PBES2 ({_PBES2.dotted_string})"
        )
    scheme = decode(_Pbes2, tlv(found.algorithm.parameters), "PBES2 parameters")
    derivation = _check_derivation(scheme.derivation)
    oid = scheme.cipher.algorithm.dotted_string
    parameters = tlv(scheme.cipher.parameters)
    if oid == _GOST28147:
        iv, sbox = _check_gost28147(parameters)
    elif oid in _CTR_ACPKM:
        ukm = _check_ukm(_CTR_ACPKM[oid], parameters)
    else:
        raise UnknownAlgorithm(
            f"encrypted key: cipher {oid} is unknown; known are "
            f"{', '.join(CIPHERS.values())}"
        )
    if password is None:
        raise PasswordRequired("encrypted key: it has a password and none was given")
    key = kdf.pbkdf2(
        password,
        derivation.salt,
        derivation.iterations,
        _KEY_SIZE,
        _HASHES[derivation.prf.algorithm.dotted_string],
    )
    if oid == _GOST28147:
        return ciphers.gost28147_cfb_decrypt(sbox, key, iv, found.data)
    return _open(_CTR_ACPKM[oid], key, ukm, found.data)


def _check_derivation(identifier: KeyIdentifier) -> _Pbkdf2:
    if identifier.algorithm != _PBKDF2:
        raise UnknownAlgorithm(
            f"PBES2: key derivation {identifier.algorithm.dotted_string} is not "
            f"PBKDF2 ({_PBKDF2.dotted_string})"
        )
    found = decode(_Pbkdf2, tlv(identifier.parameters), "PBKDF2 parameters")
    if not 1 <= found.iterations <= _MOST_ITERATIONS:
        raise EncodingError(
            f"PBKDF2: {found.iterations} iterations; it should be 1 to "
            f"{_MOST_ITERATIONS}"
        )
    if len(found.salt) > _MOST_SALT:
        raise EncodingError(
            f"PBKDF2: salt has {len(found.salt)} bytes; at most {_MOST_SALT}"
        )
    if found.key_length not in (None, _KEY_SIZE):
        raise EncodingError(
            f"PBKDF2: key length is {found.key_length}; it should be {_KEY_SIZE}"
        )
    prf = found.prf.algorithm.dotted_string
    if prf not in _HASHES:
        raise UnknownAlgorithm(
            f"PBKDF2: function {prf} is unknown; known are {', '.join(_HASHES)}"
        )
    return found


def _check_gost28147(parameters: bytes) -> tuple[bytes, str]:
    found = decode(_Gost28147Parameters, parameters, "GOST 28147-89 parameters")
    if len(found.iv) != _GOST28147_IV:
        raise EncodingError(
            f"GOST 28147-89: initial value has {len(found.iv)} bytes; it should "
            f"have {_GOST28147_IV}"
        )
    return found.iv, ciphers.sbox_name(found.sbox.dotted_string)


def _check_ukm(mode: _CtrAcpkm, parameters: bytes) -> bytes:
    ukm = decode(_AcpkmParameters, parameters, "CTR-ACPKM parameters").ukm
    if len(ukm) != mode.ukm_size:
        raise EncodingError(
            f"{mode.cipher}: UKM has {len(ukm)} bytes; it should have {mode.ukm_size}"
        )
    return ukm


def _seal(mode: _CtrAcpkm, key: bytes, ukm: bytes, plain: bytes) -> bytes:
    iv = ukm[: mode.iv_size]
    if mode.with_mac:
        key, mac_key = _cipher_and_mac_key(key, ukm)
        plain += _mac(mode, mac_key, plain)
    return active.ciphers.ctr_acpkm(mode.cipher, key, iv, plain, mode.section)


def _open(mode: _CtrAcpkm, key: bytes, ukm: bytes, data: bytes) -> bytes:
    iv = ukm[: mode.iv_size]
    if not mode.with_mac:
        return active.ciphers.ctr_acpkm(mode.cipher, key, iv, data, mode.section)
    key, mac_key = _cipher_and_mac_key(key, ukm)
    plain = active.ciphers.ctr_acpkm(mode.cipher, key, iv, data, mode.section)
    size = ciphers.BLOCK_SIZES[mode.cipher]
    if len(plain) < size:
        raise EncodingError(
            f"encrypted key: {len(plain)} bytes are too few; a MAC alone has {size}"
        )
    plain, mac = plain[:-size], plain[-size:]
    if not hmac.compare_digest(_mac(mode, mac_key, plain), mac):
        raise WrongPassword(
            "encrypted key: the password does not open it, or it was changed"
        )
    return plain


def _mac(mode: _CtrAcpkm, key: bytes, plain: bytes) -> bytes:
    size = ciphers.BLOCK_SIZES[mode.cipher]
    return active.ciphers.omac(mode.cipher, key, plain, size)


def _cipher_and_mac_key(key: bytes, ukm: bytes) -> tuple[bytes, bytes]:
    both = kdf.kdf_tree_gostr3411_2012_256(key, b"kdf tree", ukm[-8:], 1, 2 * _KEY_SIZE)
    return both[:_KEY_SIZE], both[_KEY_SIZE:]


def _identifier(oid: ObjectIdentifier, parameters: bytes) -> KeyIdentifier:
    return KeyIdentifier(
        algorithm=oid, parameters=decode(asn1.TLV, parameters, "parameters")
    )
