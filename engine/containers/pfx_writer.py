"""Writing a PFX: CryptoPro's, which CSP imports, and that of RFC 9548.

Every PFX is read back, key and certificates, before it is handed out.

Sources: CryptoPro CSP as seen in real files; RFC 9548 (R 1323565.1.041).
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat import asn1

from gostkey.errors import (
    CertificateMismatch,
    ContainerError,
    EncodingError,
    LengthError,
)
from gostkey.keyforms import Scheme, certificate_public_key, encrypt_pbes2
from gostkey.keyforms.der import decode, encode
from gostkey.signing import SigningKey

from . import pfx_schemas as schemas
from .certificate_facts import certificate_facts
from .pfx import TransferKey
from .pfx_cryptopro import make_key_bag
from .pfx_protection import (
    ITERATIONS,
    SHA_1,
    STREEBOG_512,
    checked_password,
    encrypt_triple_des,
    make_mac,
)
from .pfx_reader import read_pfx

DEFAULT_PFX_CIPHER = "gost89"
"""Of `gostkey.keyforms.CIPHERS`: what OpenSSL and GnuTLS open, too."""

_VERSION = 3
_LOCAL_KEY_ID = b"\1\0\0\0"
"""Joins key and certificate in a file; CSP numbers them so."""

_PROVIDERS = {
    (
        Scheme.GOST_2001,
        256,
    ): "Crypto-Pro GOST R 34.10-2001 Cryptographic Service Provider",
    (
        Scheme.GOST_2012,
        256,
    ): "Crypto-Pro GOST R 34.10-2012 Cryptographic Service Provider",
    (
        Scheme.GOST_2012,
        512,
    ): "Crypto-Pro GOST R 34.10-2012 Strong Cryptographic Service Provider",
}
"""Which provider shall import the key; not a claim that it made it."""


def write_cryptopro_pfx(
    key: TransferKey, password: str, *, chain: Sequence[bytes] = ()
) -> bytes:
    """Write a PFX that CryptoPro CSP imports.

    Args:
        key: with its certificate and name.
        password: ASCII; "" for a file that everybody can open.
        chain: DER of further certificates, up to the root.

    Raises:
        ContainerError: if the password is not ASCII.
        CertificateMismatch: if the certificate is for another key.
    """
    if not password.isascii():
        # What CSP makes of other letters is not known for sure.
        raise ContainerError(
            "password: only ASCII characters can be used in a CryptoPro PFX; choose "
            "another one, or the standard kind of PFX"
        )
    bag = schemas.SafeBag(
        oid=schemas.OID(schemas.SHROUDED_KEY_BAG),
        value=schemas.tlv(
            make_key_bag(
                key.key,
                password,
                usage=key.usage,
                exportable=key.exportable,
                not_after=key.not_after,
            )
        ),
        attributes=_attributes(key, _PROVIDERS[key.key.scheme, key.key.curve.bits]),
    )
    contents = [_data([bag])]
    certificates = _certificate_bags(key, chain)
    if certificates:
        contents.append(_encrypted(*encrypt_triple_des(certificates, password)))
    return _finish(contents, SHA_1, password, key)


def write_standard_pfx(
    key: TransferKey,
    password: str,
    *,
    chain: Sequence[bytes] = (),
    cipher: str = DEFAULT_PFX_CIPHER,
) -> bytes:
    """Write a PFX of RFC 9548.

    Args:
        key: with its certificate and name.
        password: any text, not empty.
        chain: DER of further certificates, up to the root.
        cipher: one of `gostkey.keyforms.CIPHERS`.

    Raises:
        LengthError: if the password is empty.
        CertificateMismatch: if the certificate is for another key.
    """
    if not password:
        raise LengthError("password is empty; a PFX of RFC 9548 must have one")
    plain = key.key.to_pkcs8()
    bag = schemas.SafeBag(
        oid=schemas.OID(schemas.SHROUDED_KEY_BAG),
        value=schemas.tlv(
            encrypt_pbes2(
                plain, checked_password(password), cipher=cipher, iterations=ITERATIONS
            )
        ),
        attributes=_attributes(key, ""),
    )
    contents = [_data([bag])]
    certificates = _certificate_bags(key, chain)
    if certificates:
        sealed = decode(
            schemas.EncryptedKey,
            encrypt_pbes2(certificates, password, cipher=cipher, iterations=ITERATIONS),
            "certificate bags",
        )
        contents.append(_encrypted(sealed.algorithm, sealed.data))
    return _finish(contents, STREEBOG_512, password, key)


def _attributes(key: TransferKey, provider: str) -> asn1.SetOf[schemas.Attribute]:
    local = schemas.tlv(encode(_LOCAL_KEY_ID))
    attributes = [_attribute(schemas.LOCAL_KEY_ID, local)]
    if key.name:
        attributes.append(
            _attribute(schemas.FRIENDLY_NAME, schemas.bmp_string(key.name))
        )
    if provider:
        attributes.append(
            _attribute(schemas.PROVIDER_NAME, schemas.bmp_string(provider))
        )
    return asn1.SetOf(attributes)


def _attribute(oid: str, value: asn1.TLV) -> schemas.Attribute:
    return schemas.Attribute(oid=schemas.OID(oid), values=asn1.SetOf([value]))


def _certificate_bags(key: TransferKey, chain: Sequence[bytes]) -> bytes:
    """Return the SafeContents of the certificates; b"" if there are none."""
    own = key.certificate
    if own is not None:
        info = certificate_public_key(own)
        if info.public_le != key.key.verifying_key.to_bytes():
            raise CertificateMismatch("PFX: the certificate is for another key")
    bags = []
    for der in [*([own] if own is not None else []), *chain]:
        certificate_facts(der)
        bag = schemas.CertificateBag(
            oid=schemas.OID(schemas.X509_CERTIFICATE), value=schemas.tlv(encode(der))
        )
        local = schemas.tlv(encode(_LOCAL_KEY_ID))
        bags.append(
            schemas.SafeBag(
                oid=schemas.OID(schemas.CERTIFICATE_BAG),
                value=schemas.tlv(encode(bag)),
                attributes=asn1.SetOf([_attribute(schemas.LOCAL_KEY_ID, local)])
                if der is own
                else None,
            )
        )
    return schemas.encode_safe_bags(bags) if bags else b""


def _data(bags: list[schemas.SafeBag]) -> schemas.ContentInfo:
    return _octets(schemas.encode_safe_bags(bags))


def _octets(content: bytes) -> schemas.ContentInfo:
    return schemas.ContentInfo(
        content_type=schemas.OID(schemas.DATA), content=schemas.tlv(encode(content))
    )


def _encrypted(
    algorithm: schemas.AlgorithmIdentifier, data: bytes
) -> schemas.ContentInfo:
    encrypted = schemas.EncryptedData(
        version=0,
        content=schemas.EncryptedContentInfo(
            content_type=schemas.OID(schemas.DATA), algorithm=algorithm, content=data
        ),
        attributes=None,
    )
    return schemas.ContentInfo(
        content_type=schemas.OID(schemas.ENCRYPTED_DATA),
        content=schemas.tlv(encode(encrypted)),
    )


def _finish(
    contents: list[schemas.ContentInfo], mac_oid: str, password: str, key: TransferKey
) -> bytes:
    safe = schemas.encode_content_infos(contents)
    pfx = encode(
        schemas.Pfx(
            version=_VERSION,
            content=_octets(safe),
            mac=make_mac(mac_oid, safe, password),
        )
    )
    _read_back(pfx, password, key)
    return pfx


def _read_back(pfx: bytes, password: str, key: TransferKey) -> None:
    """Open a new PFX and compare; what is wrong now is never handed out."""
    with read_pfx(pfx, password) as read:
        if len(read.keys) == 1 and not read.skipped:
            one = read.keys[0]
            if _facts(one) == _facts(key):
                return
    raise EncodingError("PFX: what was made does not read back the same")


def _facts(key: TransferKey) -> tuple[SigningKey, bytes | None, str]:
    return key.key, key.certificate, key.name
