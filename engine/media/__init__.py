"""Places where containers are kept."""

from .copying import Copied, copy_container, read_own_files
from .faults import explain
from .folder import FolderStore
from .groups import read_container
from .medium import Medium
from .switching import rewrite_container, settle_switch

__all__ = [
    "Copied",
    "FolderStore",
    "Medium",
    "copy_container",
    "explain",
    "read_container",
    "read_own_files",
    "rewrite_container",
    "settle_switch",
]
