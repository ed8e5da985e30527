"""Places where containers are kept."""

from .faults import explain
from .folder import FolderStore
from .medium import Medium

__all__ = ["FolderStore", "Medium", "explain"]
