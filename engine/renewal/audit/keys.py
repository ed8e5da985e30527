"""The key that signs an audit log, where the office names no other one.

It is made for the campaign and lies in its folder without a password.  So it proves
that nothing was changed by anybody who cannot read that folder, and to those who have
noted its public half elsewhere; for more the office keeps a key of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from gostkey.errors import GostKeyError, MediumError
from gostkey.keyforms.pem import pem
from gostkey.media.durable import TEMPORARY, discard, flush_file, flush_folder
from gostkey.media.durable import write_file as write_new
from gostkey.signing import SigningKey, VerifyingKey

from ..storage.schema import audit_seal
from ..storage.store import Store

AUDIT_KEY = "audit.key"
AUDIT_PUBLIC = "audit.pub"
_CURVE = "tc26-256-b"


def campaigns_key(folder: Path) -> SigningKey:
    """Open the campaign's own key, or make it; the caller wipes it.

    Raises:
        MediumError: if it cannot be read or written.
        GeneratorFailure: if the random generator fails.
    """
    path = folder / AUDIT_KEY
    try:
        if not path.exists():
            _make(path)
        key = SigningKey.from_pkcs8(path.read_bytes())
        public = folder / AUDIT_PUBLIC
        if not public.exists():
            put(public, pem(key.verifying_key.to_spki(), "PUBLIC KEY").encode())
        return key
    except OSError as error:
        raise MediumError(
            f"{error.filename or path}: the audit log's key cannot be read or "
            f"written: {error.strerror or error}; see to the disk, then run resume"
        ) from error
    except ValueError as error:
        raise MediumError(
            f"{path}: is not the key of an audit log ({error}); put it aside, and a "
            "new one is made"
        ) from error


def signers(store: Store, seals: Iterable[str] | None = None) -> list[VerifyingKey]:
    """List the public keys that have signed the audit logs of a campaign, each once.

    Args:
        store: of the campaign.
        seals: look at these lines alone.
    """
    if seals is None:
        query = sa.select(audit_seal.c.text).order_by(audit_seal.c.id)
        seals = (row.text for row in store.rows(query))
    found: dict[str, VerifyingKey] = {}
    for text in seals:
        with contextlib.suppress(GostKeyError, ValueError, KeyError, TypeError):
            key = VerifyingKey.from_spki(bytes.fromhex(json.loads(text)["public_key"]))
            found.setdefault(key.fingerprint, key)
    return list(found.values())


def _make(path: Path) -> None:
    with SigningKey.generate(_CURVE) as key:
        put(path, pem(key.to_pkcs8(), "PRIVATE KEY").encode())


def put(path: Path, data: bytes) -> None:
    """Write a file whole, in place of the one that is there.

    Only who has the lock of the log writes it; so what a killed process has left of it
    has a known name, and goes when it is written next.

    Raises:
        OSError: if it cannot be written; the old one stays.
    """
    beside = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        if os.path.lexists(beside):
            discard(beside)
        write_new(beside, data)
        flush_file(beside)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            discard(beside)
        raise
    flush_folder(path.parent)
