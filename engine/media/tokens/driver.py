"""What a family of tokens can do: the verbs beneath a `TokenStore`.

A driver turns them into commands for one card.  It keeps nothing about the card that
another program could change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gostkey.containers import FILES

from .model import PinState, TokenInfo

NUMBERS = {
    "masks.key": 1,
    "primary.key": 2,
    "header.key": 3,
    "masks2.key": 4,
    "primary2.key": 5,
    "name.key": 6,
}
"""The number of each file, which is the same on every family."""

PUBLIC = ("name.key", "header.key")
"""Files that can be read without a PIN."""

SECRET = tuple(name for name in FILES if name not in PUBLIC)

USER = "user"
ADMIN = "admin"


@dataclass(frozen=True)
class Login:
    """What a token answers to the question who is logged in; it spends no try."""

    logged_in: bool = False
    tries_left: int | None = None
    blocked: bool = False


class NeedsLogin(Exception):
    """A file is only for who is logged in; no error of the package."""


class Driver(Protocol):
    """One card of a family that holds containers as files."""

    title: str
    """What errors call the token: its address, when it is known."""
    longest_pin: int
    """Characters."""
    cannot_write: str
    """Why nothing is written to such tokens; "" if something is."""
    logged_in: str
    """"user", "admin" or "": as whom this program has logged in."""

    def start(self) -> str:
        """Make the card ready and return its serial number; "" if it has none."""

    def describe(self, *, fully: bool) -> TokenInfo:
        """Say who the card is; the memory and the slots only *fully*."""

    def free_memory(self) -> int | None:
        """Return the free bytes; None if the card does not tell."""

    def slots(self) -> list[str]:
        """Return the slots that have anything in them, in their order."""

    def read_file(self, slot: str, name: str) -> bytes | None:
        """Read one file up to the end of its object; None if it is not there.

        A file that does not begin with an object is returned without its filling.

        Raises:
            NeedsLogin: if somebody must be logged in.
        """

    def login_state(self, who: str) -> Login:
        """Ask who is logged in and how many tries are left."""

    def verify(self, who: str, pin: bytearray) -> int:
        """Send a PIN; return the status word."""

    def logout(self) -> None:
        """Take all rights back."""

    def pin_state(self, who: str) -> PinState:
        """Return what the card tells of a PIN."""
