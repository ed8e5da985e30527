"""Passwords and PINs: from a file, the environment, a descriptor or the terminal.

Never from an argument, which every user of the machine could read in the
list of processes.  Nothing here prints, logs or keeps what was typed.
"""

from __future__ import annotations

import functools
import getpass
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import click

from gostkey.errors import EncodingError, GostKeyError, PasswordRequired

from .texts import _

__all__ = ["PasswordSource", "SecretSource", "password_options", "secret_options"]

F = TypeVar("F", bound=Callable[..., Any])

# More than any password; a wrong file (a disk image) is noticed early.
_LIMIT = 4096


@dataclass
class SecretSource:
    """Where a command gets one secret from."""

    option: str
    file: Path | None = None
    env: str | None = None
    fd: int | None = None
    absent: bool = False
    remember: bool = False
    """Whether the password is to be kept in the key ring; see `remembering`."""
    _value: str | None = field(default=None, repr=False)

    missing: ClassVar[type[GostKeyError]] = PasswordRequired
    """What is raised where the secret cannot be had."""
    kind: ClassVar[str] = _("password")
    needed: ClassVar[str] = _(
        "{what}: a password is needed and there is no terminal to ask on"
    )

    @property
    def given(self) -> bool:
        """Whether an option says where the secret is, or that there is none."""
        named = (self.file, self.env, self.fd)
        return self.absent or any(one is not None for one in named)

    def read(self) -> str | None:
        """Return the secret that the options name; None without an option.

        Raises:
            PasswordRequired, PinRequired: if the file, variable or descriptor is
                not there.
            EncodingError: if it is not one line of UTF-8 text.
        """
        if self._value is None and not self.absent:
            self._value = self._fetch()
        return self._value

    @property
    def can_ask(self) -> bool:
        """Whether there is a terminal to ask on."""
        return sys.stdin.isatty()

    def prompt(self, what: str, question: str, cure: str = "") -> str:
        """Ask on the terminal; nothing that is typed is shown.

        Args:
            what: the thing that the secret is of, for the error.
            question: as it is shown.
            cure: what helps besides where there is no terminal.

        Raises:
            PasswordRequired, PinRequired: if there is no terminal, or nobody at it.
        """
        if self.can_ask:
            try:
                return getpass.getpass(f"{question}: ", stream=sys.stderr)
            except EOFError:
                click.echo(err=True)
        text = self.needed.format(what=what)
        error = self.missing(text + (f" ({cure})" if cure else ""))
        # The hint names the options of this secret; a command may take several.
        error.__dict__["option"] = self.option
        raise error

    def twice(self, what: str, question: str, cure: str = "") -> str:
        """Ask for something new until it is typed the same twice; "" if it is empty."""
        again = _("the same {kind} again").format(kind=self.kind)
        while True:
            first = self.prompt(what, question, cure)
            if not first or self.prompt(what, again) == first:
                return first
            click.echo(_("gostkey: the two differ; type them again"), err=True)

    def _fetch(self) -> str | None:
        if self.env is not None:
            try:
                return os.environ[self.env]
            except KeyError:
                raise self.missing(
                    _("--{option}-env {name}: there is no such variable").format(
                        option=self.option, name=self.env
                    )
                ) from None
        if self.file is not None:
            where = f"--{self.option}-file {self.file}"
            try:
                with self.file.open("rb") as stream:
                    return self._line(stream.read(_LIMIT + 1), where)
            except OSError as error:
                raise self.missing(f"{where}: {error.strerror}") from error
        if self.fd is not None:
            where = f"--{self.option}-fd {self.fd}"
            try:
                with os.fdopen(self.fd, "rb", closefd=False) as stream:
                    return self._line(stream.readline(_LIMIT + 1), where)
            except OSError as error:
                raise self.missing(f"{where}: {error.strerror}") from error
        return None

    def _line(self, data: bytes, where: str) -> str:
        if len(data) > _LIMIT:
            fault = _("longer than {limit} bytes; not a {kind}")
        else:
            try:
                text = data.decode("utf-8-sig")
            except UnicodeDecodeError:
                fault = _("not UTF-8 text; save the {kind} as UTF-8")
            else:
                line, _end, rest = text.partition("\n")
                if not rest.strip():
                    return line.rstrip("\r")
                fault = _("more than one line; only the {kind} may be there")
        raise EncodingError(f"{where}: " + fault.format(limit=_LIMIT, kind=self.kind))


@dataclass
class PasswordSource(SecretSource):
    """Where a command gets one password from."""

    def ask(self, what: str) -> str:
        """Return the password, asking for it if no option names it.

        Raises:
            PasswordRequired: if there is no option and no terminal.
        """
        value = self.read()
        if value is None and self.absent:
            raise PasswordRequired(_("{what} has a password").format(what=what))
        if value is None:
            value = self.prompt(what, _("password of {what}").format(what=what))
        return value

    def choose(self, what: str) -> str | None:
        """Return a password for something new, asked twice; None for none.

        Raises:
            PasswordRequired: if there is no option and no terminal.
        """
        if self.given:
            return self.read()
        question = _("new password of {what} (empty: none)").format(what=what)
        cure = _("--no-{name} leaves it without one").format(name=self.option)
        return self.twice(what, question, cure) or None


S = TypeVar("S", bound=SecretSource)


def secret_options(
    name: str,
    kind: type[S],
    *,
    file_help: str,
    without: str = "",
    remember: bool = False,
) -> Callable[[F], F]:
    """Add --NAME-file, --NAME-env and --NAME-fd to a command.

    The command gets a *kind* of `SecretSource` as the argument NAME.

    Args:
        name: "password", or "ca-password" where a command takes two.
        kind: what is made of the options.
        file_help: help of --NAME-file.
        without: help of --no-NAME, an option that is there only with a help.
        remember: whether there is --remember.
    """
    variable = name.replace("-", "_")

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def with_source(*args: Any, **values: Any) -> Any:
            source = kind(
                option=name,
                file=values.pop(f"{variable}_file"),
                env=values.pop(f"{variable}_env"),
                fd=values.pop(f"{variable}_fd"),
                absent=values.pop(f"no_{variable}", False),
                remember=values.pop("remember") if remember else False,
            )
            chosen = [source.file, source.env, source.fd, source.absent or None]
            if sum(value is not None for value in chosen) > 1:
                raise click.UsageError(
                    _(
                        "give only one of --{name}-file, --{name}-env, --{name}-fd"
                    ).format(name=name)
                    + (f", --no-{name}" if without else "")
                )
            if source.remember and source.absent:
                raise click.UsageError(
                    _("--remember goes without --no-{name}").format(name=name)
                )
            values[variable] = source
            return command(*args, **values)

        wrapped: Any = with_source
        if remember:
            wrapped = click.option(
                "--remember",
                is_flag=True,
                help=_("Keep the container's password in the system's key ring."),
            )(wrapped)
        if without:
            wrapped = click.option(f"--no-{name}", is_flag=True, help=without)(wrapped)
        wrapped = click.option(
            f"--{name}-fd",
            type=click.IntRange(0),
            metavar="N",
            help=_("Read it from the open descriptor N."),
        )(wrapped)
        wrapped = click.option(
            f"--{name}-env",
            metavar="NAME",
            help=_("Take it from the environment variable NAME."),
        )(wrapped)
        file_names = [f"--{name}-file", f"{variable}_file"]
        wrapped = click.option(
            *file_names,
            type=click.Path(path_type=Path),
            metavar="FILE",
            help=file_help,
        )(wrapped)
        done: F = wrapped
        return done

    return decorate


def password_options(
    name: str = "password", *, of: str, without: str = "", remember: bool = False
) -> Callable[[F], F]:
    """Add the options of a password to a command; see `secret_options`.

    Args:
        name: "password", or "ca-password" where a command takes two.
        of: what the password opens, for the help.
        without: help of --no-NAME, an option that is there only with a help.
        remember: whether there is --remember.
    """
    return secret_options(
        name,
        PasswordSource,
        file_help=_("Read the password {of} from FILE (one line, UTF-8).").format(
            of=of
        ),
        without=without,
        remember=remember,
    )
