"""NIST SP 800-90B 6.3 step by step: slow, plain, and meant to be read beside it.

Indexes are those of the standard, from 1: `s` has a dummy at 0.  Limits and sizes
are arguments, so that small data reach them.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal, localcontext

Z = 2.5758293035489008


def _upper(p: float, n: int) -> float:
    return min(1.0, p + Z * math.sqrt(p * (1 - p) / (n - 1)))


def most_common_value(data: Sequence[int]) -> float:
    ((_, count),) = Counter(data).most_common(1)
    return -math.log2(_upper(count / len(data), len(data)))


def collision(data: Sequence[int]) -> float:
    times: list[int] = []
    index = 0
    while True:
        found = next(
            (j for j in range(index + 1, len(data)) if data[j] in data[index:j]),
            None,
        )
        if found is None:
            break
        times.append(found - index + 1)
        index = found + 1
    mean = sum(times) / len(times)
    deviation = math.sqrt(sum((t - mean) ** 2 for t in times) / (len(times) - 1))
    low = mean - Z * deviation / math.sqrt(len(times))

    def expected(p: float) -> float:
        # Three steps unless the first two are equal.
        return 2 * (p * p + (1 - p) ** 2) + 3 * 2 * p * (1 - p)

    if low >= expected(0.5):
        return 1.0
    if low <= 2:
        return 0.0
    first, last = 0.5, 1.0
    for _ in range(200):
        p = (first + last) / 2
        first, last = (p, last) if expected(p) > low else (first, p)
    return -math.log2(last)


def markov(data: Sequence[int]) -> float:
    p = [data.count(v) / len(data) for v in (0, 1)]
    pairs = Counter(itertools.pairwise(data))
    after = {}
    for v, w in itertools.product((0, 1), repeat=2):
        total = pairs[v, 0] + pairs[v, 1]
        after[v, w] = pairs[v, w] / total if total else 0.0
    best = 0.0
    for sequence in (
        [0] * 128,
        [1] * 128,
        [0, 1] * 64,
        [1, 0] * 64,
        [0] + [1] * 127,
        [1] + [0] * 127,
    ):
        chance = p[sequence[0]]
        for v, w in itertools.pairwise(sequence):
            chance *= after[v, w]
        best = max(best, chance)
    return min(1.0, -math.log2(best) / 128)


def compression(data: Sequence[int], first_blocks: int = 1000) -> float:
    blocks = [tuple(data[i : i + 6]) for i in range(0, len(data) - len(data) % 6, 6)]
    seen = {block: i for i, block in enumerate(blocks[:first_blocks], 1)}
    distances = []
    for i, block in enumerate(blocks[first_blocks:], first_blocks + 1):
        distances.append(i - seen.get(block, 0))
        seen[block] = i
    logs = [math.log2(d) for d in distances]
    v = len(logs)
    mean = sum(logs) / v
    deviation = 0.5907 * math.sqrt(sum(x * x for x in logs) / (v - 1) - mean**2)
    low = mean - Z * deviation / math.sqrt(v)

    def g(z: float) -> float:
        total = 0.0
        for t in range(first_blocks + 1, len(blocks) + 1):
            for u in range(1, t + 1):
                f = z * z * (1 - z) ** (u - 1) if u < t else z * (1 - z) ** (t - 1)
                total += math.log2(u) * f
        return total / v

    def expected(p: float) -> float:
        return g(p) + 63 * g((1 - p) / 63)

    if expected(1 / 64) <= low:
        return 1.0
    first, last = 1 / 64, 1.0
    for _ in range(45):
        p = (first + last) / 2
        first, last = (p, last) if expected(p) > low else (first, p)
    return -math.log2(last) / 6


def _tuples(data: Sequence[int], length: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(data[i : i + length]) for i in range(len(data) - length + 1))


def t_tuple(data: Sequence[int], often: int = 35) -> float | None:
    p_max, length = 0.0, 1
    while length <= len(data):
        highest = max(_tuples(data, length).values())
        if highest < often:
            break
        p_max = max(p_max, (highest / (len(data) - length + 1)) ** (1 / length))
        length += 1
    return -math.log2(_upper(p_max, len(data))) if length > 1 else None


def lrs(data: Sequence[int], often: int = 35) -> float | None:
    u = 1
    while max(_tuples(data, u).values()) >= often:
        u += 1
    p_max, w = 0.0, u
    while (counts := _tuples(data, w)) and max(counts.values()) >= 2:
        places = len(data) - w + 1
        p = sum(math.comb(c, 2) for c in counts.values()) / math.comb(places, 2)
        p_max = max(p_max, p ** (1 / w))
        w += 1
    return -math.log2(_upper(p_max, len(data))) if w > u else None


def _from_correct(correct: Sequence[bool], k: int) -> float:
    n, c = len(correct), sum(correct)
    p_global = c / n
    p_global = _upper(p_global, n) if c else 1 - 0.01 ** (1 / n)
    runs = [len(list(group)) for right, group in itertools.groupby(correct) if right]
    r = max(runs, default=0) + 1
    bound = max(p_global, 1 / k)
    with localcontext() as context:
        context.prec = 40

        def chance(p: Decimal) -> Decimal:
            q = 1 - p
            x, before = Decimal(1), Decimal(0)
            for _ in range(300):
                if x == before:
                    break
                x, before = 1 + q * p**r * x ** (r + 1), x
            above, below = 1 - p * x, (r + 1 - r * x) * q
            if above <= 0 or below <= 0:
                return Decimal(0)
            return above / below / x ** (n + 1)

        # It falls with p; a p below the bound cannot count.
        if bound < 1 and chance(Decimal(bound)) > Decimal("0.99"):
            first, last = Decimal(bound), Decimal(1)
            for _ in range(45):
                p = (first + last) / 2
                first, last = (p, last) if chance(p) > Decimal("0.99") else (first, p)
            bound = float(last)
    return -math.log2(bound)


def _scores(
    s: Sequence[int], predictions: dict[int, list[int | None]], k: int
) -> float:
    """Steps c to e of 6.3.7 to 6.3.9: who speaks, and was it right?"""
    size = len(next(iter(predictions.values())))
    scoreboard = [0] * size
    winner = 0
    correct = []
    for i, subpredict in predictions.items():
        correct.append(subpredict[winner] == s[i])
        for j in range(size):
            if subpredict[j] == s[i]:
                scoreboard[j] += 1
                if scoreboard[j] >= scoreboard[winner]:
                    winner = j
    return _from_correct(correct, k)


def multi_mcw(
    data: Sequence[int], windows: Sequence[int] = (63, 255, 1023, 4095)
) -> float:
    s = [-1, *data]
    last: dict[int, int] = {}
    predictions: dict[int, list[int | None]] = {}
    for i in range(2, len(s)):
        last[s[i - 1]] = i - 1
        if i <= windows[0]:
            continue
        subpredict: list[int | None] = []
        for w in windows:
            if i <= w:
                subpredict.append(None)
                continue
            counts = Counter(s[i - w : i])
            highest = max(counts.values())
            tied = [y for y, count in counts.items() if count == highest]
            subpredict.append(max(tied, key=last.__getitem__))
        predictions[i] = subpredict
    return _scores(s, predictions, len(set(data)))


def lag(data: Sequence[int], lags: int = 128) -> float:
    s = [-1, *data]
    predictions = {
        i: [s[i - d] if d < i else None for d in range(1, lags + 1)]
        for i in range(2, len(s))
    }
    return _scores(s, predictions, len(set(data)))


def _most_likely(after: dict[int, int]) -> tuple[int | None, int]:
    """The y with the highest count; of several the greatest."""
    if not after:
        return None, 0
    y = max(after, key=lambda y: (after[y], y))
    return y, after[y]


def multi_mmc(
    data: Sequence[int], depths: int = 16, most_pairs: int = 100_000
) -> float:
    s = [-1, *data]
    m: list[dict[tuple[int, ...], dict[int, int]]] = [
        defaultdict(dict) for _ in range(depths + 1)
    ]
    entries = [0] * (depths + 1)
    predictions: dict[int, list[int | None]] = {}
    for i in range(3, len(s)):
        for d in range(1, depths + 1):
            if d < i - 1:
                x, y = tuple(s[i - d - 1 : i - 1]), s[i - 1]
                if y in m[d].get(x, {}):
                    m[d][x][y] += 1
                elif entries[d] < most_pairs:
                    m[d][x][y] = 1
                    entries[d] += 1
        predictions[i] = [
            _most_likely(m[d].get(tuple(s[i - d : i]), {}))[0] if d < i else None
            for d in range(1, depths + 1)
        ]
    return _scores(s, predictions, len(set(data)))


def lz78y(data: Sequence[int], b: int = 16, most_contexts: int = 65_536) -> float:
    s = [-1, *data]
    dictionary: dict[tuple[int, ...], dict[int, int]] = {}
    correct = []
    for i in range(b + 2, len(s)):
        for j in range(b, 0, -1):
            x = tuple(s[i - j - 1 : i - 1])
            if x not in dictionary and len(dictionary) < most_contexts:
                dictionary[x] = {}
            if x in dictionary:
                counts = dictionary[x]
                counts[s[i - 1]] = counts.get(s[i - 1], 0) + 1
        prediction, highest = None, 0
        for j in range(b, 0, -1):
            y, count = _most_likely(dictionary.get(tuple(s[i - j : i]), {}))
            if count > highest:
                prediction, highest = y, count
        correct.append(prediction == s[i])
    return _from_correct(correct, len(set(data)))
