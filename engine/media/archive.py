"""The archive of a backup: a ZIP of container folders with a manifest of hashes.

``manifest.json`` names every container and of every file the size and the
Streebog-256.  Files are stored and not compressed, so an archive cannot hold
more than its own size, and any program unpacks it.  With a password the ZIP is
the content of an EncryptedPrivateKeyInfo (RFC 9337: PBKDF2, Kuznyechik in
CTR-ACPKM with OMAC), which also tells a changed archive from an unchanged one;
without a password the hashes tell damage and not malice.

Reading takes bytes from anybody: a whole archive is checked before any of it
is believed.
"""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from gostkey.containers import FILES, LARGEST_FILE
from gostkey.errors import (
    BackupError,
    EncodingError,
    LengthError,
    PasswordRequired,
    WrongPassword,
)
from gostkey.hashing import streebog256
from gostkey.keyforms import decrypt_pbes2, encrypt_pbes2
from gostkey.keyforms import is_encrypted as is_pbes2

MANIFEST = "manifest.json"
FORMAT = "gostkey backup 1"

LARGEST_ARCHIVE = 256 << 20
"""Bytes; some 50,000 containers."""

ITERATIONS = 20_000
"""Of PBKDF2: one derivation opens all keys of an office, so more than for one key."""

DEEPEST = 6
"""Folders one in the other; a search for containers goes less deep."""

_LONGEST_NAME = 255
_MAGIC = b"PK"
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul"]
    + [f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)]
)


@dataclass(frozen=True)
class Stored:
    """One container in an archive."""

    folder: str
    """Its place below the medium's root, parted by "/"."""
    name: str
    """Container name; "" if it could not be read."""
    files: Mapping[str, bytes] = field(repr=False)
    damage: str = ""
    """What was wrong with it when it was backed up."""


@dataclass(frozen=True)
class Backup:
    """What an archive holds."""

    made: datetime
    medium: str
    """Identity of the medium."""
    containers: tuple[Stored, ...]
    missing: tuple[tuple[str, str], ...] = ()
    """Places that could not be read, and why."""


# -- writing -----------------------------------------------------------------


def pack(backup: Backup, password: str | None = None) -> bytes:
    """Make an archive.

    Args:
        backup: what goes into it.
        password: encrypts it; None leaves it open.

    Raises:
        BackupError: if it would be larger than is read again.
        LengthError: if the password is empty.
    """
    packed = io.BytesIO()
    date = backup.made.astimezone(timezone.utc).timetuple()[:6]
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(_manifest(backup), ensure_ascii=False, indent=1)
        contents = {MANIFEST: text.encode("utf-8")}
        for one in backup.containers:
            for name in sorted(one.files):
                contents[f"{one.folder}/{name}"] = one.files[name]
        for path, data in contents.items():
            entry = zipfile.ZipInfo(path, date)
            entry.external_attr = (stat.S_IFREG | 0o600) << 16
            archive.writestr(entry, data)
    data = packed.getvalue()
    if len(data) > LARGEST_ARCHIVE:
        raise BackupError(
            f"backup: {len(data)} bytes; an archive has at most {LARGEST_ARCHIVE}: "
            "back up the folders of the medium one by one"
        )
    if password is None:
        return data
    if not password:
        raise LengthError("password is empty; leave it out for an open archive")
    return encrypt_pbes2(data, password, iterations=ITERATIONS)


def _manifest(backup: Backup) -> dict[str, Any]:
    made = backup.made.astimezone(timezone.utc)
    return {
        "format": FORMAT,
        "made": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "medium": backup.medium,
        "containers": [
            {
                "folder": one.folder,
                "name": one.name,
                "damage": one.damage,
                "files": {
                    name: {
                        "size": len(data),
                        "streebog256": streebog256(data).hexdigest(),
                    }
                    for name, data in sorted(one.files.items())
                },
            }
            for one in backup.containers
        ],
        "missing": [
            {"folder": folder, "reason": why} for folder, why in backup.missing
        ],
    }


# -- reading -----------------------------------------------------------------


def is_encrypted(data: bytes) -> bool:
    """Say whether an archive needs a password."""
    return data[:2] != _MAGIC and is_pbes2(data)


def unpack(data: bytes, password: str | None = None) -> Backup:
    """Read an archive and check all of it: paths, sizes and hashes.

    Raises:
        BackupError: if it is damaged, changed, or no archive of ours.
        PasswordRequired: if it is encrypted and no password is given.
        WrongPassword: if the password does not open it, or it was changed.
    """
    if len(data) > LARGEST_ARCHIVE + LARGEST_FILE:
        raise BackupError(
            f"{len(data)} bytes; an archive has at most {LARGEST_ARCHIVE}"
        )
    if is_encrypted(data):
        data = _decrypted(data, password)
    if data[:2] != _MAGIC:
        raise BackupError("not an archive of `gostkey container backup`")
    contents = _contents(data)
    text = contents.pop(MANIFEST, None)
    if text is None:
        raise BackupError(
            f"{MANIFEST} is not in it; not an archive of `gostkey container backup`"
        )
    backup = _read_manifest(text, contents)
    if contents:
        raise BackupError(f"{next(iter(contents))!r}: is not in the manifest")
    return backup


def _decrypted(data: bytes, password: str | None) -> bytes:
    if password is None:
        raise PasswordRequired("the archive is encrypted and no password was given")
    try:
        return decrypt_pbes2(data, password)
    except WrongPassword:
        raise WrongPassword(
            "the password does not open the archive, or it was changed or damaged"
        ) from None
    except EncodingError as error:
        raise BackupError(f"not an archive, or a damaged one: {error}") from None


def _contents(data: bytes) -> dict[str, bytes]:
    """Read the files of a ZIP, none of which may be more than a file with a name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries, len(data))
            return {entry.filename: archive.read(entry) for entry in entries}
    except BackupError:
        raise
    # What zipfile raises for bytes of anybody is not told anywhere.
    except Exception as error:
        raise BackupError(
            f"damaged: {error or type(error).__name__}; use another copy of the archive"
        ) from None


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    total = 0
    seen: set[str] = set()
    for entry in entries:
        path = entry.filename
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or entry.is_dir():
            raise BackupError(f"{path!r}: a link, folder or device, and not a file")
        if entry.flag_bits & 1 or entry.compress_type != zipfile.ZIP_STORED:
            raise BackupError(f"{path!r}: compressed or encrypted by another program")
        if path != entry.orig_filename or path.lower() in seen:
            raise BackupError(f"{path!r}: is there twice, or has a name of two faces")
        if path != MANIFEST and entry.file_size > LARGEST_FILE:
            raise BackupError(
                f"{path!r}: {entry.file_size} bytes; a container's file has at most "
                f"{LARGEST_FILE}"
            )
        seen.add(path.lower())
        total += entry.file_size
    if total > size:
        raise BackupError(f"{total} bytes of files in an archive of {size}")


def _read_manifest(text: bytes, contents: dict[str, bytes]) -> Backup:
    """Read the manifest and take out of *contents* what it names."""
    try:
        manifest = json.loads(text.decode("utf-8"))
        if manifest["format"] != FORMAT:
            raise BackupError(
                f"{MANIFEST}: format {manifest['format']!r}; only {FORMAT!r} is known"
            )
        made = datetime.strptime(manifest["made"], "%Y-%m-%dT%H:%M:%SZ")
        folders: set[str] = set()
        containers = []
        for one in manifest["containers"]:
            folder = checked_folder(one["folder"])
            if folder.lower() in folders:
                raise BackupError(f"{folder!r}: is in the manifest twice")
            folders.add(folder.lower())
            files = {
                _checked_file(name): _take(contents, f"{folder}/{name}", facts)
                for name, facts in one["files"].items()
            }
            if not files:
                raise BackupError(f"{folder!r}: has no files")
            containers.append(
                Stored(folder, str(one["name"]), files, str(one["damage"]))
            )
        missing = [
            (str(one["folder"]), str(one["reason"])) for one in manifest["missing"]
        ]
        return Backup(
            made=made.replace(tzinfo=timezone.utc),
            medium=str(manifest["medium"]),
            containers=tuple(containers),
            missing=tuple(missing),
        )
    except BackupError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise BackupError(f"{MANIFEST}: damaged or not ours") from None


def _take(contents: dict[str, bytes], path: str, facts: Mapping[str, Any]) -> bytes:
    data = contents.pop(path, None)
    if data is None:
        raise BackupError(f"{path!r}: is in the manifest and not in the archive")
    digest = streebog256(data).hexdigest()
    if facts["size"] != len(data) or facts["streebog256"] != digest:
        raise BackupError(
            f"{path!r}: its hash is not that of the manifest; changed or damaged, "
            "use another copy of the archive"
        )
    return data


def _checked_file(name: str) -> str:
    if name not in FILES:
        raise BackupError(f"{name!r}: is no file of a container")
    return name


def checked_folder(folder: str) -> str:
    """Return a relative folder that is safe to make on any system.

    Raises:
        BackupError: if it leads elsewhere, or a system has no such names.
    """
    parts = folder.split("/")
    if len(parts) > DEEPEST or not all(map(_is_safe, parts)):
        raise BackupError(f"{folder!r}: is no folder that may be made")
    return folder


def _is_safe(part: str) -> bool:
    if not part or part != part.strip(" ") or part.endswith("."):
        return False
    if part.startswith(".gostkey-") or part.partition(".")[0].lower() in _DEVICES:
        return False
    if any(ord(letter) < 32 or letter in '\\/:*?"<>|\x7f' for letter in part):
        return False
    try:
        return len(part.encode("utf-8")) <= _LONGEST_NAME
    except UnicodeEncodeError:
        return False
