"""X.509 certificates: read, checked against their issuer, and made.

A certificate is its DER; the parts are views of it, and a signature is checked
over the octets as received.  The names and the extensions are decoded when
somebody asks.  Which certificates to believe is not decided here: see `chain`.

Sources: RFC 5280 4.1; RFC 9215 2 to 4 and RFC 4491 (algorithms).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property

from gostkey.errors import (
    CertificateError,
    EncodingError,
    GostKeyError,
    InvalidSignature,
)
from gostkey.hashing import streebog256
from gostkey.keyforms import encode_spki, pem
from gostkey.signing import SupportsSigning, VerifyingKey

from . import coding, oids, schemas
from . import extensions as ext
from .extensions import Extension
from .names import Name
from .signatures import Claim, which_hold
from .signed import SignedDer, sign_der, signature_oid

__all__ = ["Certificate", "build_certificate", "spki_of"]

_VERSIONS = (0, 1, 2)
_PEM_LABELS = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")


class Certificate(SignedDer):
    """An X.509 certificate; equal to another if the octets are."""

    what = "certificate"

    def __init__(self, der: bytes, *, known: bool = False) -> None:
        """Parse DER; use `from_bytes`.

        Args:
            der: the certificate.
            known: whether it was read before; then what is in it is looked at only
                when somebody asks.
        """
        self.der = der
        whole = _decoded(der)
        self._take(whole.algorithm, whole.signature)
        self._content = tbs = whole.content
        known = known and tbs.version in _VERSIONS
        if not known:
            self._check_inner_algorithm(tbs.signature)
        if tbs.version not in _VERSIONS:
            raise EncodingError(f"certificate: version {tbs.version + 1} is unknown")
        self.version = tbs.version + 1
        self.serial = tbs.serial
        self.not_before = tbs.validity.not_before.as_datetime()
        self.not_after = tbs.validity.not_after.as_datetime()
        self._good_signers: set[bytes] = set()
        if not known:
            self._by_oid  # noqa: B018  read now, to find faults

    @classmethod
    def from_bytes(cls, data: bytes | str) -> Certificate:
        """Read a certificate, DER or PEM.

        Raises:
            EncodingError: if it is not one.
        """
        # Nothing is remembered here: of a thousand certificates that come one after
        # the other, to forget an old one costs as much as to read a new one.
        certificate = cls(coding.der_of(data, *_PEM_LABELS), known=True)
        certificate._sound  # noqa: B018
        return certificate

    @classmethod
    def of_known(cls, der: bytes) -> Certificate:
        """Take DER that `from_bytes` accepted before; it is read as far as is needed.

        Raises:
            EncodingError: if it is not a certificate.
        """
        return cls(der, known=True)

    @cached_property
    def _sound(self) -> bool:
        """Read all that can be at fault.

        Raises:
            EncodingError: if anything is.
        """
        self._check_inner_algorithm(self._content.signature)
        self._by_oid, self.subject, self.issuer  # noqa: B018
        return True

    @cached_property
    def subject_der(self) -> bytes:
        """The owner's name, DER as received."""
        return coding.encode(self._content.subject)

    @cached_property
    def issuer_der(self) -> bytes:
        """The authority's name, DER as received."""
        return coding.encode(self._content.issuer)

    @cached_property
    def public_key_info(self) -> bytes:
        """SubjectPublicKeyInfo, DER as received."""
        return coding.encode(self._content.public_key)

    @cached_property
    def subject(self) -> Name:
        """The owner."""
        return Name.from_der(self.subject_der)

    @cached_property
    def issuer(self) -> Name:
        """The authority that issued it."""
        return Name.from_der(self.issuer_der)

    @cached_property
    def extensions(self) -> dict[str, Extension]:
        """Extensions by OID, in their order."""
        return ext.from_schema(self._content.extensions, "certificate")

    @cached_property
    def _by_oid(self) -> Mapping[schemas.OID, schemas.Extension | Extension]:
        """The same, but as they were decoded if they are strict DER."""
        found = ext.by_oid(self._content.extensions)
        if found is None:
            return {coding.oid(oid): e for oid, e in self.extensions.items()}
        return found

    @cached_property
    def public_key(self) -> VerifyingKey:
        """The owner's key.

        Raises:
            UnknownAlgorithm, UnknownCurve, InvalidPoint, EncodingError: if it is
                not a GOST key that can be used.
        """
        return VerifyingKey.from_spki(self.public_key_info)

    def extension(self, oid: str) -> bytes | None:
        """Return the DER of an extension's value, or None."""
        found = self._by_oid.get(coding.oid(oid))
        return None if found is None else found.value

    def pick(self, wanted: Iterable[str]) -> tuple[tuple[bool, bytes] | None, ...]:
        """Return of some extensions whether they are critical, and their values."""
        found = map(self._by_oid.get, map(coding.oid, wanted))
        return tuple(None if e is None else (e.critical, e.value) for e in found)

    @cached_property
    def key_period(self) -> tuple[datetime | None, datetime | None]:
        """From when to when the private key signs; None where it is open."""
        value = self.extension(oids.PRIVATE_KEY_USAGE_PERIOD)
        if value is None:
            return None, None
        return ext.read_private_key_usage_period(value)

    @property
    def signing_ends(self) -> datetime:
        """When the owner can sign no more: key period's end or the certificate's."""
        end = self.key_period[1]
        return self.not_after if end is None else min(end, self.not_after)

    @property
    def signing_begins(self) -> datetime:
        """From when the owner can sign: the later of both beginnings."""
        begin = self.key_period[0]
        return self.not_before if begin is None else max(begin, self.not_before)

    @cached_property
    def key_usage(self) -> frozenset[str] | None:
        """Names of the key usages; None if there is no such extension."""
        value = self.extension(oids.KEY_USAGE)
        return None if value is None else ext.read_key_usage(value)

    @cached_property
    def basic_constraints(self) -> tuple[bool, int | None]:
        """Whether it is an authority's, and how many authorities may be below."""
        value = self.extension(oids.BASIC_CONSTRAINTS)
        return (False, None) if value is None else ext.read_basic_constraints(value)

    @property
    def subject_key_identifier(self) -> bytes | None:
        """Identifier of the owner's key, if given."""
        value = self.extension(oids.SUBJECT_KEY_IDENTIFIER)
        return None if value is None else ext.read_subject_key_identifier(value)

    @property
    def authority_key_identifier(self) -> bytes | None:
        """Identifier of the issuer's key, if given."""
        value = self.extension(oids.AUTHORITY_KEY_IDENTIFIER)
        return None if value is None else ext.read_authority_key_identifier(value)

    @property
    def serial_text(self) -> str:
        """The serial number in hex, in whole octets."""
        text = f"{abs(self.serial):x}"
        return ("-" if self.serial < 0 else "") + text.zfill(len(text) + len(text) % 2)

    @property
    def title(self) -> str:
        """Owner and serial number, as error messages name a certificate."""
        return f"certificate of {self.subject.owner} (serial {self.serial_text})"

    @property
    def self_issued(self) -> bool:
        """Whether issuer and subject are the same name."""
        return self.subject_der == self.issuer_der

    def verify_signed_by(self, issuer: Certificate) -> None:
        """Check that *issuer*'s key signed this; names and signature, no dates.

        Raises:
            CertificateError: if it did not.
        """
        if self.issuer_der != issuer.subject_der:
            raise CertificateError(
                f"{self.title}: was issued by {self.issuer.owner}, not by "
                f"{issuer.subject.owner}; give the issuer's certificate"
            )
        if issuer.public_key_info in self._good_signers:
            return
        try:
            self.claim(issuer.public_key).check()
        except InvalidSignature:
            raise CertificateError(
                f"{self.title}: its signature does not verify with the key of "
                f"{issuer.title}; it was changed, or the issuer has another key"
            ) from None
        except GostKeyError as error:
            raise CertificateError(
                f"{self.title}: its signature cannot be checked: {error}"
            ) from error
        # A second check with the same key costs nothing.
        self._good_signers.add(issuer.public_key_info)

    @staticmethod
    def verify_ahead(certificates: Iterable[Certificate], issuer: Certificate) -> None:
        """Check the signatures of many at once; those found good are remembered.

        Of the others `verify_signed_by` tells what is wrong.
        """
        claims: list[tuple[Certificate, Claim]] = []
        for certificate in certificates:
            if certificate.issuer_der == issuer.subject_der:
                try:
                    claims.append((certificate, certificate.claim(issuer.public_key)))
                except GostKeyError:
                    continue
        holds = which_hold([claim for _, claim in claims])
        for (certificate, _), is_good in zip(claims, holds, strict=True):
            if is_good:
                certificate._good_signers.add(issuer.public_key_info)

    def fingerprint(self) -> bytes:
        """Return Streebog-256 of the DER, 32 bytes."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> bytes:
        return streebog256(self.der).digest()

    def to_pem(self) -> str:
        """Return the certificate as PEM."""
        return pem(self.der, "CERTIFICATE")

    def __repr__(self) -> str:
        return f"<Certificate of {self.subject.owner} serial {self.serial_text}>"


def _decoded(der: bytes) -> schemas.SignedCertificate | schemas.ReadCertificate:
    """Decode a certificate, with its extensions unless they are not strict DER."""
    try:
        return coding.decode(schemas.ReadCertificate, der, "certificate")
    except EncodingError:
        return coding.decode(schemas.SignedCertificate, der, "certificate")


def spki_of(key: VerifyingKey, *, always_digest: bool = False) -> bytes:
    """Return SubjectPublicKeyInfo of a key.

    Args:
        always_digest: write digestParamSet also where RFC 9215 leaves it out, for
            readers that do not load a key without.
    """
    return encode_spki(
        key.curve,
        key.scheme,
        key.to_bytes(),
        digest_parameters="always" if always_digest else "profile",
    )


def build_certificate(
    *,
    issuer: Name,
    signing_key: SupportsSigning,
    subject: Name,
    public_key: VerifyingKey | bytes,
    serial: int,
    not_before: datetime,
    not_after: datetime,
    extensions: Iterable[Extension] = (),
) -> bytes:
    """Make and sign a certificate, version 3.

    Args:
        public_key: the owner's key, or its SubjectPublicKeyInfo as received.
        serial: positive, at most 20 octets (RFC 5280 4.1.2.2).
        not_before: and *not_after*, with a time zone; fractions are dropped.

    Returns:
        DER.

    Raises:
        EncodingError: if the serial number or the dates cannot be.
    """
    if not 0 < serial < 1 << 159:
        raise EncodingError("certificate serial: must be positive, at most 20 octets")
    if not_after <= not_before:
        raise EncodingError(
            f"certificate dates: end {not_after} is not after begin {not_before}"
        )
    spki = public_key if isinstance(public_key, bytes) else spki_of(public_key)
    listed = ext.to_schema(extensions)
    algorithm = coding.algorithm(signature_oid(signing_key))
    tbs = coding.encode(
        schemas.TBSCertificate(
            version=2,
            serial=serial,
            signature=algorithm,
            issuer=coding.tlv(issuer.der),
            validity=schemas.Validity(
                not_before=coding.time_value(not_before),
                not_after=coding.time_value(not_after),
            ),
            subject=coding.tlv(subject.der),
            public_key=coding.tlv(spki),
            issuer_unique_id=None,
            subject_unique_id=None,
            extensions=listed or None,
        )
    )
    return sign_der(tbs, signing_key, algorithm)
