"""Passwords of containers in the key ring of the operating system.

A container is known there by its name and the first eight bytes of its public
key, which its header shows without a password: a copy on another medium is the
same container, another one in the same folder is not.  Only the system's own key
rings are used (Secret Service, KWallet, macOS, Windows); what the library
`keyring` has besides may keep passwords in plain files.

A list of what is remembered lies beside the passwords, since not every key ring
can tell it; so all of it can be forgotten at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from gostkey.containers import Container
from gostkey.errors import ContainerError, KeyRingError, RememberedPasswordWrong

T = TypeVar("T")

SERVICE = "gostkey key container"
LIST = "gostkey key containers remembered"

_PAGE = 1000
"""Characters of a page of the list: Windows keeps no more than 1280 in one entry."""

_SYSTEMS_OWN = frozenset(
    f"keyring.backends.{name}"
    for name in ("SecretService", "libsecret", "kwallet", "macOS", "Windows")
)

_CURE = (
    "log in to a desktop with one (GNOME Keyring, KWallet, KeePassXC), or name the "
    "password each time"
)


class KeyRing:
    """The key ring of this user.

    Raises:
        KeyRingError: if there is none, or none that keeps passwords encrypted.
    """

    def __init__(self) -> None:
        self._ring = _system_ring()

    def recall(self, container: Container) -> str | None:
        """Return the password that is remembered for a container, or None.

        Raises:
            KeyRingError: if the key ring is locked or fails.
        """
        account = _account(container)
        if not account:
            return None
        return self._get(SERVICE, account)

    def remember(self, container: Container, password: str) -> None:
        """Keep a container's password in place of any that was kept for it.

        Raises:
            ContainerError: if the header does not show the public key.
            KeyRingError: if the key ring is locked or fails.
        """
        account = _account(container)
        if not account:
            raise ContainerError(
                f"container {container.name!r}: its header does not show its public "
                "key, by which it would be known again; its password is not kept"
            )
        # The list first: a password that is not in it would outlive --forget ALL.
        known = self._list()
        if account not in known:
            self._write_list([*known, account])
        self._set(SERVICE, account, password)
        if self._get(SERVICE, account) != password:
            raise KeyRingError("the key ring did not keep the password")

    def forget(self, container: Container) -> bool:
        """Remove a container's password; say whether there was one.

        Raises:
            KeyRingError: if the key ring is locked or fails.
        """
        account = _account(container)
        there = bool(account) and self._delete(SERVICE, account)
        known = self._list()
        if account in known:
            self._write_list([one for one in known if one != account])
        return there

    def forget_all(self) -> int:
        """Remove the passwords of all containers; return how many there were.

        Raises:
            KeyRingError: if the key ring is locked or fails.
        """
        count = sum(self._delete(SERVICE, account) for account in self._list())
        self._write_list([])
        return count

    # -- inside ----------------------------------------------------------

    def _list(self) -> list[str]:
        found: list[str] = []
        for _, text in self._pages():
            try:
                page = json.loads(text)
            except ValueError:
                continue  # another program's; the passwords themselves stay
            if isinstance(page, list):
                found += [str(one) for one in page]
        return found

    def _pages(self) -> Iterator[tuple[str, str]]:
        number = 1
        while (text := self._get(LIST, str(number))) is not None:
            yield str(number), text
            number += 1

    def _write_list(self, accounts: list[str]) -> None:
        pages: list[list[str]] = []
        for account in accounts:
            if not pages or len(json.dumps([*pages[-1], account])) > _PAGE:
                pages.append([])
            pages[-1].append(account)
        for number, page in enumerate(pages, 1):
            self._set(LIST, str(number), json.dumps(page))
        for surplus, _ in list(self._pages())[len(pages) :]:
            self._delete(LIST, surplus)

    def _get(self, service: str, account: str) -> str | None:
        value = self._do(lambda: self._ring.get_password(service, account))
        return None if value is None else str(value)

    def _set(self, service: str, account: str, value: str) -> None:
        self._do(lambda: self._ring.set_password(service, account, value))

    def _delete(self, service: str, account: str) -> bool:
        if self._get(service, account) is None:
            return False
        self._do(lambda: self._ring.delete_password(service, account))
        return True

    def _do(self, call: Callable[[], T]) -> T:
        try:
            return call()
        # The exceptions of D-Bus and of each system are not told anywhere.
        except Exception as error:
            raise KeyRingError(
                f"the key ring refuses ({_why(error)}); unlock it, or name the "
                "password each time"
            ) from None


def recalled(container: Container) -> str | None:
    """Return the remembered password of a container, after trying it.

    None if nothing is remembered or there is no key ring: then a person is asked.

    Raises:
        RememberedPasswordWrong: if it is the password of another time.
    """
    try:
        password = KeyRing().recall(container)
    except KeyRingError:
        return None
    if password is not None and not container.has_this_password(password):
        raise RememberedPasswordWrong(
            f"container {container.name!r}: the remembered password does not open it: "
            "it was changed elsewhere"
        )
    return password


def _account(container: Container) -> str:
    """Name a container; "" if nothing tells it from others."""
    fingerprint = container.keys[0].fingerprint
    if not fingerprint:
        return ""
    name = "".join(
        one if one.isprintable() else f"\\x{ord(one):02x}" for one in container.name
    )
    return f"{name} [{fingerprint.hex()}]"


def _system_ring() -> Any:
    try:
        import keyring
    except ImportError:
        raise KeyRingError(
            "passwords cannot be remembered: the library `keyring` is not installed: "
            'pip install "gostkey[keyring]"'
        ) from None
    try:
        chosen: Any = keyring.get_keyring()
        # Several in a row: the first that is the system's own.
        rings = list(getattr(chosen, "backends", None) or [chosen])
    # A configuration of the user's may name anything.
    except Exception as error:
        raise KeyRingError(
            "the key ring that is configured for `keyring` cannot be loaded: "
            + _why(error)
        ) from None
    for ring in rings:
        if type(ring).__module__ in _SYSTEMS_OWN:
            return ring
    module = type(chosen).__module__
    if module in ("keyring.backends.fail", "keyring.backends.chainer"):
        raise KeyRingError(f"this machine offers no key ring: {_CURE}")
    raise KeyRingError(
        f"{module} is no key ring of the system and may keep passwords as they are; "
        f"it is not used: {_CURE}"
    )


def _why(error: Exception) -> str:
    """Say what failed; never what was to be kept, which an error may repeat."""
    known = type(error).__module__.startswith("keyring.")
    return str(error) if known and str(error) else type(error).__name__
