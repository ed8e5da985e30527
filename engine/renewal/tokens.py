"""Tokens in a renewal: which one a place is on, its PIN, reading and writing there.

Folders are written to in groups; a token is slow and takes one container after the
other.  On a token a container is not changed but written anew in another slot, so
that there is a whole one at any moment; then the first one is removed.

A PIN comes from a file that the list names, or from a person who is asked for it at
most once in a run; it is kept in memory until the run ends and nowhere else.  One
that was refused is not sent again in this run, to spare the token's tries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gostkey.backend import active
from gostkey.containers.names import decode_name
from gostkey.errors import (
    CampaignError,
    CardServiceAbsent,
    CardServiceDenied,
    ContainerError,
    ExperimentalOnly,
    GostKeyError,
    PinBlocked,
    PinRequired,
    PyscardMissing,
    TokenAbsent,
    TokenAmbiguous,
    TokenBusy,
    TokenFull,
    TokenSwapped,
    TokenUnknown,
    WrongPin,
)
from gostkey.media.chips import ChipToken
from gostkey.media.tokens import (
    TokenInfo,
    TokenStore,
    is_token_address,
    open_token,
    split_address,
)

from .chips import Chips, LibraryMissing, chip_of
from .reasons import Reason, Verdict, verdict
from .secret_files import read_password
from .storage.store import Item

__all__ = [
    "LARGEST_CERTIFICATE",
    "AskPin",
    "PinFileError",
    "Tokens",
    "is_serial",
    "is_token_address",
    "token_of",
    "token_reason",
    "token_verdict",
]

AskPin = Callable[[TokenInfo], str]
"""Asks a person for the PIN of a token; raises PinRequired if nobody answers."""

NAME = "name.key"
LARGEST_CERTIFICATE = 3072
"""Bytes that a certificate may add to a container; those of offices have 1 to 2 KB."""
_SERIAL = re.compile(r"[0-9A-Fa-f]{4,}")


class PinFileError(GostKeyError):
    """A file with a PIN cannot be read."""


_REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (PinFileError, Reason.PIN_FILE),
    (LibraryMissing, Reason.LIBRARY),
    (PinRequired, Reason.PIN_REQUIRED),
    (WrongPin, Reason.WRONG_PIN),
    (PinBlocked, Reason.PIN_BLOCKED),
    (TokenFull, Reason.TOKEN_FULL),
    (TokenAbsent, Reason.TOKEN_ABSENT),
    (TokenSwapped, Reason.TOKEN_SWAPPED),
    (ExperimentalOnly, Reason.EXPERIMENTAL),
    (PyscardMissing, Reason.TOKEN_UNUSABLE),
    (CardServiceAbsent, Reason.TOKEN_UNUSABLE),
    (CardServiceDenied, Reason.TOKEN_UNUSABLE),
    (TokenBusy, Reason.TOKEN_UNUSABLE),
    (TokenUnknown, Reason.TOKEN_UNUSABLE),
    (TokenAmbiguous, Reason.TOKEN_UNUSABLE),
)


def token_reason(error: Exception, default: Reason = Reason.MEDIUM) -> Reason:
    """Give the reason for an error of a token; *default* for any other."""
    return next(
        (reason for kind, reason in _REASONS if isinstance(error, kind)), default
    )


def token_verdict(error: Exception) -> Verdict | None:
    """Make the verdict for an error that only tokens have; None for any other."""
    if not isinstance(error, tuple(kind for kind, _ in _REASONS)):
        return None
    return verdict(token_reason(error), str(error))


def token_of(place: str | Path | None) -> str | None:
    """Return the address of the token that a place is on; None for a folder."""
    if place is None or not is_token_address(place):
        return None
    token, _ = split_address(place)
    # A serial number that no token has confirmed yet may be in small letters.
    return f"token:{token.upper() if _SERIAL.fullmatch(token) else token}"


def is_serial(token: str) -> bool:
    """Say whether a token's address has its serial number, as far as it looks so."""
    return _SERIAL.fullmatch(split_address(token)[0]) is not None


class Tokens:
    """The tokens of one run: stores, and what is known of their PINs."""

    def __init__(
        self,
        ask: AskPin | None = None,
        *,
        experimental: bool = False,
        library: str | None = None,
    ) -> None:
        """Begin a run.

        Args:
            ask: asks a person for a PIN that no file holds.
            experimental: write also where nobody has shown that it works.
            library: PKCS #11 library for keys that are inside tokens.
        """
        self._ask = ask
        self.experimental = experimental
        self._files: dict[str, str] = {}
        self._pins: dict[str, bytearray] = {}
        self._refused: dict[str, GostKeyError] = {}
        self._claimed: set[Path] = set()
        self.chips = Chips(library, self._chip_pin, self._refuse)
        """The tokens that have keys inside."""

    # -- PINs ------------------------------------------------------------

    def learn(self, items: Iterable[Item]) -> None:
        """Note which files hold the PINs of the items' tokens."""
        for one in items:
            old = token_of(one.container) or chip_of(one.container)
            new = token_of(one.destination) or chip_of(one.destination)
            pin, new_pin = one.pin_file, one.new_pin_file
            if old is not None and pin is not None:
                self._files.setdefault(old, pin)
            # The PIN of one token is not tried on another: that would cost a try.
            if new is not None and old in (None, new):
                new_pin = new_pin or pin
            if new is not None and new_pin is not None:
                self._files.setdefault(new, new_pin)

    def __enter__(self) -> Tokens:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def wipe(self) -> None:
        """Log out of tokens that keep keys, and forget the PINs."""
        self.chips.close()
        for pin in self._pins.values():
            active.generators.wipe(pin)
        self._pins.clear()

    def _pin(self, info: TokenInfo) -> str:
        """Give the PIN of a token; a `PinSource`."""
        token = info.address
        if token in self._refused:
            raise self._refused[token]
        if token in self._files:
            try:
                return read_password(Path(self._files[token]))
            except CampaignError as error:
                raise PinFileError(str(error)) from None
        if token not in self._pins:
            if self._ask is None:
                raise PinRequired(f"{token}: {info.model} wants its PIN")
            self._pins[token] = bytearray(self._ask(info).encode())
        return self._pins[token].decode()

    def _chip_pin(self, address: str, token: ChipToken) -> str:
        return self._pin(TokenInfo(address, "", b"", "", token.model, token.serial))

    def _refuse(self, token: str, error: GostKeyError) -> None:
        self._refused.setdefault(token, error)

    @contextmanager
    def _at(self, place: str | Path) -> Iterator[TokenStore]:
        """Hold the token of a place; note what became of its PIN."""
        token = token_of(place)
        assert token is not None
        try:
            with open_token(
                token, pin=self._pin, experimental=self.experimental
            ) as store:
                yield store
        except (WrongPin, PinBlocked, PinRequired, PinFileError) as error:
            self._refuse(token, error)
            raise

    # -- looking, for which no PIN is needed -----------------------------

    def find(self, address: str | Path) -> list[Path]:
        """Return the places of the containers that an address means.

        Raises:
            ContainerError: if it names one that is not there.
            TokenAbsent, TokenAmbiguous, TokenUnknown, MediumError
        """
        return list(open_token(address).find())

    def identity(self, address: str | Path) -> str:
        """Return the address by serial number of the token that an address means.

        Raises:
            TokenAbsent, TokenAmbiguous, TokenUnknown, MediumError
        """
        return open_token(token_of(address) or address).identity

    def read_public(self, place: str | Path) -> dict[str, bytes]:
        """Read name.key and header.key."""
        with self._at(place) as store:
            return store.read_public(Path(place))

    def names(self, token: str | Path) -> dict[str, Path]:
        """List the containers of a token: name to place."""
        with self._at(token) as store:
            named = {_name_at(store, place): place for place in store.find()}
        return {name: place for name, place in named.items() if name is not None}

    def holds(self, place: str | Path, name: str | None) -> bool:
        """Say whether a whole container of that name is in a place."""
        with self._at(place) as store:
            return _is_whole(store, place) and _name_at(store, Path(place)) == name

    def free_places(self, token: str | Path) -> list[Path]:
        """List the places on a token where nothing is.

        Raises:
            MediumError: if nothing is written to tokens of this kind.
        """
        with self._at(token) as store:
            return store.free_places()

    def free_place(
        self, token: str, chosen: str | None = None, *, spare: int = 0
    ) -> str:
        """Give a place on a token that nothing else in this run is written to.

        Args:
            token: its address.
            chosen: what an earlier run chose; it is taken again, if only something
                half-written is there, which is our own then.
            spare: so many others must be free besides.

        Raises:
            TokenFull: if there is none.
        """
        with self._at(token) as store:
            free = [one for one in store.free_places() if one not in self._claimed]
            if chosen is not None and not _is_whole(store, chosen):
                free = [Path(chosen), *(one for one in free if one != Path(chosen))]
        if len(free) <= spare:
            raise TokenFull(
                f"{token}: {len(free)} places for containers are free and "
                f"{spare + 1} are needed, as the certificate is installed by writing "
                "the container anew beside itself"
            )
        self._claimed.add(free[0])
        return str(free[0])

    # -- reading and writing ---------------------------------------------

    def read(self, place: str | Path) -> dict[str, bytes]:
        """Read all files of a container."""
        with self._at(place) as store:
            return store.read(Path(place))

    def write(
        self, place: str | Path, files: Mapping[str, bytes], *, growth: int = 0
    ) -> None:
        """Write a new container to a place that `free_place` gave.

        What a run that was cut off left there is removed before.

        Args:
            place: where to.
            files: the container.
            growth: bytes by which it will be larger with a certificate; room is
                wanted for it beside itself.  0: there will be no certificate.
        """
        target = Path(place)
        with self._at(place) as store:
            if target in store.unfinished():
                store.remove(target)
            plan = store.plan(files, target)
            needed = 2 * plan.needed + growth
            if growth and plan.free is not None and plan.free < needed:
                raise TokenFull(
                    f"{store.identity}: {needed} bytes are needed and {plan.free} are "
                    "free, as the certificate is installed by writing the container "
                    "anew beside itself",
                    needed,
                    plan.free,
                )
            store.write(decode_name(files[NAME]), files, target)

    def remove_half(self, place: str | Path) -> None:
        """Remove what is half-written in a place that `free_place` gave."""
        with self._at(place) as store:
            if Path(place) in store.unfinished():
                store.remove(Path(place))

    def remove_replaced(self, place: str | Path, name: str | None) -> None:
        """Remove the container of that name, which was written anew elsewhere."""
        target = Path(place)
        with self._at(place) as store:
            if target in store.unfinished():
                store.remove(target)
            elif target in store.find() and _name_at(store, target) == name:
                store.remove(target, whole=True)


def _is_whole(store: TokenStore, place: str | Path) -> bool:
    return Path(place) in store.find()


def _name_at(store: TokenStore, place: Path) -> str | None:
    try:
        return decode_name(store.read_public(place)[NAME])
    except (KeyError, ContainerError):
        return None
