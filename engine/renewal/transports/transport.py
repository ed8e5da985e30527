"""What every way to the certification authority offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from gostkey import batch
from gostkey.errors import GostKeyError
from gostkey.pki.certificates import Certificate
from gostkey.pki.crls import RevocationList


@dataclass(frozen=True)
class Trust:
    """What the chain of a new certificate is checked against."""

    roots: tuple[Certificate, ...] = ()
    intermediates: tuple[Certificate, ...] = ()
    crls: tuple[RevocationList, ...] = ()


@dataclass(frozen=True)
class Pending:
    """A request on its way."""

    request_id: str
    """Hex digest of the request's bytes."""
    request: bytes
    """CMS, DER."""
    public_key: bytes
    """The new public key, x || y little-endian."""
    label: str = ""
    """Owner and container, for messages."""


class Transport(Protocol):
    """A way to the authority and back."""

    checks_requests: bool
    """Whether `submit` itself checks a request, in this process, before it goes
    anywhere; else it is checked when it is made."""

    def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
        """Send requests; sending one again changes nothing.

        Returns:
            For each request None, or RequestRefused (the authority said no), or
            TransportError (try again later).

        Raises:
            GostKeyError: if nothing could be sent.
        """

    def fetch(self, pending: Pending) -> bytes | None:
        """Fetch the answer, or None if there is none yet.

        Raises:
            TransportError: if it cannot be fetched now.
            RequestRefused: if the authority said no.
            EncodingError: if what came as a certificate is none.
        """

    def refresh(self) -> None:
        """Look for answers anew at the next `fetch`."""

    def trust(self) -> Trust:
        """Give the authority's certificates and CRLs, as they are now."""

    def settings(self) -> dict[str, Any]:
        """Describe the transport for the store, so that `resume` finds it."""


@runtime_checkable
class Locating(Protocol):
    """A transport whose answers are where a person can find them."""

    def place_of(self, pending: Pending) -> str:
        """Name the place of the answer that `fetch` gave, or "" if it is not known."""


def request_ids_of(requests: Sequence[bytes]) -> list[str]:
    """Name requests as the authority does: Streebog-256 of their bytes, hex."""
    digests = batch.digest(requests, 256, threads=1)
    return [digest.tobytes().hex() for digest in digests]
