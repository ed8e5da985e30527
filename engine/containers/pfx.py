"""What a PFX holds: keys, certificates, and what was passed over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gostkey.signing import SigningKey

CRYPTOPRO = "cryptopro"
STANDARD = "standard"
PKCS8 = "pkcs8"


@dataclass
class TransferKey:
    """A key on its way from a file into a container, or the other way."""

    key: SigningKey
    usage: str = "exchange"
    """"exchange" (signs, too) or "signature"."""
    exportable: bool = True
    not_after: datetime | None = None
    """End of the key's usage period, if the file tells one."""
    name: str = ""
    """Name of the container that it came from, if the file tells one."""
    certificate: bytes | None = field(default=None, repr=False)
    """DER of the certificate with this public key."""
    notes: list[str] = field(default_factory=list, compare=False)
    """What was wrong with the container without preventing the opening."""


@dataclass
class Transfer:
    """What a file held; the keys are wiped by `close` or at the end of `with`."""

    kind: str
    """"cryptopro", "standard" or "pkcs8"."""
    keys: list[TransferKey] = field(default_factory=list)
    certificates: list[bytes] = field(default_factory=list, repr=False)
    """DER of all certificates, in their order."""
    skipped: list[str] = field(default_factory=list)
    """What was passed over, and why."""

    def close(self) -> None:
        """Wipe the private keys."""
        for one in self.keys:
            one.key.wipe()

    def __enter__(self) -> Transfer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
