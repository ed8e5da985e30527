"""Places where containers are kept."""

from .faults import explain
from .folder import FolderStore
from .groups import read_container
from .medium import Medium

__all__ = ["FolderStore", "Medium", "explain", "read_container"]
