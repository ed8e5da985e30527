"""A picture of where the pointer has been, in characters.

Braille characters have two by four dots each, so a box of text makes a picture
fine enough for a line to be seen; where there is no UTF-8, characters of
growing weight stand for how often a place was crossed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

__all__ = ["PointerMap"]

_BRAILLE = 0x2800

# Bits of the dots of a braille character, by column and row (Unicode 2800-28FF).
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))

_WEIGHTS = " .:+*#"

_SAME_STROKE_NS = 150_000_000
"""Reports nearer to each other are joined by a line."""


class PointerMap:
    """Dots where the pointer was, and how often, on *columns* by *rows* characters."""

    def __init__(self, columns: int, rows: int, *, ascii_only: bool = False) -> None:
        self.columns = columns
        self.rows = rows
        self._ascii = ascii_only
        self._across, self._down = (1, 1) if ascii_only else (2, 4)
        self._dots: Counter[tuple[int, int]] = Counter()
        self._last: tuple[int, int] | None = None
        self._last_ns = 0

    def mark(self, x: int, y: int, area: tuple[int, int], time_ns: int) -> None:
        """Note that the pointer was at x, y of an area of this width and height."""
        width, height = self.columns * self._across, self.rows * self._down
        if not (width and height):
            return
        place = (
            min(width - 1, x * width // max(1, area[0])),
            min(height - 1, y * height // max(1, area[1])),
        )
        joined = self._last is not None and time_ns - self._last_ns < _SAME_STROKE_NS
        before = self._last if joined and self._last is not None else place
        for dot in _line(before, place):
            self._dots[dot] += 1
        self._last, self._last_ns = place, time_ns

    def lines(self) -> list[list[tuple[str, int]]]:
        """Return each line as pieces of text with a weight of 0 to 3.

        The weight says how often the place was crossed: never, once or twice,
        a few times, often.
        """
        marks = [[0] * self.columns for _ in range(self.rows)]
        crossed = [[0] * self.columns for _ in range(self.rows)]
        for (x, y), count in self._dots.items():
            column, row = x // self._across, y // self._down
            if not self._ascii:
                marks[row][column] |= _DOTS[x % 2][y % 4]
            crossed[row][column] += count
        return [
            list(self._pieces(marks[row], crossed[row])) for row in range(self.rows)
        ]

    def _pieces(
        self, marks: list[int], crossed: list[int]
    ) -> Iterator[tuple[str, int]]:
        text, weight = "", 0
        for mark, count in zip(marks, crossed, strict=True):
            if self._ascii:
                character = _WEIGHTS[min(count, len(_WEIGHTS) - 1)]
            else:
                character = chr(_BRAILLE + mark) if mark else " "
            this = 0 if count == 0 else 1 if count <= 6 else 2 if count <= 18 else 3
            if this != weight and text:
                yield text, weight
                text = ""
            text += character
            weight = this
        if text:
            yield text, weight


def _line(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the dots after *start* up to *end*; the one dot if they are the same."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for step in range(1, steps + 1):
        yield (
            start[0] + round((end[0] - start[0]) * step / steps),
            start[1] + round((end[1] - start[1]) * step / steps),
        )
