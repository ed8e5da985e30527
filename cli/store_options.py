"""``--store``: the database of a campaign that several stations share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gostkey.renewal.storage.address import remembered, with_password_file

from .files import PathOption
from .texts import _

__all__ = ["store_options"]

F = TypeVar("F", bound=Callable[..., Any])


def store_options(command: F) -> F:
    """Add --store and --store-password-file; the command gets `store`, a URL."""

    @functools.wraps(command)
    def with_store(*args: Any, **values: Any) -> Any:
        store: str | None = values.pop("store")
        file: Path | None = values.pop("store_password_file")
        if file is not None:
            store = store or remembered(values["folder"])
            if store is None:
                raise click.UsageError(
                    _("--store-password-file is for --store, which names the database")
                )
            store = with_password_file(store, file)
        return command(*args, store=store, **values)

    wrapped: Any = click.option(
        "--store-password-file",
        type=PathOption,
        metavar="FILE",
        help=_(
            "File with the password of the database; else ~/.pgpass, PGPASSFILE or "
            "PGPASSWORD are looked at."
        ),
    )(with_store)
    wrapped = click.option(
        "--store",
        metavar="URL",
        help=_(
            "A PostgreSQL database that several stations share, "
            "postgresql://user@server/database; the campaign's folder remembers it. "
            "Without it the campaign is in a file in its folder."
        ),
    )(wrapped)
    done: F = wrapped
    return done
