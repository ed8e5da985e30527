"""How a password protects a PFX: its MAC, and the encryption of its parts.

A PFX of the general kind takes the password as BMPString with two zero octets
behind it and derives every key with the function of PKCS #12; a Russian one
takes it as UTF-8 and derives with PBKDF2 and Streebog.  An empty password was
met as the two zero octets (Windows) and as no octets at all (Linux).

Sources: RFC 7292 4 and B; RFC 8018 6.2; RFC 9548 (MAC with Streebog).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from gostkey import kdf, random
from gostkey.errors import (
    EncodingError,
    PasswordRequired,
    UnknownAlgorithm,
    WrongPassword,
)
from gostkey.keyforms import decrypt_pbes2
from gostkey.keyforms.der import decode, encode

from . import pfx_schemas as schemas

ITERATIONS = 2000
"""Iterations that are written; those of all real files met."""

MOST_ITERATIONS = 1_000_000
"""More are refused: the number stands in a file that nothing has vouched for."""

_MOST_SALT = 1024
_MAC_SALT = 20
_MAC_SALT_GOST = 32

STREEBOG_512 = "1.2.643.7.1.1.2.3"
SHA_1 = "1.3.14.3.2.26"

_SHA = {
    SHA_1: "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_GOST = {
    STREEBOG_512: "streebog512",
    # Not in RFC 9548; OpenSSL writes them when asked to.
    "1.2.643.7.1.1.2.2": "streebog256",
    "1.2.643.2.2.9": "gostr3411_94",
}
_SHA_HMACS = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
}
_AES_CBC = {
    "2.16.840.1.101.3.4.1.2": 16,
    "2.16.840.1.101.3.4.1.22": 24,
    "2.16.840.1.101.3.4.1.42": 32,
}

NULL = b"\x05\x00"

_PBES2 = "1.2.840.113549.1.5.13"
_PBKDF2 = "1.2.840.113549.1.5.12"
_TRIPLE_DES = "1.2.840.113549.1.12.1.3"

_ID_KEY, _ID_IV, _ID_MAC = 1, 2, 3


@dataclass(frozen=True)
class Password:
    """A password, in the octets that each scheme takes."""

    text: str
    terminated: bool = True
    """Whether BMPString has two zero octets behind it, as it should have."""

    @property
    def bmp(self) -> bytes:
        """BMPString, for PKCS #12; two units for a character beyond it."""
        return self.text.encode("utf-16-be") + (b"\0\0" if self.terminated else b"")


def checked_password(text: str) -> str:
    """Return a password that is text.

    Raises:
        EncodingError: if octets that are no text are in it.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise EncodingError("password: it is not text; type it in UTF-8") from None
    return text


def check_mac(mac: schemas.MacData, content: bytes, text: str | None) -> Password:
    """Find the password whose MAC a PFX has.

    Args:
        mac: of the PFX.
        content: what the MAC covers.
        text: the password; None to try the empty one.

    Raises:
        EncodingError: if a number in *mac* cannot be.
        UnknownAlgorithm: if the MAC is of an unknown kind.
        PasswordRequired: if *text* is None and the password is not empty.
        WrongPassword: if it is another one.
    """
    oid = schemas.oid_of(mac.mac.algorithm)
    check_derivation("PFX: MAC", mac.salt, mac.iterations)
    password = Password(checked_password(text or ""))
    tried = [password]
    if not password.text and oid in _SHA:
        tried.append(Password("", terminated=False))
    for one in tried:
        if hmac.compare_digest(_mac(oid, one, mac, content), mac.mac.digest):
            return one
    if text is None:
        raise PasswordRequired("PFX: it has a password and none was given")
    raise WrongPassword("PFX: the password does not open it, or it was changed")


def _mac(oid: str, password: Password, mac: schemas.MacData, content: bytes) -> bytes:
    if oid in _GOST:
        name = _GOST[oid]
        keys = kdf.pbkdf2(password.text, mac.salt, mac.iterations, 96, name)
        return kdf.hmac(name, keys[-32:], content)
    if oid not in _SHA:
        raise UnknownAlgorithm(
            f"PFX: MAC with {oid} is unknown; known are {', '.join([*_SHA, *_GOST])}"
        )
    name = _SHA[oid]
    size = hashlib.new(name).digest_size
    key = pkcs12_key(name, password.bmp, mac.salt, mac.iterations, _ID_MAC, size)
    return hmac.digest(key, content, name)


def make_mac(oid: str, content: bytes, text: str) -> schemas.MacData:
    """Make the MAC of a new PFX: SHA_1 or STREEBOG_512."""
    salt = random.token(_MAC_SALT if oid in _SHA else _MAC_SALT_GOST)
    # Without NULL, as in files of CryptoPro and in the examples of RFC 9548.
    algorithm = schemas.make_algorithm(oid, None)
    empty = schemas.MacData(
        mac=schemas.DigestInfo(algorithm=algorithm, digest=b""),
        salt=salt,
        iterations=ITERATIONS,
    )
    digest = _mac(oid, Password(text), empty, content)
    return schemas.MacData(
        mac=schemas.DigestInfo(algorithm=algorithm, digest=digest),
        salt=salt,
        iterations=ITERATIONS,
    )


def check_derivation(what: str, salt: bytes, iterations: int) -> None:
    """Refuse numbers of a key derivation that are only there to do harm.

    Raises:
        EncodingError: naming *what*.
    """
    if not 1 <= iterations <= MOST_ITERATIONS:
        raise EncodingError(
            f"{what}: {iterations} iterations; it should be 1 to {MOST_ITERATIONS}"
        )
    if len(salt) > _MOST_SALT:
        raise EncodingError(f"{what}: salt has {len(salt)} bytes; at most {_MOST_SALT}")


def pkcs12_key(
    hash_name: str, password: bytes, salt: bytes, iterations: int, use: int, length: int
) -> bytes:
    """Derive a key: RFC 7292 B.2.

    Args:
        hash_name: of hashlib.
        password: its octets, as BMPString.
        salt: any length.
        iterations: at least 1.
        use: 1 for a key, 2 for an initial value, 3 for a MAC key.
        length: bytes wanted.
    """
    state = hashlib.new(hash_name)
    block = state.block_size
    data = _filled(salt, block) + _filled(password, block)
    key = b""
    while len(key) < length:
        digest = hashlib.new(hash_name, bytes([use]) * block + data).digest()
        for _ in range(iterations - 1):
            digest = hashlib.new(hash_name, digest).digest()
        key += digest
        step = int.from_bytes(_filled(digest, block)[:block], "big") + 1
        data = b"".join(
            (
                (int.from_bytes(data[i : i + block], "big") + step) % (1 << 8 * block)
            ).to_bytes(block, "big")
            for i in range(0, len(data), block)
        )
    return key[:length]


def _filled(octets: bytes, block: int) -> bytes:
    """Repeat octets up to whole blocks; none stay none."""
    size = -(-len(octets) // block) * block
    return (octets * (size // len(octets) + 1))[:size] if octets else b""


def decrypt(
    algorithm: schemas.AlgorithmIdentifier, data: bytes, password: Password
) -> bytes:
    """Decrypt a part of a PFX: PBES2 (GOST or AES), or 3DES of PKCS #12.

    Raises:
        UnknownAlgorithm: if it is encrypted in another way.
        WrongPassword: if what comes out is not padded, or its MAC is wrong.
        EncodingError: if a length or number is wrong.
    """
    oid = schemas.oid_of(algorithm)
    if oid == _TRIPLE_DES:
        return _decrypt_triple_des(algorithm, data, password)
    if oid != _PBES2:
        raise UnknownAlgorithm(
            f"PFX: encryption {oid} is unknown; known are PBES2 ({_PBES2}) and 3DES "
            f"({_TRIPLE_DES})"
        )
    scheme = decode(schemas.Pbes2, schemas.parameters_of(algorithm), "PBES2 parameters")
    if schemas.oid_of(scheme.cipher) in _AES_CBC:
        return _decrypt_aes(scheme, data, password)
    derivation = scheme.derivation
    if schemas.oid_of(derivation) == _PBKDF2:
        _pbkdf2(derivation)
    return decrypt_pbes2(
        encode(schemas.EncryptedKey(algorithm=algorithm, data=data)), password.text
    )


def _pbkdf2(derivation: schemas.AlgorithmIdentifier) -> schemas.Pbkdf2:
    parameters = schemas.parameters_of(derivation)
    found = decode(schemas.Pbkdf2, parameters, "PBKDF2 parameters")
    check_derivation("PFX: PBKDF2", found.salt, found.iterations)
    return found


def _decrypt_aes(scheme: schemas.Pbes2, data: bytes, password: Password) -> bytes:
    oid = schemas.oid_of(scheme.derivation)
    if oid != _PBKDF2:
        raise UnknownAlgorithm(f"PBES2: key derivation {oid} is not PBKDF2 ({_PBKDF2})")
    found = _pbkdf2(scheme.derivation)
    prf = "1.2.840.113549.2.7" if not found.prf else schemas.oid_of(found.prf)
    if prf not in _SHA_HMACS:
        raise UnknownAlgorithm(
            f"PBKDF2: function {prf} is unknown here; known are {', '.join(_SHA_HMACS)}"
        )
    size = _AES_CBC[schemas.oid_of(scheme.cipher)]
    if found.key_length not in (None, size):
        raise EncodingError(
            f"PBKDF2: key length is {found.key_length}; it should be {size}"
        )
    iv = decode(bytes, schemas.parameters_of(scheme.cipher), "AES initial value")
    if len(iv) != 16:
        raise EncodingError(f"AES: initial value has {len(iv)} bytes; it should be 16")
    key = hashlib.pbkdf2_hmac(
        _SHA_HMACS[prf], password.text.encode(), found.salt, found.iterations, size
    )
    return _unpad(Cipher(AES(key), CBC(iv)).decryptor(), data, 16)


def _decrypt_triple_des(
    algorithm: schemas.AlgorithmIdentifier, data: bytes, password: Password
) -> bytes:
    found = decode(
        schemas.SaltAndIterations,
        schemas.parameters_of(algorithm),
        "PFX: 3DES parameters",
    )
    check_derivation("PFX: 3DES", found.salt, found.iterations)
    cipher = _triple_des(password.bmp, found.salt, found.iterations)
    return _unpad(cipher.decryptor(), data, 8)


def encrypt_triple_des(
    plain: bytes, text: str
) -> tuple[schemas.AlgorithmIdentifier, bytes]:
    """Encrypt certificates as CryptoPro CSP and Windows do; they are no secret."""
    salt = random.token(8)
    padder = padding.PKCS7(64).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = _triple_des(Password(text).bmp, salt, ITERATIONS).encryptor()
    parameters = schemas.SaltAndIterations(salt=salt, iterations=ITERATIONS)
    algorithm = schemas.make_algorithm(_TRIPLE_DES, encode(parameters))
    return algorithm, encryptor.update(padded) + encryptor.finalize()


def _triple_des(password: bytes, salt: bytes, iterations: int) -> Cipher[CBC]:
    key = pkcs12_key("sha1", password, salt, iterations, _ID_KEY, 24)
    iv = pkcs12_key("sha1", password, salt, iterations, _ID_IV, 8)
    return Cipher(TripleDES(key), CBC(iv))


def _unpad(context: CipherContext, data: bytes, block: int) -> bytes:
    if not data or len(data) % block:
        raise EncodingError(
            f"PFX: {len(data)} encrypted bytes; it should be whole blocks of {block}"
        )
    unpadder = padding.PKCS7(8 * block).unpadder()
    padded = context.update(data) + context.finalize()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise WrongPassword(
            "PFX: the password of its MAC does not open what is in it"
        ) from None
