"""What one transaction of the small authority knows and decides of requests.

`Work` holds what the register says of a batch of requests, and what the batch adds
to it, so that two requests of one batch are as well told apart as two of two days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from gostkey.errors import GostKeyError, RequestRefused
from gostkey.hashing import streebog256
from gostkey.keyforms import Scheme

from .certificates import Certificate
from .profiles import CertificateProfile
from .register import Entry, Transaction, public_key_of
from .renewal_request import RenewalRequest
from .requests import Request

R = TypeVar("R")


class Work:
    """One transaction of issuing: what the register says, and what is new."""

    def __init__(
        self,
        register: Transaction,
        at: datetime,
        requests: Sequence[Request],
        digests: Iterable[str],
        old: Sequence[bytes] = (),
    ) -> None:
        """Read from the register all that the requests may touch.

        Args:
            requests: the PKCS#10, for their keys.
            digests: what the requests are known by.
            old: fingerprints of the certificates to be renewed.
        """
        self.at = at
        self._register = register
        self._new: list[Entry] = []
        self._refused: dict[str, str] = {}
        self._answers = register.by_request(digests)
        self._keys = register.by_public_key(r.public_key.to_bytes() for r in requests)
        self._known = register.by_fingerprint(old)
        self._renewed = register.by_renewed(old)
        self._revoked = register.revoked(old)

    def answered(self, digest: str) -> Certificate | None:
        """Return the certificate that answers a request already."""
        found = self._answers.get(digest)
        return found.certificate if found else None

    def is_known(self, certificate: Certificate) -> bool:
        """Say whether the register holds these octets."""
        return certificate.fingerprint() in self._known

    def is_revoked(self, certificate: Certificate) -> bool:
        """Say whether a certificate of the register is revoked."""
        return certificate.fingerprint() in self._revoked

    def check_not_renewed(self, old: Certificate) -> None:
        """Refuse a second, different renewal of one certificate."""
        found = self._renewed.get(old.fingerprint())
        if found is not None:
            raise RequestRefused(
                f"{old.title}: was renewed already by another request, on "
                f"{found.entered:%Y-%m-%d %H:%M} UTC (serial "
                f"{found.certificate.serial_text}); renew that one"
            )

    def check_key_is_new(self, request: Request) -> None:
        """Refuse a key that a certificate has already."""
        found = self._keys.get(request.public_key.to_bytes())
        if found is not None:
            raise RequestRefused(
                f"certificate request of {request.subject.owner}: its key is in the "
                f"{found.certificate.title} already; a new key must be made"
            )

    def enter(self, entry: Entry) -> None:
        """Take a new certificate into account, and into the register at the end."""
        self._new.append(entry)
        self._keys[public_key_of(entry.certificate)] = entry
        if entry.request is not None:
            self._answers[entry.request] = entry
        if entry.renews is not None:
            self._renewed[entry.renews] = entry

    def refuse(self, digest: str, why: RequestRefused) -> None:
        """Note a refusal for the register."""
        self._refused[digest] = str(why)

    def write(self) -> None:
        """Write what is new."""
        self._register.add(self._new)
        self._register.note_refusals(self._refused, self.at)


def parse(
    read: Callable[[bytes | str], R], data: bytes | str, what: str
) -> R | RequestRefused:
    """Read a request, or return why it is refused, naming *what* it should be."""
    try:
        return read(data)
    except GostKeyError as error:
        refusal = RequestRefused(f"{what}: {error}")
        refusal.__cause__ = error
        return refusal


def read_first(data: bytes | str) -> Request:
    """Read a PKCS#10 with a key that can be used."""
    request = Request.from_bytes(data)
    request.public_key  # noqa: B018  read now, to find faults
    return request


def read_renewal(data: bytes | str) -> RenewalRequest:
    """Read a renewal request with both its keys."""
    renewal = RenewalRequest.from_bytes(data)
    renewal.old_certificate  # noqa: B018  read now, to find faults
    renewal.request.public_key  # noqa: B018
    return renewal


def digest_of(request: Request) -> str:
    """Return what a PKCS#10 is known by in the register."""
    return streebog256(request.der).hexdigest()


def check_key(request: Request, profile: CertificateProfile) -> None:
    """Refuse a key of a kind that the profile does not allow."""
    key = request.public_key
    if key.scheme is not Scheme.GOST_2012:
        raise RequestRefused(
            f"certificate request of {request.subject.owner}: the key is of GOST R "
            "34.10-2001, which is out of use; make one of 34.10-2012"
        )
    if key.curve.name not in profile.curves:
        raise RequestRefused(
            f"certificate request of {request.subject.owner}: the key is on "
            f"{key.curve.name}; allowed are {', '.join(profile.curves)}"
        )
