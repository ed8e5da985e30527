"""The window of the sensor: a program of its own, of the standard library alone.

It is run by `window.py` as a file.  Lines of JSON come in: first the words, then
what to show.  Lines of JSON go out: "open" when the window is there, then the
events of each burst, then how it ended.  It knows nothing of bits or credit.
"""

from __future__ import annotations

import json
import queue
import signal
import sys
import threading
import time
from typing import Any

_SIZE = (760, 600)
_LINGER_MS = 900
_POLL_MS = 40
_TRAIL = 900
"""So many strokes of the pointer's way are kept in the picture."""

_TAG = "gostkey-sensor"
_BACK, _PAPER, _LINE = "#f3f4f6", "#ffffff", "#c9ced6"
_TEXT, _QUIET, _WARN, _GOOD = "#1b2430", "#596475", "#8f3b00", "#1c6b34"
_BAR, _TRAIL_OLD, _HERE = "#2563a8", "#8fb4dc", "#17406f"


def _say(message: dict[str, object]) -> None:
    try:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
    except OSError:
        # Nobody listens any more: the pipe's other end tells `_listen` too.
        pass


class _Repeats:
    """Finds the repeated presses of a key that is held down.

    X gives a release and a press of the same millisecond for each; Windows and
    macOS give presses without a release.
    """

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._released: tuple[int, int] = (-1, -1)

    def press(self, code: int, stamp: int) -> bool:
        """Note a press; return whether it is a repetition."""
        repeated = code in self._held or self._released == (code, stamp)
        self._held.add(code)
        return repeated

    def release(self, code: int, stamp: int) -> None:
        """Note a release."""
        self._held.discard(code)
        self._released = (code, stamp)


class _Sensor:
    """The window and everything in it."""

    def __init__(self, tk: Any, font: Any, words: dict[str, str]) -> None:
        self.tk = tk
        self.words = words
        self.root = tk.Tk(className="gostkey")
        # Fonts grow with the pixels of an inch; so must everything else.
        # In quarters, since what a screen says of its inches is rarely exact.
        self.scale: float = max(1.0, round(self.root.winfo_fpixels("1i") / 24) / 4)
        self.root.title(words["title"])
        self.root.configure(background=_BACK)
        self.pending: list[list[object]] = []
        self.repeats = _Repeats()
        self.trail: list[int] = []
        self.last: tuple[int, int] | None = None
        self.over = False
        self.ended = ""
        self.note = ""
        self.focused = True
        self.part = 0.0
        self._fonts(font)
        self._build()
        self._bind()
        self._place()

    # -- looks -----------------------------------------------------------------

    def _px(self, size: int) -> int:
        return round(size * self.scale)

    def _fonts(self, font: Any) -> None:
        base = font.nametofont("TkDefaultFont")
        family = base.actual("family")
        self.plain = font.Font(family=family, size=11)
        self.bold = font.Font(family=family, size=11, weight="bold")
        self.large = font.Font(family=family, size=15, weight="bold")
        self.small = font.Font(family=family, size=10)

    def _label(self, parent: Any, font: Any, colour: str = _TEXT, **more: Any) -> Any:
        return self.tk.Label(
            parent, font=font, foreground=colour, background=_BACK, anchor="w", **more
        )

    def _wrap(self, label: Any) -> None:
        """Break the lines of a label where it ends."""
        label.bind(
            "<Configure>",
            lambda event: label.configure(wraplength=event.width),
            add="+",
        )

    def _build(self) -> None:
        tk = self.tk
        outer = tk.Frame(
            self.root,
            background=_BACK,
            padx=self._px(18),
            pady=self._px(14),
            highlightthickness=1,
            highlightbackground=_LINE,
        )
        outer.pack(fill="both", expand=True)

        task = self._label(outer, self.large, text=self.words["task"], justify="left")
        task.pack(fill="x")
        self._wrap(task)

        # From the bottom up, so that a small window shortens the picture only.
        last = tk.Frame(outer, background=_BACK)
        last.pack(side="bottom", fill="x", pady=(self._px(10), 0))
        # It takes no focus: a space in the typing must not press it.
        tk.Button(
            last,
            text=self.words["cancel"],
            font=self.plain,
            takefocus=0,
            padx=self._px(18),
            pady=self._px(3),
            background=_PAPER,
            activebackground=_LINE,
            foreground=_TEXT,
            relief="solid",
            borderwidth=1,
            highlightthickness=0,
            command=lambda: self.finish("cancelled"),
        ).pack(side="right")
        self._label(last, self.small, _QUIET, text=self.words["escape"]).pack(
            side="left"
        )

        self.note_label = self._label(outer, self.bold, _WARN, justify="left")
        self.note_label.pack(side="bottom", fill="x", pady=(self._px(8), 0))
        self._wrap(self.note_label)

        table = tk.Frame(outer, background=_BACK)
        table.pack(side="bottom", fill="x", pady=(self._px(8), 0))
        table.columnconfigure(1, weight=1)
        self.rows = []
        for row in range(2):
            name = self._label(table, self.plain)
            name.grid(row=row, column=0, sticky="w", padx=(0, self._px(16)))
            text = self._label(table, self.plain, _QUIET)
            text.grid(row=row, column=1, sticky="we")
            self.rows.append((name, text))

        counts = tk.Frame(outer, background=_BACK)
        counts.pack(side="bottom", fill="x", pady=(self._px(6), 0))
        self.bits_label = self._label(counts, self.bold)
        self.bits_label.pack(side="left")
        self.seconds_label = self._label(counts, self.plain, _QUIET)
        self.seconds_label.pack(side="right")

        self.bar = tk.Canvas(
            outer,
            height=self._px(24),
            background=_PAPER,
            highlightthickness=1,
            highlightbackground=_LINE,
        )
        self.bar.pack(side="bottom", fill="x", pady=(self._px(12), 0))
        self.filled = self.bar.create_rectangle(0, 0, 0, 0, fill=_BAR, width=0)
        self.bar.bind("<Configure>", lambda event: self._fill(), add="+")

        self.picture = tk.Canvas(
            outer,
            background=_PAPER,
            highlightthickness=1,
            highlightbackground=_LINE,
            height=self._px(120),
        )
        self.picture.pack(fill="both", expand=True, pady=(self._px(12), 0))
        self.picture.create_text(
            self._px(12),
            self._px(10),
            anchor="nw",
            text=self.words["picture"],
            font=self.small,
            fill=_QUIET,
        )
        self.here = self.picture.create_oval(
            -9, -9, -9, -9, fill=_HERE, outline=_PAPER, width=2
        )

    def _place(self) -> None:
        root = self.root
        wide = min(self._px(_SIZE[0]), root.winfo_screenwidth())
        high = min(self._px(_SIZE[1]), root.winfo_screenheight())
        left = (root.winfo_screenwidth() - wide) // 2
        top = (root.winfo_screenheight() - high) // 3
        root.geometry(f"{wide}x{high}+{left}+{top}")
        root.minsize(min(self._px(420), wide), min(self._px(360), high))
        # In front once, so that it is seen; then it may be covered.
        root.attributes("-topmost", True)
        root.after(600, lambda: root.attributes("-topmost", False))
        root.lift()
        root.focus_force()

    def _fill(self) -> None:
        wide, high = self.bar.winfo_width(), self.bar.winfo_height()
        right = round((wide - 2) * self.part)
        # A rectangle of no width would still be a line of one pixel.
        state = "normal" if right else "hidden"
        self.bar.itemconfigure(self.filled, state=state)
        self.bar.coords(self.filled, 1, 1, 1 + right, high - 1)

    def show(self, shown: dict[str, Any]) -> None:
        """Show what the other process counts."""
        self.part = shown["part"]
        self._fill()
        self.bits_label.configure(text=shown["bits"])
        self.seconds_label.configure(text=shown["seconds"])
        for (name, text), (named, told) in zip(
            self.rows, shown["sources"], strict=False
        ):
            name.configure(text=named)
            text.configure(text=told)
        self.note = shown["note"]
        self._show_note(_GOOD if shown["good"] else _WARN)
        if shown["over"] and not self.over:
            self.over = True
            self.bar.itemconfigure(self.filled, fill=_GOOD if shown["good"] else _WARN)
            self.root.after(_LINGER_MS, lambda: self.finish("done"))

    def _show_note(self, colour: str = _WARN) -> None:
        note = self.note
        if not self.focused and not self.over:
            note = self.words["unfocused"]
        self.note_label.configure(text=note, foreground=colour)

    def _draw(self, x: int, y: int) -> None:
        """Continue the pointer's way in the picture."""
        x -= self.picture.winfo_rootx() - self.root.winfo_rootx()
        y -= self.picture.winfo_rooty() - self.root.winfo_rooty()
        if self.last is not None:
            stroke = self.picture.create_line(
                *self.last, x, y, fill=_TRAIL_OLD, width=self._px(2), capstyle="round"
            )
            self.picture.tag_lower(stroke, self.here)
            self.trail.append(stroke)
            if len(self.trail) > _TRAIL:
                self.picture.delete(self.trail.pop(0))
        self.last = (x, y)
        dot = self._px(6)
        self.picture.coords(self.here, x - dot, y - dot, x + dot, y + dot)

    # -- events ----------------------------------------------------------------

    def _bind(self) -> None:
        root = self.root
        for sequence, work in (
            ("<Motion>", self._motion),
            ("<ButtonPress>", self._button),
            ("<ButtonRelease>", self._button),
            ("<KeyPress>", self._press),
            ("<KeyRelease>", self._release),
        ):
            root.bind_class(_TAG, sequence, work)
        root.bind_class(_TAG, "<Escape>", lambda event: self.finish("cancelled"))
        # Before all other tags of every widget: no binding of a widget can
        # swallow an event before it was seen here.
        widgets = [root]
        while widgets:
            widget = widgets.pop()
            widget.bindtags((_TAG, *widget.bindtags()))
            widgets += widget.winfo_children()
        root.bind("<FocusIn>", lambda event: self._focus(True))
        root.bind("<FocusOut>", lambda event: self._focus(False))
        root.protocol("WM_DELETE_WINDOW", lambda: self.finish("closed"))

    def _focus(self, has: bool) -> None:
        self.focused = has
        self._show_note()

    def _add(
        self, event: Any, kind: str, x: int, y: int, code: int, inside: bool
    ) -> None:
        # send_event: another program sent it, the device did not.
        if self.over or self.ended or event.send_event is True:
            return
        now = time.perf_counter_ns()
        stamp = event.time if isinstance(event.time, int) else 0
        state = event.state if isinstance(event.state, int) else 0
        buttons = state >> 8 & 0x1F
        if not self.pending:
            # Called when nothing else waits: what came till then is one burst.
            self.root.after_idle(self._flush)
        self.pending.append([now, kind, x, y, code, buttons, stamp * 1_000_000, inside])

    def _where(self, event: Any) -> tuple[int, int, bool]:
        x = event.x_root - self.root.winfo_rootx()
        y = event.y_root - self.root.winfo_rooty()
        inside = 0 <= x < self.root.winfo_width() and 0 <= y < self.root.winfo_height()
        return x, y, inside

    def _motion(self, event: Any) -> None:
        x, y, inside = self._where(event)
        self._add(event, "motion", x, y, 0, inside)

    def _button(self, event: Any) -> None:
        x, y, inside = self._where(event)
        self._add(event, "button", x, y, event.num, inside)

    def _press(self, event: Any) -> None:
        if not self.repeats.press(event.keycode, event.time):
            self._add(event, "press", 0, 0, event.keycode, True)

    def _release(self, event: Any) -> None:
        self.repeats.release(event.keycode, event.time)
        self._add(event, "release", 0, 0, event.keycode, True)

    def _flush(self) -> None:
        burst, self.pending = self.pending, []
        if not burst or self.ended:
            return
        _say({"events": burst})
        moved = [event for event in burst if event[1] == "motion"]
        for event in moved:
            self._draw(event[2], event[3])  # type: ignore[arg-type]

    # -- beginning and end -----------------------------------------------------

    def finish(self, how: str) -> None:
        """End the window and say how it came to that."""
        if not self.ended:
            self._flush()
            self.ended = how
            self.root.destroy()

    def poll(self, lines: queue.SimpleQueue[bytes | None]) -> None:
        """Show what came in meanwhile; end with the other process."""
        newest = None
        while not lines.empty():
            line = lines.get()
            if line is None:
                self.finish("left")
                return
            newest = line
        if newest is not None:
            self.show(json.loads(newest))
        self.root.after(_POLL_MS, self.poll, lines)


def _listen(lines: queue.SimpleQueue[bytes | None]) -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    lines.put(None)


def main() -> None:
    """Run the window until it ends."""
    # Ctrl-C is for the process that started this one; it ends the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    words = json.loads(sys.stdin.buffer.readline() or b"{}")
    if not words:
        return
    try:
        import tkinter
        from tkinter import font
    except ImportError:
        _say({"end": "no-tkinter"})
        return
    try:
        sensor = _Sensor(tkinter, font, words)
    except tkinter.TclError as error:
        _say({"end": "no-display", "reason": str(error)})
        return
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    sensor.root.update()
    _say({"open": True})
    sensor.poll(lines)
    sensor.root.mainloop()
    # Without a word of ours it was destroyed from outside.
    _say({"end": sensor.ended or "closed"})


if __name__ == "__main__":
    main()
