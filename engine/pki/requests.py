"""PKCS#10 certificate requests with the attributes that Russian authorities read.

Sources: RFC 2986; RFC 9215 5 (examples); Microsoft's enrolment attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from cryptography.hazmat import asn1

from gostkey.errors import EncodingError
from gostkey.keyforms import pem
from gostkey.signing import SupportsSigning, VerifyingKey

from . import assembling, coding, oids, schemas
from . import extensions as ext
from .assembling import SEQUENCE, SET, ZERO, before, head
from .certificates import spki_of
from .extensions import Extension
from .names import Name
from .signed import SignedDer, sign_der, signature_oid

__all__ = ["Attribute", "Request", "build_request"]

_PEM_LABELS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")


@dataclass(frozen=True)
class Attribute:
    """An attribute of a request: OID and the DER of each of its values."""

    oid: str
    values: tuple[bytes, ...]


def renewal_certificate(der: bytes) -> Attribute:
    """Name the certificate that is being renewed; *der* is the whole of it."""
    return Attribute(oids.RENEWAL_CERTIFICATE, (der,))


def os_version(text: str) -> Attribute:
    """State the system's version, like "10.0.19045.2"."""
    value = coding.encode(coding.string_tlv("IA5String", text))
    return Attribute(oids.MS_OS_VERSION, (value,))


def csp_provider(provider: str, *, key_spec: int = 1) -> Attribute:
    """State the provider that made the key; *key_spec* 1 exchange, 2 signature.

    Never name a certified provider for a key that it did not make.
    """
    value = schemas.CspProvider(
        key_spec=key_spec,
        provider=coding.string_tlv("BMPString", provider),
        signature=asn1.BitString(b"", 0),
    )
    return Attribute(oids.MS_CSP, (coding.encode(value),))


def client_info(machine: str, user: str, process: str, *, client: int = 9) -> Attribute:
    """State machine, user and program; *client* 9 is "another program"."""
    value = schemas.ClientInfo(
        client=client, machine=machine, user=user, process=process
    )
    return Attribute(oids.MS_CLIENT_INFO, (coding.encode(value),))


def name_value(*pairs: tuple[str, str]) -> Attribute:
    """State pairs such as ("CpRaCertPeriod", "12"), ("CpRaCertPeriodUnits", "Months").

    All pairs are values of one attribute.
    """
    values = [
        coding.encode(
            schemas.NameValuePair(
                name=coding.string_tlv("BMPString", name),
                value=coding.string_tlv("BMPString", value),
            )
        )
        for name, value in pairs
    ]
    return Attribute(oids.MS_NAME_VALUE, tuple(values))


class Request(SignedDer):
    """A PKCS#10 request; equal to another if the octets are."""

    what = "certificate request"

    def __init__(self, der: bytes) -> None:
        """Parse DER; use `from_bytes`."""
        super().__init__(der)
        info = coding.decode(schemas.RequestInfo, self.signed, self.what)
        if info.version != 0:
            raise EncodingError(
                f"certificate request: version {info.version}; must be 0"
            )
        self.subject_der = coding.encode(info.subject)
        self.public_key_info = coding.encode(info.public_key)
        """SubjectPublicKeyInfo, DER as received."""
        self.attributes = tuple(
            Attribute(
                item.type.dotted_string,
                tuple(coding.encode(value) for value in item.values.as_list()),
            )
            for item in info.attributes
        )

    @classmethod
    def from_bytes(cls, data: bytes | str) -> Request:
        """Read a request, DER or PEM; the signature is checked by `verify`.

        Raises:
            EncodingError: if it is not one.
        """
        request = cls(coding.der_of(data, *_PEM_LABELS))
        request.subject  # noqa: B018  read now, to find faults
        request.extensions  # noqa: B018
        return request

    @cached_property
    def subject(self) -> Name:
        """Whom the certificate shall be for."""
        return Name.from_der(self.subject_der)

    @cached_property
    def public_key(self) -> VerifyingKey:
        """The key to be certified.

        Raises:
            UnknownAlgorithm, UnknownCurve, InvalidPoint, EncodingError: if it is
                not a GOST key that can be used.
        """
        return VerifyingKey.from_spki(self.public_key_info)

    def attribute(self, oid: str) -> bytes | None:
        """Return the one value of an attribute, or None.

        Raises:
            EncodingError: if it occurs twice or has several values.
        """
        values = [v for a in self.attributes if a.oid == oid for v in a.values]
        if len(values) > 1:
            raise EncodingError(
                f"certificate request: attribute {oid} has {len(values)} values; "
                "must have one"
            )
        return values[0] if values else None

    @cached_property
    def extensions(self) -> dict[str, Extension]:
        """The extensions asked for, by OID."""
        value = self.attribute(oids.EXTENSION_REQUEST)
        if value is None:
            value = self.attribute(oids.MS_EXTENSION_REQUEST)
        if value is None:
            return {}
        what = "extensions of the certificate request"
        return ext.from_schema(coding.decode_extensions(value, what), what)

    @property
    def renewal_certificate(self) -> bytes | None:
        """DER of the certificate that is to be renewed, if the request names one."""
        return self.attribute(oids.RENEWAL_CERTIFICATE)

    def verify(self) -> None:
        """Check that the owner of the key signed the request.

        Raises:
            InvalidSignature: if the signature is not good.
            UnknownAlgorithm, InvalidPoint: if it cannot be checked.
        """
        self.claim(self.public_key).check()

    def to_pem(self) -> str:
        """Return the request as PEM."""
        return pem(self.der, "CERTIFICATE REQUEST")

    def __repr__(self) -> str:
        return f"<Request of {self.subject.owner}>"


def build_request(
    key: SupportsSigning,
    subject: Name,
    *,
    extensions: Iterable[Extension] = (),
    attributes: Iterable[Attribute] = (),
    always_digest: bool = False,
) -> bytes:
    """Make a PKCS#10 request signed with its own key (proof of possession).

    Args:
        key: the new key.
        subject: copied octet for octet.
        extensions: asked for by the attribute extensionRequest.
        attributes: others, such as `renewal_certificate`.
        always_digest: see `certificates.spki_of`.

    Returns:
        DER.
    """
    info = request_info(
        key.verifying_key,
        subject,
        extensions=extensions,
        attributes=attributes,
        always_digest=always_digest,
    )
    return sign_der(info, key, coding.algorithm(signature_oid(key)))


def request_info(
    public_key: VerifyingKey,
    subject: Name,
    *,
    extensions: Iterable[Extension] = (),
    attributes: Iterable[Attribute] = (),
    always_digest: bool = False,
) -> bytes:
    """Make what the signature of a request covers; see `build_request`."""
    listed = [_to_schema(one) for one in attributes]
    wanted = tuple(extensions)
    if wanted:
        listed.append(_extension_request(wanted))
    info = schemas.RequestInfo(
        version=0,
        subject=coding.tlv(subject.der),
        public_key=coding.tlv(spki_of(public_key, always_digest=always_digest)),
        attributes=coding.set_order(listed),
    )
    return coding.encode(info)


def request_infos(
    public_keys: Sequence[VerifyingKey],
    subjects: Sequence[bytes],
    attributes: Sequence[Sequence[bytes]],
    *,
    always_digest: bool = False,
) -> list[bytes]:
    """Make what `request_info` makes, of DER that is there.

    Args:
        public_keys: the new keys.
        subjects: names, DER.
        attributes: those of each request, as `attribute` and
            `extension_request` encode them.
        always_digest: see `certificates.spki_of`.
    """
    version = coding.encode(0)
    return [
        assembling.sequence(
            version,
            subject,
            assembling.spki_of(key, always_digest=always_digest),
            head(ZERO, sum(map(len, its))),
            *sorted(its),
        )
        for key, subject, its in zip(public_keys, subjects, attributes, strict=True)
    ]


def attribute(one: Attribute) -> bytes:
    """Return the DER of an attribute."""
    values = sorted(one.values)
    layers = (SEQUENCE, assembling.oid(one.oid)), (SET, b"")
    return b"".join((before(layers, sum(map(len, values))), *values))


@lru_cache(maxsize=128)
def extension_request(extensions: tuple[Extension, ...]) -> bytes:
    """Return the DER of the attribute that asks for extensions."""
    return coding.encode(_extension_request(extensions))


def signed_requests(
    infos: Sequence[bytes],
    keys: Sequence[SupportsSigning],
    signatures: Sequence[bytes],
) -> list[bytes]:
    """Make requests of what `request_infos` gave and the signatures of that."""
    return [
        assembling.sequence(
            info,
            assembling.algorithm(signature_oid(key)),
            assembling.bit_string(signature),
        )
        for info, key, signature in zip(infos, keys, signatures, strict=True)
    ]


@lru_cache(maxsize=128)
def _extension_request(extensions: tuple[Extension, ...]) -> schemas.Attribute:
    """Make the attribute; all subscribers of an authority ask for much the same."""
    value = coding.encode_extensions(ext.to_schema(extensions))
    return _to_schema(Attribute(oids.EXTENSION_REQUEST, (value,)))


def _to_schema(attribute: Attribute) -> schemas.Attribute:
    return schemas.Attribute(
        type=coding.oid(attribute.oid),
        values=asn1.SetOf([coding.tlv(value) for value in attribute.values]),
    )
