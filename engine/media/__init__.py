"""Places where containers are kept."""

from .copying import Copied, copy_container, read_own_files
from .faults import explain
from .folder import FolderStore
from .groups import read_container
from .installing import Installed, csp_folder, find_containers, install_certificate
from .medium import Medium
from .switching import rewrite_container, settle_switch

__all__ = [
    "Copied",
    "FolderStore",
    "Installed",
    "Medium",
    "copy_container",
    "csp_folder",
    "explain",
    "find_containers",
    "install_certificate",
    "read_container",
    "read_own_files",
    "rewrite_container",
    "settle_switch",
]
