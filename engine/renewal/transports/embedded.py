"""The small authority in this process, for trials and closed networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gostkey.errors import GostKeyError, RequestRefused
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.crls import RevocationList

from ..secret_files import read_password
from .transport import Pending, Trust


@dataclass
class EmbeddedCA:
    """The small authority of `gostkey.pki.ca`, called directly."""

    authority: CertificateAuthority
    folder: Path
    clock: Callable[[], datetime]
    password_file: Path | None = None
    _answers: dict[str, bytes] = field(default_factory=dict)
    checks_requests: bool = True
    _opened_here: bool = False
    _is_closed: bool = False

    @classmethod
    def open(
        cls,
        folder: Path,
        clock: Callable[[], datetime],
        password_file: Path | None = None,
    ) -> EmbeddedCA:
        """Open the authority in *folder*."""
        folder = folder.absolute()
        authority = _open(folder, password_file)
        return cls(authority, folder, clock, password_file, _opened_here=True)

    def close(self) -> None:
        """Wipe the authority's key and close its register, until they are needed again.

        An authority that the caller opened stays open.
        """
        if self._opened_here and not self._is_closed:
            self.authority.close()
            self._is_closed = True

    def _at_work(self) -> CertificateAuthority:
        if self._is_closed:
            self.authority = _open(self.folder, self.password_file)
            self._is_closed = False
        return self.authority

    def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
        """Have the certificates issued; the same request gives the same one."""
        answers = self._at_work().issue_renewals(
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

    def refresh(self) -> None:
        """Do nothing: its answers are always new."""

    def trust(self) -> Trust:
        """Trust the authority's own certificate and its CRL of now."""
        authority = self._at_work()
        crl = RevocationList.from_bytes(authority.crl(self.clock()))
        return Trust(roots=(authority.certificate,), crls=(crl,))

    def settings(self) -> dict[str, Any]:
        """Describe the transport for the store."""
        password = None if self.password_file is None else str(self.password_file)
        return {
            "kind": "embedded",
            "folder": str(self.folder),
            "password_file": password,
        }


def _open(folder: Path, password_file: Path | None) -> CertificateAuthority:
    password = read_password(password_file) if password_file else None
    return CertificateAuthority.open(folder, password=password)
