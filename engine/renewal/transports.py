"""How a request travels to the certification authority, and the answer back.

Two ways: an authority in this process (`EmbeddedCA`), for trials and closed
networks; and folders for carrying files by hand (`FolderTransport`).  Sending
the same request twice is the same as once: the authority knows a request by
the digest of its bytes.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from gostkey import batch
from gostkey.errors import (
    CampaignError,
    GostKeyError,
    RequestRefused,
    TransportError,
)
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.certificates import Certificate
from gostkey.pki.crls import RevocationList

from .secret_files import read_password

MAX_ANSWER_BYTES = 1 << 20


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
        """

    def trust(self) -> Trust:
        """Give the authority's certificates and CRLs, as they are now."""

    def settings(self) -> dict[str, Any]:
        """Describe the transport for the store, so that `resume` finds it."""


def request_ids_of(requests: Sequence[bytes]) -> list[str]:
    """Name requests as the authority does: Streebog-256 of their bytes, hex."""
    digests = batch.digest(requests, 256, threads=1)
    return [digest.tobytes().hex() for digest in digests]


# -- an authority in this process -------------------------------------------


@dataclass
class EmbeddedCA:
    """The small authority of `gostkey.pki.ca`, called directly."""

    authority: CertificateAuthority
    folder: Path
    clock: Callable[[], datetime]
    password_file: Path | None = None
    _answers: dict[str, bytes] = field(default_factory=dict)
    checks_requests: bool = True

    @classmethod
    def open(
        cls,
        folder: Path,
        clock: Callable[[], datetime],
        password_file: Path | None = None,
    ) -> EmbeddedCA:
        """Open the authority in *folder*."""
        password = read_password(password_file) if password_file else None
        authority = CertificateAuthority.open(folder, password=password)
        return cls(authority, folder.absolute(), clock, password_file)

    def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
        """Have the certificates issued; the same request gives the same one."""
        answers = self.authority.issue_renewals(
            [one.request for one in pendings], self.clock()
        )
        outcomes: list[GostKeyError | None] = []
        for pending, answer in zip(pendings, answers, strict=True):
            if isinstance(answer, RequestRefused):
                outcomes.append(answer)
                continue
            self._answers[pending.request_id] = answer.der
            outcomes.append(None)
        return outcomes

    def fetch(self, pending: Pending) -> bytes | None:
        """Give the certificate that was issued for the request."""
        if pending.request_id not in self._answers:
            # Another process submitted it; asking again is harmless.
            (refused,) = self.submit([pending])
            if refused is not None:
                raise refused
        return self._answers.pop(pending.request_id)

    def trust(self) -> Trust:
        """Trust the authority's own certificate and its CRL of now."""
        crl = RevocationList.from_bytes(self.authority.crl(self.clock()))
        return Trust(roots=(self.authority.certificate,), crls=(crl,))

    def settings(self) -> dict[str, Any]:
        """Describe the transport for the store."""
        return {
            "kind": "embedded",
            "folder": str(self.folder),
            "password_file": _text(self.password_file),
        }


# -- files carried by hand ---------------------------------------------------


@dataclass
class FolderTransport:
    """Requests into one folder, answers from another.

    A request is ``<id>.p7m`` in the outbox.  Its answer is in the inbox as
    ``<id>.cer`` (or .crt, .pem, .der), or under any name if it is a
    certificate for the new key.  Nothing in either folder is ever removed.
    """

    outbox: Path
    inbox: Path
    trusted: Path
    """Folder with the authority's certificates and CRLs, DER or PEM."""
    _by_key: dict[bytes, bytes] | None = None
    checks_requests: bool = False

    def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
        """Put the requests into the outbox, each whole or not at all."""
        return [self._put(one) for one in pendings]

    def _put(self, pending: Pending) -> TransportError | None:
        target = self.outbox / f"{pending.request_id}.p7m"
        beside = self.outbox / f".{secrets.token_hex(8)}.tmp"
        try:
            self.outbox.mkdir(parents=True, exist_ok=True)
            if target.is_file() and target.read_bytes() == pending.request:
                return None
            try:
                with beside.open("xb") as file:
                    file.write(pending.request)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(beside, target)
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            return TransportError(
                f"{target}: cannot be written: {error.strerror or error}; "
                "check the folder, then run resume"
            )
        return None

    def fetch(self, pending: Pending) -> bytes | None:
        """Find the answer in the inbox, by its name or by its key."""
        for suffix in _CERTIFICATE_SUFFIXES:
            named = self.inbox / f"{pending.request_id}{suffix}"
            if named.is_file():
                return _read(named)
        if self._by_key is None:
            self._by_key = self._index()
        return self._by_key.get(pending.public_key)

    def refresh(self) -> None:
        """Look into the inbox anew at the next `fetch`."""
        self._by_key = None

    def trust(self) -> Trust:
        """Read the authority's certificates and CRLs; self-signed ones are roots.

        Raises:
            TransportError: if the folder holds no root certificate.
        """
        return load_trust(self.trusted)

    def settings(self) -> dict[str, Any]:
        """Describe the transport for the store."""
        return {
            "kind": "folder",
            "outbox": str(self.outbox.absolute()),
            "inbox": str(self.inbox.absolute()),
            "trusted": str(self.trusted.absolute()),
        }

    def _index(self) -> dict[bytes, bytes]:
        found = {}
        for path in _files(self.inbox, _CERTIFICATE_SUFFIXES):
            try:
                data = _read(path)
                found[Certificate.from_bytes(data).public_key.to_bytes()] = data
            except GostKeyError:
                # Not a certificate, or not a GOST one: none of ours.
                continue
        return found


_CERTIFICATE_SUFFIXES = (".cer", ".crt", ".pem", ".der")


def load_trust(folder: Path) -> Trust:
    """Read the certificates and CRLs that a folder holds.

    Raises:
        TransportError: if a file cannot be read, or there is no self-signed
            certificate to begin a chain with.
    """
    roots: list[Certificate] = []
    intermediates: list[Certificate] = []
    crls: list[RevocationList] = []
    for path in _files(folder, (*_CERTIFICATE_SUFFIXES, ".crl")):
        data = _read(path)
        try:
            if path.suffix.lower() == ".crl" or b"BEGIN X509 CRL" in data[:64]:
                crls.append(RevocationList.from_bytes(data))
                continue
            one = Certificate.from_bytes(data)
        except GostKeyError as error:
            raise TransportError(f"{path}: {error}; remove or replace it") from error
        (roots if one.subject == one.issuer else intermediates).append(one)
    if not roots:
        raise TransportError(
            f"{folder}: there is no root certificate; put the authority's "
            "certificates and CRLs there"
        )
    return Trust(tuple(roots), tuple(intermediates), tuple(crls))


def from_settings(
    settings: Mapping[str, Any], clock: Callable[[], datetime]
) -> Transport:
    """Make the transport that `Transport.settings` described.

    Raises:
        CampaignError: if the description is not of a known transport.
    """
    kind = settings.get("kind")
    if kind == "embedded":
        password = settings.get("password_file")
        return EmbeddedCA.open(
            Path(settings["folder"]), clock, Path(password) if password else None
        )
    if kind == "folder":
        return FolderTransport(
            Path(settings["outbox"]),
            Path(settings["inbox"]),
            Path(settings["trusted"]),
        )
    raise CampaignError(f"the campaign's transport {kind!r} is unknown")


def _files(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    try:
        children = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TransportError(
            f"{folder}: cannot be read: {error.strerror or error}"
        ) from error
    return [one for one in children if one.suffix.lower() in suffixes]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ANSWER_BYTES + 1)
    except OSError as error:
        raise TransportError(
            f"{path}: cannot be read: {error.strerror or error}"
        ) from error
    if len(data) > MAX_ANSWER_BYTES:
        raise TransportError(f"{path}: longer than {MAX_ANSWER_BYTES} bytes; remove it")
    return data


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
