"""Write curves.c, the constants of the nine parameter sets, from the vectors.

    python csrc/make_curves.py

reads tests/vectors/curves.json and computes what the C core needs besides:
Montgomery's constants, and the point of order 2 where the cofactor is 4.
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent / "tests" / "vectors" / "curves.json"

# In the order of primitives.CURVES: id in the vectors, canonical name, and which of
# the tables of its field's code (kernels.c) it uses.
SETS = (
    ("test256", "test-256", 0),
    ("tc256A", "tc26-256-a", 0),
    ("cpA", "tc26-256-b", 1),
    ("cpB", "tc26-256-c", 1),
    ("cpC", "tc26-256-d", 0),
    ("test512", "test-512", 0),
    ("tc512A", "tc26-512-a", 0),
    ("tc512B", "tc26-512-b", 0),
    ("tc512C", "tc26-512-c", 1),
)

HEAD = """\
/* The nine parameter sets.  Made by make_curves.py from
 * tests/vectors/curves.json; do not edit.
 *
 * Sources: RFC 5832, RFC 7091 (test sets), RFC 4357 (tc26-256-b, -c, -d, there
 * CryptoPro A, B, C), RFC 7836, RFC 9215. */

#include "curve.h"

const struct gostkey_curve gostkey_curves[GOSTKEY_CURVE_COUNT] = {
"""


def words(value: int, count: int) -> str:
    """Write a number as an initializer, least significant word first."""
    parts = [f"0x{value >> 64 * i & (1 << 64) - 1:016x}" for i in range(count)]
    lines = [", ".join(parts[i : i + 3]) for i in range(0, count, 3)]
    return "{" + ",\n         ".join(lines) + "}"


def order_two(p: int, a: int, b: int) -> int:
    """Return the x of the one point of order 2: the root of x^3 + a x + b."""

    def multiply(left: list[int], right: list[int]) -> list[int]:
        product = [0] * 5
        for i, x in enumerate(left):
            for j, y in enumerate(right):
                product[i + j] += x * y
        for degree in (4, 3):
            product[degree - 2] -= a * product[degree]
            product[degree - 3] -= b * product[degree]
        return [c % p for c in product[:3]]

    # x^p - x has the same roots; mod the cubic, its multiple of degree 1.
    power = [1, 0, 0]
    for bit in bin(p)[2:]:
        power = multiply(power, power)
        if bit == "1":
            power = multiply(power, [0, 1, 0])
    c0, c1, c2 = power[0], power[1] - 1, power[2]
    # cubic = c2^-1 x (c2 x^2 + c1 x + c0) + rest; then the same once more.
    c2 = pow(c2, -1, p)
    c1, c0 = c1 * c2 % p, c0 * c2 % p
    r2, r1, r0 = -c1, a - c0, b
    r1, r0 = r1 - r2 * c1, r0 - r2 * c0
    root = -r0 * pow(r1, -1, p) % p
    assert (root**3 + a * root + b) % p == 0
    return root


def main() -> None:
    """Write the file."""
    curves = {c["id"]: c for c in json.loads(VECTORS.read_text("utf-8"))["curves"]}
    text = HEAD
    for identifier, name, slot in SETS:
        curve = curves[identifier]
        limbs = curve["bits"] // 64
        p, a, b, q, x, y = (int(curve[key], 16) for key in "pabqxy")
        radix = 1 << 64 * limbs
        fields = [
            ("slot", str(slot)),
            ("limbs", str(limbs)),
            ("q_bits", str(q.bit_length())),
            ("cofactor", str(curve["cofactor"])),
            ("a_is_minus_3", str(int(a == p - 3))),
            ("p", words(p, limbs)),
            ("a", words(a, limbs)),
            ("b", words(b, limbs)),
            ("x", words(x, limbs)),
            ("y", words(y, limbs)),
            ("q", words(q, limbs)),
            ("x2", words(order_two(p, a, b) if curve["cofactor"] == 4 else 0, limbs)),
            ("p_negative_inverse", f"0x{-pow(p, -1, 1 << 64) % (1 << 64):016x}"),
            ("p_r2", words(radix * radix % p, limbs)),
            ("q_negative_inverse", f"0x{-pow(q, -1, 1 << 64) % (1 << 64):016x}"),
            ("q_r2", words(radix * radix % q, limbs)),
        ]
        text += f"    /* {name} */\n    {{\n"
        text += "".join(f"        .{key} = {value},\n" for key, value in fields)
        text += "    },\n"
    (HERE / "curves.c").write_text(text + "};\n", encoding="utf-8")


if __name__ == "__main__":
    main()
