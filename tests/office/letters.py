"""Messages for the tests: certificates to attach, keys to sign with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import SMTP
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

from gostkey.pki import extensions as ext
from gostkey.pki.certificates import Certificate, build_certificate
from gostkey.pki.names import Name
from gostkey.renewal.transports.mail.messages import Asked, Writer
from gostkey.renewal.transports.mail.smime import MailKey
from gostkey.signing import SigningKey

AT = datetime(2026, 11, 2, 9, 0, tzinfo=timezone.utc)
REQUEST_ID = "0123456789abcdef" * 4
CAMPAIGN = "feedfacecafebeef"
ASKED = Asked(
    sender="office@office.test",
    message_id=f"<gostkey.request.{REQUEST_ID}.{CAMPAIGN}@office.test>",
    references="",
    subject=f"Certificate renewal [gostkey {REQUEST_ID}]",
    campaign=CAMPAIGN,
)


@dataclass
class Signer:
    """A key with a self-signed certificate."""

    name: str
    curve: str = "tc26-256-b"

    @cached_property
    def key(self) -> MailKey:
        """The two together."""
        key = SigningKey.generate(self.curve)
        name = Name.build([("C", "RU"), ("CN", self.name)])
        identifier = ext.key_identifier(key.verifying_key)
        made = build_certificate(
            issuer=name,
            signing_key=key,
            subject=name,
            public_key=key.verifying_key,
            serial=1,
            not_before=AT - timedelta(days=1),
            not_after=AT + timedelta(days=365),
            extensions=[
                ext.basic_constraints(True, 0),
                ext.subject_key_identifier(identifier),
            ],
        )
        return MailKey(key, Certificate.from_bytes(made))

    def writer(self, *, signed: bool = True) -> Writer:
        """Give what writes messages, signed or not."""
        size = self.key.key.curve.size
        return Writer("authority@office.test", self.key.sign if signed else None, size)


def web_bundle() -> bytes:
    """Make a .p7b with the certificate of a web server, whose key is not a GOST one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "www.office.test")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 5)
        .not_valid_before(AT)
        .not_valid_after(AT + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return pkcs7.serialize_certificates([made], serialization.Encoding.DER)


def reply(
    *attachments: tuple[str, bytes],
    subject: str = "Re: your request",
    text: str = "Here you are.",
    sender: str = "authority@office.test",
    **headers: str,
) -> bytes:
    """Write a message as a person's program would: with other names and types."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = "office@office.test"
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    for name, data in attachments:
        message.add_attachment(
            data, maintype="application", subtype="octet-stream", filename=name
        )
    return message.as_bytes()
