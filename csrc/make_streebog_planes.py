"""Make streebog_planes.h: Streebog's S and L for bit planes, constant time.

The hash works on planes: plane b of a block holds bit b of its 64 bytes, one
byte a position.  L multiplies a byte by a constant that depends on its place
and sums over eight places; in planes that is AND with constant words, XOR and
turning.  To need few of them:

* Bytes are written in a basis of GF(2^8) as a tower over GF(2^4) over GF(2^2),
  where a product is 27 bit products (Karatsuba three times) between 27 sums of
  bits ("points"); the points of a constant are constants.  The whole hash stays
  in this basis, so that changing to it costs nothing within the rounds: the
  linear maps around pi take it in.
* The eight terms of L are four groups of two (see streebog_secret.c); sums are
  made point by point, and become bytes again once a group.

Of all towers and isomorphisms the one with the fewest gates is taken.  All is
checked here against plain tables before it is written.

    python3 csrc/make_streebog_planes.py        (in the repository's root)

Source: GOST R 34.11-2012, 5.2 to 5.4 and the constants of engine/pure/streebog.py.
"""

from __future__ import annotations

import itertools
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import make_pi_bitslice as pi_gates
from make_pi_bitslice import ALPHA, NU0, NU1, OMEGA, PHI, PI, SIGMA, Circuit

HERE = Path(__file__).resolve().parent
PURE = (HERE.parent / "engine" / "pure" / "streebog.py").read_text(encoding="utf-8")
MATRIX = [int(word, 16) for word in re.findall(r"^    (0x[0-9A-F]{16}),$", PURE, re.M)]
CONSTANTS = [
    int(high + low, 16)
    for high, low in re.findall(r'"([0-9a-f]{64})"\s+"([0-9a-f]{64})",', PURE)
]
assert len(MATRIX) == 8 and len(CONSTANTS) == 12

Basis = list[int]
"""Images of the bits 0..7 of one form of a byte in the other form."""


def multiply(a: int, b: int) -> int:
    """Multiply in the field of L, t^8 = t^4 + t^3 + t^2 + 1."""
    out = 0
    for bit in range(8):
        if b >> bit & 1:
            out ^= a << bit
    for bit in range(14, 7, -1):
        if out >> bit & 1:
            out ^= 0x11D << bit - 8
    return out


def apply(basis: Basis, x: int) -> int:
    out = 0
    for bit, image in enumerate(basis):
        if x >> bit & 1:
            out ^= image
    return out


def invert(basis: Basis) -> Basis:
    images = {apply(basis, x): x for x in range(256)}
    return [images[1 << bit] for bit in range(8)]


def rows_of(basis: Basis) -> list[list[int]]:
    """Return for each output bit the input bits that it sums."""
    return [[b for b in range(8) if basis[b] >> bit & 1] for bit in range(8)]


def towers() -> list[Basis]:
    """Return the bases w^i x^j y^k (bit i + 2 j + 4 k) of all towers.

    w^2 = w + 1, x^2 = x + lambda, y^2 = y + mu.
    """
    square = {x: multiply(x, x) for x in range(256)}
    found = []
    for w in (x for x in range(2, 256) if square[x] == x ^ 1):
        small = {0, 1, w, w ^ 1}
        for x in (x for x in range(256) if x not in small and square[x] ^ x in small):
            middle = {a ^ multiply(b, x) for a in small for b in small}
            for y in (
                y for y in range(256) if y not in middle and square[y] ^ y in middle
            ):
                basis = [1, w, x, multiply(w, x)]
                found.append(basis + [multiply(b, y) for b in basis])
    return found


POINTS = list(itertools.product(range(3), repeat=3))


def point_bits(point: tuple[int, ...]) -> list[int]:
    """Return the bits that a point sums: at each level low, high or both."""
    choices = [((0,), (1,), (0, 1))[digit] for digit in reversed(point)]
    return [
        i + 2 * j + 4 * k for i in choices[0] for j in choices[1] for k in choices[2]
    ]


def points_of(x: int) -> list[int]:
    return [sum(x >> bit for bit in point_bits(point)) & 1 for point in POINTS]


def interpolation(to_field: Basis) -> list[list[int]]:
    """Return for each bit of a product the points that it sums.

    Bilinear in the two factors, so it is found from the products of the basis.
    """
    from_field = invert(to_field)

    # The product at level n of sub-products: low, high, both.
    def level(prefix: tuple[int, ...], unit: int) -> dict[int, set[int]]:
        """Points of the product in this sub-field, by bit of the whole result.

        *unit* is the element (in the field of L) that the product is times.
        """
        depth = len(prefix)
        if depth == 3:
            index = POINTS.index(prefix)
            value = apply(from_field, unit)
            return {bit: {index} for bit in range(8) if value >> bit & 1}
        # Generator of this level: y, x, w have the bits 4, 2, 1.
        g = to_field[4 >> depth]
        constant = multiply(g, g) ^ g
        out: dict[int, set[int]] = {bit: set() for bit in range(8)}
        # (a0 + a1 g)(b0 + b1 g) = p0 + p1 constant + g (p2 + p0)
        for digit, factors in (
            (0, [1, g]),
            (1, [constant]),
            (2, [g]),
        ):
            for factor in factors:
                part = level((*prefix, digit), multiply(unit, factor))
                for bit, points in part.items():
                    out[bit] ^= points
        return out

    sums = level((), 1)
    return [sorted(sums[bit]) for bit in range(8)]


class Field:
    """One tower, with the gates it costs."""

    def __init__(self, to_field: Basis) -> None:
        self.to_field = to_field
        self.from_field = invert(to_field)
        self.interpolation = interpolation(to_field)

    def s_box(self, c: Circuit, x: list[str]) -> list[str]:
        """pi between bytes written in the tower's basis."""
        alpha = linear_basis(ALPHA)
        omega = linear_basis(OMEGA)
        before = [apply(alpha, image) for image in self.to_field]
        after = [apply(self.from_field, image) for image in omega]
        y = c.matrix(rows_of(before), x)
        b, a = y[:4], y[4:]
        quotient = c.product(a, c.function(pi_gates.RECIPROCAL, b))
        nibbles = pi_gates.nibbles
        at_zero = [value ^ nibbles(NU1)[0] for value in nibbles(NU0)]
        a = c.mask_xor(
            c.function(nibbles(NU1), quotient), c.function(at_zero, a), c.is_zero(b)
        )
        b = c.function(nibbles(SIGMA), c.product(b, c.function(nibbles(PHI), a)))
        return c.matrix(rows_of(after), b + a)

    def spread(self, c: Circuit, x: list[str]) -> list[str]:
        return c.sums([[x[bit] for bit in point_bits(point)] for point in POINTS])

    def gather(self, c: Circuit, p: list[str]) -> list[str]:
        return c.sums([[p[i] for i in row] for row in self.interpolation])

    def cost(self) -> int:
        gates = 0
        for make, count, size in (
            (self.s_box, 1, 8),
            (self.gather, 4, 27),
        ):
            c = Circuit()
            make(c, [f"x[{i}]" for i in range(size)])
            gates += count * len(c.lines)
        return gates


def linear_basis(rows: str) -> Basis:
    """Return the images of the bits under a matrix of make_pi_bitslice.py."""
    matrix = pi_gates.linear(rows)
    return [
        sum((bit in row) << place for place, row in enumerate(matrix))
        for bit in range(8)
    ]


def check(field: Field) -> None:
    to, back = field.to_field, field.from_field
    table = [apply(back, PI[apply(to, x)]) for x in range(256)]
    c = Circuit()
    out = field.s_box(c, [f"x{i}" for i in range(8)])
    assert [pi_gates.evaluate(c, out, x) for x in range(256)] == table
    for a in range(256):
        for b in (1, 2, 4, 8, 16, 32, 64, 128, a, 0x53, 0xCA):
            p = [s & t for s, t in zip(points_of(a), points_of(b), strict=True)]
            made = 0
            for bit, row in enumerate(field.interpolation):
                made |= (sum(p[i] for i in row) & 1) << bit
            assert apply(to, made) == multiply(apply(to, a), apply(to, b))


Line = tuple[str, str, tuple[str, ...]]


def gates(
    name: str, make: Callable[[Circuit, list[str]], list[str]], inputs: int
) -> tuple[list[Line], list[str]]:
    """Return the gates that are needed, in order, and the signals that come out."""
    c = Circuit()
    out = make(c, [f"x{i}" for i in range(inputs)])
    needed = set(out)
    kept = []
    for line in reversed(c.lines):
        if line[0] in needed:
            needed |= set(line[2])
            kept.append(line)
    print(f"{name}: {len(kept)} gates", file=sys.stderr)
    return kept[::-1], out


def declared(kind: str, values: list[str]) -> str:
    """Write definitions one after the other, as many on a line as fit."""
    # A definition is kept on one line: its spaces are something else meanwhile.
    whole = (value.replace(" ", "@") for value in values)
    text = textwrap.fill(
        f"{kind} {', '.join(whole)};",
        width=84,
        initial_indent="    ",
        subsequent_indent="        ",
        break_long_words=False,
    )
    return text.replace("@", " ")


def stored(name: str, signals: list[str]) -> str:
    """Write assignments to an array, four on a line."""
    parts = [f"{name}[{i}] = {signal};" for i, signal in enumerate(signals)]
    rows = (parts[start : start + 4] for start in range(0, len(parts), 4))
    return "\n".join("    " + " ".join(row) for row in rows)


def emit(
    name: str, make: Callable[[Circuit, list[str]], list[str]], inputs: int, count: int
) -> str:
    """Return a C function from x[inputs] to out[count]."""
    kept, out = gates(name, make, inputs)
    text = [
        f"static inline void {name}(gostkey_lanes out[{count}],",
        " " * len(f"static inline void {name}(") + f"const gostkey_lanes x[{inputs}])",
        "{",
    ]

    def shown(signal: str) -> str:
        return f"x[{signal[1:]}]" if signal.startswith("x") else signal

    lines = []
    for signal, operation, parts in kept:
        parts = tuple(shown(part) for part in parts)
        value = f" {operation} ".join(parts) if len(parts) == 2 else f"~{parts[0]}"
        lines.append(f"{signal} = {value}")
    text.append(declared("gostkey_lanes", lines))
    text.append("")
    text.append(stored("out", [shown(signal) for signal in out]))
    text.append("}")
    return "\n".join(text)


def emit_group(name: str, field: Field) -> str:
    """Return the C function of a group of L: products, made into bytes.

    A product is computed where it is first needed: an array of them would go
    through memory.
    """
    kept, out = gates(name, field.gather, 27)
    text = [
        f"static inline void {name}(",
        "    gostkey_lanes out[8], const gostkey_lanes a[27],",
        "    const gostkey_lanes b[27], const gostkey_lanes f[27][4][2], int r)",
        "{",
    ]
    made = set()
    lines = []
    for signal, operation, parts in kept:
        for part in parts:
            if part.startswith("x") and part not in made:
                made.add(part)
                i = part[1:]
                lines.append(
                    f"x{i} = (a[{i}] & f[{i}][r][0]) ^ (b[{i}] & f[{i}][r][1])"
                )
        lines.append(f"{signal} = {f' {operation} '.join(parts)}")
    text.append(declared("gostkey_lanes", lines))
    text.append("")
    text.append(stored("out", out))
    text.append("}")
    return "\n".join(text)


def change(name: str, basis: Basis) -> str:
    """Return a C function that changes the basis of a block in place."""
    c = Circuit()
    out = c.matrix(rows_of(basis), [f"x{i}" for i in range(8)])
    text = [f"static inline void {name}(uint64_t x[8])", "{"]
    lines = [f"x{i} = x[{i}]" for i in range(8)]
    lines += [f"{signal} = {' ^ '.join(parts)}" for signal, _, parts in c.lines]
    text.append(declared("uint64_t", lines))
    text.append("")
    text.append(stored("x", out))
    text.append("}")
    return "\n".join(text)


def planes(block: int, field: Field, rows_low: bool) -> list[int]:
    """Put a block into planes; row and column in which order, see below."""
    octets = block.to_bytes(64, "little")
    out = [0] * 8
    for row in range(8):
        for column in range(8):
            value = apply(field.from_field, octets[8 * row + column])
            place = 8 * column + row if rows_low else 8 * row + column
            for bit in range(8):
                out[bit] |= (value >> bit & 1) << place
    return out


def masks(field: Field, low: bool) -> list[list[list[int]]]:
    """Return [group][term][point] of L summed over the low or the high index.

    At index i the term q of group r takes index i - 4 q to index i + r.
    """
    out = []
    for r in range(4):
        group = []
        for q in (0, 4):
            words = [0] * 27
            for i in range(8):
                factor = MATRIX[(i - q) % 8] >> 8 * ((i + r) % 8) & 0xFF
                bits = points_of(apply(field.from_field, factor))
                for other in range(8):
                    place = 8 * other + i if low else 8 * i + other
                    for p, bit in enumerate(bits):
                        words[p] |= bit << place
            group.append(words)
        out.append(group)
    return out


HEAD = """\
/* S and L of Streebog in bit planes: no look-ups, constant time.
 *
 * Generated by make_streebog_planes.py, which explains how and has checked it;
 * do not edit.  The file that includes it defines
 *
 *     gostkey_lanes       one or more independent uint64_t, with & ^ ~
 *     GOSTKEY_LANES(w)    an initialiser with w in every lane
 *
 * Bytes are in the basis that gostkey_streebog_enter changes to.
 *
 * Source: GOST R 34.11-2012, 5.2 to 5.4. */

#ifndef GOSTKEY_STREEBOG_PLANES_H
#define GOSTKEY_STREEBOG_PLANES_H

#include <stdint.h>
"""


def main() -> None:
    fields = [Field(basis) for basis in towers()]
    field = min(fields, key=lambda field: (field.cost(), field.to_field))
    print(f"{len(fields)} towers, best basis {field.to_field}", file=sys.stderr)
    check(field)

    text = [HEAD]
    text.append("/* Bytes from the basis of the standard to the tower's. */")
    text.append(change("gostkey_streebog_enter", field.from_field))
    text.append("\n/* And back. */")
    text.append(change("gostkey_streebog_leave", field.to_field))
    text.append("\n/* S: out may be x. */")
    text.append(emit("gostkey_streebog_s", field.s_box, 8, 8))
    text.append("\n/* Make the 27 points of bytes. */")
    text.append(emit("gostkey_streebog_spread", field.spread, 8, 27))
    text.append(
        "\n/* One group of L: the bytes of the product of a with the factors\n"
        " * f[][r][0], plus that of b with f[][r][1]; all as points. */"
    )
    text.append(emit_group("gostkey_streebog_group", field))
    for name, low in (("low", True), ("high", False)):
        text.append(
            f"\n/* Points of the factors of L where it sums over the {name} index,\n"
            " * by point, group and term. */"
        )
        text.append(
            f"static const gostkey_lanes gostkey_streebog_l_{name}[27][4][2] = {{"
        )
        groups = masks(field, low)
        for point in range(27):
            text.append("    {")
            for group in groups:
                text.append(pair_text([terms[point] for terms in group]))
            text.append("    },")
        text.append("};")
    text.append(
        "\n/* C_1 to C_12 in planes: odd ones with the row as low index, even\n"
        " * ones with the row as high index. */"
    )
    text.append("static const uint64_t gostkey_streebog_c[12][8] = {")
    for number, constant in enumerate(CONSTANTS):
        values = planes(constant, field, rows_low=number % 2 == 0)
        text.append("    {")
        for start in range(0, 8, 4):
            text.append(
                "        "
                + ", ".join(f"0x{v:016x}" for v in values[start : start + 4])
                + ","
            )
        text.append("    },")
    text += ["};", "", "#endif", ""]
    (HERE / "streebog_planes.h").write_text("\n".join(text), encoding="utf-8")


def pair_text(pair: list[int]) -> str:
    return "        {" + ", ".join(f"GOSTKEY_LANES(0x{v:016x})" for v in pair) + "},"


if __name__ == "__main__":
    main()
