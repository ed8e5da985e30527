"""CMS SignedData: signing and checking, attached and detached.

Whether a signer is to be believed is not decided here: `SignedData.verify`
returns the certificates whose keys signed, and `chain` checks these.

Sources: RFC 5652 5; RFC 9215 and the TC26 examples (algorithms); RFC 5035 and
RFC 5126 (signing-certificate-v2, CAdES-BES).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from cryptography.hazmat import asn1

from gostkey.errors import EncodingError, GostKeyError, InvalidSignature
from gostkey.hashing import Hash, gostr3411_94, streebog256, streebog512
from gostkey.keyforms import Scheme
from gostkey.signing import SupportsSigning

from . import coding, oids, schemas
from .certificates import Certificate
from .signatures import Claim
from .signed import signature_oid

__all__ = ["Hashed", "SignedData", "Signer", "hash_of", "sign"]

KEYS = {
    (Scheme.GOST_2001, 32): (oids.KEY_2001, oids.DIGEST_94),
    (Scheme.GOST_2012, 32): (oids.KEY_2012_256, oids.DIGEST_256),
    (Scheme.GOST_2012, 64): (oids.KEY_2012_512, oids.DIGEST_512),
}
_DIGESTS = {
    oids.DIGEST_94: gostr3411_94,
    oids.DIGEST_256: streebog256,
    oids.DIGEST_512: streebog512,
}
_PEM_LABELS = ("CMS", "PKCS7", "SIGNED MESSAGE")


@dataclass(frozen=True)
class Hashed:
    """Content of a detached signature, too long to hold: only its digest is here."""

    digest: bytes
    """By the digest algorithm of the signer's key; see `hash_of`."""


def hash_of(oid: str, what: str = "CMS signer") -> Hash:
    """Begin a hash by the OID of its algorithm.

    Raises:
        EncodingError: if the OID is unknown; it begins with *what*.
    """
    if oid not in _DIGESTS:
        raise EncodingError(
            f"{what}: digest algorithm {oid} is unknown; known: {', '.join(_DIGESTS)}"
        )
    state: Hash = _DIGESTS[oid]()
    return state


def _digest(oid: str, data: bytes | Hashed, what: str) -> bytes:
    if isinstance(data, Hashed):
        return data.digest
    state = hash_of(oid, what)
    state.update(data)
    return state.digest()


def _attribute(oid: str, value: bytes) -> bytes:
    return coding.encode(
        schemas.Attribute(type=coding.oid(oid), values=asn1.SetOf([coding.tlv(value)]))
    )


def _to_be_signed(attributes: list[asn1.TLV]) -> bytes:
    """Return the SET OF attributes that is signed in place of the content.

    The signature covers the octets as they stand in the message, but with the
    tag of SET OF (31h) where [0] is (RFC 5652 5.4).  Encoding the list of the
    received octets gives a SEQUENCE (30h) that differs in this one octet only;
    the encoder's SET OF would sort them anew.
    """
    listed = coding.unwrap(coding.encode(schemas.TlvList(items=attributes)))
    return b"\x31" + listed[1:]


def sign(
    content: bytes | Hashed,
    key: SupportsSigning,
    certificate: Certificate,
    *,
    signing_time: datetime,
    detached: bool = False,
    extra_certificates: Iterable[Certificate] = (),
    full_signature_oid: bool = False,
) -> bytes:
    """Sign content, with signed attributes (CAdES-BES).

    Args:
        content: what is signed, eContentType id-data; of a detached signature its
            digest alone will do.
        key: the key of *certificate*.
        certificate: the signer's; it is put in.
        signing_time: the signer's clock, with a time zone.
        detached: leave the content out; it travels beside.
        extra_certificates: others to put in, such as the authority's.
        full_signature_oid: write the OID of hash and key together as signature
            algorithm (RFC 9215) instead of the key's OID, as CryptoPro does.

    Returns:
        ContentInfo, DER.

    Raises:
        EncodingError: if the key is not that of the certificate.
    """
    refuse_another_key(key, certificate)
    digest = key.verifying_key.digest
    if isinstance(content, Hashed):
        if not detached:
            raise EncodingError(
                "CMS message: a digest alone can be signed detached only"
            )
        inside, content_digest = None, content.digest
    else:
        inside, content_digest = (None if detached else content), digest(content)
    attributes = _attributes(key, content_digest, digest(certificate.der), signing_time)
    return _message(
        inside,
        certificate,
        key,
        attributes,
        key.sign(_to_be_signed(attributes)),
        extra_certificates=extra_certificates,
        full_signature_oid=full_signature_oid,
    )


def refuse_another_key(key: SupportsSigning, certificate: Certificate) -> None:
    """Raise EncodingError if a key is not that of a certificate."""
    if key.verifying_key != certificate.public_key:
        raise EncodingError(
            f"{certificate.title}: the key that shall sign is another one; "
            "give the certificate of this key"
        )


def _attributes(
    key: SupportsSigning, digest: bytes, own_digest: bytes, signing_time: datetime
) -> list[asn1.TLV]:
    """Make the signed attributes from the digests of content and certificate."""
    _, digest_oid = KEYS[key.scheme, key.curve.size]
    encoded = [
        *same_attributes(coding.require_aware(signing_time)),
        *digest_attributes(digest_oid, digest, own_digest),
    ]
    return [coding.tlv(one) for one in sorted(encoded)]


def digest_attributes(
    digest_oid: str, digest: bytes, own_digest: bytes
) -> tuple[bytes, bytes]:
    """Make messageDigest and signing-certificate-v2, DER."""
    message_digest = schemas.DigestAttribute(
        type=coding.oid(oids.MESSAGE_DIGEST), values=asn1.SetOf([digest])
    )
    certificate = schemas.EssCertIdV2(
        algorithm=schemas.AlgorithmIdentifier(
            algorithm=coding.oid(digest_oid), parameters=None
        ),
        digest=own_digest,
        issuer_serial=None,
    )
    signing_certificate = schemas.SigningCertificateAttribute(
        type=coding.oid(oids.SIGNING_CERTIFICATE_V2),
        values=asn1.SetOf(
            [schemas.SigningCertificateV2(certificates=[certificate], policies=None)]
        ),
    )
    return coding.encode(message_digest), coding.encode(signing_certificate)


@lru_cache(maxsize=16)
def same_attributes(signing_time: datetime) -> tuple[bytes, bytes]:
    """Make the attributes that are the same in all messages of one moment."""
    return (
        _attribute(oids.CONTENT_TYPE, coding.encode(schemas.OID(oids.DATA))),
        _attribute(oids.SIGNING_TIME, coding.encode(coding.time_value(signing_time))),
    )


def _message(
    content: bytes | None,
    certificate: Certificate,
    key: SupportsSigning,
    attributes: list[asn1.TLV],
    signature: bytes,
    *,
    extra_certificates: Iterable[Certificate] = (),
    full_signature_oid: bool = False,
) -> bytes:
    """Put a message together: ContentInfo, DER."""
    key_oid, digest_oid = KEYS[key.scheme, key.curve.size]
    digest_algorithm = coding.algorithm(digest_oid)
    signer = schemas.SignerInfo(
        version=1,
        signer=schemas.IssuerAndSerial(
            issuer=coding.tlv(certificate.issuer_der), serial=certificate.serial
        ),
        digest_algorithm=digest_algorithm,
        signed_attributes=attributes,
        signature_algorithm=coding.algorithm(
            signature_oid(key) if full_signature_oid else key_oid
        ),
        signature=signature,
        unsigned_attributes=None,
    )
    others = {one.der for one in (certificate, *extra_certificates)}
    data = schemas.SignedData(
        version=1,
        digest_algorithms=asn1.SetOf([digest_algorithm]),
        content=schemas.EncapsulatedContent(
            content_type=coding.oid(oids.DATA), content=content
        ),
        certificates=[coding.tlv(der) for der in sorted(others)],
        crls=None,
        signers=asn1.SetOf([signer]),
    )
    return coding.encode(
        schemas.SignedMessage(content_type=coding.oid(oids.SIGNED_DATA), content=data)
    )


class Signer:
    """One signature of a SignedData."""

    def __init__(self, info: schemas.SignerInfo) -> None:
        """Take what was decoded."""
        what = "CMS signer"
        self._what = what
        self.issuer_der: bytes | None = None
        self.serial: int | None = None
        self.key_identifier: bytes | None = None
        if isinstance(info.signer, bytes):
            self.key_identifier = info.signer
        else:
            self.issuer_der = coding.encode(info.signer.issuer)
            self.serial = info.signer.serial
        self.digest_algorithm = coding.algorithm_oid(info.digest_algorithm, what)
        self.signature_algorithm = coding.algorithm_oid(info.signature_algorithm, what)
        self.signature = info.signature
        self._signed: bytes | None = None
        self.attributes: dict[str, bytes] = {}
        """Signed attributes: OID -> DER of the one value."""
        if info.signed_attributes is not None:
            self._signed = _to_be_signed(info.signed_attributes)
            for item in info.signed_attributes:
                found = coding.parse(item, schemas.Attribute, "CMS signed attribute")
                oid, values = found.type.dotted_string, found.values.as_list()
                if oid in self.attributes or len(values) != 1:
                    raise EncodingError(
                        f"{what}: signed attribute {oid} must occur once, "
                        "with one value"
                    )
                self.attributes[oid] = coding.encode(values[0])

    @cached_property
    def signing_time(self) -> datetime | None:
        """What the signer's clock said, if it is stated; nobody vouches for it."""
        value = self.attributes.get(oids.SIGNING_TIME)
        if value is None:
            return None
        found = coding.decode(
            schemas.TimeHolder, coding.wrap(value, "signingTime"), "signingTime"
        )
        return found.time.as_datetime()

    @cached_property
    def message_digest(self) -> bytes | None:
        """The digest of the content that is signed; None without signed attributes."""
        value = self.attributes.get(oids.MESSAGE_DIGEST)
        return None if value is None else coding.decode(bytes, value, "messageDigest")

    def is_of(self, certificate: Certificate) -> bool:
        """Say whether the signer names this certificate."""
        if self.key_identifier is not None:
            return certificate.subject_key_identifier == self.key_identifier
        return (certificate.issuer_der, certificate.serial) == (
            self.issuer_der,
            self.serial,
        )

    def verify(
        self, content: bytes | Hashed, content_type: str, certificate: Certificate
    ) -> None:
        """Check the signature with the key of a certificate.

        Raises:
            InvalidSignature: if content, attributes or signature do not fit.
            EncodingError, UnknownAlgorithm, InvalidPoint: if it cannot be checked.
        """
        self.claim(content, content_type, certificate).check()

    def claim(
        self, content: bytes | Hashed, content_type: str, certificate: Certificate
    ) -> Claim:
        """Check all but the signature itself, and return what it claims.

        Raises:
            InvalidSignature: if content or attributes do not fit.
            EncodingError, UnknownAlgorithm, InvalidPoint: as `verify`.
        """
        key = certificate.public_key
        key_oid, digest_oid = KEYS[key.scheme, key.curve.size]
        if self.digest_algorithm != digest_oid or self.signature_algorithm not in (
            key_oid,
            signature_oid(key),
        ):
            raise EncodingError(
                f"{self._what}: algorithms {self.digest_algorithm} and "
                f"{self.signature_algorithm}; the key of {certificate.title} "
                f"signs with {digest_oid} and {key_oid}"
            )
        if self._signed is None:
            if isinstance(content, Hashed):
                raise EncodingError(
                    f"{self._what}: has no signed attributes; of such a signature the "
                    "whole content is needed"
                )
            self._refuse_attributes_as_content(content, content_type)
            return Claim(key, self.signature, content)
        self._check_attributes(content, content_type, digest_oid, certificate)
        return Claim(key, self.signature, self._signed)

    def _check_attributes(
        self,
        content: bytes | Hashed,
        content_type: str,
        digest_oid: str,
        certificate: Certificate,
    ) -> None:
        stated = self.attributes.get(oids.CONTENT_TYPE)
        wanted = self.message_digest
        if stated is None or wanted is None:
            raise EncodingError(
                f"{self._what}: the signed attributes lack contentType or messageDigest"
            )
        found = coding.decode(schemas.OID, stated, "contentType").dotted_string
        if found != content_type:
            raise InvalidSignature(
                f"{self._what}: signed content type is {found}, "
                f"the message says {content_type}"
            )
        if not hmac.compare_digest(wanted, _digest(digest_oid, content, self._what)):
            raise InvalidSignature("the signed content was changed or is another one")
        ess = self.attributes.get(oids.SIGNING_CERTIFICATE_V2)
        if ess is not None:
            self._check_signing_certificate(ess, certificate)

    def _check_signing_certificate(
        self, value: bytes, certificate: Certificate
    ) -> None:
        what = "signing-certificate-v2"
        found = coding.decode(schemas.SigningCertificateV2, value, what)
        if not found.certificates:
            raise EncodingError(f"{what}: names no certificate")
        first = found.certificates[0]
        if first.algorithm is None:
            raise EncodingError(
                f"{what}: digest is SHA-256; must be one of {', '.join(_DIGESTS)}"
            )
        algorithm = first.algorithm.algorithm.dotted_string
        if algorithm == oids.DIGEST_256:
            meant = certificate.fingerprint()
        else:
            meant = _digest(algorithm, certificate.der, what)
        if first.digest != meant:
            raise InvalidSignature(
                f"the signer meant another certificate than {certificate.title}"
            )

    @staticmethod
    def _refuse_attributes_as_content(content: bytes, content_type: str) -> None:
        """Refuse signed attributes that were cut off a message and given as content.

        Without attributes the signature covers the content alone, so the
        attributes of somebody's message would pass as a message of his.
        """
        if content_type != oids.DATA:
            raise EncodingError(
                f"CMS signer: content type {content_type} needs signed attributes"
            )
        if (
            content[:1] == b"\x31"
            and coding.encode(schemas.OID(oids.MESSAGE_DIGEST)) in content[:4096]
        ):
            raise InvalidSignature(
                "the content is the set of signed attributes of another message"
            )


class SignedData:
    """A CMS message with signatures; they are checked by `verify`."""

    def __init__(self, der: bytes) -> None:
        """Parse DER; use `from_bytes`."""
        self.der = der
        what, most = "CMS SignedData", coding.LARGEST_OF_ALL
        info = coding.decode(schemas.ContentInfo, der, "CMS message", largest=most)
        if info.content_type.dotted_string != oids.SIGNED_DATA:
            raise EncodingError(
                f"CMS message: content type {info.content_type.dotted_string}; "
                f"must be SignedData {oids.SIGNED_DATA}"
            )
        data = coding.parse(info.content, schemas.SignedData, what)
        self.content_type = data.content.content_type.dotted_string
        self.content = data.content.content
        """What is signed; None if the signature is detached."""
        self._certificates = [coding.encode(c) for c in data.certificates or ()]
        self.signers = tuple(Signer(s) for s in data.signers.as_list())

    @classmethod
    def from_bytes(cls, data: bytes | str) -> SignedData:
        """Read a message, DER or PEM; BER of indefinite length is not read.

        Raises:
            EncodingError: if it is not one.
        """
        return cls(coding.der_of(data, *_PEM_LABELS))

    @cached_property
    def certificates(self) -> tuple[Certificate, ...]:
        """The certificates inside, in the order of the message; none is verified.

        Certificates of other kinds (attribute certificates) are left out.
        """
        return tuple(
            Certificate(der) for der in self._certificates if der[:1] == b"\x30"
        )

    def verify(
        self,
        content: bytes | Hashed | None = None,
        certificates: Iterable[Certificate] = (),
    ) -> list[Certificate]:
        """Check every signature.

        Args:
            content: what was signed, or its digest, if the signature is detached.
            certificates: where to look for signers that are not inside.

        Returns:
            The signers' certificates, in the order of the signers.  Their chains,
            dates and revocation are for `chain.verify_chain`.

        Raises:
            InvalidSignature: if one is not good, or there is none.
            EncodingError: if a certificate is missing, or a signature cannot be
                checked.
        """
        if self.content is not None:
            if content is not None and content != self.content:
                raise InvalidSignature("the content inside is not the one given")
            content = self.content
        if content is None:
            raise EncodingError(
                "CMS message: the signature is detached; give the signed content"
            )
        if not self.signers:
            raise InvalidSignature("CMS message: nobody signed it")
        known = [*self.certificates, *certificates]
        found = []
        for signer in self.signers:
            found.append(self._verify_one(signer, content, known))
        return found

    def _verify_one(
        self, signer: Signer, content: bytes | Hashed, known: Iterable[Certificate]
    ) -> Certificate:
        fault: GostKeyError | None = None
        # Anybody can make a second certificate of the same issuer and serial, so
        # the first one that is named need not be the signer's.
        for certificate in self._named(signer, known):
            try:
                signer.verify(content, self.content_type, certificate)
                return certificate
            except GostKeyError as error:
                # Of several certificates the one whose key fits says the most.
                if fault is None or isinstance(error, InvalidSignature):
                    fault = error
        if fault is not None:
            raise fault
        if signer.serial is None:
            whose = f"key identifier {(signer.key_identifier or b'').hex()}"
        else:
            whose = f"serial {signer.serial:x}"
        raise EncodingError(
            f"CMS message: the signer's certificate ({whose}) is not in it; "
            "give it beside"
        )

    @staticmethod
    def _named(signer: Signer, known: Iterable[Certificate]) -> Iterator[Certificate]:
        for certificate in known:
            try:
                named = signer.is_of(certificate)
            except EncodingError:  # of its subjectKeyIdentifier
                continue
            if named:
                yield certificate
