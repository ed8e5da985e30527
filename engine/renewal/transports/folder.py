"""Files carried by hand: requests into one folder, answers from another."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gostkey.errors import GostKeyError, TransportError

from .inbox import Inbox
from .transport import Pending, Trust
from .trusted import load_trust


@dataclass
class FolderTransport:
    """Requests into one folder, answers from another.

    A request is ``<id>.p7m`` in the outbox.  Its answer is in the inbox as
    ``<id>.cer`` (or .crt, .pem, .der), or under any name if it is a
    certificate for the new key; `Inbox` says which of several counts.  Nothing in
    either folder is ever removed.
    """

    outbox: Path
    inbox: Path
    trusted: Path
    """Folder with the authority's certificates and CRLs, DER or PEM."""
    checks_requests: bool = False
    _found: Inbox | None = field(default=None, init=False)
    _given: dict[str, Path] = field(default_factory=dict, init=False)
    """Request to the file that `fetch` gave."""

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
        """Find the answer in the inbox, by its name or by its key.

        Raises:
            TransportError: as `Inbox.find`.
        """
        if self._found is None:
            self._found = Inbox(self.inbox, self.trust)
        answer = self._found.find(pending.request_id, pending.public_key)
        if answer is None:
            return None
        self._given[pending.request_id] = answer.path
        return answer.data

    def place_of(self, pending: Pending) -> str:
        """Name the file that `fetch` gave."""
        return str(self._given.get(pending.request_id, ""))

    def refresh(self) -> None:
        """Look into the inbox anew at the next `fetch`."""
        self._found = None
        self._given.clear()

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
