"""Keys and signatures: SigningKey and VerifyingKey.

A private key lives in a buffer of its own that is wiped by `SigningKey.wipe`,
at the end of a ``with`` block and when the object goes; no repr, pickle or
copy shows it.  On the pure-Python backend signing works, but Python's integers
take a time that depends on their values: use it where nobody who may not know
the key can measure that.

Sources: GOST R 34.10-2012 6 (RFC 7091); octet orders of RFC 9215 2; GOST R 34.10-2001
(RFC 5832) with GOST R 34.11-94, in the octet orders of RFC 4491.
"""

from __future__ import annotations

import hmac
from types import TracebackType
from typing import NoReturn, Protocol

from . import random
from .agreement import vko
from .backend import active
from .curves import Curve, find
from .errors import (
    InvalidPoint,
    InvalidSignature,
    PrivateKeyRange,
    UnknownAlgorithm,
)
from .keyforms import Scheme, decode_pkcs8, decode_spki, encode_pkcs8, encode_spki
from .primitives import HashState, Readable, octets

__all__ = ["Scheme", "SigningKey", "SupportsSigning", "VerifyingKey"]


def _curve_of(curve: str | Curve, scheme: Scheme) -> Curve:
    found = find(curve)
    if scheme is Scheme.GOST_2001 and found.bits != 256:
        raise UnknownAlgorithm(
            f"scheme: GOST R 34.10-2001 has no 512-bit curves such as {found.name}; "
            "use Scheme.GOST_2012"
        )
    return found


def _hash_message(curve: Curve, scheme: Scheme, message: Readable) -> bytes:
    state: HashState
    if scheme is Scheme.GOST_2001:
        state = active.hashes.gostr3411_94("cryptopro")
    else:
        state = active.hashes.streebog(curve.bits)
    try:
        state.update(message)
    except (BufferError, TypeError):
        # Looked at only now, so that plain bytes do not pay for it.
        state.update(octets("message", message))
    return state.digest()


class VerifyingKey:
    """A public key of GOST R 34.10-2012 or -2001; immutable and hashable."""

    __slots__ = ("_curve", "_public", "_scheme")

    def __init__(self, public_le: Readable, curve: Curve, scheme: Scheme) -> None:
        """Take a point that was checked; use `from_bytes`."""
        self._public = bytes(public_le)
        self._curve = curve
        self._scheme = scheme

    @classmethod
    def from_bytes(
        cls,
        xy: Readable,
        curve: str | Curve,
        *,
        scheme: Scheme = Scheme.GOST_2012,
    ) -> VerifyingKey:
        """Make a key from its coordinates.

        Args:
            xy: x then y, 32 or 64 bytes each, little-endian.
            curve: name, OID or `Curve`.
            scheme: the standard that the key belongs to.

        Raises:
            LengthError: if *xy* has not twice the curve's size.
            InvalidPoint: if it is not a point of the curve of order q.
            UnknownCurve: if there is no such curve.
            UnknownAlgorithm: for a 512-bit curve with the 2001 scheme.

        Source:
            RFC 9215 4.2 (octet order).
        """
        found = _curve_of(curve, scheme)
        fault = active.elliptic.point_fault(found.index, xy)
        if fault:
            raise InvalidPoint(f"public key: {fault}")
        return cls(xy, found, scheme)

    @classmethod
    def from_spki(cls, data: bytes | str) -> VerifyingKey:
        """Read a SubjectPublicKeyInfo, DER or PEM.

        Raises:
            EncodingError: if it is not one.
            InvalidPoint, UnknownCurve: if its key cannot be used.
        """
        info = decode_spki(data)
        return cls.from_bytes(info.public_le, info.curve, scheme=info.scheme)

    @property
    def curve(self) -> Curve:
        """The curve, under the OID that the key came with."""
        return self._curve

    @property
    def scheme(self) -> Scheme:
        """The standard that the key belongs to."""
        return self._scheme

    @property
    def fingerprint(self) -> str:
        """The first 8 bytes of Streebog-256 of the key in hex, to tell keys apart."""
        state = active.hashes.streebog(256)
        state.update(self._public)
        return state.digest()[:8].hex()

    def to_bytes(self) -> bytes:
        """Return x || y, each little-endian."""
        return self._public

    def to_spki(self) -> bytes:
        """Return the SubjectPublicKeyInfo, DER."""
        return encode_spki(self._curve, self._scheme, self._public)

    def digest(self, message: Readable) -> bytes:
        """Hash a message as a signature of this key does.

        Streebog of the curve's size; GOST R 34.11-94 for the 2001 scheme.
        """
        return _hash_message(self._curve, self._scheme, message)

    def verify(self, signature: Readable, message: Readable) -> None:
        """Check the signature of a message.

        Args:
            signature: s then r, 32 or 64 bytes each, big-endian.
            message: any bytes.

        Raises:
            InvalidSignature: if it is not good, for whatever reason.

        Source:
            GOST R 34.10-2012 6.2; octet order of RFC 9215 2.
        """
        self.verify_digest(signature, self.digest(message))

    def verify_digest(self, signature: Readable, digest: Readable) -> None:
        """Check the signature of a digest.

        Args:
            signature: s then r, 32 or 64 bytes each, big-endian.
            digest: the octets as the hash returns them, 32 or 64 by the curve.

        Raises:
            InvalidSignature: if it is not good, for whatever reason.
            LengthError: if the digest does not fit the curve.
        """
        if not active.elliptic.verify(
            self._curve.index, self._public, digest, signature
        ):
            raise InvalidSignature("the signature does not verify")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VerifyingKey):
            return NotImplemented
        return (self._curve, self._scheme, self._public) == (
            other._curve,
            other._scheme,
            other._public,
        )

    def __hash__(self) -> int:
        return hash((self._curve, self._scheme, self._public))

    def __repr__(self) -> str:
        return f"<VerifyingKey {self._curve.name} {self.fingerprint}>"


class SupportsSigning(Protocol):
    """A private key that signs, wherever it is kept: in memory or on a chip.

    Requests, certificates and messages need no more of a key than this.
    """

    @property
    def curve(self) -> Curve:
        """The curve, under the OID that the key came with."""

    @property
    def scheme(self) -> Scheme:
        """The standard that the key belongs to."""

    @property
    def verifying_key(self) -> VerifyingKey:
        """The public key."""

    def sign(self, message: Readable) -> bytes:
        """Hash and sign a message; return s then r, each big-endian."""
        ...

    def sign_digest(self, digest: Readable) -> bytes:
        """Sign a digest, the octets as the hash returns them; return as `sign`."""
        ...


class SigningKey:
    """A private key of GOST R 34.10-2012 or -2001.

    A context manager: the key is wiped at the end of the block.  It cannot be
    pickled or copied.
    """

    __slots__ = ("_private", "_verifying", "__weakref__")

    _private: bytearray

    def __init__(self, private_le: bytearray, verifying_key: VerifyingKey) -> None:
        """Take over a buffer and its public key; use `from_bytes` or `generate`."""
        self._private = private_le
        self._verifying = verifying_key

    @classmethod
    def generate(
        cls,
        curve: str | Curve = "tc26-256-b",
        *,
        scheme: Scheme = Scheme.GOST_2012,
    ) -> SigningKey:
        """Make a new key from the process generator.

        The private key is a number 64 bits wider than q, mod q (and 1 instead of
        0), so it is uniform to 2^-64.

        Raises:
            UnknownCurve, UnknownAlgorithm: as `from_bytes`.
            GeneratorFailure: if the generator fails its tests.
        """
        found = _curve_of(curve, scheme)
        wide = bytearray(found.size + 8)
        try:
            random.fill(wide)
            private = bytearray(found.size)
            active.elliptic.private_from_wide_into(found.index, private, wide, 1)
            public = active.elliptic.public_key(found.index, private)
            return cls(private, VerifyingKey(public, found, scheme))
        finally:
            active.generators.wipe(wide)

    @classmethod
    def from_bytes(
        cls,
        d: Readable,
        curve: str | Curve,
        *,
        scheme: Scheme = Scheme.GOST_2012,
    ) -> SigningKey:
        """Make a key from its number; *d* is copied.

        Args:
            d: 32 or 64 bytes, little-endian, in 1..q-1.
            curve: name, OID or `Curve`.
            scheme: the standard that the key belongs to.

        Raises:
            LengthError: if *d* does not have the curve's size.
            PrivateKeyRange: if it is 0, or q or more.
            UnknownCurve: if there is no such curve.
            UnknownAlgorithm: for a 512-bit curve with the 2001 scheme.
        """
        found = _curve_of(curve, scheme)
        public = active.elliptic.public_key(found.index, d)
        return cls(bytearray(d), VerifyingKey(public, found, scheme))

    @classmethod
    def from_pair(cls, d: Readable, xy: Readable, curve: str | Curve) -> SigningKey:
        """Take a key and its public key as `gostkey.batch.generate` made them.

        Whether they belong together is not checked; *d* is copied.
        """
        return cls(bytearray(d), VerifyingKey(xy, find(curve), Scheme.GOST_2012))

    @classmethod
    def from_pkcs8(
        cls, data: bytes | str, password: str | bytes | None = None
    ) -> SigningKey:
        """Read a PKCS#8 private key, DER or PEM, encrypted or not.

        Raises:
            EncodingError: if it is not one, or its public key is another's.
            PasswordRequired, WrongPassword: if it is encrypted.
            PrivateKeyRange, UnknownCurve: if the key cannot be used.
        """
        info = decode_pkcs8(data, password)
        verifying_key = VerifyingKey(info.public_le, info.curve, info.scheme)
        return cls(info.private_le, verifying_key)

    @property
    def curve(self) -> Curve:
        """The curve, under the OID that the key came with."""
        return self._verifying.curve

    @property
    def scheme(self) -> Scheme:
        """The standard that the key belongs to."""
        return self._verifying.scheme

    @property
    def verifying_key(self) -> VerifyingKey:
        """The public key."""
        return self._verifying

    def to_bytes(self) -> bytes:
        """Return the private key, little-endian; this copy cannot be wiped."""
        return bytes(self._secret())

    def copy_to(self, out: memoryview) -> None:
        """Copy the private key, little-endian, to where the caller will wipe it.

        Args:
            out: as long as the key.
        """
        out[:] = self._secret()

    def to_pkcs8(self, password: str | bytes | None = None) -> bytes:
        """Return the key as PKCS#8 DER, encrypted if there is a password."""
        return encode_pkcs8(self.curve, self.scheme, self._secret(), password)

    def digest(self, message: Readable) -> bytes:
        """Hash a message as `sign` does.

        Streebog of the curve's size; GOST R 34.11-94 for the 2001 scheme.
        """
        return self._verifying.digest(message)

    def sign(self, message: Readable) -> bytes:
        """Hash and sign a message.

        Returns:
            64 or 128 bytes: s then r, each big-endian.

        Raises:
            GeneratorFailure: if the generator fails its tests.

        Source:
            GOST R 34.10-2012 6.1; octet order of RFC 9215 2.
        """
        return self.sign_digest(self.digest(message))

    def sign_digest(self, digest: Readable) -> bytes:
        """Sign a digest with a hedged nonce.

        The nonce comes from key, digest and fresh random together, so neither a
        broken generator nor one that repeats itself gives the key away.

        Args:
            digest: the octets as the hash returns them, 32 or 64 by the curve;
                they are read as a little-endian number.

        Returns:
            64 or 128 bytes: s then r, each big-endian.

        Raises:
            LengthError: if the digest does not fit the curve.
            GeneratorFailure: if the generator fails its tests.
        """
        curve = self._verifying.curve
        fresh = bytearray(curve.size)
        try:
            random.fill(fresh, reseed=False)
            return active.elliptic.sign(curve.index, self._secret(), digest, fresh)
        finally:
            active.generators.wipe(fresh)

    def exchange(
        self, peer: VerifyingKey, ukm: Readable, bits: int | str = 256
    ) -> bytes:
        """Derive the key shared with a peer by VKO.

        Args:
            peer: the other's public key, on the same curve.
            ukm: 1 to 32 or 64 bytes, little-endian, not 0 mod q.
            bits: 256, 512 or "2001", the hash; see `gostkey.agreement.vko`.

        Raises:
            InvalidPoint: if the peer's key is on another curve.
            LengthError: if *ukm* is too long or empty.
        """
        if peer.curve != self.curve:
            raise InvalidPoint(
                f"peer's public key: is on {peer.curve.name}; "
                f"must be on {self.curve.name}"
            )
        return vko(self._secret(), peer.to_bytes(), ukm, self.curve, bits)

    def wipe(self) -> None:
        """Overwrite the private key; using it afterwards is an error."""
        if self._private:
            active.generators.wipe(self._private)
            self._private = bytearray()

    def _secret(self) -> bytearray:
        if not self._private:
            raise PrivateKeyRange("private key: was wiped; make the key anew")
        return self._private

    def __enter__(self) -> SigningKey:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wipe()

    def __del__(self) -> None:
        # At exit the modules may be gone already; so are the pages soon.
        try:
            self.wipe()
        except Exception:
            pass

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SigningKey):
            return NotImplemented
        # In time that does not depend on where the keys differ.
        return (
            hmac.compare_digest(self._secret(), other._secret())
            and self._verifying == other._verifying
        )

    def __hash__(self) -> int:
        return hash(self._verifying)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a SigningKey cannot be pickled or copied; use to_pkcs8()")

    def __repr__(self) -> str:
        wiped = "" if self._private else " (wiped)"
        return (
            f"<SigningKey {self.curve.name} of public key "
            f"{self._verifying.fingerprint}{wiped}>"
        )
