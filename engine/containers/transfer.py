"""Keys from a container into a file, and from a file into a new container.

Files are a CryptoPro PFX, a PFX of RFC 9548, or PKCS#8; what is in them and
what a container's header allows is decided here, not by the medium.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Sequence

from gostkey.backend import active
from gostkey.errors import (
    CertificateMismatch,
    ContainerError,
    EncodingError,
    ExportRefused,
    UnknownAlgorithm,
)
from gostkey.keyforms import certificate_public_key, encode_pkcs8, pem, unpem
from gostkey.keyforms.encrypted import DEFAULT_CIPHER
from gostkey.signing import SigningKey

from .container import Container
from .header import KeyEntry
from .names import encode_name
from .pfx import CRYPTOPRO, PKCS8, STANDARD, Transfer, TransferKey
from .pfx_reader import LARGEST_PFX, bring_together, looks_like_pfx, read_pfx
from .pfx_writer import DEFAULT_PFX_CIPHER, write_cryptopro_pfx, write_standard_pfx
from .writer import build_container

FORMS = (CRYPTOPRO, STANDARD, PKCS8)
"""Forms of files that a key can be written to."""

_CERTIFICATE = "CERTIFICATE"
_INDEFINITE = b"\x30\x80"
"""Beginning of BER that has no lengths, as some programs write it."""


def exportable_entry(container: Container, slot: str | None) -> KeyEntry:
    """Return what the header says of a key, if it may leave the container.

    Args:
        container: where it is.
        slot: "primary" or "secondary"; None if it has one key only.

    Raises:
        ContainerError: if there is no such key, or *slot* is needed.
        ExportRefused: if the key is marked as not exportable.
    """
    entries = {entry.slot: entry for entry in container.keys}
    if slot is None and len(entries) > 1:
        raise ContainerError(
            f"container {container.name!r}: two keys; name one: {', '.join(entries)}"
        )
    entry = entries.get(slot or next(iter(entries)))
    if entry is None:
        raise ContainerError(
            f"container {container.name!r}: no {slot} key; it has: {', '.join(entries)}"
        )
    if not entry.exportable:
        raise ExportRefused(
            f"container {container.name!r}: its {entry.slot} key is marked as not "
            "exportable; copy the whole container instead"
        )
    return entry


@contextlib.contextmanager
def exported(
    container: Container, password: str | None, slot: str | None = None
) -> Iterator[TransferKey]:
    """Take an exportable key out of a container; it is wiped at the end.

    Raises:
        ContainerError, ExportRefused: as `exportable_entry`.
        PasswordRequired, WrongPassword: as `Container.open`.
    """
    entry = exportable_entry(container, slot)
    with container.open(password) as opened:
        yield TransferKey(
            key=opened.keys[entry.slot],
            usage=entry.usage,
            exportable=True,
            not_after=entry.not_after,
            name=container.name,
            certificate=entry.certificate,
            notes=opened.notes,
        )


def write_transfer(
    key: TransferKey,
    form: str,
    password: str | None,
    *,
    chain: Sequence[bytes] = (),
    cipher: str | None = None,
) -> bytes:
    """Write a key into a file.

    Args:
        key: what is to be written.
        form: one of `FORMS`; PKCS#8 is written as PEM, the certificates behind it.
        password: None for a file that everybody can open, which a PFX of RFC
            9548 cannot be.
        chain: DER of further certificates.
        cipher: one of `gostkey.keyforms.CIPHERS`; None for the usual one of the
            form.  A CryptoPro PFX has one only.

    Raises:
        UnknownAlgorithm: if form or cipher is unknown.
        CertificateMismatch: if the certificate is for another key.
        LengthError, ContainerError: if the password cannot be used.
    """
    if form == CRYPTOPRO:
        if cipher is not None:
            raise UnknownAlgorithm("cipher: a CryptoPro PFX has one cipher only")
        return write_cryptopro_pfx(key, password or "", chain=chain)
    if form == STANDARD:
        return write_standard_pfx(
            key, password or "", chain=chain, cipher=cipher or DEFAULT_PFX_CIPHER
        )
    if form != PKCS8:
        raise UnknownAlgorithm(f"form {form!r} is unknown; use one of {FORMS}")
    return _pkcs8(key, password, chain, cipher)


def _pkcs8(
    key: TransferKey, password: str | None, chain: Sequence[bytes], cipher: str | None
) -> bytes:
    private = bytearray(key.key.to_bytes())
    try:
        der = encode_pkcs8(
            key.key.curve,
            key.key.scheme,
            private,
            password,
            cipher=cipher or DEFAULT_CIPHER,
        )
    finally:
        active.generators.wipe(private)
    label = "PRIVATE KEY" if password is None else "ENCRYPTED PRIVATE KEY"
    own = [] if key.certificate is None else [key.certificate]
    text = pem(der, label)
    text += "".join(pem(certificate, _CERTIFICATE) for certificate in [*own, *chain])
    data = text.encode("ascii")
    with read_transfer(data, password) as read:
        if (read.keys[0].key, read.keys[0].certificate) != (key.key, key.certificate):
            raise EncodingError("PKCS#8: what was made does not read back the same")
    return data


def read_transfer(data: bytes, password: str | None = None) -> Transfer:
    """Read a file with keys: a PFX of either kind, or PKCS#8 (PEM, too).

    Args:
        data: the file.
        password: None if there is none, or to try without.

    Raises:
        EncodingError: if it is none of these.
        PasswordRequired, WrongPassword: if it has another password.
    """
    if looks_like_pfx(data):
        return read_pfx(data, password)
    if len(data) > LARGEST_PFX:
        raise EncodingError(f"key file: {len(data)} bytes; at most {LARGEST_PFX}")
    if data.startswith(_INDEFINITE):
        raise EncodingError(
            "PFX: BER with indefinite lengths, which is not read; let OpenSSL or the "
            "program that made it write it again as DER"
        )
    transfer = Transfer(PKCS8, [TransferKey(SigningKey.from_pkcs8(data, password))])
    if b"-----BEGIN CERTIFICATE-----" in data:
        # The key's own certificate comes first, if there is one.
        transfer.certificates.append(unpem(data, _CERTIFICATE))
        bring_together(transfer)
    return transfer


def add_certificates(transfer: Transfer, certificates: Sequence[bytes]) -> None:
    """Give keys the certificates that came in files of their own.

    Raises:
        CertificateMismatch: if one is for none of the keys.
    """
    for der in certificates:
        info = certificate_public_key(der)
        for one in transfer.keys:
            if one.key.verifying_key.to_bytes() == info.public_le:
                one.certificate = der
                break
        else:
            raise CertificateMismatch("the certificate is for none of the keys")


def container_of(
    key: TransferKey, *, name: str | None, password: str | None
) -> tuple[str, dict[str, bytes]]:
    """Make a new container of a key.

    Args:
        key: what was read, as changed by the caller.
        name: of the container; None for that in the file, or a new one.
        password: of the container, None for one without.

    Returns:
        The name, and the six files.

    Raises:
        ContainerError: if name or password cannot be used.
    """
    chosen = name if name is not None else _usable_name(key.name)
    files = build_container(
        chosen,
        key.key,
        password=password,
        certificate=key.certificate,
        exportable=key.exportable,
        not_after=key.not_after,
        usage=key.usage,
        old_scheme=True,
    )
    return chosen, files


def _usable_name(name: str) -> str:
    """Return the name that a file gives, or a new one if it cannot be used."""
    try:
        encode_name(name)
    except ContainerError:
        return f"pfx-{uuid.uuid4()}"
    return name
