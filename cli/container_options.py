"""Arguments and options that several container commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .files import PathOption

__all__ = ["DESTINATION", "FOLDER", "name_option"]

F = TypeVar("F", bound=Callable[..., Any])

FOLDER = click.argument("folder", metavar="CONTAINER", type=PathOption)
DESTINATION = click.argument("destination", metavar="DESTINATION", type=PathOption)


def name_option(what: str) -> Callable[[F], F]:
    """Add --name, the name of a new container; *what* is its help."""
    return click.option("--name", metavar="NAME", help=what)
