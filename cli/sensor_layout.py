"""What the sensor's screen says, laid out for a terminal of any size.

Pure: it gets figures and gives lines of styled text.  What is left out on a
small terminal is what a person needs least; the bar is never left out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from gostkey.random.events import Event
from gostkey.random.session import Progress, Surface

from .sensor_map import PointerMap
from .texts import _

__all__ = ["Line", "Pace", "View", "lay_out", "render"]

Line = list[tuple[str, str]]
"""Pieces of text with the name of their style: see `STYLES`."""

STYLES = {
    "": "",
    "strong": "1",
    "faint": "2",
    "good": "32",
    "warning": "1;38;5;166",
    # Of the 256 colours some that are seen on white and on black alike.
    "map1": "38;5;33",
    "map2": "38;5;99",
    "map3": "38;5;162",
}
"""SGR parameters of each style."""

_WITHOUT_COLOUR = {"strong": "1", "warning": "1", "map3": "1"}

STUCK_SECONDS = 5.0
"""After so long without credit the screen says what to change."""

_SLOW_KEYS_SECONDS = 0.45
_OFFER_KEYBOARD_SECONDS = 15.0


@dataclass
class Pace:
    """Follows a session: time left, and what keeps it from going on."""

    _credits: deque[tuple[float, int]] = field(default_factory=deque)
    _best: int = 0
    _since: dict[str, int] = field(default_factory=dict)
    _pasted: bool = False
    _presses: deque[int] = field(default_factory=lambda: deque(maxlen=7))

    def event(self, event: Event, accepted: bool) -> None:
        """Note an event."""
        self._pasted = self._pasted or event.pasted
        if event.kind == "press" and accepted:
            self._presses.append(event.time_ns)

    def update(self, progress: Progress) -> None:
        """Note where the session is; to be called for each picture."""
        if progress.credited_bits > self._best or not self._since:
            self._best = progress.credited_bits
            self._pasted = False
            self._since = {
                name: source.events for name, source in progress.by_source.items()
            }
        self._credits.append((progress.seconds, progress.credited_bits))
        while progress.seconds - self._credits[0][0] > 10:
            self._credits.popleft()

    def seconds_left(self, progress: Progress) -> float | None:
        """Return the time to the target at the pace of the last ten seconds."""
        began, credited = self._credits[0]
        gained = progress.credited_bits - credited
        took = progress.seconds - began
        if gained <= 0 or took < 1 or progress.idle_seconds > STUCK_SECONDS:
            return None
        return (progress.target_bits - progress.credited_bits) * took / gained

    def hint(self, progress: Progress, *, mouse: bool, offer: str) -> str:
        """Say what to change; empty while all goes well."""
        for name, source in progress.by_source.items():
            if source.failure and progress.idle_seconds > STUCK_SECONDS:
                return {
                    "mouse": _("The mouse does not count any more: press keys."),
                    "keys": _("The keys do not count any more: move the mouse."),
                }[name]
        if progress.idle_seconds > STUCK_SECONDS:
            return self._stuck(progress, mouse=mouse)
        presses = self._presses
        if len(presses) == presses.maxlen and (
            presses[-1] - presses[0] > _SLOW_KEYS_SECONDS * 1e9 * (len(presses) - 1)
        ):
            return _("A little faster, please: two keys a second or more.")
        if (
            offer
            and mouse
            and progress.seconds > _OFFER_KEYBOARD_SECONDS
            and not progress.by_source["mouse"].events
        ):
            return offer
        return ""

    def _stuck(self, progress: Progress, *, mouse: bool) -> str:
        new = {
            name: source.events - self._since.get(name, 0)
            for name, source in progress.by_source.items()
        }
        if self._pasted:
            return _("Pasted text does not count: press the keys yourself.")
        if new["keys"] > 2:
            return _(
                "Press different keys, one after the other: a key that is held or "
                "repeated does not count."
            )
        if new["mouse"] > 5:
            return _(
                "Move faster and in curves: slow, straight moves along one line do "
                "not count."
            )
        if mouse:
            return _(
                "Nothing comes in: click into this window, then move the mouse or "
                "press keys."
            )
        return _("Nothing comes in: click into this window, then press keys.")


@dataclass
class View:
    """All that a picture shows."""

    progress: Progress
    mouse: bool
    surface: Surface
    remote: bool
    left: float | None = None
    hint: str = ""
    finished: str = ""
    title: str = ""
    ascii_only: bool = False


def lay_out(
    view: View, columns: int, rows: int, pointer: PointerMap | None = None
) -> list[Line]:
    """Return at most *rows* lines of less than *columns* characters.

    The last column stays free: a terminal would wrap there.
    """
    width = max(1, columns - 1)
    if rows <= 1:
        return [_one_line(view, width)]
    if width < 50 or rows < 8:
        lines = _small(view, width, rows)
    else:
        lines = _full(view, width, rows, pointer)
    return [_cut(line, width) for line in lines[:rows]]


def map_size(columns: int, rows: int) -> tuple[int, int]:
    """Return columns and rows that `lay_out` has for the picture; 0, 0 for none."""
    if rows < 16 or columns < 51:
        return 0, 0
    return columns - 1 - 2 * len(_MARGIN) - 2, rows - _ABOVE_MAP - 2


_MARGIN = "  "
_ABOVE_MAP = 11


def _full(view: View, width: int, rows: int, pointer: PointerMap | None) -> list[Line]:
    roomy = rows >= 12
    gap: list[Line] = [[]] if roomy else []
    stop = _("Esc stops")
    title = _MARGIN + (view.title or _("Random input"))
    space = " " * max(2, width - len(title) - len(stop) - len(_MARGIN))
    lines: list[Line] = [[(title, "faint"), (space, ""), (stop, "faint")]]
    lines += gap
    lines.append([(_MARGIN, ""), (_what_to_do(view, width - len(_MARGIN)), "strong")])
    lines += gap
    lines.append([(_MARGIN, ""), *_bar(view, width - 2 * len(_MARGIN))])
    lines += gap
    lines.append([(_MARGIN + _times(view), "")])
    lines += [[(_MARGIN, ""), *line] for line in _sources(view)]
    if view.hint:
        # Two lines are free above the picture, and what is left without one.
        room = 2 if roomy else rows - len(lines)
        told = _wrapped(view.hint, width - 2 * len(_MARGIN))
        lines += [[(_MARGIN, ""), (part, "warning")] for part in told[:room]]
    if pointer is not None and rows >= 16:
        while len(lines) < _ABOVE_MAP:
            lines.append([])
        lines += _box(view, pointer)
    return lines


def _box(view: View, pointer: PointerMap) -> list[Line]:
    corners = "++++-|" if view.ascii_only else "╭╮╰╯─│"
    caption = f" {_('where the pointer has been')} "
    rule = corners[4] * max(0, pointer.columns - len(caption) - 1)
    lines: list[Line] = [
        [
            (_MARGIN, ""),
            (f"{corners[0]}{corners[4]}{caption}{rule}{corners[1]}", "faint"),
        ]
    ]
    for pieces in pointer.lines():
        styled = [(text, f"map{weight}" if weight else "") for text, weight in pieces]
        lines.append(
            [(_MARGIN, ""), (corners[5], "faint"), *styled, (corners[5], "faint")]
        )
    floor = corners[4] * pointer.columns
    lines.append([(_MARGIN, ""), (f"{corners[2]}{floor}{corners[3]}", "faint")])
    return lines


def _small(view: View, width: int, rows: int) -> list[Line]:
    message = view.hint or _what_to_do(view, width)
    style = "warning" if view.hint and not view.finished else "strong"
    if view.finished:
        message = view.finished
    lines: list[Line] = [_bar(view, width)]
    told = _wrapped(message, width)
    # The bar and "Esc stops" stay, whatever there is to tell.
    room = max(1, rows - 1 - (rows >= 3) - (rows >= 5))
    lines += [[(part, style)] for part in told[:room]]
    if rows >= 5:
        lines.append([(_times(view), "")])
    if rows >= 3:
        lines.append([(_("Esc stops"), "faint")])
    return lines


def _one_line(view: View, width: int) -> Line:
    progress = view.progress
    bits = f"{progress.credited_bits}/{progress.target_bits}"
    text = view.finished or view.hint or _what_to_do(view, width // 2)
    line: Line = [(bits, "good")]
    stop = _("Esc stops")
    if width >= 60:
        bar = _blocks(view, min(30, width // 5))
        line = [*bar, (f" {bits} " + _("bits") + "  ", "")]
        line.append((_times(view) + "  ", ""))
    else:
        line.append((" ", ""))
    line.append((stop + "  ", "faint"))
    line.append((text, "warning" if view.hint and not view.finished else "strong"))
    return _cut(line, width)


def _what_to_do(view: View, width: int) -> str:
    if view.finished:
        return view.finished
    told: tuple[str, ...]
    if not view.mouse:
        told = (
            _("Press keys at random, different ones, one after the other."),
            _("Press keys at random."),
            _("Press keys."),
        )
    else:
        told = (
            _("Move the mouse in this window, quickly and in curves, or press keys."),
            _("Move the mouse here, or press keys at random."),
            _("Move the mouse, press keys."),
            _("Mouse or keys!"),
        )
    return next((text for text in told if len(text) <= width), told[-1])


def _times(view: View) -> str:
    seconds = f"{view.progress.seconds:.0f}"
    told = _("{seconds} s").format(seconds=seconds)
    if view.left is not None and not view.finished:
        told = _("{seconds} s, about {left} s left").format(
            seconds=seconds, left=max(1, round(view.left))
        )
    if view.remote:
        told += _("; over a network all counts half")
    return told


def _sources(view: View) -> list[Line]:
    """One line for each source: what it gives."""
    by_source = view.progress.by_source
    told = [
        (
            _("keys"),
            by_source["keys"],
            _("{n} of {all} presses count"),
            _("no key so far"),
        )
    ]
    if view.mouse:
        told.insert(
            0,
            (
                _("mouse"),
                by_source["mouse"],
                _("{n} of {all} moves count"),
                _("no motion so far"),
            ),
        )
    name_width = max(len(name) for name, *_rest in told)
    lines: list[Line] = []
    for name, source, some, none in told:
        count = some.format(n=source.accepted, all=source.events)
        lines.append(
            [
                (f"{name:<{name_width}}  ", ""),
                (_("{bits:>4} bits").format(bits=source.credited_bits), ""),
                ("   " + (count if source.events else none), "faint"),
            ]
        )
    return lines


def _bar(view: View, width: int) -> Line:
    progress = view.progress
    long = _("  {n} of {all} bits").format(
        n=progress.credited_bits, all=progress.target_bits
    )
    short = f" {progress.credited_bits}/{progress.target_bits}"
    told = long if width >= len(long) + 20 else short
    room = width - len(told)
    if room < 4:
        return [(short.strip(), "good")]
    return [*_blocks(view, room), (told, "strong")]


def _blocks(view: View, width: int) -> Line:
    """A bar of credited bits alone."""
    progress = view.progress
    share = min(1.0, progress.credited_bits / progress.target_bits)
    full = int(share * width)
    if view.ascii_only:
        return [("#" * full, "good"), ("." * (width - full), "faint")]
    return [("█" * full, "good"), ("░" * (width - full), "faint")]


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if not lines[-1]:
            lines[-1] = word
        elif len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def _cut(line: Line, width: int) -> Line:
    kept: Line = []
    for text, style in line:
        if len(text) > width:
            text = text[:width]
        kept.append((text, style))
        width -= len(text)
        if width <= 0:
            break
    return kept


def render(line: Line, *, colour: bool) -> str:
    """Return a line as text with control sequences."""
    known = STYLES if colour else _WITHOUT_COLOUR
    whole = ""
    for text, style in line:
        code = known.get(style, "")
        whole += f"\x1b[{code}m{text}\x1b[0m" if code and text else text
    return whole
