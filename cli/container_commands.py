"""All commands of ``gostkey container``: each module adds its own to the group."""

from __future__ import annotations

from . import container_transfer
from .container import container_command

__all__ = ["container_command", "container_transfer"]
