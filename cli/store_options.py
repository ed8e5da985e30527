"""``--store``: the database of a campaign that several stations share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gostkey.renewal.storage.address import remembered, with_password_file

from .files import PathOption
from .option_groups import option_group
from .texts import _

__all__ = ["store_options"]


def _gather(values: dict[str, Any]) -> str | None:
    store: str | None = values.pop("store")
    file: Path | None = values.pop("store_password_file")
    if file is None:
        return store
    store = store or remembered(values["folder"])
    if store is None:
        raise click.UsageError(
            _("--store-password-file is for --store, which names the database")
        )
    return with_password_file(store, file)


store_options = option_group(
    "store",
    _gather,
    (
        click.option(
            "--store",
            metavar="URL",
            help=_(
                "A PostgreSQL database that several stations share, "
                "postgresql://user@server/database; the campaign's folder remembers "
                "it. Without it the campaign is in a file in its folder."
            ),
        ),
        click.option(
            "--store-password-file",
            type=PathOption,
            metavar="FILE",
            help=_(
                "File with the password of the database; else ~/.pgpass, PGPASSFILE or "
                "PGPASSWORD are looked at."
            ),
        ),
    ),
)
"""Adds --store and --store-password-file; the command gets `store`, a URL."""
