"""What a list of containers tells: all that is public, in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gostkey.containers import Container
from gostkey.errors import GostKeyError, MediumError
from gostkey.pki.names import Name

from .folder import FolderStore
from .medium import Medium
from .token_use import read_public


def find_public(
    medium: Medium[Path], unreadable: list[MediumError] | None = None
) -> Iterator[tuple[Path, dict[str, bytes] | GostKeyError | OSError]]:
    """Yield the containers of a medium with their public files, or why not.

    No PIN is needed.  Files with keys are missing, or empty, or there as well.

    Args:
        unreadable: gets an error for what cannot be looked into.
    """
    if isinstance(medium, FolderStore):
        yield from medium.find_public(unreadable)
        return
    for place in medium.find(unreadable):
        try:
            yield place, read_public(medium, place)
        except (GostKeyError, OSError) as error:
            yield place, error


def describe_in_words(container: Container) -> dict[str, Any]:
    """Return what is public of a container, with the names in its certificates.

    Raises:
        EncodingError: if a certificate's owner or issuer is no name.
    """
    record = container.describe()
    for key in record["keys"]:
        certificate = key["certificate"]
        if certificate is None or "error" in certificate:
            continue
        subject = Name.from_der(bytes.fromhex(certificate.pop("subject_der")))
        issuer = Name.from_der(bytes.fromhex(certificate.pop("issuer_der")))
        certificate["owner"] = subject.owner
        certificate["inn"] = subject.inn
        certificate["subject"] = subject.text()
        certificate["issuer"] = issuer.text()
    return record
