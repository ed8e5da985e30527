"""The tags, lengths and values in which cards describe files.

Source: ISO/IEC 7816-4, 5.2.2 (BER-TLV with tags of one byte) and 5.3.3 (FCP).
"""

from __future__ import annotations

SEQUENCE = 0x30


def read_tlv(data: bytes) -> dict[int, bytes]:
    """Return the values of a row of elements by their tags.

    A card's answer may be anything: what is cut short ends the row.  Of elements
    with the same tag the first counts.
    """
    found: dict[int, bytes] = {}
    rest = data
    while len(rest) >= 2:
        head, length = _lengths(rest)
        if not head or head + length > len(rest):
            break
        found.setdefault(rest[0], rest[head : head + length])
        rest = rest[head + length :]
    return found


def tlv(tag: int, value: bytes) -> bytes:
    """Return one element; *value* has at most 127 bytes."""
    assert len(value) < 0x80
    return bytes([tag, len(value)]) + value


def object_length(data: bytes) -> int | None:
    """Return how long the SEQUENCE is that a file begins with; None if it has none.

    Files on tokens have a fixed size; what is behind the object is filling.

    Args:
        data: the beginning of the file, at least 5 bytes of it.
    """
    if len(data) < 2 or data[0] != SEQUENCE:
        return None
    head, length = _lengths(data)
    return head + length if head else None


def _lengths(data: bytes) -> tuple[int, int]:
    """Return the length of tag and length, and that of the value; (0, 0) if bad."""
    first = data[1]
    if first < 0x80:
        return 2, first
    octets = first - 0x80
    if not 1 <= octets <= 3 or len(data) < 2 + octets:
        return 0, 0
    return 2 + octets, int.from_bytes(data[2 : 2 + octets], "big")
