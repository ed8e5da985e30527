"""TLS of both ends.  It keeps others from reading along; nothing is believed for it.

Requests are signed with the old key and certificates by the authority, and both are
checked whatever they came through.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gostkey.errors import CannotServe, TransportError

THROW_AWAY_DAYS = 30


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Make what a client checks its server with.

    Args:
        ca_file: PEM of the certificates to trust; the system's if None.

    Raises:
        TransportError: if the file cannot be used.
    """
    try:
        context = ssl.create_default_context(
            cafile=None if ca_file is None else str(ca_file)
        )
    except (OSError, ValueError) as error:
        raise TransportError(
            f"{ca_file}: {_words(error)}; it must hold the server's TLS certificate, "
            "or that of its issuer, in PEM"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Make a server's TLS from files in PEM.

    Raises:
        CannotServe: if they cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # With a password given, OpenSSL does not ask for one on the terminal.
        context.load_cert_chain(str(certificate), str(key), password="")
    except (OSError, ValueError) as error:
        raise CannotServe(
            f"TLS of the server: {certificate} and {key} cannot be used "
            f"({_words(error)}); both must be PEM, the key not encrypted"
        ) from error
    return context


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "not PEM"
    return getattr(error, "strerror", None) or str(error)


@dataclass(frozen=True)
class ThrowAway:
    """TLS of one run of a server, for trials."""

    context: ssl.SSLContext
    certificate: bytes
    """PEM; a client trusts it by --url-ca."""
    fingerprint: str
    """SHA-256 of the certificate, hex with colons, as `openssl x509` writes it."""


def throw_away(hosts: Iterable[str], at: datetime) -> ThrowAway:
    """Make a key and a self-signed certificate for names or addresses.

    The key is on the disk only while OpenSSL reads it, in a folder of its own.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gostkey ca serve")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(days=THROW_AWAY_DAYS))
        .add_extension(
            x509.SubjectAlternativeName([_general(one) for one in hosts]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        # Python 3.13 checks strictly (VERIFY_X509_STRICT), and wants these three.
        .add_extension(_USAGE, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    certificate = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with tempfile.TemporaryDirectory(prefix="gostkey-tls-") as folder:
        files = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        for path, data in zip(files, (certificate, secret), strict=True):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
                file.write(data)
        context = server_context(*files)
    digest = hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).digest()
    return ThrowAway(context, certificate, digest.hex(":").upper())


_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
