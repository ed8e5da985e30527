"""A container copied to another place, and compared with its source.

The source is only read.  The copy is written as any new container is (whole or
not at all), and counts when it was read back and holds the same keys.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from gostkey.containers import Container, OpenContainer, renamed
from gostkey.errors import ContainerDamaged, MediumError

from .medium import Medium
from .places import locate, open_destination
from .registry import RegistryFile
from .token_use import NO_TOKENS, TokenUse, held


@dataclass(frozen=True)
class Copied:
    """A copy that was read back."""

    place: Path
    name: str
    compared: str
    """"keys", or "files" where no password opened them."""
    notes: list[str] = field(default_factory=list)
    """What is wrong in the source without preventing the copy."""


def copy_container(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str] | Medium[Path],
    *,
    name: str | None = None,
    password: str | None = None,
    tokens: TokenUse = NO_TOKENS,
) -> Copied:
    """Copy a container to a medium; its folder there is named by the house's rules.

    Args:
        source: the container's folder, a registry export and its name there, or its
            address on a token.
        destination: a medium, or the path of one as for `open_destination`.
        name: the copy's container name, if it shall have another one.
        password: the container's, if both shall be opened to compare the keys.
        tokens: what is granted for tokens that are named as a path.

    Returns:
        Where the copy is, and how it was compared.

    Raises:
        MediumError: if it cannot be read or written, links are in it, or it
            changed meanwhile; nothing is left behind then.
        ContainerDamaged: if the source is damaged beyond use.
        ContainerError: if the name cannot be used.
        WrongPassword: if the password does not open it.
        TokenFull, PinRequired, WrongPin, PinBlocked: of a token.
    """
    medium, original_place = locate(source, tokens)
    if isinstance(destination, (str, os.PathLike)):
        target = open_destination(destination, tokens=tokens)
    else:
        target = destination
    with held(medium), held(target):
        return _copy(source, medium, original_place, target, name, password)


def _copy(
    source: str | os.PathLike[str],
    medium: Medium[Path],
    original_place: Path,
    target: Medium[Path],
    name: str | None,
    password: str | None,
) -> Copied:
    files = medium.read_own(original_place)
    container = Container.parse(files)
    notes = _faults(container)
    with opened_if_possible(container, password) as original:
        wanted = files if name is None else renamed(files, name)
        _refuse_own_export(medium, target)
        copy_name = container.name if name is None else name
        place = target.write(copy_name, wanted)
        copy = Container.parse(target.read(place))
        with opened_if_possible(copy, password) as opened:
            same = copy.files == wanted and copy.keys == container.keys
            same &= opened.keys == original.keys
        if not same:
            raise MediumError(
                f"{place}: the copy does not hold the same keys; the medium is "
                "failing, use another one and throw this copy away"
            )
    if medium.read_own(original_place) != files:
        raise MediumError(
            f"{source}: changed while it was copied; was the medium swapped? "
            f"{place} has what was read first"
        )
    return Copied(place, copy_name, "keys" if original.keys else "files", notes)


def _refuse_own_export(source: Medium[Path], destination: Medium[Path]) -> None:
    """Refuse to overwrite the export that is copied, and what else is in it."""
    if not isinstance(source, RegistryFile):
        return
    if os.path.realpath(source.identity) == os.path.realpath(destination.identity):
        raise MediumError(
            f"{destination.identity}: is what is copied; a copy needs another file"
        )


def opened_if_possible(container: Container, password: str | None) -> OpenContainer:
    """Open a container, or return one without keys if a password is wanting."""
    if container.has_password and password is None:
        return OpenContainer({}, {})
    return container.open(password)


def _faults(container: Container) -> list[str]:
    """Tell faulty pairs, or refuse if no pair is left."""
    pairs = container.pairs if container.has_reserve else container.pairs[:1]
    faults = [pair.fault for pair in pairs if pair.fault]
    if len(faults) == len(pairs):
        raise ContainerDamaged(
            f"container {container.name!r}: no key can be taken out: "
            + "; ".join(faults)
        )
    return faults
