"""Smart cards through PC/SC; the only module that knows pyscard.

A card is a thing that takes commands (`Card`).  `connect` holds a transaction, so
that no other program gets in between, and leaves the card under power: whoever is
logged in to it stays so.  `using` puts another service in the place of pyscard, for
cards that are objects of a test.

Source: ISO/IEC 7816-3 (T=0) and 7816-4; the PC/SC workgroup's specification, 5 and 6.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from gostkey.errors import (
    CardServiceAbsent,
    CardServiceDenied,
    MediumError,
    PyscardMissing,
    TokenAbsent,
    TokenBusy,
)

__all__ = ["Card", "Service", "atr_of", "complete", "connect", "readers", "using"]

_GET_RESPONSE = bytes.fromhex("00C00000")

LONGEST_WAIT_SECONDS = 10.0
"""So long is waited until another program ends its transaction with a card."""

_LONGEST_ANSWER = 1 << 16
"""Bytes; a card that always has more waiting is not listened to for ever."""


class Card(Protocol):
    """A card that takes commands."""

    @property
    def reader(self) -> str:
        """The name of the reader that it is in."""

    @property
    def atr(self) -> bytes:
        """What it answered to the reset."""

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        """Send a command, return its data and its two status bytes as a number.

        A length that the card corrects (6Cxx) and an answer that waits (61xx) are
        seen to; the status returned is the last one.

        Raises:
            MediumError: if the card is gone.
        """
        ...


class Service(Protocol):
    """What there is between programs and cards: pyscard, or a test's own."""

    def readers(self) -> list[str]:
        """See `readers`."""

    def atr_of(self, reader: str) -> bytes | None:
        """See `atr_of`."""

    def connect(self, reader: str) -> AbstractContextManager[Card]:
        """See `connect`."""


def readers() -> list[str]:
    """Return the names of all readers, with a card or without one.

    Raises:
        PyscardMissing: if pyscard is not installed.
        CardServiceAbsent: if pcscd does not run.
        CardServiceDenied: if this user may not talk to it.
    """
    return _service.readers()


def atr_of(reader: str) -> bytes | None:
    """Return the answer to reset of the card in a reader; None if there is none.

    The card is not connected to, so it does not matter whether another program has
    it.  A card that gives no answer to reset (upside down, dead) gives b"".

    Raises:
        MediumError: as `readers`, or if the reader is gone.
    """
    return _service.atr_of(reader)


def connect(reader: str) -> AbstractContextManager[Card]:
    """Hold the card in a reader, and a transaction with it, until the block ends.

    Raises:
        TokenAbsent: if there is no such reader, or no card in it.
        TokenBusy: if another program has it for itself.
        MediumError: as `readers`.
    """
    return _service.connect(reader)


@contextmanager
def using(service: Service) -> Iterator[None]:
    """Put another service in the place of pyscard until the block ends.

    For all threads of the process: it is meant for tests.
    """
    global _service
    before = _service
    _service = service
    try:
        yield
    finally:
        _service = before


def complete(
    transmit: Callable[[bytes], tuple[bytes, int]], command: bytes
) -> tuple[bytes, int]:
    """Send one command, in the two forms that cards of T=0 may want it in.

    Args:
        transmit: sends bytes as they are.
        command: with its expected length at the end, if it has one.
    """
    answer, status = transmit(command)
    if status >> 8 == 0x6C:
        # Another length is right; it stands in the second byte.
        end = 5 + command[4] if len(command) > 5 else 4
        answer, status = transmit(command[:end] + bytes([status & 0xFF]))
    # The answer waits; so many bytes of it, and then perhaps more.
    while status >> 8 == 0x61 and len(answer) < _LONGEST_ANSWER:
        more, status = transmit(_GET_RESPONSE + bytes([status & 0xFF]))
        answer += more
    return answer, status


class _Pyscard:
    """The service of the system, asked through pyscard's thin layer.

    Its thick one keeps threads and contexts of its own, which do not survive a
    restart of the service, and cuts a card's power when it is let go.
    """

    def readers(self) -> list[str]:
        with self._context() as (scard, context):
            return self._readers(scard, context)

    def atr_of(self, reader: str) -> bytes | None:
        with self._context() as (scard, context):
            code, states = scard.SCardGetStatusChange(
                context, 0, [(reader, scard.SCARD_STATE_UNAWARE)]
            )
            if code == scard.SCARD_E_UNKNOWN_READER:
                raise TokenAbsent(f"there is no card reader {reader!r}; plug it in")
            if code not in (scard.SCARD_S_SUCCESS, scard.SCARD_E_TIMEOUT):
                raise _failed(scard, code)
            _, state, atr = states[0]
            if not state & scard.SCARD_STATE_PRESENT:
                return None
            return bytes(atr)

    @contextmanager
    def connect(self, reader: str) -> Iterator[Card]:
        scard = _pyscard()
        code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if code != scard.SCARD_S_SUCCESS:
            raise _failed(scard, code)
        held = _Held(scard, context, reader)
        try:
            held.take()
            yield _PcscCard(held)
        finally:
            held.end()

    @staticmethod
    def _readers(scard: Any, context: Any) -> list[str]:
        code, names = scard.SCardListReaders(context, [])
        if code == scard.SCARD_E_NO_READERS_AVAILABLE:
            return []
        if code != scard.SCARD_S_SUCCESS:
            raise _failed(scard, code)
        return [str(name) for name in names]

    @staticmethod
    @contextmanager
    def _context() -> Iterator[tuple[Any, Any]]:
        scard = _pyscard()
        code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if code != scard.SCARD_S_SUCCESS:
            raise _failed(scard, code)
        try:
            yield scard, context
        finally:
            scard.SCardReleaseContext(context)


def _pyscard() -> Any:
    try:
        from smartcard import scard
    except ImportError as error:
        raise PyscardMissing(
            "smart cards need pyscard, which is not installed: "
            "pip install 'gostkey[token]'"
        ) from error
    return scard


class _Held:
    """A connection to a card, and the transaction with it."""

    def __init__(self, scard: Any, context: Any, reader: str) -> None:
        self.scard = scard
        self.reader = reader
        self.handle: Any = None
        self.protocol = 0
        self.atr = b""
        self._context = context
        self._given_up = threading.Event()
        self._paused = False

    def take(self) -> None:
        """Connect to the card and begin a transaction.

        Raises:
            TokenAbsent, TokenBusy, MediumError
        """
        self._in_time(self._take)

    def pause(self) -> None:
        """End the transaction; `renew` begins another."""
        self.scard.SCardEndTransaction(self.handle, self.scard.SCARD_LEAVE_CARD)
        self._paused = True

    def renew(self) -> None:
        """End the transaction, unless it is ended, and begin another."""
        if not self._paused:
            self.pause()
        self._in_time(self._begin)
        self._paused = False

    def end(self) -> None:
        """Let the card go; the thread that still waits for it does so itself."""
        if not self._given_up.is_set():
            self._let_go()

    def _in_time(self, step: Callable[[], int]) -> None:
        """Do what may wait for another program's transaction, but not for ever.

        The service sets no limit, so a thread waits; when nobody wants the card any
        more, it lets it go.
        """
        answer: queue.SimpleQueue[int] = queue.SimpleQueue()
        # Either the answer is taken or it is given up, never both.
        deciding = threading.Lock()

        def wait() -> None:
            code = step()
            with deciding:
                answer.put(code)
                nobody_waits = self._given_up.is_set()
            if nobody_waits:
                self._let_go()

        threading.Thread(target=wait, name="gostkey-pcsc", daemon=True).start()
        try:
            code = answer.get(timeout=LONGEST_WAIT_SECONDS)
        except queue.Empty:
            with deciding:
                if answer.empty():
                    self._given_up.set()
                    code = self.scard.SCARD_E_SHARING_VIOLATION
                else:
                    code = answer.get()
        if code != self.scard.SCARD_S_SUCCESS:
            raise _failed(self.scard, code, self.reader)

    def _take(self) -> int:
        scard = self.scard
        code: int
        code, handle, protocol = scard.SCardConnect(
            self._context, self.reader, scard.SCARD_SHARE_SHARED, self._protocols
        )
        if code != scard.SCARD_S_SUCCESS:
            return code
        self.handle, self.protocol = handle, protocol
        code = self._begin()
        if code == scard.SCARD_S_SUCCESS:
            code, _, _, _, atr = scard.SCardStatus(handle)
            self.atr = bytes(atr)
        return code

    def _begin(self) -> int:
        scard = self.scard
        code: int = scard.SCardBeginTransaction(self.handle)
        if code == scard.SCARD_W_RESET_CARD:
            # Another program reset it: what was known of its state is void, and
            # this is the beginning.
            code, self.protocol = scard.SCardReconnect(
                self.handle,
                scard.SCARD_SHARE_SHARED,
                self._protocols,
                scard.SCARD_LEAVE_CARD,
            )
            if code == scard.SCARD_S_SUCCESS:
                code = scard.SCardBeginTransaction(self.handle)
        return code

    @property
    def _protocols(self) -> int:
        both: int = self.scard.SCARD_PROTOCOL_T0 | self.scard.SCARD_PROTOCOL_T1
        return both

    def _let_go(self) -> None:
        scard = self.scard
        if self.handle is not None and not self._paused:
            # Another disposition would cut the card's power, and every other program
            # would have to log in again.
            scard.SCardEndTransaction(self.handle, scard.SCARD_LEAVE_CARD)
        if self.handle is not None:
            scard.SCardDisconnect(self.handle, scard.SCARD_LEAVE_CARD)
        scard.SCardReleaseContext(self._context)


class _PcscCard:
    def __init__(self, held: _Held) -> None:
        self.reader = held.reader
        self.atr = held.atr
        self._held = held
        scard = held.scard
        self._is_t0 = held.protocol == scard.SCARD_PROTOCOL_T0
        self._header = scard.SCARD_PCI_T0 if self._is_t0 else scard.SCARD_PCI_T1

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        return complete(self._transmit, _as_t0(command) if self._is_t0 else command)

    def pause(self) -> None:
        """End the transaction, so that other programs may use the card."""
        self._held.pause()

    def renew(self) -> None:
        """End the transaction and begin another; the card may have been reset."""
        self._held.renew()

    def _transmit(self, command: bytes) -> tuple[bytes, int]:
        scard = self._held.scard
        code, answer = scard.SCardTransmit(
            self._held.handle, self._header, list(command)
        )
        if code != scard.SCARD_S_SUCCESS:
            raise _failed(scard, code, self.reader)
        if len(answer) < 2:
            # What some readers do when the card is pulled just then.
            kind, text = _GONE
            raise kind(text.format(reader=self.reader))
        return bytes(answer[:-2]), answer[-2] << 8 | answer[-1]


def _as_t0(command: bytes) -> bytes:
    """Give a command the form of T=0: five bytes of header, nothing after the data.

    Source: ISO/IEC 7816-3, 12.2.
    """
    if len(command) == 4:
        return command + b"\0"
    if len(command) > 5 and len(command) == 6 + command[4]:
        return command[:-1]
    return command


def _failed(scard: Any, code: int, reader: str = "") -> MediumError:
    """Say what a code of the service means, and what would help."""
    # pyscard gives some codes as negative numbers.
    name = next(
        (
            name
            for name in _MEANINGS
            if getattr(scard, name, 0) & 0xFFFFFFFF == code & 0xFFFFFFFF
        ),
        "",
    )
    if name:
        kind, text = _MEANINGS[name]
        return kind(text.format(reader=reader))
    reason = scard.SCardGetErrorMessage(code)
    if reader:
        return MediumError(
            f"token in {reader} cannot be used: {reason}; close other programs that "
            "use it, or take it out and put it in again"
        )
    return MediumError(f"the smart card service fails: {reason}; restart pcscd")


_ABSENT = (
    CardServiceAbsent,
    "the smart card service does not answer; install and start pcscd",
)
_DENIED = (
    CardServiceDenied,
    "this user may not talk to the smart card service; let the administrator allow it "
    "(polkit: org.debian.pcsc-lite.access_pcsc and access_card)",
)
_GONE = (
    TokenAbsent,
    "token in {reader} went away while it was used; put it in again and repeat",
)
_NO_CARD = (TokenAbsent, "there is no card in the reader {reader}; put it in")
_BUSY = (
    TokenBusy,
    "token in {reader} is held by another program; close that program and repeat",
)

_MEANINGS: dict[str, tuple[type[MediumError], str]] = {
    "SCARD_E_NO_SERVICE": _ABSENT,
    "SCARD_E_SERVICE_STOPPED": _ABSENT,
    "SCARD_W_SECURITY_VIOLATION": _DENIED,
    "SCARD_E_NO_ACCESS": _DENIED,
    "SCARD_E_UNKNOWN_READER": (
        TokenAbsent,
        "there is no card reader {reader!r}; plug it in and repeat",
    ),
    "SCARD_E_READER_UNAVAILABLE": _GONE,
    "SCARD_E_NO_SMARTCARD": _NO_CARD,
    "SCARD_W_REMOVED_CARD": _GONE,
    "SCARD_W_RESET_CARD": (
        MediumError,
        "token in {reader} was reset by another program while it was used; close that "
        "program and repeat",
    ),
    "SCARD_E_SHARING_VIOLATION": _BUSY,
    "SCARD_W_UNRESPONSIVE_CARD": (
        MediumError,
        "the card in {reader} gives no answer; turn it round, clean its contacts, or "
        "try another port",
    ),
    "SCARD_W_UNPOWERED_CARD": (
        MediumError,
        "the card in {reader} has no power; take it out and put it in again",
    ),
}

_service: Service = _Pyscard()
