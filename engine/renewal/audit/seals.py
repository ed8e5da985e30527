"""What the store remembers of the signatures of logs, and which of them were here.

A log that was signed and is not there any more must not be begun anew as if nothing
had been: what the new one tells of the past was signed by nobody at its time.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ..storage.schema import audit_seal
from ..storage.store import Store
from .lines import parse


@dataclass(frozen=True)
class LastSeal:
    """The last signature of one log, as the store remembers it."""

    log: str
    """The log's own name."""
    line: int
    """Number of its line, from 0."""
    text: str
    """The line."""

    @property
    def said(self) -> dict[str, Any]:
        """The line's members; none if it is no line."""
        return parse(self.text.encode("utf-8", "surrogatepass")) or {}


def place_of(folder: Path) -> str:
    """Name a campaign's folder among those of all stations."""
    return f"{socket.gethostname()}:{os.path.abspath(folder)}"


def signed_here(folder: Path, store: Store) -> list[LastSeal]:
    """List the logs that were signed in a campaign's folder, oldest first.

    A store that is a file in the folder knows no others.  One that stations share
    knows of all of them; there the folder is known again by its name and machine.
    """
    last = sa.select(sa.func.max(audit_seal.c.id)).group_by(audit_seal.c.log)
    query = (
        sa.select(audit_seal.c.log, audit_seal.c.line, audit_seal.c.text)
        .where(audit_seal.c.id.in_(last))
        .order_by(audit_seal.c.id)
    )
    found = [LastSeal(*row) for row in store.read(query)]
    if not store.database.is_shared:
        return found
    here = place_of(folder)
    return [one for one in found if one.said.get("folder") == here]
