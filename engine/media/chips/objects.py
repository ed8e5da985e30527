"""The objects of a token: GOST keys and certificates, read and written.

A public key is the point, x then y, each little-endian; some libraries put an OCTET
STRING around it.  Its curve and hash are OIDs in DER.

Source: PKCS #11 Current Mechanisms 2.40, 2.50; TC26's numbers for 512 bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gostkey import cryptoki
from gostkey.curves import Curve, get
from gostkey.errors import GostKeyError, UnknownAlgorithm
from gostkey.keyforms import Scheme
from gostkey.pki import coding, oids, schemas
from gostkey.pki.certificates import Certificate
from gostkey.signing import VerifyingKey

from .model import ChipKeyEntry, ChipToken

_SIZES = {cryptoki.KEY_256: 32, cryptoki.KEY_512: 64}

_SCHEMES = {
    oids.DIGEST_256: Scheme.GOST_2012,
    oids.DIGEST_512: Scheme.GOST_2012,
    "1.2.643.2.2.30.1": Scheme.GOST_2001,
}
"""Hash -> standard; keys of 256 bits of both standards have one key type."""

_X509 = 0
_OF_THE_USER = 1


@dataclass(frozen=True)
class Found:
    """The objects of one session that are keys of GOST or certificates."""

    public: list[Any]
    private: list[Any]
    certificates: list[tuple[bytes, Certificate]]
    """Identifier and certificate, without those that cannot be read."""


def find(pkcs11: Any, session: Any) -> Found:
    """Read what a session sees."""
    kinds, names = pkcs11.ObjectClass, pkcs11.Attribute

    def of(kind: Any) -> list[Any]:
        return list(session.get_objects({names.CLASS: kind}))

    certificates = []
    for one in of(kinds.CERTIFICATE):
        der = read(pkcs11, one, names.VALUE)
        try:
            certificate = Certificate.from_bytes(der or b"")
        except GostKeyError:
            continue
        certificates.append((read(pkcs11, one, names.ID) or b"", certificate))
    keys = [of(kinds.PUBLIC_KEY), of(kinds.PRIVATE_KEY)]
    public, private = (
        [one for one in some if read(pkcs11, one, names.KEY_TYPE) in _SIZES]
        for some in keys
    )
    return Found(public, private, certificates)


def read(pkcs11: Any, thing: Any, attribute: Any) -> Any:
    """Return an attribute, or None where the token does not tell it."""
    try:
        return thing[attribute]
    except (
        pkcs11.AttributeTypeInvalid,
        pkcs11.AttributeSensitive,
        pkcs11.FunctionFailed,
        IndexError,
    ):
        return None


def entries(
    pkcs11: Any, found: Found, token: ChipToken, *, after_pin: bool
) -> list[ChipKeyEntry]:
    """Put public keys, private keys and certificates together.

    Args:
        after_pin: whether the PIN was given; before, private keys are not shown.
    """
    names = pkcs11.Attribute
    private = {read(pkcs11, one, names.ID) or b"": one for one in found.private}
    listed: dict[bytes, ChipKeyEntry] = {}

    def add(thing: Any, identifier: bytes, key: VerifyingKey | None, why: str) -> None:
        listed[identifier] = ChipKeyEntry(
            token,
            identifier,
            read(pkcs11, thing, names.LABEL) or "",
            key,
            True if identifier in private else False if after_pin else None,
            _certificate_of(key, found.certificates),
            why,
        )

    for one in found.public:
        identifier = read(pkcs11, one, names.ID) or b""
        if identifier in listed:
            add(one, identifier, None, "another key has the same identifier")
            continue
        try:
            add(one, identifier, public_key(pkcs11, one), "")
        except GostKeyError as error:
            add(one, identifier, None, str(error))
    for identifier, one in private.items():
        if identifier not in listed:
            add(one, identifier, *_by_certificate(identifier, found))
    return sorted(listed.values(), key=lambda entry: (entry.label, entry.identifier))


def _by_certificate(identifier: bytes, found: Found) -> tuple[VerifyingKey | None, str]:
    """Take a public key that is missing from the certificate, or say what is wrong."""
    for owner, certificate in found.certificates:
        if owner == identifier:
            try:
                return certificate.public_key, ""
            except GostKeyError as error:
                return None, str(error)
    return None, "its public key is missing on the token, and so is its certificate"


def public_key(pkcs11: Any, thing: Any) -> VerifyingKey:
    """Read a public key.

    Raises:
        EncodingError, UnknownCurve, InvalidPoint, UnknownAlgorithm
    """
    names = pkcs11.Attribute
    size = _SIZES[read(pkcs11, thing, names.KEY_TYPE)]
    curve = get(_oid(read(pkcs11, thing, names.GOSTR3410_PARAMS), "curve of the key"))
    point = read(pkcs11, thing, names.VALUE) or b""
    if len(point) != 2 * size:
        point = coding.decode(bytes, point, "public key on the token")
    return VerifyingKey.from_bytes(point, curve, scheme=_scheme(pkcs11, thing))


def _scheme(pkcs11: Any, thing: Any) -> Scheme:
    der = read(pkcs11, thing, pkcs11.Attribute.GOSTR3411_PARAMS)
    if der is None:
        return Scheme.GOST_2012
    oid = _oid(der, "hash of the key")
    if oid not in _SCHEMES:
        raise UnknownAlgorithm(
            f"hash of the key: {oid} is unknown; known: {', '.join(_SCHEMES)}"
        )
    return _SCHEMES[oid]


def _oid(der: bytes | None, what: str) -> str:
    return coding.decode(schemas.OID, der or b"", what).dotted_string


def _certificate_of(
    key: VerifyingKey | None, certificates: Iterable[tuple[bytes, Certificate]]
) -> bytes | None:
    """Return the certificate of a key that ends last."""
    best: Certificate | None = None
    for _, one in certificates:
        if is_of(one, key) and (best is None or one.not_after > best.not_after):
            best = one
    return None if best is None else best.der


def is_of(certificate: Certificate, key: VerifyingKey | None) -> bool:
    """Say whether a certificate is for a key; the name of the curve may differ."""
    try:
        return key is not None and certificate.public_key == key
    except GostKeyError:
        return False


def key_templates(
    pkcs11: Any, curve: Curve, label: str, identifier: bytes, *, twice: bool
) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Return what a new public and a new private key shall be.

    No more attributes than makers' own samples have, but for the two that keep the
    private key inside: some libraries refuse what they do not know.

    Args:
        twice: say curve and hash of the private key too, as makers' samples do; by
            the standard's text they follow from the public key.
    """
    names = pkcs11.Attribute
    size = cryptoki.KEY_256 if curve.size == 32 else cryptoki.KEY_512
    digest = oids.DIGEST_256 if curve.size == 32 else oids.DIGEST_512
    left_out = (names.ENCRYPT, names.DECRYPT, names.WRAP, names.UNWRAP, names.VERIFY)
    both = {
        names.LABEL: label,
        names.ID: identifier,
        names.KEY_TYPE: size,
        names.TOKEN: True,
        **dict.fromkeys(left_out, pkcs11.constants.DEFAULT),
    }
    parameters = {
        names.GOSTR3410_PARAMS: coding.encode(schemas.OID(curve.oid)),
        names.GOSTR3411_PARAMS: coding.encode(schemas.OID(digest)),
    }
    public = {**both, names.PRIVATE: False, **parameters}
    private = {
        **both,
        names.PRIVATE: True,
        names.SIGN: True,
        names.DERIVE: True,
        names.SENSITIVE: True,
        names.EXTRACTABLE: False,
        **(parameters if twice else {}),
    }
    return public, private


def certificate_template(
    pkcs11: Any, certificate: Certificate, entry: ChipKeyEntry
) -> dict[Any, Any]:
    """Return what the object of a certificate shall be."""
    names = pkcs11.Attribute
    return {
        names.CLASS: pkcs11.ObjectClass.CERTIFICATE,
        names.CERTIFICATE_TYPE: _X509,
        names.CERTIFICATE_CATEGORY: _OF_THE_USER,
        names.TOKEN: True,
        names.PRIVATE: False,
        names.LABEL: entry.label,
        names.ID: entry.identifier,
        names.SUBJECT: certificate.subject_der,
        names.ISSUER: certificate.issuer_der,
        names.SERIAL_NUMBER: coding.encode(certificate.serial),
        names.VALUE: certificate.der,
    }
