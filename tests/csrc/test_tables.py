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


class Multiples:
    """odd 2^shift G of a curve, by the textbook; what was made is kept."""

    def __init__(self, curve: Curve) -> None:
        self._curve = curve
        self._doublings: list[Point | None] = [(curve.x, curve.y)]
        self._odd: dict[int, list[Point | None]] = {}

    def get(self, shift: int, odd: int) -> Point | None:
        while len(self._doublings) <= shift + 1:
            last = self._doublings[-1]
            self._doublings.append(add(self._curve, last, last))
        row = self._odd.setdefault(shift, [self._doublings[shift]])
        while len(row) <= odd // 2:
            row.append(add(self._curve, row[-1], self._doublings[shift + 1]))
        return row[odd // 2]


def family_of(kernel: str) -> str:
    last = kernel.rpartition("_")[2]
    return last if last in ("avx512", "mulx") else ""


def test_tables_are_what_the_textbook_gives(printed: list[list[str]]) -> None:
    expected = {curve.index: Multiples(curve) for curve in curves.ALL}
    curve, multiples, use = curves.ALL[0], expected[0], ""
    left, inverse_r = 0, 1
    places: set[tuple[int, int]] = set()
    seen: dict[str, set[tuple[str, int]]] = {}
    for line in printed:
        if line[0] == "absent":
            print(f"not looked at: {line[1]}, this machine cannot run it")
        elif line[0] == "table":
            assert left == 0, "a table ends too early"
            use, number, left = line[2], int(line[3]), int(line[4])
            curve = next(one for one in curves.ALL if one.index == number)
            multiples = expected[number]
            inverse_r = pow(1 << int(line[5]), -1, curve.p)
            places = set()
            seen.setdefault(line[1], set()).add((use, number))
        else:
            shift, odd = int(line[0]), int(line[1])
            x, y = int(line[2], 16), int(line[3], 16)
            assert odd % 2 == 1
            assert len(line[2]) == len(line[3]) <= 130, "a limb is too large"
            # What is only read for public numbers may be p more.
            most = 1 << 8 * curve.size if use == "rows" else curve.p
            assert x < most and y < most, (curve.name, use, line)
            point = x * inverse_r % curve.p, y * inverse_r % curve.p
            assert point == multiples.get(shift, odd), (curve.name, use, shift, odd)
            assert (shift, odd) not in places, "an entry is there twice"
            places.add((shift, odd))
            left -= 1
    assert left == 0
    uses = {"avx512": ("comb", "single", "rows"), "mulx": ("comb",), "": ("comb",)}
    for family, wanted in uses.items():
        names = [name for name in seen if family_of(name) == family]
        if names or not family:
            found = set().union(*(seen[name] for name in names))
            assert found == {(use, number) for use in wanted for number in range(9)}
    print({name: sorted(tables) for name, tables in seen.items()})


def test_all_kernels_with_a_table_are_printed() -> None:
    root = Path(__file__).resolve().parent.parent.parent / "csrc"
    kernels = {path.name for path in root.glob("curve*_*.c")}
    assert {path.name for path in (root / "tables").glob("curve*.c")} == kernels
