"""Make streebog_slices_gates.h: Streebog for many messages, one a bit of a word.

Each of the 512 bits of a block is a word (or a vector), whose bits are as many
messages.  Then P is a matter of indices, and S and L are gates.

* What is linear around pi costs nothing: the block is kept in the form A x of each
  byte x, in which the gates of pi want it, and L takes from their results
  the linear map that leads back, and into that form again.  Both are
  therefore one matrix of 64 x 64 bits for a row.
* Where the gates give the complement of a bit, the results of a row differ by a
  constant, the same for each row; it goes into the constants of the key schedule.
* The sums of the matrix share terms, greedily ([Paar97]), and come in an order in
  which terms are used soon after they were made.

The gates of pi are the outcome of a random search, which began with those of
make_pi_bitslice.py; that they are pi is checked here for all bytes, and what is
linear is solved from them.

    python3 csrc/make_streebog_slices.py        (in the repository's root)

Source: GOST R 34.11-2012, 5.2 to 5.4 and the constants of engine/pure/streebog.py.
[Paar97] Paar: Optimized arithmetic for Reed-Solomon encoders, ISIT 1997.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import streebog_slices_pi as pi_gates
from make_streebog_affine import first_keys
from make_streebog_planes import CONSTANTS, HERE, MATRIX, PI, multiply

Gate = tuple[str, int, int]
"""Operation and two signals; n is a and not b."""

Matrix = list[int]
"""For each output the mask of its inputs."""


def parity(x: int) -> int:
    return x.bit_count() & 1


def times(matrix: Matrix, x: int) -> int:
    return sum(parity(row & x) << i for i, row in enumerate(matrix))


def inverse(matrix: Matrix) -> Matrix:
    """Invert a square matrix over GF(2)."""
    n = len(matrix)
    rows = [row | 1 << n + i for i, row in enumerate(matrix)]
    for bit in range(n):
        pivot = next(i for i in range(bit, n) if rows[i] >> bit & 1)
        rows[bit], rows[pivot] = rows[pivot], rows[bit]
        for i in range(n):
            if i != bit and rows[i] >> bit & 1:
                rows[i] ^= rows[bit]
    return [row >> n for row in rows]


# --- pi ---------------------------------------------------------------------------


def core(x: int) -> int:
    """Evaluate the gates of pi for a byte in the form that they want."""
    signals = [x >> i & 1 for i in range(8)]
    for operation, a, b in pi_gates.GATES:
        p, q = signals[a], signals[b]
        signals.append(
            {"^": p ^ q, "&": p & q, "|": p | q, "n": p & (q ^ 1)}[operation]
        )
    return sum(signals[s] << i for i, s in enumerate(pi_gates.OUTPUTS))


ENTER: Matrix = pi_gates.INPUTS
"""A: a byte to the form that the gates want."""
LEAVE = inverse(ENTER)


def after_core() -> tuple[Matrix, int]:
    """Solve pi(x) = B core(A x) ^ b for B and b."""
    images = {core(times(ENTER, x)): PI[x] for x in range(256)}
    assert len(images) == 256
    constant = images[0]
    columns = [images[1 << i] ^ constant for i in range(8)]
    matrix = [sum((columns[i] >> bit & 1) << i for i in range(8)) for bit in range(8)]
    assert all(times(matrix, y) ^ constant == x for y, x in images.items())
    return matrix, constant


AFTER, COMPLEMENTS = after_core()


# --- L ----------------------------------------------------------------------------


def row_of(bytes_of_row: Iterable[int]) -> int:
    return sum(byte << 8 * c for c, byte in enumerate(bytes_of_row))


def enter_row(row: int) -> int:
    return row_of(times(ENTER, row >> 8 * c & 0xFF) for c in range(8))


def l_of(row: Iterable[int]) -> int:
    """Multiply a row, its bytes from the low one, by the matrix of L."""
    out = 0
    for byte, word in zip(row, MATRIX, strict=True):
        out ^= row_of(multiply(byte, word >> 8 * c & 0xFF) for c in range(8))
    return out


def row_matrix() -> Matrix:
    columns = []
    for j in range(8):
        for bit in range(8):
            byte = times(AFTER, 1 << bit)
            columns.append(enter_row(l_of(byte if k == j else 0 for k in range(8))))
    return [sum((columns[i] >> o & 1) << i for i in range(64)) for o in range(64)]


ROW = row_matrix()
CONSTANT = enter_row(l_of([COMPLEMENTS] * 8))
"""By which a row of the gates' results differs."""


def shared_sums(matrix: Matrix, seed: int) -> tuple[list[tuple[int, int]], list[int]]:
    """Share pairs of terms; return the sums, and which signal each output is."""
    choose = random.Random(seed)
    inputs = 64
    users = [
        sum((row >> i & 1) << o for o, row in enumerate(matrix)) for i in range(inputs)
    ]
    sums: list[tuple[int, int]] = []
    counts = {
        (i, j): (users[i] & users[j]).bit_count()
        for j in range(inputs)
        for i in range(j)
    }
    while True:
        most = max(counts.values())
        if most < 2:
            break
        a, b = choose.choice([pair for pair, count in counts.items() if count == most])
        both = users[a] & users[b]
        users[a] ^= both
        users[b] ^= both
        new = len(users)
        users.append(both)
        sums.append((a, b))
        for x in (a, b, new):
            for y in range(new + 1):
                if x != y:
                    count = (users[x] & users[y]).bit_count()
                    pair = (min(x, y), max(x, y))
                    if count > 0:
                        counts[pair] = count
                    else:
                        counts.pop(pair, None)
    outputs = []
    for o in range(len(matrix)):
        terms = [i for i, mask in enumerate(users) if mask >> o & 1]
        total = terms[0]
        for term in terms[1:]:
            sums.append((total, term))
            total = inputs + len(sums) - 1
        outputs.append(total)
    return sums, outputs


def in_order(
    sums: list[tuple[int, int]], outputs: list[int]
) -> list[tuple[int, int, int]]:
    """Order the sums so that what an output needs comes just before it.

    Returns:
        (signal, its two terms) for each.
    """
    done: set[int] = set(range(64))
    order: list[tuple[int, int, int]] = []

    def missing(signal: int) -> set[int]:
        found: set[int] = set()
        stack = [signal]
        while stack:
            s = stack.pop()
            if s not in done and s not in found:
                found.add(s)
                stack.extend(sums[s - 64])
        return found

    def make(signal: int) -> None:
        if signal not in done:
            a, b = sums[signal - 64]
            make(a)
            make(b)
            order.append((signal, a, b))
            done.add(signal)

    left = set(outputs)
    while left:
        best = min(left, key=lambda o: (len(missing(o)), o))
        make(best)
        left.remove(best)
    return order


# --- The file ---------------------------------------------------------------------

HEAD = """\
/* S and L of Streebog as gates between words whose bits are messages, and constants.
 *
 * gostkey_slice is the type of a word, to be defined before.  Generated by
 * make_streebog_slices.py, which explains the form and has checked it; do not edit.
 *
 * Source: GOST R 34.11-2012, 5.2 to 5.4 and the constants C_1 to C_12. */

#ifndef GOSTKEY_STREEBOG_SLICES_GATES_H
#define GOSTKEY_STREEBOG_SLICES_GATES_H

#include <stdint.h>
"""


def s_function() -> list[str]:
    used = {s for _, a, b in pi_gates.GATES for s in (a, b)} | set(pi_gates.OUTPUTS)
    lines = [
        "",
        f"/* z := pi of x, both in the forms of the gates: {len(pi_gates.GATES)}. */",
        "static inline void gostkey_slices_s(gostkey_slice z[8],",
        "                                    const gostkey_slice x[8])",
        "{",
    ]
    name = {i: f"x[{i}]" for i in range(8)}
    for i, (operation, a, b) in enumerate(pi_gates.GATES, 8):
        assert i in used
        name[i] = f"t{i}"
        text = {"n": f"{name[a]} & ~{name[b]}"}.get(
            operation, f"{name[a]} {operation} {name[b]}"
        )
        lines.append(f"    const gostkey_slice t{i} = {text};")
    lines.append("")
    lines += [f"    z[{i}] = {name[s]};" for i, s in enumerate(pi_gates.OUTPUTS)]
    return [*lines, "}"]


def l_function() -> list[str]:
    tries = [shared_sums(ROW, seed) for seed in range(8)]
    sums, outputs = min(tries, key=lambda it: len(it[0]))
    check_sums(sums, outputs)
    place = {signal: o for o, signal in enumerate(outputs)}
    assert len(place) == 64
    lines = [
        "",
        "/* A row of the result, eight bytes at equal distances: L of what the gates",
        " * gave for its eight bytes, in the form in which they want it again:",
        f" * {len(sums)} sums. */",
        "static inline void gostkey_slices_l(gostkey_slice *to, size_t distance,",
        "                                    const gostkey_slice x[64])",
        "{",
    ]
    name = {i: f"x[{i}]" for i in range(64)}
    for signal, a, b in in_order(sums, outputs):
        name[signal] = f"t{signal}"
        lines.append(f"    const gostkey_slice t{signal} = {name[a]} ^ {name[b]};")
        if signal in place:
            byte, bit = divmod(place[signal], 8)
            lines.append(f"    to[{byte} * distance + {bit}] = t{signal};")
    return [*lines, "}"]


def check_sums(sums: list[tuple[int, int]], outputs: list[int]) -> None:
    values = [1 << i for i in range(64)]
    for a, b in sums:
        values.append(values[a] ^ values[b])
    assert [values[s] for s in outputs] == ROW


def linear_function(what: str, name: str, matrix: Matrix) -> list[str]:
    lines = [
        "",
        f"/* {what} */",
        f"static inline void {name}(gostkey_slice x[8])",
        "{",
    ]
    lines += [f"    const gostkey_slice x{i} = x[{i}];" for i in range(8)]
    lines.append("")
    for i, row in enumerate(matrix):
        terms = " ^ ".join(f"x{j}" for j in range(8) if row >> j & 1)
        lines.append(f"    x[{i}] = {terms};")
    return [*lines, "}"]


def columns(block: int) -> list[int]:
    """Bytes of the columns of a block in the gates' form, as words."""
    data = block.to_bytes(64, "little")
    return [row_of(times(ENTER, data[8 * j + r]) for j in range(8)) for r in range(8)]


# Each row is CONSTANT: column r has its byte r eight times.
CONSTANT_COLUMNS = [row_of([CONSTANT >> 8 * r & 0xFF] * 8) for r in range(8)]


def for_rounds(blocks: Sequence[int]) -> list[list[int]]:
    """Give what is added before each round; all but the first follow a result."""
    return [
        [
            word ^ (CONSTANT_COLUMNS[r] if i > 0 else 0)
            for r, word in enumerate(columns(block))
        ]
        for i, block in enumerate(blocks)
    ]


def words(name: str, what: str, blocks: list[list[int]]) -> list[str]:
    lines = [
        "",
        f"/* {what} */",
        f"static const uint64_t {name}[{len(blocks)}][8] = {{",
    ]
    for block in blocks:
        lines.append("    {")
        lines += [
            "     " + ", ".join(f"0x{word:016x}" for word in block[i : i + 3]) + ","
            for i in range(0, 8, 3)
        ]
        lines.append("    },")
    return [*lines, "};"]


def render() -> str:
    """Return the text of streebog_slices_gates.h."""
    *keys, last = first_keys(32)
    start = int.from_bytes(b"\x01" * 64, "little")
    parts = [
        HEAD,
        "/* A byte of one bit in the form of the gates. */",
        "static const uint8_t gostkey_slices_enter_byte[8] = {",
        "    "
        + ", ".join(f"0x{times(ENTER, 1 << bit):02x}" for bit in range(8))
        + "};",
        *words(
            "gostkey_slices_c",
            "C_1 to C_12 by columns, and what the result of the round before lacks.",
            for_rounds(CONSTANTS),
        ),
        *words(
            "gostkey_slices_first256",
            "K_1 to K_12, and K_13 ^ IV, for h = IV of 32 bytes and N = 0, likewise.",
            for_rounds([*keys, last ^ start]),
        ),
        "",
        "/* What the rows of a round's results lack, by columns. */",
        "static const uint64_t gostkey_slices_lack[8] = {",
        *(f"    0x{word:016x}," for word in CONSTANT_COLUMNS),
        "};",
        *linear_function(
            "A byte to the form of the gates.", "gostkey_slices_enter", ENTER
        ),
        *linear_function("And back.", "gostkey_slices_leave", LEAVE),
        *s_function(),
        *l_function(),
        "",
        "#endif",
        "",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    (HERE / "streebog_slices_gates.h").write_text(render(), encoding="utf-8")
