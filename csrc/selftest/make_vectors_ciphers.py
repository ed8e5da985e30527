"""Make vectors_ciphers.h for the C self-test from tests/vectors/ciphers.json.

python csrc/selftest/make_vectors_ciphers.py
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent.parent / "tests" / "vectors" / "ciphers.json"
SBOXES = (
    "1.2.643.7.1.2.5.1.1",
    *(f"1.2.643.2.2.31.{number}" for number in range(5)),
)

BLOCK_FIELDS = (
    "key",
    "iv",
    "iv_feedback",
    "iv_ctr",
    "pt",
    "ecb",
    "cbc",
    "cfb",
    "ofb",
    "ctr",
    "omac",
)
GOST28147_FIELDS = (
    "key",
    "iv",
    "pt",
    "ecb",
    "cfb_nomesh",
    "cnt_nomesh",
    "mac_data",
    "mac4",
    "long_pt",
    "long_cfb_mesh",
)


def rows(cases: list[tuple[int, dict[str, str]]], fields: tuple[str, ...]) -> str:
    """Return C initialisers; a field that a case lacks is NULL."""
    text = ""
    for number, case in cases:
        values = (f'"{case[name]}"' if name in case else "NULL" for name in fields)
        text += "    {" + ",\n     ".join([str(number), *values]) + "},\n"
    return text


def table(
    name: str,
    number: str,
    cases: list[tuple[int, dict[str, str]]],
    fields: tuple[str, ...],
) -> str:
    members = ", *".join(fields)
    return (
        f"static const struct {{\n    unsigned {number};\n"
        f"    const char *{members};\n}} {name}[] = {{\n{rows(cases, fields)}}};\n"
    )


def render() -> str:
    """Return the text of vectors_ciphers.h."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    blocks = []
    for number, cipher in enumerate(("magma", "kuznyechik")):
        for case in vectors[cipher]:
            if "block_in" in case:
                case = {
                    "key": case["key"],
                    "pt": case["block_in"],
                    "ecb": case["block_out"],
                }
            elif "iv_ofb_cfb" in case:
                case["iv_feedback"] = case["iv_ofb_cfb"]
            else:
                case["iv_feedback"] = case["iv"]
            blocks.append((number, case))
    gost28147 = []
    long_seen = set()
    for case in vectors["gost28147"]:
        number = SBOXES.index(case["sbox_oid"])
        if number in long_seen or number > 1:
            del case["long_pt"], case["long_cfb_mesh"]
        long_seen.add(number)
        gost28147.append((number, case))
    return (
        "/* Made by make_vectors_ciphers.py from tests/vectors; do not edit. */\n\n"
        + table("block_cases", "cipher", blocks, BLOCK_FIELDS)
        + "\n"
        + table("gost28147_cases", "sbox", gost28147, GOST28147_FIELDS)
    )


if __name__ == "__main__":
    (HERE / "vectors_ciphers.h").write_text(render(), encoding="utf-8")
