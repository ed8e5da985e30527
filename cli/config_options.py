"""``--config FILE``: options from a file, where the command line says nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from gostkey.errors import CampaignError
from gostkey.renewal.configuration import read_configuration

from .files import PathOption
from .texts import _

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """Add --config; what the file says becomes the defaults of the other options."""
    return click.option(
        "--config",
        type=PathOption,
        is_eager=True,
        expose_value=False,
        callback=_load,
        metavar="FILE",
        help=_(
            "Take options from this TOML file; the command line wins. "
            "`gostkey renew check-config` looks at such a file."
        ),
    )(command)


def _load(context: click.Context, option: click.Parameter, value: Path | None) -> None:
    if value is None or context.resilient_parsing:
        return
    try:
        configuration = read_configuration(value)
        configuration.refuse()
    except CampaignError as error:
        raise click.UsageError(str(error), context) from error
    context.default_map = {**(context.default_map or {}), **configuration.values}


def drop_overruled(values: dict[str, Any], names: Iterable[str]) -> None:
    """Forget what the file says of a matter of which the command line speaks.

    Without it a source in the file and another one on the command line would be two.

    Args:
        values: parameters of the command, changed in place.
        names: of the parameters that belong to the matter.
    """
    context = click.get_current_context()
    sources = {name: context.get_parameter_source(name) for name in names}
    said = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    if any(source in said for source in sources.values()):
        for name, source in sources.items():
            if source is ParameterSource.DEFAULT_MAP and name in values:
                values[name] = False if values[name] is True else None


def drop_configured(values: dict[str, Any], names: Iterable[str]) -> None:
    """Forget what the file says of a matter, which counts at another time.

    Args:
        values: parameters of the command, changed in place.
        names: of the parameters that belong to the matter.
    """
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP:
            values[name] = None
