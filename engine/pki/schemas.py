"""ASN.1 structures of certificates, requests, CRLs and CMS, and nothing else.

The DER itself is read and written by `cryptography.hazmat.asn1`; see `coding`.
Where octets must survive as received (names, keys, what is signed) a field is a
TLV, which encodes to the octets that it was decoded from.

Sources: RFC 5280 (certificates, CRLs), RFC 2986 (requests), RFC 5652 (CMS),
RFC 5035 (signing certificate), RFC 9215 (algorithm identifiers).
"""

from __future__ import annotations

from typing import Annotated

from cryptography import x509
from cryptography.hazmat import asn1

OID = x509.ObjectIdentifier


# -- building blocks ----------------------------------------------------------


@asn1.sequence
class AlgorithmIdentifier:
    """Algorithm without parameters, or with NULL (RFC 9215 2 allows both)."""

    algorithm: OID
    parameters: asn1.Null | None


@asn1.sequence
class AlgorithmWithParameters:
    """Algorithm with parameters of any type."""

    algorithm: OID
    parameters: asn1.TLV


@asn1.sequence
class Extension:
    """One extension; *value* is the DER inside the OCTET STRING.

    Structures hold it as TLV: some certificates in the wild write the BOOLEAN
    *critical* as 01 and not FF, or write FALSE, the default, which a strict schema
    refuses, and so does cryptography's own X.509 parser.  See
    `extensions.from_schema`.
    """

    oid: OID
    critical: Annotated[bool, asn1.Default(False)]
    value: bytes


@asn1.sequence
class Validity:
    """Two dates; UTCTime until 2049, then GeneralizedTime."""

    not_before: asn1.UTCTime | asn1.GeneralizedTime
    not_after: asn1.UTCTime | asn1.GeneralizedTime


@asn1.sequence
class Attribute:
    """Attribute of a request or of a CMS signer: a type and a SET of values."""

    type: OID
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class AttributeTypeAndValue:
    """One attribute of a name."""

    type: OID
    value: asn1.TLV


# -- certificates -------------------------------------------------------------


@asn1.sequence
class TBSCertificate:
    """What a certificate's signature covers (RFC 5280 4.1)."""

    version: Annotated[int, asn1.Explicit(0), asn1.Default(0)]
    serial: int
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: Validity
    subject: asn1.TLV
    public_key: asn1.TLV
    issuer_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Explicit(3)]


@asn1.sequence
class ReadTBSCertificate:
    """`TBSCertificate` as nearly all are: its extensions are strict DER too."""

    version: Annotated[int, asn1.Explicit(0), asn1.Default(0)]
    serial: int
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: Validity
    subject: asn1.TLV
    public_key: asn1.TLV
    issuer_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[Extension] | None, asn1.Explicit(3)]


@asn1.sequence
class Signed:
    """Certificate, request or CRL: something, its signature algorithm, signature."""

    content: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


@asn1.sequence
class SignedCertificate:
    """`Signed` with a `TBSCertificate` in it, to be read in one go."""

    content: TBSCertificate
    algorithm: asn1.TLV
    signature: asn1.BitString


@asn1.sequence
class ReadCertificate:
    """`Signed` with a `ReadTBSCertificate` in it."""

    content: ReadTBSCertificate
    algorithm: asn1.TLV
    signature: asn1.BitString


# -- requests -----------------------------------------------------------------


@asn1.sequence
class RequestInfo:
    """What the signature of a PKCS#10 request covers (RFC 2986 4.1).

    *attributes* is a SET OF; under an implicit tag it reads the same as a list,
    which does not insist on DER's order (some requests in the wild lack it).
    """

    version: int
    subject: asn1.TLV
    public_key: asn1.TLV
    attributes: Annotated[list[Attribute], asn1.Implicit(0)]


@asn1.sequence
class CspProvider:
    """Microsoft's enrolment CSP attribute: key kind, provider, empty signature."""

    key_spec: int
    provider: asn1.TLV
    signature: asn1.BitString


@asn1.sequence
class ClientInfo:
    """Microsoft's request client info."""

    client: int
    machine: str
    user: str
    process: str


@asn1.sequence
class NameValuePair:
    """Microsoft's name-value pair, both BMPString."""

    name: asn1.TLV
    value: asn1.TLV


# -- CRLs ---------------------------------------------------------------------


@asn1.sequence
class RevokedCertificate:
    """One line of a CRL."""

    serial: int
    date: asn1.UTCTime | asn1.GeneralizedTime
    extensions: list[asn1.TLV] | None


@asn1.sequence
class TBSCertList:
    """What a CRL's signature covers (RFC 5280 5.1)."""

    version: int | None
    signature: asn1.TLV
    issuer: asn1.TLV
    this_update: asn1.UTCTime | asn1.GeneralizedTime
    next_update: asn1.UTCTime | asn1.GeneralizedTime | None
    revoked: list[RevokedCertificate] | None
    extensions: Annotated[list[asn1.TLV] | None, asn1.Explicit(0)]


@asn1.sequence
class IssuingDistributionPoint:
    """What part of the revocations a CRL covers (RFC 5280 5.2.5)."""

    distribution_point: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    only_user_certificates: Annotated[bool, asn1.Implicit(1), asn1.Default(False)]
    only_ca_certificates: Annotated[bool, asn1.Implicit(2), asn1.Default(False)]
    only_some_reasons: Annotated[asn1.BitString | None, asn1.Implicit(3)]
    indirect: Annotated[bool, asn1.Implicit(4), asn1.Default(False)]
    only_attribute_certificates: Annotated[bool, asn1.Implicit(5), asn1.Default(False)]


# -- extensions ---------------------------------------------------------------


@asn1.sequence
class PrivateKeyUsagePeriod:
    """From when to when the private key signs (RFC 3280 4.2.1.4)."""

    not_before: Annotated[asn1.GeneralizedTime | None, asn1.Implicit(0)]
    not_after: Annotated[asn1.GeneralizedTime | None, asn1.Implicit(1)]


@asn1.sequence
class AuthorityKeyIdentifier:
    """Which key of the issuer signed."""

    key_identifier: Annotated[bytes | None, asn1.Implicit(0)]
    issuer: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    serial: Annotated[int | None, asn1.Implicit(2)]


@asn1.sequence
class PolicyInformation:
    """A policy; its qualifiers are not looked at."""

    identifier: OID
    qualifiers: list[asn1.TLV] | None


@asn1.sequence
class IssuerSignTool:
    """Tools of the authority (FSB order 795)."""

    sign_tool: str
    ca_tool: str
    sign_tool_certificate: str
    ca_tool_certificate: str


# -- CMS ----------------------------------------------------------------------


@asn1.sequence
class ContentInfo:
    """The outermost layer of CMS: a type and a content."""

    content_type: OID
    content: Annotated[asn1.TLV, asn1.Explicit(0)]


@asn1.sequence
class EncapsulatedContent:
    """What is signed; absent in a detached signature."""

    content_type: OID
    content: Annotated[bytes | None, asn1.Explicit(0)]


@asn1.sequence
class IssuerAndSerial:
    """A certificate named by its issuer and serial number."""

    issuer: asn1.TLV
    serial: int


@asn1.sequence
class SignerInfo:
    """One signature (RFC 5652 5.3).

    The attributes are SETs; see `RequestInfo` for why they are lists here.
    """

    version: int
    signer: IssuerAndSerial | Annotated[bytes, asn1.Implicit(0)]
    digest_algorithm: asn1.TLV
    signed_attributes: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    signature_algorithm: asn1.TLV
    signature: bytes
    unsigned_attributes: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class SignedData:
    """Content with its signatures (RFC 5652 5.1)."""

    version: int
    digest_algorithms: asn1.SetOf[asn1.TLV]
    content: EncapsulatedContent
    certificates: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    crls: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    signers: asn1.SetOf[SignerInfo]


@asn1.sequence
class IssuerSerial:
    """Issuer and serial in signing-certificate-v2."""

    issuer: list[asn1.TLV]
    serial: int


@asn1.sequence
class EssCertIdV2:
    """Digest of the signer's certificate (RFC 5035 4)."""

    algorithm: AlgorithmIdentifier | None
    digest: bytes
    issuer_serial: IssuerSerial | None


@asn1.sequence
class SigningCertificateV2:
    """Which certificate the signer meant (RFC 5035 3)."""

    certificates: list[EssCertIdV2]
    policies: list[PolicyInformation] | None


@asn1.sequence
class DigestAttribute:
    """messageDigest as a signed attribute, in one piece to be written fast."""

    type: OID
    values: asn1.SetOf[bytes]


@asn1.sequence
class SigningCertificateAttribute:
    """signing-certificate-v2 as a signed attribute, in one piece as well."""

    type: OID
    values: asn1.SetOf[SigningCertificateV2]


@asn1.sequence
class SignedMessage:
    """`ContentInfo` with a SignedData, in one piece as well."""

    content_type: OID
    content: Annotated[SignedData, asn1.Explicit(0)]


# -- a SEQUENCE OF as the only field: see coding.wrap -------------------------


@asn1.sequence
class One:
    """A SEQUENCE around any one thing."""

    content: asn1.TLV


@asn1.sequence
class OidList:
    """SEQUENCE OF OBJECT IDENTIFIER, such as extKeyUsage."""

    items: list[OID]


@asn1.sequence
class ExtensionList:
    """Extensions, as the attribute extensionRequest holds them."""

    items: list[asn1.TLV]


@asn1.sequence
class PolicyList:
    """CertificatePolicies."""

    items: list[PolicyInformation]


@asn1.sequence
class NameList:
    """A distinguished name."""

    rdns: list[asn1.SetOf[AttributeTypeAndValue]]


@asn1.sequence
class TlvList:
    """The signed attributes of a CMS signer, but for the tag: see `cms`."""

    items: list[asn1.TLV]


@asn1.sequence
class TimeHolder:
    """A SEQUENCE around a date, as CHOICE has no top level either."""

    time: asn1.UTCTime | asn1.GeneralizedTime
