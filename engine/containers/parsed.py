"""The six files of a container, read: what is public of it, and its pairs.

`container.Container` opens the keys; `findings` tells what is right and wrong.
Both stand on this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from gostkey.errors import (
    ContainerDamaged,
    ContainerError,
    GostKeyError,
    PasswordRequired,
    WrongPassword,
)

from . import protection
from .header import Header, KeyEntry, read_header, read_headers
from .names import decode_name
from .pairs import PAIRS, Pair, read_pairs

FILES = ("name.key", "header.key", *PAIRS[0], *PAIRS[1])
"""The six files; the last two are the reserve pair and may be absent."""

LARGEST_FILE = 64 * 1024
"""Bytes; real files are at most a few thousand."""

C = TypeVar("C", bound="ParsedContainer")


@dataclass(frozen=True)
class ParsedContainer:
    """A container as read; no secret is in here in the clear."""

    name: str
    header: Header = field(repr=False)
    pairs: tuple[Pair, ...] = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls: type[C], files: Mapping[str, bytes]) -> C:
        """Read a container from its files (name to content).

        A damaged or missing pair of key files is no error here: opening and
        checking tell of it.

        Raises:
            ContainerError: if these are not the files of a container.
            ContainerDamaged: if name.key or header.key is missing, damaged or
                fails its MAC.
            UnknownCurve, UnknownAlgorithm: if a key is of an unknown kind.
        """
        (container,) = cls.parse_many([files])
        if isinstance(container, GostKeyError):
            raise container
        return container

    @classmethod
    def parse_many(
        cls: type[C], several: Iterable[Mapping[str, bytes]]
    ) -> list[C | GostKeyError]:
        """Read many containers, which costs less than one after the other.

        Returns:
            For each the container, or the error that `parse` would raise.
        """
        taken = [
            {name: bytes(files[name]) for name in FILES if name in files}
            for files in several
        ]
        public = parse_public_many(taken)
        pairs = iter(
            read_pairs(
                (files, names, one[1].profile)
                for files, one in zip(taken, public, strict=True)
                if not isinstance(one, GostKeyError)
                for names in PAIRS
            )
        )
        return [
            one
            if isinstance(one, GostKeyError)
            else cls(
                name=one[0],
                header=one[1],
                pairs=tuple(next(pairs) for _ in PAIRS),
                files=files,
            )
            for files, one in zip(taken, public, strict=True)
        ]

    @property
    def has_password(self) -> bool:
        """Say whether a password protects the keys."""
        return self.header.has_password

    @property
    def has_reserve(self) -> bool:
        """Say whether there is a reserve pair, whole or not."""
        return any(name in self.files for name in PAIRS[1])

    @property
    def keys(self) -> tuple[KeyEntry, ...]:
        """What the header says of each key, the primary one first."""
        return self.header.keys

    def password_to_use(
        self, password: str | None, keys: protection.StorageKeys | None = None
    ) -> str:
        """Check a password against the password MAC; "" if there is none.

        Args:
            password: to be checked.
            keys: in which its storage key may have been derived already.

        Raises:
            PasswordRequired: if the container has a password and none is given.
            WrongPassword: if it is another one.
        """
        if not self.has_password:
            return ""
        if password is None:
            raise PasswordRequired(f"container {self.name!r}: it has a password")
        fingerprint = self.keys[0].fingerprint
        expected = self.header.password_mac
        if fingerprint is not None and expected is not None:
            profile = self.header.profile
            if keys is None:
                mac = protection.password_mac(profile, password, fingerprint)
            else:
                key = keys.of(profile, password, fingerprint)
                mac = protection.password_mac_by(profile, key)
            if not protection.same(mac, expected):
                raise WrongPassword(f"container {self.name!r}: wrong password")
        return password

    def has_this_password(self, password: str) -> bool:
        """Say whether a password is right, as far as the password MAC tells."""
        try:
            self.password_to_use(password)
        except WrongPassword:
            return False
        return True


def parse_public(files: Mapping[str, bytes]) -> tuple[str, Header]:
    """Read the name and the header of a container, which need no key.

    Args:
        files: of the container; of the others only that they are there counts.

    Raises:
        ContainerError, ContainerDamaged, UnknownCurve, UnknownAlgorithm: as
            `ParsedContainer.parse`.
    """
    der = _header_of(files)
    header = read_header(der)
    return decode_name(files["name.key"]), header


def parse_public_many(
    several: Sequence[Mapping[str, bytes]],
) -> list[tuple[str, Header] | GostKeyError]:
    """Read names and headers of many containers, which costs less.

    Returns:
        For each what `parse_public` returns, or the error that it would raise.
    """
    ders: list[bytes | GostKeyError] = []
    for files in several:
        try:
            ders.append(_header_of(files))
        except GostKeyError as error:
            ders.append(error)
    headers = iter(
        read_headers(der for der in ders if not isinstance(der, GostKeyError))
    )
    found: list[tuple[str, Header] | GostKeyError] = []
    for files, der in zip(several, ders, strict=True):
        header = der if isinstance(der, GostKeyError) else next(headers)
        try:
            if isinstance(header, GostKeyError):
                raise header
            found.append((decode_name(files["name.key"]), header))
        except GostKeyError as error:
            found.append(error)
    return found


def _header_of(files: Mapping[str, bytes]) -> bytes:
    """Return header.key, if the files are those of a container."""
    own = [name for name in FILES if name in files]
    if not own:
        raise ContainerError(
            f"not a key container: none of {', '.join(FILES)} is there"
        )
    for name in own:
        if len(files[name]) > LARGEST_FILE:
            raise ContainerError(
                f"{name}: {len(files[name])} bytes; a container's file has at most "
                f"{LARGEST_FILE}"
            )
    for name in ("name.key", "header.key"):
        if name not in files:
            raise ContainerDamaged(
                f"{name}: missing; restore it from a copy of the container"
            )
    return files["header.key"]


def storage_keys_needed(
    container: ParsedContainer, password: str | None
) -> Iterator[tuple[protection.Profile, str, bytes]]:
    """Tell the storage keys that checking all of a container needs."""
    profile, value = container.header.profile, ""
    if container.has_password:
        if password is None:
            return
        value = password
        fingerprint = container.keys[0].fingerprint
        if fingerprint is not None and container.header.password_mac is not None:
            yield profile, value, fingerprint
    for pair in container.pairs:
        if not pair.fault:
            yield profile, value, pair.salt
