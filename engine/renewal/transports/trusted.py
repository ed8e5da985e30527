"""The authority's certificates and CRLs, and other files that come from it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from gostkey.errors import GostKeyError, TransportError
from gostkey.pki.certificates import Certificate
from gostkey.pki.crls import RevocationList

from .transport import Trust

CERTIFICATE_SUFFIXES = (".cer", ".crt", ".pem", ".der")
MAX_ANSWER_BYTES = 1 << 20


def load_trust(folder: Path) -> Trust:
    """Read the certificates and CRLs that a folder holds.

    Raises:
        TransportError: if a file cannot be read, or there is no self-signed
            certificate to begin a chain with.
    """
    roots: list[Certificate] = []
    intermediates: list[Certificate] = []
    crls: list[RevocationList] = []
    for path in files_in(folder, (*CERTIFICATE_SUFFIXES, ".crl")):
        data = read_answer(path)
        try:
            if path.suffix.lower() == ".crl" or b"BEGIN X509 CRL" in data[:64]:
                crls.append(RevocationList.from_bytes(data))
                continue
            one = Certificate.from_bytes(data)
        except GostKeyError as error:
            raise TransportError(f"{path}: {error}; remove or replace it") from error
        (roots if one.subject == one.issuer else intermediates).append(one)
    if not roots:
        raise TransportError(
            f"{folder}: there is no root certificate; put the authority's "
            "certificates and CRLs there"
        )
    return Trust(tuple(roots), tuple(intermediates), tuple(crls))


def files_in(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """List the files with these suffixes, in any case; none without the folder.

    Raises:
        TransportError: if the folder cannot be read.
    """
    return [folder / name for name in names_in(folder, suffixes)]


def names_in(folder: Path, suffixes: Iterable[str]) -> list[str]:
    """List their names alone, which is much faster for a hundred thousand of them.

    Raises:
        TransportError: as `files_in`.
    """
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TransportError(
            f"{folder}: cannot be read: {error.strerror or error}"
        ) from error
    endings = tuple(suffixes)
    return [one for one in names if one.lower().endswith(endings)]


def read_answer(path: Path) -> bytes:
    """Read what came from outside, up to `MAX_ANSWER_BYTES`.

    Raises:
        TransportError: if the file cannot be read, is longer, or is a pipe or a
            device, at which a reader may wait for ever.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TransportError(f"{path}: is not an ordinary file; remove it")
            data = file.read(MAX_ANSWER_BYTES + 1)
    except OSError as error:
        raise TransportError(
            f"{path}: cannot be read: {error.strerror or error}"
        ) from error
    if len(data) > MAX_ANSWER_BYTES:
        raise TransportError(f"{path}: longer than {MAX_ANSWER_BYTES} bytes; remove it")
    return data


def _open_at_once(path: str, flags: int) -> int:
    # Without O_NONBLOCK the open itself would wait at a pipe for its other end.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
