"""Opening the old and the new key of an item, on whatever medium they are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from gostkey.containers import Container, OpenContainer, open_many
from gostkey.errors import (
    ContainerError,
    GeneratorFailure,
    GostKeyError,
    IntegrityError,
    MediumError,
)
from gostkey.media import read_container
from gostkey.signing import SigningKey, SupportsSigning

from .reasons import Reason, verdict
from .secret_files import read_password
from .steps import Ahead, Done, Outcome, PasswordFileError, Work, place_of
from .tokens import is_token_address


def password_of(path: str | None) -> str | None:
    """Read the password from its file; None if no file is named."""
    if path is None:
        return None
    try:
        return read_password(Path(path))
    except GostKeyError as error:
        raise PasswordFileError(str(error)) from None


def open_ahead(works: Sequence[Work], *, old: bool) -> None:
    """Open the containers of a chunk together: with passwords that is much faster.

    `open_old` and `open_new` take what is open then.  What cannot be read is left
    to them, as they can tell why.

    Args:
        works: the items.
        old: the old containers, else the new ones.
    """
    # Some at a time: what was read of them is then still in the processor's cache.
    for start in range(0, len(works), _AT_ONCE):
        _open_some(works[start : start + _AT_ONCE], old=old)


_AT_ONCE = 256


def _open_some(works: Sequence[Work], *, old: bool) -> None:
    read: list[tuple[Work, Mapping[str, bytes], str | None]] = []
    for work in works:
        one = work.item
        # Tokens are slow and want a PIN; they are opened when it is their turn.
        old_apart = work.from_chip or is_token_address(one.container)
        if old_apart if old else (work.on_token or work.in_chip):
            continue
        try:
            files = read_old(work) if old else read_new(work)
            password = password_of(one.password_file if old else one.new_password_file)
        except GeneratorFailure:
            raise
        except (GostKeyError, OSError):
            continue
        read.append((work, files, password))
    parsed = Container.parse_many(files for _, files, _ in read)
    asked = [
        (work, container, password)
        for (work, _, password), container in zip(read, parsed, strict=True)
        if not isinstance(container, GostKeyError)
    ]
    results = open_many([one[1] for one in asked], [one[2] for one in asked])
    for (work, container, _), result in zip(asked, results, strict=True):
        if old:
            work.old_ahead = container, result
        else:
            work.new_ahead = container, result


def _opened(
    ahead: Ahead | None, container: Container, file: str | None
) -> OpenContainer:
    """Return what was opened ahead, or open it now."""
    if ahead is None:
        return container.open(password_of(file))
    if isinstance(ahead[1], GostKeyError):
        raise ahead[1]
    return ahead[1]


def open_old(work: Work) -> Outcome:
    """Open the old container and keep its key; check that it is the planned one."""
    if work.from_chip:
        return _open_old_in_chip(work)
    one, ahead = work.item, work.old_ahead
    container = ahead[0] if ahead else Container.parse(read_old(work))
    entry = next((key for key in container.keys if key.slot == one.slot), None)
    if entry is None or entry.certificate != one.old_certificate:
        return verdict(Reason.KEY_CHANGED)
    opened = _opened(ahead, container, one.password_file)
    work.old_ahead = None
    work.old_key = _take(opened, one.slot)
    work.notes += opened.notes
    bare = one.new_password_file is None and not work.in_chip
    if container.has_password and bare:
        work.notes.append(
            "the new container has no password, though the old one had: name a "
            "new_password_file in the list, or set one on the medium"
        )
    return Done()


def _open_old_in_chip(work: Work) -> Outcome:
    """Find the old key inside its token; it does not leave it."""
    one = work.item
    inside = work.tokens.chips.key(one.container)
    if inside.verifying_key != work.old_certificate.public_key:
        return verdict(Reason.KEY_CHANGED)
    work.old_key = inside
    return Done()


def read_old(work: Work) -> Mapping[str, bytes]:
    """Read the old container's files from its medium."""
    place = work.item.container
    if is_token_address(place):
        return work.tokens.read(place)
    try:
        return read_container(place)
    except MediumError:
        if not os.path.isdir(place):
            raise MediumError(f"{place}: is not there; insert the medium") from None
        raise


def read_new(work: Work) -> Mapping[str, bytes]:
    """Give the new container's files; they are read from the medium once in a run."""
    if work.new_files is None:
        place = place_of(work)
        read = work.tokens.read if work.on_token else read_container
        work.new_files = read(place)
    return work.new_files


def open_new(work: Work) -> None:
    """Open the new container from its medium and keep its key.

    A key inside a token is looked for there.

    Raises:
        ContainerError: if it is not the one that this item was given.
        IntegrityError: if it is another key than was made for it.
    """
    one, ahead = work.item, work.new_ahead
    if work.in_chip:
        inside = work.tokens.chips.key(place_of(work), new=True)
        _must_be_ours(work, inside)
        work.new_key = inside
        return
    container = ahead[0] if ahead else Container.parse(read_new(work))
    if container.name != one.new_name:
        raise ContainerError(
            f"{one.new_folder}: holds the container {container.name!r}"
        )
    opened = _opened(ahead, container, one.new_password_file)
    work.new_ahead = None
    key = _take(opened, "primary")
    try:
        _must_be_ours(work, key)
    except IntegrityError:
        key.wipe()
        raise
    if isinstance(work.new_key, SigningKey):
        work.new_key.wipe()
    work.new_key = key


def _must_be_ours(work: Work, key: SupportsSigning) -> None:
    one = work.item
    if one.public_key is not None and key.verifying_key.to_bytes() != one.public_key:
        raise IntegrityError(
            f"{one.new_folder}: holds another key than was made for it"
        )


def _take(opened: OpenContainer, slot: str) -> SigningKey:
    """Take one key out and wipe the others."""
    key = opened.keys.pop(slot)
    opened.close()
    return key
