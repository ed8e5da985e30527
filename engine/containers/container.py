"""Reading a CryptoPro key container: six small files in a folder.

`Container.parse` reads what is public (name, curves, certificates, dates) and
checks the header's MAC; `Container.open` takes the private keys out, checking
every MAC, the fingerprints and the certificates on the way.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gostkey.errors import GostKeyError

from .findings import Finding, description_of, findings_of
from .opening import OpenContainer, open_many
from .parsed import ParsedContainer


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
        (opened,) = open_many([self], [password])
        if isinstance(opened, GostKeyError):
            raise opened
        return opened
