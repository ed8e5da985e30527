"""PINs of tokens, and what a command may do with a token: the options of both.

A wrong PIN spends a try, and a token without tries is blocked.  So the tries that
are left are told before anybody is asked, and one PIN goes to one token only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import click

from gostkey.errors import GostKeyError, PinRequired
from gostkey.media import TokenUse
from gostkey.media.tokens import PinState, TokenInfo
from gostkey.media.tokens.driver import ADMIN, USER
from gostkey.media.tokens.pins import factory_pin, waiting_for_a_person

from .output import clean
from .secrets_input import SecretSource, secret_options
from .texts import _, plural

__all__ = ["PinInput", "experimental_option", "pin_options", "token_options", "tries"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class PinInput(SecretSource):
    """Where a command gets one PIN from."""

    admin: bool = False
    """The administrator's instead of the user's."""
    try_factory: bool = False
    """Take the PIN that the maker set, where that is safe."""
    _handed: dict[str, str] = field(default_factory=dict, repr=False)
    """Token -> its PIN."""

    missing: ClassVar[type[GostKeyError]] = PinRequired
    kind: ClassVar[str] = _("PIN")
    needed: ClassVar[str] = _(
        "{what}: its PIN is needed and there is nobody to ask for it"
    )

    def ask(self, info: TokenInfo) -> str:
        """Return the PIN of a token: of the option, the maker's, or asked for.

        Raises:
            PinRequired: if there is no option and no terminal, the option's was for
                another token, or the maker's must not be tried.
        """
        pin = self._handed.get(info.address)
        if pin is None:
            state = self._state(info)
            pin = self._of_option(info) or self._factory(info, state)
            pin = pin or self._typed(info, state)
            self._handed[info.address] = pin
        return pin

    def choose(self, info: TokenInfo, *, optional: bool = False) -> str | None:
        """Return a new PIN for a token, asked for twice.

        Args:
            info: the token.
            optional: an empty one means that it stays as it is; so does a missing
                terminal.

        Raises:
            PinRequired: if there is no option and no terminal.
        """
        state = self._state(info)
        shortest = state.min_length or 1
        if self.given or (optional and not self.can_ask):
            return self.read()
        notes = []
        if state.min_length:
            text = plural(
                "at least {n} character", "at least {n} characters", state.min_length
            )
            notes.append(text)
        if optional:
            notes.append(_("empty: it stays as it is"))
        question = _("new {pin} of {token}").format(pin=self._whose, token=_title(info))
        if notes:
            question += f" ({', '.join(notes)})"
        while True:
            pin = self.twice(info.address, question)
            if not pin and optional:
                return None
            if len(pin) >= shortest:
                return pin
            click.echo(_("gostkey: that is too short; type another one"), err=True)

    def _state(self, info: TokenInfo) -> PinState:
        return info.admin_pin if self.admin else info.user_pin

    @property
    def _whose(self) -> str:
        return _("admin PIN") if self.admin else _("PIN")

    def _of_option(self, info: TokenInfo) -> str | None:
        if not self.given:
            return None
        pin = self.read()
        if self._handed:
            raise PinRequired(
                _(
                    "{token}: the PIN of --{option}-... went to {other}; one PIN is "
                    "not tried on two tokens, name one token at a time"
                ).format(
                    token=info.address,
                    option=self.option,
                    other=", ".join(self._handed),
                )
            )
        if not pin:
            raise PinRequired(
                _("{token}: the PIN that was given is empty").format(token=info.address)
            )
        return pin

    def _factory(self, info: TokenInfo, state: PinState) -> str | None:
        if not self.try_factory:
            return None
        pin = factory_pin(info, ADMIN if self.admin else USER)
        click.echo(
            clean(
                _(
                    "gostkey: {token}: trying the factory {pin} ({tries}); if it is "
                    "right, give the token another one: `gostkey token pin`"
                ).format(token=_title(info), pin=self._whose, tries=tries(state))
            ),
            err=True,
        )
        return pin

    def _typed(self, info: TokenInfo, state: PinState) -> str:
        question = _("{pin} of {token}, {tries}").format(
            pin=self._whose, token=_title(info), tries=tries(state)
        )
        cure = _("--{option}-file names a file with it").format(option=self.option)
        with waiting_for_a_person():
            pin = self.prompt(info.address, question, cure)
        if not pin:
            raise PinRequired(
                _("{token}: no PIN was typed; no try was spent").format(
                    token=info.address
                )
            )
        return pin


def tries(state: PinState) -> str:
    """Say in words how many tries of a PIN are left."""
    if state.blocked:
        return _("blocked")
    if state.tries_left is None:
        return _("tries left not told")
    if state.tries_total is None:
        return plural("{n} try left", "{n} tries left", state.tries_left)
    return _("{left} of {total} tries left").format(
        left=state.tries_left, total=state.tries_total
    )


def _title(info: TokenInfo) -> str:
    return clean(f"{info.address} ({info.model})" if info.model else info.address)


def pin_options(
    name: str = "pin",
    *,
    of: str = _("of the token"),
    admin: bool = False,
    factory: bool = True,
    without: str = "",
) -> Callable[[F], F]:
    """Add --NAME-file, --NAME-env and --NAME-fd, and --try-default-pin, to a command.

    The command gets a `PinInput` as the argument NAME.

    Args:
        name: "pin", or "new-pin" where a command takes two.
        of: whose PIN, for the help.
        admin: it is the administrator's.
        factory: add --try-default-pin.
        without: help of --no-NAME, an option that is there only with a help.
    """
    variable = name.replace("-", "_")

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def with_factory(*args: Any, **values: Any) -> Any:
            source: PinInput = values[variable]
            source.admin = admin
            source.try_factory = factory and values.pop("try_default_pin")
            if source.try_factory and source.given:
                raise click.UsageError(
                    _("give either --{name}-... or --try-default-pin").format(name=name)
                )
            return command(*args, **values)

        wrapped: Any = secret_options(
            name,
            PinInput,
            file_help=_("Read the PIN {of} from FILE (one line, UTF-8).").format(of=of),
            without=without,
        )(with_factory)
        if factory:
            wrapped = click.option(
                "--try-default-pin",
                is_flag=True,
                help=_(
                    "Try the PIN that the maker of the token sets, once, and not with "
                    "fewer than three tries left."
                ),
            )(wrapped)
        done: F = wrapped
        return done

    return decorate


def experimental_option(command: F) -> F:
    """Add --experimental to a command; it gets the flag."""
    return click.option(
        "--experimental",
        is_flag=True,
        help=_(
            "Write to a token also where that was never tried on a real one; keep "
            "another copy of the key."
        ),
    )(command)


def token_options(*, writes: bool = False) -> Callable[[F], F]:
    """Add the options of a command that may meet a token; it gets a `TokenUse`.

    Args:
        writes: it may write to the token, so --experimental is one of them.
    """

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def with_use(*args: Any, pin: PinInput, **values: Any) -> Any:
            experimental = values.pop("experimental", False)
            use = TokenUse(pin=pin.ask, experimental=experimental)
            return command(*args, tokens=use, **values)

        wrapped: Any = with_use
        if writes:
            wrapped = experimental_option(wrapped)
        wrapped = pin_options()(wrapped)
        done: F = wrapped
        return done

    return decorate
