"""PKCS#8 of GOST private keys: one layout written, all of the known ones read.

Written: the private key d as n octets, little-endian (RFC 9548 5.1.1; what the
GOST engine writes).  Read besides: an OCTET STRING of d (GnuTLS, which leaves out
the most significant octets that are zero), an INTEGER (big-endian, old engines), d
masked as K' then M1 ... Mk with d = K' M1 ... Mk mod q, bare or in an OCTET STRING,
and OneAsymmetricKey with the public key (RFC 5958).

The length tells the layouts apart, with one exception: n octets can be d, or an
INTEGER or OCTET STRING of a d that happens to be two octets short.  The public key
decides if the file has it; else they are d, as the GOST engine reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, NamedTuple

from cryptography.hazmat import asn1

from gostkey.backend import active
from gostkey.curves import Curve
from gostkey.errors import (
    EncodingError,
    LengthError,
    PrivateKeyRange,
    WrongPassword,
)
from gostkey.primitives import Readable

from .algorithms import (
    DigestParameters,
    KeyIdentifier,
    Scheme,
    from_identifier,
    to_identifier,
)
from .der import decode, encode
from .encrypted import (
    DEFAULT_CIPHER,
    ITERATIONS,
    decrypt_pbes2,
    encrypt_pbes2,
    is_encrypted,
)
from .pem import unpem
from .public import point_octets

__all__ = ["PrivateKeyInfo", "decode_pkcs8", "encode_pkcs8"]

_MOST_PARTS = 16
"""A masked key has at most so many parts; real ones have two."""

_MOST_ZEROS = 4
"""So many octets may be left out as zeros: one is in one key of 256, four are in one of
four thousand million.  More would be a key of a shorter curve, or a damaged one."""

_MOST_OCTETS = 1 << 16
"""No PKCS#8 of one key is longer."""

_OCTET_STRING, _INTEGER = b"\x04", b"\x02"
_PLAIN, _ENCRYPTED = "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"


class PrivateKeyInfo(NamedTuple):
    """A private key out of PKCS#8; its repr does not show it."""

    curve: Curve
    scheme: Scheme
    private_le: bytearray
    """The key d, little-endian; whoever uses it wipes it."""
    public_le: bytes
    """The public key that belongs to it, x || y; equal to the file's, if any."""

    def __repr__(self) -> str:
        return f"<PrivateKeyInfo {self.curve.name} {self.scheme.value}>"


@asn1.sequence
class _OneAsymmetricKey:
    version: int
    algorithm: KeyIdentifier
    private_key: bytes
    attributes: Annotated[asn1.SetOf[asn1.TLV] | None, asn1.Implicit(0)]
    public_key: Annotated[asn1.BitString | None, asn1.Implicit(1)]


def encode_pkcs8(
    curve: Curve,
    scheme: Scheme,
    private_le: Readable,
    password: str | bytes | None = None,
    *,
    digest_parameters: DigestParameters = "profile",
    cipher: str = DEFAULT_CIPHER,
    iterations: int = ITERATIONS,
) -> bytes:
    """Encode a private key as PKCS#8, encrypted if there is a password.

    Args:
        curve: written under its `oid`.
        scheme: the standard that the key belongs to.
        private_le: the key, little-endian; in 1..q-1, which is not checked here.
        password: text is taken as UTF-8; None leaves the key open.
        digest_parameters: see `encode_algorithm`.
        cipher: see `encrypt_pbes2`; "gost89" is what every reader knows.
        iterations: of PBKDF2.

    Raises:
        LengthError: if the key has not the curve's size.
    """
    if len(private_le) != curve.size:
        raise LengthError(
            f"private key has {len(private_le)} bytes; {curve.name} wants {curve.size}"
        )
    der = encode(
        _OneAsymmetricKey(
            version=0,
            algorithm=to_identifier(curve, scheme, digest_parameters),
            private_key=bytes(private_le),
            attributes=None,
            public_key=None,
        )
    )
    if password is None:
        return der
    return encrypt_pbes2(der, password, cipher=cipher, iterations=iterations)


def decode_pkcs8(
    data: bytes | str, password: str | bytes | None = None
) -> PrivateKeyInfo:
    """Decode PKCS#8, plain or encrypted, DER or PEM, in any known layout.

    Args:
        data: DER, or PEM "PRIVATE KEY" or "ENCRYPTED PRIVATE KEY".
        password: text is taken as UTF-8; not looked at if the key is open.

    Raises:
        EncodingError: if it is no PKCS#8, or the public key in it is another.
        PasswordRequired, WrongPassword: if it is encrypted.
        UnknownAlgorithm, UnknownCurve: if it is no key that we know.
        PrivateKeyRange: if the key is not in 1..q-1.
    """
    if len(data) > _MOST_OCTETS:
        raise EncodingError(
            f"PKCS#8 key: {len(data)} bytes is too long; at most {_MOST_OCTETS}"
        )
    der = unpem(data, _PLAIN, _ENCRYPTED)
    if not is_encrypted(der):
        return _private_key(decode(_OneAsymmetricKey, der, "PKCS#8 key", secret=True))
    plain = decrypt_pbes2(der, password)
    try:
        key = decode(_OneAsymmetricKey, plain, "PKCS#8 key", secret=True)
    except EncodingError:
        raise WrongPassword("encrypted key: the password does not open it") from None
    return _private_key(key)


def _private_key(key: _OneAsymmetricKey) -> PrivateKeyInfo:
    if key.version not in (0, 1):
        raise EncodingError(f"PKCS#8 key: version {key.version}; it should be 0 or 1")
    found = from_identifier(key.algorithm)
    expected = _public_key(key.public_key, found.curve)
    in_range = False
    for private_le in _readings(key.private_key, found.curve):
        try:
            public_le = active.elliptic.public_key(found.curve.index, private_le)
        except PrivateKeyRange:
            continue
        in_range = True
        if expected in (None, public_le):
            return PrivateKeyInfo(found.curve, found.scheme, private_le, public_le)
        active.generators.wipe(private_le)
    if in_range:
        raise EncodingError("PKCS#8 key: its public key is not that of its private key")
    raise PrivateKeyRange("PKCS#8 key: the private key is not in 1..q-1")


def _public_key(bits: asn1.BitString | None, curve: Curve) -> bytes | None:
    """Return the public key of OneAsymmetricKey, None if it is left out.

    RFC 9548 has x || y bare in the BIT STRING (and counts one unused bit in its
    example, which is not looked at: the octets are compared with the private
    key); the form of SubjectPublicKeyInfo is read too.
    """
    if bits is None:
        return None
    octets = bits.as_bytes()
    return octets if len(octets) == 2 * curve.size else point_octets(bits, curve)


def _readings(content: bytes, curve: Curve) -> Iterator[bytearray]:
    """Yield the private keys that *content* can mean, the likely one first."""
    size = curve.size
    if len(content) % size == 0 and 1 <= len(content) // size <= _MOST_PARTS:
        yield _unmask(content, curve)
        if len(content) != size:
            return
    if content[:1] == _OCTET_STRING:
        try:
            inner = decode(bytes, content, "private key in PKCS#8", secret=True)
        except EncodingError:
            if len(content) != size:
                raise
            inner = b""
        if len(inner) % size == 0 and 1 <= len(inner) // size <= _MOST_PARTS:
            yield _unmask(inner, curve)
            return
        if size - _MOST_ZEROS <= len(inner) < size:
            yield bytearray(inner + bytes(size - len(inner)))
            return
    if content[:1] == _INTEGER and len(content) <= size + 3:
        try:
            number = decode(int, content, "private key in PKCS#8", secret=True)
        except EncodingError:
            number = 0
        if 0 < number < 1 << 8 * size:
            yield bytearray(number.to_bytes(size, "little"))
            return
    if len(content) != size:
        raise EncodingError(
            f"PKCS#8 key: {len(content)} octets of private key are no known layout; "
            f"{curve.name} has keys of {size} octets"
        )


def _unmask(parts: bytes, curve: Curve) -> bytearray:
    """Multiply K' M1 ... Mk modulo q; one part is the key itself."""
    size = curve.size
    private_le = bytes(parts[:size])
    for start in range(size, len(parts), size):
        private_le = active.elliptic.multiply_mod_q(
            curve.index, private_le, parts[start : start + size]
        )
    return bytearray(private_le)
