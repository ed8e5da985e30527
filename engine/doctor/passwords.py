"""The password of a container that is examined: remembered, given, mistyped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gostkey.containers import Container
from gostkey.errors import PasswordRequired, RememberedPasswordWrong, WrongPassword

from .catalogue import found
from .findings import Finding, Severity, right

_RUSSIAN = "йцукенгшщзхъфывапролджэячсмитьбюёЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮЁ"
_LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>~"
"""The same keys of the keyboard in its two layouts (JCUKEN and US)."""

_TO_LATIN = str.maketrans(_RUSSIAN, _LATIN)


def _nobody(container: Container, place: Path) -> str | None:
    return None


@dataclass(frozen=True)
class Passwords:
    """Where passwords come from; each function is called at most once a container."""

    ask: Callable[[Container, Path], str | None] = _nobody
    """Returns the password, or None if it is not to be given; may raise
    PasswordRequired."""
    remembered: Callable[[Container, Path], str | None] = _nobody
    """Returns what the system's key ring has for this container, or None."""
    offered: bool = False
    """Whether the user names a password without being asked."""


def find_password(
    container: Container, place: Path, passwords: Passwords
) -> tuple[str | None, list[Finding]]:
    """Find the password that opens a container.

    Returns:
        The right password ("" if there is none to give), or None; and what was
        found on the way.
    """
    subject = container.name
    if not container.has_password:
        if passwords.offered:
            text = "has no password; the one given was not used"
            return "", [found("password-not-used", subject, text)]
        return "", [right("password", subject, "has no password")]
    findings: list[Finding] = []
    kept = passwords.remembered(container, place)
    if kept is not None:
        if container.has_this_password(kept):
            findings.append(
                right("password", subject, "the remembered password is right")
            )
            return kept, findings + _untested(container)
        findings.append(_outdated(subject, place))
    try:
        given = passwords.ask(container, place)
    except PasswordRequired as error:
        if findings:
            # Nobody is there to type the right one: this is why it does not open.
            return None, [_outdated(subject, place, Severity.ERROR)]
        text = "has a password and none was given; the keys were not looked at"
        findings.append(found("password-needed", subject, text, error=error))
        return None, findings
    if given is None:
        text = "has a password and none was given; the keys were not looked at"
        return None, [*findings, found("password-needed", subject, text)]
    if container.has_this_password(given):
        text = "the password is right"
        return given, [*findings, right("password", subject, text)] + _untested(
            container
        )
    wrong = WrongPassword(f"{place}: wrong password")
    text = "wrong password"
    for how, other in _typed_otherwise(given):
        if container.has_this_password(other):
            mistyped = found("password-keyboard", subject, text, error=wrong, how=how)
            return None, [*findings, mistyped]
    return None, [*findings, found("password-wrong", subject, text, error=wrong)]


def _outdated(
    subject: str, place: Path, severity: Severity = Severity.WARNING
) -> Finding:
    text = "the remembered password does not open it: it was changed elsewhere"
    error = RememberedPasswordWrong(
        f"{place}: {text}; forget it with `gostkey container password --forget {place}`"
    )
    return found(
        "password-remembered-wrong",
        subject,
        text,
        severity=severity,
        error=error if severity is Severity.ERROR else None,
        place=place,
    )


def _untested(container: Container) -> list[Finding]:
    if container.header.password_mac is None or container.keys[0].fingerprint is None:
        text = "the header does not tell whether the password is right"
        return [found("password-untested", container.name, text)]
    return []


def _typed_otherwise(password: str) -> Iterator[tuple[str, str]]:
    """Yield what was meant if a key of the keyboard was in the wrong state."""
    stripped = password.strip()
    seen = {password}
    for how, other in (
        ("spaces before or after it", stripped),
        (
            "Caps Lock, which turned capital and small letters round",
            stripped.swapcase(),
        ),
        (
            "the keyboard layout, which was Russian in place of English",
            stripped.translate(_TO_LATIN),
        ),
        (
            "the keyboard layout, which was Russian in place of English, and Caps Lock",
            stripped.translate(_TO_LATIN).swapcase(),
        ),
    ):
        # Passwords of containers are ASCII; nothing else is worth a try.
        if other and other.isascii() and other not in seen:
            seen.add(other)
            yield how, other
