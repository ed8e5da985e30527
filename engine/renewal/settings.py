"""What a campaign remembers of itself from its beginning: zone, way to the authority.

The settings are a JSON object in the campaign's row of the store.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any


def new_settings(
    zone: tzinfo, now: datetime, transport: dict[str, Any] | None
) -> dict[str, Any]:
    """Make the settings of a new campaign, JSON-safe."""
    offset = now.astimezone(zone).utcoffset() or timedelta(0)
    return {
        "zone_minutes": int(offset.total_seconds()) // 60,
        "transport": transport,
    }


def zone_of(settings: dict[str, Any]) -> tzinfo:
    """Read the office's zone from a campaign's settings."""
    return timezone(timedelta(minutes=int(settings["zone_minutes"])))
