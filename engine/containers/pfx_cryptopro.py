"""The key bag of a CryptoPro PFX: PBE 1.2.840.113549.1.12.1.80.

A password gives a transport key, which encrypts a PrivateKeyInfo; the key in it
is a blob in which the private key is encrypted once more, under a key that comes
from the transport key and a UKM, with two MACs.  The hash of the password is
GOST R 34.11-94 and the S-box CryptoPro-A for keys of 2012, too.

Source: CryptoPro CSP as seen in real files; blob types of signature keys of 2001
and of 512 bits by the vendor's names only.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from datetime import datetime, timezone

from cryptography.hazmat import asn1

from gostkey import ciphers, kdf, random
from gostkey.backend import active
from gostkey.errors import (
    EncodingError,
    GostKeyError,
    IntegrityError,
    PrivateKeyRange,
    WrongPassword,
)
from gostkey.keyforms import KEY_OIDS, Scheme
from gostkey.keyforms.der import decode, encode
from gostkey.signing import SigningKey

from . import pfx_schemas as schemas
from .key_parameters import KeyParameters, make_parameters, read_parameters
from .pfx_protection import ITERATIONS, NULL, check_derivation
from .schemas import PERIOD_OF_EXCHANGE_KEY, PERIOD_OF_SIGNATURE_KEY, UsagePeriod

CRYPTOPRO_PBE = "1.2.840.113549.1.12.1.80"

_SBOX = "a"
_SALT_SIZE = 16
_UKM_SIZE = 8
_MOST_COUNTED = 0xFFFF
"""Iterations are counted in two octets."""

_LABEL = bytes.fromhex("26bdb878")
_BLOB_HEADER = struct.Struct("<BBHI4sI")
_PRIVATE_KEY_BLOB, _BLOB_VERSION, _MAGIC = 0x07, 0x20, b"MAG1"

_BLOB_TYPES = {
    (Scheme.GOST_2001, 256, "exchange"): 0xAA24,
    (Scheme.GOST_2012, 256, "exchange"): 0xAA46,
    (Scheme.GOST_2012, 512, "exchange"): 0xAA42,
    (Scheme.GOST_2001, 256, "signature"): 0x2E23,
    (Scheme.GOST_2012, 256, "signature"): 0x2E49,
    (Scheme.GOST_2012, 512, "signature"): 0x2E3D,
}
_PERIODS = {"exchange": PERIOD_OF_EXCHANGE_KEY, "signature": PERIOD_OF_SIGNATURE_KEY}

_WHAT = "key bag"
_WRONG = "PFX: the password of its MAC does not open the key bag"


@dataclass(frozen=True)
class BlobKey:
    """A key out of a key bag, with what the bag says of it."""

    key: SigningKey
    usage: str
    exportable: bool
    not_after: datetime | None


def open_key_bag(
    algorithm: schemas.AlgorithmIdentifier, data: bytes, password: str
) -> BlobKey:
    """Take the key out of a key bag.

    Raises:
        EncodingError: if it is not built as it should be.
        UnknownAlgorithm, UnknownCurve: if the key is of an unknown kind.
        WrongPassword: if a MAC in it does not match.
    """
    found = decode(schemas.SaltAndIterations, schemas.parameters_of(algorithm), _WHAT)
    check_derivation(_WHAT, found.salt, found.iterations)
    if found.iterations > _MOST_COUNTED:
        raise EncodingError(
            f"{_WHAT}: {found.iterations} iterations; at most {_MOST_COUNTED}"
        )
    if len(found.salt) < _UKM_SIZE:
        raise EncodingError(
            f"{_WHAT}: salt has {len(found.salt)} bytes; it should have {_SALT_SIZE}"
        )
    transport = transport_key(password, found.salt, found.iterations)
    plain = ciphers.gost28147_cfb_decrypt(_SBOX, transport, found.salt[:8], data)
    try:
        info = decode(schemas.BlobKeyInfo, plain, _WHAT, secret=True)
    except EncodingError:
        raise WrongPassword(_WRONG) from None
    return _open_blob(info, transport)


def transport_key(password: str, salt: bytes, iterations: int) -> bytes:
    """Derive the key that encrypts a key bag; the password is taken as UTF-16LE."""
    key = password.encode("utf-16-le")
    for number in range(1, iterations + 1):
        state = active.hashes.gostr3411_94("cryptopro")
        state.update(key + salt + number.to_bytes(2, "big"))
        key = state.digest()
    return key


def encryption_key(scheme: Scheme, transport: bytes, ukm: bytes) -> bytes:
    """Derive the key under which the private key is."""
    if scheme is Scheme.GOST_2001:
        return ciphers.diversify(_SBOX, transport, ukm)
    return kdf.kdf_gostr3411_2012_256(transport, _LABEL, ukm)


def _open_blob(info: schemas.BlobKeyInfo, transport: bytes) -> BlobKey:
    size = _BLOB_HEADER.size
    if len(info.blob) < size:
        raise EncodingError(f"{_WHAT}: the blob has {len(info.blob)} bytes only")
    kind, _version, _reserved, _type, magic, _length = _BLOB_HEADER.unpack(
        info.blob[:size]
    )
    # The type repeats what the parameters say; some of its values are not known.
    if (kind, magic) != (_PRIVATE_KEY_BLOB, _MAGIC):
        raise EncodingError(f"{_WHAT}: it holds no private key blob of CryptoPro")
    blob = decode(schemas.ExportBlob, info.blob[size:], _WHAT, secret=True)
    inner_der = encode(blob.inner)
    inner = decode(schemas.ExportInner, inner_der, _WHAT, secret=True)
    parameters = read_parameters(inner.parameters, _WHAT)
    if inner.key.mask is not None:
        raise EncodingError(f"{_WHAT}: a masked key; none was ever seen to learn from")
    if len(inner.ukm) != _UKM_SIZE or len(inner.key.encrypted) != parameters.curve.size:
        raise EncodingError(
            f"{_WHAT}: UKM of {len(inner.ukm)} and key of {len(inner.key.encrypted)} "
            f"bytes; it should be {_UKM_SIZE} and {parameters.curve.size}"
        )
    kek = encryption_key(parameters.scheme, transport, inner.ukm)
    if not hmac.compare_digest(ciphers.gost28147_mac(_SBOX, kek, inner_der), blob.mac):
        raise WrongPassword(_WRONG)
    try:
        private = bytearray(
            ciphers.gost_unwrap(
                _SBOX, kek, inner.ukm, inner.key.encrypted + inner.key.mac
            )
        )
    except IntegrityError:
        raise WrongPassword(_WRONG) from None
    try:
        key = SigningKey.from_bytes(private, parameters.curve, scheme=parameters.scheme)
    except PrivateKeyRange:
        raise EncodingError(f"{_WHAT}: the private key is not in 1..q-1") from None
    finally:
        active.generators.wipe(private)
    return BlobKey(
        key,
        parameters.usage,
        parameters.exportable,
        _not_after(info, parameters.usage),
    )


def _not_after(info: schemas.BlobKeyInfo, usage: str) -> datetime | None:
    """Return the end of the key's usage period; its form is not known for sure."""
    for attribute in info.attributes.as_list() if info.attributes else ():
        if attribute.oid == _PERIODS[usage]:
            for value in attribute.values.as_list():
                try:
                    period = decode(UsagePeriod, encode(value), _WHAT)
                    if period.not_after is not None:
                        return period.not_after.as_datetime()
                except GostKeyError:
                    continue
    return None


def make_key_bag(
    key: SigningKey,
    password: str,
    *,
    usage: str,
    exportable: bool,
    not_after: datetime | None,
) -> bytes:
    """Make a key bag's content: an EncryptedPrivateKeyInfo.

    Args:
        key: of any scheme and curve.
        password: may be empty.
        usage: "exchange" or "signature".
        exportable: whether it may be exported again where it is imported.
        not_after: end of its usage period, aware, if there is one.
    """
    salt = random.token(_SALT_SIZE)
    transport = transport_key(password, salt, ITERATIONS)
    blob = _make_blob(
        key, transport, KeyParameters(key.scheme, key.curve, usage, exportable)
    )
    attributes = None
    if not_after is not None:
        end = not_after.astimezone(timezone.utc).replace(microsecond=0)
        period = UsagePeriod(not_before=None, not_after=asn1.GeneralizedTime(end))
        attribute = schemas.Attribute(
            oid=_PERIODS[usage], values=asn1.SetOf([schemas.tlv(encode(period))])
        )
        attributes = asn1.SetOf([attribute])
    info = schemas.BlobKeyInfo(
        version=0,
        algorithm=schemas.make_algorithm(KEY_OIDS[key.scheme, key.curve.bits], NULL),
        blob=blob,
        attributes=attributes,
    )
    parameters = schemas.SaltAndIterations(salt=salt, iterations=ITERATIONS)
    algorithm = schemas.make_algorithm(CRYPTOPRO_PBE, encode(parameters))
    data = ciphers.gost28147_cfb_encrypt(_SBOX, transport, salt[:8], encode(info))
    return encode(schemas.EncryptedKey(algorithm=algorithm, data=data))


def _make_blob(key: SigningKey, transport: bytes, parameters: KeyParameters) -> bytes:
    size = key.curve.size
    ukm = random.token(_UKM_SIZE)
    kek = encryption_key(key.scheme, transport, ukm)
    private = bytearray(key.to_bytes())
    try:
        wrapped = ciphers.gost_wrap(_SBOX, kek, ukm, private)
    finally:
        active.generators.wipe(private)
    inner = encode(
        schemas.ExportInner(
            ukm=ukm,
            key=schemas.WrappedKey(
                encrypted=wrapped[:size], mask=None, mac=wrapped[size:]
            ),
            parameters=make_parameters(parameters),
        )
    )
    header = _BLOB_HEADER.pack(
        _PRIVATE_KEY_BLOB,
        _BLOB_VERSION,
        0,
        _BLOB_TYPES[key.scheme, key.curve.bits, parameters.usage],
        _MAGIC,
        size,
    )
    mac = ciphers.gost28147_mac(_SBOX, kek, inner)
    return header + encode(schemas.ExportBlob(inner=schemas.tlv(inner), mac=mac))
