"""Turns exceptions into what the user sees: a code, a text, a hint, an exit code.

The code is stable and made for programs: the exception's class name in
snake_case ("wrong_password"), or for faults of the system a word for it
("not_found", "disk_full").
"""

from __future__ import annotations

import contextlib
import enum
import errno
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import click

from gostkey import errors

from .texts import _

__all__ = ["Exit", "Failure", "describe", "expected", "naming", "overall"]


class Exit(enum.IntEnum):
    """Exit codes of every command."""

    DONE = 0
    USAGE = 1
    SOME_FAILED = 2
    NONE_SUCCEEDED = 3
    PERSON_NEEDED = 4
    GENERATOR = 5
    LOCKED = 6
    INTERRUPTED = 130


@dataclass(frozen=True)
class Failure:
    """One thing that went wrong, ready to be shown."""

    code: str
    message: str
    hint: str = ""
    exit: Exit = Exit.NONE_SUCCEEDED

    def record(self) -> dict[str, str]:
        """Return the object that stands under "error" in JSON."""
        record = {"code": self.code, "message": self.message}
        if self.hint:
            record["hint"] = self.hint
        return record


_SYSTEM_CODES = {
    errno.ENOENT: "not_found",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
    errno.EISDIR: "is_a_folder",
    errno.ENOTDIR: "not_a_folder",
    errno.EEXIST: "already_exists",
    errno.ENOSPC: "disk_full",
    errno.EROFS: "read_only",
}

# The first class that fits wins, so the more exact ones come first.
_HINTS: tuple[tuple[type[BaseException], str], ...] = (
    (
        errors.PasswordRequired,
        _(
            "run the command on a terminal to be asked, or give --{option}-file, "
            "--{option}-env or --{option}-fd"
        ),
    ),
    (
        errors.RememberedPasswordWrong,
        _(
            "`gostkey container password --forget CONTAINER` forgets it; a command "
            "with --remember asks for the new one and keeps that"
        ),
    ),
    (
        errors.WrongPassword,
        _("check the keyboard layout and Caps Lock, then give the password again"),
    ),
    (
        errors.PinRequired,
        _(
            "run the command on a terminal to be asked for the PIN, or give "
            "--{option}-file, --{option}-env or --{option}-fd"
        ),
    ),
    (
        errors.WrongPin,
        _("ask the owner for the PIN; when no try is left, the token is blocked"),
    ),
    (
        errors.PinBlocked,
        _("`gostkey token unblock` gives the user's tries back with the admin PIN"),
    ),
    (
        errors.TokenAmbiguous,
        _(
            "`gostkey token list` shows model, label and reader of each; name one by "
            "the address that it shows, or leave only one plugged in"
        ),
    ),
    (
        errors.TokenAbsent,
        _("`gostkey token list` shows the tokens that are in"),
    ),
    (
        errors.ExperimentalOnly,
        _(
            "docs/tokens.md says what is not proven; keep another copy of the key and "
            "try with --experimental"
        ),
    ),
    (
        errors.ConfirmationRequired,
        _(
            "`gostkey container backup` keeps a copy; --yes-remove-key NAME confirms "
            "without a question"
        ),
    ),
    (
        errors.TokenFull,
        _(
            "remove a container that is not needed any more (make a backup first), or "
            "take another token"
        ),
    ),
    (
        errors.GeneratorFailure,
        _("make no keys on this machine until `gostkey info` shows no fault"),
    ),
    (
        errors.CampaignLocked,
        _("wait until the other run ends; `gostkey renew status` shows how far it is"),
    ),
    (
        errors.EntropyNeeded,
        _(
            "on a terminal, move the mouse quickly in wide curves or press keys; "
            "--window asks in a window; `gostkey entropy status` says what is possible"
        ),
    ),
    (
        errors.GammaLocked,
        _(
            "wait until the other run ends; `gostkey entropy gamma status` shows what "
            "is left"
        ),
    ),
    (
        errors.GammaExhausted,
        _(
            "bring a new pair, or make one: `gostkey entropy gamma make --help`; the "
            "work can be resumed then"
        ),
    ),
    (
        errors.LoginRefused,
        _("put the right password into the file, then run the command again"),
    ),
    # Its message says what to do; no campaign waits for it.
    (errors.CannotServe, ""),
    (
        errors.TransportError,
        _("nothing is lost: `gostkey renew resume` tries again"),
    ),
    (
        errors.CertificateMismatch,
        _(
            "`gostkey container install CERTIFICATE --in FOLDER` finds the container "
            "that a certificate belongs to"
        ),
    ),
    (
        errors.ExportRefused,
        _(
            "`gostkey container copy` copies the container as it is; where the key "
            "itself is needed, make a new one that is exportable"
        ),
    ),
    (
        errors.ContainerDamaged,
        _(
            "`gostkey container check` says which file it is and what helps; without "
            "a backup the subscriber may have to come to the office"
        ),
    ),
)

_EXITS: tuple[tuple[type[BaseException], Exit], ...] = (
    (errors.PinRequired, Exit.PERSON_NEEDED),
    (errors.ConfirmationRequired, Exit.PERSON_NEEDED),
    (errors.WrongPin, Exit.PERSON_NEEDED),
    (errors.PinBlocked, Exit.PERSON_NEEDED),
    (errors.TokenFull, Exit.PERSON_NEEDED),
    (errors.PasswordRequired, Exit.PERSON_NEEDED),
    (errors.WrongPassword, Exit.PERSON_NEEDED),
    (errors.LoginRefused, Exit.PERSON_NEEDED),
    (errors.KeyRingError, Exit.PERSON_NEEDED),
    (errors.MediumError, Exit.PERSON_NEEDED),
    (errors.EntropyNeeded, Exit.PERSON_NEEDED),
    (errors.GammaExhausted, Exit.PERSON_NEEDED),
    (errors.EntropyCancelled, Exit.INTERRUPTED),
    (errors.GeneratorFailure, Exit.GENERATOR),
    (errors.BackendError, Exit.GENERATOR),
    (errors.CampaignLocked, Exit.LOCKED),
    (errors.GammaLocked, Exit.LOCKED),
)


def expected(error: BaseException) -> bool:
    """Say whether an exception is bad input or a fault of the surroundings.

    Anything else is a fault of the program and keeps its trace.
    """
    return isinstance(error, errors.GostKeyError | OSError | click.ClickException)


@contextlib.contextmanager
def naming(item: object) -> Iterator[None]:
    """Make errors name the file or folder that they are about.

    Parsers are given bytes and do not know where those came from.
    """
    try:
        yield
    except errors.GostKeyError as error:
        # A token's errors name the token.
        if str(item) in str(error) or str(error).startswith("token:"):
            raise
        named = type(error)(f"{item}: {error}")
        # Such as how many tries of a PIN are left.
        named.__dict__.update(error.__dict__)
        raise named from error


def describe(error: BaseException) -> Failure:
    """Say what an expected exception means for the user."""
    if isinstance(error, click.UsageError):
        cause = error.__cause__
        code = _snake(type(cause)) if cause is not None else "usage"
        # click's sentences begin with a capital and end with a full stop.
        message = error.format_message().rstrip(".")
        hint = ""
        if error.ctx is not None:
            hint = _("`{command} --help` shows how").format(
                command=error.ctx.command_path
            )
        return Failure(code, _lower_first(message), hint, Exit.USAGE)
    if isinstance(error, click.FileError):
        return Failure("not_found", f"{error.ui_filename}: {error.message}")
    if isinstance(error, click.ClickException):
        return Failure("usage", error.format_message(), exit=Exit.USAGE)
    if isinstance(error, errors.GostKeyError):
        return Failure(
            getattr(error, "code", "") or _snake(type(error)),
            str(error),
            _hint_for(error),
            next(
                (code for kind, code in _EXITS if isinstance(error, kind)),
                Exit.NONE_SUCCEEDED,
            ),
        )
    if isinstance(error, OSError):
        what = error.strerror or str(error)
        # Only Windows knows a second name; the first is what the user typed.
        message = f"{error.filename}: {what}" if error.filename else what
        full = error.errno in (errno.ENOSPC, errno.EROFS)
        return Failure(
            _SYSTEM_CODES.get(error.errno or 0, "system_error"),
            message,
            _("use another disk or folder, then run the command again") if full else "",
            Exit.PERSON_NEEDED if full else Exit.NONE_SUCCEEDED,
        )
    raise TypeError(f"not an expected exception: {error!r}")


def _hint_for(error: errors.GostKeyError) -> str:
    text = next((text for kind, text in _HINTS if isinstance(error, kind)), "")
    usual = "pin" if isinstance(error, errors.PinRequired) else "password"
    # A command that takes two secrets has told which one it wants.
    return text.replace("{option}", getattr(error, "option", usual))


def overall(succeeded: int, failures: Iterable[Failure]) -> Exit:
    """Return the exit code of a command over several items.

    0 if none failed and 2 if some did.  If nothing succeeded: the one code
    that all failures share ("a person is needed" for every item), else 3; a
    failed generator or a lock is told in any case.
    """
    codes = {failure.exit for failure in failures}
    for loud in (Exit.GENERATOR, Exit.LOCKED):
        if loud in codes:
            return loud
    if not codes:
        return Exit.DONE
    if succeeded:
        return Exit.SOME_FAILED
    return codes.pop() if len(codes) == 1 else Exit.NONE_SUCCEEDED


def _snake(kind: type[BaseException]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _lower_first(text: str) -> str:
    # "Invalid value" but not "PEM ...": a second capital means a name.
    if len(text) > 1 and text[0].isupper() and not text[1].isupper():
        return text[0].lower() + text[1:]
    return text
