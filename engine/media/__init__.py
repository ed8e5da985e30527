"""Places where containers are kept."""

from .folder import FolderStore, explain
from .medium import Medium

__all__ = ["FolderStore", "Medium", "explain"]
