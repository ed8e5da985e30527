"""What is told of a token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gostkey.errors import MediumError


@dataclass(frozen=True)
class PinState:
    """What a token tells of one of its PINs without spending a try.

    What it does not tell is None.
    """

    tries_left: int | None = None
    tries_total: int | None = None
    min_length: int | None = None
    blocked: bool = False


@dataclass(frozen=True)
class TokenInfo:
    """A token, as far as it tells who it is.  What it does not tell is "" or None."""

    address: str
    """"token:SERIAL", or "token:READER" where it has no serial number."""
    reader: str
    atr: bytes
    family: str
    """"rutoken", "rutoken-s", "jacarta-lt", "etoken"; others are only recognised."""
    model: str
    serial: str
    """Hexadecimal, as `gostkey token list` shows it."""
    firmware: str = ""
    label: str = ""
    memory_total: int | None = None
    """Bytes."""
    memory_free: int | None = None
    """Bytes."""
    user_pin: PinState = PinState()
    admin_pin: PinState = PinState()
    slots_total: int | None = None
    """Containers that the token's folder has places for."""
    slots_free: int | None = None


@dataclass(frozen=True)
class TokenList:
    """What `list_tokens` found."""

    tokens: tuple[TokenInfo, ...]
    problems: tuple[MediumError, ...]
    """What kept it from looking further, each with what would help."""


PinSource = Callable[[TokenInfo], str]
"""Asks for the user's PIN of a token; called only when it is really needed."""
