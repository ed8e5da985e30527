"""All of ``gostkey renew``: importing this module puts the group together."""

from __future__ import annotations

from . import renew_campaign, renew_config, renew_undo, renew_watch, renew_work
from .renew import renew_command

__all__ = [
    "renew_campaign",
    "renew_command",
    "renew_config",
    "renew_undo",
    "renew_watch",
    "renew_work",
]
