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


def small_order(curve: dict[str, str], limbs: int) -> list[tuple[str, str]]:
    """Return where a curve that is birational to an Edwards one has points of order 4.

    (u, v) becomes x = s (1 + v) / (1 - v) + t, s = (e - d) / 4, t = (e + d) / 6
    [RFC7836, 5.2], so (0, -1) and (1, 0) become x = t and x = s + t.
    """
    if "d" not in curve:
        return []
    p, a, b, e, d = (int(curve[key], 16) for key in "pabed")
    s, t = (e - d) * pow(4, -1, p) % p, (e + d) * pow(6, -1, p) % p
    assert (a - s * s + 3 * t * t) % p == (b - 2 * t**3 + t * s * s) % p == 0
    return [("order2_x", words(t, limbs)), ("order4_x", words((s + t) % p, limbs))]


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
            *small_order(curve, limbs),
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
