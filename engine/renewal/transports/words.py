"""Text that comes from elsewhere, made fit for a line of a table."""

from __future__ import annotations

LARGEST_TEXT = 500
"""Characters of another's text that are shown."""


def plain(text: str) -> str:
    """Give another's text in one line, without control characters, and not long."""
    words = " ".join(text.split())
    kept = "".join(one if one.isprintable() else "?" for one in words)
    return kept if len(kept) <= LARGEST_TEXT else kept[: LARGEST_TEXT - 3] + "..."
