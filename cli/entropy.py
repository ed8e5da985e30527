"""``gostkey entropy``: where random numbers come from, beside the system's.

Each command is in a module of its own, imported when it is asked for.
"""

from __future__ import annotations

import importlib

import click

from .texts import _, help_page

COMMANDS: dict[str, str] = {
    "collect": "entropy_collect",
    "status": "entropy_status",
    "test": "entropy_test",
    "gamma": "entropy_gamma",
}
"""Command -> module beside this one, which has it under its name + "_command"."""


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__package__}.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


@click.group(
    cls=_Group,
    help=help_page(
        _(
            "Random input from people and files; tests of sources.\n\n"
            "The operating system's generator always carries the full strength; "
            "what comes from a person, a gamma file or a token is mixed in and only "
            "adds to it. Nothing that was collected is ever shown or stored."
        ),
        examples=[
            "gostkey entropy test mouse.bin",
            "gostkey entropy gamma check /media/gamma",
        ],
        exits=[0, 1, 3, 4, 5, 6, 130],
    ),
)
def entropy_command() -> None:
    pass
