"""CryptoPro key containers: what is in their six files.

Where the files are kept is the matter of `gostkey.media`.
"""

from .certificate_facts import CertificateFacts, certificate_facts
from .changing import renamed, with_password
from .container import FILES, LARGEST_FILE, Container, OpenContainer
from .findings import Finding
from .header import KeyEntry, header_is_whole
from .names import carrier_suffix, folder_name
from .writer import build_container, build_containers, with_certificate

__all__ = [
    "FILES",
    "LARGEST_FILE",
    "CertificateFacts",
    "Container",
    "Finding",
    "KeyEntry",
    "OpenContainer",
    "build_container",
    "build_containers",
    "carrier_suffix",
    "certificate_facts",
    "folder_name",
    "header_is_whole",
    "renamed",
    "with_certificate",
    "with_password",
]
