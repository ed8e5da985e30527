"""What SMTP and IMAP have in common: TLS, and faults of a server in words.

Sources: RFC 3501 9 (quoted strings); RFC 4616 and RFC 4954 (AUTH PLAIN).
"""

from __future__ import annotations

import base64
import contextlib
import imaplib
import re
import smtplib
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gostkey.errors import CampaignError, TransportError

from .sessions import TimedIMAP4, TimedSMTP
from .settings import IMPLICIT, Server


def tls_context(server: Server) -> ssl.SSLContext:
    """Make what checks the server's certificate and name.

    Raises:
        CampaignError: if `ca_file` cannot be read.
    """
    try:
        return ssl.create_default_context(
            cafile=None if server.ca_file is None else str(server.ca_file)
        )
    except (OSError, ssl.SSLError) as error:
        raise CampaignError(
            f"{server.ca_file}: cannot be read as certificates (PEM): "
            f"{error.strerror or error}"
        ) from error


class Hidden:
    """A password that is blanked out of what a server says.

    A server that does not understand a command, or a proxy before it, may say the
    command again, and what a server says is told and kept.
    """

    def __init__(self, user: str = "", password: str = "") -> None:
        """Take the password, and who logs in with it; "" if nobody does."""
        forms = _forms(user, password) if password else set()
        # The longest first: the others may be parts of it.
        longest_first = sorted(forms, key=len, reverse=True)
        self._forms = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def blank(self, text: str) -> str:
        """Blank the password out, in every form in which it is sent."""
        return self._forms.sub("***", text)


def _forms(user: str, password: str) -> set[str]:
    """Give the forms in which a password is sent, and is shown by imaplib."""
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    found = {password, quoted}
    for form in (password, quoted):
        # imaplib shows what a server said as Python shows bytes.
        shown = form.replace("\\", "\\\\")
        found |= {shown, shown.replace("'", "\\'")}
    for sent in (password, f"\0{user}\0{password}"):
        found.add(base64.b64encode(sent.encode()).decode())
    return found


def words(error: BaseException, hidden: Hidden) -> str:
    """Say what a server or the system said, on one line of bounded length."""
    return short(hidden.blank(_said(error)))


def _said(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return f"{error.smtp_code} {text}"
    if isinstance(error, TimeoutError | socket.timeout):
        return "does not answer in time"
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    if isinstance(error, OSError):
        return error.strerror or str(error)
    text = str(error) or type(error).__name__
    shown = re.fullmatch(r"b(['\"])(.*)\1", text, re.DOTALL)
    return shown[2] if shown else text


def short(text: str, most: int = 300) -> str:
    """Put foreign text on one line, without control characters, and bound it."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= most else text[:most] + "..."


def not_trusted(
    kind: str, server: Server, error: ssl.SSLCertVerificationError, file: Path
) -> TransportError:
    """Say that a server's certificate is not accepted, and which one it is."""
    why = short(error.verify_message or str(error))
    if server.ca_file is None:
        cure = (
            "if it is the right one, put the certificate of its authority into a file "
            f"and name that as ca_file in [{kind}] of {file}"
        )
    else:
        cure = (
            f"it must be made for the name {server.host} and signed by a certificate "
            f"in {server.ca_file} (ca_file in [{kind}] of {file})"
        )
    return TransportError(
        f"mail server {server.name}: its certificate is not accepted: {why}"
        f"{shown_certificate(kind, server)}; {cure}"
    )


def shown_certificate(kind: str, server: Server) -> str:
    """Describe the certificate that a server shows; "" if it cannot be had.

    Nothing is sent to the server, and no password.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    der: bytes | None = None
    with contextlib.suppress(
        OSError, smtplib.SMTPException, imaplib.IMAP4.error, ValueError
    ):
        der = _shown(kind, server, context)
    if not der:
        return ""
    try:
        shown = x509.load_der_x509_certificate(der)
        subject = short(shown.subject.rfc4514_string(), 120)
    except ValueError:
        return ""
    print_of = shown.fingerprint(hashes.SHA256()).hex()
    return f" (it shows {subject}, SHA-256 {print_of})"


def _shown(kind: str, server: Server, context: ssl.SSLContext) -> bytes | None:
    wait = server.connect_seconds
    if server.tls == IMPLICIT:
        with (
            socket.create_connection((server.host, server.port), wait) as plain,
            context.wrap_socket(plain, server_hostname=server.host) as secured,
        ):
            return secured.getpeercert(True)
    if kind == "smtp":
        with TimedSMTP(server.host, server.port, wait) as client:
            client.starttls(context=context)
            found = client.sock
            return found.getpeercert(True) if isinstance(found, ssl.SSLSocket) else None
    with TimedIMAP4(server) as other:
        other.starttls(context)
        inner = other.socket()
        return inner.getpeercert(True) if isinstance(inner, ssl.SSLSocket) else None
