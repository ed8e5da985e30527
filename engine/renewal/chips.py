"""Keys inside tokens in a renewal: where a new key goes, and the open tokens of a run.

A destination "chip:SERIAL" means that the new key is made inside that token and stays
there; the key's place is then "chip:SERIAL/LABEL", the label being the name that a new
container would have.  Such a key has no container: nothing is written but its
certificate, and there is no backup of it.

The token's library is not in a campaign's store: a path that a stored file names would
be a program to run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gostkey.errors import (
    GostKeyError,
    MediumError,
    PinBlocked,
    PinRequired,
    TokenAbsent,
    WrongPin,
)
from gostkey.media.chips import Chip, ChipKey, ChipToken, open_chip

__all__ = ["Chips", "LibraryMissing", "chip_of", "is_chip_address", "split_chip"]

_PREFIX = "chip:"


class LibraryMissing(GostKeyError):
    """Nobody named the PKCS #11 library of a token's maker."""


def is_chip_address(place: str | Path | None) -> bool:
    """Say whether a place is in the chip of a token."""
    return str(place or "").lower().startswith(_PREFIX)


def split_chip(place: str | Path) -> tuple[str, str]:
    """Return serial number, or label, of the token, and the label of the key or ""."""
    token, _, label = str(place)[len(_PREFIX) :].partition("/")
    return token, label


def chip_of(place: str | Path | None) -> str | None:
    """Return the address of the token that a place is in; None for any other place."""
    if not is_chip_address(place):
        return None
    return _PREFIX + split_chip(str(place))[0].lower()


class Chips:
    """The tokens of one run that keep keys; each is opened once and logged in once."""

    def __init__(
        self,
        library: str | None,
        pin: Callable[[str, ChipToken], str],
        refuse: Callable[[str, GostKeyError], None],
    ) -> None:
        """Begin a run.

        Args:
            library: path of the maker's PKCS #11 library, if it was named.
            pin: gives the PIN of the token with that address.
            refuse: is told that the PIN of an address is not to be sent again.
        """
        self._library = library
        self._pin = pin
        self._refuse = refuse
        self._open: dict[str, Chip] = {}

    def labels(self, place: str | Path) -> list[str]:
        """List the labels of the keys in a token; needs no PIN."""
        with self._at(place) as chip:
            return [entry.label for entry in chip.keys()]

    def make(self, place: str, curve: str) -> ChipKey:
        """Make the key of a place."""
        with self._at(place) as chip:
            return chip.generate(curve, split_chip(place)[1])

    def key(self, place: str) -> ChipKey:
        """Return the key of a place."""
        with self._at(place) as chip:
            return chip.key(split_chip(place)[1])

    def install(self, place: str, certificate: bytes) -> None:
        """Put the certificate beside the key of a place."""
        with self._at(place) as chip:
            chip.install(certificate)

    def close(self) -> None:
        """Log out of all tokens."""
        while self._open:
            self._open.popitem()[1].__exit__(None, None, None)

    @contextmanager
    def _at(self, place: str | Path) -> Iterator[Chip]:
        address = chip_of(place)
        assert address is not None
        try:
            yield self._opened(address)
        except (WrongPin, PinBlocked, PinRequired) as error:
            self._refuse(address, error)
            raise
        except MediumError:
            # What was pulled out and put in again is another connection.
            chip = self._open.pop(address, None)
            if chip is not None:
                chip.__exit__(None, None, None)
            raise

    def _opened(self, address: str) -> Chip:
        if address not in self._open:
            if self._library is None:
                raise LibraryMissing(
                    f"{address}: the PKCS #11 library of the token's maker was not "
                    "named"
                )
            token = split_chip(address)[0]
            if not token:
                raise TokenAbsent(f"{address}: names no token")
            chip = open_chip(
                self._library, token, pin=lambda info: self._pin(address, info)
            )
            self._open[address] = chip.__enter__()
        return self._open[address]
