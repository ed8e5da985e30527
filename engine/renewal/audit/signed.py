"""The log's signature as a CMS message beside it, where the office has a certificate.

``audit.jsonl.p7s`` is a detached SignedData (RFC 5652) over the log from its first byte
to the end of the seal that names the certificate.  It is made anew with each seal, so
other programs verify the whole log with it; the seals stay, and tell what it must be.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gostkey.errors import GostKeyError, MediumError
from gostkey.media.durable import read_file
from gostkey.pki import cms
from gostkey.pki.certificates import Certificate
from gostkey.pki.chain import check_dates
from gostkey.signing import SigningKey, VerifyingKey

from .keys import put
from .lines import CMS_NAME, LOG_NAME

_MOST = 1 << 20
"""Bytes that a signature may have: it holds a certificate, and nothing of the log."""
_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class CmsSignature:
    """A CMS signature of a log that is right."""

    line: int
    """Up to this line, from 1, and with it."""
    at: str
    """What the signer's clock said, in ISO form; "" if it said nothing."""
    signer: str
    """Whom the certificate names."""
    serial: str
    certificate: str
    """Fingerprint of the certificate: Streebog-256, hex."""


def sign(folder: Path, key: SigningKey, certificate: Certificate, at: datetime) -> None:
    """Sign the whole log of a campaign's folder, in place of an older signature.

    Raises:
        EncodingError: if the certificate is of another key.
        GeneratorFailure: if the random generator fails.
        OSError: if the log cannot be read or the signature not be written.
    """
    state = cms.hash_of(cms.KEYS[key.scheme, key.curve.size][1])
    with (folder / LOG_NAME).open("rb") as log:
        while some := log.read(_AT_ONCE):
            state.update(some)
    content = cms.Hashed(state.digest())
    made = cms.sign(content, key, certificate, signing_time=at, detached=True)
    put(folder / CMS_NAME, made)


class SignatureCheck:
    """Finds the line up to which a CMS signature signs, while the log is read."""

    def __init__(self, folder: Path) -> None:
        """Read the signature, if there is one.

        Raises:
            OSError: if it cannot be read.
        """
        self.fault = ""
        """Why it is no signature of any log."""
        self.is_there = True
        self._fits = 0
        self._message: cms.SignedData | None = None
        self._stated: bytes | None = None
        try:
            message = cms.SignedData.from_bytes(read_file(folder / CMS_NAME, _MOST))
            if message.content is not None or len(message.signers) != 1:
                self.fault = "it must have one signature, and not the log inside"
                return
            (signer,) = message.signers
            self._state = cms.hash_of(signer.digest_algorithm)
            self._stated = signer.message_digest
        except FileNotFoundError:
            self.is_there = False
        except (GostKeyError, MediumError) as error:
            self.fault = str(error)
        else:
            self._message = message

    def add(self, text: bytes) -> None:
        """Take the next line of the log, with its line feed."""
        if self._message is not None:
            self._state.update(text)

    def seal(self, number: int) -> None:
        """Be told that the line just added is a seal."""
        if self._message is not None and self._state.digest() == self._stated:
            self._fits = number

    def result(
        self, line: int, fingerprint: str, wanted: VerifyingKey | None
    ) -> CmsSignature | str:
        """Check the signature at the end of the log.

        Args:
            line: of the last seal that names a certificate; 0 if there is none.
            fingerprint: of that certificate.
            wanted: the key that must have signed, if that is known.

        Returns:
            The signature, or what is wrong.
        """
        again = "a run was interrupted (resume with the same certificate signs)"
        if not self.is_there:
            return (
                f"is not there, and line {line} tells of it: {again}, or it was removed"
            )
        if self._message is None or self._stated is None:
            return f"is no CMS signature of a log ({self.fault or 'nothing is signed'})"
        if not line:
            return "the log tells of no such signature: it is of another log"
        if not self._fits:
            return (
                "signs another text than this log: the log was changed or cut, or the "
                "signature is of another log"
            )
        try:
            (certificate,) = self._message.verify(cms.Hashed(self._stated))
        except GostKeyError as error:
            return f"does not verify: {error}"
        found = certificate.fingerprint().hex()
        if found != fingerprint or wanted not in (None, certificate.public_key):
            return (
                f"is signed by {certificate.title} (certificate {found}), and "
                f"line {line} names the certificate {fingerprint}"
            )
        if self._fits != line:
            return (
                f"signs the log up to line {self._fits} only, and line {line} tells of "
                f"a newer one: {again}, or an older one was put back"
            )
        at = self._message.signers[0].signing_time
        if at is not None:
            try:
                check_dates(certificate, at)
            except GostKeyError as error:
                return f"was made outside of the certificate's dates: {error}"
        return CmsSignature(
            line,
            "" if at is None else at.isoformat(),
            certificate.subject.owner,
            certificate.serial_text,
            found,
        )
