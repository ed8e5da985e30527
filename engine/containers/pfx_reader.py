"""Reading a PFX: CryptoPro's, that of RFC 9548, and others with GOST keys.

The MAC is checked before anything is decrypted.  Whatever is not known is
passed over and told; keys and certificates are brought together by their
public keys, not by what the file says of them.

Sources: RFC 7292 4; RFC 9548 (R 1323565.1.041).
"""

from __future__ import annotations

from gostkey.errors import (
    EncodingError,
    GostKeyError,
    UnknownAlgorithm,
    UnknownCurve,
    WrongPassword,
)
from gostkey.keyforms import certificate_public_key
from gostkey.keyforms.der import decode, encode
from gostkey.signing import SigningKey

from . import pfx_schemas as schemas
from .certificate_facts import certificate_facts
from .pfx import CRYPTOPRO, STANDARD, Transfer, TransferKey
from .pfx_cryptopro import CRYPTOPRO_PBE, open_key_bag
from .pfx_protection import Password, check_mac, decrypt

LARGEST_PFX = 1 << 20
"""Bytes; real ones have one to twenty thousand."""

MOST_PARTS = 64
"""Contents and bags that are looked at; each encrypted one costs time."""

_VERSION = 3


def looks_like_pfx(data: bytes) -> bool:
    """Say whether these bytes have the outermost form of a PFX."""
    try:
        return decode(schemas.Pfx, data, "PFX").version == _VERSION
    except EncodingError:
        return False


def read_pfx(data: bytes, password: str | None = None) -> Transfer:
    """Read a PFX.

    Args:
        data: DER.
        password: None to try the empty one, which many files have.

    Raises:
        EncodingError: if it is no PFX, or damaged under a good MAC.
        UnknownAlgorithm: if its MAC is of an unknown kind.
        PasswordRequired, WrongPassword: if the password is not the right one.
    """
    if len(data) > LARGEST_PFX:
        raise EncodingError(f"PFX: {len(data)} bytes; at most {LARGEST_PFX}")
    pfx = decode(schemas.Pfx, data, "PFX")
    if pfx.version != _VERSION:
        raise EncodingError(f"PFX: version {pfx.version}; it should be {_VERSION}")
    oid = pfx.content.content_type.dotted_string
    if oid != schemas.DATA or pfx.mac is None:
        raise EncodingError(
            "PFX: it has no MAC by password, so nothing would tell whether it was "
            "changed; export it again with one"
        )
    content = schemas.octets(pfx.content.content, "PFX")
    right = check_mac(pfx.mac, content, password)
    transfer = Transfer(STANDARD)
    try:
        _Reader(transfer, right).read(content)
        bring_together(transfer)
    except BaseException:
        transfer.close()
        raise
    return transfer


class _Reader:
    """Goes through the layers of one PFX."""

    def __init__(self, transfer: Transfer, password: Password) -> None:
        self._transfer = transfer
        self._password = password
        self._left = MOST_PARTS

    def read(self, content: bytes) -> None:
        for info in schemas.content_infos(content, "PFX: AuthenticatedSafe"):
            self._count()
            try:
                bags = self._bags_of(info)
            except UnknownAlgorithm as error:
                self._skip(str(error))
                continue
            for bag in bags:
                self._count()
                self._read_bag(bag)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise EncodingError(f"PFX: more than {MOST_PARTS} parts; not a usual one")

    def _skip(self, why: str) -> None:
        self._transfer.skipped.append(why)

    def _bags_of(self, info: schemas.ContentInfo) -> list[schemas.Bag]:
        oid = info.content_type.dotted_string
        what = "PFX: SafeContents"
        if oid == schemas.DATA:
            return schemas.safe_bags(schemas.octets(info.content, what), what)
        if oid != schemas.ENCRYPTED_DATA:
            raise UnknownAlgorithm(f"PFX: a content of type {oid}, which is not known")
        inner = decode(
            schemas.EncryptedData, encode(info.content), "PFX: EncryptedData"
        ).content
        if inner.content is None:
            raise EncodingError("PFX: an EncryptedData without what is encrypted")
        plain = decrypt(inner.algorithm, inner.content, self._password)
        try:
            return schemas.safe_bags(plain, what)
        except EncodingError:
            # A cipher without padding or MAC gives rubbish for a wrong password.
            raise WrongPassword(
                "PFX: the password of its MAC does not open what is in it"
            ) from None

    def _read_bag(self, bag: schemas.Bag) -> None:
        oid, value = bag.oid, bag.value
        try:
            if oid == schemas.CERTIFICATE_BAG:
                self._read_certificate(value)
            elif oid == schemas.KEY_BAG:
                self._keep_pkcs8(value, bag)
            elif oid == schemas.SHROUDED_KEY_BAG:
                self._read_shrouded(value, bag)
            else:
                self._skip(f"{schemas.BAG_NAMES.get(oid, 'bag')} ({oid}): not read")
        except (UnknownAlgorithm, UnknownCurve) as error:
            self._skip(f"bag passed over: {error}")

    def _read_certificate(self, value: bytes) -> None:
        bag = decode(schemas.CertificateBag, value, "PFX: certificate bag")
        oid = bag.oid.dotted_string
        if oid != schemas.X509_CERTIFICATE:
            self._skip(f"certificate bag with {oid}: not an X.509 certificate")
            return
        der = schemas.octets(bag.value, "PFX: certificate bag")
        try:
            certificate_facts(der)
        except GostKeyError as error:
            self._skip(f"certificate bag: {error}")
            return
        self._transfer.certificates.append(der)

    def _read_shrouded(self, value: bytes, bag: schemas.Bag) -> None:
        found = decode(schemas.EncryptedKey, value, "PFX: key bag")
        if schemas.oid_of(found.algorithm) == CRYPTOPRO_PBE:
            blob = open_key_bag(found.algorithm, found.data, self._password.text)
            self._transfer.kind = CRYPTOPRO
            self._keep(
                TransferKey(blob.key, blob.usage, blob.exportable, blob.not_after), bag
            )
            return
        plain = decrypt(found.algorithm, found.data, self._password)
        try:
            decode(schemas.AnyKeyInfo, plain, "PFX: key bag", secret=True)
        except EncodingError:
            raise WrongPassword(
                "PFX: the password of its MAC does not open the key bag"
            ) from None
        self._keep_pkcs8(plain, bag)

    def _keep_pkcs8(self, der: bytes, bag: schemas.Bag) -> None:
        self._keep(TransferKey(SigningKey.from_pkcs8(der)), bag)

    def _keep(self, key: TransferKey, bag: schemas.Bag) -> None:
        for value in bag.attributes.get(schemas.FRIENDLY_NAME, ()):
            key.name = schemas.bmp_text(value) or key.name
        self._transfer.keys.append(key)


def bring_together(transfer: Transfer) -> None:
    """Give each key the certificate of its public key."""
    for der in transfer.certificates:
        try:
            info = certificate_public_key(der)
        except GostKeyError:
            continue  # of a chain with another algorithm
        for one in transfer.keys:
            public = one.key.verifying_key
            if (
                one.certificate is None
                and public.to_bytes() == info.public_le
                and public.curve == info.curve
            ):
                one.certificate = der
