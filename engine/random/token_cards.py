"""Random bytes of a smart card: GET CHALLENGE, and the way to the card (PC/SC).

Source of the command: ISO/IEC 7816-4, GET CHALLENGE (00 84 00 00 Le).  This is
the only file of the entropy layer that knows pyscard.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from gostkey.backend import active
from gostkey.errors import HealthFailure, MediumError

__all__ = ["Card", "card_readers", "challenge", "read_card"]

_CHALLENGE = bytes.fromhex("00840000")
_GET_RESPONSE = bytes.fromhex("00C00000")

_LENGTHS = (32, 16, 8)
"""What is asked for in turn: every card that has the command gives 8 bytes."""

_SHORTEST = 8
"""Answers from this length on are never twice the same by chance."""

_DONE = 0x9000
_OTHER_LENGTH = (0x6700, 0x6A80, 0x6A86, 0x6B00)
_NO_SUCH_COMMAND = (0x6A81, 0x6D00, 0x6E00)


class Card(Protocol):
    """A card that takes commands."""

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        """Send a command, return its data and its two status bytes as a number.

        Raises:
            MediumError: if the card is gone.
        """
        ...


def challenge(card: Card, count: int, name: str) -> bytearray:
    """Collect answers to GET CHALLENGE until there are *count* bytes.

    Args:
        card: where to send the command.
        count: how many bytes.
        name: of the reader, for messages.

    Raises:
        MediumError: if the card is gone or offers no such command.
        HealthFailure: if it gives the same answer twice running.
    """
    data = bytearray()
    lengths = list(_LENGTHS)
    before = b""
    try:
        while len(data) < count:
            answer, status = _send(card, _CHALLENGE + bytes([lengths[0]]))
            if status in _OTHER_LENGTH and len(lengths) > 1:
                del lengths[0]
                continue
            _check(name, answer, status)
            if answer == before and len(answer) >= _SHORTEST:
                raise HealthFailure(
                    f"random source 'token {name}' gave the same {len(answer)} bytes "
                    "twice running"
                )
            before = answer
            data += answer[: count - len(data)]
    except BaseException:
        active.generators.wipe(data)
        raise
    return data


def _check(name: str, answer: bytes, status: int) -> None:
    if status in _NO_SUCH_COMMAND or status in _OTHER_LENGTH:
        raise MediumError(
            f"token {name} offers no random bytes (GET CHALLENGE: {status:04X}); "
            "use another source"
        )
    if status != _DONE:
        raise MediumError(
            f"token {name} refused GET CHALLENGE ({status:04X}); take it out, put it "
            "in again and repeat"
        )
    if not answer:
        raise MediumError(
            f"token {name} answered GET CHALLENGE with no bytes; use another source"
        )


def _send(card: Card, command: bytes) -> tuple[bytes, int]:
    """Send one command, in the two forms that cards of T=0 may want it in."""
    answer, status = card.transmit(command)
    if status >> 8 == 0x6C:
        # Another length is right; it stands in the second byte.
        answer, status = card.transmit(command[:-1] + bytes([status & 0xFF]))
    if status >> 8 == 0x61:
        # The answer waits; so many bytes of it.
        answer, status = card.transmit(_GET_RESPONSE + bytes([status & 0xFF]))
    return answer, status


def card_readers() -> list[str]:
    """Return the names of readers with a card in them.

    Raises:
        MediumError: if pyscard is not installed or pcscd does not run.
    """
    smartcard = _pyscard()
    return [
        str(reader) for reader in _readers(smartcard) if _has_card(smartcard, reader)
    ]


def read_card(name: str, count: int) -> bytearray:
    """Return *count* bytes of the card in the reader of that name.

    No PIN is asked for, the card is not reset, and no other program gets in
    between: it might be in the middle of a login that needs a challenge itself.

    Raises:
        MediumError: if there is no such card, or it goes away.
        HealthFailure: if it gives the same bytes twice running.
    """
    smartcard = _pyscard()
    for reader in _readers(smartcard):
        if str(reader) == name:
            with _connected(smartcard, reader) as card:
                return challenge(card, count, name)
    raise MediumError(f"there is no card reader {name!r}; plug it in and repeat")


def _pyscard() -> Any:
    try:
        import smartcard
        import smartcard.Exceptions
        import smartcard.ExclusiveTransmitCardConnection
        import smartcard.pcsc.PCSCExceptions
        import smartcard.scard
        import smartcard.System
    except ImportError as error:
        raise MediumError(
            "smart cards need pyscard, which is not installed: "
            "pip install 'gostkey[token]'"
        ) from error
    return smartcard


def _readers(smartcard: Any) -> list[Any]:
    try:
        return list(smartcard.System.readers())
    except smartcard.pcsc.PCSCExceptions.BaseSCardException as error:
        raise MediumError(
            "the smart card service does not answer; install and start pcscd"
        ) from error


def _has_card(smartcard: Any, reader: Any) -> bool:
    connection = reader.createConnection()
    try:
        connection.connect(disposition=smartcard.scard.SCARD_LEAVE_CARD)
    except smartcard.Exceptions.NoCardException:
        return False
    except smartcard.Exceptions.CardConnectionException:
        # There is one, but another program has it; told when it is asked.
        return True
    finally:
        connection.release()
    return True


@contextmanager
def _connected(smartcard: Any, reader: Any) -> Iterator[Card]:
    exceptions = smartcard.Exceptions
    exclusive = smartcard.ExclusiveTransmitCardConnection
    connection = reader.createConnection()
    try:
        # Without this disposition pyscard cuts the card's power at the end,
        # and every other program would have to log in again.
        connection.connect(disposition=smartcard.scard.SCARD_LEAVE_CARD)
        transaction = exclusive.ExclusiveTransmitCardConnection(connection)
        transaction.lock()
        try:
            yield _PcscCard(connection, exceptions, str(reader))
        finally:
            with suppress(exceptions.CardConnectionException):
                transaction.unlock()
    except exceptions.NoCardException as error:
        raise MediumError(f"there is no card in the reader {reader}") from error
    except exceptions.CardConnectionException as error:
        raise MediumError(
            f"token {reader} cannot be used: {error}; close other programs that use "
            "it, or take it out and put it in again"
        ) from error
    finally:
        with suppress(exceptions.CardConnectionException):
            connection.release()


class _PcscCard:
    def __init__(self, connection: Any, exceptions: Any, name: str) -> None:
        self._connection = connection
        self._exceptions = exceptions
        self._name = name

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        try:
            answer, first, second = self._connection.transmit(list(command))
        except self._exceptions.SmartcardException as error:
            raise MediumError(
                f"token {self._name} went away while it was read; put it in again and "
                "repeat"
            ) from error
        return bytes(answer), first << 8 | second
