"""Holding a token: one transaction for all that this program does with it at a time.

Stores of one token share its session, so that a copy from a token to itself does not
wait for itself; other threads wait until it ends.  Files that were read once are not
read again while it lasts: nobody else can change them, which the serial number is
asked for again to prove.
"""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator

from gostkey import pcsc
from gostkey.errors import (
    GostKeyError,
    MediumError,
    TokenBusy,
    TokenSwapped,
    TokenUnknown,
)
from gostkey.pcsc import Card

from . import atrs
from .driver import Driver
from .etoken import Etoken
from .jacarta_lt import JacartaLt
from .rutoken import DIALECTS, Rutoken


class Session:
    """A token that is held."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.driver = driver_for(card)
        self.serial = self.driver.start()
        self.by_reader = False
        """Another token has this serial number: only the reader tells them apart."""
        self.renewed = 0
        """How often the transaction was begun anew."""
        self.driver.title = self.address
        self._files: dict[tuple[str, str], bytes | None] = {}

    @property
    def address(self) -> str:
        """The address of the token."""
        serial = "" if self.by_reader else self.serial
        return address_of(serial, self.card.reader)

    @property
    def logged_in(self) -> str:
        """As whom this program has logged in: "user", "admin" or ""."""
        return self.driver.logged_in

    @logged_in.setter
    def logged_in(self, who: str) -> None:
        self.driver.logged_in = who

    def read_file(self, slot: str, name: str) -> bytes | None:
        """Read a file, or give it again; see `Driver.read_file`."""
        if (slot, name) not in self._files:
            self._files[slot, name] = self.driver.read_file(slot, name)
        return self._files[slot, name]

    def has_read(self, slot: str, names: tuple[str, ...]) -> bool:
        """Say whether files would be given again."""
        return all((slot, name) in self._files for name in names)

    def wrote(self, slot: str, files: dict[str, bytes]) -> None:
        """Note what was written to a slot and read back."""
        self.forget(slot)
        for name, data in files.items():
            self._files[slot, name] = data

    def forget(self, slot: str) -> None:
        """Read the files of a slot afresh when they are asked for."""
        for key in [key for key in self._files if key[0] == slot]:
            del self._files[key]

    def same_token(self) -> None:
        """Ask for the serial number again.

        Raises:
            TokenSwapped: if it is another one.
        """
        serial = self.driver.start()
        if serial != self.serial:
            raise TokenSwapped(
                f"{self.address}: another token ({serial}) is in its place; put the "
                "first one in again and repeat"
            )

    @contextlib.contextmanager
    def let_go(self) -> Iterator[None]:
        """Let other programs use the token while a person is waited for.

        Raises:
            TokenSwapped: if another token is in its place afterwards.
            MediumError: if it went away, or another program holds it.
        """
        pause = getattr(self.card, "pause", None)
        if pause is not None:
            pause()
        try:
            yield
        except GostKeyError:
            with contextlib.suppress(MediumError):
                self.renew()
            raise
        self.renew()

    def renew(self) -> None:
        """Begin the transaction anew, after a person was waited for.

        Windows ends one that was idle for some seconds, and the token may be another
        one by now.
        """
        renew = getattr(self.card, "renew", None)
        if renew is not None:
            renew()
        self.renewed += 1
        self._files.clear()
        self.same_token()

    def logout(self) -> None:
        """Take all rights back, if there are any."""
        if self.logged_in:
            self.logged_in = ""
            self.driver.logout()

    def close(self) -> None:
        """End it; a token that was taken out needs no end."""
        self._files.clear()
        with contextlib.suppress(GostKeyError, OSError):
            self.logout()


def address_of(serial: str, reader: str) -> str:
    """Return the address of a token."""
    return f"token:{serial or reader}"


def driver_for(card: Card) -> Driver:
    """Return the driver for a card.

    Raises:
        TokenUnknown: if there is none.
    """
    kind = atrs.identify(card.atr)
    if kind.family in DIALECTS:
        return Rutoken(card, DIALECTS[kind.family], kind.model)
    if kind.family == atrs.JACARTA_LT:
        return JacartaLt(card, kind.model)
    if kind.family == atrs.ETOKEN:
        return Etoken(card, kind.model)
    raise TokenUnknown(f"{kind.model} in {card.reader}: {kind.note}")


LONGEST_TURN_SECONDS = 300.0
"""Two threads that wait for each other's tokens do not wait for ever."""

_guard = threading.Lock()
_locks: dict[str, threading.RLock] = defaultdict(threading.RLock)
_open: dict[str, Session] = {}


@contextlib.contextmanager
def hold(reader: str) -> Iterator[Session]:
    """Hold the token in a reader; a thread that holds it already holds it on.

    Raises:
        TokenAbsent, TokenBusy, TokenUnknown, MediumError
    """
    with _guard:
        lock = _locks[reader]
    if not lock.acquire(timeout=LONGEST_TURN_SECONDS):
        raise TokenBusy(
            f"token in {reader}: another part of this program still works with it"
        )
    try:
        session = _open.get(reader)
        if session is not None:
            yield session
            return
        with pcsc.connect(reader) as card:
            session = Session(card)
            _open[reader] = session
            try:
                yield session
            finally:
                del _open[reader]
                session.close()
    finally:
        lock.release()


def serial_in(reader: str) -> str:
    """Return the serial number of the token in a reader; "" if it has none.

    Raises:
        MediumError: as `hold`.
    """
    session = _open.get(reader)
    if session is not None:
        # Whichever thread holds it: it is not waited for.
        return session.serial
    with hold(reader) as session:
        return session.serial
