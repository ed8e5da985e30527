"""Groups of commands whose modules are loaded when a command is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

__all__ = ["LateGroup"]


class LateGroup(click.Group):
    """A group that knows which module will add a command to it.

    So one command does not wait until the modules of all others are read.

    Args:
        later: command -> module beside this one.
    """

    def __init__(self, *args: Any, later: Mapping[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        self._later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *self._later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._later and cmd_name not in self.commands:
            importlib.import_module(f"{__package__}.{self._later[cmd_name]}")
        return super().get_command(ctx, cmd_name)
