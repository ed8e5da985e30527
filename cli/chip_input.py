"""Which token behind a PKCS #11 library is meant, and its PIN: options of commands."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from gostkey.media import TokenUse
from gostkey.media.chips import (
    Chip,
    ChipToken,
    PinTries,
    list_chips,
    open_chip,
    usual_libraries,
)
from gostkey.media.tokens import PinState, TokenInfo

from .files import PathOption
from .texts import _
from .token_input import PinInput, pin_options

__all__ = [
    "ChipUse",
    "chip_options",
    "chip_options_beside_tokens",
    "library_option",
]

F = TypeVar("F", bound=Callable[..., Any])

VARIABLE = "GOSTKEY_PKCS11"


@dataclass(frozen=True)
class ChipUse:
    """The library and the token that a command was given, and its PIN."""

    library: Path | None
    token: str
    pin: Callable[[TokenInfo], str]
    """Asks for the user's PIN."""
    last_try: bool

    @property
    def wanted(self) -> bool:
        """Whether any of the options was given."""
        return self.library is not None

    def tokens(self) -> list[ChipToken]:
        """List the tokens that are meant; needs no PIN."""
        wanted = self.token.strip().lower()
        return [
            one
            for one in list_chips(str(self._library()))
            if wanted in ("", one.serial.lower(), one.label.lower())
        ]

    def open(self, serial: str = "") -> Chip:
        """Return the token that is meant, to be used as a context manager."""
        return open_chip(
            str(self._library()),
            serial or self.token,
            pin=self._ask,
            force=self.last_try,
        )

    def _library(self) -> Path:
        if self.library is None:
            there = ", ".join(map(str, usual_libraries()))
            text = _("name the PKCS #11 library of the token's maker with --library")
            if there:
                text += _("; this computer has: {libraries}").format(libraries=there)
            raise click.UsageError(text)
        return self.library

    def _ask(self, token: ChipToken) -> str:
        left = {PinTries.LAST: 1, PinTries.NONE: 0}.get(token.tries)
        state = PinState(tries_left=left, blocked=left == 0)
        return self.pin(
            TokenInfo(
                token.name, "", b"", "", token.model, token.serial, user_pin=state
            )
        )


def library_option(command: F) -> F:
    """Add --library; the command gets the path, or None."""
    return click.option(
        "--library",
        type=PathOption,
        metavar="LIBRARY",
        envvar=VARIABLE,
        help=_(
            "The PKCS #11 library of the token's maker; else the variable {name} "
            "names it."
        ).format(name=VARIABLE),
    )(command)


def chip_options(command: F) -> F:
    """Add the options for a token that keeps keys; the command gets a `ChipUse`."""

    @functools.wraps(command)
    def with_pin(*args: Any, pin: PinInput, **values: Any) -> Any:
        return command(*args, chip=_use(values, pin.ask), **values)

    done: F = _add_options(pin_options(factory=False)(with_pin))
    return done


def chip_options_beside_tokens(command: F) -> F:
    """Add these options but the PIN's to a command that has `token_options` above."""

    @functools.wraps(command)
    def with_tokens(*args: Any, tokens: TokenUse, **values: Any) -> Any:
        assert tokens.pin is not None
        chip = _use(values, tokens.pin)
        return command(*args, chip=chip, tokens=tokens, **values)

    done: F = _add_options(with_tokens)
    return done


def _use(values: dict[str, Any], pin: Callable[[TokenInfo], str]) -> ChipUse:
    return ChipUse(
        values.pop("library"), values.pop("token"), pin, values.pop("last_try")
    )


def _add_options(wrapped: Any) -> Any:
    wrapped = click.option(
        "--last-try",
        is_flag=True,
        help=_("Give the PIN even if a wrong one would block the token."),
    )(wrapped)
    wrapped = click.option(
        "--token",
        metavar="SERIAL",
        default="",
        help=_("Serial number or label of the token, if there are several."),
    )(wrapped)
    return library_option(wrapped)
