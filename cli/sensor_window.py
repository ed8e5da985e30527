"""The sensor in a window of the desktop: the words for it, and its accidents."""

from __future__ import annotations

import os
import sys
import time

from gostkey.errors import EntropyNeeded
from gostkey.random.session import Progress, Session, Summary, is_remote
from gostkey.random.window import WindowWords, run_window

from .sensor_layout import Pace
from .sensor_screen import IDLE_SECONDS, TARGET_BITS, why_nobody
from .texts import _

__all__ = ["collect_in_window"]

_QUIET_SECONDS = 0.3


def collect_in_window(
    *,
    target_bits: int = TARGET_BITS,
    idle_seconds: float = IDLE_SECONDS,
    no_input: bool = False,
    title: str = "",
) -> Summary:
    """Show the sensor in a window, and mix what it gave into the generators.

    When it returns or raises, what was typed into the terminal meanwhile is gone:
    a password can be asked for at once.

    Args:
        target_bits: 128 to 1024.
        idle_seconds: give up after so long without a credited bit.
        no_input: the user forbids questions: raise `EntropyNeeded` at once.
        title: what the input is for, for the window's title.

    Returns:
        The summary of the session.  With a `suspicion` its credit is 0: what to
        make of that is the caller's policy.

    Raises:
        EntropyNeeded: if there is no display, no tkinter or no person, or the
            display goes away; nothing is added.
        EntropyCancelled: after Esc, Cancel, Ctrl-C or when the window was closed;
            nothing is added.
    """
    why = why_nobody(no_input)
    if why:
        raise EntropyNeeded(_("no random input of a person: {why}").format(why=why))
    pace = Pace()

    def advise(progress: Progress) -> str:
        pace.update(progress)
        return pace.hint(progress, mouse=True, offer="")

    with Session(target_bits=target_bits, remote=is_remote()) as session:
        try:
            run_window(session, _words(title), idle_limit=idle_seconds, advise=advise)
            return session.close()
        finally:
            _discard_typed()


def _words(title: str) -> WindowWords:
    return WindowWords(
        title=title or _("gostkey: random input"),
        task=_(
            "Move the mouse about in this window, quickly and in curves, or press "
            "keys, until the bar is full."
        ),
        picture=_("Where the pointer has been"),
        bits=_("{bits} of {needed} bits"),
        seconds=_("{seconds} s"),
        left=_("about {seconds} s left"),
        sources={"mouse": _("Mouse"), "keys": _("Keyboard")},
        counted={
            "mouse": _("{bits} bits: {accepted} of {events} moves count"),
            "keys": _("{bits} bits: {accepted} of {events} presses and releases count"),
        },
        unused=_("nothing so far"),
        failed=_("does not count any more: {reason}"),
        signs={
            "bursts": _("Stopped: it came in bursts, as from a program."),
            "fixed-pace": _("Stopped: it came at one fixed pace, as from a program."),
            "repeats": _("Stopped: it repeats itself, as from a program."),
            "few-values": _("Stopped: the movement or the typing hardly varies."),
        },
        unfocused=_("Click into this window: the keys go to another one now."),
        done=_("Done. Let go of mouse and keyboard."),
        cancel=_("Cancel"),
        escape=_("Esc cancels: nothing is made then."),
    )


def _discard_typed() -> None:
    """Throw away keys that a mashing hand gave to the terminal."""
    try:
        if sys.platform == "win32" or not os.isatty(0):
            return
    except OSError:
        return
    import termios

    time.sleep(_QUIET_SECONDS)
    termios.tcflush(0, termios.TCIFLUSH)
