"""``gostkey container copy``: from any place to any other."""

from __future__ import annotations

from pathlib import Path

import click

from gostkey.media import (
    TokenUse,
    copy_container,
    is_token_address,
)

from .container import container_command
from .container_options import DESTINATION, name_option
from .exports import ExportOptions, export_options
from .failures import naming
from .files import PathOption
from .output import Output, json_option
from .secrets_input import PasswordSource, password_options
from .texts import _, help_page
from .token_input import PinInput, experimental_option, pin_options

__all__ = ["copy"]


@container_command.command(
    "copy",
    help=help_page(
        _(
            "Copy a container to a folder, a token or a .reg file.\n\n"
            "SOURCE is the container's folder, FILE.reg/NAME in a Windows registry "
            "export, or an address on a token, and stays as it is. DESTINATION is a "
            "folder that is there, such as the root of a removable disk; the copy's "
            "folder in it is named after the container, with .001 and so on if the "
            "name is taken. Nothing is overwritten. Or it is a token, or a new .reg "
            "file for the "
            "Windows user of --sid, to be imported as administrator there; an import "
            "overwrites a container of that name. The copy is read back and its "
            "keys are compared; with a password option also the keys of a container "
            "with a password, else its files. From one token to another, --pin-... is "
            "for SOURCE and --to-pin-... for DESTINATION."
        ),
        examples=[
            "gostkey container copy /media/keys/ivanov.000 /media/spare",
            "gostkey container copy ivanov.000 /media/spare --name ivanov-spare",
            "gostkey container copy keys.reg/ivanov /media/spare",
            "gostkey container copy ivanov.000 ivanov.reg --sid S-1-5-21-1-2-3-1001",
            "gostkey container copy token:30DA6803/ivanov /media/spare",
            "gostkey container copy ivanov.000 token:30DA6803 --experimental",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@click.argument("source", metavar="SOURCE", type=PathOption)
@DESTINATION
@name_option(_("Container name of the copy; that of the source if left out."))
@export_options
@password_options(of=_("of the container"))
@pin_options()
@pin_options("to-pin", of=_("of the token that gets the copy"), factory=False)
@experimental_option
@json_option
@click.pass_obj
def copy(
    out: Output,
    source: Path,
    destination: Path,
    name: str | None,
    exports: ExportOptions,
    password: PasswordSource,
    pin: PinInput,
    to_pin: PinInput,
    experimental: bool,
) -> None:
    there = to_pin if to_pin.given or is_token_address(source) else pin
    there.try_factory = pin.try_factory
    medium = exports.open(destination, TokenUse(there.ask, experimental))
    with naming(source):
        copied = copy_container(
            source,
            medium,
            name=name,
            password=password.read(),
            tokens=TokenUse(pin.ask, experimental),
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
