"""Keys inside tokens in a renewal: where a new key goes, and the open tokens of a run.

A destination "chip:SERIAL" means that the new key is made inside that token and stays
there; the key's place is then "chip:SERIAL/LABEL", the label being the name that a new
container would have.  Such a key has no container: nothing is written but its
certificate, and there is no backup of it.

Keys that are inside a token already are renewed too: "chip:SERIAL" as a source means
all keys in it that have certificates, "chip:SERIAL/KEY" one of them, by its label or
its identifier in hex.  The old key signs the request where it is, and stays.

The token's library is not in a campaign's store: a path that a stored file names would
be a program to run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
from gostkey.media.chips import Chip, ChipKey, ChipKeyEntry, ChipToken, open_chip

__all__ = [
    "Chips",
    "LibraryMissing",
    "chip_of",
    "is_chip_address",
    "look_into_chip",
    "split_chip",
]

_PREFIX = "chip:"
_NO_LIBRARY = "the PKCS #11 library of the token's maker was not named"


class LibraryMissing(GostKeyError):
    """Nobody named the PKCS #11 library of a token's maker."""


def is_chip_address(place: str | Path | None) -> bool:
    """Say whether a place is in the chip of a token."""
    return str(place or "")[: len(_PREFIX)].lower() == _PREFIX


def split_chip(place: str | Path) -> tuple[str, str]:
    """Return serial number, or label, of the token, and the label of the key or ""."""
    # A path has backslashes on Windows.
    address = place.as_posix() if isinstance(place, Path) else place
    token, _, label = address[len(_PREFIX) :].partition("/")
    return token, label


def chip_of(place: str | Path | None) -> str | None:
    """Return the address of the token that a place is in; None for any other place."""
    if not is_chip_address(place):
        return None
    return _PREFIX + split_chip(str(place))[0].lower()


def look_into_chip(
    address: str | Path, library: str | None
) -> list[tuple[Path, ChipKeyEntry]]:
    """List the keys that an address means, with their places; needs no PIN.

    A place has the serial number of the token, and of the key the label, or the
    identifier where the label does not tell it from the others.

    Args:
        address: of a token, or of one key in it.
        library: path of the maker's PKCS #11 library.

    Raises:
        LibraryMissing: if no library is named, or it is not there.
        TokenAbsent: if there is no such token, or no such key in it.
        TokenAmbiguous: if several fit.
        MediumError: if the library cannot be used.
    """
    token, which = split_chip(address)
    with open_chip(_found(library, address), token) as chip:
        entries = chip.keys()
        wanted = [chip.entry(which)] if which else entries
        names = _names(entries)
        root = f"{_PREFIX}{chip.info.serial.lower()}"
        return [(Path(f"{root}/{names[one.identifier]}"), one) for one in wanted]


def _found(library: str | None, address: str | Path) -> str:
    """Return the library that is named for a token, if it is there."""
    if library is None:
        raise LibraryMissing(f"{address}: {_NO_LIBRARY}")
    if not Path(library).is_file():
        raise LibraryMissing(f"{library}: there is no such PKCS #11 library")
    return library


def _names(entries: Sequence[ChipKeyEntry]) -> dict[bytes, str]:
    """Give each key, by its identifier, the name under which `Chip.key` finds it."""
    known = Counter(entry.label for entry in entries)
    known.update(entry.identifier.hex() for entry in entries)
    return {
        one.identifier: one.label
        if known[one.label] == 1 and _is_name(one.label)
        else one.identifier.hex()
        for one in entries
    }


def _is_name(label: str) -> bool:
    """Say whether a label stays what it is when it is part of a place."""
    return Path(f"{_PREFIX}0/{label}").name == label.strip() and label.isprintable()


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

    def key(self, place: str, *, new: bool = False) -> ChipKey:
        """Return the key of a place; a new one must be such as cannot be read out."""
        with self._at(place) as chip:
            return chip.key(split_chip(place)[1], kept_inside=new)

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
            library = _found(self._library, address)
            token = split_chip(address)[0]
            if not token:
                raise TokenAbsent(f"{address}: names no token")
            chip = open_chip(library, token, pin=lambda info: self._pin(address, info))
            self._open[address] = chip.__enter__()
        return self._open[address]
