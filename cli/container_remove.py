"""``gostkey container remove``: a container off a token; the only way to lose a key."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gostkey.errors import ConfirmationRequired, GostKeyError
from gostkey.media import TokenStore, TokenUse, is_token_address
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
            "Remove a container from a token.\n\n"
            "One that was not written to its end (`gostkey container list` tells of "
            "it) is removed without a question: it holds no key that could be used. A "
            "whole one is removed only if its name is typed, or named with "
            "--yes-remove-key: its key is destroyed, and what was encrypted for it "
            "can be read only with another copy of it. Make a backup first. "
            "Containers on a disk are not removed here; move their folders away "
            "with the means of the system."
        ),
        examples=[
            "gostkey container remove token:30DA6803/0B00",
            "gostkey container remove token:30DA6803/ivanov --yes-remove-key ivanov",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@click.argument("container", metavar="CONTAINER", type=PathOption)
@click.option(
    "--yes-remove-key",
    "name",
    metavar="NAME",
    help=_("Destroy the key of the whole container with this name."),
)
@token_options()
@json_option
@click.pass_obj
def remove(out: Output, container: Path, name: str | None, tokens: TokenUse) -> None:
    if not is_token_address(container):
        raise click.UsageError(
            _(
                "{folder}: only containers on tokens are removed; move a folder away "
                "with the means of the system, after a backup"
            ).format(folder=container)
        )
    with naming(container):
        store, place = tokens.locate(container)
        whole = place not in store.unfinished()
        if whole:
            _confirm(out, store, place, name)
        elif name is not None:
            out.note(_("{place}: is half-written, not whole").format(place=place))
        store.remove(place, whole=whole)
    if out.json:
        out.record({"item": str(place), "status": "done", "was_whole": whole})
    elif whole:
        out.note(_("{place}: removed, its key is destroyed").format(place=place))
    else:
        out.note(
            _("{place}: the half-written container is removed").format(place=place)
        )


def _confirm(out: Output, store: TokenStore, place: Path, name: str | None) -> None:
    """Tell what is lost, and go on only if the container is named.

    Raises:
        ConfirmationRequired: if it is not.
    """
    wanted, owner = _who(store, place)
    out.note(
        _("{place}: a whole container: {name}{owner}").format(
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


def _who(store: TokenStore, place: Path) -> tuple[str, str]:
    """Return the name to be typed, and whose certificate is in the container."""
    try:
        container = read_container(place, store, public=True)
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
