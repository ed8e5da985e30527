"""The sensor in a small window, for a desktop: mouse and keyboard.

The window is a program of its own (`window_program.py`): when the connection to
an X server breaks, Xlib ends the process that uses it, and the process that
makes keys must not be that one.  It sends events through a pipe, with the times
at which it got them; all that counts them, and the pool, are here.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from gostkey.errors import EntropyCancelled, EntropyNeeded

from .events import Event
from .session import Progress, Session

__all__ = ["WindowWords", "run_window"]

IDLE_LIMIT_SECONDS = 180.0
"""After so long without credit nobody is there."""

_PROGRAM = Path(__file__).with_name("window_program.py")

_TELL_SECONDS = 0.1
_START_SECONDS = 30.0
_END_SECONDS = 5.0

_FEW_BITS = 16
"""Before that many the time that is left cannot be told."""
_STUCK_SECONDS = 5.0
"""Nor after so long without credit."""


@dataclass(frozen=True)
class WindowWords:
    """Every word in the window, in the user's language."""

    title: str
    task: str
    """One line: what to do."""
    picture: str
    """What the picture shows."""
    bits: str
    """With {bits} and {needed}."""
    seconds: str
    """With {seconds}: how long it takes already."""
    left: str
    """With {seconds}: how long it may still take."""
    sources: Mapping[str, str]
    """Names of "mouse" and "keys"."""
    counted: Mapping[str, str]
    """For each of them, with {bits}, {accepted} and {events}."""
    unused: str
    """Of a source from which nothing came yet."""
    failed: str
    """With {reason}: a source lost its credit."""
    signs: Mapping[str, str]
    """What to say for each of `presence.SIGNS`."""
    unfocused: str
    """That another window gets the keys now."""
    done: str
    cancel: str
    """On the button."""
    escape: str
    """What Esc does."""


def run_window(
    session: Session,
    words: WindowWords,
    *,
    idle_limit: float = IDLE_LIMIT_SECONDS,
    advise: Callable[[Progress], str] = lambda progress: "",
) -> None:
    """Show the window until the session has its credit, and feed the session.

    It also returns when the session has a suspicion, which takes its credit away
    for good; the caller sees that in `session.progress`.  The caller closes the
    session.

    Args:
        session: a new session of `Surface.PIXELS`.
        words: what the window says.
        idle_limit: seconds without new credit after which nobody is there.
        advise: says what the person should change; asked ten times a second.

    Raises:
        EntropyNeeded: if there is no tkinter or no display, the display is
            lost, or nobody is there.
        EntropyCancelled: after Esc, the Cancel button, Ctrl-C in the terminal,
            or when the window was closed.

    Whatever is raised, the session is cancelled.
    """
    try:
        window = _Window()
        try:
            window.tell(_appearance(words))
            _collect(window, session, words, idle_limit, advise)
        finally:
            window.end()
    except KeyboardInterrupt:
        session.cancel()
        raise EntropyCancelled(_CANCELLED) from None
    except BaseException:
        session.cancel()
        raise


def _collect(
    window: _Window,
    session: Session,
    words: WindowWords,
    idle_limit: float,
    advise: Callable[[Progress], str],
) -> None:
    told = 0.0
    opened = False
    started = time.monotonic()
    while True:
        message = window.next(_TELL_SECONDS)
        if message is None:
            raise EntropyNeeded(window.why_it_ended())
        if "end" in message:
            raise _ended(message)
        opened = opened or "open" in message
        burst = message.get("events", ())
        for event in burst:
            session.feed(_event(event, len(burst)))
        now = time.monotonic()
        if not opened:
            if now - started > _START_SECONDS:
                raise EntropyNeeded(
                    f"the window did not open in {_START_SECONDS:.0f} seconds; use "
                    "the terminal"
                )
            continue
        if now - told < _TELL_SECONDS:
            continue
        told = now
        progress = session.progress
        over = progress.done or bool(progress.suspicion)
        note = advise(progress)
        window.tell({**_shown(progress, words, note), "over": over})
        if over:
            # The window stays a moment, and eats the keys that still come.
            window.wait()
            return
        if progress.idle_seconds > idle_limit:
            raise EntropyNeeded(
                f"nothing came from the mouse or the keyboard for {idle_limit:.0f} "
                "seconds; start again when somebody is there"
            )


_CANCELLED = "the collection of random input was cancelled; nothing was made of it"


def _ended(message: Mapping[str, Any]) -> EntropyNeeded | EntropyCancelled:
    how = message["end"]
    if how == "no-tkinter":
        return EntropyNeeded(
            "the window needs tkinter, which this Python lacks; install it (Debian: "
            "apt-get install python3-tk) or use the terminal"
        )
    if how == "no-display":
        return EntropyNeeded(
            f"no window can be opened ({message.get('reason', '')}); log in to the "
            "desktop of this machine, or use the terminal"
        )
    if how == "closed":
        return EntropyCancelled(
            "the window was closed before there was enough; nothing was made of it"
        )
    return EntropyCancelled(_CANCELLED)


def _event(sent: list[Any], together: int) -> Event:
    time_ns, kind, x, y, code, buttons, device_ns, inside = sent
    return Event(
        time_ns,
        kind,
        x=x,
        y=y,
        code=code,
        buttons=buttons,
        device_time_ns=device_ns,
        together=together,
        inside=inside,
    )


# -- what the window shows -----------------------------------------------------


def _appearance(words: WindowWords) -> dict[str, object]:
    fixed = ("title", "task", "picture", "unfocused", "cancel", "escape")
    every = asdict(words)
    return {name: every[name] for name in fixed}


def _shown(progress: Progress, words: WindowWords, note: str) -> dict[str, object]:
    """Return the texts and the bar, which follows credited bits alone."""
    sources = []
    for name, one in progress.by_source.items():
        text = words.counted[name].format(
            bits=one.credited_bits, accepted=one.accepted, events=one.events
        )
        if not one.events:
            text = words.unused
        if one.failure:
            text = words.failed.format(reason=one.failure)
        sources.append([words.sources[name], text])
    seconds = words.seconds.format(seconds=int(progress.seconds))
    left = _seconds_left(progress)
    if left is not None:
        seconds += ", " + words.left.format(seconds=left)
    if progress.suspicion:
        note = words.signs[progress.suspicion]
    elif progress.done:
        note = words.done
    return {
        "part": min(1.0, progress.credited_bits / progress.target_bits),
        "bits": words.bits.format(
            bits=progress.credited_bits, needed=progress.target_bits
        ),
        "seconds": seconds,
        "sources": sources,
        "note": note,
        "good": progress.done and not progress.suspicion,
    }


def _seconds_left(progress: Progress) -> int | None:
    """Foretell the rest from the pace so far; None while it says nothing."""
    missing = progress.target_bits - progress.credited_bits
    if (
        progress.credited_bits < _FEW_BITS
        or progress.idle_seconds >= _STUCK_SECONDS
        or missing <= 0
    ):
        return None
    return max(1, round(missing * progress.seconds / progress.credited_bits))


# -- the other process ---------------------------------------------------------


def _command() -> list[str]:
    # Isolated: nothing of the folder it is called from is imported.
    return [sys.executable, "-I", str(_PROGRAM)]


class _Window:
    """The process of the window: lines of JSON to it and from it."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                _command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise EntropyNeeded(
                f"no window can be opened ({error}); use the terminal"
            ) from error
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._to: IO[bytes] = self._process.stdin
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._complaint = b""
        self._readers = [
            threading.Thread(target=work, args=(stream,), daemon=True)
            for work, stream in (
                (self._read, self._process.stdout),
                (self._listen, self._process.stderr),
            )
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            # Half a line is the last one of a process that was killed.
            with suppress(ValueError):
                self._messages.put(json.loads(line))
        self._messages.put(None)

    def _listen(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._complaint = line.strip() or self._complaint

    def next(self, timeout: float) -> dict[str, Any] | None:
        """Return what the window says next; empty after a while, None at its end."""
        try:
            return self._messages.get(timeout=timeout)
        except queue.Empty:
            return {}

    def tell(self, message: Mapping[str, object]) -> None:
        """Say what to show; if the window is gone, `next` will tell."""
        with suppress(OSError):
            self._to.write(json.dumps(message).encode() + b"\n")
            self._to.flush()

    def wait(self) -> None:
        """Wait until it has closed itself."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)

    def why_it_ended(self) -> str:
        """Say what became of a window that ended without a word."""
        self.wait()
        for reader in self._readers:
            reader.join(_END_SECONDS)
        last = self._complaint.decode(errors="replace")[:200]
        reason = f" ({last})" if last else ""
        return (
            f"the window vanished: the connection to the display was lost{reason}; "
            "nothing was made of the input, start again"
        )

    def end(self) -> None:
        """End the process, whatever it does."""
        with suppress(OSError):
            self._to.close()
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(_END_SECONDS)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
