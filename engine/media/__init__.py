"""Places where containers are kept."""

from .archive import Backup, Stored, is_encrypted, pack, unpack
from .backup import Restored, collect, read_archive, restore, write_archive
from .copying import Copied, copy_container
from .faults import explain
from .folder import FolderStore
from .groups import read_container
from .image import FloppyImage
from .installing import Installed, csp_folder, find_containers, install_certificate
from .medium import ChangeableMedium, Medium
from .own_files import read_own_files
from .places import is_in_file, locate, locate_all, open_destination, open_medium
from .registry import RegistryFile
from .remembered import KeyRing, recalled
from .switching import is_set_aside, rewrite_container, settle_switch
from .usual import usual_media

__all__ = [
    "Backup",
    "ChangeableMedium",
    "Copied",
    "FloppyImage",
    "FolderStore",
    "Installed",
    "KeyRing",
    "Medium",
    "RegistryFile",
    "Restored",
    "Stored",
    "collect",
    "copy_container",
    "csp_folder",
    "explain",
    "find_containers",
    "install_certificate",
    "is_encrypted",
    "is_in_file",
    "is_set_aside",
    "locate",
    "locate_all",
    "open_destination",
    "open_medium",
    "pack",
    "read_archive",
    "read_container",
    "read_own_files",
    "recalled",
    "restore",
    "rewrite_container",
    "settle_switch",
    "unpack",
    "usual_media",
    "write_archive",
]
