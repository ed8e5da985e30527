"""``gostkey container remove``: the only command that loses a key."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gostkey.errors import ConfirmationRequired, ContainerError, GostKeyError
from gostkey.media import FolderStore, Medium, TokenStore, TokenUse, locate
from gostkey.pki.certificates import Certificate

from .container import container_command
from .failures import naming
from .files import PathOption
from .output import Output, clean, json_option
from .sources import read_container
from .texts import _, help_page
from .token_input import token_options

__all__ = ["remove"]


@container_command.command(
    "remove",
    help=help_page(
        _(
            "Remove a container and destroy its key.\n\n"
            "One on a token that was not written to its end (`gostkey container list` "
            "tells of it) is removed without a question: it holds no key that could be "
            "used. Any other one is removed only if its name is typed, or named with "
            "--yes-remove-key: its key is destroyed, and what was encrypted for it "
            "can be read only with another copy of it. Make a backup first. The name "
            "of one that is damaged is that of its folder or place."
        ),
        examples=[
            "gostkey container remove token:30DA6803/0B00",
            "gostkey container remove token:30DA6803/ivanov --yes-remove-key ivanov",
            "gostkey container remove /media/keys/ivanov.000",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@click.argument("container", metavar="CONTAINER", type=PathOption)
@click.option(
    "--yes-remove-key",
    "name",
    metavar="NAME",
    help=_("Destroy the key of the container with this name."),
)
@token_options()
@json_option
@click.pass_obj
def remove(out: Output, container: Path, name: str | None, tokens: TokenUse) -> None:
    with naming(container):
        medium, place = locate(container, tokens)
        # On a disk a container is whole or not at all: what is not, was damaged.
        whole = not isinstance(medium, TokenStore) or place not in medium.unfinished()
        if whole:
            _refuse_nothing(medium, place)
            _confirm(out, medium, place, name)
        elif name is not None:
            out.note(_("{place}: is half-written, not whole").format(place=place))
        medium.remove(place, whole=whole)
    if out.json:
        out.record({"item": str(place), "status": "done", "was_whole": whole})
    elif whole:
        out.note(_("{place}: removed, its key is destroyed").format(place=place))
    else:
        out.note(
            _("{place}: the half-written container is removed").format(place=place)
        )


def _refuse_nothing(medium: Medium[Path], place: Path) -> None:
    """Raise an error where there is nothing of a container, before a name is asked."""
    if isinstance(medium, TokenStore):
        medium.read_public(place)
    elif isinstance(medium, FolderStore) and not any(
        FolderStore(place, depth=0).find()
    ):
        raise ContainerError(
            _("{place}: no container there; `gostkey container list` shows all").format(
                place=place
            )
        )


def _confirm(out: Output, medium: Medium[Path], place: Path, name: str | None) -> None:
    """Tell what is lost, and go on only if the container is named.

    Raises:
        ConfirmationRequired: if it is not.
    """
    wanted, owner = _who(medium, place)
    out.note(
        _("{place}: a container with a key: {name}{owner}").format(
            place=place, name=wanted, owner=owner
        )
    )
    out.note(
        _(
            "its key will be destroyed: nothing can be signed with it any more, and "
            "what was encrypted for it stays closed unless there is another copy"
        )
    )
    if name is None:
        if not sys.stdin.isatty():
            raise ConfirmationRequired(
                _("{place}: is removed only if its name is given").format(place=place)
            )
        click.echo(_("type the container's name to destroy it: "), nl=False, err=True)
        name = sys.stdin.readline().rstrip("\r\n")
    if name not in (wanted, clean(wanted)):
        raise ConfirmationRequired(
            _("{place}: that is not its name; nothing was removed").format(place=place)
        )


def _who(medium: Medium[Path], place: Path) -> tuple[str, str]:
    """Return the name to be typed, and whose certificate is in the container."""
    try:
        container = read_container(place, medium, public=True)
    except GostKeyError:
        # Damaged, so its place stands for its name.
        return place.name, ""
    for entry in container.keys:
        if entry.certificate is not None:
            try:
                owner = Certificate.from_bytes(entry.certificate).subject.owner
            except GostKeyError:
                continue
            return container.name, _(", of {owner}").format(owner=owner)
    return container.name, ""
