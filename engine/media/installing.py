"""A certificate put into the container of its key.

The container may be named or looked for; in any case the certificate must be
for a key in it.  Without the password that is told by the curve and the eight
bytes of the public key that the header has, with it by the whole key.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gostkey.containers import Container, KeyEntry, with_certificate
from gostkey.errors import CertificateMismatch, GostKeyError, MediumError
from gostkey.pki.certificates import Certificate

from .changing import open_for_change
from .medium import ChangeableMedium, Medium
from .places import locate, open_medium
from .registry import RegistryFile
from .token_use import NO_TOKENS, TokenUse, held, read_public
from .tokens import TokenStore, is_token_address


@dataclass(frozen=True)
class Installed:
    """What was done with a certificate."""

    place: Path
    name: str
    slot: str
    """Which of the container's keys it is for."""
    before: bytes | None
    """The certificate that this key had, DER."""
    changed: bool
    """False if it was there already."""
    compared: str
    """"key", or "fingerprint" where no password opened the container."""


def find_containers(
    roots: Iterable[str | os.PathLike[str]],
    certificate: Certificate,
    unreadable: list[GostKeyError] | None = None,
    tokens: TokenUse = NO_TOKENS,
) -> list[Path]:
    """Return the containers in some places that hold a certificate's key.

    Args:
        roots: folders to look in and below, registry exports, floppy images, and
            tokens; no PIN is needed.
        certificate: whose key.
        unreadable: gets an error for what cannot be looked into; among it may be
            the container.
        tokens: what is granted for tokens.

    Raises:
        MediumError: if one of the roots cannot be read.
    """
    found: dict[str, Path] = {}
    for root in roots:
        medium = open_medium(root, tokens)
        on_token = isinstance(medium, TokenStore)
        faults: list[MediumError] = []
        for place in medium.find(faults):
            try:
                container = Container.parse(read_public(medium, place))
            except GostKeyError as error:
                if unreadable is not None:
                    unreadable.append(_named(error, place))
                continue
            if any(_is_of(entry, certificate) for entry in container.keys):
                where = str(place) if on_token else os.path.realpath(place)
                found.setdefault(where, place)
        if unreadable is not None:
            unreadable += faults
    return list(found.values())


def install_certificate(
    folder: str | os.PathLike[str],
    certificate: Certificate,
    password: str | None = None,
    tokens: TokenUse = NO_TOKENS,
    *,
    out: str | os.PathLike[str] | None = None,
    replace: bool = False,
) -> Installed:
    """Put a certificate into a container; one that its key had is replaced.

    Args:
        folder: the container's, FILE.reg/NAME, or its address on a token.
        certificate: for a key of it.
        password: the container's, if the whole key shall be compared.
        tokens: what is granted for a token.
        out: for a container in an export, which is not changed itself: the export
            to be made, with this container for the same Windows user.
        replace: overwrite *out* if it exists.

    Raises:
        CertificateMismatch: if it is for another key; nothing is written then.
        MediumError, ContainerError: if it cannot be read or written.
        WrongPassword: if the password does not open it.
    """
    medium, place, files, write = _open(folder, tokens, out, replace)
    container = Container.parse(files)
    entry = next((one for one in container.keys if _is_of(one, certificate)), None)
    if entry is None:
        raise CertificateMismatch(
            f"container {container.name!r}: certificate {certificate.serial_text} of "
            f"{certificate.subject.owner} is for none of its keys; it is not installed"
        )
    changed = with_certificate(files, certificate.der)
    compared = "fingerprint"
    if password is not None or not container.has_password:
        # Opening compares the whole public key with that of the certificate.
        Container.parse(changed).open(password).close()
        compared = "key"
    if changed != files:
        with held(medium):
            place = write(changed)
    return Installed(
        place=place,
        name=container.name,
        slot=entry.slot,
        before=entry.certificate,
        changed=changed != files,
        compared=compared,
    )


_Write = Callable[[Mapping[str, bytes]], Path]


def _open(
    folder: str | os.PathLike[str],
    tokens: TokenUse,
    out: str | os.PathLike[str] | None,
    replace: bool,
) -> tuple[Medium[Path], Path, dict[str, bytes], _Write]:
    """Read a container, and tell how it is written when it has been changed."""
    export, place = (None, Path()) if is_token_address(folder) else locate(folder)
    if isinstance(export, RegistryFile):
        if out is None:
            raise MediumError(
                f"{place}: a registry export is not changed; name a new one for the "
                "container with its certificate (--out FILE.reg)"
            )
        write = export.successor(place, out, replace=replace)
        return export, place, export.read_own(place), write
    if out is not None:
        raise MediumError(
            f"{os.fspath(folder)}: is in no registry export; leave out --out"
        )
    medium, place, files = open_for_change(folder, tokens)
    return medium, place, files, partial(_replace, medium, place)


def _replace(
    medium: ChangeableMedium[Path], place: Path, files: Mapping[str, bytes]
) -> Path:
    place = medium.replace_header(place, files["header.key"])
    if medium.read(place) != files:
        raise MediumError(
            f"{place}: changed while it was worked on; was the medium swapped? "
            "look at it and try again"
        )
    return place


def csp_folder() -> Path:
    """Return the folder in which CryptoPro CSP keeps this user's containers."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", "")) / "Crypto Pro"
    return Path("/var/opt/cprocsp/keys") / getpass.getuser()


def _is_of(entry: KeyEntry, certificate: Certificate) -> bool:
    key = certificate.public_key
    if (entry.curve, entry.scheme) != (key.curve, key.scheme):
        return False
    return bool(entry.fingerprint) and key.to_bytes().startswith(
        entry.fingerprint or b""
    )


def _named(error: GostKeyError, place: Path) -> GostKeyError:
    if str(place) in str(error):
        return error
    return type(error)(f"{place}: {error}")
