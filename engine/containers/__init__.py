"""CryptoPro key containers: what is in their six files.

Where the files are kept is the matter of `gostkey.media`.
"""

from .certificate_facts import CertificateFacts, certificate_facts
from .changing import renamed, with_password
from .container import Container
from .findings import Finding
from .header import KeyEntry, header_is_whole
from .names import carrier_suffix, folder_name
from .opening import OpenContainer, open_many
from .parsed import FILES, LARGEST_FILE, parse_public, parse_public_many
from .pfx import CRYPTOPRO, PKCS8, STANDARD, Transfer, TransferKey
from .pfx_reader import looks_like_pfx, read_pfx
from .pfx_writer import DEFAULT_PFX_CIPHER, write_cryptopro_pfx, write_standard_pfx
from .transfer import (
    FORMS,
    add_certificates,
    container_of,
    exportable_entry,
    exported,
    read_transfer,
    write_transfer,
)
from .writer import build_container, build_containers, with_certificate

__all__ = [
    "CRYPTOPRO",
    "CertificateFacts",
    "Container",
    "DEFAULT_PFX_CIPHER",
    "FILES",
    "FORMS",
    "Finding",
    "KeyEntry",
    "LARGEST_FILE",
    "OpenContainer",
    "PKCS8",
    "STANDARD",
    "Transfer",
    "TransferKey",
    "add_certificates",
    "build_container",
    "build_containers",
    "carrier_suffix",
    "certificate_facts",
    "container_of",
    "exportable_entry",
    "exported",
    "folder_name",
    "header_is_whole",
    "looks_like_pfx",
    "open_many",
    "parse_public",
    "parse_public_many",
    "read_pfx",
    "read_transfer",
    "renamed",
    "with_certificate",
    "with_password",
    "write_cryptopro_pfx",
    "write_standard_pfx",
    "write_transfer",
]
