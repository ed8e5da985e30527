"""The parameter sets as the test vectors call them."""

from __future__ import annotations

from typing import Any

from gostkey import curves
from gostkey.curves import Curve

SET_OF = {
    "test256": curves.get("test-256"),
    "tc256A": curves.get("tc26-256-a"),
    "cpA": curves.get("tc26-256-b"),
    "cpB": curves.get("tc26-256-c"),
    "cpC": curves.get("tc26-256-d"),
    "test512": curves.get("test-512"),
    "tc512A": curves.get("tc26-512-a"),
    "tc512B": curves.get("tc26-512-b"),
    "tc512C": curves.get("tc26-512-c"),
}

NAMES = [curve.name for curve in curves.ALL]


def label(vector: dict[str, Any]) -> str:
    """Name a vector in the test's output."""
    what = vector.get("name") or vector.get("why") or vector.get("message", "")[:8]
    return f"{SET_OF[vector['curve']].name} {what}"


def little(value: int, curve: Curve) -> bytes:
    """Write a number as a private key is."""
    return value.to_bytes(curve.size, "little")


def public_of(vector: dict[str, Any]) -> bytes:
    """Return qx || qy of a vector as our public key."""
    return bytes.fromhex(vector["qx"])[::-1] + bytes.fromhex(vector["qy"])[::-1]


def add(
    curve: Curve, left: tuple[int, int] | None, right: tuple[int, int] | None
) -> tuple[int, int] | None:
    """Add two points by the textbook: an oracle that shares no code with us."""
    if left is None or right is None:
        return left or right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if (y1 + y2) % curve.p == 0:
            return None
        slope = (3 * x1 * x1 + curve.a) * pow(2 * y1, -1, curve.p)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, curve.p)
    x = (slope * slope - x1 - x2) % curve.p
    return x, (slope * (x1 - x) - y1) % curve.p


def point_octets(curve: Curve, point: tuple[int, int] | None) -> bytes:
    """Write a point as a public key is."""
    assert point is not None
    return little(point[0], curve) + little(point[1], curve)
