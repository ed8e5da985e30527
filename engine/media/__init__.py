"""Places where containers are kept."""

from .archive import Backup, Stored, is_encrypted, pack, unpack
from .backup import Restored, collect, read_archive, restore, write_archive
from .copying import Copied, copy_container, read_own_files
from .faults import explain
from .folder import FolderStore
from .groups import read_container
from .installing import Installed, csp_folder, find_containers, install_certificate
from .medium import Medium
from .switching import is_set_aside, rewrite_container, settle_switch

__all__ = [
    "Backup",
    "Copied",
    "FolderStore",
    "Installed",
    "Medium",
    "Restored",
    "Stored",
    "collect",
    "copy_container",
    "csp_folder",
    "explain",
    "find_containers",
    "install_certificate",
    "is_encrypted",
    "is_set_aside",
    "pack",
    "read_archive",
    "read_container",
    "read_own_files",
    "restore",
    "rewrite_container",
    "settle_switch",
    "unpack",
    "write_archive",
]
