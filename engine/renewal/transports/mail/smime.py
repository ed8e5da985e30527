"""Signed messages: multipart/signed with a detached CMS signature.

Of other people's also a message inside its signature (smime.p7m) is read.

Sources: RFC 8551 3.5.2, 3.5.3; RFC 1847; the micalg names as OpenSSL's GOST engine and
CryptoPro write them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

from gostkey.containers import Container
from gostkey.errors import CampaignError, GeneratorFailure, GostKeyError
from gostkey.media import read_container
from gostkey.pki import cms
from gostkey.pki.certificates import Certificate
from gostkey.signing import SigningKey

from ...secret_files import read_password
from .entities import Entity, read_entity

Sign = Callable[[bytes, datetime], bytes]
"""Content and time to a detached CMS signature, DER."""

_TYPES = ("application/pkcs7-signature", "application/x-pkcs7-signature")
_INSIDE_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_MICALG = {32: "gostr3411-2012-256", 64: "gostr3411-2012-512"}


def signed_message(
    headers: bytes, entity: bytes, sign: Sign, at: datetime, digest_size: int = 32
) -> bytes:
    """Put a signature beside an entity.

    Args:
        headers: of the message, without those of MIME; each line ended by CRLF.
        entity: MIME headers, empty line and body, with CRLF; of 7-bit octets only.
        sign: makes the signature.
        at: signing time.
        digest_size: bytes of the signer's digest.

    Returns:
        The message.
    """
    signature = sign(entity, at)
    boundary = f"=_gostkey_{secrets.token_hex(16)}"
    line = f"--{boundary}".encode()
    return b"".join(
        [
            headers,
            b"MIME-Version: 1.0\r\n"
            b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";'
            b"\r\n",
            f' micalg={_MICALG[digest_size]}; boundary="{boundary}"\r\n\r\n'.encode(),
            b"This is a signed message.\r\n",
            line + b"\r\n" + entity + b"\r\n" + line + b"\r\n",
            b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n"
            b"Content-Transfer-Encoding: base64\r\n"
            b"Content-Disposition: attachment; filename=smime.p7s\r\n\r\n",
            _base64(signature),
            b"\r\n" + line + b"--\r\n",
        ]
    )


def _base64(data: bytes) -> bytes:
    import base64

    return base64.encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")


@dataclass(frozen=True)
class SignedPart:
    """What is signed in a message."""

    content: Entity
    signature: bytes
    """CMS, DER."""
    is_inside: bool
    """Whether the content is in the signature, and nowhere else in the message."""

    def signers(self, known: Iterable[Certificate]) -> list[Certificate]:
        """Give those of the *known* certificates that signed; [] if it is not good.

        All signers must be known ones: what anybody else signed too is odd.
        """
        accepted = {one.der: one for one in known}
        beside = None if self.is_inside else self.content.raw
        try:
            signed = cms.SignedData(self.signature)
            signers = signed.verify(beside, accepted.values())
        except GeneratorFailure:
            raise
        except GostKeyError:
            return []
        if any(one.der not in accepted for one in signers):
            return []
        return signers


def signed_parts(message: Entity) -> list[SignedPart]:
    """Find what is signed in a message."""
    found = []
    for one in message.walk():
        if one.content_type in _INSIDE_TYPES:
            content = _inside(one.data)
            if content is not None:
                found.append(SignedPart(content, one.data, is_inside=True))
        if one.content_type != "multipart/signed" or len(one.parts) != 2:
            continue
        content, signature = one.parts
        if signature.content_type in _TYPES:
            found.append(SignedPart(content, signature.data, is_inside=False))
    return found


def _inside(data: bytes) -> Entity | None:
    """Read the message inside a signature; None if there is none, as in a .p7b."""
    try:
        content = cms.SignedData(data).content
        return None if content is None else read_entity(content)
    except GostKeyError:
        return None


@dataclass
class MailKey:
    """The key that signs messages of the office; a context that wipes it."""

    key: SigningKey
    certificate: Certificate

    def sign(self, content: bytes, at: datetime) -> bytes:
        """Sign content; see `Sign`."""
        return cms.sign(
            content, self.key, self.certificate, signing_time=at, detached=True
        )

    def __enter__(self) -> MailKey:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.key.wipe()


def open_key(
    key: Path, certificate: Path | None, password_file: Path | None
) -> MailKey:
    """Open the key that signs messages.

    Args:
        key: a PKCS#8 file, DER or PEM, or the folder of a key container.
        certificate: its certificate; None for the one in the container.
        password_file: the key's or the container's password.

    Raises:
        CampaignError: if a file cannot be read, or key and certificate do not fit.
        GostKeyError: if the key cannot be opened.
    """
    password = None if password_file is None else read_password(password_file)
    inside: bytes | None = None
    if key.is_dir():
        container = Container.parse(read_container(key))
        opened = container.open(password)
        entry = container.keys[0]
        signing, inside = opened.keys.pop(entry.slot), entry.certificate
        opened.close()
    else:
        signing = SigningKey.from_pkcs8(_read(key), password)
    try:
        data = inside if certificate is None else _read(certificate)
        if data is None:
            raise CampaignError(
                f"{key}: has no certificate; name its file in [signature] certificate"
            )
        found = Certificate.from_bytes(data)
        if found.public_key != signing.verifying_key:
            raise CampaignError(
                f"{certificate or key}: is not the certificate of the key {key}; "
                "name the one that belongs to it in [signature] certificate"
            )
    except BaseException:
        signing.wipe()
        raise
    return MailKey(signing, found)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1 << 20)
    except OSError as error:
        raise CampaignError(
            f"{path}: cannot be read: {error.strerror or error}"
        ) from error
