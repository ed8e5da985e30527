"""The command group `gostkey container`, with the commands of all its modules."""

from __future__ import annotations

from . import (
    container_backup,
    container_change,
    container_check,
    container_copy,
    container_remove,
    container_repair,
    container_transfer,
)
from .container import container_command

__all__ = [
    "container_backup",
    "container_change",
    "container_check",
    "container_command",
    "container_repair",
    "container_copy",
    "container_remove",
    "container_transfer",
]
