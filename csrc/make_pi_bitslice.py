"""Make pi_bitslice.h: the substitution pi and its inverse as logic gates.

pi splits into operations in GF(2^4) = GF(2)[t] / (t^4 + t^3 + 1), found by
[BPU16]: with (a, b) the two nibbles of alpha(x), both linear maps as below,

    a' = nu0(a) if b = 0, else nu1(a / b)
    b' = sigma(b * phi(a'))
    pi(x) = omega(a', b')

1 / 0 counts as 0, so a' = nu1(a / b) ^ (nu0(a) ^ nu1(0) where b = 0) needs no
choice.  phi is never 0, so the inverse is

    b = sigma^-1(b') * (1 / phi(a'))
    a = nu1^-1(a') * b ^ (nu0^-1(a') where b = 0).

A function of a nibble becomes its polynomials over GF(2) (algebraic normal
form), sharing products and sums.  The script checks the result against pi
before it writes it.

    python3 csrc/make_pi_bitslice.py        (in the repository's root)

Source: [BPU16] Biryukov, Perrin, Udovenko: Reverse-Engineering the S-Box of
Streebog, Kuznyechik and STRIBOBr1, Eurocrypt 2016.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
PI = bytes.fromhex(
    "".join(
        re.findall(
            r'"([0-9a-f]{64})"',
            (HERE.parent / "engine" / "pure" / "pi.py").read_text(encoding="utf-8"),
        )
    )
)

# Rows from the highest output bit, columns from the highest input bit.
ALPHA = "08 41 43 ef 8a 44 1a 20"
OMEGA = "0a 04 20 9a 08 44 82 01"
NU0 = "253b69ea04f18dc7"
NU1 = "76c90f8145bed23a"
PHI = "b2b8c41c6358e36b"
SIGMA = "cd048bae3952f167"


def multiply(a: int, b: int) -> int:
    out = 0
    for bit in range(4):
        if b >> bit & 1:
            out ^= a << bit
    for bit in (6, 5, 4):
        if out >> bit & 1:
            out ^= 0b11001 << bit - 4
    return out


RECIPROCAL = [0] + [
    next(b for b in range(16) if multiply(a, b) == 1) for a in range(1, 16)
]


def nibbles(text: str) -> list[int]:
    return [int(digit, 16) for digit in text]


def inverse(values: list[int]) -> list[int]:
    return [values.index(i) for i in range(len(values))]


def linear(rows: str) -> list[list[int]]:
    """Return for each output bit (lowest first) the input bits that it sums."""
    return [
        [bit for bit in range(8) if row >> bit & 1]
        for row in reversed([int(row, 16) for row in rows.split()])
    ]


def linear_inverse(matrix: list[list[int]]) -> list[list[int]]:
    images = [
        sum((bit in row) << i for i, row in enumerate(matrix)) for bit in range(8)
    ]
    preimage: dict[int, int] = {}
    for x in range(256):
        y = 0
        for bit in range(8):
            if x >> bit & 1:
                y ^= images[bit]
        preimage[y] = x
    return [[b for b in range(8) if preimage[1 << b] >> i & 1] for i in range(8)]


class Circuit:
    """Straight-line code over words; a signal is the name of a variable."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, tuple[str, ...]]] = []
        self.known: dict[tuple[str, tuple[str, ...]], str] = {}

    def gate(self, operation: str, *inputs: str) -> str:
        key = (operation, tuple(sorted(inputs)))
        if key not in self.known:
            name = f"t{len(self.lines)}"
            self.lines.append((name, operation, inputs))
            self.known[key] = name
        return self.known[key]

    def sums(self, targets: list[list[str]]) -> list[str]:
        """XOR the signals of each target, sharing pairs greedily ([Paar97])."""
        rest = [set(target) for target in targets]
        while True:
            pairs = Counter(
                pair
                for target in rest
                for pair in itertools.combinations(sorted(target), 2)
            )
            if not pairs:
                break
            (a, b), _ = max(pairs.items(), key=lambda item: (item[1], item[0]))
            both = self.gate("^", a, b)
            for target in rest:
                if a in target and b in target:
                    target -= {a, b}
                    # A signal met twice in a sum is not in it.
                    target ^= {both}
        return [next(iter(target)) for target in rest]

    def function(self, values: list[int], x: list[str]) -> list[str]:
        """Compute a function of a nibble, *x* its bits from the lowest."""
        anf = list(values)
        for bit in (1, 2, 4, 8):
            for v in range(16):
                if v & bit:
                    anf[v] ^= anf[v ^ bit]
        terms = {1 << i: x[i] for i in range(4)}
        for mask in sorted(range(1, 16), key=int.bit_count):
            if mask in terms or not any(
                anf[other] and other & mask == mask for other in range(16)
            ):
                continue
            low = mask & -mask
            terms[mask] = self.gate("&", terms[mask ^ low], terms[low])
        sums = self.sums(
            [[terms[m] for m in range(1, 16) if anf[m] >> bit & 1] for bit in range(4)]
        )
        return [
            self.gate("~", s) if anf[0] >> bit & 1 else s for bit, s in enumerate(sums)
        ]

    def product(self, a: list[str], b: list[str]) -> list[str]:
        """Multiply in GF(2^4), bits from the lowest."""
        partial = {
            (i, j): self.gate("&", a[i], b[j]) for i in range(4) for j in range(4)
        }
        return self.sums(
            [
                [
                    partial[i, j]
                    for i in range(4)
                    for j in range(4)
                    if multiply(1 << i, 1 << j) >> bit & 1
                ]
                for bit in range(4)
            ]
        )

    def is_zero(self, x: list[str]) -> str:
        low, high = self.gate("|", x[0], x[1]), self.gate("|", x[2], x[3])
        return self.gate("~", self.gate("|", low, high))

    def mask_xor(self, a: list[str], b: list[str], mask: str) -> list[str]:
        return [
            self.gate("^", p, self.gate("&", q, mask))
            for p, q in zip(a, b, strict=True)
        ]

    def matrix(self, rows: list[list[int]], x: list[str]) -> list[str]:
        return self.sums([[x[bit] for bit in row] for row in rows])


def forward(c: Circuit, x: list[str]) -> list[str]:
    y = c.matrix(linear(ALPHA), x)
    b, a = y[:4], y[4:]
    quotient = c.product(a, c.function(RECIPROCAL, b))
    at_zero = [value ^ nibbles(NU1)[0] for value in nibbles(NU0)]
    a = c.mask_xor(
        c.function(nibbles(NU1), quotient), c.function(at_zero, a), c.is_zero(b)
    )
    b = c.function(nibbles(SIGMA), c.product(b, c.function(nibbles(PHI), a)))
    return c.matrix(linear(OMEGA), b + a)


def backward(c: Circuit, x: list[str]) -> list[str]:
    y = c.matrix(linear_inverse(linear(OMEGA)), x)
    b, a = y[:4], y[4:]
    divisor = [RECIPROCAL[value] for value in nibbles(PHI)]
    b = c.product(c.function(inverse(nibbles(SIGMA)), b), c.function(divisor, a))
    a = c.mask_xor(
        c.product(c.function(inverse(nibbles(NU1)), a), b),
        c.function(inverse(nibbles(NU0)), a),
        c.is_zero(b),
    )
    return c.matrix(linear_inverse(linear(ALPHA)), b + a)


def evaluate(c: Circuit, out: list[str], x: int) -> int:
    signals = {f"x{i}": x >> i & 1 for i in range(8)}
    for name, operation, inputs in c.lines:
        values = [signals[signal] for signal in inputs]
        if operation == "~":
            signals[name] = values[0] ^ 1
        elif operation == "^":
            signals[name] = values[0] ^ values[1]
        elif operation == "&":
            signals[name] = values[0] & values[1]
        else:
            signals[name] = values[0] | values[1]
    return sum(signals[name] << i for i, name in enumerate(out))


def emit(
    what: str,
    name: str,
    make: Callable[[Circuit, list[str]], list[str]],
    table: list[int],
) -> str:
    """Return the C function of a circuit that was checked on all 256 bytes."""
    c = Circuit()
    out = make(c, [f"x{i}" for i in range(8)])
    if [evaluate(c, out, x) for x in range(256)] != table:
        raise SystemExit(f"{name}: the circuit does not give the table")
    # Leave out what no output needs.
    needed = set(out)
    kept = []
    for line in reversed(c.lines):
        if line[0] in needed:
            needed |= set(line[2])
            kept.append(line)
    text = [f"static inline void {name}(uint64_t x[8])", "{"]
    text += [f"    uint64_t x{i} = x[{i}];" for i in range(8)]
    for signal, operation, inputs in reversed(kept):
        value = f" {operation} ".join(inputs) if len(inputs) == 2 else f"~{inputs[0]}"
        text.append(f"    uint64_t {signal} = {value};")
    text.append("")
    text += [f"    x[{i}] = {signal};" for i, signal in enumerate(out)]
    text.append("}")
    text.insert(0, f"/* {what} for 64 bytes in bit planes: {len(kept)} gates. */")
    return "\n".join(text)


HEAD = """\
/* The substitution pi of Streebog and Kuznyechik, and its inverse, in logic
 * gates: each works on 64 bytes at once and takes constant time.
 *
 * The form is bit planes: bit w of byte k of x[i] is bit i of byte k of word w
 * (gostkey_transpose8 makes it of eight words, and goes back).  Generated by
 * make_pi_bitslice.py, which explains the gates and has checked them on all 256
 * bytes; do not edit.
 *
 * Source: GOST R 34.12-2015, 4.1.1; GOST R 34.11-2012, 5.2. */

#ifndef GOSTKEY_PI_BITSLICE_H
#define GOSTKEY_PI_BITSLICE_H

#include <stdint.h>

/* Exchange the bits of mask in b with those shift higher in a. */
static inline void gostkey_swap_move(uint64_t *a, uint64_t *b, unsigned shift,
                                     uint64_t mask)
{
    uint64_t t = ((*a >> shift) ^ *b) & mask;

    *b ^= t;
    *a ^= t << shift;
}

/* Turn 8 words of 8 bytes into bit planes, or back: bit i of byte k of word w
 * changes places with bit w of byte k of word i. */
static inline void gostkey_transpose8(uint64_t x[8])
{
    const uint64_t m1 = 0x5555555555555555, m2 = 0x3333333333333333,
                   m4 = 0x0f0f0f0f0f0f0f0f;

    for (int i = 0; i < 8; i += 2) {
        gostkey_swap_move(&x[i], &x[i + 1], 1, m1);
    }
    for (int i = 0; i < 8; i += 4) {
        gostkey_swap_move(&x[i], &x[i + 2], 2, m2);
        gostkey_swap_move(&x[i + 1], &x[i + 3], 2, m2);
    }
    for (int i = 0; i < 4; i++) {
        gostkey_swap_move(&x[i], &x[i + 4], 4, m4);
    }
}
"""


def render() -> str:
    """Return the text of pi_bitslice.h."""
    table = list(PI)
    parts = [
        HEAD,
        emit("x := pi(x)", "gostkey_pi_planes", forward, table),
        "",
        emit(
            "x := the inverse of pi",
            "gostkey_pi_inverse_planes",
            backward,
            inverse(table),
        ),
        "",
        "#endif",
        "",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    (HERE / "pi_bitslice.h").write_text(render(), encoding="utf-8")
