"""Where a command writes new containers: a folder, or a registry export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gostkey.media import (
    NO_TOKENS,
    Medium,
    RegistryFile,
    TokenUse,
    open_destination,
)

from .option_groups import option_group
from .texts import _

__all__ = ["ExportOptions", "export_options"]


@dataclass(frozen=True)
class ExportOptions:
    """For whom an export is, if the destination is one."""

    sid: str | None
    bits: str
    force: bool

    def open(self, destination: Path, tokens: TokenUse = NO_TOKENS) -> Medium[Path]:
        """Return the medium to write to.

        Args:
            destination: a token, a folder that is there, or a .reg file.
            tokens: what is granted if it is a token.

        Raises:
            click.UsageError: if an export lacks its user, or there is none.
            MediumError: if the folder is absent or is itself a container.
        """
        export = RegistryFile.holds(destination)
        if export and self.sid is None:
            raise click.UsageError(
                _(
                    "{file}: --sid must name the Windows user who shall have the key"
                ).format(file=destination)
            )
        if not export and (self.sid is not None or self.force):
            raise click.UsageError(_("--sid and --force are for a .reg file"))
        return open_destination(
            destination,
            sid=self.sid,
            wow=self.bits == "64",
            replace=self.force,
            tokens=tokens,
        )


def _gather(values: dict[str, Any]) -> ExportOptions:
    return ExportOptions(values.pop("sid"), values.pop("bits"), values.pop("force"))


export_options = option_group(
    "exports",
    _gather,
    (
        click.option(
            "--sid",
            metavar="SID",
            help=_(
                "For a .reg file: the Windows user, as `whoami /user` shows it there."
            ),
        ),
        click.option(
            "--windows",
            "bits",
            type=click.Choice(["64", "32"]),
            default="64",
            show_default=True,
            help=_("For a .reg file: Windows of 64 or 32 bits."),
        ),
        click.option(
            "--force",
            is_flag=True,
            help=_("Overwrite a .reg file, with all that is in it."),
        ),
    ),
)
"""Adds --sid, --windows and --force; the command gets `exports`."""
