"""``gostkey container repair``: both copies of a key from the one that is whole."""

from __future__ import annotations

from pathlib import Path

import click

from gostkey.containers import Container, with_password
from gostkey.media import TokenUse, open_for_change

from .container import container_command
from .container_options import FOLDER
from .failures import naming
from .output import Output, json_option
from .remembering import container_password
from .secrets_input import PasswordSource, password_options
from .texts import _, help_page
from .token_input import token_options

__all__ = ["repair"]


@container_command.command(
    "repair",
    help=help_page(
        _(
            "Make damaged copies of a key anew.\n\n"
            "A container has its key twice: in primary.key and masks.key, and in "
            "primary2.key and masks2.key. Where files of one pair are damaged or "
            "missing, the other pair makes both good again. The password stays, and "
            "so do the name and the certificate. What the new container holds is "
            "compared with the key before it takes the place of the old one. "
            "`gostkey container check` says when this helps."
        ),
        examples=[
            "gostkey container repair /media/keys/ivanov.000",
            "gostkey container repair /media/keys/ivanov.000 --password-file p.txt",
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
@FOLDER
@token_options(writes=True)
@password_options(of=_("of the container"))
@json_option
@click.pass_obj
def repair(
    out: Output, folder: Path, password: PasswordSource, tokens: TokenUse
) -> None:
    with naming(folder):
        medium, place, files = open_for_change(folder, tokens)
        container = Container.parse(files)
        value = container_password(container, folder, password)
        faults = [
            f"{one.subject}: {one.text}"
            for one in container.check(value)
            if one.code in ("pair", "reserve") and one.state == "bad"
        ]
        # Says what is wrong with both copies, if neither can be used.
        container.open(value).close()
        if faults:
            new = with_password(files, value, value if container.has_password else None)
            place = medium.rewrite(place, files, new)
    if out.json:
        out.record(
            {
                "item": str(folder),
                "status": "done",
                "container": str(place),
                "name": container.name,
                "changed": bool(faults),
                "faults": faults,
            }
        )
    elif faults:
        for fault in faults:
            out.note(_("{folder}: {fault}").format(folder=folder, fault=fault))
        out.note(_("{folder}: both copies are made anew").format(folder=folder))
    else:
        out.note(
            _("{folder}: both copies are whole; nothing was changed").format(
                folder=folder
            )
        )
