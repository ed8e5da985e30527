"""Options that belong together, and reach their command as one value."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

__all__ = ["option_group"]

F = TypeVar("F", bound=Callable[..., Any])


def option_group(
    name: str,
    gather: Callable[[dict[str, Any]], object],
    options: Sequence[Callable[[Any], Any]],
) -> Callable[[F], F]:
    """Make a decorator that adds options to a command.

    Args:
        name: of the argument that the command gets in their place.
        gather: takes their values out of all that the command was given, and makes
            that argument of them; raises click.UsageError if they do not fit.
        options: from click, in the order of the help.
    """

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def gathered(*args: Any, **values: Any) -> Any:
            values[name] = gather(values)
            return command(*args, **values)

        wrapped: Any = gathered
        for option in reversed(options):
            wrapped = option(wrapped)
        done: F = wrapped
        return done

    return decorate
