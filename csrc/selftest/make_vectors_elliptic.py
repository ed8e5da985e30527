"""Write vectors_elliptic.h from tests/vectors for the C self-test.

    python csrc/selftest/make_vectors_elliptic.py

Besides the shared vectors it holds scalars at the corners of the window
method, whose multiples are computed here by the textbook's affine formulas.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent.parent / "tests" / "vectors"

# Ids of the vectors in the order of primitives.CURVES.
ORDER = "test256 tc256A cpA cpB cpC test512 tc512A tc512B tc512C".split()

WIDTHS = (5, 6, 7)  # of windows: multiples.h, comb.h, ifma_comb.h

Point = tuple[int, int] | None


def add(curve: dict[str, int], left: Point, right: Point) -> Point:
    """Add two points by chord and tangent."""
    if left is None or right is None:
        return left or right
    p = curve["p"]
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if (y1 + y2) % p == 0:
            return None
        slope = (3 * x1 * x1 + curve["a"]) * pow(2 * y1, -1, p)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, p)
    x = (slope * slope - x1 - x2) % p
    return x, (slope * (x1 - x) - y1) % p


def multiply(curve: dict[str, int], k: int, point: Point) -> Point:
    """Multiply by doubling and adding."""
    result = None
    for bit in bin(k)[2:]:
        result = add(curve, result, result)
        if bit == "1":
            result = add(curve, result, point)
    return result


def corners(q: int) -> list[int]:
    """Scalars near 0 and q, at window borders, and the exceptional ones."""
    length = q.bit_length()
    found = [1, 2, 3, q - 1, q - 2, q - 3, (q - 1) // 2, (q + 1) // 2]
    found += [(1 << length - 1) - 1, 0x55 * ((1 << length - 3) // 255)]
    for width in WIDTHS:
        borders = [1 << width * i for i in (1, 2, length // width)]
        found += [border + step for border in borders for step in (-1, 0, 1)]
        # The base point's last addition is a doubling; its negative, too.
        top = 1 << width * (-(-length // width) - 1)
        found += [q - 2 * (q % top), 2 * (q % top)]
    # multiply: the last addition may double for q - 2 t, t odd and below 2^W.
    found += [q - 2 * t for t in range(5, 1 << WIDTHS[0], 2)]
    return sorted({k for k in found if 0 < k < q})


def load(name: str) -> dict[str, Any]:
    """Read a file of tests/vectors."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def main() -> None:
    """Write the header."""
    curves = {c["id"]: c for c in load("curves")["curves"]}
    data = load("gost3410")
    index = {name: i for i, name in enumerate(ORDER)}
    text = "/* Made by make_vectors_elliptic.py from tests/vectors; do not edit. */\n\n"

    def table(kind: str, fields: str, rows: list[tuple[object, ...]]) -> None:
        nonlocal text
        names = fields.split()
        text += "static const struct {\n    int curve;\n"
        text += f"    const char *{', *'.join(names)};\n}} {kind}[] = {{\n"
        for curve, *values in rows:
            lines = "".join(f',\n     "{value}"' for value in values)
            text += f"    {{{curve}{lines}}},\n"
        text += "};\n\n"

    table(
        "good",
        "d_le digest k_be signature public_le",
        [
            (
                index[v["curve"]],
                *(v[key] for key in ("private_le", "digest", "k", "signature")),
                v["spki_point"],
            )
            for v in data["standard"] + data["random"] + data["edge"]
        ],
    )
    table(
        "discarded",
        "d_be digest k_be",
        [
            (index[v["curve"]], v.get("d", ""), v.get("digest", ""), v["k"])
            for v in data["retry_nonces"]
        ],
    )

    def little(value: str) -> str:
        return bytes.fromhex(value)[::-1].hex()

    table(
        "refused",
        "digest signature public_le comment",
        [
            (
                index[v["curve"]],
                v["digest"],
                v["signature"],
                little(v["qx"]) + little(v["qy"]),
                v["name"],
            )
            for v in data["negative"]
        ],
    )
    table(
        "small_order",
        "public_le",
        [
            (index[v["curve"]], little(v["x"]) + little(v["y"]))
            for v in data["small_order_points"]
        ],
    )
    rows: list[tuple[object, ...]] = []
    for name in ORDER:
        curve = {key: int(curves[name][key], 16) for key in "pabqxy"}
        size = curves[name]["bits"] // 8
        for k in corners(curve["q"]):
            point = multiply(curve, k, (curve["x"], curve["y"]))
            assert point is not None
            public = b"".join(part.to_bytes(size, "little") for part in point)
            rows.append((index[name], k.to_bytes(size, "little").hex(), public.hex()))
    table("corner", "d_le public_le", rows)
    (HERE / "vectors_elliptic.h").write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
