"""Files carried by hand: requests into one folder, answers from another."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gostkey.errors import GostKeyError, TransportError
from gostkey.pki.certificates import Certificate

from .transport import Pending, Trust
from .trusted import CERTIFICATE_SUFFIXES, files_in, load_trust, read_answer


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
        for suffix in CERTIFICATE_SUFFIXES:
            named = self.inbox / f"{pending.request_id}{suffix}"
            if named.is_file():
                return read_answer(named)
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
        for path in files_in(self.inbox, CERTIFICATE_SUFFIXES):
            try:
                data = read_answer(path)
                found[Certificate.from_bytes(data).public_key.to_bytes()] = data
            except GostKeyError:
                # Not a certificate, or not a GOST one: none of ours.
                continue
        return found
