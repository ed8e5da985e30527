"""Renewal that runs for days without a person: see `watch.Watch`."""

from .left import Left
from .notify import Notifier
from .rounds import Rounds
from .stopping import Stopper
from .watch import Intervals, Watch

__all__ = ["Intervals", "Left", "Notifier", "Rounds", "Stopper", "Watch"]
