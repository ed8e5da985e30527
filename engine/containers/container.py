"""Reading a CryptoPro key container: six small files in a folder.

`Container.parse` reads what is public (name, curves, certificates, dates) and
checks the header's MAC; `Container.open` takes the private keys out, checking
every MAC, the fingerprints and the certificates on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gostkey.errors import (
    CertificateMismatch,
    ContainerDamaged,
    ContainerError,
    GostKeyError,
    WrongPassword,
)
from gostkey.keyforms import certificate_public_key
from gostkey.signing import SigningKey

from .findings import Finding, description_of, findings_of
from .header import HAS_RESERVE, KeyEntry
from .pairs import Pair, PairOpener
from .parsed import ParsedContainer


@dataclass
class OpenContainer:
    """The private keys of a container; wiped by `close` or at the end of `with`."""

    keys: dict[str, SigningKey]
    """By slot: "primary", and "secondary" if the container has two keys."""
    certificates: dict[str, bytes]
    """DER by slot, for keys whose certificate is in the container."""
    used_reserve: bool = False
    """Whether any key came from the reserve pair."""
    notes: list[str] = field(default_factory=list)
    """What was wrong without preventing the opening."""

    def close(self) -> None:
        """Wipe the private keys."""
        for key in self.keys.values():
            key.wipe()

    def __enter__(self) -> OpenContainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Container(ParsedContainer):
    """A container that can be opened, described and checked."""

    def describe(self) -> dict[str, Any]:
        """Return what is public of the container, ready for JSON."""
        return description_of(self)

    def check(
        self, password: str | None = None, at: datetime | None = None
    ) -> list[Finding]:
        """Look at every MAC, both pairs, fingerprints, certificates and dates.

        Args:
            password: without it only what needs no password is looked at.
            at: the time to compare dates with, aware; now if not given.
        """
        return findings_of(self, password, at)

    def open(self, password: str | None = None) -> OpenContainer:
        """Take out the private keys.

        Each key is taken from primary.key and masks.key, or, if they fail,
        from the reserve pair; that is told in `used_reserve` and `notes`.
        (`check` looks into both pairs.)

        Args:
            password: not used, and noted, if the container has none.

        Raises:
            PasswordRequired: if it has a password and none is given.
            WrongPassword: if the password is another one.
            ContainerDamaged: if neither pair holds the key of the fingerprint.
            CertificateMismatch: if a certificate is for another key.
            ContainerError: if nothing in it tells whether a key is right.
        """
        notes = []
        if password is not None and not self.has_password:
            notes.append("the container has no password; the one given was not used")
        effective = self.password_to_use(password)
        opened = OpenContainer({}, {}, notes=notes)
        try:
            self._take_keys(opened, effective)
            for entry in self.keys:
                self._check_certificate(entry, opened)
        except BaseException:
            opened.close()
            raise
        return opened

    def _take_keys(self, opened: OpenContainer, password: str) -> None:
        wanted = list(self.keys)
        faults: list[str] = []
        for pair in self.pairs:
            fault = pair.fault
            if wanted and not fault:
                fault, wanted = self._take_from(pair, wanted, opened, password)
            if fault and (pair is self.pairs[0] or self._should_have_reserve):
                faults.append(fault)
        if wanted:
            raise self._no_key(wanted[0], faults)
        for fault in faults:
            opened.notes.append(f"{fault}; the other pair was used")

    @property
    def _should_have_reserve(self) -> bool:
        return self.has_reserve or bool(self.header.attributes & HAS_RESERVE)

    def _take_from(
        self,
        pair: Pair,
        wanted: list[KeyEntry],
        opened: OpenContainer,
        password: str,
    ) -> tuple[str, list[KeyEntry]]:
        """Take from a pair what it holds; return its fault and what is missing."""
        fault = ""
        left = []
        with PairOpener(pair, self.header.profile, password) as opener:
            for entry in wanted:
                try:
                    opened.keys[entry.slot] = opener.signing_key(entry)
                except ContainerDamaged as error:
                    fault = str(error)
                    left.append(entry)
                else:
                    opened.used_reserve |= pair is self.pairs[1]
        return fault, left

    def _no_key(self, entry: KeyEntry, faults: list[str]) -> GostKeyError:
        untested = self.header.password_mac is None or entry.fingerprint is None
        if self.has_password and untested:
            return WrongPassword(
                f"container {self.name!r}: wrong password, or both copies of the "
                "key are damaged (the header does not let them be told apart)"
            )
        return ContainerDamaged(
            f"container {self.name!r}: the {entry.slot} key cannot be restored: "
            + "; ".join(faults)
        )

    def _check_certificate(self, entry: KeyEntry, opened: OpenContainer) -> None:
        if entry.certificate is None:
            if entry.fingerprint is None:
                raise ContainerError(
                    f"container {self.name!r}: neither a fingerprint nor a "
                    f"certificate tells whether the {entry.slot} key is right"
                )
            return
        public = opened.keys[entry.slot].verifying_key.to_bytes()
        try:
            certified = certificate_public_key(entry.certificate)
        except GostKeyError as error:
            raise CertificateMismatch(
                f"container {self.name!r}: the certificate of the {entry.slot} key "
                f"cannot be read: {error}"
            ) from None
        if certified.public_le != public or certified.curve != entry.curve:
            raise CertificateMismatch(
                f"container {self.name!r}: the certificate is for another key than "
                f"the {entry.slot} key"
            )
        opened.certificates[entry.slot] = entry.certificate
