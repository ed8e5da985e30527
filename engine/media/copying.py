"""A container copied to another folder, and compared with its source.

The source is only read.  The copy is written as any new container is (whole or
not at all), and counts when it was read back and holds the same keys.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from gostkey.containers import FILES, Container, OpenContainer, renamed
from gostkey.errors import ContainerDamaged, MediumError

from .faults import explained
from .folder import FolderStore
from .groups import read_container


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
    destination: str | os.PathLike[str],
    *,
    name: str | None = None,
    password: str | None = None,
) -> Copied:
    """Copy a container into a folder; its folder there is named by the house's rules.

    Args:
        source: the container's folder.
        destination: a folder that is there; not a container.
        name: the copy's container name, if it shall have another one.
        password: the container's, if both shall be opened to compare the keys.

    Returns:
        Where the copy is, and how it was compared.

    Raises:
        MediumError: if it cannot be read or written, links are in it, or it
            changed meanwhile; nothing is left behind then.
        ContainerDamaged: if the source is damaged beyond use.
        ContainerError: if the name cannot be used.
        WrongPassword: if the password does not open it.
    """
    files = read_own_files(source)
    container = Container.parse(files)
    notes = _faults(container)
    with opened_if_possible(container, password) as original:
        wanted = files if name is None else renamed(files, name)
        store = FolderStore(destination)
        refuse_container(store.root)
        copy_name = container.name if name is None else name
        place = store.write(copy_name, wanted)
        copy = Container.parse(store.read(place))
        with opened_if_possible(copy, password) as opened:
            same = copy.files == wanted and copy.keys == container.keys
            same &= opened.keys == original.keys
        if not same:
            raise MediumError(
                f"{place}: the copy does not hold the same keys; the medium is "
                "failing, use another one and throw this copy away"
            )
    if read_own_files(source) != files:
        raise MediumError(
            f"{source}: changed while it was copied; was the medium swapped? "
            f"{place} has what was read first"
        )
    return Copied(place, copy_name, "keys" if original.keys else "files", notes)


def read_own_files(folder: str | os.PathLike[str]) -> dict[str, bytes]:
    """Read a container's files, none of which may be a link or be there twice.

    What a foreign medium links to is not the container's, and would be copied.

    Raises:
        MediumError: naming the file.
    """
    place = Path(folder)
    seen: set[str] = set()
    with explained(place):
        for name in os.listdir(place):
            if name.lower() not in FILES:
                continue
            if os.path.islink(place / name):
                raise MediumError(
                    f"{place / name}: a link and not a file; a container's files "
                    "lie in its folder, put the file itself there"
                )
            if name.lower() in seen:
                raise MediumError(
                    f"{place}: {name.lower()} is there twice, in capitals and not; "
                    "remove the wrong one"
                )
            seen.add(name.lower())
    return read_container(place)


def opened_if_possible(container: Container, password: str | None) -> OpenContainer:
    """Open a container, or return one without keys if a password is wanting."""
    if container.has_password and password is None:
        return OpenContainer({}, {})
    return container.open(password)


def refuse_container(folder: Path) -> None:
    """Raise MediumError if a folder is itself a container: nobody looks inside one."""
    with explained(folder):
        if {name.lower() for name in os.listdir(folder)}.intersection(FILES):
            raise MediumError(
                f"{folder}: is a container itself; name the folder that shall hold "
                "the container"
            )


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
