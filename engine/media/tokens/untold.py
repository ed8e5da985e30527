"""Tokens of which only is known how containers are read: what they do not tell.

No command for a serial number, the free memory or the tries of a PIN is public of
them, and none that makes a container.
"""

from __future__ import annotations

from gostkey.pcsc import Card

from .driver import Login
from .model import PinState
from .status import Status

MISSING = (Status.NOT_FOUND, Status.BAD_PARAMETERS, Status.NO_SUCH_REFERENCE)
"""What they answer where nothing is."""


class UntoldToken:
    """What such drivers have in common."""

    cannot_write = ""
    """Why nothing is written, and what can be done instead."""

    def __init__(self, card: Card, model: str) -> None:
        self.card = card
        self.model = model
        self.title = f"token in {card.reader}"
        self.longest_pin = 32
        self.logged_in = ""

    def free_memory(self) -> int | None:
        """Return nothing: the token does not tell."""
        return None

    def login_state(self, who: str) -> Login:
        """Return nothing: how many tries are left cannot be asked for."""
        return Login()

    def pin_state(self, who: str) -> PinState:
        """Return nothing: the token does not tell."""
        return PinState()
