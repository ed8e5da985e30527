"""DER and PEM forms of keys: AlgorithmIdentifier, SubjectPublicKeyInfo, PKCS#8.

This part knows octets, curves and schemes, but no key classes.  Whatever bytes
are given, a reader here returns a result or raises a GostKeyError.
"""

from .algorithms import (
    DIGEST_OIDS,
    KEY_OIDS,
    KeyAlgorithm,
    Scheme,
    decode_algorithm,
    encode_algorithm,
)
from .encrypted import CIPHERS, ITERATIONS, decrypt_pbes2, encrypt_pbes2, is_encrypted
from .pem import pem, unpem
from .private import PrivateKeyInfo, decode_pkcs8, encode_pkcs8
from .public import PublicKeyInfo, certificate_public_key, decode_spki, encode_spki

__all__ = [
    "CIPHERS",
    "DIGEST_OIDS",
    "ITERATIONS",
    "KEY_OIDS",
    "KeyAlgorithm",
    "PrivateKeyInfo",
    "PublicKeyInfo",
    "Scheme",
    "certificate_public_key",
    "decode_algorithm",
    "decode_pkcs8",
    "decode_spki",
    "decrypt_pbes2",
    "encode_algorithm",
    "encode_pkcs8",
    "encode_spki",
    "encrypt_pbes2",
    "is_encrypted",
    "pem",
    "unpem",
]
