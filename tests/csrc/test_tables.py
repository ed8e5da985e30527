"""Every entry of every kernel's table of base points, against the textbook.

The tables are made when a curve is first used; a program (csrc/tables) prints what the
kernels have then.  The points to compare with are made here with plain integers.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from c_core import build, need
from parameter_sets import add

from gostkey import curves
from gostkey.curves import Curve

Point = tuple[int, int]


@pytest.fixture(scope="module")
def printed() -> Iterator[list[list[str]]]:
    need("gcc")
    program = build("tables-gcc") / "print-tables"
    done = subprocess.run(
        [program], capture_output=True, text=True, timeout=600, check=True
    )
    yield [line.split() for line in done.stdout.splitlines()]


def table_of(curve: Curve, bits: int, windows: int, entries: int) -> list[list[Point]]:
    """[i][j] = (2 j + 1) 2^(bits i) G."""
    found = []
    base: Point | None = (curve.x, curve.y)
    for _ in range(windows):
        row = [base]
        double = add(curve, base, base)
        for _ in range(entries - 1):
            row.append(add(curve, row[-1], double))
        assert None not in row
        found.append([point for point in row if point is not None])
        for _ in range(bits):
            base = add(curve, base, base)
    return found


def test_tables_are_what_the_textbook_gives(printed: list[list[str]]) -> None:
    expected: dict[tuple[int, int], list[list[Point]]] = {}
    seen: dict[str, set[int]] = {}
    curve, number, rest = curves.ALL[0], 0, 0
    left = inverse_r = 0
    table: list[list[Point]] = []
    for line in printed:
        if line[0] == "absent":
            print(f"not looked at: {line[1]}, this machine cannot run it")
        elif line[0] == "table":
            assert left == 0, "a table ends too early"
            number = int(line[2])
            curve = next(one for one in curves.ALL if one.index == number)
            bits, windows, entries, rest = map(int, line[3:])
            assert bits * windows >= curve.q.bit_length() and entries == 1 << bits - 1
            key = (number, bits)
            if key not in expected:
                expected[key] = table_of(curve, bits, windows, entries)
            table = expected[key]
            inverse_r = pow(1 << rest, -1, curve.p)
            left = windows * entries
            seen.setdefault(line[1], set()).add(number)
        else:
            i, j = int(line[0]), int(line[1])
            x, y = int(line[2], 16), int(line[3], 16)
            assert len(line[2]) == len(line[3]) <= 130, "a limb is too large"
            assert x < curve.p and y < curve.p, (curve.name, i, j)
            point = x * inverse_r % curve.p, y * inverse_r % curve.p
            assert point == table[i][j], (curve.name, i, j)
            left -= 1
    assert left == 0
    kernels = {name for name in seen if not name.endswith("avx512")}
    assert set().union(*(seen[name] for name in kernels)) == set(range(9))
    print({name: sorted(numbers) for name, numbers in seen.items()})


def test_all_kernels_with_a_table_are_printed() -> None:
    root = Path(__file__).resolve().parent.parent.parent / "csrc"
    # The mulx kernels are the portable ones, compiled once more.
    kernels = {
        path.name for path in root.glob("curve*_*.c") if not path.stem.endswith("_mulx")
    }
    assert {path.name for path in (root / "tables").glob("curve*.c")} == kernels
