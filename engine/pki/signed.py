"""What certificates, requests and CRLs have in common: content and its signature.

Sources: RFC 5280 4.1; RFC 9215 2 to 4 and RFC 4491 (algorithms).
"""

from __future__ import annotations

from functools import cached_property

from cryptography.hazmat import asn1

from gostkey.errors import EncodingError, UnknownAlgorithm
from gostkey.keyforms import Scheme
from gostkey.signing import SupportsSigning, VerifyingKey

from . import coding, oids, schemas
from .signatures import Claim

__all__ = ["SIGNATURES", "SignedDer", "sign_der", "signature_oid", "signed_der"]

SIGNATURES = {
    (Scheme.GOST_2001, 32): oids.SIGNATURE_2001,
    (Scheme.GOST_2012, 32): oids.SIGNATURE_2012_256,
    (Scheme.GOST_2012, 64): oids.SIGNATURE_2012_512,
}
"""Scheme and size of a key, bytes -> OID of its signatures, hash and key together."""


def signature_oid(key: VerifyingKey | SupportsSigning) -> str:
    """Return the OID of a signature with a key: hash and key together."""
    return SIGNATURES[key.scheme, key.curve.size]


class SignedDer:
    """What certificates, requests and CRLs have in common: content and signature."""

    what = "signed structure"
    labels: tuple[str, ...] = ()
    largest = coding.LARGEST

    def __init__(self, der: bytes) -> None:
        """Split DER; use `from_bytes`."""
        self.der = der
        outer = self._outer
        self.signed = coding.encode(outer.content)
        self._take(outer.algorithm, outer.signature)

    @property
    def _outer(self) -> schemas.Signed:
        return coding.decode(schemas.Signed, self.der, self.what, largest=self.largest)

    def _take(self, algorithm: asn1.TLV, signature: asn1.BitString) -> None:
        self._algorithm = algorithm
        if signature.padding_bits():
            raise EncodingError(f"{self.what}: signature is not of whole octets")
        self.signature = signature.as_bytes()

    @cached_property
    def signed(self) -> bytes:
        """The octets that the signature covers, as received."""
        return coding.encode(self._outer.content)

    @cached_property
    def signature_algorithm(self) -> str:
        """OID of the signature algorithm."""
        return coding.algorithm_oid(self._algorithm, self.what)

    def claim(self, key: VerifyingKey) -> Claim:
        """Return the claim that *key* signed this.

        Raises:
            UnknownAlgorithm: if the signature is said to be of another algorithm.
        """
        wanted = signature_oid(key)
        if self.signature_algorithm != wanted:
            raise UnknownAlgorithm(
                f"{self.what}: signature algorithm is {self.signature_algorithm}; "
                f"the signer's key makes {wanted}"
            )
        return Claim(key, self.signature, self.signed)

    def _check_inner_algorithm(self, inner: asn1.TLV) -> None:
        outer = self._algorithm
        if inner.tag_bytes != outer.tag_bytes or inner.data != outer.data:
            raise EncodingError(
                f"{self.what}: signature algorithm inside the signed part is not "
                "that outside; they must be equal"
            )

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.der == getattr(other, "der", None)

    def __hash__(self) -> int:
        return hash(self.der)


def sign_der(content: bytes, key: SupportsSigning, algorithm: asn1.TLV) -> bytes:
    """Sign DER and put it, the algorithm and the signature into a SEQUENCE."""
    return signed_der(content, algorithm, key.sign(content))


def signed_der(content: bytes, algorithm: asn1.TLV, signature: bytes) -> bytes:
    """Put DER, the algorithm and the signature of it into a SEQUENCE."""
    return coding.encode(
        schemas.Signed(
            content=coding.tlv(content),
            algorithm=algorithm,
            signature=asn1.BitString(signature, 0),
        )
    )
