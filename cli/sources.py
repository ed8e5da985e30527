"""What a user may name as a key, a certificate or a moment on the command line.

A private key is a PKCS#8 file or a key container; a public key is
an SPKI file or a certificate; PEM and DER are both taken everywhere.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

import click

from gostkey import curves, keyforms
from gostkey.containers import Container
from gostkey.errors import (
    EncodingError,
    MediumError,
    PasswordRequired,
    UnknownCurve,
)
from gostkey.media import (
    NO_TOKENS,
    Medium,
    TokenUse,
    is_in_file,
    is_set_aside,
    is_token_address,
    locate,
    read_public,
)
from gostkey.signing import SigningKey, VerifyingKey

from .failures import naming
from .files import read_file
from .remembering import container_password, keep
from .secrets_input import PasswordSource
from .texts import _

__all__ = [
    "SLOTS",
    "KeySource",
    "at_option",
    "curve_option",
    "is_container",
    "looks_like",
    "now",
    "open_key",
    "read_container",
    "read_public_key",
    "slot_option",
]

F = TypeVar("F", bound=Callable[..., Any])

SLOTS = ("primary", "secondary")

slot_option = click.option(
    "--slot",
    type=click.Choice(SLOTS),
    help=_("Which key of a container that has two."),
)


def read_curve(
    context: click.Context, option: click.Parameter, value: str
) -> curves.Curve:
    """Find the curve of an option: canonical name, alias or OID."""
    try:
        return curves.get(value)
    except UnknownCurve as error:
        # The cause gives the JSON its code.
        raise click.BadParameter(str(error), context, option) from error


def read_moment(
    context: click.Context, option: click.Parameter, value: str | None
) -> datetime | None:
    """Read a day or a moment in ISO form; a day alone means noon in Moscow.

    Then the calendar says that day in every zone of Russia.
    """
    if value is None:
        return None
    text = value.strip()
    if text.endswith(("Z", "z")):
        text = text[:-1] + "+00:00"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            _(
                "{value!r} is not a date; write 2026-11-22 or 2026-11-22T15:30:00Z"
            ).format(value=value),
            context,
            option,
        ) from None
    if len(text) <= len("2026-11-22"):
        moment = moment.replace(hour=9)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)


def curve_option(command: F) -> F:
    """Add --curve; the command gets a Curve."""
    return click.option(
        "--curve",
        callback=read_curve,
        default="tc26-256-b",
        show_default=True,
        help=_("The curve of the new key."),
    )(command)


def at_option(command: F) -> F:
    """Add --at, a moment to act at instead of now; the command gets it or None."""
    return click.option(
        "--at",
        callback=read_moment,
        metavar="DATE",
        help=_("Act as if it were DATE (2026-11-22, or 2026-11-22T15:30:00Z)."),
    )(command)


def now(at: datetime | None) -> datetime:
    """Return *at*, or else the present moment, in UTC."""
    return at if at is not None else datetime.now(timezone.utc)


@dataclass
class KeySource:
    """An opened private key, and what was found beside it."""

    key: SigningKey
    kind: str
    certificate: bytes | None = None
    notes: list[str] = field(default_factory=list)


@contextlib.contextmanager
def open_key(
    path: Path,
    password: PasswordSource,
    slot: str | None = None,
    tokens: TokenUse = NO_TOKENS,
) -> Iterator[KeySource]:
    """Open a private key; it is wiped at the end.

    Args:
        path: PKCS#8 file (PEM or DER), the folder of a key container, or its address
            on a token.
        password: asked for only if the key has one.
        slot: which of a container's two keys; needed only if it has two.
        tokens: what is granted if it is on a token.

    Raises:
        PasswordRequired, WrongPassword, EncodingError, ContainerError, OSError
        PinRequired, WrongPin, PinBlocked: of a token.
    """
    if is_container(path):
        with _open_container(path, password, slot, tokens) as source:
            yield source
        return
    data = read_file(path)
    if password.remember:
        raise click.UsageError(_("--remember is for key containers, not for key files"))
    if slot is not None:
        raise click.UsageError(_("--slot is for key containers, not for key files"))
    if looks_like(data, "CERTIFICATE", "PUBLIC KEY"):
        raise EncodingError(
            _("{file}: public only; a private key (PKCS#8) is needed").format(file=path)
        )
    try:
        key = _from_pkcs8(data, path, password.read())
    except PasswordRequired:
        if password.given:
            raise
        key = _from_pkcs8(data, path, password.ask(str(path)))
    with key:
        yield KeySource(key, "pkcs8")


def is_container(path: Path) -> bool:
    """Say whether a path means a container rather than a file with a key."""
    return is_token_address(path) or path.is_dir() or is_in_file(path)


def _from_pkcs8(data: bytes, path: Path, password: str | None) -> SigningKey:
    with naming(path):
        return SigningKey.from_pkcs8(data, password)


def read_container(
    folder: Path,
    medium: Medium[Path] | None = None,
    *,
    tokens: TokenUse = NO_TOKENS,
    public: bool = False,
) -> Container:
    """Read the key container in a place, without opening it.

    Args:
        folder: the folder, FILE.reg/NAME, FILE.img/FOLDER, or an address on a token.
        medium: which has it there, if that is known.
        tokens: what is granted if it is on a token.
        public: read only what is needed to describe it, of a token what needs no
            PIN; the keys are missing or empty then.

    Raises:
        ContainerError, MediumError: naming the folder.
    """
    place = folder if is_token_address(folder) else folder.absolute()
    if not is_token_address(folder) and is_set_aside(place):
        raise MediumError(
            _(
                "{folder}: a change of its password was cut off; "
                "`gostkey container password {folder}` gives it its name back"
            ).format(folder=folder)
        )
    with naming(folder):
        if medium is None:
            medium, place = locate(folder, tokens)
        if public:
            return Container.parse(read_public(medium, place))
        return Container.parse(medium.read(place))


@contextlib.contextmanager
def _open_container(
    path: Path, password: PasswordSource, slot: str | None, tokens: TokenUse
) -> Iterator[KeySource]:
    container = read_container(path, tokens=tokens)
    value = container_password(container, path, password)
    with naming(path):
        opened = container.open(value)
    with opened:
        opened.notes.extend(keep(container, path, password, value))
        wanted = slot or next(iter(opened.keys))
        if slot is None and len(opened.keys) > 1:
            raise click.UsageError(
                _(
                    "{folder}: two keys; name one with --slot primary or secondary"
                ).format(folder=path)
            )
        if wanted not in opened.keys:
            raise click.UsageError(
                _("{folder}: no {slot} key; it has: {slots}").format(
                    folder=path, slot=wanted, slots=", ".join(opened.keys)
                )
            )
        entry = next(entry for entry in container.keys if entry.slot == wanted)
        yield KeySource(
            opened.keys[wanted], "container", entry.certificate, list(opened.notes)
        )


def looks_like(data: bytes, *labels: str) -> bool:
    """Say whether *data* is a PEM file with one of the labels."""
    return any(b"-----BEGIN " + label.encode() + b"-----" in data for label in labels)


def read_public_key(path: Path) -> tuple[VerifyingKey, str]:
    """Read a public key; return it and "spki" or "certificate".

    Raises:
        EncodingError: if the file is neither an SPKI nor a certificate.
    """
    data = read_file(path)
    if looks_like(data, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
        raise EncodingError(
            _(
                "{file}: a private key; `gostkey key public` gives its public one"
            ).format(file=path)
        )
    if looks_like(data, "PUBLIC KEY"):
        with naming(path):
            return VerifyingKey.from_spki(data), "spki"
    if not looks_like(data, "CERTIFICATE"):
        # DER does not say what it is: a public key, or else a certificate.
        with contextlib.suppress(EncodingError), naming(path):
            return VerifyingKey.from_spki(data), "spki"
    try:
        info = keyforms.certificate_public_key(keyforms.unpem(data, "CERTIFICATE"))
    except EncodingError as error:
        raise EncodingError(
            _("{file}: neither a public key nor a certificate ({reason})").format(
                file=path, reason=error
            )
        ) from error
    with naming(path):
        key = VerifyingKey.from_bytes(info.public_le, info.curve, scheme=info.scheme)
    return key, "certificate"
