"""Passwords of containers that the system's key ring may know.

Used by every command that opens a container: an option that names a password
goes first, then what is remembered, then the person at the terminal.
"""

from __future__ import annotations

from pathlib import Path

from gostkey.containers import Container
from gostkey.errors import KeyRingError, RememberedPasswordWrong
from gostkey.media import KeyRing, recalled

from .secrets_input import PasswordSource
from .texts import _

__all__ = ["container_password", "keep", "kept", "replace_remembered"]


def container_password(
    container: Container, folder: Path, source: PasswordSource
) -> str | None:
    """Return the password to open a container with; None if it has none.

    Raises:
        RememberedPasswordWrong: if the key ring has one of another time.
        PasswordRequired: if there is no option and no terminal to ask on.
        KeyRingError: if it is to be remembered and there is no key ring.
    """
    if not container.has_password:
        return None
    if source.remember:
        KeyRing()  # now, so that nobody types a password in vain
    elif not source.given:
        try:
            value = recalled(container)
        except RememberedPasswordWrong:
            raise RememberedPasswordWrong(
                _(
                    "{folder}: the remembered password does not open it: it was "
                    "changed elsewhere; forget it with `gostkey container password "
                    "--forget {folder}`"
                ).format(folder=folder)
            ) from None
        if value is not None:
            return value
    return source.ask(str(folder))


def kept(container: Container) -> str | None:
    """Return what is remembered for a container, right or not; None without any."""
    try:
        return KeyRing().recall(container)
    except KeyRingError:
        return None


def keep(
    container: Container, folder: Path, source: PasswordSource, value: str | None
) -> list[str]:
    """Remember a password that has opened its container, if that was asked for.

    Returns:
        What to tell the user.

    Raises:
        KeyRingError, ContainerError: if it cannot be kept.
    """
    if not source.remember:
        return []
    if value is None:
        return [_("{folder}: it has no password to remember").format(folder=folder)]
    KeyRing().remember(container, value)
    return [_("{folder}: its password is remembered").format(folder=folder)]


def replace_remembered(container: Container, new: str | None) -> bool:
    """Bring the key ring up to date with a change of the container's password.

    Returns:
        Whether anything was remembered; if nothing was, nothing is now.

    Raises:
        KeyRingError: if the old password is there and cannot be replaced.
    """
    try:
        ring = KeyRing()
        there = ring.recall(container) is not None
    except KeyRingError:
        return False
    if there and new is not None:
        ring.remember(container, new)
    elif there:
        ring.forget(container)
    return there
