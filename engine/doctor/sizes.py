"""Numbers of bytes as people say them."""

from __future__ import annotations


def size_text(count: int) -> str:
    """Return a size in the unit that leaves two digits or more.

    >>> size_text(19_062_779_904)
    '19 GB'
    """
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= 10 * size:
            return f"{count // size} {unit}"
    return f"{count} bytes"
