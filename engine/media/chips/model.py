"""What is told of a token behind a PKCS #11 library, and of the keys in it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from gostkey.signing import VerifyingKey


class PinTries(enum.Enum):
    """What a token tells of the tries of the user's PIN; it tells no number."""

    ENOUGH = "enough"
    """No wrong PIN was given since the last right one."""
    FEWER = "fewer"
    """At least one wrong PIN was given."""
    LAST = "last"
    """One more wrong PIN blocks it."""
    NONE = "none"
    """It is blocked."""


@dataclass(frozen=True)
class ChipToken:
    """A token, as its library describes it; needs no PIN."""

    library: str
    label: str
    serial: str
    """As the library writes it."""
    model: str
    maker: str
    firmware: str
    tries: PinTries
    pin_set: bool
    """Whether the user's PIN was ever set."""
    pin_at_token: bool
    """Whether the PIN is typed at the token or reader instead of here."""
    sizes: tuple[int, ...]
    """Bits of the GOST keys that it makes: 256, 512, both or none."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"token {self.label} ({self.serial})"


PinSource = Callable[[ChipToken], str]
"""Asks for the user's PIN of a token; called only when it is really needed."""


@dataclass(frozen=True)
class ChipKeyEntry:
    """A key on a token, as far as it is told."""

    token: ChipToken
    identifier: bytes
    """CKA_ID, which the parts of a pair and its certificate have in common."""
    label: str
    verifying_key: VerifyingKey | None
    """None if the token does not tell the public key, or it cannot be used."""
    has_private: bool | None
    """None: not known, because tokens show private keys after the PIN only."""
    certificate: bytes | None
    """The certificate of this key with the latest end, DER."""
    fault: str = ""
    """Why the key cannot be used; empty if it can."""
