"""``gostkey container copy``, ``password``, ``install``: what changes containers."""

from __future__ import annotations

from pathlib import Path

import click

from gostkey.containers import Container, with_password
from gostkey.media import (
    copy_container,
    read_own_files,
    rewrite_container,
    settle_switch,
)

from .container import container_command
from .failures import naming
from .files import PathOption
from .output import Output, json_option
from .secrets_input import PasswordSource, password_options
from .texts import _, help_page

FOLDER = click.argument("folder", metavar="FOLDER", type=PathOption)


@container_command.command(
    "copy",
    help=help_page(
        _(
            "Copy a container into another folder.\n\n"
            "SOURCE is the container's folder and stays as it is. DESTINATION is a "
            "folder that is there, such as the root of a removable disk; the copy's "
            "folder in it is named after the container, with .001 and so on if the "
            "name is taken. Nothing is overwritten. The copy is read back and its "
            "keys are compared; with a password option also the keys of a container "
            "with a password, else its files."
        ),
        examples=[
            "gostkey container copy /media/keys/ivanov.000 /media/spare",
            "gostkey container copy ivanov.000 /media/spare --name ivanov-spare",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@click.argument("source", metavar="SOURCE", type=PathOption)
@click.argument("destination", metavar="DESTINATION", type=PathOption)
@click.option(
    "--name",
    metavar="NAME",
    help=_("Container name of the copy; that of the source if left out."),
)
@password_options(of=_("of the container"))
@json_option
@click.pass_obj
def copy(
    out: Output,
    source: Path,
    destination: Path,
    name: str | None,
    password: PasswordSource,
) -> None:
    with naming(source):
        copied = copy_container(
            source, destination, name=name, password=password.read()
        )
    for note in copied.notes:
        out.note(_("{folder}: {fault}").format(folder=source, fault=note))
    if copied.notes:
        out.hint(_("the copy is no better; `gostkey container check` tells more"))
    if out.json:
        out.record(
            {
                "item": str(source),
                "status": "done",
                "copy": str(copied.place),
                "name": copied.name,
                "compared": copied.compared,
            }
        )
        return
    words = {
        "keys": _("{copy}: copied, read back, its keys are the same"),
        "files": _("{copy}: copied, read back, its files are the same"),
    }
    out.note(words[copied.compared].format(copy=copied.place))


@container_command.command(
    "password",
    help=help_page(
        _(
            "Set, change or remove a container's password.\n\n"
            "The keys are encrypted anew; name and certificate stay. The new "
            "container is written beside the old one, compared, and takes its place; "
            "then the old files are wiped. If the run is cut off, the old or the new "
            "container is there, and the same command ends the work. Other copies "
            "of the container keep the old password."
        ),
        examples=[
            "gostkey container password ivanov.000",
            "gostkey container password ivanov.000 --password-file old.txt "
            "--new-password-file new.txt",
            "gostkey container password ivanov.000 --no-new-password",
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
@FOLDER
@password_options("new-password", of=_("to set"), without=_("Remove the password."))
@password_options(of=_("that the container has now"))
@json_option
@click.pass_obj
def password(
    out: Output, folder: Path, password: PasswordSource, new_password: PasswordSource
) -> None:
    with naming(folder):
        settle_switch(folder)
        files = read_own_files(folder)
        container = Container.parse(files)
        old = password.ask(str(folder)) if container.has_password else None
        # Now, so that nobody types a new password in vain.
        container.open(old).close()
        new = new_password.choose(str(folder))
        changed = old is not None or new is not None
        if changed:
            rewrite_container(folder, files, with_password(files, old, new))
    if out.json:
        out.record(
            {
                "item": str(folder),
                "status": "done",
                "name": container.name,
                "changed": changed,
                "has_password": new is not None,
            }
        )
    elif not changed:
        out.note(_("{folder}: it has no password, and stays so").format(folder=folder))
    elif new is None:
        out.note(
            _(
                "{folder}: the password is removed: whoever has the folder has the key"
            ).format(folder=folder)
        )
    else:
        out.note(_("{folder}: the new password is set").format(folder=folder))
