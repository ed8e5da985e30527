"""Requests and certificates by mail: SMTP and IMAP, both ends.

`MailTransport` is the office's end, `RequestDesk` the authority's; `MailSettings` is
the file that says how.
"""

from __future__ import annotations

from .desk import RequestDesk, Served
from .office import MailTransport
from .settings import MailSettings, read_settings

__all__ = [
    "MailSettings",
    "MailTransport",
    "RequestDesk",
    "Served",
    "read_settings",
]
