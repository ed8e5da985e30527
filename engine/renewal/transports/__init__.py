"""How a request travels to the certification authority, and the answer back.

One module a way: an authority in this process (`EmbeddedCA`), for trials and closed
networks; folders for carrying files by hand (`FolderTransport`); mail
(`MailTransport`); HTTPS (`HttpTransport`); programs of the office for other centres
(`CommandTransport`).  Sending the same
request twice is the same as once: the authority knows a request by the digest of its
bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gostkey.errors import CampaignError

from .collecting import Collecting, TrustBringing
from .embedded import EmbeddedCA
from .folder import FolderTransport
from .hooks import CommandTransport
from .http import HttpTransport
from .mail import MailTransport
from .transport import Locating, Pending, Transport, Trust, request_ids_of
from .trusted import MAX_ANSWER_BYTES, load_trust
from .trying import faults_of

__all__ = [
    "MAX_ANSWER_BYTES",
    "Collecting",
    "CommandTransport",
    "EmbeddedCA",
    "FolderTransport",
    "HttpTransport",
    "Locating",
    "MailTransport",
    "Pending",
    "Transport",
    "Trust",
    "TrustBringing",
    "faults_of",
    "from_settings",
    "load_trust",
    "request_ids_of",
]


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
    if kind == "https":
        return HttpTransport.from_settings(settings)
    if kind == "mail":
        return MailTransport.open(
            Path(settings["file"]), clock, str(settings["campaign"])
        )
    if kind == "command":
        return CommandTransport.from_settings(settings)
    raise CampaignError(f"the campaign's transport {kind!r} is unknown")
