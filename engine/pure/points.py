"""Points of the curves in plain Python integers: nothing here is constant time.

Jacobian coordinates (X, Y, Z) stand for x = X / Z^2, y = Y / Z^3; Z = 0 is the
point at infinity.  Affine points are pairs (x, y); infinity is None, so that
a base point with x = 0 (tc26-256-d) is nothing special.

Sources: textbook Jacobian formulas; wNAF and the comb from Hankerson, Menezes,
Vanstone, Guide to Elliptic Curve Cryptography, 3.2 and 3.3.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

from .curve_parameters import PARAMETERS, Parameters

__all__ = [
    "Affine",
    "base_multiple",
    "base_multiples",
    "double_multiple",
    "in_subgroup",
    "multiple",
    "on_curve",
]

Affine: TypeAlias = tuple[int, int]
Jacobian: TypeAlias = tuple[int, int, int]

INFINITY: Jacobian = (1, 1, 0)

WINDOW = 5
"""Bits of a window of the fixed-base table: 16 points each, digits are odd."""


def _double(curve: Parameters, point: Jacobian) -> Jacobian:
    p = curve.p
    x, y, z = point
    if z == 0 or y == 0:
        return INFINITY
    yy = y * y % p
    s = 4 * x * yy % p
    if curve.a == p - 3:
        zz = z * z
        m = 3 * (x - zz) * (x + zz) % p
    else:
        m = (3 * x * x + curve.a * pow(z, 4, p)) % p
    x3 = (m * m - 2 * s) % p
    return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p


def _add_mixed(curve: Parameters, point: Jacobian, other: Affine) -> Jacobian:
    p = curve.p
    x1, y1, z1 = point
    x2, y2 = other
    if z1 == 0:
        return x2, y2, 1
    zz = z1 * z1 % p
    h = (x2 * zz - x1) % p
    r = (y2 * zz * z1 - y1) % p
    if h == 0:
        return INFINITY if r else _double(curve, point)
    hh = h * h % p
    hhh = h * hh % p
    v = x1 * hh % p
    x3 = (r * r - hhh - 2 * v) % p
    return x3, (r * (v - x3) - y1 * hhh) % p, z1 * h % p


def _to_affine(curve: Parameters, points: list[Jacobian]) -> list[Affine | None]:
    """Convert points with one inversion for all (Montgomery's trick)."""
    p = curve.p
    products = [1]
    for _, _, z in points:
        products.append(products[-1] * (z or 1) % p)
    inverse = pow(products[-1], -1, p)
    out: list[Affine | None] = []
    for index in range(len(points) - 1, -1, -1):
        x, y, z = points[index]
        if z == 0:
            out.append(None)
            continue
        here = inverse * products[index] % p
        inverse = inverse * z % p
        square = here * here % p
        out.append((x * square % p, y * square * here % p))
    out.reverse()
    return out


def _odd_multiples(curve: Parameters, point: Affine, count: int) -> list[Affine]:
    """Return (2 j + 1) * point for j < count; point is not of order 2 (y = 0).

    None of them is infinity: an order is q, or 2 or 4 times that, or 4.
    """
    two = _to_affine(curve, [_double(curve, (*point, 1))])[0]
    assert two is not None
    chain: list[Jacobian] = [(*point, 1)]
    for _ in range(count - 1):
        chain.append(_add_mixed(curve, chain[-1], two))
    return [pair for pair in _to_affine(curve, chain) if pair is not None]


@cache
def _base_table(index: int) -> list[list[Affine]]:
    """Return (2 j + 1) * 2^(WINDOW i) * G for every window i and j < 2^(WINDOW - 1)."""
    curve = PARAMETERS[index]
    windows = -(-curve.q.bit_length() // WINDOW)
    table = []
    point: Affine | None = (curve.x, curve.y)
    for _ in range(windows):
        assert point is not None
        table.append(_odd_multiples(curve, point, 1 << (WINDOW - 1)))
        here: Jacobian = (*point, 1)
        for _ in range(WINDOW):
            here = _double(curve, here)
        point = _to_affine(curve, [here])[0]
    return table


def _base_jacobian(index: int, scalar: int) -> Jacobian:
    """Return scalar * G for 0 <= scalar < q by signed odd digits."""
    if scalar == 0:
        return INFINITY
    curve = PARAMETERS[index]
    negative = not scalar & 1
    k = curve.q - scalar if negative else scalar
    table = _base_table(index)
    accumulator = INFINITY
    mask = (2 << WINDOW) - 1
    for number, row in enumerate(table):
        digit = k >> (WINDOW * number) & mask | 1
        if number < len(table) - 1:
            digit -= 1 << WINDOW
        x, y = row[abs(digit) >> 1]
        accumulator = _add_mixed(curve, accumulator, (x, -y if digit < 0 else y))
    x1, y1, z1 = accumulator
    return (x1, -y1 % curve.p, z1) if negative else accumulator


def base_multiple(index: int, scalar: int) -> Affine | None:
    """Return scalar * G of curve number *index*, 0 <= scalar < q."""
    return base_multiples(index, [scalar])[0]


def base_multiples(index: int, scalars: list[int]) -> list[Affine | None]:
    """Return scalar * G for many scalars with one inversion."""
    points = [_base_jacobian(index, scalar) for scalar in scalars]
    return _to_affine(PARAMETERS[index], points)


def _wnaf(scalar: int, width: int) -> list[int]:
    """Return digits, lowest first: zero or odd and below 2^(width - 1) in size."""
    digits = []
    full, half = 1 << width, 1 << (width - 1)
    while scalar:
        digit = 0
        if scalar & 1:
            digit = scalar & (full - 1)
            if digit >= half:
                digit -= full
            scalar -= digit
        digits.append(digit)
        scalar >>= 1
    return digits


def _multiple_jacobian(curve: Parameters, scalar: int, point: Affine) -> Jacobian:
    width, table = 2, [point]
    if point[1]:
        width, table = 5, _odd_multiples(curve, point, 8)
    accumulator = INFINITY
    for digit in reversed(_wnaf(scalar, width)):
        accumulator = _double(curve, accumulator)
        if digit:
            x, y = table[abs(digit) >> 1]
            accumulator = _add_mixed(curve, accumulator, (x, -y if digit < 0 else y))
    return accumulator


def multiple(index: int, scalar: int, point: Affine) -> Affine | None:
    """Return scalar * point for any point of the curve, scalar >= 0."""
    curve = PARAMETERS[index]
    return _to_affine(curve, [_multiple_jacobian(curve, scalar, point)])[0]


def double_multiple(index: int, u: int, v: int, point: Affine) -> Affine | None:
    """Return u * G + v * point for 0 <= u < q, v >= 0."""
    curve = PARAMETERS[index]
    first = base_multiple(index, u)
    second = _multiple_jacobian(curve, v, point)
    if first is not None:
        second = _add_mixed(curve, second, first)
    return _to_affine(curve, [second])[0]


def on_curve(curve: Parameters, point: Affine) -> bool:
    """Say whether y^2 = x^3 + a x + b holds; coordinates are below p."""
    x, y = point
    return (y * y - (x * x + curve.a) * x - curve.b) % curve.p == 0


def in_subgroup(index: int, point: Affine) -> bool:
    """Say whether a point of the curve has order q."""
    curve = PARAMETERS[index]
    return curve.cofactor == 1 or multiple(index, curve.q, point) is None
