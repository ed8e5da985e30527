"""Places where containers are kept."""

from .archive import Backup, Stored, is_encrypted, pack, unpack
from .backup import Restored, collect, read_archive, restore, write_archive
from .changing import open_for_change
from .copying import Copied, copy_container
from .faults import explain
from .folder import FolderStore
from .groups import read_container
from .image import FloppyImage
from .installing import Installed, csp_folder, find_containers, install_certificate
from .listing import describe_in_words, find_public
from .medium import ChangeableMedium, Medium
from .own_files import read_own_files
from .places import is_in_file, locate, locate_all, open_destination, open_medium
from .registry import RegistryFile
from .remembered import KeyRing, recalled
from .switching import is_set_aside, rewrite_container, settle_switch
from .token_use import NO_TOKENS, TokenUse, held, read_public
from .tokens import TokenStore, is_token_address
from .usual import usual_media, usual_tokens

__all__ = [
    "NO_TOKENS",
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
    "TokenStore",
    "TokenUse",
    "collect",
    "copy_container",
    "csp_folder",
    "describe_in_words",
    "explain",
    "find_containers",
    "find_public",
    "held",
    "install_certificate",
    "is_encrypted",
    "is_in_file",
    "is_set_aside",
    "is_token_address",
    "locate",
    "locate_all",
    "open_destination",
    "open_for_change",
    "open_medium",
    "pack",
    "read_archive",
    "read_container",
    "read_own_files",
    "read_public",
    "recalled",
    "restore",
    "rewrite_container",
    "settle_switch",
    "unpack",
    "usual_media",
    "usual_tokens",
    "write_archive",
]
